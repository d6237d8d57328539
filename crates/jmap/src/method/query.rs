//! What all /query and /queryChanges methods share (RFC 8620 §5.5 and §5.6): filters, comparators, windows.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Arguments, Shared};
use crate::reply::MethodError;
use crate::wire::number::{Int, UnsignedInt};

/// A filter of conditions.
#[derive(Clone, Debug)]
pub(crate) enum Filter<C> {
    /// Several together.
    Operator(Operator, Vec<Filter<C>>),
    /// One.
    Condition(C),
}

/// How several go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    /// All are true.
    And,
    /// At least one is true.
    Or,
    /// None is true.
    Not,
}

impl<C: DeserializeOwned> Filter<C> {
    /// Reads a filter whose conditions have these properties.
    ///
    /// # Errors
    /// unsupportedFilter for another property, invalidArguments for a wrong type.
    pub(crate) fn parse(value: Value, known: &[&str]) -> Result<Self, MethodError> {
        let mut budget = CONDITIONS_MAX;
        Self::read(value, known, &mut budget)
    }

    fn read(value: Value, known: &[&str], budget: &mut usize) -> Result<Self, MethodError> {
        *budget = budget.checked_sub(1).ok_or(MethodError::UnsupportedFilter)?;
        let invalid = |why: &str| MethodError::InvalidArguments(format!("filter: {why}"));
        let Value::Object(mut fields) = value else { return Err(invalid("not an object")) };
        if let Some(operator) = fields.remove("operator") {
            let operator = match operator.as_str() {
                Some("AND") => Operator::And,
                Some("OR") => Operator::Or,
                Some("NOT") => Operator::Not,
                _ => return Err(invalid("not an operator")),
            };
            let Some(Value::Array(conditions)) = fields.remove("conditions") else {
                return Err(invalid("an operator has a list of conditions"));
            };
            if !fields.is_empty() {
                return Err(invalid("an operator has nothing but conditions"));
            }
            let conditions = conditions.into_iter().map(|inner| Self::read(inner, known, budget));
            return Ok(Self::Operator(operator, conditions.collect::<Result<_, _>>()?));
        }
        if fields.keys().any(|name| !known.contains(&name.as_str())) {
            return Err(MethodError::UnsupportedFilter);
        }
        let condition = serde_json::from_value(Value::Object(fields));
        condition.map(Self::Condition).map_err(|error| invalid(&error.to_string()))
    }
}

impl<C> Filter<C> {
    /// Every condition, at all depths.
    pub(crate) fn conditions(&self) -> Vec<&C> {
        match self {
            Self::Condition(condition) => vec![condition],
            Self::Operator(_, inner) => inner.iter().flat_map(Self::conditions).collect(),
        }
    }

    /// Whether it is true, given whether each condition is. `None` is "not known yet", and stays so unless the others decide.
    pub(crate) fn holds(&self, is_true: &mut dyn FnMut(&C) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Condition(condition) => is_true(condition),
            Self::Operator(operator, inner) => {
                // AND is decided by what is false, OR and NOT by what is true.
                let decides = *operator != Operator::And;
                let mut is_known = true;
                for filter in inner {
                    match filter.holds(is_true) {
                        Some(value) if value == decides => return Some(*operator == Operator::Or),
                        Some(_) => {}
                        None => is_known = false,
                    }
                }
                is_known.then_some(*operator != Operator::Or)
            }
        }
    }
}

/// A comparator (RFC 8620 §5.5). What it has besides is passed over: there are clients that put the arguments of the window into
/// it, at their defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Comparator {
    pub(crate) property: String,
    #[serde(default = "ascending")]
    pub(crate) is_ascending: bool,
    #[serde(default)]
    pub(crate) collation: Option<String>,
    #[serde(default)]
    pub(crate) keyword: Option<String>,
}

fn ascending() -> bool {
    true
}

impl Comparator {
    /// Checks property and collation.
    ///
    /// # Errors
    /// unsupportedSort.
    pub(crate) fn check(&self, known: &[&str]) -> Result<(), MethodError> {
        let knows_collation = self
            .collation
            .as_deref()
            .is_none_or(|name| matches!(name, "i;ascii-casemap" | "i;unicode-casemap"));
        if known.contains(&self.property.as_str()) && knows_collation {
            return Ok(());
        }
        Err(MethodError::UnsupportedSort)
    }
}

/// What is looked for and in which order, as the client says it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sought {
    filter: Option<Value>,
    sort: Option<Vec<Value>>,
}

impl Shared for Sought {
    const NAMES: &'static [&'static str] = &["filter", "sort"];
}

impl Sought {
    /// Reads a filter whose conditions have these properties, and the comparators, which are still to be checked.
    ///
    /// # Errors
    /// unsupportedFilter, invalidArguments.
    pub(crate) fn read<C: DeserializeOwned>(
        self,
        conditions: &[&str],
    ) -> Result<(Option<Filter<C>>, Vec<Comparator>), MethodError> {
        let filter = self.filter.map(|filter| Filter::parse(filter, conditions)).transpose()?;
        let read = |value| {
            serde_json::from_value(value)
                .map_err(|error| MethodError::InvalidArguments(format!("sort: {error}")))
        };
        let sort = self.sort.unwrap_or_default().into_iter().map(read).collect::<Result<_, _>>()?;
        Ok((filter, sort))
    }
}

/// Which stretch of the results is wanted, and whether their number is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Window {
    pub(crate) position: Int,
    pub(crate) anchor: Option<String>,
    pub(crate) anchor_offset: Int,
    pub(crate) limit: Option<UnsignedInt>,
    pub(crate) calculate_total: bool,
}

