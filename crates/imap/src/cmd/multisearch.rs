//! ESEARCH, the command (RFC 7377): SEARCH in several mailboxes, selected or not. Numbers are UIDs always.
//!
//! Others' mailboxes are searched where they may be read, by sources that name mailboxes or mean the subscribed ones; one
//! that may not be read is passed over as one that is not there.

use std::collections::BTreeSet;

use store::{Access, AccountId, Mailbox, MailboxId, MailboxName, Rights};

use crate::cmd::search::find::Finder;
use crate::cmd::search::progress::Progress;
use crate::cmd::search::results::Results;
use crate::cmd::search::{prepare, unknown_charset, update};
use crate::cmd::{Context, Done, now};
use crate::reply::Failure;
use crate::session::view::ClientView;
use crate::wire::esearch::{ESearchLine, SearchedMailbox};
use crate::wire::multisearch::{MultiSearch, SearchSource};
use crate::wire::response::Response;
use crate::wire::search::{SearchKey, SearchProgram, SearchReturn};
use crate::wire::set::{NumberSet, Numbering};
use crate::wire::status::Status;

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, search: MultiSearch) -> Result<Done, Failure> {
    context.session.access()?;
    let selected = context.session.selected().ok().map(|(way, selected)| (way.owner(), selected.mailbox()));
    if selected.is_none() && search.sources.contains(&SearchSource::Selected) {
        // RFC 7377 §2.2: also where IN is left out.
        return Err(Failure::bad("select a mailbox first"));
    }
    let returns = search.returns.unwrap_or_else(|| vec![SearchReturn::All]);
    if returns.contains(&SearchReturn::Save) {
        // RFC 7377 §2.2: what is saved is the selected mailbox's.
        return Err(Failure::bad("SAVE is for SEARCH in the selected mailbox"));
    }
    let SearchProgram::Keys(keys) = search.program else { return Ok(unknown_charset()) };
    let has_modseq = prepare(context, &keys).await?;
    // RFC 7377 §2.2: each once, however often it is meant.
    for place in searched(context, &search.sources, selected).await? {
        let question = Question { keys: &keys, returns: &returns, has_modseq };
        if selected == Some(place.key()) {
            question.ask_selected(context, &place).await?;
        } else {
            question.ask(context, &place).await?;
        }
        context.link.drain().await?;
    }
    if returns.contains(&SearchReturn::Update) {
        update::refuse(context, "only SEARCH and SORT are updated");
    }
    Ok(Done::Status(Status::ok("ESEARCH done")))
}

/// A mailbox to search.
struct Searched {
    /// Leads to it.
    access: Access,
    mailbox: Mailbox,
    /// As the client knows it.
    name: MailboxName,
    is_subscribed: bool,
}

impl Searched {
    fn key(&self) -> (AccountId, MailboxId) {
        (self.access.owner(), self.mailbox.id)
    }

    fn is_meant(&self, source: &SearchSource, selected: Option<(AccountId, MailboxId)>) -> bool {
        match source {
            SearchSource::Selected => selected == Some(self.key()),
            SearchSource::Filter(filter) => {
                (self.access.is_own() || !filter.is_personal())
                    && filter.matches(self.name.as_str(), self.is_subscribed)
            }
            SearchSource::SubtreeOne(names) => {
                let parent = self.name.parent();
                names.iter().any(|name| {
                    self.name.as_str() == name
                        || parent.as_ref().is_some_and(|parent| parent.as_str() == name)
                })
            }
        }
    }
}

/// The mailboxes that the sources mean, the own ones first.
async fn searched(
    context: &Context<'_>,
    sources: &[SearchSource],
    selected: Option<(AccountId, MailboxId)>,
) -> Result<Vec<Searched>, Failure> {
    let access = context.session.access()?;
    let own = context.store().mailboxes(access).await?.into_iter().map(|mailbox| Searched {
        access: access.clone(),
        name: mailbox.name.clone(),
        is_subscribed: mailbox.subscribed,
        mailbox,
    });
    let mut all: Vec<Searched> = own.collect();
    if !sources.iter().all(|source| matches!(source, SearchSource::Filter(filter) if filter.is_personal())) {
        let subscribed: BTreeSet<MailboxName> =
            context.store().subscribed_names(access).await?.into_iter().collect();
        let shared = context.store().shared_mailboxes(access).await?.into_iter();
        let readable = shared.filter(|shared| shared.rights.contains(Rights::READ));
        all.extend(readable.filter_map(|shared| {
            let name = shared.known_name()?;
            let is_subscribed = subscribed.contains(&name);
            Some(Searched { access: shared.access, mailbox: shared.mailbox, name, is_subscribed })
        }));
    }
    all.retain(|place| sources.iter().any(|source| place.is_meant(source, selected)));
    Ok(all)
}

/// The same for all mailboxes.
struct Question<'q> {
    keys: &'q [SearchKey],
    returns: &'q [SearchReturn],
    has_modseq: bool,
}

impl Question<'_> {
    /// The selected mailbox is searched as the client knows it.
    async fn ask_selected(&self, context: &mut Context<'_>, place: &Searched) -> Result<(), Failure> {
        let (finder, mut progress) = Finder::of_selected(context)?;
        let seqs = finder.find(self.keys.to_vec(), &mut progress).await?;
        let (_, selected) = context.session.selected()?;
        let items = self.results(&seqs).items(&selected.view, self.returns);
        self.tell(context, place, (&seqs, items));
        Ok(())
    }

    async fn ask(&self, context: &mut Context<'_>, place: &Searched) -> Result<(), Failure> {
        let store = &context.server.store;
        let access = &place.access;
        let view = match store.view(access, place.mailbox.id).await {
            // It has been deleted meanwhile, or may be read no longer.
            Err(store::Error::NotFound(_) | store::Error::Forbidden(_)) => return Ok(()),
            view => ClientView::new(view?),
        };
        let keywords = store.keywords(access).await?;
        let limit = context.server.options.limits.message_limit;
        let finder = Finder { store, access, view: &view, keywords: &keywords, now: now(), limit };
        let mut progress = Progress::new(context.link, context.tag, &context.server.options.limits);
        let seqs = finder.find(self.keys.to_vec(), &mut progress).await?;
        let items = self.results(&seqs).items(&view, self.returns);
        self.tell(context, place, (&seqs, items));
        Ok(())
    }

    fn results(&self, seqs: &NumberSet) -> Results {
        let order = seqs.numbers().collect();
        Results { order, numbering: Numbering::Uid, has_modseq: self.has_modseq }
    }

    // RFC 7377 §2.1: with MAILBOX and UIDVALIDITY, also of the selected mailbox; nothing where nothing is found.
    fn tell(
        &self,
        context: &mut Context<'_>,
        place: &Searched,
        (seqs, items): (&NumberSet, Vec<crate::wire::esearch::ESearchItem>),
    ) {
        if seqs.is_empty() {
            return;
        }
        let uid_validity = place.mailbox.uid_validity.0;
        let searched = SearchedMailbox { name: place.name.as_str(), uid_validity };
        let line = ESearchLine { tag: context.tag, mailbox: Some(searched), uid: true, items: &items };
        Response::ESearch(line).encode(&mut context.link.out, context.session.names());
    }
}
