//! The fuzzer's corpus, replayed.

use std::path::Path;

use crate::stream::check;

#[test]
fn the_corpus_of_the_fuzzer_holds() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/imap");
    let mut count = 0;
    for file in std::fs::read_dir(directory).unwrap() {
        check(&std::fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "the corpus is there");
}

#[test]
fn what_the_transcripts_send_holds_too() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    for file in std::fs::read_dir(directory).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let sent: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("C: ")).collect();
        check(sent.join("\r\n").as_bytes());
    }
}
