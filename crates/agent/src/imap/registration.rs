//! Registering with a mail server (draft-gougeon-imap-webpush): GETVAPID, subscribe at the push service with that key,
//! WEBPUSH, wait for the pushed token, ACKWEBPUSH.
//!
//! Registering again with what is registered already changes nothing on the server, so it is done at each start, after
//! the server has announced another key, and when the push service gave another endpoint.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use thiserror::Error;
use tokio::time::timeout;
use url::Url;
use webpush::key::PublicKey;

use super::client::{Answer, Argument, Client, ClientError, Security, Status};
use crate::agent::{Agent, AgentError, Event, Subscription};
use crate::pushed::{self, Response, syntax::Value};
use crate::transport::Address;
use crate::trust::Trust;

/// A mail account that is to push to an agent.
#[derive(Clone)]
pub struct Account {
    /// The server.
    pub address: Address,
    /// How the connection is protected.
    pub security: Security,
    /// Which authorities are trusted.
    pub trust: Trust,
    /// Who logs in.
    pub login: String,
    /// With which password.
    pub password: Password,
    /// The subscription's id on the mail server, an atom; `None` makes one that is this agent's own and stays the same.
    pub id: Option<String>,
    /// The agent's name for the subscription; `None` makes one of login and server.
    pub name: Option<String>,
    /// What is turned on with ENABLE before, so that pushes are shaped by it. Default `UTF8=ACCEPT`, `CONDSTORE`; what
    /// the server does not have is left out.
    pub enable: Vec<String>,
}

/// A password that does not print.
#[derive(Clone)]
pub struct Password(String);

/// A registration that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The agent's name for the subscription.
    pub subscription: String,
    /// Its id on the mail server.
    pub id: String,
    /// What the mail server pushes to.
    pub endpoint: Subscription,
    /// Whether the token had to be waited for; `false` when all stood already.
    pub renewed: bool,
}

/// Why a registration failed.
#[derive(Debug, Error)]
pub enum RegisterError {
    /// The URL of the account is not one.
    #[error("not an imap:// or imaps:// URL with a user and a host")]
    Url,
    /// The mail server.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The agent or the push service.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The mail server's key is not one.
    #[error("the mail server's VAPID key is not a key")]
    Vapid,
    /// The token did not come.
    #[error("the mail server's verification push did not come within {0:?}")]
    NoToken(Duration),
    /// The mail server kept changing its key.
    #[error("the mail server changes its VAPID key again and again")]
    Restless,
}

impl Account {
    /// Takes `imaps://user@host[:port]` (TLS) or `imap://user@host[:port]` (STARTTLS; nothing for an address of this
    /// machine).
    pub fn parse(url: &str, password: &str, trust: Trust) -> Result<Self, RegisterError> {
        let url = Url::parse(url).map_err(|_| RegisterError::Url)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(RegisterError::Url)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let security = match url.scheme() {
            "imaps" => Security::Tls,
            "imap" if is_loopback(&host) => Security::Plain,
            "imap" => Security::StartTls,
            _ => return Err(RegisterError::Url),
        };
        let port = url.port().unwrap_or(if security == Security::Tls { 993 } else { 143 });
        let login = decode_percent(url.username()).filter(|login| !login.is_empty());
        Ok(Self {
            address: Address { host, port },
            security,
            trust,
            login: login.ok_or(RegisterError::Url)?,
            password: Password(password.to_owned()),
            id: None,
            name: None,
            enable: vec!["UTF8=ACCEPT".to_owned(), "CONDSTORE".to_owned()],
        })
    }

    /// The agent's name for the account's subscription.
    #[must_use]
    pub fn subscription_name(&self) -> String {
        let made = || format!("imap:{}@{}:{}", self.login, self.address.host, self.address.port);
        self.name.clone().unwrap_or_else(made)
    }
}

/// Registers the account's subscription, or makes sure that it is registered. The agent's events must be consumed
/// meanwhile only if many pushes are due; the token is found all the same.
pub async fn register(account: &Account, agent: &Agent) -> Result<Registered, RegisterError> {
    let mut client = Client::connect(&account.address, account.security, &account.trust).await?;
    client.login(&account.login, &account.password.0).await?;
    if !client.has("WEBPUSH").await? {
        return Err(ClientError::Missing("WEBPUSH").into());
    }
    enable(&mut client, &account.enable).await?;
    let registered = converse(account, agent, &mut client).await?;
    client.logout().await;
    Ok(registered)
}

