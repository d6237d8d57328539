//! The command line: what can be typed, and its help texts. What a command does is in [`crate::command`].

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use webpush::header::{Topic, Ttl, Urgency};

use crate::config::{CONFIG_VARIABLE, parse_size};

/// A mail server whose first job is to tell devices what changed.
#[derive(Debug, Parser)]
#[command(name = "mailbell", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// The configuration file [default: mailbell.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE", env = CONFIG_VARIABLE)]
    pub(crate) config: Option<PathBuf>,

    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server; with no configuration, on loopback with its data in ./mailbell-data
    #[command(
        after_help = "Examples:\n  mailbell serve\n  mailbell serve --config /etc/mailbell/mailbell.toml\n\n\
        SIGTERM ends it in order, SIGHUP reads certificates, VAPID keys and log level again."
    )]
    Serve,
    /// See it work: a server on free loopback ports with a temporary store, and a device that is pushed to
    #[command(after_help = "Examples:\n  mailbell demo\n  mailbell demo --once")]
    Demo {
        /// End after the scenario: 0 if the device was told everything, else what was missing
        #[arg(long)]
        once: bool,
    },
    /// Be a user agent: register with a mail server and show, or act on, what it pushes
    #[command(after_help = LISTEN_EXAMPLES)]
    Listen(ListenArguments),
    /// Make, list, change and remove accounts; works while the server runs
    #[command(subcommand, after_help = ACCOUNT_EXAMPLES)]
    Account(AccountCommand),
    /// Make, list and revoke passwords for single devices or programs
    #[command(subcommand, after_help = APP_PASSWORD_EXAMPLES)]
    AppPassword(AppPasswordCommand),
    /// Run the push service alone, without mail: listen.push, with its data in data_dir
    #[command(args_conflicts_with_subcommands = true, after_help = PUSH_SERVICE_EXAMPLES)]
    PushService {
        /// Look at it instead of running it
        #[command(subcommand)]
        command: Option<PushServiceCommand>,
    },
    /// Show or change the key that pushes are signed with
    #[command(subcommand)]
    Vapid(VapidCommand),
    /// Push by hand
    #[command(subcommand)]
    Push(PushCommand),
    /// List and remove the push subscriptions of an account
    #[command(subcommand, after_help = SUBSCRIPTION_EXAMPLES)]
    Subscription(SubscriptionCommand),
    /// Look after the store
    #[command(subcommand)]
    Store(StoreCommand),
    /// Bring mail from a Maildir or an mbox file into an account; run it again to go on or to bring what is new
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArguments),
    /// Copy the store, keys and all, to a new directory; works while the server runs
    #[command(after_help = "Example:\n  mailbell backup /var/backups/mailbell-2026-11-22")]
    Backup {
        /// A directory that is empty or does not exist
        directory: PathBuf,
    },
    /// Make the data directory from a backup; there must be none, and clients will read their mailboxes anew
    #[command(
        after_help = "Example:\n  mv mailbell-data broken\n  mailbell restore /var/backups/mailbell-2026-11-22"
    )]
    Restore {
        /// What mailbell backup made
        directory: PathBuf,
    },
    /// Read the configuration and tell what is wrong with it, by line
    #[command(after_help = "Example:\n  mailbell check-config --config /etc/mailbell/mailbell.toml")]
    CheckConfig {
        /// Print the name of every key and of its environment variable
        #[arg(long)]
        keys: bool,
    },
    /// Measure this machine: deliveries, new mail on idling connections, envelopes, memory, pushes; beside Dovecot, if it is installed
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(BenchOptions),
}

/// `mailbell bench ...`
#[derive(Args, Debug)]
pub(crate) struct BenchOptions {
    /// Measure this part alone
    #[arg(long, value_enum, value_name = "PART")]
    pub(crate) only: Option<BenchPart>,
    /// How long each rate is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) seconds: u64,
    /// How many IMAP connections idle
    #[arg(long, value_name = "NUMBER", default_value_t = 2000)]
    pub(crate) idle: usize,
    /// How many messages the large mailbox has
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000)]
    pub(crate) mailbox: u64,
    /// How many connections of user agents idle at the push service
    #[arg(long, value_name = "NUMBER", default_value_t = 5000)]
    pub(crate) push_idle: usize,
    /// How many messages the large mailbox has that JMAP reads a page of
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000)]
    pub(crate) jmap_messages: u64,
    /// How many messages each figure of the push service is made of
    #[arg(long, value_name = "NUMBER", default_value_t = 30_000)]
    pub(crate) messages: usize,
    /// How many subscriptions the push service is given in the end, from 1,000 on by tens
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000)]
    pub(crate) subscriptions: usize,
    /// Where the servers keep their data meanwhile: the disk there is what is measured [default: the system's temporary directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) directory: Option<PathBuf>,
    /// Measure Mailbell alone
    #[arg(long)]
    pub(crate) no_peer: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `mailbell bench` can measure.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BenchPart {
    /// Deliveries, envelopes, idling connections, beside Dovecot
    Mail,
    /// Pages of a small and a large mailbox over JMAP, and new mail at an event source
    Jmap,
    /// One large mailbox: opening, catching up, STORE, SEARCH TEXT, large bodies, beside Dovecot
    Mailbox,
    /// Pushes to connected and for absent agents, idle connections, many subscriptions
    PushService,
}

