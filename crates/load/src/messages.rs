//! Messages for load: ordinary headers, a text body, exactly as long as asked.

use std::fmt::Write as _;

/// A message of exactly `bytes` bytes (1,024 at least), different for each number, with CRLF line ends and no line that starts with a dot.
#[must_use]
pub fn message(number: u64, bytes: usize) -> Vec<u8> {
    let mut text = format!(
        "Received: from mx.load.invalid (mx.load.invalid [192.0.2.7])\r\n\tby load.invalid with LMTP id {number:016x};\r\n\
         \tSun, 22 Nov 2026 12:00:00 +0000\r\n\
         From: \"Sender Number {number}\" <sender{number}@load.invalid>\r\nTo: Load <load@load.invalid>\r\n\
         Cc: \"Another, Reader\" <another@load.invalid>, third@load.invalid\r\n\
         Subject: Message number {number} of a measured run\r\nDate: Sun, 22 Nov 2026 12:00:00 +0000\r\n\
         Message-ID: <{number}.load@load.invalid>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n"
    );
    let mut line = 0_u64;
    while text.len() < bytes.saturating_sub(LINE_BYTES_MAX) {
        // Lines that differ, so that neither store nor disk gains from repetition.
        let _ = write!(
            text,
            "line {line} {:016x} of message {number}, as people write them\r\n",
            mix(number, line)
        );
        line = line.wrapping_add(1);
    }
    let rest = bytes.saturating_sub(text.len()).saturating_sub(2);
    text.extend(std::iter::repeat_n('x', rest));
    text.push_str("\r\n");
    text.into_bytes()
}

/// SplitMix64.
fn mix(seed: u64, step: u64) -> u64 {
    let mut z = seed.wrapping_add(step.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

const LINE_BYTES_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::message;

    #[test]
    fn a_message_is_as_long_as_asked_and_unlike_the_next() {
        for bytes in [1024, 4096, 100_000] {
            assert_eq!(message(7, bytes).len(), bytes);
        }
        assert_ne!(message(1, 4096), message(2, 4096));
    }
}
