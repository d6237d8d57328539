//! Searches whose results are kept up to date (RFC 5267 §4.3): the result option UPDATE, ADDTO and REMOVEFROM,
//! CANCELUPDATE.
//!
//! A session remembers what was asked and what the client was last told of it, by UID. [`sync`](crate::cmd::sync) hands
//! over what the change log says: only messages that it names are looked at again.
//!
//! Invariants: what a session remembers is bounded, and NOUPDATE says which search is not updated, or no longer. What a
//! client makes of ADDTO and REMOVEFROM in their order is what the same search would find. Sequence numbers in
//! REMOVEFROM are those before the EXPUNGE, in ADDTO those after the EXISTS.

use store::{Entry, Uid};

use crate::cmd::notify::SelectedNews;
use crate::cmd::search::find::Finder;
use crate::cmd::search::progress::Progress;
use crate::cmd::sort::inserted;
use crate::cmd::{Context, Done, done};
use crate::reply::Failure;
use crate::session::Selected;
use crate::session::view::ClientView;
use crate::wire::command::Tag;
use crate::wire::esearch::{ESearchItem, ESearchLine, Placed, Ranges};
use crate::wire::response::Response;
use crate::wire::search::{SearchKey, SearchReturn};
use crate::wire::set::{NumberSet, Numbering, SeqSet, ranges_in_order};
use crate::wire::sort::SortCriterion;
use crate::wire::status::{Code, Status};

/// A search that is kept up to date.
#[derive(Debug)]
pub(crate) struct UpdatedSearch {
    tag: Tag,
    numbering: Numbering,
    keys: Vec<SearchKey>,
    told: Told,
}

/// What a search asks, to be asked again.
#[derive(Debug)]
pub(crate) struct Question {
    numbering: Numbering,
    /// The order of SORT; `None` for that of the mailbox.
    criteria: Option<Vec<SortCriterion>>,
    /// `Err` says why it can't be asked again.
    keys: Result<Vec<SearchKey>, &'static str>,
}

/// The result as the client knows it, by UID.
#[derive(Debug)]
enum Told {
    /// In the order of the mailbox.
    Set(NumberSet),
    /// In the order of SORT.
    Sorted { criteria: Vec<SortCriterion>, list: Vec<Uid> },
}

/// Whether a search is to be updated. RFC 5267 §4.3: BAD if one that is has the same tag.
pub(crate) fn is_asked(context: &Context<'_>, returns: Option<&[SearchReturn]>) -> Result<bool, Failure> {
    let is_asked = returns.is_some_and(|returns| returns.contains(&SearchReturn::Update));
    let (_, selected) = context.session.selected()?;
    if is_asked && selected.updated.iter().any(|search| search.tag == *context.tag) {
        return Err(Failure::bad("a search with this tag is being updated, take another tag"));
    }
    Ok(is_asked)
}

/// Updates a search from here on, of which the result has just been told: sequence numbers in its order.
pub(crate) fn begin(context: &mut Context<'_>, question: Question, order: &[u32]) -> Result<(), Failure> {
    let most = context.server.options.limits.updated_searches;
    let has_news = !matches!(context.session.notify.selected(), SelectedNews::Nothing);
    let tag = context.tag.clone();
    let (_, selected) = context.session.selected_mut()?;
    let told = Told::new(&selected.view, order, question.criteria);
    let keys = match question.keys {
        Ok(_) if !has_news => Err("NOTIFY has turned off what changes in the mailbox"),
        Ok(_) if selected.updated.len() >= most => Err("too many searches are being updated"),
        Ok(_) if !told.fits() => Err(TOO_MUCH),
        keys => keys,
    };
    match keys {
        Ok(keys) => {
            selected.updated.push(UpdatedSearch { tag, numbering: question.numbering, keys, told });
        }
        Err(why) => refuse(context, why),
    }
    Ok(())
}

