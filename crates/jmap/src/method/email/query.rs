//! Email/query (RFC 8621 §4.4).

use std::collections::{BTreeMap, HashMap, HashSet};

use message::{EnvelopeRef, Structure, Summary};
use serde::Deserialize;
use store::{ArrivalOrder, Email, EmailPlace, Keywords, MailboxId, MessageId, ThreadId};

use super::filter::{CONDITIONS, Candidate, Columns, Condition, Facts, Lists, ThreadFlags};
use super::page::{self, Walk};
use super::sort::{self, Keys, Order};
use super::texts;
use crate::method::mailbox::counts;
use crate::method::query::{self, Comparator, Filter, Operator, Sought, Window};
use crate::method::{Arguments, Context, Outcome, Shared as _, typed};
use crate::reply::MethodError;
use crate::wire::id;
use crate::wire::state::State;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueryArguments {
    account_id: String,
    #[serde(default)]
    collapse_threads: bool,
}

/// What to look for, and in which order.
pub(crate) struct Search {
    filter: Option<Filter<Condition>>,
    sort: Vec<Comparator>,
    collapse_threads: bool,
}

/// Runs the method.
pub(crate) async fn run(mut arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let window = Window::take(&mut arguments)?;
    let sought = Sought::take(&mut arguments)?;
    let arguments: QueryArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let search = Search::parse(sought, arguments.collapse_threads)?;
    if let Some(walk) = search.walk(&window) {
        return page(&arguments.account_id, (&search, &window), walk, context).await;
    }
    let states = context.server.store.type_states(context.access).await?;
    let results = search.results(context).await?;
    let find = |anchor: &str| {
        let anchor = id::email(anchor)?;
        results.iter().position(|result| *result == anchor)
    };
    let stretch = window.place(results.len(), find)?;
    let shown = results.iter().skip(stretch.first).take(stretch.length);
    let ids = shown.map(|result| id::of_email(*result)).collect();
    let total = window.calculate_total.then_some(results.len());
    let state = State::at(states.epoch, states.email).to_string();
    Ok(query::response(&arguments.account_id, state, ids, (stretch, total)))
}

/// Answers from the first results alone.
async fn page(
    account: &str,
    (search, window): (&Search, &Window),
    walk: Walk,
    context: &Context<'_>,
) -> Outcome {
    let (states, results) = match page::first(search, walk, context).await {
        Ok(found) => found,
        // Nothing is in a mailbox that is not there.
        Err(MethodError::AccountNotFound) => {
            (context.server.store.type_states(context.access).await?, Vec::new())
        }
        Err(error) => return Err(error),
    };
    let stretch = window.place(results.len(), |_| None)?;
    let ids = results.into_iter().skip(stretch.first).take(stretch.length).map(id::of_email).collect();
    let total = match window.calculate_total {
        true => Some(total(search, walk.mailbox, context).await?),
        false => None,
    };
    let state = State::at(states.epoch, states.email).to_string();
    Ok(query::response(account, state, ids, (stretch, total)))
}

