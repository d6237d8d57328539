//! Identities (RFC 8621 §6): whom a client may send as.
//!
//! Each address of the account has one that can't be destroyed; clients may make more for the same addresses.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::{Identity, NamedAddress, ObjectKind};

use super::Context;
use super::objects::Type;
use crate::reply::MethodError;
use crate::wire::id;

pub(crate) mod changes;
pub(crate) mod get;
pub(crate) mod set;

/// All identities of the account, with those of its addresses as they are now.
pub(crate) async fn all(context: &Context<'_>) -> Result<Vec<Identity>, MethodError> {
    let addresses = own_addresses(context).await?;
    Ok(context.server.store.identities(context.access, addresses).await?)
}

/// The addresses that belong to the account.
pub(crate) async fn own_addresses(context: &Context<'_>) -> Result<Vec<String>, MethodError> {
    let account = context.server.store.account(context.access.owner()).await?;
    Ok(account.addresses(&context.server.options.hostname))
}

/// The wanted properties of an identity.
fn object(identity: &Identity, wanted: &BTreeSet<&'static str>) -> Value {
    let mut object = Map::new();
    for property in wanted {
        let value = match *property {
            "id" => json!(id::of_identity(identity.id)),
            "name" => json!(identity.text.name),
            "email" => json!(identity.email),
            "replyTo" => addresses(identity.text.reply_to.as_deref()),
            "bcc" => addresses(identity.text.bcc.as_deref()),
            "textSignature" => json!(identity.text.text_signature),
            "htmlSignature" => json!(identity.text.html_signature),
            "mayDelete" => json!(!identity.is_own),
            _ => continue,
        };
        object.insert((*property).to_owned(), value);
    }
    Value::Object(object)
}

fn addresses(list: Option<&[NamedAddress]>) -> Value {
    let object = |address: &NamedAddress| json!({ "name": address.name, "email": address.email });
    list.map_or(Value::Null, |list| list.iter().map(object).collect())
}

/// An EmailAddress (RFC 8621 §4.1.2.3) that a client has sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EmailAddress {
    #[serde(default)]
    name: Option<String>,
    email: String,
}

/// Its type, for changes.
pub(crate) const TYPE: Type =
    Type { kind: ObjectKind::Identity, id: |number| id::of_identity(store::IdentityId(number)) };

/// Every property (RFC 8621 §6).
const PROPERTIES: [&str; 8] =
    ["id", "name", "email", "replyTo", "bcc", "textSignature", "htmlSignature", "mayDelete"];
