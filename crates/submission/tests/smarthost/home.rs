//! A store with an account and an email to send, and a sender for it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use store::{
    Access, Cause, EnvelopeAddress, Fate, Flags, MailboxName, NewAccount, NewMessage, NewSubmission, Raw,
    Store, Submission, SubmissionId, Target, UnixTime,
};
use submission::sender::{Limits, Sender};
use submission::smarthost::{Security, Smarthost};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::server::Server;

pub(crate) const TEXT: &str =
    "From: alice@a.test\r\nTo: b@b.test\r\nBcc: c@c.test\r\nSubject: one\r\n\r\nHello\r\n.\r\nend\r\n";
/// What of it is sent, as it is on the wire.
pub(crate) const SENT: &str =
    "From: alice@a.test\r\nTo: b@b.test\r\nSubject: one\r\n\r\nHello\r\n..\r\nend\r\n";
pub(crate) const LIMITS: Limits =
    Limits { connections: 2, retry: Duration::from_millis(1), give_up: Duration::from_secs(3600) };
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Home {
    pub(crate) store: Store,
    pub(crate) alice: Access,
    directory: tempfile::TempDir,
}

/// A sender that runs.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends it in order.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        within(self.task).await.unwrap();
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

impl Home {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&directory).await;
        let new = NewAccount { name: "alice", password: "secret", quota_bytes: None };
        let alice = store.system_access(store.create_account(new).await.unwrap().id);
        Self { store, alice, directory }
    }

    /// The same store as another process would open it after a crash.
    pub(crate) async fn reopened(self) -> Self {
        let store = open(&self.directory).await;
        Self { store, ..self }
    }

    /// Queues a message to these.
    pub(crate) async fn submit(&self, text: &str, recipients: &[&str]) -> Submission {
        self.submit_at(UnixTime(now()), text, recipients).await
    }

    pub(crate) async fn submit_at(&self, send_at: UnixTime, text: &str, recipients: &[&str]) -> Submission {
        let bytes = Bytes::from(text.to_owned());
        let parsed = Arc::new(message::Parsed::parse(&bytes));
        let new = NewMessage {
            raw: Raw { bytes, parsed },
            target: Target::NameOrInbox(MailboxName::inbox()),
            received_at: UnixTime(1_700_000_000),
            flags: Flags::default(),
            keywords: Vec::new(),
            cause: Cause::Append,
        };
        let email = self.store.append(&self.alice, new).await.unwrap().placed.message;
        let identity =
            self.store.identities(&self.alice, vec!["alice@a.test".to_owned()]).await.unwrap()[0].id;
        let address = |email: &str| EnvelopeAddress { email: email.to_owned(), parameters: None };
        let new = NewSubmission {
            identity,
            email,
            header_message_id: String::new(),
            mail_from: address("alice@a.test"),
            recipients: recipients.iter().map(|email| address(email)).collect(),
            send_at,
            envelope_id: "e1".to_owned(),
            waiting_max: 100,
        };
        self.store.create_submission(&self.alice, new).await.unwrap()
    }

    /// Has a server's queue emptied.
    pub(crate) fn send(&self, server: &Server) -> Running {
        self.send_with(plain(server), LIMITS)
    }

    pub(crate) fn send_with(&self, smarthost: Smarthost, limits: Limits) -> Running {
        let stop = CancellationToken::new();
        let sender = Sender::new(self.store.clone(), smarthost, limits);
        Running { task: tokio::spawn(sender.run(stop.clone())), stop }
    }

    /// Waits until a submission has these fates.
    pub(crate) async fn settled(&self, id: SubmissionId, fates: &[Fate]) -> Submission {
        let watch = async {
            loop {
                let now = self.store.submission(&self.alice, id).await.unwrap();
                if now.recipients.iter().map(|one| one.fate).eq(fates.iter().copied()) {
                    return now;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, watch).await {
            Ok(settled) => settled,
            Err(_) => {
                let now = self.store.submission(&self.alice, id).await.unwrap();
                panic!("it is {:?}", now.recipients);
            }
        }
    }
}

pub(crate) fn plain(server: &Server) -> Smarthost {
    Smarthost {
        host: "127.0.0.1".to_owned(),
        port: server.address.port(),
        security: Security::Plain,
        credentials: None,
        client_name: "mail.test".to_owned(),
    }
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("it took too long"))
}

pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

async fn open(directory: &tempfile::TempDir) -> Store {
    let options = store::Options { data_dir: directory.path().to_owned(), readers: 2 };
    Store::open(options, bus::Bus::new()).await.unwrap()
}
