//! The first results of a query for one mailbox in the order of arrival: what most clients ask for, and read without looking
//! at the rest of the mailbox.

use std::collections::{HashMap, HashSet};

use store::{ArrivalOrder, Arrivals, MailboxId, MessageId, TypeStates};

use super::filter::{Candidate, Lists};
use super::query::Search;
use super::texts;
use crate::method::Context;
use crate::reply::MethodError;

/// Which mailbox to read, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    pub(crate) mailbox: MailboxId,
    pub(crate) order: ArrivalOrder,
    /// Results that are needed, from the first on.
    pub(crate) needed: usize,
}

/// The results, and the states that they are of.
pub(crate) async fn first(
    search: &Search,
    walk: Walk,
    context: &Context<'_>,
) -> Result<(TypeStates, Vec<MessageId>), MethodError> {
    let (store, access) = (&context.server.store, context.access);
    let keywords = match search.filters_beyond_the_mailbox() {
        true => store.keywords(access).await?,
        false => store::Keywords::default(),
    };
    let (threads, texts) = (HashMap::new(), texts::look_up(search.conditions(), context).await);
    let lists = Lists { keywords: &keywords, threads: &threads, texts: &texts };
    let (mut found, mut seen): (Vec<MessageId>, HashSet<_>) = (Vec::new(), HashSet::new());
    let (mut after, mut as_of) = (None, None);
    loop {
        let missing = walk.needed.saturating_sub(found.len());
        // What a filter leaves out has to be read, too: the farther it goes, the more at once.
        let limit = match after {
            None => missing.clamp(1, CHUNK_EMAILS_MAX),
            Some(_) => CHUNK_EMAILS_MAX,
        };
        let wanted = Arrivals { mailbox: walk.mailbox, order: walk.order, after, limit };
        let page = store.email_arrivals(access, wanted).await?;
        let as_of = *as_of.get_or_insert(page.states);
        after = page.places.last().map(|place| (place.received_at, place.email));
        let candidates = page.places.into_iter().map(|place| Candidate {
            id: place.email,
            thread: place.thread,
            received_at: place.received_at.0,
            size: place.size,
            flags: place.flags,
            mailboxes: vec![place.mailbox],
        });
        let mut chunk = search.filtered(context, candidates.collect(), &lists).await?;
        search.order(&keywords, &HashMap::new(), &threads).sort(&mut chunk);
        chunk.retain(|email| !search.collapses_threads() || seen.insert(email.thread));
        found.extend(chunk.into_iter().map(|email| email.id).take(missing));
        if found.len() >= walk.needed || !page.more {
            return Ok((as_of, found));
        }
    }
}

/// Emails that are read at once.
const CHUNK_EMAILS_MAX: usize = 4096;