/// RFC 5267 §4.3.1: the command is answered, and that is all.
pub(crate) fn refuse(context: &mut Context<'_>, why: &'static str) {
    let tag = context.tag.clone();
    Status::no(why).with(Code::NoUpdate(tag)).encode(&mut context.link.out, None);
}

/// CANCELUPDATE (RFC 5267 §4.3.5). Tags under which nothing is updated are passed over: NOUPDATE may just have said so.
pub(crate) fn cancel(context: &mut Context<'_>, tags: &[Tag]) -> Result<Done, Failure> {
    let (_, selected) = context.session.selected_mut()?;
    selected.updated.retain(|search| !tags.contains(&search.tag));
    done("CANCELUPDATE")
}

/// Tells which messages leave results because they are gone. RFC 5267 §4.3.4: before their EXPUNGE, by the numbers that
/// they still have, although the EXPUNGE itself may have to wait.
pub(crate) fn tell_leaving(context: &mut Context<'_>, gone: &[Uid]) {
    let names = context.session.names();
    let Ok((_, Selected { view, updated, .. })) = context.session.selected_mut() else { return };
    for search in updated {
        if let Some(item) = search.remove(view, gone) {
            Response::ESearch(search.line(&[item])).encode(&mut context.link.out, names);
        }
    }
}

/// Looks again at messages that have come or changed, and tells which of them came into results or left them.
pub(crate) async fn tell_changed(context: &mut Context<'_>, changed: &[Entry]) -> Result<(), Failure> {
    let Ok((_, selected)) = context.session.selected_mut() else { return Ok(()) };
    let seqs = changed.iter().filter_map(|entry| selected.view.seq_of(entry.uid));
    let seqs = NumberSet::from_sorted(seqs);
    if selected.updated.is_empty() || seqs.is_empty() {
        return Ok(());
    }
    let searches = std::mem::take(&mut selected.updated);
    let mut kept = Vec::with_capacity(searches.len());
    for mut search in searches {
        match search.look_again(context, &seqs).await {
            Ok(items) if search.told.fits() => {
                if !items.is_empty() {
                    let line = Response::ESearch(search.line(&items));
                    line.encode(&mut context.link.out, context.session.names());
                }
                kept.push(search);
            }
            Err(Failure::Link(error)) => return Err(Failure::Link(error)),
            given_up => {
                if let Err(failure) = given_up {
                    tracing::warn!(%failure, "a search can't be updated");
                }
                let status = Status::no(TOO_MUCH).with(Code::NoUpdate(search.tag));
                status.encode(&mut context.link.out, None);
            }
        }
        context.link.drain().await?;
    }
    context.session.selected_mut()?.1.updated = kept;
    Ok(())
}

impl Question {
    /// What the keys of a command ask.
    pub(crate) fn new(
        context: &Context<'_>,
        (keys, numbering): (&[SearchKey], Numbering),
        criteria: Option<Vec<SortCriterion>>,
    ) -> Result<Self, Failure> {
        let (_, selected) = context.session.selected()?;
        let mut fixing = Fixing { view: &selected.view, ranges: 0 };
        let keys = keys.iter().map(|key| fixing.fixed(key)).collect();
        Ok(Self { numbering, criteria, keys })
    }
}

/// Makes of keys what they mean now.
struct Fixing<'f> {
    view: &'f ClientView,
    /// Of sets that had to be written out.
    ranges: usize,
}

