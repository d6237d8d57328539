use proptest::prelude::*;

use super::*;

const LIMIT: usize = webpush::padding::CLEARTEXT_BYTES_MAX;

/// One response as a client reads it: its words up to the first parenthesis, and the bytes of it all.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    words: String,
    whole: String,
}

/// Reads a push as a client does: lines, into which literals reach.
fn read(push: &[u8]) -> Vec<Read> {
    let mut responses = Vec::new();
    let mut rest = push;
    while !rest.is_empty() {
        let mut end = 0;
        loop {
            let line = memchr::memmem::find(&rest[end..], b"\r\n").expect("every response ends in CRLF");
            let text = &rest[end..end + line];
            end += line + 2;
            let literal = text.strip_suffix(b"}").and_then(|text| text.rsplit(|&byte| byte == b'{').next());
            match literal.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<usize>().ok()) {
                Some(length) => end += length,
                None => break,
            }
        }
        let whole = String::from_utf8(rest[..end].to_vec()).expect("UTF-8");
        let words = whole.split('(').next().unwrap_or_default().trim_end().to_owned();
        responses.push(Read { words, whole });
        rest = &rest[end..];
    }
    responses
}

fn line_of(length: usize, word: &str) -> Bytes {
    Bytes::from(format!("* {word} ({})\r\n", "x".repeat(length)))
}

fn arrival(uid: u64, envelope: Option<usize>, text: Option<usize>) -> Arrival {
    let open = |length| {
        BytesMut::from(format!("* {uid} UIDFETCH (FLAGS () ENVELOPE ({})", "e".repeat(length)).as_bytes())
    };
    let written =
        |length: usize| MessageText { part: vec![1], text: "täxt ".repeat(length / 6 + 1), is_whole: true };
    Arrival {
        message: MessageId(uid),
        plain: Bytes::from(format!("* {uid} UIDFETCH (UID {uid} FLAGS ())\r\n")),
        enveloped: envelope.map(open).into_iter().collect(),
        text: text.map(written),
    }
}

fn section(name: &str, arrivals: Vec<Arrival>, others: [Vec<Bytes>; 3]) -> Section {
    let [flags, vanished, altered] = others.map(Group::Lines);
    let select = Bytes::from(format!("* SELECT {name}\r\n"));
    Section { select, flags, arrivals: Group::Lines(arrivals), vanished, altered, is_unspecified: false }
}

fn fitted(sections: Vec<Section>) -> Vec<Read> {
    read(&Draft { account: Vec::new(), sections }.fit(LIMIT))
}

fn words(responses: &[Read]) -> Vec<&str> {
    responses.iter().map(|response| response.words.as_str()).collect()
}

#[test]
fn what_fits_is_said_in_full_and_in_order() {
    let others = [vec![line_of(1, "FLAGS")], vec![line_of(1, "VANISHED")], vec![line_of(1, "7 UIDFETCH")]];
    let responses = fitted(vec![section("INBOX", vec![arrival(9, Some(10), Some(20))], others)]);
    assert_eq!(
        words(&responses),
        ["* SELECT INBOX", "* FLAGS", "* 9 UIDFETCH", "* VANISHED", "* 7 UIDFETCH"]
    );
    assert!(responses[2].whole.contains(" BINARY[1] {"), "{responses:?}");
}

#[test]
fn what_does_not_fit_is_stood_for_by_a_sync_the_least_important_first() {
    // How long FLAGS, VANISHED and UIDFETCH (changed flags) are, and what is said.
    let cases: [([usize; 3], [&str; 5]); 4] = [
        ([1, 20, 4000], ["* SELECT INBOX", "* FLAGS", "* 9 UIDFETCH", "* VANISHED", "* SYNC UIDFETCH"]),
        ([1, 4000, 20], ["* SELECT INBOX", "* FLAGS", "* 9 UIDFETCH", "* SYNC EXPUNGE", "* SYNC UIDFETCH"]),
        (
            [4000, 20, 20],
            ["* SELECT INBOX", "* SYNC FLAGS", "* 9 UIDFETCH", "* SYNC EXPUNGE", "* SYNC UIDFETCH"],
        ),
        ([4000, 1, 20], ["* SELECT INBOX", "* SYNC FLAGS", "* 9 UIDFETCH", "* VANISHED", "* SYNC UIDFETCH"]),
    ];
    for ([flags, vanished, altered], expected) in cases {
        let others = [line_of(flags, "FLAGS"), line_of(vanished, "VANISHED"), line_of(altered, "7 UIDFETCH")];
        let others = others.map(|line| vec![line]);
        let responses = fitted(vec![section("INBOX", vec![arrival(9, None, None)], others)]);
        assert_eq!(words(&responses), expected);
    }
}