/// `mailbell account ...`
#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Make an account, with INBOX, Drafts, Sent, Junk, Trash and Archive
    Add {
        /// Bare (alice) or an address (alice@example.org)
        name: String,
        /// The most that its messages may take, such as 5GiB [default: no limit]
        #[arg(long, value_parser = parse_size)]
        quota: Option<u64>,
        /// Where the password comes from
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List the accounts with their aliases and sizes
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Remove an account with all its mail, passwords and subscriptions
    Remove {
        /// The account
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Set the main password
    Password {
        /// The account
        name: String,
        /// Where the password comes from
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Add or remove further names that mail is taken for
    #[command(subcommand)]
    Alias(AliasCommand),
    /// Set or lift the limit on the size of an account's messages
    Quota {
        /// The account
        name: String,
        /// Such as 5GiB; none lifts the limit
        #[arg(value_parser = parse_size)]
        quota: Option<u64>,
    },
}

/// `mailbell account alias ...`
#[derive(Debug, Subcommand)]
pub(crate) enum AliasCommand {
    /// Take mail for ALIAS to the account
    Add {
        /// The account
        name: String,
        /// Bare or an address
        alias: String,
    },
    /// Take mail for ALIAS no longer
    Remove {
        /// The account
        name: String,
        /// Bare or an address
        alias: String,
    },
}

/// `mailbell app-password ...`
#[derive(Debug, Subcommand)]
pub(crate) enum AppPasswordCommand {
    /// Make one; it is printed once, unless it comes from standard input
    Add {
        /// The account
        name: String,
        /// What it is for, such as "phone"
        label: String,
        /// Read it from the first line of standard input instead of making one up
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all passwords of an account: when made, when last used
    List {
        /// The account
        name: String,
    },
    /// Revoke one; its push subscriptions go with it
    Revoke {
        /// The account
        name: String,
        /// What it was made for
        label: String,
    },
}

/// `mailbell subscription ...`
#[derive(Debug, Subcommand)]
pub(crate) enum SubscriptionCommand {
    /// List the subscriptions of an account, or of all accounts
    List {
        /// The account
        name: Option<String>,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Remove one; nothing is pushed to it any more
    Remove {
        /// The account
        name: String,
        /// The id that the device gave it
        id: String,
    },
}

/// `mailbell vapid ...`
#[derive(Debug, Subcommand)]
pub(crate) enum VapidCommand {
    /// Print the public key that devices are told; makes one if there is none
    Show,
    /// Put a new key in place; the old one still serves the devices that know it, until `vapid drop`
    Rotate,
    /// Drop the old key: devices that have not learnt of the new one have to register again
    Drop,
}

/// `mailbell store ...`
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Recompute what is derived (counts, sizes, references) and compare; works while the server runs
    Check,
}

/// `mailbell listen ...`
#[derive(Debug, Args)]
pub(crate) struct ListenArguments {
    /// The mail account, such as imaps://alice@mail.example; without one the endpoint is printed for any application server
    pub(crate) account: Option<String>,
    /// The push service, wss:// or ws:// [default: our own, by push_service.public_url and listen.push]
    #[arg(long, value_name = "URL")]
    pub(crate) service: Option<String>,
    /// A PEM file with an authority to trust besides the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Where the subscription is remembered, with its keys [default: agent.json in $XDG_STATE_HOME/mailbell]
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Run a shell command for each push, with the push on its standard input; what comes meanwhile is put together
    #[arg(long, value_name = "COMMAND")]
    pub(crate) exec: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Be a gateway for many subscriptions, as FILE says: hand each message to a command, a URL or an MQTT topic
    #[arg(long, value_name = "FILE", conflicts_with_all = ONE_LISTENER)]
    pub(crate) gateway: Option<PathBuf>,
    /// Print the endpoint and the keys of each subscription of the gateway as JSON, for application servers, and end
    #[arg(long, requires = "gateway")]
    pub(crate) endpoints: bool,
    /// Be the UnifiedPush distributor of this desktop: applications register over D-Bus and get their messages there
    #[arg(long, conflicts_with_all = ["gateway", "account", "exec", "json", "password_stdin"])]
    pub(crate) unifiedpush: bool,
    /// Where the account's password comes from
    #[command(flatten)]
    pub(crate) password: PasswordSource,
}

/// `mailbell push-service ...`
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum PushServiceCommand {
    /// How it is doing, alone or inside the mail server: what it keeps, running or not, and what it did since its start
    Stats {
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

/// `mailbell push ...`
#[derive(Debug, Subcommand)]
pub(crate) enum PushCommand {
    /// Encrypt a text for one subscription, sign it with the server's VAPID key and post it
    #[command(after_help = PUSH_SEND_EXAMPLES)]
    Send(PushSendArguments),
}

/// `mailbell push send ...`
#[derive(Debug, Args)]
pub(crate) struct PushSendArguments {
    /// What to say, at most 3993 bytes [default: standard input]
    pub(crate) text: Option<String>,
    /// The subscription as browsers write it in JSON; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["endpoint", "p256dh", "auth"])]
    pub(crate) subscription: Option<PathBuf>,
    /// The push resource
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The user agent's public key in base64url
    #[arg(long, value_name = "KEY")]
    pub(crate) p256dh: Option<String>,
    /// The user agent's secret in base64url
    #[arg(long, value_name = "SECRET")]
    pub(crate) auth: Option<String>,
    /// Seconds for which the push service keeps it
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub(crate) ttl: Ttl,
    /// very-low, low, normal or high
    #[arg(long, default_value = "normal")]
    pub(crate) urgency: Urgency,
    /// Replaces the waiting push of the same topic; at most 32 characters of base64url
    #[arg(long)]
    pub(crate) topic: Option<Topic>,
}

/// `mailbell import ...`
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// What lies at PATH
    #[arg(value_enum)]
    pub(crate) kind: ImportKind,
    /// A Maildir (with the folders of Maildir++) or an mbox file; it is only read
    pub(crate) path: PathBuf,
    /// The account that gets the mail
    #[arg(long, value_name = "NAME")]
    pub(crate) account: String,
    /// The mailbox that gets it; folders go below it, or to the top if it is INBOX
    #[arg(long, value_name = "MAILBOX", default_value = "INBOX")]
    pub(crate) mailbox: String,
}

/// What mail can be imported from.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ImportKind {
    /// A directory with cur/ and new/
    Maildir,
    /// A file with messages after "From " lines
    Mbox,
}

/// A password, asked for twice on the terminal or read from standard input.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct PasswordSource {
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

const BENCH_EXAMPLES: &str = "Examples:\n  mailbell bench\n  mailbell bench --seconds 30 --directory /var/lib --json\n  \
    mailbell bench --only push-service --subscriptions 1000000\n\n\
    Servers of its own are started on loopback and ended again. bench/README.md explains the figures.";
const ACCOUNT_EXAMPLES: &str = "Examples:
  mailbell account add alice
  pass show mail/alice | mailbell account add alice@example.org --quota 5GiB --password-stdin
  mailbell account alias add alice postmaster@example.org
  mailbell account list";

const APP_PASSWORD_EXAMPLES: &str = "Examples:
  mailbell app-password add alice phone
  mailbell app-password revoke alice phone";

const SUBSCRIPTION_EXAMPLES: &str = "Examples:
  mailbell subscription list alice
  mailbell subscription remove alice phone-7f3a";

const IMPORT_EXAMPLES: &str = "Examples:
  mailbell import maildir ~/Maildir --account alice
  mailbell import mbox ~/mail/2019.mbox --account alice --mailbox Archive/2019";

const PUSH_SERVICE_EXAMPLES: &str = "Examples:
  mailbell push-service --config /etc/mailbell/push.toml
  mailbell push-service stats --config /etc/mailbell/push.toml

Counts since the start come from the running server by listen.http; docs/metrics.md explains them.";

const PUSH_SEND_EXAMPLES: &str = "Examples:
  mailbell push send --subscription phone.json 'Hello'
  mailbell push send --endpoint https://push.example/... --p256dh B... --auth ... --urgency high < message";

const LISTEN_EXAMPLES: &str = "Examples:
  mailbell listen imaps://alice@mail.example --service wss://push.mail.example
  mailbell listen imaps://alice@mail.example --service wss://push.mail.example --exec 'mbsync -a'
  mailbell listen --service wss://push.mail.example --json
  mailbell listen --gateway /etc/mailbell/gateway.toml
  mailbell listen --gateway /etc/mailbell/gateway.toml --endpoints
  mailbell listen --unifiedpush --service wss://push.mail.example

docs/gateway.md explains gateways, their file, and UnifiedPush.";

/// What a gateway's file says instead.
const ONE_LISTENER: [&str; 7] = ["account", "service", "ca", "state", "exec", "json", "password_stdin"];