impl Shared for Window {
    const NAMES: &'static [&'static str] = &["position", "anchor", "anchorOffset", "limit", "calculateTotal"];
}

/// The stretch, and the limit if it is the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) first: usize,
    pub(crate) length: usize,
    pub(crate) limit: Option<usize>,
}

impl Window {
    /// Up to which result it goes, if that does not depend on how many there are.
    pub(crate) fn end(&self) -> Option<usize> {
        if self.anchor.is_some() {
            return None;
        }
        let first = usize::try_from(self.position.0).ok()?;
        let wanted = self.limit.map_or(usize::MAX, |limit| usize::try_from(limit.0).unwrap_or(usize::MAX));
        Some(first.saturating_add(wanted.min(RESULTS_MAX)))
    }

    /// Where it lies in results of which `find` knows the places.
    ///
    /// # Errors
    /// anchorNotFound.
    pub(crate) fn place(
        &self,
        total: usize,
        find: impl Fn(&str) -> Option<usize>,
    ) -> Result<Stretch, MethodError> {
        let count = i64::try_from(total).unwrap_or(i64::MAX);
        let first = match &self.anchor {
            Some(anchor) => {
                let at = find(anchor).ok_or(MethodError::AnchorNotFound)?;
                i64::try_from(at).unwrap_or(i64::MAX).saturating_add(self.anchor_offset.0).max(0)
            }
            // RFC 8620 §5.5: a negative position counts from the end.
            None if self.position.0 < 0 => count.saturating_add(self.position.0).max(0),
            None => self.position.0,
        };
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let wanted = self.limit.map(|limit| usize::try_from(limit.0).unwrap_or(usize::MAX));
        let left = total.saturating_sub(first);
        let length = left.min(wanted.unwrap_or(usize::MAX)).min(RESULTS_MAX);
        let is_cut = wanted.is_none_or(|wanted| wanted > RESULTS_MAX);
        Ok(Stretch { first, length, limit: is_cut.then_some(RESULTS_MAX) })
    }
}

impl Window {
    /// The response of a /query that has found these.
    ///
    /// # Errors
    /// anchorNotFound.
    pub(crate) fn answer(&self, account: &str, state: String, results: &[String]) -> super::Outcome {
        let stretch = self.place(results.len(), |anchor| results.iter().position(|id| id == anchor))?;
        let ids = results.iter().skip(stretch.first).take(stretch.length).cloned().collect();
        let total = self.calculate_total.then_some(results.len());
        Ok(response(account, state, ids, (stretch, total)))
    }
}

/// The response of a /query.
pub(crate) fn response(
    account: &str,
    state: String,
    ids: Vec<String>,
    (stretch, total): (Stretch, Option<usize>),
) -> Arguments {
    let mut response = Map::new();
    response.insert("accountId".to_owned(), json!(account));
    response.insert("queryState".to_owned(), Value::String(state));
    response.insert("canCalculateChanges".to_owned(), json!(true));
    response.insert("position".to_owned(), json!(stretch.first));
    response.insert("ids".to_owned(), json!(ids));
    if let Some(total) = total {
        response.insert("total".to_owned(), json!(total));
    }
    if let Some(limit) = stretch.limit {
        response.insert("limit".to_owned(), json!(limit));
    }
    response
}

/// What a /queryChanges answers from: results now, and what may have changed its place since.
pub(crate) struct Moved {
    /// All results, in order.
    pub(crate) results: Vec<String>,
    /// Ids that were there in the old state and may have gone from the results or moved in them.
    pub(crate) removed: BTreeSet<String>,
    /// Ids that may be new in the results or at another place.
    pub(crate) added: BTreeSet<String>,
}

/// What a client says of the results that it has.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Known {
    account_id: String,
    pub(crate) since_query_state: String,
    #[serde(default)]
    max_changes: Option<UnsignedInt>,
    /// Flags, names and mailboxes change, and with them the order: then RFC 8620 §5.6 has this ignored.
    #[serde(default, rename = "upToId")]
    _up_to_id: Option<String>,
    #[serde(default)]
    calculate_total: bool,
}

impl Shared for Known {
    const NAMES: &'static [&'static str] =
        &["accountId", "sinceQueryState", "maxChanges", "upToId", "calculateTotal"];
}

impl Known {
    /// Whose results.
    pub(crate) fn account(&self) -> &str {
        &self.account_id
    }
}

/// The response of a /queryChanges.
///
/// # Errors
/// tooManyChanges.
pub(crate) fn changes_response(known: &Known, new_state: String, moved: Moved) -> super::Outcome {
    let Moved { results, removed, added } = moved;
    let total = results.len();
    let added: Vec<Value> = results
        .iter()
        .enumerate()
        .filter(|(_, id)| added.contains(*id))
        .map(|(index, id)| json!({ "id": id, "index": index }))
        .collect();
    let count = u64::try_from(removed.len() + added.len()).unwrap_or(u64::MAX);
    if known.max_changes.is_some_and(|max| count > max.0) {
        return Err(MethodError::TooManyChanges);
    }
    let mut response = Map::new();
    response.insert("accountId".to_owned(), json!(known.account_id));
    response.insert("oldQueryState".to_owned(), json!(known.since_query_state));
    response.insert("newQueryState".to_owned(), Value::String(new_state));
    response.insert("removed".to_owned(), json!(removed));
    response.insert("added".to_owned(), Value::Array(added));
    if known.calculate_total {
        response.insert("total".to_owned(), json!(total));
    }
    Ok(response)
}

/// Operators and conditions of a filter; more are unsupportedFilter.
const CONDITIONS_MAX: usize = 1000;
/// Ids in one response; the response then says that this is the limit.
const RESULTS_MAX: usize = 10_000;

#[cfg(test)]
mod tests;