/// How many emails or threads there are in a mailbox, as Mailbox/get says.
async fn total(search: &Search, mailbox: MailboxId, context: &Context<'_>) -> Result<usize, MethodError> {
    let counts = counts(context, vec![mailbox]).await?;
    let count = counts.get(&mailbox).map_or(0, |counts| match search.collapse_threads {
        true => counts.threads,
        false => counts.emails,
    });
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

impl Search {
    /// Reads filter and sort.
    pub(crate) fn parse(sought: Sought, collapse_threads: bool) -> Result<Self, MethodError> {
        let (filter, sort) = sought.read(&CONDITIONS)?;
        sort::check(&sort)?;
        Ok(Self { filter, sort, collapse_threads })
    }

    /// How the first results are found without all others, if they can be.
    fn walk(&self, window: &Window) -> Option<Walk> {
        let order = match &self.sort[..] {
            [] => ArrivalOrder::NewestFirst,
            [by] if by.property == "receivedAt" && by.is_ascending => ArrivalOrder::OldestFirst,
            [by] if by.property == "receivedAt" => ArrivalOrder::NewestFirst,
            _ => return None,
        };
        let mailbox = self.driver()?;
        let counts_all = window.calculate_total && self.filters_beyond_the_mailbox();
        if self.needs_threads() || counts_all {
            return None;
        }
        Some(Walk { mailbox, order, needed: window.end()? })
    }

    /// Whether the filter says more than which mailbox it is.
    pub(crate) fn filters_beyond_the_mailbox(&self) -> bool {
        !matches!(&self.filter, Some(Filter::Condition(condition)) if condition.is_only_a_mailbox())
    }

    /// Every condition of the filter.
    pub(crate) fn conditions(&self) -> Vec<&Condition> {
        self.filter.iter().flat_map(Filter::conditions).collect()
    }

    /// Whether of each thread only one email is found.
    pub(crate) fn collapses_threads(&self) -> bool {
        self.collapse_threads
    }

    /// Whether an email's place depends on the other emails of its thread.
    pub(crate) fn looks_at_threads(&self) -> bool {
        self.collapse_threads || self.needs_threads()
    }

    /// What is found, in order.
    pub(crate) async fn results(&self, context: &Context<'_>) -> Result<Vec<MessageId>, MethodError> {
        let (store, access) = (&context.server.store, context.access);
        let keywords = store.keywords(access).await?;
        let threads = if self.needs_threads() {
            thread_flags(&store.email_places(access, None).await?)
        } else {
            HashMap::new()
        };
        let driver = self.driver();
        let places = match store.email_places(access, driver).await {
            Ok(places) => candidates(places),
            // Nothing is in a mailbox that is not there.
            Err(store::Error::NotFound("mailbox")) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let texts = texts::look_up(self.conditions(), context).await;
        let lists = Lists { keywords: &keywords, threads: &threads, texts: &texts };
        let mut found = self.filtered(context, places, &lists).await?;
        let keys = match sort::needs_keys(&self.sort) {
            true => sort_keys(context, &found).await?,
            false => HashMap::new(),
        };
        self.order(&keywords, &keys, &threads).sort(&mut found);
        let mut seen = HashSet::new();
        // RFC 8621 §4.4.3: of each thread the first in the results stays.
        found.retain(|email| !self.collapse_threads || seen.insert(email.thread));
        Ok(found.into_iter().map(|email| email.id).collect())
    }

    /// How results are compared.
    pub(crate) fn order<'o>(
        &'o self,
        keywords: &'o Keywords,
        keys: &'o HashMap<MessageId, Keys>,
        threads: &'o HashMap<ThreadId, ThreadFlags>,
    ) -> Order<'o> {
        Order { comparators: &self.sort, keywords, keys, threads }
    }

    fn needs_threads(&self) -> bool {
        self.conditions().into_iter().any(Condition::asks_for_threads) || sort::needs_threads(&self.sort)
    }

    /// The one mailbox that all results are in, if the filter says so and asks for no other.
    fn driver(&self) -> Option<MailboxId> {
        let filter = self.filter.as_ref()?;
        let top: Vec<&Filter<Condition>> = match filter {
            Filter::Operator(Operator::And, inner) => inner.iter().collect(),
            other => vec![other],
        };
        let named = top.into_iter().find_map(|filter| match filter {
            Filter::Condition(condition) => condition.in_mailbox.as_deref(),
            Filter::Operator(..) => None,
        })?;
        let asks_for_others = filter.conditions().into_iter().any(|condition| {
            condition.in_mailbox_other_than.is_some()
                || condition.in_mailbox.as_deref().is_some_and(|other| other != named)
        });
        // What is no id of a mailbox is none that is there.
        if asks_for_others { None } else { Some(id::mailbox(named).unwrap_or(MailboxId(u64::MAX >> 1))) }
    }

    /// Those for which the filter holds, in no order.
    pub(crate) async fn filtered(
        &self,
        context: &Context<'_>,
        all: Vec<Candidate>,
        lists: &Lists<'_>,
    ) -> Result<Vec<Candidate>, MethodError> {
        let Some(filter) = &self.filter else { return Ok(all) };
        let (mut found, mut open) = (Vec::new(), Vec::new());
        for email in all {
            let facts = Facts { email: &email, columns: None, raw: None, lists };
            match filter.holds(&mut |condition| condition.holds(&facts)) {
                Some(true) => found.push(email),
                Some(false) => {}
                None => open.push(email),
            }
        }
        let asks_for_message = filter.conditions().into_iter().any(Condition::asks_for_message);
        for chunk in open.chunks(CHUNK_EMAILS) {
            let rows = read(context, chunk, asks_for_message).await?;
            for email in chunk {
                let Some(row) = rows.get(&email.id) else { continue };
                if self.holds(context, (filter, email, row), lists).await? {
                    found.push(email.clone());
                }
            }
        }
        Ok(found)
    }

    /// Whether the filter holds for an email, once its columns are read.
    async fn holds(
        &self,
        context: &Context<'_>,
        (filter, email, row): (&Filter<Condition>, &Candidate, &Email),
        lists: &Lists<'_>,
    ) -> Result<bool, MethodError> {
        let columns = columns(row).map_err(|error| {
            tracing::error!(%error, message = email.id.0, "a stored column can't be read");
            MethodError::ServerFail
        })?;
        let facts = Facts { email, columns: Some(&columns), raw: None, lists };
        if let Some(decided) = filter.holds(&mut |condition| condition.holds(&facts)) {
            return Ok(decided);
        }
        let raw = match context.server.store.raw(context.access, email.id).await {
            Ok(raw) => raw,
            Err(store::Error::NotFound(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let facts = Facts { raw: Some(&raw), ..facts };
        Ok(filter.holds(&mut |condition| condition.holds(&facts)).unwrap_or(false))
    }
}

/// The stored columns of an email, as conditions look at them.
pub(crate) fn columns(row: &Email) -> Result<Columns<'_>, message::DecodeError> {
    let structure = match row.structure.is_empty() {
        true => None,
        false => Some(Structure::decode(&row.structure)?),
    };
    Ok(Columns {
        envelope: EnvelopeRef::decode(&row.envelope)?,
        summary: Summary::decode(&row.summary)?,
        structure,
    })
}

async fn read(
    context: &Context<'_>,
    emails: &[Candidate],
    structure: bool,
) -> Result<BTreeMap<MessageId, Email>, MethodError> {
    let ids = emails.iter().map(|email| email.id).collect();
    let columns = store::Columns { envelope: true, structure, summary: true };
    let rows = context.server.store.emails(context.access, ids, columns).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

async fn sort_keys(
    context: &Context<'_>,
    emails: &[Candidate],
) -> Result<HashMap<MessageId, Keys>, MethodError> {
    let mut keys = HashMap::with_capacity(emails.len());
    for chunk in emails.chunks(CHUNK_EMAILS) {
        for (id, row) in read(context, chunk, false).await? {
            let columns = columns(&row).map_err(|_| MethodError::ServerFail)?;
            keys.insert(id, Keys::new(&columns.envelope, &columns.summary));
        }
    }
    Ok(keys)
}

/// Each email once, with its mailboxes.
fn candidates(mut places: Vec<EmailPlace>) -> Vec<Candidate> {
    places.sort_unstable_by_key(|place| (place.email, place.mailbox));
    let mut emails: Vec<Candidate> = Vec::with_capacity(places.len());
    for place in places {
        match emails.last_mut() {
            Some(last) if last.id == place.email => last.mailboxes.push(place.mailbox),
            _ => emails.push(Candidate {
                id: place.email,
                thread: place.thread,
                received_at: place.received_at.0,
                size: place.size,
                flags: place.flags,
                mailboxes: vec![place.mailbox],
            }),
        }
    }
    emails
}

fn thread_flags(places: &[EmailPlace]) -> HashMap<ThreadId, ThreadFlags> {
    let mut threads: HashMap<ThreadId, ThreadFlags> = HashMap::new();
    for place in places {
        let own = ThreadFlags { all: place.flags, some: place.flags };
        threads.entry(place.thread).or_insert(own).add(place.flags);
    }
    threads
}

/// Emails whose columns are in memory at a time.
const CHUNK_EMAILS: usize = 500;
