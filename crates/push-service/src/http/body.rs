//! Reading a message body with its limits enforced while it comes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;

use super::reply::Refusal;

/// Reads the whole body; over `bytes_max` it stops at once, and so it does when the body takes too long.
pub(super) async fn read<B>(body: B, bytes_max: usize, time_max: Duration) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    // What is announced as too large need not be waited for.
    let announced = body.size_hint().lower();
    if announced > u64::try_from(bytes_max).unwrap_or(u64::MAX) {
        return Err(Refusal::TooLarge);
    }
    let collected = tokio::time::timeout(time_max, collect(body, bytes_max)).await;
    collected.unwrap_or(Err(Refusal::BodyTimeout))
}

async fn collect<B>(mut body: B, bytes_max: usize) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::BodyBroken)?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + whole.len() + data.len() > bytes_max {
            return Err(Refusal::TooLarge);
        }
        if whole.is_empty() && first.is_empty() {
            // Most bodies come in one piece, which then need not be copied.
            first = data;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}
