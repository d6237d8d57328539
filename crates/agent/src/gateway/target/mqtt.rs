//! Handing on to an MQTT 3.1.1 broker, at QoS 1.
//!
//! One connection to a broker for all its topics, made when there is something to publish and kept. rumqttc gives the
//! packets and their codec; the connection is our own, because the spool has to know which message was acknowledged, and
//! because TLS is to trust what the rest of the gateway trusts. There is no session at the broker ([MQTT-3.1.2-6] clean
//! session): what was not acknowledged is still in the spool and is published again from there.
//!
//! Invariant: [`Topic::publish`] returns `Ok` only after the PUBACK of that very message.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rumqttc::{Codec, Connect, ConnectReturnCode, Packet, Publish, QoS};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::codec::Framed;

use crate::gateway::message::Message;
use crate::transport::{self, Address, Stream};
use crate::trust::Trust;

/// How to reach a broker.
#[derive(Clone)]
pub struct BrokerOptions {
    /// The broker.
    pub address: Address,
    /// `Some` for TLS.
    pub tls: Option<Trust>,
    /// The name that the broker knows this gateway by: two connections of the same name end each other.
    pub client_id: String,
    /// User name and password.
    pub login: Option<Login>,
    /// A longer message is never published.
    pub message_bytes_max: usize,
    /// How long the broker may take to answer.
    pub patience: Duration,
}

/// A user name with a password that does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub name: String,
    /// The password.
    pub password: String,
}

/// A broker. Dropping it ends the connection.
pub struct Broker {
    requests: mpsc::Sender<Request>,
    message_bytes_max: usize,
    task: JoinHandle<()>,
}

/// A topic of a broker.
#[derive(Clone)]
pub struct Topic {
    broker: Arc<Broker>,
    name: String,
    retain: bool,
}

/// Why a message was not published.
#[derive(Debug, Clone, Error)]
pub enum MqttError {
    /// The name can't be published to.
    #[error("not a topic to publish to: it is empty, too long, or has one of + # NUL")]
    Topic,
    /// The broker is not there, refuses us, or is lost before it acknowledged.
    #[error("the MQTT broker: {0}")]
    Broker(String),
    /// The message is too long.
    #[error("a message of {bytes} bytes is longer than the {most} that the broker gets")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        most: usize,
    },
}

struct Request {
    publish: Publish,
    done: oneshot::Sender<Result<(), MqttError>>,
}

type Connection = Framed<Stream, Codec>;

/// What was published and not yet acknowledged, by packet identifier.
#[derive(Default)]
struct Unacknowledged {
    waiting: BTreeMap<u16, (Instant, oneshot::Sender<Result<(), MqttError>>)>,
    last: u16,
}

