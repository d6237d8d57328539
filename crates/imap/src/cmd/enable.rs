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
            // Neither changes an answer on this connection: they shape the pushes of subscriptions that are made after them.
            "OBJECTID" if !context.session.enabled.object_id => {
                enabled.push("OBJECTID");
                context.session.enabled.object_id = true;
            }
            "PREVIEW" if !context.session.enabled.preview => {
                enabled.push("PREVIEW");
                context.session.enabled.preview = true;
            }
            // RFC 7162 §3.2.3
            "QRESYNC" if !context.session.enabled.qresync => {
                enabled.push("QRESYNC");
                context.session.enabled.qresync = true;
                condstore(context);
            }
            // RFC 9051 §6.3.1
            "IMAP4REV2" if !context.session.enabled.rev2 => {
                enabled.push("IMAP4rev2");
                context.session.enabled.rev2 = true;
            }
            // RFC 9586 §3.1
            "UIDONLY" if !context.session.enabled.uid_only => {
                enabled.push("UIDONLY");
                context.session.enabled.uid_only = true;
            }
            "UTF8=ACCEPT" if !context.session.enabled.utf8 => {
                enabled.push("UTF8=ACCEPT");
                context.session.enabled.utf8 = true;
            }
            _ => {}
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
