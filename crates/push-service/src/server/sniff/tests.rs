use super::*;

fn http2(settings: &[(u16, u32)]) -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    let length = u8::try_from(settings.len() * SETTING_BYTES).unwrap();
    bytes.extend([0, 0, length, SETTINGS, 0, 0, 0, 0, 0]);
    for (name, value) in settings {
        bytes.extend(name.to_be_bytes());
        bytes.extend(value.to_be_bytes());
    }
    bytes
}

// RFC 9113 §3.4, §6.5.2
#[test]
fn the_first_bytes_say_what_is_spoken() {
    let allowed = Some(Spoken::Http2(ServerPush::Allowed));
    let disabled = Some(Spoken::Http2(ServerPush::Disabled));
    let mut unusual = PREFACE.to_vec();
    unusual.extend([0, 0, 8, 6, 0, 0, 0, 0, 0]);
    let mut long = PREFACE.to_vec();
    long.extend([0, 64, 0, SETTINGS, 0, 0, 0, 0, 0]);
    let cases: [(&str, Vec<u8>, Option<Spoken>); 10] = [
        ("nothing", vec![], None),
        ("a request", b"GET / HTTP/1.1\r\n".to_vec(), Some(Spoken::Http1)),
        ("a request that begins as the preface does", b"PRIVATE / HTTP/1.1".to_vec(), Some(Spoken::Http1)),
        ("no settings", http2(&[]), allowed),
        ("others", http2(&[(1, 0), (4, 0), (3, 100)]), allowed),
        ("push allowed", http2(&[(2, 1)]), allowed),
        ("push disabled", http2(&[(3, 100), (2, 0), (4, 65_535)]), disabled),
        ("no streams for us", http2(&[(3, 0)]), disabled),
        ("another frame first", unusual, allowed),
        ("more settings than anybody has", long, allowed),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(judge(&bytes), expected, "{name}");
        // Whatever arrives in pieces is judged as the whole is, or not yet.
        for length in 0..bytes.len() {
            let early = judge(&bytes[..length]);
            assert!(early.is_none() || early == expected, "{name}, {length} bytes");
        }
    }
}

#[tokio::test]
async fn what_was_read_comes_first() {
    let bytes = http2(&[(2, 0)]);
    let (mut peer, ours) = tokio::io::duplex(8);
    let sent = bytes.clone();
    let sending = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        peer.write_all(&sent).await.unwrap();
        peer.write_all(b"and more").await.unwrap();
    });
    let (spoken, mut stream) = sniff(ours).await.unwrap().unwrap();
    assert_eq!(spoken, Spoken::Http2(ServerPush::Disabled));
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    sending.await.unwrap();
    assert_eq!(all, [bytes.as_slice(), b"and more"].concat());
}