#[test]
fn many_new_messages_become_sync_exists() {
    let arrivals = (1..500).map(|uid| arrival(uid, None, None)).collect();
    let responses = fitted(vec![section("INBOX", arrivals, [vec![], vec![], vec![]])]);
    assert_eq!(words(&responses), ["* SELECT INBOX", "* SYNC EXISTS"]);
}

#[test]
fn more_mailboxes_than_fit_become_one_sync() {
    let sections = (0..1000)
        .map(|n| section(&format!("Box{n}"), vec![arrival(1, None, None)], [vec![], vec![], vec![]]));
    assert_eq!(words(&fitted(sections.collect())), ["* SYNC"]);
}

#[test]
fn envelopes_go_to_as_many_messages_as_possible() {
    let arrivals =
        vec![arrival(1, Some(3500), None), arrival(2, Some(900), None), arrival(3, Some(900), None)];
    let responses = fitted(vec![section("INBOX", arrivals, [vec![], vec![], vec![]])]);
    let enveloped: Vec<_> =
        responses[1..].iter().map(|response| response.whole.contains("ENVELOPE")).collect();
    assert_eq!(enveloped, [false, true, true], "the longest one gives way to the two others");
}

#[test]
fn texts_share_the_room_and_what_a_short_one_leaves_goes_to_the_others() {
    let text = |length| arrival(length as u64, Some(200), Some(length));
    let responses =
        fitted(vec![section("INBOX", vec![text(9000), text(60), text(8000)], [vec![], vec![], vec![]])]);
    let lengths: Vec<_> = responses[1..].iter().map(|response| response.whole.len()).collect();
    assert!(lengths[0].abs_diff(lengths[2]) < 8, "the two long ones share evenly: {lengths:?}");
    assert!(responses[2].whole.contains("BINARY[1] {"), "the short one is whole");
    assert!(responses[1].whole.contains("BINARY[1]<0> {"), "the long ones are cut");
    let total: usize = responses.iter().map(|response| response.whole.len()).sum();
    assert!((LIMIT - 20..=LIMIT).contains(&total), "{total} bytes are used");
}

fn any_arrival() -> impl Strategy<Value = Arrival> {
    (1_u64..9999, proptest::option::of(0_usize..5000), proptest::option::of(0_usize..9000))
        .prop_map(|(uid, envelope, text)| arrival(uid, envelope, text))
}

fn any_lines(word: &'static str) -> impl Strategy<Value = Vec<Bytes>> {
    proptest::collection::vec((0_usize..3000).prop_map(move |length| line_of(length, word)), 0..4)
}

fn any_section() -> impl Strategy<Value = Section> {
    let others = (any_lines("FLAGS"), any_lines("VANISHED"), any_lines("7 UIDFETCH"));
    ("[A-Za-z]{1,200}", proptest::collection::vec(any_arrival(), 0..30), others).prop_map(
        |(name, arrivals, (flags, vanished, altered))| section(&name, arrivals, [flags, vanished, altered]),
    )
}

proptest! {
    #[test]
    fn any_push_fits_can_be_read_and_names_the_mailbox_of_each_response(
        sections in proptest::collection::vec(any_section(), 0..12),
        account in any_lines("LIST"),
    ) {
        let kinds: Vec<bool> = sections.iter().map(|s| s.bytes() > s.select.len()).collect();
        let push = Draft { account, sections }.fit(LIMIT);
        prop_assert!(push.len() <= LIMIT, "{} bytes", push.len());
        let responses = read(&push);
        let mut selected = 0;
        for response in &responses {
            let is_select = response.words.starts_with("* SELECT ");
            selected += usize::from(is_select);
            let is_account = response.words.starts_with("* LIST") || response.words.starts_with("* SYNC");
            prop_assert!(is_select || is_account || selected > 0, "{response:?} before any SELECT");
        }
        let is_generic = push.as_ref() == line::GENERIC_SYNC;
        prop_assert!(is_generic || selected == kinds.len(), "a mailbox is left out");
    }
}
