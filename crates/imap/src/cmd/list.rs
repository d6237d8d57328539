//! LIST in both forms (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 8440, RFC 9590).
//!
//! Others' mailboxes stand among the own ones, with the levels above them; who may not look one up is not shown it.

use std::collections::{BTreeMap, BTreeSet};

use store::{Access, Mailbox, MailboxName, Rights, SpecialUse};

use crate::cmd::create::attribute_of;
use crate::cmd::pattern::Pattern;
use crate::cmd::{Context, Done, acl, done, metadata, status};
use crate::reply::Failure;
use crate::wire::list::{List, ListForm, ListReturn, ListSelect};
use crate::wire::response::{ListLine, Response};

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, list: List) -> Result<Done, Failure> {
    context.session.access()?;
    // RFC 9051 §6.3.9: an empty pattern asks for the delimiter and the root.
    if list.form == ListForm::Basic && list.patterns.iter().all(String::is_empty) {
        let line = ListLine { attributes: &[r"\Noselect"], ..ListLine::default() };
        context.untagged(&Response::List(line));
        return done("LIST");
    }
    let items = list.returns.iter().find_map(|option| match option {
        ListReturn::Status(items) => Some(items.as_slice()),
        _ => None,
    });
    let entries = list.returns.iter().find_map(|option| match option {
        ListReturn::Metadata(entries) => Some(entries.as_slice()),
        _ => None,
    });
    metadata::check_asked(entries.unwrap_or_default())?;
    status::prepare(context, items.unwrap_or_default())?;
    let candidates = candidates(context, context.session.access()?).await?;
    let question = Question::new(&list, &candidates);
    for (name, candidate) in &candidates {
        if let Some(line) = question.line(name, candidate, &candidates) {
            let response = ListLine {
                attributes: &line.attributes,
                name: name.as_str(),
                child_info: &line.child_info,
                old_name: None,
            };
            context.untagged(&Response::List(response));
            if let Some(there) = &candidate.there {
                tell_more(context, &list, name, there).await?;
            }
            context.link.drain().await?;
        }
    }
    done("LIST")
}

/// RFC 9051 §6.3.9.7: with IMAP4rev2, a name that was taken otherwise than it was `given` is told, with OLDNAME.
pub(crate) fn tell_canonical(context: &mut Context<'_>, (name, mailbox): (&str, &Mailbox), given: &str) {
    if context.session.enabled.rev2 && name != given {
        tell_selected(context, (name, mailbox), given);
    }
}

/// RFC 9051 §6.3.2: the LIST response of SELECT, for a mailbox by the name that the client knows.
pub(crate) fn tell_selected(context: &mut Context<'_>, (name, mailbox): (&str, &Mailbox), given: &str) {
    let attributes: Vec<&str> = mailbox.special_use.map(attribute_of).into_iter().collect();
    let old_name = (name != given).then_some(given);
    let line = ListLine { attributes: &attributes, name, old_name, ..ListLine::default() };
    context.untagged(&Response::List(line));
}

/// What the return options ask beyond the LIST response.
async fn tell_more(
    context: &mut Context<'_>,
    list: &List,
    name: &MailboxName,
    there: &There,
) -> Result<(), Failure> {
    let known = (&there.access, name.as_str());
    for option in &list.returns {
        match option {
            // RFC 5819 §2: what may not be asked with STATUS is left out.
            ListReturn::Status(items) if there.rights.contains(Rights::READ) => {
                status::tell(context, known, &there.mailbox, items).await?;
            }
            ListReturn::Metadata(entries) => {
                metadata::tell(context, known, &there.mailbox, entries).await?;
            }
            ListReturn::MyRights => acl::tell(context, name.as_str(), there.rights),
            _ => {}
        }
    }
    Ok(())
}

/// A name that LIST may have to do with.
#[derive(Default)]
struct Candidate {
    /// `None`: subscribed to, but not there; or only a level above others' mailboxes.
    there: Option<There>,
    is_subscribed: bool,
    /// A level above others' mailboxes, whether or not it is one itself.
    is_level: bool,
}

/// A mailbox that is there.
struct There {
    /// Leads to it.
    access: Access,
    mailbox: Mailbox,
    rights: Rights,
}

impl Candidate {
    fn is_only_level(&self) -> bool {
        self.is_level && self.there.is_none() && !self.is_subscribed
    }

    /// What the account uses the mailbox for.
    fn special_use(&self) -> Option<SpecialUse> {
        self.there.as_ref().filter(|there| there.access.is_own()).and_then(|there| there.mailbox.special_use)
    }
}

type Candidates = BTreeMap<MailboxName, Candidate>;

