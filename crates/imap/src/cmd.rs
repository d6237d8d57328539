//! The commands: one file each, named after it (or after the pair that it is half of).
//!
//! A command checks the state, asks the store, writes its untagged responses and returns its tagged answer. What
//! changed meanwhile is told by [`sync`], between the two.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use store::{Store, UnixTime};

use crate::conn::{Link, Origin};
use crate::reply::Failure;
use crate::server::Inner;
use crate::session::Session;
use crate::wire::command::{Command, Tag};
use crate::wire::response::Response;
use crate::wire::status::Status;

mod ackwebpush;
mod acl;
pub(crate) mod append;
mod apple_push;
mod aside;
mod authenticate;
pub(crate) mod batch;
pub(crate) mod capability;
mod catenate;
mod collation;
mod compress;
mod create;
mod delete;
mod enable;
mod expunge;
mod fetch;
mod flags;
mod getjmapaccess;
mod getvapid;
mod id;
mod list;
mod login;
mod lsub;
mod lwebpush;
mod message_limit;
pub(crate) mod metadata;
mod multisearch;
mod namespace;
pub(crate) mod notify;
mod pattern;
pub(crate) mod place;
mod push_notify;
mod quota;
mod rename;
mod replace;
mod resync;
pub(crate) mod search;
mod select;
pub(crate) mod silwebpush;
mod sort;
mod starttls;
mod status;
mod store_flags;
mod subscribe;
pub(crate) mod sync;
mod thread;
mod transfer;
mod unauthenticate;
mod unselect;
mod webpush;

/// What a command works with.
pub(crate) struct Context<'c> {
    pub(crate) server: &'c Inner,
    pub(crate) session: &'c mut Session,
    pub(crate) link: &'c mut Link,
    pub(crate) origin: Origin,
    pub(crate) tag: &'c Tag,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) enum Done {
    /// With this tagged answer.
    Status(Status),
    /// Wrong name or password: the answer waits a while.
    LoginFailed { status: Status, delay: Duration },
    /// IDLE has begun.
    Idle,
    /// TLS begins after the answer.
    StartTls,
    /// Compression begins after the answer.
    Compress,
    /// The connection ends.
    Logout,
}

impl Context<'_> {
    /// The store.
    pub(crate) fn store(&self) -> &Store {
        &self.server.store
    }

    /// Writes an untagged response.
    pub(crate) fn untagged(&mut self, response: &Response<'_>) {
        response.encode(&mut self.link.out, self.session.names());
    }
}

/// The time of day.
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// `OK NAME done`.
pub(crate) fn done(name: &'static str) -> Result<Done, Failure> {
    Ok(Done::Status(Status::ok(format!("{name} done"))))
}

/// Runs a command in its state.
pub(crate) async fn run(context: &mut Context<'_>, command: Command) -> Result<Done, Failure> {
    let name = command.name();
    // RFC 9586 §3.
    if context.session.enabled.uid_only && command.names_numbers() {
        return Err(Failure::UidRequired);
    }
    match command {
        // RFC 9051 §6.1: valid in any state.
        Command::Capability => Ok(capability::run(context)),
        Command::Noop => done(name),
        Command::Logout => Ok(Done::Logout),
        Command::Id(_) => id::run(context),
        // RFC 9051 §6.2: valid before login.
        Command::StartTls => starttls::run(context),
        Command::Login(login) => login::run(context, login).await,
        Command::Authenticate(authenticate) => authenticate::run(context, authenticate).await,
        // RFC 9051 §6.3: valid after login.
        Command::Unauthenticate => unauthenticate::run(context),
        Command::Compress { mechanism } => compress::run(context, &mechanism),
        Command::Enable(names) => enable::run(context, &names).await,
        Command::Select(select) => select::run(context, select, select::Form::Select).await,
        Command::Examine(select) => select::run(context, select, select::Form::Examine).await,
        Command::Create(create) => create::run(context, create).await,
        Command::Delete { mailbox } => delete::run(context, &mailbox).await,
        Command::Rename { from, to } => rename::run(context, &from, &to).await,
        Command::Subscribe { mailbox } => subscribe::run(context, &mailbox).await,
        Command::Unsubscribe { mailbox } => subscribe::undo(context, &mailbox).await,
        Command::List(list) => list::run(context, list).await,
        Command::Lsub { reference, pattern } => lsub::run(context, &reference, &pattern).await,
        Command::GetJmapAccess => getjmapaccess::run(context),
        Command::Namespace => namespace::run(context),
        Command::Status { mailbox, items } => status::run(context, &mailbox, &items).await,
        Command::Notify(notify) => notify::run(context, notify).await,
        Command::Append(append) => append::run(context, append).await,
        Command::SetAcl(set) => acl::set(context, set).await,
        Command::DeleteAcl(target) => acl::delete(context, target).await,
        Command::GetAcl { mailbox } => acl::get(context, &mailbox).await,
        Command::ListRights(target) => acl::list_rights(context, target).await,
        Command::MyRights { mailbox } => acl::my_rights(context, &mailbox).await,
        Command::GetMetadata(get) => metadata::get(context, get).await,
        Command::SetMetadata(set) => metadata::set(context, set).await,
        Command::GetQuota(root) => quota::run(context, &root).await,
        Command::GetQuotaRoot { mailbox } => quota::root(context, &mailbox).await,
        Command::Idle => {
            context.session.access()?;
            // RFC 9051 §6.3.13: before anything is told; Thunderbird passes over what comes ahead of it.
            context.link.out.extend_from_slice(b"+ idling\r\n");
            Ok(Done::Idle)
        }
        Command::ApplePush(apple_push) => apple_push::run(context, apple_push).await,
        Command::PushNotify(push_notify) => push_notify::run(context, push_notify).await,
        Command::GetVapid => getvapid::run(context),
        Command::WebPush(webpush) => webpush::run(context, webpush).await,
        Command::AckWebPush(token) => ackwebpush::run(context, &token).await,
        Command::ListWebPush(pattern) => lwebpush::run(context, &pattern).await,
        Command::SilenceWebPush { id, duration } => silwebpush::run(context, &id, duration).await,
        // RFC 9051 §6.4: valid in a mailbox.
        Command::Check => context.session.selected().map(|_| ()).and_then(|()| done(name)),
        Command::Close => unselect::close(context).await,
        Command::Unselect => unselect::run(context),
        Command::Expunge { uids } => expunge::run(context, uids).await,
        Command::Search(search) => search::run(context, search).await,
        Command::CancelUpdate(tags) => search::update::cancel(context, &tags),
        Command::MultiSearch(search) => multisearch::run(context, search).await,
        Command::Sort(sort) => sort::run(context, sort).await,
        Command::Thread(thread) => thread::run(context, thread).await,
        Command::Fetch(fetch) => fetch::run(context, fetch).await,
        Command::Store(store) => store_flags::run(context, store).await,
        Command::Replace(replace) => replace::run(context, replace).await,
        Command::Copy(transfer) => transfer::copy(context, transfer).await,
        Command::Move(transfer) => transfer::move_messages(context, transfer).await,
    }
}
