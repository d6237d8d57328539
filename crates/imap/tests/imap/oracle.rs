//! imap-codec, which others wrote, reads every response that it knows: in the transcripts, and in what a client fetches of
//! messages that are out of order (RFC 3501 §9). It is built without its leniencies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder as _;
use store::{Cause, Flags, MailboxName, NewMessage, Raw, Target, UnixTime};

use crate::support::TestServer;
use crate::support::transcript::Client;

/// What has been read, by the kind of response, and what was refused.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    read: BTreeMap<String, usize>,
    refused: Vec<String>,
}

impl Oracle {
    /// Reads all responses of a stream; `origin` is for people.
    pub(crate) fn read(&mut self, origin: &str, stream: &[u8]) {
        let mut rest = stream;
        while !rest.is_empty() {
            let (response, after) = rest.split_at(response_octets(rest));
            rest = after;
            match ResponseCodec::default().decode(response) {
                Ok((b"", _)) => *self.read.entry(kind(response)).or_default() += 1,
                _ if is_known(response) => {
                    self.refused.push(format!("{origin}: {}", String::from_utf8_lossy(response)));
                }
                _ => {}
            }
        }
    }

    /// Fails if it has refused anything.
    pub(crate) fn is_content(&self) {
        assert!(self.refused.is_empty(), "imap-codec refuses\n{}", self.refused.join("\n"));
    }

    /// Fails if it has not read a response of each of these kinds.
    pub(crate) fn has_read(&self, kinds: &[&str]) {
        let missing: Vec<&&str> = kinds.iter().filter(|kind| !self.read.contains_key(**kind)).collect();
        assert!(missing.is_empty(), "imap-codec has read no {missing:?}: {:?}", self.read);
    }
}

/// The length of the first response, its literals included.
fn response_octets(stream: &[u8]) -> usize {
    let mut octets = 0;
    loop {
        let line = &stream[octets..];
        let end = line.windows(2).position(|pair| pair == b"\r\n").map_or(line.len(), |at| at + 2);
        octets += end;
        let announced = std::str::from_utf8(&line[..end]).ok().and_then(|line| line.strip_suffix("}\r\n"));
        match announced.and_then(|line| line.rsplit_once('{')?.1.parse::<usize>().ok()) {
            Some(literal) => octets = (octets + literal).min(stream.len()),
            None => return octets,
        }
    }
}

/// `OK`, `FETCH`, `LIST`: the first word after the tag that is no number.
fn kind(response: &[u8]) -> String {
    let text = String::from_utf8_lossy(response);
    let mut words = text.split_whitespace().skip(1);
    words.find(|word| word.parse::<u64>().is_err()).unwrap_or_default().to_owned()
}

/// Whether imap-codec knows all that a response is made of.
fn is_known(response: &[u8]) -> bool {
    let text = String::from_utf8_lossy(response);
    !UNKNOWN_KINDS.contains(&kind(response).as_str()) && !UNKNOWN_PARTS.iter().any(|part| text.contains(part))
}

/// Responses that imap-codec has no parser for.
const UNKNOWN_KINDS: &[&str] = &[
    "ACL",               // RFC 4314
    "ESEARCH",           // RFC 4731, RFC 7377
    "JMAPACCESS",        // RFC 9698
    "LISTRIGHTS",        // RFC 4314
    "MYRIGHTS",          // RFC 4314
    "UIDFETCH",          // RFC 9586
    "VAPID",             // WEBPUSH
    "WEBPUSH",           // WEBPUSH
    "XAPPLEPUSHSERVICE", // Apple
];

/// What imap-codec does not know inside of responses that it knows otherwise.
const UNKNOWN_PARTS: &[&str] = &[
    "EMAILID (",      // RFC 8474
    "MAILBOXID (",    // RFC 8474
    "THREADID ",      // RFC 8474
    "SAVEDATE ",      // RFC 8514
    "PREVIEW ",       // RFC 8970
    "]<",             // RFC 3516: BINARY of a part of a section
    "(\"CHILDINFO\"", // RFC 5258
    "(\"OLDNAME\"",   // RFC 9051
    "APPENDLIMIT ",   // RFC 7889
];

/// Puts a message into INBOX as it is, whatever it is.
async fn put(server: &TestServer, bytes: Vec<u8>) {
    let access = server.store.system_access(server.alice);
    let bytes = Bytes::from(bytes);
    let parsed = Arc::new(message::Parsed::parse(&bytes));
    let message = NewMessage {
        raw: Raw { bytes, parsed },
        target: Target::NameOrInbox(MailboxName::inbox()),
        received_at: UnixTime(1_767_225_600),
        flags: Flags::default(),
        keywords: Vec::new(),
        cause: Cause::Delivery,
    };
    server.store.append(&access, message).await.unwrap();
}