impl Fixing<'_> {
    fn fixed(&mut self, key: &SearchKey) -> Result<SearchKey, &'static str> {
        Ok(match key {
            // RFC 5267 §4.3: a sequence number means the message that it means when the command comes, and so does `$`.
            SearchKey::Seq(set) => self.uids(set, Numbering::Seq)?,
            SearchKey::Uid(set) if set.is_saved() => self.uids(set, Numbering::Uid)?,
            // RFC 5032 §2.1: nothing need happen to a message for it to match no longer.
            SearchKey::Older(_) | SearchKey::Younger(_) => return Err("its result changes as time passes"),
            SearchKey::Not(key) => SearchKey::Not(Box::new(self.fixed(key)?)),
            SearchKey::Or(one, other) => {
                SearchKey::Or(Box::new(self.fixed(one)?), Box::new(self.fixed(other)?))
            }
            SearchKey::And(keys) => {
                SearchKey::And(keys.iter().map(|key| self.fixed(key)).collect::<Result<_, _>>()?)
            }
            other => other.clone(),
        })
    }

    fn uids(&mut self, set: &SeqSet, numbering: Numbering) -> Result<SearchKey, &'static str> {
        // A number that no message has is BAD for the search itself.
        let seqs = self.view.resolve(set, numbering).map_err(|_| "there is no such message")?;
        let uids = self.view.uids(&NumberSet::from_ranges(seqs));
        self.ranges += uids.ranges().len();
        if self.ranges > TOLD_RANGES_MAX {
            return Err(TOO_MUCH);
        }
        Ok(SeqSet::of(&uids).map_or(SearchKey::Nothing, SearchKey::Uid))
    }
}

impl Told {
    fn new(view: &ClientView, order: &[u32], criteria: Option<Vec<SortCriterion>>) -> Self {
        match criteria {
            Some(criteria) => Self::Sorted { criteria, list: uids_of(view, order) },
            None => Self::Set(view.uids(&NumberSet::from_sorted(order.iter().copied()))),
        }
    }

    /// The UIDs in it.
    fn uids(&self) -> NumberSet {
        match self {
            Self::Set(set) => set.clone(),
            Self::Sorted { list, .. } => uid_set(list),
        }
    }

    fn fits(&self) -> bool {
        match self {
            Self::Set(set) => set.ranges().len() <= TOLD_RANGES_MAX,
            Self::Sorted { list, .. } => list.len() <= TOLD_LIST_MAX,
        }
    }
}

impl UpdatedSearch {
    fn line<'l>(&'l self, items: &'l [ESearchItem]) -> ESearchLine<'l> {
        ESearchLine { tag: &self.tag, mailbox: None, uid: self.numbering == Numbering::Uid, items }
    }

    /// Asks again, but of these messages only; what tells the client what became of the result.
    async fn look_again(
        &mut self,
        context: &mut Context<'_>,
        changed: &NumberSet,
    ) -> Result<Vec<ESearchItem>, Failure> {
        let (finder, mut progress) = Finder::quietly(context)?;
        let found = finder.find_among(changed.clone(), self.keys.clone(), &mut progress).await?;
        let uid = |seq| finder.view.entry(seq).map(|entry| entry.uid);
        let lost: Vec<Uid> = changed.minus(&found).numbers().filter_map(uid).collect();
        let known = self.told.uids();
        let is_new = |seq: &u32| uid(*seq).is_some_and(|uid| !known.contains(uid.0));
        let came = NumberSet::from_sorted(found.numbers().filter(is_new));
        let mut items: Vec<ESearchItem> = self.remove(finder.view, &lost).into_iter().collect();
        if !came.is_empty() {
            items.extend(self.add((&finder, &mut progress), &came).await?);
        }
        Ok(items)
    }

    /// Takes messages out, whose UIDs rise; what tells the client so.
    fn remove(&mut self, view: &ClientView, uids: &[Uid]) -> Option<ESearchItem> {
        let numbering = self.numbering;
        let placed = match &mut self.told {
            Told::Set(set) => {
                let is_there = |uid: &&Uid| set.contains(uid.0) && view.seq_of(**uid).is_some();
                let leaving: Vec<Uid> = uids.iter().filter(is_there).copied().collect();
                *set = set.minus(&uid_set(&leaving));
                anywhere(numbers(view, numbering, leaving))
            }
            Told::Sorted { list, .. } => {
                let places = list.iter().enumerate().filter(|(_, uid)| uids.binary_search(uid).is_ok());
                let places: Vec<(usize, Uid)> = places.map(|(place, uid)| (place, *uid)).collect();
                list.retain(|uid| uids.binary_search(uid).is_err());
                // From the last to the first, so that none shifts another.
                let mut placed = runs(view, numbering, &places);
                placed.reverse();
                placed
            }
        };
        (!placed.is_empty()).then_some(ESearchItem::RemoveFrom(placed))
    }

