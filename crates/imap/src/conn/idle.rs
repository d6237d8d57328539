//! IDLE on a connection (RFC 9051 §6.3.13): what it tells, and the DONE that ends it.

use std::io;

use crate::cmd;
use crate::conn::{Connection, Flow};
use crate::reply::{Failure, answer};
use crate::wire::framer::continuation_line;
use crate::wire::status::Status;

/// Whether IDLE is under way.
pub(super) enum Idle {
    /// It is, and goes on.
    Waits,
    /// It is not, or has just ended.
    Over,
    /// It was broken by something that is not DONE.
    Broken,
}

impl Connection {
    /// Looks for the DONE that ends IDLE (RFC 9051 §6.3.13).
    pub(super) fn end_idle(&mut self) -> Idle {
        let Some(tag) = self.idling.take() else { return Idle::Over };
        match continuation_line(&mut self.link.input, DONE_BYTES_MAX) {
            None => {
                self.idling = Some(tag);
                Idle::Waits
            }
            Some(Ok(line)) if line.eq_ignore_ascii_case(b"DONE") => {
                Status::ok("IDLE done").encode(&mut self.link.out, Some(&tag));
                Idle::Over
            }
            // Whatever this was, the client and the server no longer agree on where they are.
            Some(_) => {
                Status::bad("expected DONE").encode(&mut self.link.out, Some(&tag));
                self.bye("a command during IDLE");
                Idle::Broken
            }
        }
    }

    /// Tells what has changed to a client that waits.
    pub(super) async fn tell_changes(&mut self) -> io::Result<Flow> {
        let waiting = self.waiting();
        let tag = self.idling.clone().unwrap_or_default();
        let mut context = self.context(&tag);
        match cmd::notify::tell::while_waiting(&mut context, waiting).await {
            Ok(()) => {
                self.session.note_shown();
                Ok(Flow::Go)
            }
            Err(Failure::Link(error)) => Err(error),
            Err(failure) => {
                let text =
                    answer(&failure, "IDLE").map_or_else(|| failure.to_string().into(), |status| status.text);
                self.bye(text);
                Ok(Flow::Close)
            }
        }
    }
}

/// `DONE` and a little room for a client's spaces.
const DONE_BYTES_MAX: usize = 64;
