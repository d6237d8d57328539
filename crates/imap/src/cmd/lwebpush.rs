//! LWEBPUSH (draft-gougeon-imap-webpush §5.4): lists push subscriptions. Those of one's own credential; with the main
//! password, those of all.

use store::PushKind;

use crate::cmd::{Context, Done, done, webpush};
use crate::reply::Failure;
use crate::wire::webpush::SubscriptionPattern;

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, pattern: &SubscriptionPattern) -> Result<Done, Failure> {
    let access = context.session.access()?;
    for subscription in context.store().push_subscriptions(access).await? {
        if subscription.kind == PushKind::ImapWebPush && pattern.matches(&subscription.client_id) {
            webpush::tell(context, &subscription);
        }
    }
    done("LWEBPUSH")
}