    /// Puts messages in; what tells the client so.
    async fn add(
        &mut self,
        (finder, progress): (&Finder<'_>, &mut Progress<'_>),
        came: &NumberSet,
    ) -> Result<Vec<ESearchItem>, Failure> {
        let (view, numbering) = (finder.view, self.numbering);
        let (criteria, list) = match &mut self.told {
            Told::Set(set) => {
                *set = set.union(&view.uids(came));
                let came = came.numbers().filter_map(|seq| Some(view.entry(seq)?.uid));
                return Ok(vec![ESearchItem::AddTo(anywhere(numbers(view, numbering, came)))]);
            }
            Told::Sorted { criteria, list } => (criteria.clone(), list),
        };
        let order: Vec<u32> = list.iter().filter_map(|uid| view.seq_of(*uid)).collect();
        let order = inserted((finder, progress), order, came, &criteria).await?;
        let is_new = |(_, seq): &(usize, &u32)| came.contains(**seq);
        let places = order.iter().enumerate().filter(is_new);
        let places: Vec<(usize, Uid)> =
            places.filter_map(|(place, seq)| Some((place, view.entry(*seq)?.uid))).collect();
        let order = uids_of(view, &order);
        // What is gone meanwhile may have no place in the new order.
        let now = uid_set(&order);
        let mut gone: Vec<Uid> = list.iter().copied().filter(|uid| !now.contains(uid.0)).collect();
        gone.sort_unstable();
        let left = self.remove(view, &gone);
        self.told = Told::Sorted { criteria, list: order };
        // From the first to the last: each comes to where it stays.
        let placed = runs(view, numbering, &places);
        let added = (!placed.is_empty()).then_some(ESearchItem::AddTo(placed));
        Ok(left.into_iter().chain(added).collect())
    }
}

/// RFC 5267 §4.3.3 and §4.3.4: in the order of the mailbox no position need be told.
fn anywhere(numbers: Ranges) -> Vec<Placed> {
    if numbers.is_empty() { Vec::new() } else { vec![Placed { position: 0, numbers }] }
}

/// Messages at rising places: those side by side together.
fn runs(view: &ClientView, numbering: Numbering, places: &[(usize, Uid)]) -> Vec<Placed> {
    let runs = places.chunk_by(|(one, _), (next, _)| one + 1 == *next);
    let placed = runs.filter_map(|run| {
        // RFC 5267 §4.3.2: counted from 1.
        let position = u32::try_from(run.first()?.0 + 1).ok()?;
        Some(Placed { position, numbers: numbers(view, numbering, run.iter().map(|(_, uid)| *uid)) })
    });
    placed.collect()
}

fn numbers(view: &ClientView, numbering: Numbering, uids: impl IntoIterator<Item = Uid>) -> Ranges {
    ranges_in_order(uids.into_iter().filter_map(|uid| match numbering {
        Numbering::Uid => Some(uid.0),
        Numbering::Seq => view.seq_of(uid),
    }))
}

fn uid_set(uids: &[Uid]) -> NumberSet {
    NumberSet::from_ranges(uids.iter().map(|uid| (uid.0, uid.0)).collect())
}

fn uids_of(view: &ClientView, seqs: &[u32]) -> Vec<Uid> {
    seqs.iter().filter_map(|&seq| Some(view.entry(seq)?.uid)).collect()
}

const TOO_MUCH: &str = "there is too much of it to be updated";
/// Most ranges that a result in the order of the mailbox may have: 128 KiB for each search.
const TOLD_RANGES_MAX: usize = 16_384;
/// Most messages of a result in an order of its own: 40 KiB for each search.
const TOLD_LIST_MAX: usize = 10_000;
