//! The content coding `aes128gcm` (RFC 8188): a header, then records that are encrypted one by one.
//!
//! It knows nothing of Web Push: whoever calls it has the input keying material already ([`crate::message`] derives it).
//! The whole body is in memory; there is no streaming.
//!
//! Invariants: what is decrypted is complete (the last record is marked as such and nothing follows it) and in order
//! (the number of a record is part of its nonce). Derived keys are wiped after use.

#[cfg(test)]
mod tests;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt as HkdfSalt};
use zeroize::Zeroizing;

/// Why a body could not be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The record size is below [`RECORD_BYTES_MIN`].
    #[error("record size too small")]
    RecordSize,
    /// The key id is longer than 255 bytes.
    #[error("key id too long")]
    KeyId,
    /// There is no record, one does not fit the record size, or one before the last does not fill it.
    #[error("the records do not match the record size")]
    Records,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Library,
}

/// Why a body could not be decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The header is cut short, or its record size is below [`RECORD_BYTES_MIN`].
    #[error("malformed header")]
    Header,
    /// The body ends before the record that is marked as the last one, or inside a record.
    #[error("truncated")]
    Truncated,
    /// A record was not encrypted with this key, at this place, or was changed.
    #[error("authentication failed")]
    Authentication,
    /// A record has no delimiter, or one that does not match its place.
    #[error("wrong delimiter")]
    Delimiter,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Library,
}

/// The header of an encrypted body (RFC 8188 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// The salt, unique for each body encrypted with the same keying material.
    pub salt: [u8; SALT_BYTES],
    /// The length of every record but the last one, in encrypted form; at least [`RECORD_BYTES_MIN`].
    pub record_size: u32,
    /// What identifies the keying material; at most 255 bytes.
    pub key_id: &'a [u8],
}

impl<'a> Header<'a> {
    /// Splits a body into its header and its records.
    ///
    /// # Errors
    /// [`DecodeError::Header`].
    pub fn parse(body: &'a [u8]) -> Result<(Self, &'a [u8]), DecodeError> {
        let (salt, rest) = body.split_first_chunk::<SALT_BYTES>().ok_or(DecodeError::Header)?;
        let (record_size, rest) = rest.split_first_chunk::<4>().ok_or(DecodeError::Header)?;
        let (key_id_length, rest) = rest.split_first().ok_or(DecodeError::Header)?;
        let (key_id, records) =
            rest.split_at_checked(usize::from(*key_id_length)).ok_or(DecodeError::Header)?;
        let record_size = u32::from_be_bytes(*record_size);
        if record_size < RECORD_BYTES_MIN {
            return Err(DecodeError::Header);
        }
        Ok((Self { salt: *salt, record_size, key_id }, records))
    }

    /// Length of the header in bytes.
    fn length(&self) -> usize {
        SALT_BYTES + 4 + 1 + self.key_id.len()
    }

    fn write(&self, body: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.record_size < RECORD_BYTES_MIN {
            return Err(EncodeError::RecordSize);
        }
        let key_id_length = u8::try_from(self.key_id.len()).map_err(|_| EncodeError::KeyId)?;
        body.extend_from_slice(&self.salt);
        body.extend_from_slice(&self.record_size.to_be_bytes());
        body.push(key_id_length);
        body.extend_from_slice(self.key_id);
        Ok(())
    }
}

/// What goes into one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The data.
    pub data: &'a [u8],
    /// How many zero bytes of padding follow the delimiter.
    pub padding: usize,
}

impl Record<'_> {
    /// Length of the encrypted record.
    fn length(&self) -> usize {
        self.data.len().saturating_add(self.padding).saturating_add(RECORD_OVERHEAD)
    }
}

