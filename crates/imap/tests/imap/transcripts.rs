//! Every command as its RFC has it: the files under `transcripts/`, each played against a real server. What the server
//! says there is also read by imap-codec.

use std::path::Path;

use tokio::task::JoinSet;

use crate::oracle::Oracle;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transcript_holds() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let only = std::env::var("TRANSCRIPT").unwrap_or_default();
    let mut playing = JoinSet::new();
    for file in std::fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name.contains(&only) {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(
                text.starts_with("# RFC ") || text.starts_with("# draft-"),
                "{name} names its RFC section"
            );
            playing.spawn(async move { (name, crate::support::transcript::play(&text).await) });
        }
    }
    let mut failures = Vec::new();
    let mut oracle = Oracle::default();
    while let Some(played) = playing.join_next().await {
        let (name, result) = played.unwrap();
        match result {
            Ok(streams) => streams.iter().for_each(|stream| oracle.read(&name, stream)),
            Err(what) => failures.push(format!("{name}: {what}")),
        }
    }
    failures.sort();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    oracle.is_content();
    if only.is_empty() {
        oracle.has_read(&[
            "BAD",
            "BYE",
            "CAPABILITY",
            "ENABLED",
            "EXISTS",
            "EXPUNGE",
            "FETCH",
            "FLAGS",
            "ID",
            "LIST",
            "LSUB",
            "METADATA",
            "NAMESPACE",
            "NO",
            "OK",
            "QUOTA",
            "QUOTAROOT",
            "SEARCH",
            "SORT",
            "STATUS",
            "THREAD",
            "VANISHED",
        ]);
    }
}
