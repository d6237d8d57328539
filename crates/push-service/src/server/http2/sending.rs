//! Bytes into a stream, as far as the peer takes them.
//!
//! What is more than a few bytes waits for the stream's window first and for a place among the connection's [`Unsent`]
//! bytes then, a piece at a time. So a stream that is not read takes no place from one that is.

use std::future::poll_fn;
use std::task::{Poll, ready};

use bytes::Bytes;
use h2::SendStream;

use crate::http::delivery::promise::{Chunk, Unsent};

/// The peer does not want the rest.
#[derive(Debug)]
pub(super) struct Abandoned;

/// Sends `bytes`; the stream goes on.
pub(super) async fn send_part(
    stream: &mut SendStream<Chunk>,
    mut bytes: Bytes,
    unsent: &Unsent,
) -> Result<(), Abandoned> {
    while !bytes.is_empty() {
        let room = window(stream, bytes.len().min(PIECE_BYTES)).await?;
        let piece = bytes.split_to(bytes.len().min(room));
        let chunk = tokio::select! {
            biased;
            _ = poll_fn(|context| stream.poll_reset(context)) => return Err(Abandoned),
            chunk = unsent.hold(piece, 0) => chunk,
        };
        stream.send_data(chunk, false).map_err(|_| Abandoned)?;
    }
    Ok(())
}

/// Sends `bytes` and ends the stream.
pub(super) async fn send_all(
    stream: &mut SendStream<Chunk>,
    bytes: Bytes,
    unsent: &Unsent,
) -> Result<(), Abandoned> {
    if bytes.len() <= FREE_BYTES_MAX {
        return stream.send_data(Chunk::free(bytes), true).map_err(|_| Abandoned);
    }
    send_part(stream, bytes, unsent).await?;
    end(stream)
}

/// Ends the stream.
pub(super) fn end(stream: &mut SendStream<Chunk>) -> Result<(), Abandoned> {
    stream.send_data(Chunk::free(Bytes::new()), true).map_err(|_| Abandoned)
}

/// Waits until the peer would take something; at most `wanted` bytes. Cancel-safe.
async fn window(stream: &mut SendStream<Chunk>, wanted: usize) -> Result<usize, Abandoned> {
    stream.reserve_capacity(wanted);
    poll_fn(|context| {
        loop {
            if stream.poll_reset(context).is_ready() {
                return Poll::Ready(Err(Abandoned));
            }
            let room = stream.capacity().min(wanted);
            if room > 0 {
                return Poll::Ready(Ok(room));
            }
            // It tells of each increase once, so it is asked only when there is none left.
            match ready!(stream.poll_capacity(context)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(Err(Abandoned)),
            }
        }
    })
    .await
}

/// Answers of this size need no place: there is one for each of the connection's streams at most.
const FREE_BYTES_MAX: usize = 512;
/// What a stream may have on its way at once beside what the others have.
const PIECE_BYTES: usize = 16 << 10;