impl Broker {
    /// A broker; nothing is connected yet.
    #[must_use]
    pub fn new(options: BrokerOptions) -> Arc<Self> {
        let (requests, waiting) = mpsc::channel(REQUESTS_WAITING_MAX);
        let message_bytes_max = options.message_bytes_max;
        let task = tokio::spawn(work(options, waiting));
        Arc::new(Self { requests, message_bytes_max, task })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Topic {
    /// A topic; `Retained` messages are kept by the broker for those who subscribe later.
    pub fn new(broker: Arc<Broker>, name: &str) -> Result<Self, MqttError> {
        // [MQTT-3.3.2-2], [MQTT-4.7.3-1] to [MQTT-4.7.3-3].
        if name.is_empty() || name.len() > usize::from(u16::MAX) || name.contains(['+', '#', '\0']) {
            return Err(MqttError::Topic);
        }
        Ok(Self { broker, name: name.to_owned(), retain: false })
    }

    /// The same whose last message the broker keeps for those who subscribe later.
    #[must_use]
    pub fn retained(mut self) -> Self {
        self.retain = true;
        self
    }

    pub(super) async fn publish(&self, message: &Message) -> Result<(), MqttError> {
        let (bytes, most) = (message.body.len(), self.broker.message_bytes_max);
        if bytes > most {
            return Err(MqttError::TooLarge { bytes, most });
        }
        let mut publish = Publish::new(&self.name, QoS::AtLeastOnce, message.body.clone());
        publish.retain = self.retain;
        let (done, outcome) = oneshot::channel();
        let ended = || MqttError::Broker("the connection has ended".to_owned());
        self.broker.requests.send(Request { publish, done }).await.map_err(|_| ended())?;
        outcome.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// Connects when there is a request; a connection that fails fails the requests that wait for it.
async fn work(options: BrokerOptions, mut requests: mpsc::Receiver<Request>) {
    while let Some(first) = requests.recv().await {
        let mut unacknowledged = Unacknowledged::default();
        let reason = match connect(&options).await {
            Ok(mut connection) => {
                tracing::info!(host = options.address.host, "connected to the MQTT broker");
                let sending = unacknowledged.send(&mut connection, first);
                match within(&options, sending).await {
                    Ok(()) => serve(&options, &mut connection, &mut requests, &mut unacknowledged).await,
                    Err(reason) => reason,
                }
            }
            Err(reason) => {
                let _told = first.done.send(Err(MqttError::Broker(reason.clone())));
                reason
            }
        };
        tracing::debug!(host = options.address.host, reason, "no connection to the MQTT broker");
        unacknowledged.fail(&reason);
        while let Ok(request) = requests.try_recv() {
            let _told = request.done.send(Err(MqttError::Broker(reason.clone())));
        }
    }
}

async fn connect(options: &BrokerOptions) -> Result<Connection, String> {
    let connecting = async {
        let stream = transport::connect(&options.address).await.map_err(|error| error.to_string())?;
        let stream: Stream = match &options.tls {
            Some(trust) => transport::secure(stream, &options.address.host, trust)
                .await
                .map_err(|error| error.to_string())?,
            None => Box::new(stream),
        };
        let codec = Codec {
            max_incoming_size: INCOMING_BYTES_MAX,
            max_outgoing_size: options.message_bytes_max + PACKET_OVERHEAD_BYTES_MAX,
        };
        let mut connection = Framed::new(stream, codec);
        let mut connect = Connect::new(&options.client_id);
        connect.keep_alive = u16::try_from(KEEPALIVE.as_secs()).unwrap_or(u16::MAX);
        if let Some(login) = &options.login {
            connect.set_login(&login.name, &login.password);
        }
        connection.send(Packet::Connect(connect)).await.map_err(|error| error.to_string())?;
        match connection.next().await {
            Some(Ok(Packet::ConnAck(answer))) if answer.code == ConnectReturnCode::Success => Ok(connection),
            Some(Ok(Packet::ConnAck(answer))) => Err(format!("refused: {:?}", answer.code)),
            Some(Ok(_)) => Err("did not answer CONNECT".to_owned()),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("closed the connection".to_owned()),
        }
    };
    timeout(options.patience, connecting).await.map_err(|_| "does not answer".to_owned())?
}

/// Publishes until the connection is lost; returns why.
async fn serve(
    options: &BrokerOptions,
    connection: &mut Connection,
    requests: &mut mpsc::Receiver<Request>,
    unacknowledged: &mut Unacknowledged,
) -> String {
    let mut heard = Instant::now();
    let mut spoken = Instant::now();
    loop {
        let silence = heard + KEEPALIVE + options.patience;
        let late = unacknowledged.oldest().map_or(silence, |oldest| silence.min(oldest + options.patience));
        let done = tokio::select! {
            request = requests.recv(), if unacknowledged.waiting.len() < UNACKNOWLEDGED_MAX => match request {
                Some(request) => {
                    spoken = Instant::now();
                    within(options, unacknowledged.send(connection, request)).await
                }
                None => return "the gateway ends".to_owned(),
            },
            packet = connection.next() => {
                heard = Instant::now();
                match packet {
                    Some(Ok(Packet::PubAck(ack))) => { unacknowledged.acknowledged(ack.pkid); Ok(()) }
                    Some(Ok(_)) => Ok(()),
                    Some(Err(error)) => Err(error.to_string()),
                    None => Err("closed the connection".to_owned()),
                }
            }
            // [MQTT-3.1.2-23]: something is sent in each interval.
            () = sleep_until(spoken + KEEPALIVE) => {
                spoken = Instant::now();
                let ping = async { connection.send(Packet::PingReq).await.map_err(|error| error.to_string()) };
                within(options, ping).await
            }
            () = sleep_until(late) => Err("does not answer".to_owned()),
        };
        if let Err(reason) = done {
            return reason;
        }
    }
}

async fn within(
    options: &BrokerOptions,
    sending: impl Future<Output = Result<(), String>>,
) -> Result<(), String> {
    timeout(options.patience, sending).await.unwrap_or_else(|_| Err("takes nothing".to_owned()))
}

impl Unacknowledged {
    async fn send(&mut self, connection: &mut Connection, request: Request) -> Result<(), String> {
        let Request { mut publish, done } = request;
        publish.pkid = self.free();
        self.waiting.insert(publish.pkid, (Instant::now(), done));
        connection.send(Packet::Publish(publish)).await.map_err(|error| error.to_string())
    }

    /// [MQTT-2.3.1-2]: an identifier that is not in use, and not 0.
    fn free(&mut self) -> u16 {
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if !self.waiting.contains_key(&self.last) {
                return self.last;
            }
        }
    }

    fn oldest(&self) -> Option<Instant> {
        self.waiting.values().map(|(since, _)| *since).min()
    }

    fn acknowledged(&mut self, identifier: u16) {
        if let Some((_, done)) = self.waiting.remove(&identifier) {
            // Whoever asked may have stopped waiting.
            let _told = done.send(Ok(()));
        }
    }

    fn fail(self, reason: &str) {
        for (_, done) in self.waiting.into_values() {
            let _told = done.send(Err(MqttError::Broker(reason.to_owned())));
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Further publishers wait.
const REQUESTS_WAITING_MAX: usize = 64;
/// Messages on their way at a time, one of each topic.
const UNACKNOWLEDGED_MAX: usize = 64;
const KEEPALIVE: Duration = Duration::from_secs(60);
/// We subscribe to nothing, so a broker has nothing long to say.
const INCOMING_BYTES_MAX: usize = 4 << 10;
/// The longest topic and what stands around it.
const PACKET_OVERHEAD_BYTES_MAX: usize = (64 << 10) + 16;

#[cfg(test)]
mod tests;
