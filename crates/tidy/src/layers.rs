//! A crate depends only on lower layers (ARCHITECTURE.md, "Crates").

use std::path::Path;

use crate::tree::{crates, none};

/// What of ours a crate uses outside its tests, by its manifest.
fn ours(directory: &Path, table: &str) -> Vec<String> {
    let text = std::fs::read_to_string(directory.join("Cargo.toml")).expect("readable");
    let manifest: toml::Table = text.parse().expect("a manifest");
    let dependencies = manifest.get(table).and_then(toml::Value::as_table).cloned().unwrap_or_default();
    dependencies.into_iter().map(|(name, _)| name).filter(|name| layer(name).is_some()).collect()
}

fn layer(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(_, crates)| crates.contains(&name)).map(|(layer, _)| *layer)
}

fn name_of(directory: &Path) -> String {
    directory.file_name().expect("a name").to_string_lossy().into_owned()
}

#[test]
fn every_crate_has_a_layer() {
    let places: Vec<String> =
        crates().iter().map(|directory| name_of(directory)).filter(|name| layer(name).is_none()).collect();
    none("not in the table of layers", &places);
}

#[test]
fn a_crate_depends_only_on_lower_layers() {
    let mut places = Vec::new();
    for directory in crates() {
        let name = name_of(&directory);
        for used in ours(&directory, "dependencies") {
            let is_lower = layer(&used) < layer(&name);
            if !is_lower && !SIDEWAYS.contains(&(name.as_str(), used.as_str())) {
                places.push(format!("{name} uses {used}"));
            }
        }
    }
    none("a dependency that is not downwards", &places);
}

#[test]
fn what_stands_alone_uses_only_webpush() {
    let mut places = Vec::new();
    for directory in crates().iter().filter(|directory| ALONE.contains(&name_of(directory).as_str())) {
        for used in ours(directory, "dependencies").iter().filter(|used| *used != "webpush") {
            places.push(format!("{} uses {used}", name_of(directory)));
        }
    }
    none("not alone", &places);
}

#[test]
fn what_is_for_tests_is_not_in_the_product() {
    let mut places = Vec::new();
    for directory in crates().iter().filter(|directory| layer(&name_of(directory)) < Some(TESTS)) {
        for used in ours(directory, "dependencies").iter().filter(|used| layer(used) == Some(TESTS)) {
            places.push(format!("{} uses {used}", name_of(directory)));
        }
    }
    none("a test crate in the product", &places);
}

const TESTS: u8 = 6;

const LAYERS: [(u8, &[&str]); 6] = [
    (1, &["webpush", "message", "admission"]),
    (2, &["bus", "store"]),
    (3, &["authentication", "delivery", "push-sender", "notifier", "submission"]),
    (4, &["lmtp", "imap", "jmap", "push-service", "agent", "load"]),
    (5, &["mailbell"]),
    (TESTS, &["testkit", "e2e", "tidy"]),
];

/// The few dependencies within a layer: the store wakes the bus after a commit, the notifier hands pushes over, the load
/// clients measure pushes with a user agent.
const SIDEWAYS: [(&str, &str); 4] =
    [("store", "bus"), ("notifier", "push-sender"), ("load", "agent"), ("e2e", "testkit")];

/// What must run, or be used, without a mail server.
const ALONE: [&str; 2] = ["push-service", "agent"];
