use super::*;

fn packed(bytes: &[u8]) -> BytesMut {
    let mut side = Deflated::new(BytesMut::new());
    side.deflate(&mut BytesMut::from(bytes)).unwrap();
    side.packed_output
}

fn inflated(side: &mut Deflated) -> Vec<u8> {
    let mut all = BytesMut::new();
    while side.inflate(&mut all).unwrap() {}
    all.to_vec()
}

#[test]
fn what_one_side_deflates_the_other_inflates_however_it_is_cut() {
    let texts: Vec<Vec<u8>> =
        (0..50_u32).map(|n| format!("* {n} EXISTS\r\n").repeat(700).into_bytes()).collect();
    let mut writer = Deflated::new(BytesMut::new());
    let mut reader = Deflated::new(BytesMut::new());
    for (number, text) in texts.iter().enumerate() {
        writer.deflate(&mut BytesMut::from(&text[..])).unwrap();
        let mut came = Vec::new();
        for piece in writer.packed_output.split().chunks(1 + number % 7 * 100) {
            reader.packed_input.extend_from_slice(piece);
            came.extend(inflated(&mut reader));
        }
        assert_eq!(&came, text, "every byte is there before the next answer");
        if number % 3 == 0 {
            // As if the connection had waited for long.
            writer.release();
            reader.release();
        }
    }
}

#[test]
fn a_bomb_is_inflated_a_piece_at_a_time() {
    let bomb = packed(&vec![b'x'; 10 << 20]);
    assert!(bomb.len() < 100 << 10, "{} bytes", bomb.len());
    let mut side = Deflated::new(bomb);
    let mut input = BytesMut::new();
    assert!(side.inflate(&mut input).unwrap());
    assert!(input.len() <= INFLATE_BYTES_MAX);
}

#[test]
fn what_is_not_deflate_ends_the_connection() {
    for bytes in [&b"a NOOP\r\nb NOOP\r\n"[..], &[0xff; 40]] {
        let mut side = Deflated::new(BytesMut::from(bytes));
        let mut input = BytesMut::new();
        let ended = (0..10).find_map(|_| side.inflate(&mut input).err());
        assert!(ended.is_some(), "{bytes:?}");
    }
    // RFC 1951 §3.2.3: a last block, with nothing in it.
    let mut ended = Deflated::new(BytesMut::from(&[0x03, 0x00][..]));
    let error = ended.inflate(&mut BytesMut::new()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}
