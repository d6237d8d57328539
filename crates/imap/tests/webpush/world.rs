//! Everything that a subscription needs, running: account, server, notifier, push service; devices and their connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use admission::guessing::{self, Guessing};
use admission::peer::Peers;
use authentication::Authenticator;
use bytes::Bytes;
use imap::push::apple::{AppleComposer, AppleOffer};
use imap::push::http_put::{HttpPutComposer, Watched};
use imap::push::registrar::{Registrar, RegistrarLimits};
use imap::push::{ImapComposer, SilentMailboxes};
use imap::{Limits, Listener, Security, Server};
use notifier::apple::AppleService;
use notifier::clock::Clock;
use notifier::compose::{Composer, Composers};
use notifier::notifier::{Handle, Notifier, Options, Parts};
use notifier::sender::SenderPost;
use notifier::trial::{Trial, Trials};
use notifier::vapid::VapidKeys;
use push_sender::policy::Policy;
use push_sender::resolve::SystemResolver;
use push_sender::sender::{Config, PushSender};
use store::{
    AccountId, Cause, Flags, MailboxName, NewAccount, NewMessage, Placed, PushSubscription, Raw, Store,
    Target, UnixTime,
};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use webpush::message::UserAgent;
use webpush::provider::Provider;
use webpush::vapid::key::SigningKey;

use crate::sink::{Arrived, Sink};

pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const APPLE_TOPIC: &str = "com.apple.mail.XServer.example";
const APPLE_MERGE: Duration = Duration::from_millis(300);
pub(crate) const COMMANDS_PER_MINUTE: usize = 20;

pub(crate) struct World {
    pub(crate) sink: Sink,
    pub(crate) store: Store,
    pub(crate) alice: AccountId,
    pub(crate) bob: AccountId,
    pub(crate) keys: VapidKeys,
    parts: Shared,
    address: SocketAddr,
    stop_imap: CancellationToken,
    notifier: Option<(CancellationToken, JoinHandle<()>)>,
    trials: Option<Trials>,
    directory: tempfile::TempDir,
}

/// What a notifier is built of, also a second time.
struct Shared {
    bus: bus::Bus,
    handle: Handle,
    sender: Arc<PushSender>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bus = bus::Bus::new();
        let options = store::Options { data_dir: directory.path().to_owned(), readers: 2 };
        let store = Store::open(options, bus.clone()).await.unwrap();
        let new = |name| NewAccount { name, password: PASSWORD, quota_bytes: None };
        let alice = store.create_account(new("alice")).await.unwrap().id;
        let bob = store.create_account(new("bob")).await.unwrap().id;
        let sink = Sink::start().await;
        let policy = Policy {
            allow_addresses: vec!["127.0.0.0/8".parse().unwrap()],
            allow_http: false,
            own_service: None,
            contact: None,
        };
        let limits = push_sender::sender::Limits {
            request_timeout: Duration::from_secs(60),
            ..push_sender::sender::Limits::STANDARD
        };
        let config = Config { policy: policy.clone(), extra_ca: Some(sink.ca_pem.clone()), limits };
        let sender = Arc::new(PushSender::new(config, Arc::new(SystemResolver::from_system())).unwrap());
        let keys = VapidKeys::new(SigningKey::generate().unwrap(), []);
        let handle = Handle::new();
        let limits =
            RegistrarLimits { commands_per_minute: COMMANDS_PER_MINUTE, ..RegistrarLimits::default() };
        let offer = AppleOffer { topic: APPLE_TOPIC.to_owned(), base_url: sink.origins[0].clone() };
        let push = Registrar::new(handle.clone(), keys.clone(), policy, limits).with_apple(Some(offer));
        let push = Arc::new(push);
        let who = authentication::Options {
            hostname: "mail.example.org".to_owned(),
            masters: Vec::new(),
            tokens: None,
            guessing: Arc::new(Guessing::new(guessing::Limits::default())),
        };
        let settings = imap::Options {
            hostname: "mail.example.org".to_owned(),
            tls: None,
            allow_plaintext_login: false,
            end_point: Arc::new(|| None),
            authenticator: Authenticator::new(store.clone(), who),
            jmap_session: None,
            limits: Limits::default(),
            push,
            peers: Peers::new(vec!["127.0.0.0/8".parse().unwrap()]),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop_imap = CancellationToken::new();
        let (server, stop) = (Server::new(store.clone(), bus.clone(), settings), stop_imap.clone());
        tokio::spawn(async move { server.serve(Listener::Tcp(listener), Security::StartTls, stop).await });
        let parts = Shared { bus, handle, sender };
        let mut world = Self {
            sink,
            store,
            alice,
            bob,
            keys,
            parts,
            address,
            stop_imap,
            notifier: None,
            trials: None,
            directory,
        };
        world.start_notifier();
        world
    }

