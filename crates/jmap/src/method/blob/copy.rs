//! Blob/copy (RFC 8620 §6.3).
//!
//! A login sees one account, so that no copy has two ends: the one it names is another's, or the same.

use serde::Deserialize;

use crate::method::{Arguments, Context, Outcome, typed};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CopyArguments {
    from_account_id: String,
    account_id: String,
    #[serde(rename = "blobIds")]
    _blob_ids: Vec<String>,
}

/// Runs the method.
pub(crate) fn run(arguments: Arguments, context: &Context<'_>) -> Outcome {
    let arguments: CopyArguments = typed(arguments)?;
    Err(context.no_copy(&arguments.from_account_id, &arguments.account_id))
}
