//! UNSELECT and CLOSE (RFC 9051 §6.4.1 and §6.4.2, RFC 7162 §3.2.8).

use crate::cmd::{Context, Done, done};
use crate::reply::Failure;
use crate::session::Mode;
use crate::wire::status::{Code, Status};

/// UNSELECT.
pub(crate) fn run(context: &mut Context<'_>) -> Result<Done, Failure> {
    context.session.selected()?;
    context.session.unselect();
    done("UNSELECT")
}

/// CLOSE: removes what is `\Deleted`, says nothing about it, and leaves.
pub(crate) async fn close(context: &mut Context<'_>) -> Result<Done, Failure> {
    let (access, selected) = context.session.selected()?;
    let mut status = Status::ok("CLOSE done");
    if selected.mode == Mode::ReadWrite {
        let known = selected.view.modseq();
        let is_current = !selected.view.holds_expunges();
        match context.store().expunge(access, selected.mailbox(), None).await {
            Ok((gone, changes)) => {
                // RFC 7162 §3.2.8: the client takes it for what it knows, so nobody else may have changed anything meanwhile.
                let is_next = is_current && changes.modseq.0 == known.0.saturating_add(1);
                if !gone.is_empty() && is_next && context.session.tells_highest() {
                    status.code = Some(Code::HighestModSeq(changes.modseq.0));
                }
            }
            // RFC 4314 §4: without the right the messages stay, and the mailbox is closed.
            Err(store::Error::Forbidden(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    context.session.unselect();
    Ok(Done::Status(status))
}

/// Leaves the selected mailbox, if there is one, and says so (RFC 9051 §7.1, CLOSED): what comes next is about
/// another mailbox or none.
pub(crate) fn leave(context: &mut Context<'_>) {
    if context.session.unselect() {
        let status = Status::ok("the previous mailbox is closed").with(Code::Closed);
        status.encode(&mut context.link.out, None);
    }
}
