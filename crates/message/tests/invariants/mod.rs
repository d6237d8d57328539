//! What must hold for every message, checked by the property tests, the corpora and the fuzz target.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use message::{
    BASE_SUBJECT_BYTES_MAX, Content, DEPTH_MAX, Envelope, EnvelopeRef, HeaderField, HeaderSelection, Node,
    PARTS_MAX, PREVIEW_CHARS_MAX, Parsed, Section, Structure, Summary, content, text,
};

/// Parses `raw` and checks every invariant that the crate states.
///
/// # Panics
/// When one does not hold.
pub(crate) fn check(raw: &[u8]) -> Parsed {
    let parsed = Parsed::parse(raw);
    check_encodings(&parsed);
    check_envelope(&parsed.envelope);
    check_fields(parsed.structure.fields(), parsed.structure.root(), raw);
    assert!(parsed.structure.nodes().count() <= PARTS_MAX);
    check_node(parsed.structure.root(), 0..raw.len(), 0, raw);
    check_sections(&parsed.structure, raw);
    assert!(parsed.summary.preview.chars().count() <= PREVIEW_CHARS_MAX);
    assert!(!parsed.summary.preview.contains(char::is_control));
    assert!(parsed.summary.base_subject.text.len() <= BASE_SUBJECT_BYTES_MAX);
    parsed
}

fn check_encodings(parsed: &Parsed) {
    let envelope = parsed.envelope.encode();
    assert_eq!(
        EnvelopeRef::decode(&envelope).map(|envelope| envelope.to_owned()).as_ref(),
        Ok(&parsed.envelope)
    );
    assert_eq!(Structure::decode(&parsed.structure.encode()).as_ref(), Ok(&parsed.structure));
    assert_eq!(Summary::decode(&parsed.summary.encode()).as_ref(), Ok(&parsed.summary));
}

fn check_envelope(envelope: &Envelope) {
    let strings = [&envelope.date, &envelope.subject, &envelope.in_reply_to, &envelope.message_id];
    strings.into_iter().flatten().for_each(|string| check_string(string));
    let lists =
        [&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc];
    for address in lists.into_iter().flatten() {
        let strings = [&address.name, &address.mailbox, &address.host];
        strings.into_iter().flatten().for_each(|string| check_string(string));
    }
}

fn check_string(string: &[u8]) {
    assert!(!string.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{string:?}");
}

fn check_fields(fields: &[HeaderField], node: Node<'_>, raw: &[u8]) {
    let mut position = node.part.header_range().start;
    for field in fields {
        assert!(position <= field.range().start && field.range().end <= node.part.header_range().end);
        assert!(!field.name(raw).is_empty() && field.name(raw).iter().all(u8::is_ascii_graphic));
        position = field.range().end;
    }
}

fn check_node(node: Node<'_>, around: std::ops::Range<usize>, depth: usize, raw: &[u8]) {
    let (header, body) = (node.part.header_range(), node.part.body_range());
    assert!(around.start <= header.start && header.start <= header.end, "{header:?} in {around:?}");
    assert!(
        header.end == body.start && body.start <= body.end && body.end <= around.end,
        "{body:?} in {around:?}"
    );
    assert!(depth <= DEPTH_MAX);
    let line_ends = raw[body.clone()].iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(node.part.lines as usize, line_ends);
    let strings = [&node.part.media_type, &node.part.subtype, &node.part.encoding];
    strings.into_iter().for_each(|string| check_string(string));
    node.part.parameters.iter().for_each(|parameter| check_string(&parameter.value));
    assert!(!node.part.media_type.is_empty() && !node.part.subtype.is_empty());
    if let Ok(decoded) = content(node.part, raw) {
        assert!(decoded.bytes.len() <= body.len() + 1);
    }
    text(node.part, raw);
    match node.content() {
        Content::Leaf => {}
        Content::Multipart => {
            assert!(node.part.is_media_type("multipart"));
            assert!(node.children().next().is_some());
            let mut position = body.start;
            for child in node.children() {
                check_node(child, position..body.end, depth + 1, raw);
                position = child.part.body_range().end;
            }
        }
        Content::Message(envelope, root) => {
            check_envelope(&envelope.to_owned());
            assert_eq!(root.part.header_range().start, body.start);
            assert_eq!(root.part.body_range().end, body.end);
            check_node(root, body, depth + 1, raw);
        }
    }
}

/// Parts lead to their numbers and numbers to their parts; the sections of a message make it up.
fn check_sections(structure: &Structure, raw: &[u8]) {
    let bytes = |path: &[u32], section: Section<'_>| {
        let ranges = structure.section(raw, path, section)?;
        assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start), "{ranges:?}");
        Some(ranges.into_iter().map(|range| &raw[range]).collect::<Vec<_>>().concat())
    };
    assert_eq!(bytes(&[], Section::Whole).as_deref(), Some(raw));
    let (header, text) = (bytes(&[], Section::Header).unwrap(), bytes(&[], Section::Text).unwrap());
    assert_eq!([header, text].concat(), raw);
    // Each number is resolved from the root, so a few dozen parts show all that thousands would.
    for node in structure.nodes().take(50) {
        let path = node.path();
        let found = structure.part_at(&path).expect("a part's own number leads to a part");
        let is_body_of_message = found.index() + 1 == node.index();
        assert!(found.index() == node.index() || is_body_of_message, "{path:?}");
        if !path.is_empty() {
            assert_eq!(bytes(&path, Section::Whole).as_deref(), Some(&raw[found.part.body_range()]));
            assert_eq!(bytes(&path, Section::Mime).as_deref(), Some(&raw[found.part.header_range()]));
        }
        let named = bytes(&path, Section::HeaderFields(HeaderSelection::Named, &[b"subject"]));
        let others = bytes(&path, Section::HeaderFields(HeaderSelection::NotNamed, &[b"subject"]));
        let header = bytes(&path, Section::Header);
        assert_eq!(named.is_some(), header.is_some());
        if let (Some(named), Some(others), Some(header)) = (named, others, header) {
            assert!(named.len() + others.len() <= header.len() + 2);
        }
    }
    let lists = structure.body_lists();
    let listed = lists.text_body.iter().chain(&lists.html_body).chain(&lists.attachments);
    assert!(listed.clone().all(|node| !matches!(node.content(), Content::Multipart)));
}
