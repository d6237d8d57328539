//! One command's bytes to a [`Request`]: the tag, the name, and the parser of its arguments (RFC 9051 §9).

use bytes::Bytes;
use thiserror::Error;

use crate::wire::acl;
use crate::wire::append::{append, replace};
use crate::wire::apple::apple_push;
use crate::wire::command::{
    Authenticate, Command, Create, Login, Password, Request, Store, StoreAnswer, StoreOperation, Tag,
    Transfer,
};
use crate::wire::cursor::{Cursor, Empty, ListBounds, Parsed, SyntaxError, is_atom_char, text};
use crate::wire::fetch::fetch;
use crate::wire::flag::flags_of_store;
use crate::wire::list::{list, status_items};
use crate::wire::mailbox::{Names, mailbox, pattern, reference};
use crate::wire::metadata;
use crate::wire::multisearch::multi_search;
use crate::wire::notify::notify;
use crate::wire::push_notify::push_notify;
use crate::wire::quota;
use crate::wire::search::{cancel_update, search};
use crate::wire::select::select;
use crate::wire::set::{Numbering, SeqSet};
use crate::wire::sort::sort;
use crate::wire::thread::thread;
use crate::wire::webpush;

/// Most pairs in ID (RFC 2971 §3.3); more are BAD.
pub const ID_PAIRS_MAX: usize = 30;
/// Most capabilities in one ENABLE; more are BAD.
pub const ENABLE_MAX: usize = 64;

/// A command that broke the grammar.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{error}")]
pub struct BadCommand {
    /// The tag, if even that could not be read: then the answer is untagged.
    pub tag: Option<Tag>,
    /// What was wrong.
    pub error: SyntaxError,
}

// command = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF
/// Parses one command, given without its last CRLF.
pub fn parse(frame: &Bytes, names: Names) -> Result<Request, BadCommand> {
    let mut cursor = Cursor::new(frame, names);
    let tag = match cursor.tag() {
        // What goes on as no tag does is none, and is not echoed.
        Ok(tag) if matches!(cursor.peek(), None | Some(b' ')) => Tag(tag),
        Ok(_) => return Err(BadCommand { tag: None, error: cursor.expected("a space") }),
        Err(error) => return Err(BadCommand { tag: None, error }),
    };
    match command(&mut cursor) {
        Ok(command) => Ok(Request { tag, command }),
        Err(error) => Err(BadCommand { tag: Some(tag), error }),
    }
}

/// The tag with which a frame begins, whole or not: for answering what never became a command.
#[must_use]
pub fn tag_of(frame: &[u8]) -> Option<Tag> {
    let frame = Bytes::copy_from_slice(frame.get(..frame.len().min(512)).unwrap_or_default());
    let mut cursor = Cursor::new(&frame, Names::default());
    let tag = cursor.tag().ok()?;
    cursor.sp().ok()?;
    Some(Tag(tag))
}

fn command(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    cursor.sp()?;
    let start = cursor.clone();
    let word = cursor.keyword("a command")?;
    let without_arguments = match word.as_str() {
        "CAPABILITY" => Some(Command::Capability),
        "NOOP" => Some(Command::Noop),
        "LOGOUT" => Some(Command::Logout),
        "STARTTLS" => Some(Command::StartTls),
        "NAMESPACE" => Some(Command::Namespace),
        "IDLE" => Some(Command::Idle),
        "CHECK" => Some(Command::Check),
        "CLOSE" => Some(Command::Close),
        "UNSELECT" => Some(Command::Unselect),
        "UNAUTHENTICATE" => Some(Command::Unauthenticate),
        "EXPUNGE" => Some(Command::Expunge { uids: None }),
        "GETJMAPACCESS" => Some(Command::GetJmapAccess),
        "GETVAPID" => Some(Command::GetVapid),
        _ => None,
    };
    if let Some(command) = without_arguments {
        cursor.end()?;
        return Ok(command);
    }
    match with_arguments(cursor, word.as_str()) {
        Some(command) => command,
        None => Err(start.invalid("there is no such command")),
    }
}

