//! What delivery reports (RFC 3464) and disposition notifications (RFC 8098) say of submissions.

use rusqlite::params;

use super::writer::Tx;
use super::{int, submission_queue, submissions, uint};
use crate::{AccountId, Fate, Report, Result, Said, SubmissionId};

/// Notes a report; whether there is a submission that it is about.
///
/// Only what is relayed can still turn out to be delivered or failed: a report may be forged by whoever knows the Message-ID,
/// and must not stop what waits here.
pub(crate) fn note(tx: &Tx<'_>, account: AccountId, report: &Report) -> Result<bool> {
    let Some(id) = find(tx, account, report)? else { return Ok(false) };
    let column = match &report.said {
        Said::Delivery(_) => "dsn",
        Said::Displayed(_) | Said::Disposed => "mdn",
    };
    let sql = format!(
        "UPDATE submission SET {column} = trim({column} || ' ' || ?2) WHERE id = ?1 AND length({column}) < ?3"
    );
    tx.sql.run("note report", &sql, params![int(id.0), report.email.to_string(), REPORT_IDS_BYTES_MAX])?;
    for recipient in submissions::recipients(tx.sql, id)? {
        let key = params![int(id.0), recipient.position];
        let is_this = |email: &str| recipient.address.email.eq_ignore_ascii_case(email);
        match &report.said {
            Said::Delivery(recipients) => {
                let said = recipients.iter().find(|(email, ..)| is_this(email));
                let Some((_, Some(fate), reply)) = said.filter(|_| recipient.fate == Fate::Relayed) else {
                    continue;
                };
                tx.sql.run(
                    "note fate",
                    "UPDATE submission_recipient SET fate = ?3, reply = ifnull(?4, reply) \
                     WHERE submission_id = ?1 AND position = ?2",
                    params![int(id.0), recipient.position, if *fate == Fate::Failed { 4 } else { 3 }, reply],
                )?;
            }
            Said::Displayed(email) if is_this(email) => {
                let sql = "UPDATE submission_recipient SET is_displayed = 1 \
                           WHERE submission_id = ?1 AND position = ?2";
                tx.sql.run("note display", sql, key)?;
            }
            Said::Displayed(_) | Said::Disposed => {}
        }
    }
    submission_queue::changed(tx, id)?;
    Ok(true)
}

fn find(tx: &Tx<'_>, account: AccountId, report: &Report) -> Result<Option<SubmissionId>> {
    let mut found = None;
    for (column, name) in [("envelope_id", &report.envelope_id), ("header_message_id", &report.message_id)] {
        let Some(name) = name.as_deref().filter(|name| found.is_none() && !name.is_empty()) else { continue };
        let sql = format!(
            "SELECT id FROM submission WHERE account_id = ?1 AND {column} = ?2 AND is_shown = 1 ORDER BY id DESC LIMIT 1"
        );
        found = tx.sql.one("find submission of a report", &sql, params![int(account.0), name], |row| {
            uint(row, 0).map(SubmissionId)
        })?;
    }
    Ok(found)
}

/// Reports that are listed; further ones change fates only.
const REPORT_IDS_BYTES_MAX: i64 = 2000;
