//! Base64url as the push standards write it: no padding, no line breaks, canonical (RFC 7515 §2, RFC 4648 §5).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// The text form of `bytes`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of `text`, or `None` when it has padding, foreign characters or bits that encode nothing.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// As [`decode`], but exactly `N` bytes, wiped when dropped.
pub(crate) fn decode_exact<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    // Checked before decoding, so that a hostile length costs nothing.
    if text.len() > N.div_ceil(3) * 4 {
        return None;
    }
    let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    <[u8; N]>::try_from(decoded.as_slice()).ok().map(Zeroizing::new)
}
