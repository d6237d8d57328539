//! Odd messages, small ones of our own and real ones of others.
//!
//! `corpus/NAME.eml` has what the crate makes of it beside it, in `corpus/NAME.txt`. After a deliberate change write
//! them anew with `MAILBELL_CORPUS_UPDATE=1 cargo test -p message --test corpus` and read the difference.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod invariants;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use message::{Address, Content, Node, Parsed};

#[test]
fn the_corpus_has_the_structures_that_were_approved() {
    let messages = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"), "eml");
    assert!(messages.len() >= 30, "{} messages", messages.len());
    for path in messages {
        let raw = fs::read(&path).unwrap();
        let described = describe(&invariants::check(&raw));
        let approved = path.with_extension("txt");
        if std::env::var_os("MAILBELL_CORPUS_UPDATE").is_some() {
            fs::write(&approved, &described).unwrap();
        }
        let approved = fs::read_to_string(&approved).unwrap();
        assert_eq!(described, approved, "{}", path.display());
    }
}

#[test]
fn the_corpus_of_the_fuzzer_keeps_the_invariants() {
    let seeds = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/message"), "");
    assert!(!seeds.is_empty());
    for path in seeds {
        invariants::check(&fs::read(path).unwrap());
    }
}

/// Real messages: the directory of CPython's `test_email/data`, or any other with messages in it.
#[test]
fn messages_from_elsewhere_keep_the_invariants() {
    let Some(directory) = std::env::var_os("MAILBELL_EMAIL_CORPUS") else {
        println!("skipped: MAILBELL_EMAIL_CORPUS names no directory of messages");
        return;
    };
    let messages = files(Path::new(&directory), "txt");
    assert!(!messages.is_empty(), "{} holds no .txt files", directory.display());
    for path in messages {
        let parsed = invariants::check(&fs::read(&path).unwrap());
        assert!(!describe(&parsed).is_empty(), "{}", path.display());
    }
}

/// The files of a directory with this extension (any for none), in order.
fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        extension.is_empty() || path.extension().is_some_and(|candidate| candidate == extension)
    });
    paths.sort();
    paths
}

fn describe(parsed: &Parsed) -> String {
    let mut text = String::new();
    let (envelope, summary) = (&parsed.envelope, &parsed.summary);
    let strings = [
        ("date", &envelope.date),
        ("subject", &envelope.subject),
        ("message-id", &envelope.message_id),
        ("in-reply-to", &envelope.in_reply_to),
    ];
    for (name, value) in strings {
        if let Some(value) = value {
            writeln!(text, "{name}: {}", value.escape_ascii()).unwrap();
        }
    }
    let lists = [
        ("from", &envelope.from),
        ("sender", &envelope.sender),
        ("reply-to", &envelope.reply_to),
        ("to", &envelope.to),
        ("cc", &envelope.cc),
        ("bcc", &envelope.bcc),
    ];
    for (name, list) in lists {
        let same = name != "from" && *list == envelope.from;
        if !list.is_empty() && !same {
            writeln!(text, "{name}: {}", list.iter().map(entry).collect::<Vec<_>>().join(", ")).unwrap();
        }
    }
    writeln!(text, "sent: {:?}", summary.sent.map(|sent| (sent.unix_seconds, sent.offset_minutes))).unwrap();
    writeln!(text, "ids: {:?} {:?} {:?}", summary.message_id, summary.in_reply_to, summary.references)
        .unwrap();
    let base = &summary.base_subject;
    writeln!(text, "base subject: {:?} {}", base.text, base.is_reply_or_forward).unwrap();
    writeln!(text, "preview: {:?}", summary.preview).unwrap();
    writeln!(text, "attachment: {}", summary.has_attachment).unwrap();
    tree(parsed.structure.root(), 0, &mut text);
    text
}

fn entry(address: &Address) -> String {
    let field = |value: &Option<Vec<u8>>| match value {
        None => "NIL".to_owned(),
        Some(value) => format!("\"{}\"", value.escape_ascii()),
    };
    format!("({} {} {})", field(&address.name), field(&address.mailbox), field(&address.host))
}

fn tree(node: Node<'_>, depth: usize, text: &mut String) {
    let part = node.part;
    let indent = "  ".repeat(depth);
    let number = node.path().iter().map(u32::to_string).collect::<Vec<_>>().join(".");
    let (header, body) = (part.header_range(), part.body_range());
    write!(text, "{indent}[{number}] {}/{}", part.media_type.escape_ascii(), part.subtype.escape_ascii())
        .unwrap();
    for parameter in &part.parameters {
        write!(text, " {}=\"{}\"", parameter.name.escape_ascii(), parameter.value.escape_ascii()).unwrap();
    }
    write!(text, " {} lines={}", part.encoding.escape_ascii(), part.lines).unwrap();
    if let Some(disposition) = &part.disposition {
        write!(text, " {}", disposition.kind.escape_ascii()).unwrap();
    }
    if let Some(name) = part.file_name() {
        write!(text, " file={name:?}").unwrap();
    }
    writeln!(text, " header={}..{} body={}..{}", header.start, header.end, body.start, body.end).unwrap();
    match node.content() {
        Content::Leaf => {}
        Content::Multipart => node.children().for_each(|child| tree(child, depth + 1, text)),
        Content::Message(envelope, root) => {
            let subject = envelope.subject.unwrap_or(b"-");
            writeln!(text, "{indent}  message: {}", subject.escape_ascii()).unwrap();
            tree(root, depth + 1, text);
        }
    }
}
