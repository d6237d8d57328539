//! Requests to Apple's push service (APNs, over HTTP/2), and what its answers mean.
//!
//! Who pushes is known by the connection's certificate or by a token in each request. One push is a document a line; each
//! line is a request of its own, and all of them have to be taken.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use parking_lot::Mutex;
use push_sender::outcome::Outcome;
use push_sender::request::{AppleHeaders, Correlation, Request};
use push_sender::sender::PushSender;
use url::Url;
use webpush::header::Urgency;
use webpush::provider::Provider;

use crate::post::Delivery;

/// The way to Apple's push service.
pub struct AppleService {
    sender: Arc<PushSender>,
    topic: String,
    tokens: Option<Tokens>,
}

/// Makes a token now and then.
struct Tokens {
    provider: Provider,
    last: Mutex<Option<(SystemTime, String)>>,
}

impl AppleService {
    /// By this sender, whose connections show the certificate if there is no `provider`.
    #[must_use]
    pub fn new(sender: Arc<PushSender>, topic: String, provider: Option<Provider>) -> Self {
        let tokens = provider.map(|provider| Tokens { provider, last: Mutex::default() });
        Self { sender, topic, tokens }
    }

    /// Posts all lines of a push; the first that is not taken is the outcome.
    pub(crate) async fn post(&self, delivery: &Delivery) -> Result<Outcome, &'static str> {
        let endpoint =
            Url::parse(&delivery.subscription.endpoint).map_err(|_| "the endpoint is not a URL")?;
        let mut outcome = Outcome::Accepted { status: 200, location: None };
        for line in delivery.push.cleartext.split(|&byte| byte == b'\n') {
            let request = self.request(endpoint.clone(), delivery, Bytes::copy_from_slice(line))?;
            outcome = self.sender.send(&request).await;
            if !matches!(outcome, Outcome::Accepted { .. }) {
                return Ok(outcome);
            }
        }
        Ok(outcome)
    }

    fn request(&self, endpoint: Url, delivery: &Delivery, body: Bytes) -> Result<Request, &'static str> {
        let now = SystemTime::now();
        let authorization = match &self.tokens {
            Some(tokens) => Some(tokens.current(now)?),
            None => None,
        };
        let ttl = Duration::from_secs(u64::from(delivery.push.ttl.seconds()));
        let expires = now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(ttl);
        let headers = AppleHeaders {
            topic: &self.topic,
            expiration: expires.as_secs(),
            priority: if delivery.push.urgency == Urgency::High { 10 } else { 5 },
            authorization: authorization.as_deref(),
        };
        let correlation = Correlation { account: delivery.subscription.account.0, modseq: delivery.modseq.0 };
        let request = Request::apple(endpoint, &headers, body, correlation);
        let request = request.ok_or("the topic or the token is no header value")?;
        Ok(Request { wanted: Some(delivery.wanted.clone()), ..request })
    }
}

impl Tokens {
    fn current(&self, now: SystemTime) -> Result<String, &'static str> {
        let mut last = self.last.lock();
        if let Some((made_at, token)) = &*last
            && now.duration_since(*made_at).is_ok_and(|age| age < TOKEN_AGE_MAX)
        {
            return Ok(token.clone());
        }
        let token = self.provider.token(now).map_err(|_| "the token can't be signed")?;
        *last = Some((now, token.clone()));
        Ok(token)
    }
}

/// Apple takes a token for an hour, and a new one at most every 20 minutes.
const TOKEN_AGE_MAX: Duration = Duration::from_secs(45 * 60);
