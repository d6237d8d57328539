//! What all /set methods share (RFC 8620 §5.3).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Arguments, Context};
use crate::reply::{MethodError, SetError};
use crate::wire::id;

/// The arguments of a /set without arguments of its own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SetArguments {
    pub(crate) account_id: String,
    #[serde(default)]
    pub(crate) if_in_state: Option<String>,
    #[serde(default)]
    pub(crate) create: Option<BTreeMap<String, Map<String, Value>>>,
    #[serde(default)]
    pub(crate) update: Option<BTreeMap<String, Map<String, Value>>>,
    #[serde(default)]
    pub(crate) destroy: Option<Vec<String>>,
    /// Mailbox/set alone has it (RFC 8621 §2.5).
    #[serde(default)]
    pub(crate) on_destroy_remove_emails: Option<bool>,
}

impl SetArguments {
    /// Checks how much is asked for, and the state it is asked in.
    ///
    /// # Errors
    /// requestTooLarge, stateMismatch, invalidArguments.
    pub(crate) fn check(&self, context: &Context<'_>, state: &str) -> Result<(), MethodError> {
        let count = self.create.as_ref().map_or(0, BTreeMap::len)
            + self.update.as_ref().map_or(0, BTreeMap::len)
            + self.destroy.as_ref().map_or(0, Vec::len);
        check_count(context, count)?;
        if self.if_in_state.as_deref().is_some_and(|wanted| wanted != state) {
            return Err(MethodError::StateMismatch);
        }
        check_creation_ids(self.create.iter().flat_map(BTreeMap::keys))
    }
}

/// Checks how many creations, updates and destructions are asked for.
///
/// # Errors
/// requestTooLarge.
pub(crate) fn check_count(context: &Context<'_>, count: usize) -> Result<(), MethodError> {
    if count > context.server.options.limits.objects_in_set {
        Err(MethodError::RequestTooLarge)
    } else {
        Ok(())
    }
}

/// Checks what the client calls its creations.
///
/// # Errors
/// invalidArguments.
pub(crate) fn check_creation_ids<'k>(mut keys: impl Iterator<Item = &'k String>) -> Result<(), MethodError> {
    match keys.find(|key| !id::is_id(key)) {
        Some(key) => Err(MethodError::InvalidArguments(format!("{key:?} is not a creation id"))),
        None => Ok(()),
    }
}

/// What became of everything that was asked for.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    created: Map<String, Value>,
    updated: Map<String, Value>,
    destroyed: Vec<String>,
    not_created: Map<String, Value>,
    not_updated: Map<String, Value>,
    not_destroyed: Map<String, Value>,
}

impl Outcomes {
    /// A creation; what the server set is in the object, with its `id`.
    pub(crate) fn create(
        &mut self,
        context: &mut Context<'_>,
        key: String,
        outcome: Result<Value, SetError>,
    ) {
        match outcome {
            Ok(object) => {
                if let Some(id) = object.get("id").and_then(Value::as_str) {
                    context.created_ids.insert(key.clone(), id.to_owned());
                }
                self.created.insert(key, object);
            }
            Err(error) => {
                self.not_created.insert(key, error.value());
            }
        }
    }

    /// An update; null says that nothing else has changed than what was asked for.
    pub(crate) fn update(&mut self, key: String, outcome: Result<Value, SetError>) {
        match outcome {
            Ok(object) => self.updated.insert(key, object),
            Err(error) => self.not_updated.insert(key, error.value()),
        };
    }

    /// A destruction.
    pub(crate) fn destroy(&mut self, key: String, outcome: Result<(), SetError>) {
        match outcome {
            Ok(()) => self.destroyed.push(key),
            Err(error) => {
                self.not_destroyed.insert(key, error.value());
            }
        }
    }

    /// The response of a method that only makes, and has no states.
    pub(crate) fn creations(self, account: &str) -> Arguments {
        let mut response = Map::new();
        response.insert("accountId".to_owned(), json!(account));
        response.insert("created".to_owned(), some(self.created));
        response.insert("notCreated".to_owned(), some(self.not_created));
        response
    }

    /// The response.
    pub(crate) fn response(self, account: &str, old: String, new: String) -> Arguments {
        let mut response = self.stateless_response();
        response.insert("accountId".to_owned(), json!(account));
        response.insert("oldState".to_owned(), Value::String(old));
        response.insert("newState".to_owned(), Value::String(new));
        response
    }

