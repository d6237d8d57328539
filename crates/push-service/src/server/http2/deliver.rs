//! A request for messages that stays open on an HTTP/2 connection (RFC 8030 §6): server push where the peer allows it,
//! else a stream.

use std::future::poll_fn;
use std::sync::Arc;

use futures_util::StreamExt;
use h2::server::SendResponse;
use http::Uri;
use http::header::DATE;
use http::uri::{Authority, Scheme};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Chunk, Context, ServerPush, Unsent, send, sending};
use crate::http::date;
use crate::http::delivery::feed::Next;
use crate::http::delivery::promise::{Promise, PromiseSender, PushError};
use crate::http::delivery::{Feed, Form, Monitoring, fallback};
use crate::service::Service;

/// A request that stays open.
pub(super) struct Opened {
    pub(super) wish: Monitoring,
    pub(super) respond: SendResponse<Chunk>,
    pub(super) uri: Uri,
}

/// What delivering needs of the connection.
pub(super) struct Delivery {
    service: Arc<Service>,
    shutdown: CancellationToken,
    push: ServerPush,
    unsent: Unsent,
}

impl Delivery {
    pub(super) fn new(context: &Context, push: ServerPush, unsent: Unsent) -> Self {
        let service = Arc::clone(&context.service);
        Self { service, shutdown: context.shutdown.clone(), push, unsent }
    }

    /// Delivers until the request or the connection ends.
    pub(super) async fn run(self, opened: Opened) {
        let began = Instant::now();
        let Opened { wish, respond, uri } = opened;
        let feed = Feed::open(Arc::clone(&self.service), &wish, self.shutdown.clone()).await;
        let outcome = if wish.form == Form::Promises && self.push == ServerPush::Allowed {
            let (scheme, authority) = self.origin(&uri);
            match authority {
                Some(authority) => {
                    let sender = PromiseSender::new(respond, scheme, authority, self.unsent.clone());
                    self.promise(sender, feed, &wish).await
                }
                None => self.stream(respond, feed, &wish, None).await,
            }
        } else {
            self.stream(respond, feed, &wish, None).await
        };
        tracing::info!(name: "push.reader", outcome, duration = ?began.elapsed());
    }

    /// Delivers by server push; returns why it ended.
    async fn promise(&self, mut sender: PromiseSender, mut feed: Feed, wish: &Monitoring) -> &'static str {
        let end = loop {
            let next = tokio::select! {
                biased;
                () = sender.abandoned() => return "abandoned",
                next = feed.next() => next,
            };
            match next {
                Next::Promise(promise) => match sender.push(promise).await {
                    Ok(()) => {}
                    Err(PushError::Disabled(promise)) => {
                        return self.stream(sender.into_response(), feed, wish, Some(*promise)).await;
                    }
                    Err(PushError::Closed) => return "abandoned",
                },
                // The connection tries the peer by itself.
                Next::Quiet => {}
                Next::End(end) => break end,
            }
        };
        let response = end.response(feed.delivered());
        // The place is free before the answer is out, so that the next request finds it so.
        drop(feed);
        send(&mut sender.into_response(), response, &self.unsent).await;
        end.reason()
    }

    /// Delivers as one response that goes on; returns why it ended.
    async fn stream(
        &self,
        mut respond: SendResponse<Chunk>,
        feed: Feed,
        wish: &Monitoring,
        first: Option<Promise>,
    ) -> &'static str {
        let (mut head, pieces) = fallback::respond(feed, wish, first).await;
        head.headers_mut().insert(DATE, date::now());
        let Ok(mut body) = respond.send_response(head, pieces.is_none()) else { return "abandoned" };
        let Some(mut pieces) = pieces else { return "done" };
        loop {
            let piece = tokio::select! {
                biased;
                _ = poll_fn(|context| body.poll_reset(context)) => return "abandoned",
                piece = pieces.next() => piece,
            };
            let Some(piece) = piece else {
                return sending::end(&mut body).map_or("abandoned", |()| "done");
            };
            if sending::send_part(&mut body, piece, &self.unsent).await.is_err() {
                return "abandoned";
            }
        }
    }

    /// RFC 9113 §8.4: what is promised is of the origin that was asked; ours when the request named none.
    fn origin(&self, uri: &Uri) -> (Scheme, Option<Authority>) {
        let own: Option<Uri> = self.service.config.public_url.origin().parse().ok();
        let own = own.unwrap_or_default();
        let scheme = uri.scheme().or(own.scheme()).cloned().unwrap_or(Scheme::HTTPS);
        (scheme, uri.authority().or(own.authority()).cloned())
    }
}
