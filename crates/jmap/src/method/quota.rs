//! Quotas (RFC 9425): how much of what an account may have is used.
//!
//! There is one at most: the octets of an account's messages, if they are limited. The state says both numbers, so that any
//! earlier one tells what has changed.

use serde_json::{Map, Value, json};
use store::Account;

use crate::method::Context;
use crate::reply::MethodError;
use crate::session;

pub(crate) mod changes;
pub(crate) mod get;
pub(crate) mod query;
pub(crate) mod query_changes;

/// What is used, and of how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    used: u64,
    limit: Option<u64>,
}

impl Usage {
    /// As it is now.
    pub(crate) async fn read(context: &Context<'_>) -> Result<Self, MethodError> {
        let Account { used_bytes, quota_bytes, .. } =
            context.server.store.account(context.access.owner()).await?;
        Ok(Self { used: used_bytes, limit: quota_bytes })
    }

    /// Reads a state; `None` for what is none.
    fn parse(state: &str) -> Option<Self> {
        let (used, limit) = state.split_once('-')?;
        let number = |text: &str| {
            let number: u64 = text.parse().ok()?;
            (number.to_string() == text).then_some(number)
        };
        let limit = if limit == UNLIMITED { None } else { Some(number(limit)?) };
        Some(Self { used: number(used)?, limit })
    }

    fn state(self) -> String {
        let limit = self.limit.map_or_else(|| UNLIMITED.to_owned(), |limit| limit.to_string());
        format!("{}-{limit}", self.used)
    }

    /// All properties of the Quota object, if there is one for a client that uses these capabilities.
    fn object(self, context: &Context<'_>) -> Option<Map<String, Value>> {
        // RFC 9425 §4.1: types that the client does not know are left out, and quotas without any other.
        let limit = self.limit.filter(|_| context.using.contains(session::MAIL))?;
        let object = json!({
            "id": ID,
            "resourceType": RESOURCE_TYPE,
            "used": self.used,
            "hardLimit": limit,
            "scope": SCOPE,
            "name": NAME,
            "types": TYPES,
            "warnLimit": null,
            "softLimit": null,
            "description": "Octets of all messages, each counted once however many mailboxes it is in.",
        });
        match object {
            Value::Object(fields) => Some(fields),
            _ => None,
        }
    }
}

const ID: &str = "octets";
const NAME: &str = "Mail";
const RESOURCE_TYPE: &str = "octets";
const SCOPE: &str = "account";
const TYPES: [&str; 1] = ["Email"];
const PROPERTIES: [&str; 10] = [
    "id",
    "resourceType",
    "used",
    "hardLimit",
    "scope",
    "name",
    "types",
    "warnLimit",
    "softLimit",
    "description",
];
const UNLIMITED: &str = "x";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_says_what_is_used_of_how_much() {
        for usage in [Usage { used: 0, limit: None }, Usage { used: 7, limit: Some(9) }] {
            assert_eq!(Usage::parse(&usage.state()), Some(usage));
        }
        for text in ["", "7", "-9", "7-", "07-9", "7-+9", "x-9", "7-9-1"] {
            assert_eq!(Usage::parse(text), None, "{text:?}");
        }
    }
}
