//! alice's device: a user agent that subscribes at the demo's push service and registers with its IMAP server.

use agent::agent::{Agent, Event, Events, Options, Push};
use agent::imap::registration::{Account, register};
use agent::pushed;
use agent::state::StateStore;
use agent::trust::Trust;
use anyhow::{Context as _, bail};

use super::tcp;
use crate::serve::server::Server;

/// A registered device.
pub(crate) struct Device {
    /// How it came to be registered, in lines for a reader.
    pub(crate) story: Vec<String>,
    /// Kept: without it the agent would end.
    _agent: Agent,
    events: Events,
}

impl Device {
    /// Subscribes and registers, over TLS, trusting the demo's certificate.
    pub(crate) async fn register(server: &Server, password: &str) -> anyhow::Result<Self> {
        let trust =
            Trust::system_and_file(server.certificate_file()).context("cannot trust the certificate")?;
        let service = format!("wss://localhost:{}/", tcp(&server.addresses.push)?.port());
        let options = Options::new(&service, trust.clone(), StateStore::Memory)?;
        let (agent, events) =
            Agent::connect(options).await.context("the push service does not take the device")?;
        let url = format!("imaps://alice@localhost:{}", tcp(&server.addresses.imaps)?.port());
        let account = Account::parse(&url, password, trust)?;
        let registered =
            register(&account, &agent).await.context("the device can't register through IMAP")?;
        let mut device = Self { story: Vec::new(), _agent: agent, events };
        device.story = vec![
            format!("push service {service}: hello, register"),
            format!("IMAP {url}: ENABLE {}, GETVAPID", account.enable.join(" ")),
            format!("IMAP: WEBPUSH {} <endpoint> <public key> <secret>", registered.id),
            "pushed to the device: * ACKWEBPUSH <token>".to_owned(),
            "IMAP: ACKWEBPUSH <token>".to_owned(),
        ];
        Ok(device)
    }

    /// The next push that says something about mail. Cancel-safe.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Push> {
        loop {
            match self.events.next().await.context("the user agent ended")? {
                Event::Push(delivery) => {
                    let push = delivery.push().clone();
                    delivery.acknowledge();
                    if !pushed::is_token(&push.cleartext) {
                        return Ok(push);
                    }
                }
                Event::Connected | Event::SubscriptionChanged(_) => {}
                Event::Disconnected { reason, .. } => {
                    bail!("the push service closed the connection: {reason}")
                }
                Event::Undecryptable { size, .. } => bail!("a push of {size} bytes could not be decrypted"),
            }
        }
    }
}
