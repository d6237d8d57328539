//! Int and UnsignedInt (RFC 8620 §1.3): whole numbers that a double can hold.

use serde::{Deserialize, Deserializer, de::Error as _};

/// `-2^53+1 <= value <= 2^53-1`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Int(pub i64);

/// `0 <= value <= 2^53-1`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnsignedInt(pub u64);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = i64::deserialize(deserializer)?;
        if value.unsigned_abs() > MAX { Err(D::Error::custom("beyond 2^53")) } else { Ok(Self(value)) }
    }
}

impl<'de> Deserialize<'de> for UnsignedInt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = u64::deserialize(deserializer)?;
        if value > MAX { Err(D::Error::custom("beyond 2^53")) } else { Ok(Self(value)) }
    }
}

const MAX: u64 = (1 << 53) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_and_within_2_to_the_53() {
        let int = |text: &str| serde_json::from_str::<Int>(text).ok().map(|int| int.0);
        let unsigned = |text: &str| serde_json::from_str::<UnsignedInt>(text).ok().map(|int| int.0);
        assert_eq!(
            (int("-9007199254740991"), int("-9007199254740992")),
            (Some(-9_007_199_254_740_991), None)
        );
        assert_eq!((unsigned("9007199254740991"), unsigned("9007199254740992")), (Some(MAX), None));
        for text in ["-1", "1.5", "\"1\"", "null", "1e300", "18446744073709551616"] {
            assert_eq!(unsigned(text), None, "{text}");
        }
    }
}
