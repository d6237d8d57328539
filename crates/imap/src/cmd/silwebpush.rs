//! SILWEBPUSH (draft-gougeon-imap-webpush §5.5): no pushes for a while, or while this connection lives.

use std::sync::Arc;

use notifier::silence::Guard;
use store::{Access, PushKind, PushState, PushSubscription, UnixTime};

use crate::cmd::{Context, Done, done, now, webpush};
use crate::reply::Failure;
use crate::session::Session;
use crate::wire::status::Code;
use crate::wire::webpush::{SilenceFor, SubscriptionId};

/// What SILWEBPUSH has set for this connection; its end is the connection's.
#[derive(Debug, Default)]
pub(crate) struct SessionPush {
    guard: Option<Guard>,
}

impl Session {
    /// The answers to a command have been written: the client is being shown the selected mailbox as the view has it.
    pub(crate) fn note_shown(&mut self) {
        let shown = match self.selected() {
            // An expunge that is held back has not been shown.
            // Others' mailboxes have numbers of their own.
            Ok((way, selected)) if way.is_own() && !selected.view.holds_expunges() => {
                Some((selected.mailbox(), selected.view.modseq()))
            }
            _ => None,
        };
        if let (Some(guard), Some((mailbox, modseq))) = (&mut self.push.guard, shown) {
            guard.shown(mailbox, modseq);
        }
    }

    /// Bytes have come from the client after all that was written had been flushed.
    pub(crate) fn note_heard(&mut self) {
        if let Some(guard) = &mut self.push.guard {
            guard.heard();
        }
    }
}

/// The command.
pub(crate) async fn run(
    context: &mut Context<'_>,
    id: &SubscriptionId,
    duration: SilenceFor,
) -> Result<Done, Failure> {
    let access = context.session.access()?.clone();
    let registrar = Arc::clone(context.registrar());
    let found = find(context, &access, id).await?;
    let silenced = match duration {
        SilenceFor::Seconds(seconds) => {
            let until = (seconds > 0).then(|| UnixTime(now().0.saturating_add(i64::from(seconds))));
            let silenced = context.store().silence_push_subscription(&access, found.id, until).await?;
            // It may wait for the end of a longer silence, or be due.
            registrar.handle.look(found.id);
            silenced
        }
        SilenceFor::Session => {
            enter(context, &registrar.handle, &access, &found)?;
            found
        }
    };
    webpush::tell(context, &silenced);
    done("SILWEBPUSH")
}

async fn find(
    context: &Context<'_>,
    access: &Access,
    id: &SubscriptionId,
) -> Result<PushSubscription, Failure> {
    let all = context.store().push_subscriptions(access).await?;
    let found =
        all.into_iter().find(|found| found.kind == PushKind::ImapWebPush && found.client_id == id.as_str());
    match found {
        None => Err(Failure::refused(Code::NonExistent, "there is no such push subscription")),
        Some(found) if !matches!(found.state, PushState::Active { .. }) => {
            Err(Failure::refused(Code::Cannot, "the push subscription is not active"))
        }
        Some(found) => Ok(found),
    }
}

/// draft-gougeon-imap-webpush §5.5: a server may refuse a second subscription on one connection. A connection is one device.
fn enter(
    context: &mut Context<'_>,
    handle: &notifier::notifier::Handle,
    access: &Access,
    found: &PushSubscription,
) -> Result<(), Failure> {
    match &context.session.push.guard {
        Some(guard) if guard.subscription() == found.id => return Ok(()),
        Some(_) => {
            return Err(Failure::refused(Code::Limit, "this connection silences another subscription"));
        }
        None => {}
    }
    let session = access.session().ok_or_else(|| Failure::bad("this connection has no session"))?;
    context.session.push.guard = Some(handle.silence().enter(found.id, session));
    Ok(())
}
