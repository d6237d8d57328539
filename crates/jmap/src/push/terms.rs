//! What a subscription is to be told: `types` (RFC 8620 §7.2), `emailPush` (draft-ietf-jmap-emailpush), `ignoreOwnChanges`.
//! Kept in the store as the client has given it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use webpush::header::Urgency;

use crate::method::Shared as _;
use crate::method::email::filter::{CONDITIONS, Condition};
use crate::method::email::property::{Shown, Wanted};
use crate::method::query::Filter;
use crate::reply::SetError;
use crate::wire::{id, reference};

/// The properties of a PushSubscription that say what is to be pushed.
pub(crate) const PROPERTIES: [&str; 3] = ["types", "emailPush", "ignoreOwnChanges"];

/// What a subscription is to be told.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    /// `None`: all types.
    types: Option<Vec<&'static str>>,
    /// By account; of an account that the client may not read, nothing comes of it.
    email_push: BTreeMap<String, EmailPushConfig>,
    /// Whether what its own credential has changed is not told.
    pub(crate) ignores_own_changes: bool,
    given: Map<String, Value>,
}

/// Which new emails of an account are told of, and what is said of each.
#[derive(Debug)]
pub(crate) struct EmailPushConfig {
    pub(crate) filter: Option<Filter<Condition>>,
    pub(crate) wanted: Wanted,
    pub(crate) urgency: Urgency,
}

impl Terms {
    /// Reads the properties of [`PROPERTIES`] that are given.
    ///
    /// # Errors
    /// invalidProperties.
    pub(crate) fn read(given: Map<String, Value>) -> Result<Self, SetError> {
        let mut terms = Self::default();
        if let Some(value) = given.get("ignoreOwnChanges") {
            terms.ignores_own_changes =
                value.as_bool().ok_or_else(|| SetError::property("ignoreOwnChanges"))?;
        }
        match given.get("emailPush") {
            None | Some(Value::Null) => {}
            Some(Value::Object(accounts)) => {
                for (account, value) in accounts {
                    let config = EmailPushConfig::read(value).filter(|_| id::is_id(account));
                    let config = config.ok_or_else(|| SetError::property("emailPush"))?;
                    terms.email_push.insert(account.clone(), config);
                }
            }
            Some(_) => return Err(SetError::property("emailPush")),
        }
        terms.types = match given.get("types") {
            None | Some(Value::Null) => None,
            Some(value) => Some(types(value).ok_or_else(|| SetError::property("types"))?),
        };
        // Without types there is only a sense in it where emails are told of: see the example of the draft.
        if terms.email_push.is_empty() && terms.types.as_ref().is_some_and(Vec::is_empty) {
            return Err(SetError::property("types"));
        }
        if given.len() > PROPERTIES.len() || Value::Object(given.clone()).to_string().len() > BYTES_MAX {
            return Err(SetError::property("emailPush"));
        }
        terms.given = given;
        Ok(terms)
    }

    /// Reads what [`Terms::to_text`] wrote; `None` for anything else.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        Self::read(serde_json::from_str(text).ok()?).ok()
    }

    /// As the store keeps it.
    pub(crate) fn to_text(&self) -> String {
        Value::Object(self.given.clone()).to_string()
    }

    /// One of [`PROPERTIES`], as a client sees it.
    pub(crate) fn shown(&self, property: &str) -> Value {
        let default = if property == "ignoreOwnChanges" { json!(false) } else { Value::Null };
        self.given.get(property).cloned().unwrap_or(default)
    }

    /// Changes one of [`PROPERTIES`], or a part of `emailPush` (RFC 8620 §5.3).
    ///
    /// # Errors
    /// invalidPatch, invalidProperties.
    pub(crate) fn patched(&self, patch: Map<String, Value>) -> Result<Self, SetError> {
        let mut given = self.given.clone();
        let is_whole = patch.contains_key("emailPush");
        for (path, value) in patch {
            let Some(rest) = path.strip_prefix("emailPush/") else {
                given.insert(path, value);
                continue;
            };
            if is_whole {
                return Err(SetError::new("invalidPatch", "a property and a part of it are both set"));
            }
            let path: Option<Vec<String>> = rest.split('/').map(reference::unescaped).collect();
            let path = path.ok_or_else(|| SetError::new("invalidPatch", "not a JSON pointer"))?;
            set(given.entry("emailPush").or_insert_with(|| json!({})), &path, value)?;
        }
        Self::read(given)
    }

    /// Whether changes of a type are told.
    pub(crate) fn tells(&self, name: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&name))
    }

    /// What is said of new emails of an account, if anything is.
    pub(crate) fn email_push(&self, account: &str) -> Option<&EmailPushConfig> {
        self.email_push.get(account)
    }

    /// Whether contents of emails are to be pushed.
    pub(crate) fn needs_keys(&self) -> bool {
        !self.email_push.is_empty()
    }
}

