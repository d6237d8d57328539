//! The body of an HTTP/2 request, as `http_body` has it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use hyper::body::{Body, Frame, SizeHint};

/// A body that opens its flow control window as it is read.
pub(super) struct RequestBody {
    stream: RecvStream,
    /// What the head says of its length and has not come yet, if it says anything. h2 ends what does not keep to it.
    announced: Option<u64>,
}

impl RequestBody {
    pub(super) fn new(fields: &HeaderMap, stream: RecvStream) -> Self {
        let length = fields.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        Self { stream, announced: length }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        match ready!(self.stream.poll_data(context)) {
            Some(Ok(data)) => {
                // RFC 9113 §5.2: fails only for more than was received.
                let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
                self.announced = self.announced.map(|announced| announced.saturating_sub(length));
                let released = self.stream.flow_control().release_capacity(data.len());
                Poll::Ready(Some(released.map(|()| Frame::data(data))))
            }
            // Trailers say nothing to us.
            other => Poll::Ready(other.map(|data| data.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = if self.stream.is_end_stream() { Some(0) } else { self.announced };
        rest.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
