//! Email/copy (RFC 8621 §4.7).
//!
//! A login sees one account, so that no copy has two ends: the one it names is another's, or the same.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::method::{Arguments, Context, Outcome, typed};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CopyArguments {
    from_account_id: String,
    #[serde(default, rename = "ifFromInState")]
    _if_from_in_state: Option<String>,
    account_id: String,
    #[serde(default, rename = "ifInState")]
    _if_in_state: Option<String>,
    #[serde(rename = "create")]
    _create: BTreeMap<String, Map<String, Value>>,
    #[serde(default, rename = "onSuccessDestroyOriginal")]
    _on_success_destroy_original: bool,
    #[serde(default, rename = "destroyFromIfInState")]
    _destroy_from_if_in_state: Option<String>,
}

/// Runs the method.
pub(crate) fn run(arguments: Arguments, context: &Context<'_>) -> Outcome {
    let arguments: CopyArguments = typed(arguments)?;
    Err(context.no_copy(&arguments.from_account_id, &arguments.account_id))
}
