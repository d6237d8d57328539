//! The fuzzer's corpus, replayed.

use std::path::Path;

#[test]
fn the_corpus_of_the_fuzzer_is_answered() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/lmtp");
    let seeds: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(seeds.len() >= 20, "seeds have been lost: {}", seeds.len());
    for seed in seeds {
        println!("{}", seed.display());
        crate::stream::check(&std::fs::read(seed).unwrap());
    }
}
