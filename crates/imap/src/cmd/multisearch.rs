//! ESEARCH, the command (RFC 7377): SEARCH in several mailboxes, selected or not. Numbers are UIDs always.

use store::Mailbox;

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
    let selected = context.session.selected().ok().map(|(_, selected)| selected.mailbox());
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
    let mailboxes = context.store().mailboxes(context.session.access()?).await?;
    let means = |mailbox: &Mailbox| {
        search.sources.iter().any(|source| match source {
            SearchSource::Selected => Some(mailbox.id) == selected,
            SearchSource::Filter(filter) => filter.matches(mailbox.name.as_str(), mailbox.subscribed),
            SearchSource::SubtreeOne(names) => {
                let parent = mailbox.name.parent();
                names.iter().any(|name| {
                    mailbox.name.as_str() == name
                        || parent.as_ref().is_some_and(|parent| parent.as_str() == name)
                })
            }
        })
    };
    // RFC 7377 §2.2: each once, however often it is meant.
    for mailbox in mailboxes.iter().filter(|mailbox| means(mailbox)) {
        let question = Question { keys: &keys, returns: &returns, has_modseq };
        if Some(mailbox.id) == selected {
            question.ask_selected(context, mailbox).await?;
        } else {
            question.ask(context, mailbox).await?;
        }
        context.link.drain().await?;
    }
    if returns.contains(&SearchReturn::Update) {
        update::refuse(context, "only SEARCH and SORT are updated");
    }
    Ok(Done::Status(Status::ok("ESEARCH done")))
}

/// The same for all mailboxes.
struct Question<'q> {
    keys: &'q [SearchKey],
    returns: &'q [SearchReturn],
    has_modseq: bool,
}

impl Question<'_> {
    /// The selected mailbox is searched as the client knows it.
    async fn ask_selected(&self, context: &mut Context<'_>, mailbox: &Mailbox) -> Result<(), Failure> {
        let (finder, mut progress) = Finder::of_selected(context)?;
        let seqs = finder.find(self.keys.to_vec(), &mut progress).await?;
        let (_, selected) = context.session.selected()?;
        let items = self.results(&seqs).items(&selected.view, self.returns);
        self.tell(context, mailbox, (&seqs, items));
        Ok(())
    }

    async fn ask(&self, context: &mut Context<'_>, mailbox: &Mailbox) -> Result<(), Failure> {
        let store = &context.server.store;
        let access = context.session.access()?;
        let view = match store.view(access, mailbox.id).await {
            // It has been deleted meanwhile.
            Err(store::Error::NotFound(_)) => return Ok(()),
            view => ClientView::new(view?),
        };
        let keywords = store.keywords(access).await?;
        let limit = context.server.options.limits.message_limit;
        let finder = Finder { store, access, view: &view, keywords: &keywords, now: now(), limit };
        let mut progress = Progress::new(context.link, context.tag, &context.server.options.limits);
        let seqs = finder.find(self.keys.to_vec(), &mut progress).await?;
        let items = self.results(&seqs).items(&view, self.returns);
        self.tell(context, mailbox, (&seqs, items));
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
        mailbox: &Mailbox,
        (seqs, items): (&NumberSet, Vec<crate::wire::esearch::ESearchItem>),
    ) {
        if seqs.is_empty() {
            return;
        }
        let searched = SearchedMailbox { name: mailbox.name.as_str(), uid_validity: mailbox.uid_validity.0 };
        let line = ESearchLine { tag: context.tag, mailbox: Some(searched), uid: true, items: &items };
        Response::ESearch(line).encode(&mut context.link.out, context.session.names());
    }
}