    /// The response of a type that belongs to no account and has no states.
    pub(crate) fn stateless_response(self) -> Arguments {
        let some = |map: Map<String, Value>| if map.is_empty() { Value::Null } else { Value::Object(map) };
        let mut response = Map::new();
        response.insert("created".to_owned(), some(self.created));
        response.insert("updated".to_owned(), some(self.updated));
        let destroyed = if self.destroyed.is_empty() { Value::Null } else { json!(self.destroyed) };
        response.insert("destroyed".to_owned(), destroyed);
        response.insert("notCreated".to_owned(), some(self.not_created));
        response.insert("notUpdated".to_owned(), some(self.not_updated));
        response.insert("notDestroyed".to_owned(), some(self.not_destroyed));
        response
    }
}

/// RFC 8620 §5.3: null where there is none.
fn some(map: Map<String, Value>) -> Value {
    if map.is_empty() { Value::Null } else { Value::Object(map) }
}

/// A set such as `mailboxIds`: an object whose values are all true.
pub(crate) fn set_of(value: &Value) -> Option<Vec<String>> {
    let fields = value.as_object()?;
    fields.iter().map(|(key, value)| (*value == Value::Bool(true)).then(|| key.clone())).collect()
}

/// RFC 8620 §5.3: how a patch changes a set, such as `"keywords/$seen": true` or `"keywords": {..}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SetPatch {
    /// All of it, anew.
    pub(crate) replace: Option<Vec<String>>,
    pub(crate) add: Vec<String>,
    pub(crate) remove: Vec<String>,
}

impl SetPatch {
    /// Takes what concerns the property out of a patch; `None` if nothing does.
    ///
    /// # Errors
    /// invalidPatch if all of it and some of it is to be set, invalidProperties for another value than true or null.
    pub(crate) fn take(
        patch: &mut Map<String, Value>,
        property: &'static str,
    ) -> Result<Option<Self>, SetError> {
        let prefix = format!("{property}/");
        let own: Vec<String> = patch.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
        let replace = patch.remove(property);
        if replace.is_none() && own.is_empty() {
            return Ok(None);
        }
        if replace.is_some() && !own.is_empty() {
            return Err(SetError::new("invalidPatch", "a property and a part of it are both set"));
        }
        let mut taken = Self::default();
        if let Some(value) = replace {
            taken.replace = Some(set_of(&value).ok_or_else(|| SetError::property(property))?);
        }
        for key in own {
            let member = crate::wire::reference::unescaped(key.get(prefix.len()..).unwrap_or_default());
            let member = member.ok_or_else(|| SetError::new("invalidPatch", "not a JSON pointer"))?;
            match patch.remove(&key) {
                Some(Value::Bool(true)) => taken.add.push(member),
                Some(Value::Null) => taken.remove.push(member),
                _ => return Err(SetError::property(property)),
            }
        }
        Ok(Some(taken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(patch: Value) -> Result<Option<SetPatch>, SetError> {
        let Value::Object(mut patch) = patch else { panic!("no patch") };
        SetPatch::take(&mut patch, "keywords")
    }

    #[test]
    fn a_patch_replaces_adds_and_removes() {
        let patch = |replace: Option<&[&str]>, add: &[&str], remove: &[&str]| {
            let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            Some(SetPatch { replace: replace.map(own), add: own(add), remove: own(remove) })
        };
        assert_eq!(taken(json!({ "mailboxIds": {} })), Ok(None));
        assert_eq!(taken(json!({ "keywords": { "a": true } })), Ok(patch(Some(&["a"]), &[], &[])));
        assert_eq!(
            taken(json!({ "keywords/a~1b": true, "keywords/c": null })),
            Ok(patch(None, &["a/b"], &["c"]))
        );
        for (wrong, kind) in [
            (json!({ "keywords": {}, "keywords/a": true }), "invalidPatch"),
            (json!({ "keywords": { "a": false } }), "invalidProperties"),
            (json!({ "keywords": null }), "invalidProperties"),
            (json!({ "keywords/a": false }), "invalidProperties"),
            (json!({ "keywords/a~": true }), "invalidPatch"),
        ] {
            assert_eq!(taken(wrong.clone()).unwrap_err().kind, kind, "{wrong}");
        }
    }
}
