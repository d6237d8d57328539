//! The body of an HTTP/2 request, as `http_body` has it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use hyper::body::{Body, Frame, SizeHint};

/// A body that opens its flow control window as it is read.
pub(super) struct RequestBody(RecvStream);

impl RequestBody {
    pub(super) const fn new(stream: RecvStream) -> Self {
        Self(stream)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        match ready!(self.0.poll_data(context)) {
            Some(Ok(data)) => {
                // RFC 9113 §5.2: fails only for more than was received.
                let released = self.0.flow_control().release_capacity(data.len());
                Poll::Ready(Some(released.map(|()| Frame::data(data))))
            }
            // Trailers say nothing to us.
            other => Poll::Ready(other.map(|data| data.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // What is announced is checked where the head is; here only an end is known.
        if self.0.is_end_stream() { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}
