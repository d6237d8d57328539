//! LSUB (RFC 3501 §6.3.9; RFC 9051 has LIST (SUBSCRIBED) instead).

use std::collections::BTreeMap;

use store::MailboxName;

use crate::cmd::pattern::Pattern;
use crate::cmd::{Context, Done, done};
use crate::reply::Failure;
use crate::wire::response::{ListLine, Response};

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, reference: &str, pattern: &str) -> Result<Done, Failure> {
    let access = context.session.access()?;
    let names = context.store().subscribed_names(access).await?;
    let open_ended = pattern.ends_with('%');
    let pattern = Pattern::new(reference, pattern);
    let mut lines: BTreeMap<MailboxName, &'static [&'static str]> = BTreeMap::new();
    for name in names {
        // RFC 3501 §6.3.9: with "%", a name that only has subscribed names below it is shown, marked \Noselect.
        let mut above = name.parent().filter(|_| open_ended);
        while let Some(parent) = above {
            if pattern.matches(parent.as_str()) {
                lines.entry(parent.clone()).or_insert(&[r"\Noselect"]);
            }
            above = parent.parent();
        }
        if pattern.matches(name.as_str()) {
            lines.insert(name, &[]);
        }
    }
    for (name, attributes) in lines {
        let line = ListLine { attributes, name: name.as_str(), ..ListLine::default() };
        context.untagged(&Response::Lsub(line));
        context.link.drain().await?;
    }
    done("LSUB")
}
