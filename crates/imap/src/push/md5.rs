//! MD5 (RFC 1321), because that is how a push of Apple's names a mailbox. Nothing here depends on its strength.

/// The digest of `message` in lower-case hexadecimal digits.
pub(super) fn hex_digest(message: &[u8]) -> String {
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    // RFC 1321 §3.1 and §3.2: a one, zeros, and the length in bits.
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(64), 0);
    if padded.len() - message.len() < 9 {
        padded.resize(padded.len() + 64, 0);
    }
    let bits = (message.len() as u64).wrapping_mul(8).to_le_bytes();
    let end = padded.len() - bits.len();
    if let Some(length) = padded.get_mut(end..) {
        length.copy_from_slice(&bits);
    }
    for block in padded.as_chunks::<64>().0 {
        mix(&mut state, block);
    }
    state.iter().flat_map(|word| word.to_le_bytes()).map(|byte| format!("{byte:02x}")).collect()
}

// RFC 1321 §3.4
fn mix(state: &mut [u32; 4], block: &[u8; 64]) {
    let words: Vec<u32> = block.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let [mut a, mut b, mut c, mut d] = *state;
    for step in 0..64_usize {
        let (function, place) = match step / 16 {
            0 => ((b & c) | (!b & d), step),
            1 => ((d & b) | (!d & c), 5 * step + 1),
            2 => (b ^ c ^ d, 3 * step + 5),
            _ => (c ^ (b | !d), 7 * step),
        };
        let word = words.get(place % 16).copied().unwrap_or_default();
        let sum = a.wrapping_add(function).wrapping_add(word).wrapping_add(sine(step));
        (a, d, c) = (d, c, b);
        b = b.wrapping_add(sum.rotate_left(shift(step)));
    }
    for (word, mixed) in state.iter_mut().zip([a, b, c, d]) {
        *word = word.wrapping_add(mixed);
    }
}

/// The whole part of 2^32 times the absolute sine of `step + 1`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 2^32 by definition"
)]
#[expect(clippy::cast_precision_loss, reason = "at most 64")]
fn sine(step: usize) -> u32 {
    (((step + 1) as f64).sin().abs() * 4_294_967_296.0) as u32
}

fn shift(step: usize) -> u32 {
    const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    SHIFTS.get(step / 16).and_then(|round| round.get(step % 4)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::hex_digest;

    // RFC 1321 §A.5
    #[test]
    fn the_test_suite_of_the_rfc_holds() {
        let cases = [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
            (
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                "d174ab98d277d9f5a5611c2c9f419d9f",
            ),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a",
            ),
        ];
        for (message, digest) in cases {
            assert_eq!(hex_digest(message.as_bytes()), digest, "{message}");
        }
    }
}
