//! What a delivery leads to, once it is on disk: a reply while its owner is away, a note on the submission that a report is about.
//!
//! Both are done before the sender is answered, so that a crash in between has the message sent again, and neither is lost. Neither
//! ever costs the message: what goes wrong is logged.

use store::{Delivered, Raw, UnixTime, VacationReply};

use crate::away::{self, Letter};
use crate::prepare::Spam;
use crate::{Deliverer, report};

/// A message that has been delivered.
#[derive(Clone, Copy)]
pub(crate) struct Arrived<'a> {
    pub(crate) raw: &'a Raw,
    /// The reverse-path; `None` is the null one.
    pub(crate) sender: Option<&'a str>,
    pub(crate) spam: Spam,
    pub(crate) received_at: UnixTime,
}

impl Deliverer {
    /// Does what follows from a delivery to each of these.
    pub(crate) async fn follow(&self, arrived: Arrived<'_>, delivered: &[Delivered]) {
        if !self.options.sends || arrived.spam == Spam::Marked {
            return;
        }
        let report = match arrived.sender {
            None => report::read(arrived.raw),
            Some(_) => None,
        };
        for one in delivered {
            let account = one.changes.account;
            let done = match (&report, arrived.sender) {
                (Some(report), _) => {
                    let report = report.clone().came_as(one.placed.message);
                    self.store.note_report(account, report).await.map(|_| ())
                }
                (None, Some(sender)) => self.reply(arrived, sender, one).await,
                (None, None) => Ok(()),
            };
            if let Err(error) = done {
                tracing::warn!(%error, account = account.0, "what follows from a delivery was not done");
            }
        }
    }

    /// Replies if the owner is away and the message is one that a person has sent to the owner.
    async fn reply(&self, arrived: Arrived<'_>, sender: &str, delivered: &Delivered) -> store::Result<()> {
        let account = delivered.changes.account;
        if !self.store.may_be_away(account).await? {
            return Ok(());
        }
        let vacation = self.store.vacation(&self.store.system_access(account)).await?;
        if !vacation.is_on(arrived.received_at) {
            return Ok(());
        }
        let own = self.store.account(account).await?.addresses(&self.options.hostname);
        let outcome = match away::judge(arrived.raw, sender, &own) {
            Err(why) => why,
            Ok(recipient) => {
                let letter = Letter {
                    raw: arrived.raw,
                    from: recipient,
                    to: sender,
                    id: format!("away.{account}.{}@{}", delivered.placed.message, self.options.hostname),
                    now: arrived.received_at,
                };
                let reply = VacationReply {
                    to: sender.to_owned(),
                    content: away::compose(&vacation, &letter),
                    unless_after: UnixTime(arrived.received_at.0.saturating_sub(away::REPLY_SECONDS)),
                };
                if self.store.queue_vacation_reply(account, reply).await? { "queued" } else { "had_one" }
            }
        };
        metrics::counter!("mailbell_vacation_replies_total", "outcome" => outcome).increment(1);
        tracing::info!(account = account.0, outcome, "vacation.reply");
        Ok(())
    }
}
