//! Handing on by HTTP POST to a URL that the operator configured.
//!
//! HTTP/1.1, one connection for each message, no redirects, an answer of 2xx within the time limit means that the message
//! is taken; the content of the answer is not read.

use std::fmt;
use std::io;
use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::time::timeout;
use url::Url;

use crate::gateway::message::Message;
use crate::transport::{self, Address, Stream};
use crate::trust::Trust;

/// A URL to post to.
#[derive(Clone)]
pub struct Post {
    url: Url,
    trust: Trust,
    time_max: Duration,
    authorization: Option<HeaderValue>,
}

/// Why a message could not be posted.
#[derive(Debug, Error)]
pub enum PostError {
    /// Not a URL that can be posted to.
    #[error("not an http:// or https:// URL without user and password")]
    Url,
    /// The value can't stand in a header field.
    #[error("not a value for an Authorization field")]
    Authorization,
    /// No connection.
    #[error("no connection to the server")]
    Connect(#[source] io::Error),
    /// The exchange failed.
    #[error("the HTTP exchange failed")]
    Exchange(#[source] hyper::Error),
    /// The request can't be made.
    #[error("the HTTP request can't be made")]
    Request(#[source] http::Error),
    /// The server did not take it.
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// It took too long.
    #[error("the server did not answer within {0:?}")]
    Timeout(Duration),
}

impl Post {
    /// A URL with the time that one message may take, from the connection to the answer.
    pub fn new(url: &str, trust: Trust, time_max: Duration) -> Result<Self, PostError> {
        let mut url = Url::parse(url).map_err(|_| PostError::Url)?;
        url.set_fragment(None);
        let is_plain = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
            return Err(PostError::Url);
        }
        Ok(Self { url, trust, time_max, authorization: None })
    }

    /// The same with an `Authorization` field, such as `Bearer ...`.
    pub fn with_authorization(mut self, value: &str) -> Result<Self, PostError> {
        let mut value = HeaderValue::from_str(value).map_err(|_| PostError::Authorization)?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(self)
    }

    pub(super) async fn hand_on(&self, message: &Message) -> Result<(), PostError> {
        let request = self.request(message)?;
        let status = timeout(self.time_max, self.exchange(request))
            .await
            .map_err(|_| PostError::Timeout(self.time_max))??;
        if status.is_success() { Ok(()) } else { Err(PostError::Status(status)) }
    }

    fn request(&self, message: &Message) -> Result<Request<Full<bytes::Bytes>>, PostError> {
        let path = match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        };
        let host = match self.url.port() {
            Some(port) => format!("{}:{port}", self.url.host_str().unwrap_or_default()),
            None => self.url.host_str().unwrap_or_default().to_owned(),
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, host)
            .header(header::USER_AGENT, "mailbell")
            .header(header::CONNECTION, "close")
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header("mailbell-time", message.received_seconds())
            .header("urgency", message.urgency());
        for (name, value) in told(message) {
            // What the service sent and can't stand in a field is left out.
            if let Ok(value) = HeaderValue::from_str(value) {
                request = request.header(name, value);
            }
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.body(Full::from(message.body.clone())).map_err(PostError::Request)
    }

    async fn exchange(&self, request: Request<Full<bytes::Bytes>>) -> Result<StatusCode, PostError> {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(self.connect().await.map_err(PostError::Connect)?))
                .await
                .map_err(PostError::Exchange)?;
        let driving = async {
            // Its errors reach the request as well.
            let _ended = connection.await;
            std::future::pending().await
        };
        tokio::select! {
            answer = sender.send_request(request) => Ok(answer.map_err(PostError::Exchange)?.status()),
            never = driving => never,
        }
    }

    async fn connect(&self) -> io::Result<Stream> {
        let host = self.url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = self.url.port_or_known_default().unwrap_or(80);
        let address = Address { host, port };
        let stream = transport::connect(&address).await?;
        if self.url.scheme() == "https" {
            transport::secure(stream, &address.host, &self.trust).await
        } else {
            Ok(Box::new(stream))
        }
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

fn told(message: &Message) -> impl Iterator<Item = (HeaderName, &str)> {
    let encryption = message.encryption.as_ref();
    let fields = [
        (HeaderName::from_static("mailbell-subscription"), Some(&message.subscription)),
        (HeaderName::from_static("mailbell-message"), Some(&message.id)),
        (header::CONTENT_ENCODING, encryption.and_then(|encryption| encryption.encoding.as_ref())),
        (HeaderName::from_static("encryption"), encryption.and_then(|encryption| encryption.salt.as_ref())),
        (HeaderName::from_static("crypto-key"), encryption.and_then(|encryption| encryption.key.as_ref())),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, value?.as_str())))
}

#[cfg(test)]
mod tests;
