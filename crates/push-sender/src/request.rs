//! What is posted.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use url::Url;
use webpush::header::{Topic, Ttl, Urgency};
use webpush::vapid::key::SigningKey;

/// One request. Any method and header fields; [`Request::push`] makes a push message.
pub struct Request {
    /// Where to. A capability: whoever knows it can post there, so it is never logged.
    pub endpoint: Url,
    /// `POST` for push messages.
    pub method: Method,
    /// All header fields but `Authorization`, `Host`, `Content-Length` and `User-Agent`.
    pub headers: HeaderMap,
    /// The body, for a push message already encrypted.
    pub body: Bytes,
    /// The key that the request is signed with (RFC 8292), or `None` for one without VAPID.
    pub identity: Option<Arc<SigningKey>>,
    /// What the log line is to be found by.
    pub correlation: Correlation,
    /// Asked just before the request leaves, each time: it may have waited for a place. `None`: it leaves.
    pub wanted: Option<Wanted>,
}

/// Whether what is to be posted is still to be posted.
#[derive(Clone)]
pub struct Wanted(Arc<dyn Fn() -> Answering + Send + Sync>);

/// `true`: it is.
pub type Answering = Pin<Box<dyn Future<Output = bool> + Send>>;

impl Wanted {
    /// Asks by calling `ask`.
    pub fn new(ask: impl Fn() -> Answering + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    pub(crate) async fn is_true(&self) -> bool {
        (self.0)().await
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Wanted")
    }
}

/// What connects a delivery with its pushes in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correlation {
    /// The account whose changes are pushed.
    pub account: u64,
    /// The MODSEQ up to which they are.
    pub modseq: u64,
}

/// The header fields of a push message (RFC 8030 §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushHeaders {
    /// How long the push service keeps it.
    pub ttl: Ttl,
    /// How urgent it is.
    pub urgency: Urgency,
    /// What it replaces.
    pub topic: Option<Topic>,
}

impl Request {
    /// A push message whose `body` is encrypted with `aes128gcm`.
    #[must_use]
    pub fn push(
        endpoint: Url,
        headers: &PushHeaders,
        body: Bytes,
        identity: Arc<SigningKey>,
        correlation: Correlation,
    ) -> Self {
        let mut request = Self::push_message(endpoint, headers, body, identity, correlation);
        request.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
        let media_type = HeaderValue::from_static("application/octet-stream");
        request.headers.insert(header::CONTENT_TYPE, media_type);
        request
    }

    /// A push message that is not encrypted, as JMAP sends it to clients without keys (RFC 8620 §7.2).
    #[must_use]
    pub fn push_json(
        endpoint: Url,
        headers: &PushHeaders,
        body: Bytes,
        identity: Arc<SigningKey>,
        correlation: Correlation,
    ) -> Self {
        let mut request = Self::push_message(endpoint, headers, body, identity, correlation);
        request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }

    fn push_message(
        endpoint: Url,
        headers: &PushHeaders,
        body: Bytes,
        identity: Arc<SigningKey>,
        correlation: Correlation,
    ) -> Self {
        let mut fields = HeaderMap::with_capacity(5);
        fields.insert(TTL, HeaderValue::from(headers.ttl.seconds()));
        fields.insert(URGENCY, HeaderValue::from_static(headers.urgency.as_str()));
        // A topic is base64url, which is always a header value.
        if let Some(topic) =
            headers.topic.as_ref().and_then(|topic| HeaderValue::from_str(topic.as_str()).ok())
        {
            fields.insert(TOPIC, topic);
        }
        let (method, identity) = (Method::POST, Some(identity));
        Self { endpoint, method, headers: fields, body, identity, correlation, wanted: None }
    }

    /// PUSH-NOTIFY-HTTP=PUT: a form, as the client that asked for it wrote it.
    #[must_use]
    pub fn put_form(endpoint: Url, body: Bytes, correlation: Correlation) -> Self {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, form)]);
        Self { endpoint, method: Method::PUT, headers, body, identity: None, correlation, wanted: None }
    }
}

/// The header fields of a request to Apple's push service.
#[derive(Debug, Clone, Copy)]
pub struct AppleHeaders<'a> {
    /// What the certificate or the token is for.
    pub topic: &'a str,
    /// Until when the service tries, in Unix seconds.
    pub expiration: u64,
    /// 10: at once; 5: when it costs the device little.
    pub priority: u8,
    /// A provider token, where the connection shows no certificate.
    pub authorization: Option<&'a str>,
}

impl Request {
    /// A push by Apple's service, of a JSON document; `None` if topic or token are no header values.
    #[must_use]
    pub fn apple(
        endpoint: Url,
        headers: &AppleHeaders<'_>,
        body: Bytes,
        correlation: Correlation,
    ) -> Option<Self> {
        let mut fields = HeaderMap::with_capacity(4);
        fields.insert(APNS_TOPIC, HeaderValue::from_str(headers.topic).ok()?);
        fields.insert(APNS_EXPIRATION, HeaderValue::from(headers.expiration));
        fields.insert(APNS_PRIORITY, HeaderValue::from(u16::from(headers.priority)));
        if let Some(token) = headers.authorization {
            let mut value = HeaderValue::from_str(&format!("bearer {token}")).ok()?;
            value.set_sensitive(true);
            fields.insert(header::AUTHORIZATION, value);
        }
        let (method, identity, wanted) = (Method::POST, None, None);
        Some(Self { endpoint, method, headers: fields, body, identity, correlation, wanted })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("body_bytes", &self.body.len())
            .field("correlation", &self.correlation)
            .finish_non_exhaustive()
    }
}

const APNS_EXPIRATION: HeaderName = HeaderName::from_static("apns-expiration");
const APNS_PRIORITY: HeaderName = HeaderName::from_static("apns-priority");
const APNS_TOPIC: HeaderName = HeaderName::from_static("apns-topic");
const TTL: HeaderName = HeaderName::from_static("ttl");
const URGENCY: HeaderName = HeaderName::from_static("urgency");
const TOPIC: HeaderName = HeaderName::from_static("topic");
