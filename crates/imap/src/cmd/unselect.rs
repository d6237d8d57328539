//! UNSELECT and CLOSE (RFC 9051 §6.4.1 and §6.4.2).

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
    if selected.mode == Mode::ReadWrite {
        let (_gone, _changes) = context.store().expunge(access, selected.mailbox(), None).await?;
    }
    context.session.unselect();
    done("CLOSE")
}

/// Leaves the selected mailbox, if there is one, and says so (RFC 9051 §7.1, CLOSED): what comes next is about
/// another mailbox or none.
pub(crate) fn leave(context: &mut Context<'_>) {
    if context.session.unselect() {
        let status = Status::ok("the previous mailbox is closed").with(Code::Closed);
        status.encode(&mut context.link.out, None);
    }
}