impl EmailPushConfig {
    fn read(value: &Value) -> Option<Self> {
        let fields = value.as_object()?;
        if fields.keys().any(|name| !["filter", "properties", "urgency"].contains(&name.as_str())) {
            return None;
        }
        let filter = fields.get("filter").filter(|filter| !filter.is_null());
        let filter = filter.map(|filter| Filter::parse(filter.clone(), &CONDITIONS)).transpose().ok()?;
        let properties = fields.get("properties").filter(|properties| properties.is_array())?;
        let mut shown = Map::from_iter([("properties".to_owned(), properties.clone())]);
        let wanted = Shown::take(&mut shown).and_then(|shown| shown.wanted(&[])).ok()?;
        let urgency = match fields.get("urgency") {
            None => Urgency::Normal,
            Some(urgency) => urgency.as_str()?.parse().ok()?,
        };
        Some(Self { filter, wanted, urgency })
    }
}

fn types(value: &Value) -> Option<Vec<&'static str>> {
    let find = |name: &Value| TYPES.into_iter().find(|known| name == known);
    value.as_array()?.iter().map(find).collect()
}

/// Sets what is at a path below an object; null removes it.
fn set(at: &mut Value, path: &[String], value: Value) -> Result<(), SetError> {
    let wrong = || SetError::new("invalidPatch", "there is nothing at the path");
    if at.is_null() {
        *at = json!({});
    }
    let (Some(fields), Some((name, rest))) = (at.as_object_mut(), path.split_first()) else {
        return Err(wrong());
    };
    if !rest.is_empty() {
        return set(fields.get_mut(name).ok_or_else(wrong)?, rest, value);
    }
    if value.is_null() {
        fields.remove(name);
    } else {
        fields.insert(name.clone(), value);
    }
    Ok(())
}

/// Types that a subscription may name: those that have states, and those that will.
const TYPES: [&str; 8] = [
    "Email",
    "EmailDelivery",
    "Mailbox",
    "Thread",
    "EmailSubmission",
    "Identity",
    "VacationResponse",
    "SieveScript",
];
/// As much as the store keeps.
const BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: Value) -> Result<Terms, SetError> {
        let Value::Object(given) = given else { panic!("no object") };
        Terms::read(given)
    }

    #[test]
    fn what_is_no_term_is_named() {
        let config = json!({ "properties": ["subject"] });
        let of = |config: Value| json!({ "emailPush": { "A1": config } });
        let cases = [
            (json!({ "types": [] }), "types"),
            (json!({ "types": ["Email", "Kitten"] }), "types"),
            (json!({ "types": "Email" }), "types"),
            (json!({ "types": [1] }), "types"),
            (json!({ "ignoreOwnChanges": 1 }), "ignoreOwnChanges"),
            (json!({ "emailPush": [] }), "emailPush"),
            (json!({ "emailPush": { "no id!": config } }), "emailPush"),
            (of(json!({})), "emailPush"),
            (of(json!({ "properties": null })), "emailPush"),
            (of(json!({ "properties": ["kitten"] })), "emailPush"),
            (of(json!({ "properties": [], "filter": { "kitten": 1 } })), "emailPush"),
            (of(json!({ "properties": [], "urgency": "soon" })), "emailPush"),
            (of(json!({ "properties": [], "kitten": 1 })), "emailPush"),
            (of(json!({ "properties": [], "filter": { "subject": "x".repeat(20_000) } })), "emailPush"),
        ];
        for (given, property) in cases {
            assert_eq!(read(given.clone()).unwrap_err(), SetError::property(property), "{given}");
        }
    }

    #[test]
    fn terms_are_kept_as_they_were_given_and_patched_in_parts() {
        let terms = read(json!({ "types": ["Email"], "emailPush": { "A1": { "properties": ["subject"] } } }));
        let terms = Terms::from_text(&terms.unwrap().to_text()).unwrap();
        assert!(terms.tells("Email") && !terms.tells("Mailbox") && terms.needs_keys());
        assert_eq!(terms.email_push("A1").unwrap().urgency, Urgency::Normal);
        assert_eq!(terms.shown("ignoreOwnChanges"), json!(false));
        let patched = |patch: Value| match patch {
            Value::Object(patch) => terms.patched(patch).map(|terms| terms.shown("emailPush")),
            _ => panic!("no patch"),
        };
        let with = |urgency: &str| json!({ "A1": { "properties": ["subject"], "urgency": urgency } });
        assert_eq!(patched(json!({ "emailPush/A1/urgency": "high" })), Ok(with("high")));
        assert_eq!(patched(json!({ "emailPush/A1": null })), Ok(json!({})));
        assert_eq!(patched(json!({ "emailPush": null })), Ok(Value::Null));
        for (wrong, kind) in [
            (json!({ "emailPush/A1/urgency": "soon" }), "invalidProperties"),
            (json!({ "emailPush/A2/urgency": "high" }), "invalidPatch"),
            (json!({ "emailPush": null, "emailPush/A1": null }), "invalidPatch"),
            (json!({ "emailPush/A1": null, "types": [] }), "invalidProperties"),
        ] {
            assert_eq!(patched(wrong.clone()).unwrap_err().kind, kind, "{wrong}");
        }
    }
}