/// Messages that break rules, each in one way; with CPython's test messages if `MAILBELL_EMAIL_CORPUS` names them.
fn disorderly() -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> =
        BROKEN.iter().map(|text| text.replace('\n', "\r\n").into_bytes()).collect();
    messages.push(b"Subject: \xff\xfe raw\r\nFrom: \xe4 <a@b>\r\n\r\n\x00\xff\r\n".to_vec());
    messages.push([b"Subject: ".as_slice(), &b"long ".repeat(20_000), b"\r\n\r\nx\r\n"].concat());
    let directories = [Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages")];
    let corpus = std::env::var_os("MAILBELL_EMAIL_CORPUS").map(PathBuf::from);
    for directory in directories.into_iter().chain(corpus) {
        for file in std::fs::read_dir(directory).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            messages.push(
                String::from_utf8_lossy(&bytes).replace("\r\n", "\n").replace('\n', "\r\n").into_bytes(),
            );
        }
    }
    messages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imap_codec_reads_what_is_fetched_of_disorderly_messages() {
    let server = TestServer::start(|_| {}).await;
    let messages = disorderly();
    let count = messages.len();
    for message in messages {
        put(&server, message).await;
    }
    let mut client = Client::log_in(&server).await;
    client.command("SELECT INBOX (CONDSTORE)").await;
    for items in [
        "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE MODSEQ)",
        "(BODY BODYSTRUCTURE)",
        "(BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[]<1.20>)",
        "(BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[2.HEADER] BODY.PEEK[HEADER.FIELDS (SUBJECT \"From\")])",
        "(RFC822.HEADER RFC822.TEXT)",
        "(BODY.PEEK[1.2.1] BODY.PEEK[HEADER.FIELDS.NOT (DATE)])",
        "(BINARY.SIZE[1] BINARY.PEEK[1])",
    ] {
        client.command(&format!("FETCH 1:{count} {items}")).await;
    }
    let mut oracle = Oracle::default();
    oracle.read("fetched", client.heard());
    oracle.is_content();
    assert!(oracle.read["FETCH"] >= 6 * count, "{:?} of {count} messages", oracle.read);
    server.stop().await;
}

const BROKEN: &[&str] = &[
    "",
    "\n",
    "no header at all",
    "Subject\n\nno colon\n",
    "Subject: \"quoted\" \\ back\\slash {5}\nMessage-ID: <>\nIn-Reply-To: \"\\\n\nx\n",
    "From: \nTo: ,,,\nCc: group: a@b, c@d;, undisclosed-recipients:;\nBcc: @\nReply-To: <\nSender: a b c\n\nx\n",
    "From: \"unclosed <a@b>\nTo: =?utf-8?q?=C3=A4?= <a@=?utf-8?q?b?=>\nSubject: =?broken?x?y\n\nx\n",
    "From: a@b (comment (nested) \"x\nDate: yesterday\nSubject: a\tb\x0bc\x7fd\n folded\n\nx\n",
    "Content-Type: text\n\nx\n",
    "Content-Type: /\n\nx\n",
    "Content-Type: text/plain; charset; name=\"\\\"; x=\"a\\\"b\"; *0=c; é=ü\n\nx\n",
    "Content-Type: multipart/mixed\n\nno boundary\n",
    "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\n----\n",
    "Content-Type: multipart/mixed; boundary=b\n\nno part at all\n",
    "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\n--b--\n",
    "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: inner\n\nx\n--b--\n",
    "Content-Type: message/rfc822\n\n",
    "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nContent-Type: multipart/x; boundary=c\n\n--c\n\nx\n",
    "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKeAo=\n",
    "Content-Type: application/x; a=b\nContent-Transfer-Encoding: \"odd one\"\nContent-ID: é\nContent-MD5: \"\n\nx\n",
    "Content-Disposition: attachment; filename*=utf-8''%e4%; filename=\"a\nContent-Language: de, , en\n\nx\n",
    "Content-Disposition: \nContent-Language: \nContent-Location: \"a\\b\"\nContent-Description: ä\n\nx\n",
    "Content-Type: text/plain\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\n!!!\n",
    "Content-Transfer-Encoding: quoted-printable\n\n=\n=x\n=00=FF\n",
];
