//! What is told of the messages that a search has found (RFC 9051 §6.4.4, RFC 4731 §3, RFC 5182 §2.4,
//! RFC 7162 §3.1.10, RFC 9394 §3.2, RFC 5267 §3).

use crate::cmd::{Context, Done};
use crate::reply::Failure;
use crate::session::view::ClientView;
use crate::wire::esearch::{ESearchItem, ESearchLine};
use crate::wire::response::Response;
use crate::wire::search::SearchReturn;
use crate::wire::set::{NumberSet, Numbering, ranges_in_order};
use crate::wire::status::{Code, Condition, Status};

/// What was found in one mailbox.
pub(crate) struct Results {
    /// Sequence numbers in the order of the answer: rising, or as SORT has put them.
    pub(crate) order: Vec<u32>,
    /// What the answer's numbers are.
    pub(crate) numbering: Numbering,
    /// Whether the keys asked for MODSEQ.
    pub(crate) has_modseq: bool,
}

impl Results {
    /// What the SEARCH and SORT responses of RFC 3501 and RFC 5256 tell: all numbers and the highest MODSEQ.
    pub(crate) fn plain(&self, view: &ClientView) -> (Vec<u32>, Option<u64>) {
        (self.numbers(view, &self.order).collect(), self.modseq(view, &self.order))
    }

    /// Saves and tells what the result options ask of the selected mailbox.
    pub(crate) fn tell(&self, context: &mut Context<'_>, returns: &[SearchReturn]) -> Result<(), Failure> {
        let (_, selected) = context.session.selected_mut()?;
        if returns.contains(&SearchReturn::Save) {
            let mut seqs = self.named(returns);
            seqs.sort_unstable();
            // RFC 5182 §2.5: refused with an empty `$`.
            selected.view.save(&NumberSet::from_sorted(seqs)).map_err(|_| {
                Failure::refused(Code::NotSaved, "the result has too many gaps to be saved, search for less")
            })?;
            // RFC 5182 §1: SAVE alone has no answer.
            if returns.iter().all(|option| *option == SearchReturn::Save) {
                return Ok(());
            }
        }
        let items = self.items(&selected.view, returns);
        let uid = self.numbering == Numbering::Uid;
        let line = ESearchLine { tag: context.tag, mailbox: None, uid, items: &items };
        Response::ESearch(line).encode(&mut context.link.out, context.session.names());
        Ok(())
    }

    /// What the result options ask, as ESEARCH tells it.
    pub(crate) fn items(&self, view: &ClientView, returns: &[SearchReturn]) -> Vec<ESearchItem> {
        let asks = |option| returns.contains(&option);
        let number = |seq: Option<&u32>| self.numbers(view, seq.copied().as_slice()).next();
        let ranges = |seqs: &[u32]| ranges_in_order(self.numbers(view, seqs));
        let count = u32::try_from(self.order.len()).unwrap_or(u32::MAX);
        let modseq = if self.has_modseq { self.modseq(view, &self.named(returns)) } else { None };
        let page = page_of(returns);
        [
            number(self.order.first()).filter(|_| asks(SearchReturn::Min)).map(ESearchItem::Min),
            number(self.order.last()).filter(|_| asks(SearchReturn::Max)).map(ESearchItem::Max),
            asks(SearchReturn::Count).then_some(ESearchItem::Count(count)),
            asks(SearchReturn::All).then(|| ESearchItem::All(ranges(&self.order))),
            page.map(|page| ESearchItem::Partial(page, ranges(self.at(page.of(self.order.len()))))),
            modseq.map(ESearchItem::ModSeq),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The messages that the answer names, which `$` and MODSEQ are about: RFC 5182 §2.4, RFC 7162 §3.1.10,
    /// RFC 9394 §3.2.
    fn named(&self, returns: &[SearchReturn]) -> Vec<u32> {
        let mut named = Vec::new();
        let mut is_selective = false;
        for option in returns {
            match option {
                SearchReturn::All | SearchReturn::Count => return self.order.clone(),
                SearchReturn::Min => named.extend(self.order.first()),
                SearchReturn::Max => named.extend(self.order.last()),
                SearchReturn::Partial(page) => named.extend(self.at(page.of(self.order.len()))),
                SearchReturn::Save | SearchReturn::Update => continue,
            }
            is_selective = true;
        }
        if is_selective { named } else { self.order.clone() }
    }

    fn at(&self, places: std::ops::Range<usize>) -> &[u32] {
        self.order.get(places).unwrap_or_default()
    }

    fn numbers(&self, view: &ClientView, seqs: &[u32]) -> impl Iterator<Item = u32> {
        seqs.iter().filter_map(|&seq| match self.numbering {
            Numbering::Seq => Some(seq),
            Numbering::Uid => view.entry(seq).map(|entry| entry.uid.0),
        })
    }

    /// The highest MODSEQ among messages; only told if the search had MODSEQ.
    fn modseq(&self, view: &ClientView, seqs: &[u32]) -> Option<u64> {
        let modseqs = seqs.iter().filter(|_| self.has_modseq).filter_map(|&seq| view.entry(seq));
        modseqs.map(|entry| entry.modseq.0).max()
    }
}

/// RFC 5182 §2.1: a search that was to be saved and was answered NO leaves `$` empty; BAD leaves it as it was.
pub(crate) fn forget_saved_unless_ok(context: &mut Context<'_>, done: &Result<Done, Failure>) {
    let is_refused = match done {
        Ok(Done::Status(Status { condition, .. })) => *condition == Condition::No,
        Ok(_) | Err(Failure::Bad(_)) => false,
        Err(_) => true,
    };
    if is_refused && let Ok((_, selected)) = context.session.selected_mut() {
        // Nothing is never too much.
        let _ = selected.view.save(&NumberSet::default());
    }
}

fn page_of(returns: &[SearchReturn]) -> Option<crate::wire::partial::PartialRange> {
    returns.iter().find_map(|option| match option {
        SearchReturn::Partial(page) => Some(*page),
        _ => None,
    })
}