/// The commands with arguments; `None` if there is no such command.
fn with_arguments(cursor: &mut Cursor<'_>, word: &str) -> Option<Parsed<Command>> {
    type Parser = fn(&mut Cursor<'_>) -> Parsed<Command>;
    let parser: Parser = match word {
        "ID" => id,
        "AUTHENTICATE" => authenticate,
        "LOGIN" => login,
        "COMPRESS" => compress,
        "ENABLE" => enable,
        "SELECT" => |cursor| select(cursor).map(Command::Select),
        "EXAMINE" => |cursor| select(cursor).map(Command::Examine),
        "CREATE" => create,
        "DELETE" => |cursor| one_mailbox(cursor).map(|mailbox| Command::Delete { mailbox }),
        "RENAME" => rename,
        "SUBSCRIBE" => |cursor| one_mailbox(cursor).map(|mailbox| Command::Subscribe { mailbox }),
        "UNSUBSCRIBE" => |cursor| one_mailbox(cursor).map(|mailbox| Command::Unsubscribe { mailbox }),
        "LIST" => |cursor| list(cursor).map(Command::List),
        "LSUB" => lsub,
        "STATUS" => status,
        "NOTIFY" => |cursor| notify(cursor).map(Command::Notify),
        "APPEND" => |cursor| append(cursor).map(Command::Append),
        "SETACL" => |cursor| acl::set_acl(cursor).map(Command::SetAcl),
        "DELETEACL" => |cursor| acl::acl_target(cursor).map(Command::DeleteAcl),
        "GETACL" => |cursor| one_mailbox(cursor).map(|mailbox| Command::GetAcl { mailbox }),
        "LISTRIGHTS" => |cursor| acl::acl_target(cursor).map(Command::ListRights),
        "MYRIGHTS" => |cursor| one_mailbox(cursor).map(|mailbox| Command::MyRights { mailbox }),
        "GETMETADATA" => |cursor| metadata::get_metadata(cursor).map(Command::GetMetadata),
        "SETMETADATA" => |cursor| metadata::set_metadata(cursor).map(Command::SetMetadata),
        "GETQUOTA" => |cursor| quota::root(cursor).map(Command::GetQuota),
        "GETQUOTAROOT" => {
            |cursor| quota::mailbox_of_root(cursor).map(|mailbox| Command::GetQuotaRoot { mailbox })
        }
        "REPLACE" => |cursor| replace(cursor, Numbering::Seq).map(Command::Replace),
        "UID" => uid,
        "SEARCH" => |cursor| search(cursor, Numbering::Seq).map(Command::Search),
        "CANCELUPDATE" => |cursor| cancel_update(cursor).map(Command::CancelUpdate),
        "ESEARCH" => |cursor| multi_search(cursor).map(Command::MultiSearch),
        "SORT" => |cursor| sort(cursor, Numbering::Seq).map(Command::Sort),
        "THREAD" => |cursor| thread(cursor, Numbering::Seq).map(Command::Thread),
        "FETCH" => |cursor| fetch(cursor, Numbering::Seq).map(Command::Fetch),
        "STORE" => |cursor| store(cursor, Numbering::Seq).map(Command::Store),
        "COPY" => |cursor| transfer(cursor, Numbering::Seq).map(Command::Copy),
        "MOVE" => |cursor| transfer(cursor, Numbering::Seq).map(Command::Move),
        "XAPPLEPUSHSERVICE" => |cursor| apple_push(cursor).map(Command::ApplePush),
        "PUSH-NOTIFY-HTTP" => |cursor| push_notify(cursor).map(Command::PushNotify),
        "WEBPUSH" => |cursor| webpush::webpush(cursor).map(Command::WebPush),
        "ACKWEBPUSH" => |cursor| webpush::ack(cursor).map(Command::AckWebPush),
        "LWEBPUSH" => |cursor| webpush::list_pattern(cursor).map(Command::ListWebPush),
        "SILWEBPUSH" => {
            |cursor| webpush::silence(cursor).map(|(id, duration)| Command::SilenceWebPush { id, duration })
        }
        _ => return None,
    };
    Some(cursor.sp().and_then(|()| parser(cursor)))
}

// uid = "UID" SP (copy / move / fetch / replace / search / sort / store / thread / uid-expunge)
fn uid(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let start = cursor.clone();
    let word = cursor.keyword("a command after UID")?;
    cursor.sp()?;
    match word.as_str() {
        "COPY" => transfer(cursor, Numbering::Uid).map(Command::Copy),
        "MOVE" => transfer(cursor, Numbering::Uid).map(Command::Move),
        "FETCH" => fetch(cursor, Numbering::Uid).map(Command::Fetch),
        "SEARCH" => search(cursor, Numbering::Uid).map(Command::Search),
        "SORT" => sort(cursor, Numbering::Uid).map(Command::Sort),
        "THREAD" => thread(cursor, Numbering::Uid).map(Command::Thread),
        "STORE" => store(cursor, Numbering::Uid).map(Command::Store),
        "REPLACE" => replace(cursor, Numbering::Uid).map(Command::Replace),
        // uid-expunge = "UID" SP "EXPUNGE" SP sequence-set
        "EXPUNGE" => {
            let uids = SeqSet::parse(cursor)?;
            cursor.end()?;
            Ok(Command::Expunge { uids: Some(uids) })
        }
        _ => Err(start.invalid("there is no such command after UID")),
    }
}

// id = "ID" SP id-params-list
// id-params-list = "(" *(string SP nstring) ")" / nil
fn id(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    if cursor.eat_word("NIL") {
        cursor.end()?;
        return Ok(Command::Id(None));
    }
    cursor.expect(b'(', "a list or NIL")?;
    let mut pairs = Vec::new();
    loop {
        // aioimaplib also has spaces beside the parentheses.
        while cursor.eat(b' ') {}
        if cursor.eat(b')') {
            break;
        }
        if pairs.len() == ID_PAIRS_MAX {
            return Err(cursor.invalid("there are too many of them"));
        }
        let at = cursor.position();
        let name = text(cursor.string()?, at)?;
        cursor.sp()?;
        let at = cursor.position();
        let value = cursor.nstring()?.map(|value| text(value, at)).transpose()?;
        pairs.push((name, value));
    }
    cursor.end()?;
    Ok(Command::Id(Some(pairs)))
}

// authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp] *(CRLF base64)
// initial-resp = base64 / "="
fn authenticate(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let mechanism = String::from_utf8_lossy(cursor.atom()?).to_ascii_uppercase();
    let mut initial_response = None;
    if cursor.eat(b' ') {
        let base64 = cursor.some(
            |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='),
            "an initial response in base64",
        )?;
        initial_response = Some(Password::new(String::from_utf8_lossy(base64).into_owned()));
    }
    cursor.end()?;
    Ok(Command::Authenticate(Authenticate { mechanism, initial_response }))
}

// login = "LOGIN" SP userid SP password
fn login(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let user = cursor.astring_text()?;
    cursor.sp()?;
    let password = Password::new(cursor.astring_text()?);
    cursor.end()?;
    Ok(Command::Login(Login { user, password }))
}

// compress = "COMPRESS" SP algorithm
fn compress(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let mechanism = String::from_utf8_lossy(cursor.atom()?).to_ascii_uppercase();
    cursor.end()?;
    Ok(Command::Compress { mechanism })
}

// enable = "ENABLE" 1*(SP capability)
fn enable(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let mut names = Vec::new();
    loop {
        if names.len() == ENABLE_MAX {
            return Err(cursor.invalid("there are too many capabilities"));
        }
        names.push(String::from_utf8_lossy(cursor.atom()?).to_ascii_uppercase());
        if !cursor.eat(b' ') {
            break;
        }
    }
    cursor.end()?;
    Ok(Command::Enable(names))
}

// create = "CREATE" SP mailbox [SP "(" create-param *(SP create-param) ")"]
// create-param =/ "USE" SP "(" [use-attr *(SP use-attr)] ")"
fn create(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let mailbox = mailbox(cursor)?;
    let mut special_use = Vec::new();
    if cursor.eat(b' ') {
        cursor.list(ListBounds { max: 8, empty: Empty::Refused }, |cursor| {
            if !cursor.eat_text("USE ") {
                return Err(cursor.expected("USE and a list"));
            }
            special_use.extend(cursor.list(ListBounds { max: 16, empty: Empty::Allowed }, use_attr)?);
            Ok(())
        })?;
    }
    cursor.end()?;
    Ok(Command::Create(Create { mailbox, special_use }))
}

// use-attr = "\All" / "\Archive" / "\Drafts" / "\Flagged" / "\Junk" / "\Sent" / "\Trash" / use-attr-ext
fn use_attr(cursor: &mut Cursor<'_>) -> Parsed<String> {
    cursor.expect(b'\\', "a use such as \\Drafts")?;
    let atom = cursor.some(is_atom_char, "a use such as \\Drafts")?;
    Ok(format!("\\{}", String::from_utf8_lossy(atom)))
}

// rename = "RENAME" SP mailbox SP mailbox
fn rename(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let from = mailbox(cursor)?;
    cursor.sp()?;
    let to = mailbox(cursor)?;
    cursor.end()?;
    Ok(Command::Rename { from, to })
}

fn one_mailbox(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let mailbox = mailbox(cursor)?;
    cursor.end()?;
    Ok(mailbox)
}

// lsub = "LSUB" SP mailbox SP list-mailbox   (RFC 3501 §9)
fn lsub(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let reference = reference(cursor)?;
    cursor.sp()?;
    let pattern = pattern(cursor)?;
    cursor.end()?;
    Ok(Command::Lsub { reference, pattern })
}

// status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"
fn status(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let mailbox = mailbox(cursor)?;
    cursor.sp()?;
    let items = status_items(cursor)?;
    cursor.end()?;
    Ok(Command::Status { mailbox, items })
}

// store = "STORE" SP sequence-set [SP store-modifiers] SP store-att-flags
// store-modifiers = "(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")"
// store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
fn store(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Store> {
    let set = SeqSet::parse(cursor)?;
    cursor.sp()?;
    let mut unchanged_since = None;
    if cursor.eat(b'(') {
        if !cursor.eat_text("UNCHANGEDSINCE ") {
            return Err(cursor.expected("UNCHANGEDSINCE and a number"));
        }
        unchanged_since = Some(cursor.number64()?);
        cursor.expect(b')', "a closing parenthesis")?;
        cursor.sp()?;
    }
    let operation = if cursor.eat(b'+') {
        StoreOperation::Add
    } else if cursor.eat(b'-') {
        StoreOperation::Remove
    } else {
        StoreOperation::Replace
    };
    let answer = if cursor.eat_word("FLAGS.SILENT") {
        StoreAnswer::Silent
    } else if cursor.eat_word("FLAGS") {
        StoreAnswer::Flags
    } else {
        return Err(cursor.expected("FLAGS or FLAGS.SILENT"));
    };
    cursor.sp()?;
    let flags = flags_of_store(cursor)?;
    cursor.end()?;
    Ok(Store { numbering, set, unchanged_since, operation, answer, flags })
}

// copy = "COPY" SP sequence-set SP mailbox
// move = "MOVE" SP sequence-set SP mailbox
fn transfer(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Transfer> {
    let set = SeqSet::parse(cursor)?;
    cursor.sp()?;
    let mailbox = mailbox(cursor)?;
    cursor.end()?;
    Ok(Transfer { numbering, set, mailbox })
}

#[cfg(test)]
mod tests;