/// Whether an event means that [`register`] should be called again.
#[must_use]
pub fn needs_registration(event: &Event) -> bool {
    match event {
        Event::SubscriptionChanged(_) => true,
        // The draft: `* VAPID` in a push announces that the key is changed.
        Event::Push(delivery) => {
            let responses = pushed::parse(&delivery.push().cleartext);
            responses.iter().any(|response| matches!(response, Response::Vapid { .. }))
        }
        _ => false,
    }
}

async fn enable(client: &mut Client, wanted: &[String]) -> Result<(), ClientError> {
    let mut command = vec![Argument::Atom("ENABLE")];
    for capability in wanted {
        if client.has(capability).await? {
            command.push(Argument::Atom(capability));
        }
    }
    if command.len() > 1 {
        client.done(&command).await?;
    }
    Ok(())
}

async fn converse(
    account: &Account,
    agent: &Agent,
    client: &mut Client,
) -> Result<Registered, RegisterError> {
    let name = account.subscription_name();
    let id = account.id.clone().unwrap_or_else(|| format!("mailbell-{}", agent.instance()));
    let answer = client.done(&[Argument::Atom("GETVAPID")]).await?;
    let mut key = vapid_key(&answer)?.ok_or(RegisterError::Vapid)?;
    for _ in 0..KEY_CHANGES_MAX {
        let subscription = agent.subscribe(&name, Some(key)).await?;
        // Asked for before the command, because the push may come before its answer.
        let token = agent.next_token(&name).await?;
        let answer =
            client.done(&webpush(&id, &subscription, &subscription.public_key.to_base64url())).await?;
        match vapid_key(&answer)? {
            Some(current) if current != key => key = current,
            _ if is_active(&answer, &id) => {
                return Ok(Registered { subscription: name, id, endpoint: subscription, renewed: false });
            }
            _ => {
                let token = timeout(TOKEN_TIMEOUT, token).await;
                let token = token.map_err(|_| RegisterError::NoToken(TOKEN_TIMEOUT))?;
                let token = token.map_err(|_| AgentError::Closed)?;
                acknowledge(agent, client, &name, token).await?;
                return Ok(Registered { subscription: name, id, endpoint: subscription, renewed: true });
            }
        }
    }
    Err(RegisterError::Restless)
}

/// Sends the token. One that is refused may have been left over from an earlier try: the next is waited for, once.
async fn acknowledge(
    agent: &Agent,
    client: &mut Client,
    name: &str,
    token: String,
) -> Result<(), RegisterError> {
    let next = agent.next_token(name).await?;
    let command = [Argument::Atom("ACKWEBPUSH"), Argument::Atom(&token)];
    let answer = client.command(&command).await?;
    if let Status::No(_) = answer.status
        && let Ok(Ok(token)) = timeout(SECOND_TOKEN_TIMEOUT, next).await
    {
        client.done(&[Argument::Atom("ACKWEBPUSH"), Argument::Atom(&token)]).await?;
        return Ok(());
    }
    match answer.status {
        Status::Ok => Ok(()),
        Status::No(text) | Status::Bad(text) => {
            Err(ClientError::Refused { command: "ACKWEBPUSH".to_owned(), text }.into())
        }
    }
}

fn webpush<'a>(id: &'a str, subscription: &'a Subscription, public_key: &'a str) -> [Argument<'a>; 5] {
    [
        Argument::Atom("WEBPUSH"),
        Argument::Atom(id),
        Argument::Atom(&subscription.endpoint),
        Argument::Atom(public_key),
        Argument::Atom(subscription.auth_secret.reveal()),
    ]
}

fn vapid_key(answer: &Answer) -> Result<Option<PublicKey>, RegisterError> {
    let Some(values) = answer.named("VAPID").last() else { return Ok(None) };
    let text = values.get(1).and_then(Value::text).ok_or(RegisterError::Vapid)?;
    PublicKey::from_base64url_maybe_padded(&text).map(Some).map_err(|_| RegisterError::Vapid)
}

/// `* WEBPUSH id endpoint duration`: NIL means that the token has to be sent; without the response all stands.
fn is_active(answer: &Answer, id: &str) -> bool {
    let mine =
        answer.named("WEBPUSH").filter(|values| values.get(1).and_then(Value::word) == Some(id)).last();
    mine.is_none_or(|values| values.get(3).is_some_and(|duration| *duration != Value::Nil))
}

/// `Url` knows addresses only in schemes of the Web, so the text is judged here.
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// RFC 3986 §2.1.
fn decode_percent(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let pair = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

const KEY_CHANGES_MAX: usize = 3;
const TOKEN_TIMEOUT: Duration = Duration::from_secs(60);
const SECOND_TOKEN_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
