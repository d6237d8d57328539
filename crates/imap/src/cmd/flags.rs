//! Flags between the wire and the store, and the two responses that list them (RFC 9051 §7.3.5, §7.1).

use store::{Flags, Keywords};

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
    let has_keywords = flags.0 >> SYSTEM_BITS != 0;
    let keywords = has_keywords.then(|| keywords.of(flags)).into_iter().flatten();
    system.chain(keywords)
}

/// Whether a message has a keyword that `keywords` does not name: it is newer.
pub(crate) fn has_unknown_keyword(flags: Flags, keywords: &Keywords) -> bool {
    let known = u32::try_from(keywords.iter().count()).unwrap_or(u32::MAX);
    flags.0.checked_shr(SYSTEM_BITS.saturating_add(known)).unwrap_or(0) != 0
}

/// Tells the client which flags there are: all system flags and the account's keywords.
pub(crate) fn tell(context: &mut Context<'_>, keywords: &Keywords, permanent: Permanent) {
    let all: Vec<String> =
        SYSTEM.iter().map(|(_, name)| *name).chain(keywords.iter()).map(str::to_owned).collect();
    context.untagged(&Response::Flags(&all));
    let code = match permanent {
        Permanent::None => Code::PermanentFlags(Vec::new()),
        // RFC 9051 §7.1: `\*` says that new keywords can be made.
        Permanent::All => Code::PermanentFlags(all.into_iter().chain([r"\*".to_owned()]).collect()),
    };
    Status::ok("flags that can be changed").with(code).encode(&mut context.link.out, None);
}

/// Which flags the client may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permanent {
    /// None: the mailbox is read-only.
    None,
    /// All, and it may make keywords.
    All,
}

const SYSTEM: [(Flags, &str); 5] = [
    (Flags::ANSWERED, r"\Answered"),
    (Flags::FLAGGED, r"\Flagged"),
    (Flags::DELETED, r"\Deleted"),
    (Flags::SEEN, r"\Seen"),
    (Flags::DRAFT, r"\Draft"),
];

/// Bits of [`Flags`] before the first keyword.
const SYSTEM_BITS: u32 = 8;
