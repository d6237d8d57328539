//! Reports as they come in: delivery reports (RFC 3464) and disposition notifications (RFC 8098), read for what they say of a
//! submission.

use message::{Node, Structure, message_ids};
use store::{Fate, MessageId, Raw, Report, Said};

/// A report before it is known as which email it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    envelope_id: Option<String>,
    message_id: Option<String>,
    said: Said,
}

impl Read {
    /// The report that has come as an email.
    pub(crate) fn came_as(self, email: MessageId) -> Report {
        Report { email, envelope_id: self.envelope_id, message_id: self.message_id, said: self.said }
    }
}

/// Reads a message; `None` if it is no report, or names nothing that it is about.
pub(crate) fn read(raw: &Raw) -> Option<Read> {
    let structure = &raw.parsed.structure;
    if !structure.root().part.is_type("multipart", "report") {
        return None;
    }
    let part = |subtype: &str| structure.nodes().find(|node| node.part.is_type("message", subtype));
    let read = match (part("delivery-status"), part("disposition-notification")) {
        (Some(status), _) => delivery(&groups(status, &raw.bytes), returned_id(structure, &raw.bytes)),
        (None, Some(notification)) => disposition(&groups(notification, &raw.bytes)),
        (None, None) => return None,
    };
    (read.envelope_id.is_some() || read.message_id.is_some()).then_some(read)
}

/// Fields of a report: lower-case name and value.
type Group = Vec<(String, String)>;

/// RFC 3464 §2.1: groups of fields, with empty lines between.
fn groups(node: Node<'_>, raw: &[u8]) -> Vec<Group> {
    let content =
        message::content(node.part, raw).map(|decoded| decoded.bytes.into_owned()).unwrap_or_default();
    let text = String::from_utf8_lossy(content.get(..REPORT_BYTES_MAX).unwrap_or(&content)).into_owned();
    let mut groups = vec![Group::new()];
    for line in text.lines() {
        let Some(group) = groups.last_mut() else { continue };
        if line.trim().is_empty() {
            if !group.is_empty() && groups.len() <= RECIPIENTS_MAX {
                groups.push(Group::new());
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = group.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            group.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    groups
}

fn field<'g>(group: &'g Group, wanted: &str) -> Option<&'g str> {
    group.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
}

/// What stands after the type and its semicolon: `rfc822; a@b`.
fn typed(value: &str) -> &str {
    let (_, rest) = value.split_once(';').unwrap_or(("", value));
    rest.trim().trim_start_matches('<').trim_end_matches('>')
}

fn delivery(groups: &[Group], message_id: Option<String>) -> Read {
    let mut recipients = Vec::new();
    for group in groups {
        let fate = match field(group, "action").map(str::to_ascii_lowercase).as_deref() {
            // RFC 8621 §7: no other action says anything of the delivery.
            Some("delivered") => Some(Fate::Delivered),
            Some("failed") => Some(Fate::Failed),
            _ => None,
        };
        // RFC 8621 §7: a reply begins with its code.
        let reply = field(group, "diagnostic-code")
            .map(typed)
            .filter(|reply| reply.bytes().take(3).filter(u8::is_ascii_digit).count() == 3);
        let reply = reply.map(|reply| reply.chars().take(REPLY_CHARS_MAX).collect::<String>());
        for name in ["original-recipient", "final-recipient"] {
            if let Some(recipient) = field(group, name) {
                recipients.push((typed(recipient).to_owned(), fate, reply.clone()));
            }
        }
    }
    let envelope_id = groups.first().and_then(|group| field(group, "original-envelope-id"));
    Read { envelope_id: envelope_id.map(str::to_owned), message_id, said: Said::Delivery(recipients) }
}

fn disposition(groups: &[Group]) -> Read {
    let group: Group = groups.iter().flatten().cloned().collect();
    let id = field(&group, "original-message-id")
        .and_then(|value| message_ids(value.as_bytes()).into_iter().next());
    // RFC 8098 §3.2.6: disposition-mode ";" disposition-type [ "/" modifiers ]
    let kind =
        field(&group, "disposition").and_then(|value| value.split_once(';')).map(|(_, kind)| kind.trim());
    let is_displayed = kind.is_some_and(|kind| {
        kind.split('/').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("displayed"))
    });
    let recipient = field(&group, "original-recipient").or_else(|| field(&group, "final-recipient"));
    let said = match recipient.filter(|_| is_displayed) {
        Some(recipient) => Said::Displayed(typed(recipient).to_owned()),
        None => Said::Disposed,
    };
    Read { envelope_id: None, message_id: id, said }
}

/// The Message-ID of the message, or of its header, that a delivery report returns.
fn returned_id(structure: &Structure, raw: &[u8]) -> Option<String> {
    let is_returned = |node: &Node<'_>| {
        ["rfc822", "rfc822-headers", "global", "global-headers"]
            .iter()
            .any(|subtype| node.part.is_type("message", subtype) || node.part.is_type("text", subtype))
    };
    let node = structure.nodes().find(is_returned)?;
    let decoded = message::content(node.part, raw).ok()?;
    let value = message::header_value(&decoded.bytes, "Message-ID")?;
    message_ids(&value).into_iter().next()
}

/// Of a longer report the rest is not read.
const REPORT_BYTES_MAX: usize = 256 * 1024;
/// Groups of recipients that are read; of more the last one holds the rest.
const RECIPIENTS_MAX: usize = 1000;
const REPLY_CHARS_MAX: usize = 1000;

#[cfg(test)]
mod tests;
