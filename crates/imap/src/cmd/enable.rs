//! ENABLE (RFC 9051 §6.3.1, RFC 5161), and turning CONDSTORE on by using it (RFC 7162 §3.1); METADATA (RFC 5464 §4.1).
//! What is enabled also says what pushes look like (draft-gougeon-imap-webpush §4).

use crate::cmd::{Context, Done, done};
use crate::reply::Failure;
use crate::wire::response::Response;
use crate::wire::status::{Code, Status};

/// The command. Names that are not known are passed over.
pub(crate) async fn run(context: &mut Context<'_>, names: &[String]) -> Result<Done, Failure> {
    let access = context.session.access()?.clone();
    let mut enabled = Vec::new();
    for name in names {
        match name.as_str() {
            "CONDSTORE" if !context.session.enabled.condstore => {
                enabled.push("CONDSTORE");
                condstore(context);
            }
            "METADATA" if context.session.enabled.metadata.is_none() => {
                // Watched from before the log is looked at, so that no change falls between the two.
                context.session.metadata_watch = Some(context.server.bus.watch(access.owner().0));
                context.session.enabled.metadata = Some(context.store().modseq(&access).await?);
                enabled.push("METADATA");
            }
            name => {
                let Some((told, on)) = context.session.enabled.switch(name) else { continue };
                if std::mem::replace(on, true) {
                    continue;
                }
                enabled.push(told);
                // RFC 7162 §3.2.3
                if told == "QRESYNC" {
                    condstore(context);
                }
            }
        }
    }
    context.untagged(&Response::Enabled(&enabled));
    done("ENABLE")
}

/// Turns CONDSTORE on. RFC 7162 §3.1: in a mailbox, HIGHESTMODSEQ is told at that moment.
pub(crate) fn condstore(context: &mut Context<'_>) {
    if context.session.enabled.condstore {
        return;
    }
    context.session.enabled.condstore = true;
    let highest = context.session.selected().ok().map(|(_, selected)| selected.view.modseq());
    if let Some(highest) = highest {
        let status = Status::ok("CONDSTORE is on").with(Code::HighestModSeq(highest.0.max(1)));
        status.encode(&mut context.link.out, None);
    }
}