    pub(crate) fn start_notifier(&mut self) {
        let silent = SilentMailboxes::new(["Junk", "Trash"]);
        let composers: [Arc<dyn Composer>; 3] = [
            Arc::new(AppleComposer::new(APPLE_MERGE)),
            Arc::new(ImapComposer::new(silent.clone())),
            Arc::new(HttpPutComposer::new(Watched::Inbox, silent)),
        ];
        let provider = Provider {
            key: SigningKey::generate().unwrap(),
            key_id: "ABC123DEFG".to_owned(),
            team_id: "DEF123GHIJ".to_owned(),
        };
        let sender = Arc::clone(&self.parts.sender);
        let apple = AppleService::new(sender, APPLE_TOPIC.to_owned(), Some(provider));
        let parts = Parts {
            store: self.store.clone(),
            bus: self.parts.bus.clone(),
            composers: Composers::new(composers),
            post: Arc::new(SenderPost::new(Arc::clone(&self.parts.sender)).with_apple(Some(apple))),
            keys: self.keys.clone(),
            handle: self.parts.handle.clone(),
            clock: Clock::system(),
        };
        let options =
            Options { sweep_interval: Duration::from_millis(200), ..Options::new(Duration::from_millis(50)) };
        let stop = CancellationToken::new();
        let notifier = Notifier::new(parts, options);
        self.trials = Some(notifier.trials());
        self.notifier = Some((stop.clone(), tokio::spawn(notifier.run(stop))));
    }

    /// Tries the one subscription that alice has.
    pub(crate) async fn try_out(&self) -> Trial {
        self.trials.as_ref().unwrap().run(self.row().await.id).await.unwrap()
    }

    /// The one subscription that alice has, as it stands.
    pub(crate) async fn row(&self) -> PushSubscription {
        let mut rows = self.store.account_push_subscriptions(self.alice).await.unwrap();
        let mut row = rows.pop().unwrap();
        assert_eq!(rows, [], "only one");
        self.trials.as_ref().unwrap().bring_up_to_date(&mut row);
        row
    }

