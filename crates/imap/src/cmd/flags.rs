//! Flags between the wire and the store, and the two responses that list them (RFC 9051 §7.3.5, §7.1).

use store::{Flags, Keywords, Rights};

use crate::cmd::Context;
use crate::wire::flag::Flag;
use crate::wire::response::Response;
use crate::wire::status::{Code, Status};

/// A client's flags as the store takes them: bits, and keywords by name.
pub(crate) fn to_store(flags: Vec<Flag>) -> (Flags, Vec<String>) {
    let mut bits = Flags::default();
    let mut keywords = Vec::new();
    for flag in flags {
        match flag {
            Flag::Seen => bits = bits.union(Flags::SEEN),
            Flag::Answered => bits = bits.union(Flags::ANSWERED),
            Flag::Flagged => bits = bits.union(Flags::FLAGGED),
            Flag::Deleted => bits = bits.union(Flags::DELETED),
            Flag::Draft => bits = bits.union(Flags::DRAFT),
            Flag::Keyword(keyword) => keywords.push(keyword),
        }
    }
    (bits, keywords)
}

/// The names of the flags that are set.
pub(crate) fn names(flags: Flags, keywords: &Keywords) -> impl Iterator<Item = &str> {
    let system = SYSTEM.into_iter().filter(move |(bit, _)| flags.contains(*bit)).map(|(_, name)| name);
    // Most messages have none: looking through all names is for the others.
    let has_keywords = flags.0 >> Flags::SYSTEM_BITS != 0;
    let keywords = has_keywords.then(|| keywords.of(flags)).into_iter().flatten();
    system.chain(keywords)
}

/// Tells the client which flags there are, all system flags and the account's keywords, and which these rights let it
/// change.
pub(crate) fn tell(context: &mut Context<'_>, keywords: &Keywords, rights: Rights) {
    let all: Vec<String> =
        SYSTEM.iter().map(|(_, name)| *name).chain(keywords.iter()).map(str::to_owned).collect();
    context.untagged(&Response::Flags(&all));
    let permanent = all.into_iter().filter(|name| rights.contains(right_to(name)));
    // RFC 9051 §7.1: `\*` says that new keywords can be made.
    let any = rights.contains(Rights::WRITE).then(|| r"\*".to_owned());
    let code = Code::PermanentFlags(permanent.chain(any).collect());
    Status::ok("flags that can be changed").with(code).encode(&mut context.link.out, None);
}

/// RFC 4314 §4 and §5.1.1: the right that changing a flag takes.
fn right_to(flag: &str) -> Rights {
    match flag {
        r"\Seen" => Rights::SEEN,
        r"\Deleted" => Rights::DELETE_MESSAGES,
        _ => Rights::WRITE,
    }
}

const SYSTEM: [(Flags, &str); 5] = [
    (Flags::ANSWERED, r"\Answered"),
    (Flags::FLAGGED, r"\Flagged"),
    (Flags::DELETED, r"\Deleted"),
    (Flags::SEEN, r"\Seen"),
    (Flags::DRAFT, r"\Draft"),
];