async fn candidates(context: &Context<'_>, access: &store::Access) -> Result<Candidates, Failure> {
    let mut candidates = Candidates::new();
    for mailbox in context.store().mailboxes(access).await? {
        let (name, is_subscribed) = (mailbox.name.clone(), mailbox.subscribed);
        let there = Some(There { access: access.clone(), mailbox, rights: Rights::ALL });
        candidates.insert(name, Candidate { there, is_subscribed, is_level: false });
    }
    for shared in context.store().shared_mailboxes(access).await? {
        // A name that is too long for the prefix can't be said.
        let Some(name) = shared.known_name() else { continue };
        let mut above = name.parent();
        while let Some(level) = above {
            above = level.parent();
            candidates.entry(level).or_default().is_level = true;
        }
        let there = There { access: shared.access, mailbox: shared.mailbox, rights: shared.rights };
        candidates.entry(name).or_default().there = Some(there);
    }
    for name in context.store().subscribed_names(access).await? {
        candidates.entry(name).or_default().is_subscribed = true;
    }
    Ok(candidates)
}

/// What a LIST asks.
struct Question<'l> {
    list: &'l List,
    patterns: Vec<Pattern>,
    /// Names that have others below them.
    parents: BTreeSet<MailboxName>,
}

/// What is said about one mailbox.
struct Line {
    attributes: Vec<&'static str>,
    child_info: Vec<&'static str>,
}

impl<'l> Question<'l> {
    fn new(list: &'l List, all: &Candidates) -> Self {
        let patterns = list.patterns.iter().map(|pattern| Pattern::new(&list.reference, pattern));
        Self { list, patterns: patterns.collect(), parents: parents(all.keys()) }
    }

    fn selects(&self, option: ListSelect) -> bool {
        self.list.select.contains(&option)
    }

    fn matches(&self, name: &MailboxName) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(name.as_str()))
    }

    /// RFC 3501 §6.3.8: levels that are no mailboxes are shown where "%" ends the pattern. RFC 4314 §4: with "*", a
    /// mailbox that can't be looked up is not there although others below it are.
    fn matches_level(&self, name: &MailboxName) -> bool {
        let mut patterns = self.list.patterns.iter().zip(&self.patterns);
        patterns.any(|(text, pattern)| text.ends_with('%') && pattern.matches(name.as_str()))
    }

    /// Whether a mailbox has all that the selection options ask for.
    fn is_selected(&self, candidate: &Candidate) -> bool {
        // RFC 6154 §2: what another uses a mailbox for is not what this account does.
        let special = candidate.special_use().is_some();
        let subscribed = self.selects(ListSelect::Subscribed);
        (!subscribed || candidate.is_subscribed)
            && (!self.selects(ListSelect::SpecialUse) || special)
            // RFC 5258 §3.1: only SUBSCRIBED shows names of mailboxes that are not there.
            && (subscribed || candidate.there.is_some() || candidate.is_level)
    }

    fn line(&self, name: &MailboxName, candidate: &Candidate, all: &Candidates) -> Option<Line> {
        let is_shown = if candidate.is_only_level() { self.matches_level(name) } else { self.matches(name) };
        if !is_shown {
            return None;
        }
        let has_children = self.parents.contains(name);
        let child_info = if has_children && self.selects(ListSelect::RecursiveMatch) {
            self.child_info(children(name, all))
        } else {
            Vec::new()
        };
        if !self.is_selected(candidate) && child_info.is_empty() {
            return None;
        }
        Some(Line { attributes: self.attributes(candidate, has_children), child_info })
    }

    /// RFC 5258 §3.5: which selection options children have that the pattern itself does not show.
    fn child_info<'a>(
        &self,
        mut children: impl Iterator<Item = (&'a MailboxName, &'a Candidate)>,
    ) -> Vec<&'static str> {
        if !children.any(|(name, child)| self.is_selected(child) && !self.matches(name)) {
            return Vec::new();
        }
        let options = [(ListSelect::Subscribed, "SUBSCRIBED"), (ListSelect::SpecialUse, "SPECIAL-USE")];
        options.into_iter().filter(|(option, _)| self.selects(*option)).map(|(_, name)| name).collect()
    }

    fn attributes(&self, candidate: &Candidate, has_children: bool) -> Vec<&'static str> {
        let mut attributes = Vec::new();
        match &candidate.there {
            None if candidate.is_only_level() => attributes.push(r"\Noselect"),
            None => attributes.push(r"\NonExistent"),
            Some(_) => attributes.extend(candidate.special_use().map(attribute_of)),
        }
        // RFC 3348: cheap here, so it is told always.
        attributes.push(if has_children { r"\HasChildren" } else { r"\HasNoChildren" });
        let asked =
            self.selects(ListSelect::Subscribed) || self.list.returns.contains(&ListReturn::Subscribed);
        if asked && candidate.is_subscribed {
            attributes.push(r"\Subscribed");
        }
        attributes
    }
}

/// The names that have others below them.
pub(crate) fn parents<'a>(names: impl Iterator<Item = &'a MailboxName>) -> BTreeSet<MailboxName> {
    names.filter_map(MailboxName::parent).collect()
}

/// All names below one, in order.
fn children<'a>(
    name: &'a MailboxName,
    all: &'a Candidates,
) -> impl Iterator<Item = (&'a MailboxName, &'a Candidate)> {
    let below = format!("{}/", name.as_str());
    all.iter().filter(move |(other, _)| other.as_str().starts_with(&below))
}
