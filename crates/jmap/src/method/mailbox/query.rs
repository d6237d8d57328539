//! Mailbox/query (RFC 8621 §2.3).

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};
use store::MailboxId;

use super::{Place, Tree, counts, role, shown_name};
use crate::method::query::{Comparator, Filter, Sought, Window};
use crate::method::{Arguments, Context, Outcome, Shared as _, typed};
use crate::reply::MethodError;
use crate::wire::id;
use crate::wire::state::State;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueryArguments {
    account_id: String,
    #[serde(default)]
    sort_as_tree: bool,
    #[serde(default)]
    filter_as_tree: bool,
}

/// RFC 8621 §2.3: conditions that are given hold together.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Condition {
    #[serde(default, deserialize_with = "given")]
    parent_id: Option<Option<String>>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    role: Option<Option<String>>,
    #[serde(default)]
    has_any_role: Option<bool>,
    #[serde(default)]
    is_subscribed: Option<bool>,
}

/// A property that is given, be it as null.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// What to look for, and how to lay it out.
pub(crate) struct Search {
    filter: Option<Filter<Condition>>,
    sort: Vec<Comparator>,
    pub(crate) sort_as_tree: bool,
    pub(crate) filter_as_tree: bool,
}

/// Runs the method.
pub(crate) async fn run(mut arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let window = Window::take(&mut arguments)?;
    let sought = Sought::take(&mut arguments)?;
    let arguments: QueryArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let mut search = Search::parse(sought)?;
    search.sort_as_tree = arguments.sort_as_tree;
    search.filter_as_tree = arguments.filter_as_tree;
    let states = context.server.store.type_states(context.access).await?;
    let results = search.results(context).await?;
    let state = State::at(states.epoch, states.mailbox).to_string();
    window.answer(&arguments.account_id, state, &results)
}

impl Search {
    /// Reads filter and sort.
    pub(crate) fn parse(sought: Sought) -> Result<Self, MethodError> {
        let (filter, sort) = sought.read(&CONDITIONS)?;
        sort.iter()
            .try_for_each(|comparator: &Comparator| comparator.check(&["sortOrder", "name", "parentId"]))?;
        Ok(Self { filter, sort, sort_as_tree: false, filter_as_tree: false })
    }

    /// Ids of what is found, in order.
    pub(crate) async fn results(&self, context: &Context<'_>) -> Result<Vec<String>, MethodError> {
        let tree = Tree::new(context.server.store.mailboxes(context.access).await?);
        let orders = match self.sort.iter().any(|comparator| comparator.property == "sortOrder") {
            true => counts(context, tree.all().map(|place| place.mailbox.id).collect()).await?,
            false => Default::default(),
        };
        let order = |id: MailboxId| orders.get(&id).map_or(0, |counts| counts.sort_order);
        let compare = |a: &Place, b: &Place| {
            let by = |comparator: &Comparator| {
                let ordering = match comparator.property.as_str() {
                    "sortOrder" => order(a.mailbox.id).cmp(&order(b.mailbox.id)),
                    "name" => shown_name(a).to_lowercase().cmp(&shown_name(b).to_lowercase()),
                    _ => a.parent.cmp(&b.parent),
                };
                if comparator.is_ascending { ordering } else { ordering.reverse() }
            };
            let decided = self.sort.iter().map(by).find(|ordering| *ordering != Ordering::Equal);
            decided.unwrap_or_else(|| a.mailbox.id.cmp(&b.mailbox.id))
        };
        let fits: BTreeSet<MailboxId> =
            tree.all().filter(|place| self.fits(place)).map(|place| place.mailbox.id).collect();
        // RFC 8621 §2.3: with filterAsTree, all above have to fit as well.
        let is_found = |place: &&Place| match self.filter_as_tree {
            true => tree.path(place.mailbox.id).iter().all(|above| fits.contains(&above.mailbox.id)),
            false => fits.contains(&place.mailbox.id),
        };
        let mut found: Vec<&Place> = tree.all().filter(is_found).collect();
        if self.sort_as_tree {
            // RFC 8621 §2.3: siblings are compared, at the level at which two paths part.
            found.sort_by(|a, b| {
                let (a, b) = (tree.path(a.mailbox.id), tree.path(b.mailbox.id));
                let parted = a.iter().zip(&b).find(|(a, b)| a.mailbox.id != b.mailbox.id);
                parted.map_or_else(|| a.len().cmp(&b.len()), |(a, b)| compare(a, b))
            });
        } else {
            found.sort_by(|a, b| compare(a, b));
        }
        Ok(found.into_iter().map(|place| id::of_mailbox(place.mailbox.id)).collect())
    }

    fn fits(&self, place: &Place) -> bool {
        let Some(filter) = &self.filter else { return true };
        filter.holds(&mut |condition| Some(condition.holds(place))).unwrap_or(false)
    }
}

impl Condition {
    fn holds(&self, place: &Place) -> bool {
        let parent = || place.parent.map(id::of_mailbox);
        let role = role(&place.mailbox);
        self.parent_id.as_ref().is_none_or(|wanted| *wanted == parent())
            && self.role.as_ref().is_none_or(|wanted| wanted.as_deref() == role)
            && self.has_any_role.is_none_or(|wanted| wanted == role.is_some())
            && self.is_subscribed.is_none_or(|wanted| wanted == place.mailbox.subscribed)
            && self
                .name
                .as_ref()
                .is_none_or(|wanted| shown_name(place).to_lowercase().contains(&wanted.to_lowercase()))
    }
}

const CONDITIONS: [&str; 5] = ["parentId", "name", "role", "hasAnyRole", "isSubscribed"];