/// Encrypts `records` with `keying_material` behind `header`.
///
/// # Errors
/// [`EncodeError`]. Every record but the last must fill the header's record size, the last must fit it.
pub fn encrypt(
    keying_material: &[u8],
    header: &Header<'_>,
    records: &[Record<'_>],
) -> Result<Vec<u8>, EncodeError> {
    let record_size = usize::try_from(header.record_size).map_err(|_| EncodeError::RecordSize)?;
    let (last, full) = records.split_last().ok_or(EncodeError::Records)?;
    if last.length() > record_size || full.iter().any(|record| record.length() != record_size) {
        return Err(EncodeError::Records);
    }
    let mut body = Vec::with_capacity(header.length() + full.len() * record_size + last.length());
    header.write(&mut body)?;
    let cipher = Cipher::derive(keying_material, &header.salt).ok_or(EncodeError::Library)?;
    for (number, record) in (0_u64..).zip(records) {
        let delimiter = if number == full.len() as u64 { LAST } else { NOT_LAST };
        let start = body.len();
        body.extend_from_slice(record.data);
        body.push(delimiter);
        body.resize(body.len() + record.padding, 0);
        let clear = body.get_mut(start..).ok_or(EncodeError::Library)?;
        let tag = cipher
            .key
            .seal_in_place_separate_tag(cipher.nonce(number), Aad::empty(), clear)
            .map_err(|_| EncodeError::Library)?;
        body.extend_from_slice(tag.as_ref());
    }
    Ok(body)
}

/// Decrypts the `records` that [`Header::parse`] has split off, whatever their size and number.
///
/// # Errors
/// [`DecodeError`]; nothing is returned of a body that is not whole.
pub fn decrypt(
    keying_material: &[u8],
    header: &Header<'_>,
    records: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
    let record_size = usize::try_from(header.record_size).map_err(|_| DecodeError::Header)?;
    let cipher = Cipher::derive(keying_material, &header.salt).ok_or(DecodeError::Library)?;
    let mut clear = Zeroizing::new(Vec::with_capacity(records.len()));
    let mut rest = records;
    for number in 0_u64.. {
        let (record, after) = rest.split_at_checked(record_size).unwrap_or((rest, &[]));
        if record.len() < RECORD_OVERHEAD {
            return Err(DecodeError::Truncated);
        }
        let start = clear.len();
        clear.extend_from_slice(record);
        let sealed = clear.get_mut(start..).ok_or(DecodeError::Library)?;
        let opened = cipher
            .key
            .open_in_place(cipher.nonce(number), Aad::empty(), sealed)
            .map_err(|_| DecodeError::Authentication)?;
        // RFC 8188 §2: padding is what follows the last byte that is not zero, and that byte is the delimiter.
        let end = opened.iter().rposition(|byte| *byte != 0).ok_or(DecodeError::Delimiter)?;
        let delimiter = opened.get(end).copied();
        clear.truncate(start + end);
        match delimiter {
            Some(LAST) if after.is_empty() => return Ok(clear),
            Some(NOT_LAST) if !after.is_empty() => rest = after,
            // The last record is missing: an attacker can cut a body at a record.
            Some(NOT_LAST) => return Err(DecodeError::Truncated),
            _ => return Err(DecodeError::Delimiter),
        }
    }
    Err(DecodeError::Truncated)
}

/// Key and nonce base of one body.
struct Cipher {
    key: LessSafeKey,
    nonce: [u8; NONCE_LEN],
}

impl Cipher {
    fn derive(keying_material: &[u8], salt: &[u8; SALT_BYTES]) -> Option<Self> {
        let secret = HkdfSalt::new(HKDF_SHA256, salt).extract(keying_material);
        // RFC 8188 §2.2.
        let key: Zeroizing<[u8; 16]> = expand(&secret, &[b"Content-Encoding: aes128gcm\0"])?;
        // RFC 8188 §2.3.
        let nonce: Zeroizing<[u8; NONCE_LEN]> = expand(&secret, &[b"Content-Encoding: nonce\0"])?;
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key.as_slice()).ok()?);
        Some(Self { key, nonce: *nonce })
    }

    /// RFC 8188 §2.3: the number of the record, as 96 bits, is added bit by bit.
    fn nonce(&self, number: u64) -> Nonce {
        let number = u128::from(number).to_be_bytes();
        let mut nonce = self.nonce;
        for (byte, add) in nonce.iter_mut().zip(number.iter().skip(number.len() - NONCE_LEN)) {
            *byte ^= add;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

/// HKDF-Expand to `N` bytes (RFC 5869 §2.3); `None` when the library fails.
pub(crate) fn expand<const N: usize>(secret: &Prk, info: &[&[u8]]) -> Option<Zeroizing<[u8; N]>> {
    let mut output = Zeroizing::new([0; N]);
    secret.expand(info, Bytes(N)).ok()?.fill(output.as_mut_slice()).ok()?;
    Some(output)
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// Length of the salt.
pub const SALT_BYTES: usize = 16;

/// RFC 8188 §2: the smallest record holds the delimiter, the tag and at least one byte of data.
pub const RECORD_BYTES_MIN: u32 = 18;

/// Delimiter and authentication tag.
pub(crate) const RECORD_OVERHEAD: usize = 17;

const NOT_LAST: u8 = 1;
const LAST: u8 = 2;
