//! GETQUOTA and GETQUOTAROOT (RFC 9208 §4.1). An account is one quota root; one without a quota is none.
//! Others' mailboxes show none.
//!
//! Not here: SETQUOTA (RFC 9208 §4.1.3, QUOTASET): a quota is the operator's, set by `mailbell account quota`.

use store::Account;

use crate::cmd::place::Place;
use crate::cmd::{Context, Done, done};
use crate::reply::Failure;
use crate::wire::quota::{QuotaLine, Usage};
use crate::wire::response::Response;
use crate::wire::status::Code;

/// GETQUOTA.
pub(crate) async fn run(context: &mut Context<'_>, root: &str) -> Result<Done, Failure> {
    let account = context.store().account(context.session.access()?.owner()).await?;
    let quota = if root == OWN_ROOT { usage(&account) } else { None };
    let Some(storage) = quota else {
        return Err(Failure::refused(Code::NonExistent, "no such quota root"));
    };
    context.untagged(&Response::Quota(QuotaLine { root, storage }));
    done("GETQUOTA")
}

/// GETQUOTAROOT.
pub(crate) async fn root(context: &mut Context<'_>, mailbox: &str) -> Result<Done, Failure> {
    let place = Place::of(context, mailbox).await?;
    let quota = if place.is_own() {
        // RFC 9208 §4.1.2: also of a mailbox that is not there: it is what would bound it.
        usage(&context.store().account(place.access.owner()).await?)
    } else {
        // How much another has is not for those to know with whom a mailbox is shared.
        let _shared = context.store().mailbox_named(&place.access, &place.name).await?;
        None
    };
    let (mailbox, root) = (place.shown(&place.name), quota.map(|_| OWN_ROOT));
    context.untagged(&Response::QuotaRoot { mailbox: &mailbox, root });
    if let Some(storage) = quota {
        context.untagged(&Response::Quota(QuotaLine { root: OWN_ROOT, storage }));
    }
    done("GETQUOTAROOT")
}

fn usage(account: &Account) -> Option<Usage> {
    account.quota_bytes.map(|limit| Usage::of_bytes(account.used_bytes, limit))
}

/// The quota root of who is logged in.
const OWN_ROOT: &str = "";
