//! A stretch of a message as octets, for a command that does not answer with it (RFC 4469 §3).

use bytes::{Bytes, BytesMut};
use message::Structure;
use store::{Access, MessageRow, Store};

use super::content::{self, Content};
use super::damaged;
use super::pieces::Pieces;
use crate::reply::Failure;
use crate::wire::fetch::{FetchItem, FetchSection};

/// Why there is none.
pub(crate) enum NoStretch {
    /// The message has no such part or section, or is gone.
    Nowhere,
    /// It is longer than it may be.
    TooLong,
}

/// The octets that a section names, of a message whose row has its structure.
pub(crate) async fn stretch(
    (store, access): (&Store, &Access),
    row: &MessageRow,
    section: &FetchSection,
    bytes_max: u64,
) -> Result<Result<Bytes, NoStretch>, Failure> {
    let structure = Structure::decode(&row.structure).map_err(damaged)?;
    let item = FetchItem::Section(section.clone());
    let start = content::start(&item, &structure).unwrap_or_default();
    let mut pieces = match Pieces::open(store, access, row.entry.message, start).await {
        Ok(pieces) => pieces,
        Err(store::Error::NotFound(_)) => return Ok(Err(NoStretch::Nowhere)),
        Err(error) => return Err(error.into()),
    };
    let Content::Ranges(ranges) = Content::of(&item, &structure, &mut pieces).await? else {
        return Ok(Err(NoStretch::Nowhere));
    };
    let length: usize = ranges.iter().map(ExactSizeIterator::len).sum();
    if length as u64 > bytes_max {
        return Ok(Err(NoStretch::TooLong));
    }
    let mut octets = BytesMut::with_capacity(length);
    for range in ranges {
        octets.extend_from_slice(&pieces.all_of(range).await?);
    }
    Ok(Ok(octets.freeze()))
}
