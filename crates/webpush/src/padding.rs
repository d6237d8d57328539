//! How far a cleartext is padded before it is encrypted (RFC 8291 §4), so that its length says little about it.

use std::num::NonZeroU16;

/// A padding policy. The padded length never exceeds [`CLEARTEXT_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// None: the length of the cleartext shows.
    None,
    /// Up to the next multiple of this many bytes.
    ToMultipleOf(NonZeroU16),
}

impl Padding {
    /// Up to the next multiple of 128 bytes: 32 lengths are all that a push service can tell apart.
    pub const TO_128: Self = Self::ToMultipleOf(NonZeroU16::new(128).expect("128 is not zero"));

    /// The length that a cleartext of `length` bytes is padded to. An empty one is padded too. What is longer than
    /// [`CLEARTEXT_BYTES_MAX`] stays as it is; encrypting it will fail.
    #[must_use]
    pub fn padded_length(self, length: usize) -> usize {
        match self {
            Self::None => length,
            Self::ToMultipleOf(step) => {
                let step = usize::from(step.get());
                length.max(1).div_ceil(step).saturating_mul(step).min(CLEARTEXT_BYTES_MAX).max(length)
            }
        }
    }
}

/// The longest cleartext that fits the 4096 bytes which every push service takes (RFC 8030 §7.2, RFC 8291 §4): less
/// 86 bytes of header, one delimiter and 16 bytes of authentication tag.
pub const CLEARTEXT_BYTES_MAX: usize = 3993;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_rounded_up_and_never_past_the_maximum() {
        let step = |bytes| Padding::ToMultipleOf(NonZeroU16::new(bytes).expect("not zero"));
        let cases = [
            (Padding::TO_128, 0, 128),
            (Padding::TO_128, 1, 128),
            (Padding::TO_128, 128, 128),
            (Padding::TO_128, 129, 256),
            (Padding::TO_128, 3968, 3968),
            (Padding::TO_128, 3969, 3993),
            (Padding::TO_128, 3993, 3993),
            (Padding::TO_128, 3994, 3994),
            (step(u16::MAX), 1, 3993),
            (step(1), 77, 77),
            (Padding::TO_128, usize::MAX, usize::MAX),
            (Padding::None, 41, 41),
        ];
        for (policy, length, expected) in cases {
            assert_eq!(policy.padded_length(length), expected, "{policy:?} {length}");
        }
    }
}
