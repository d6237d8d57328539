//! Channel bindings: what is the same at both ends of a TLS connection and at no other (RFC 5056).
//!
//! Not `tls-unique` (RFC 5929 §3): TLS 1.3 has none, and in TLS 1.2 it is safe with an extension only.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;

/// The bindings of one connection; none of them without TLS.
#[derive(Clone, Default)]
pub struct Bindings {
    /// RFC 9266 §2: 32 bytes exported with the label [`Bindings::EXPORTER_LABEL`] and an empty context. Of TLS 1.3 only:
    /// before, the peers may disagree on whether the context is empty or absent.
    pub tls_exporter: Option<[u8; 32]>,
    /// RFC 5929 §4: the hash of the server's certificate; see [`server_end_point`].
    pub tls_server_end_point: Option<Arc<[u8]>>,
}

impl fmt::Debug for Bindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bindings")
            .field("tls_exporter", &self.tls_exporter.is_some())
            .field("tls_server_end_point", &self.tls_server_end_point.is_some())
            .finish()
    }
}

impl Bindings {
    // RFC 9266 §2.
    /// What `tls-exporter` is exported with.
    pub const EXPORTER_LABEL: &'static [u8] = b"EXPORTER-Channel-Binding";

    /// Whether there is anything to bind to.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tls_exporter.is_none() && self.tls_server_end_point.is_none()
    }

    /// The data of a type by its registered name.
    #[must_use]
    pub fn data(&self, name: &str) -> Option<&[u8]> {
        match name {
            "tls-exporter" => self.tls_exporter.as_ref().map(<[u8; 32]>::as_slice),
            "tls-server-end-point" => self.tls_server_end_point.as_deref(),
            _ => None,
        }
    }
}

// RFC 5929 §4.1: the hash is the one of the certificate's signature, but SHA-256 where that would be MD5 or SHA-1.
/// The `tls-server-end-point` of a certificate in DER; `None` if its signature has no one hash (Ed25519), for which
/// the RFC defines none.
#[must_use]
pub fn server_end_point(certificate: &[u8]) -> Option<Arc<[u8]>> {
    // Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { OID, parameters }, signature }
    let (whole, _) = element(certificate)?;
    let (_, after_tbs) = element(whole)?;
    let (algorithm, _) = element(after_tbs)?;
    let (oid, parameters) = element(algorithm)?;
    let hash = match oid {
        [rsa @ .., last] if rsa == RSA => match last {
            4 | 5 | 11 => &digest::SHA256,
            12 => &digest::SHA384,
            13 => &digest::SHA512,
            10 => hash_named_in(parameters)?,
            _ => return None,
        },
        [ecdsa @ .., last] if ecdsa == ECDSA_SHA2 => match last {
            2 => &digest::SHA256,
            3 => &digest::SHA384,
            4 => &digest::SHA512,
            _ => return None,
        },
        ecdsa_sha1 if ecdsa_sha1 == ECDSA_SHA1 => &digest::SHA256,
        _ => return None,
    };
    Some(Arc::from(digest::digest(hash, certificate).as_ref()))
}

/// The content of the first element of DER, and what follows it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        short @ 0..=127 => (usize::from(*short), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 127))?;
            // Certificates of 16 MiB and more are none.
            if digits.len() > 3 {
                return None;
            }
            (digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit)), rest)
        }
    };
    rest.split_at_checked(length)
}

/// The hash of RSASSA-PSS-params, whose first field it is; SHA-1 if it names none.
fn hash_named_in(parameters: &[u8]) -> Option<&'static digest::Algorithm> {
    let at = parameters.windows(SHA2.len() + 1).find(|window| window.starts_with(SHA2));
    match at.and_then(<[u8]>::last) {
        None | Some(1) => Some(&digest::SHA256),
        Some(2) => Some(&digest::SHA384),
        Some(3) => Some(&digest::SHA512),
        Some(_) => None,
    }
}

/// 1.2.840.113549.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1];
/// 1.2.840.10045.4.3
const ECDSA_SHA2: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3];
/// 1.2.840.10045.4.1
const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
/// 2.16.840.1.101.3.4.2
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2];

#[cfg(test)]
mod tests;
