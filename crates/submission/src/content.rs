//! What of a message is sent: all but the fields that are for its writer, in lines that SMTP can carry.

use crate::smtp::command::Needs;

/// Content that is ready to be sent, without its final dot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) octets: Vec<u8>,
    pub(crate) needs: Needs,
}

/// Makes a message ready: lines end in CRLF, and one that begins with a dot gets another (RFC 5321 §4.5.2).
///
/// CR and LF alone end lines, too (RFC 5321 §2.3.8: neither is ever sent alone), so that no server can see an end of the message
/// where there is none. Fields are looked for in the lines that come of it: what becomes a Bcc is one.
// RFC 8621 §7.5: Bcc is removed. RFC 5321 §4.4: who sends a message does not put a Return-Path into it.
pub(crate) fn outgoing(raw: &[u8]) -> Outgoing {
    let mut octets = Vec::with_capacity(raw.len() + raw.len() / 64 + 2);
    let mut needs = Needs::default();
    let (mut is_body, mut is_left_out) = (false, false);
    let mut rest = raw;
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
        is_body |= line.is_empty();
        if !is_body && !line.starts_with(b" ") && !line.starts_with(b"\t") {
            is_left_out = is_for_the_writer(line);
        }
        if is_left_out && !is_body {
            continue;
        }
        let is_foreign = !line.is_ascii();
        needs.eight_bit |= is_foreign && is_body;
        needs.utf8 |= is_foreign && !is_body;
        if line.starts_with(b".") {
            octets.push(b'.');
        }
        octets.extend_from_slice(line);
        octets.extend_from_slice(b"\r\n");
    }
    needs.size = u64::try_from(octets.len()).unwrap_or(u64::MAX);
    Outgoing { octets, needs }
}

fn is_for_the_writer(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii_end();
    LEFT_OUT.iter().any(|left_out| name.eq_ignore_ascii_case(left_out.as_bytes()))
}

const LEFT_OUT: [&str; 3] = ["Bcc", "Resent-Bcc", "Return-Path"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_for_the_writer_stay_and_lines_are_as_smtp_wants_them() {
        for (raw, sent) in [
            ("From: a@b\r\nBcc: c@d,\r\n e@f\r\nTo: g@h\r\n\r\nHi\r\n", "From: a@b\r\nTo: g@h\r\n\r\nHi\r\n"),
            (
                "bcc: c@d\r\nRESENT-BCC: x\r\nreturn-path: <y>\r\nTo: g@h\r\n\r\nBcc: kept\r\n",
                "To: g@h\r\n\r\nBcc: kept\r\n",
            ),
            ("To: g@h\r\n\r\n.\r\n..\r\nend", "To: g@h\r\n\r\n..\r\n...\r\nend\r\n"),
            ("To: g@h\r\n\r\na\n.\nb\r.\rc\n\r\n", "To: g@h\r\n\r\na\r\n..\r\nb\r\n..\r\nc\r\n\r\n"),
            ("To: g@h\rBcc: c@d\n e@f\nCc : i@j\n\nHi", "To: g@h\r\nCc : i@j\r\n\r\nHi\r\n"),
            ("Bcc : c@d\r\nTo: g@h\r\n", "To: g@h\r\n"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8(outgoing(raw.as_bytes()).octets).unwrap(), sent, "{raw:?}");
        }
    }

    #[test]
    fn what_a_server_has_to_know_is_said() {
        for (raw, eight_bit, utf8) in [
            ("To: a\r\n\r\nplain\r\n", false, false),
            ("To: a\r\n\r\nf\u{fc}r\r\n", true, false),
            ("To: \u{fc}\r\n\r\nplain\r\n", false, true),
            ("Bcc: \u{fc}\r\nTo: a\r\n\r\nplain\r\n", false, false),
        ] {
            let needs = outgoing(raw.as_bytes()).needs;
            assert_eq!((needs.eight_bit, needs.utf8), (eight_bit, utf8), "{raw:?}");
        }
    }
}