    pub(crate) async fn stop_notifier(&mut self) {
        let (stop, running) = self.notifier.take().expect("a running notifier");
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(20), running).await.expect("it drains in time").unwrap();
    }

    /// As after 30 days: what was removed up to now is no longer known. No call of the store does that.
    pub(crate) fn forget_history(&self) {
        let database = rusqlite::Connection::open(self.directory.path().join("mail.sqlite")).unwrap();
        database.execute("UPDATE account SET horizon = modseq", []).unwrap();
    }

    /// As after 31 days without a proof: what a client has confirmed was that long ago.
    pub(crate) fn age_proofs(&self) {
        let database = rusqlite::Connection::open(self.directory.path().join("mail.sqlite")).unwrap();
        let sql = "UPDATE push_subscription SET confirmed_at = confirmed_at - 31 * 86400";
        assert_ne!(database.execute(sql, []).unwrap(), 0);
    }

    /// As a crash does: nothing is drained, nothing is stored.
    pub(crate) async fn kill_notifier(&mut self) {
        let (_, running) = self.notifier.take().expect("a running notifier");
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
    }

    pub(crate) async fn client(&self) -> Client {
        self.client_of("alice").await
    }

    pub(crate) async fn client_of(&self, account: &str) -> Client {
        let mut client = Client(BufReader::new(TcpStream::connect(self.address).await.unwrap()));
        assert!(client.line().await.starts_with("* OK "));
        assert_eq!(client.command(&format!("LOGIN {account} \"{PASSWORD}\"")).await.len(), 1);
        client
    }

    /// A connection that has not logged in.
    pub(crate) async fn stranger(&self) -> Client {
        let mut client = Client(BufReader::new(TcpStream::connect(self.address).await.unwrap()));
        client.line().await;
        client
    }

    pub(crate) fn device(&self, name: &str) -> Device {
        self.device_at(name, 0)
    }

    /// A device whose push service is this one of the sink's.
    pub(crate) fn device_at(&self, name: &str, service: usize) -> Device {
        let origin = self.sink.origins[service].clone();
        Device { name: name.to_owned(), origin, agent: UserAgent::generate().unwrap() }
    }

    /// A device that has registered and acknowledged.
    pub(crate) async fn subscribed(&self, client: &mut Client, name: &str) -> Device {
        let device = self.device(name);
        self.acknowledged(client, device).await
    }

    /// Registers and acknowledges a device.
    pub(crate) async fn acknowledged(&self, client: &mut Client, device: Device) -> Device {
        client.command(&device.webpush()).await;
        let token = device.token(&self.sink.next(&device.path()).await);
        let answer = client.command(&format!("ACKWEBPUSH {token}")).await;
        assert_eq!(
            answer,
            [format!("* WEBPUSH {} {} 0", device.name, device.endpoint()), "t OK ACKWEBPUSH done".to_owned()]
        );
        device
    }

    /// New mail, as LMTP delivers it.
    pub(crate) async fn deliver(&self, message: &str) -> Placed {
        self.put(message, Target::NameOrInbox(MailboxName::inbox())).await
    }

    pub(crate) async fn put(&self, message: &str, target: Target) -> Placed {
        self.put_for(self.alice, message, target).await
    }

    /// New mail in an INBOX that is bob's.
    pub(crate) async fn deliver_to_bob(&self, message: &str) -> Placed {
        self.put_for(self.bob, message, Target::NameOrInbox(MailboxName::inbox())).await
    }

    pub(crate) async fn put_for(&self, account: AccountId, message: &str, target: Target) -> Placed {
        let bytes = Bytes::from(message.replace('\n', "\r\n"));
        let parsed = Arc::new(message::Parsed::parse(&bytes));
        let message = NewMessage {
            raw: Raw { bytes, parsed },
            target,
            received_at: UnixTime(1_700_000_000),
            flags: Flags::default(),
            keywords: Vec::new(),
            cause: Cause::Delivery,
        };
        self.store.append(&self.store.system_access(account), message).await.unwrap().placed
    }

    /// What the next push to a device says.
    pub(crate) async fn push(&self, device: &Device) -> String {
        device.read(&self.sink.next(&device.path()).await)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop_imap.cancel();
        if let Some((stop, _)) = &self.notifier {
            stop.cancel();
        }
    }
}

/// A mail client's device with a push subscription at the sink.
pub(crate) struct Device {
    pub(crate) name: String,
    origin: String,
    agent: UserAgent,
}

impl Device {
    pub(crate) fn path(&self) -> String {
        format!("/push/{}", self.name)
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}{}", self.origin, self.path())
    }

    /// The command that registers it.
    pub(crate) fn webpush(&self) -> String {
        let recipient = self.agent.recipient();
        let (key, auth) = (recipient.public_key.to_base64url(), recipient.auth_secret.to_base64url());
        format!("WEBPUSH {} {} {key} {}", self.name, self.endpoint(), auth.as_str())
    }

    pub(crate) fn read(&self, arrived: &Arrived) -> String {
        String::from_utf8(self.agent.decrypt(&arrived.body).unwrap().to_vec()).unwrap()
    }

    pub(crate) fn token(&self, arrived: &Arrived) -> String {
        let push = self.read(arrived);
        let token = push.strip_prefix("* ACKWEBPUSH ").and_then(|rest| rest.strip_suffix("\r\n"));
        token.unwrap_or_else(|| panic!("a token and nothing else: {push}")).to_owned()
    }
}

/// A connection.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        let reading = self.0.read_line(&mut line);
        tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the server answers").unwrap();
        line.trim_end_matches(['\r', '\n']).to_owned()
    }

    /// Sends a line.
    pub(crate) async fn send(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    }

    /// Sends a command and returns the lines of its answer.
    pub(crate) async fn command(&mut self, command: &str) -> Vec<String> {
        self.send(&format!("t {command}")).await;
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            assert!(!line.is_empty(), "the connection ended during {command}");
            let is_last = line.starts_with("t ");
            lines.push(line);
            if is_last {
                return lines;
            }
        }
    }

    /// Sends a command that must succeed.
    pub(crate) async fn ok(&mut self, command: &str) -> Vec<String> {
        let mut lines = self.command(command).await;
        let tagged = lines.pop().unwrap_or_default();
        assert!(tagged.starts_with("t OK"), "{command}: {tagged}");
        lines
    }
}
