//! STYLE.md, as far as it can be read off the text of a file.

use crate::tree::{crates, files, none, root, sources};

/// Lists the places where `is_wrong` holds for a line.
fn check(what: &str, is_wrong: impl Fn(&str) -> bool) {
    let mut places = Vec::new();
    for source in sources().iter().filter(|source| source.crate_name() != "tidy") {
        for (number, line) in (1..).zip(source.text.lines()) {
            if is_wrong(line) {
                places.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    none(what, &places);
}

/// Rule 1.
#[test]
fn a_file_has_at_most_500_lines() {
    let places: Vec<String> = sources()
        .iter()
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(source, lines)| format!("{}: {lines} lines", source.path))
        .collect();
    none("longer than 500 lines", &places);
}

/// Rule 4; a file of tests says with its names what it is for.
#[test]
fn a_file_begins_with_what_it_is_for() {
    let places: Vec<String> = sources()
        .into_iter()
        .filter(|source| !source.is_test && !source.text.starts_with("//! "))
        .map(|source| source.path)
        .collect();
    none("no `//!` head", &places);
}

/// Rule 7.
#[test]
fn crates_and_files_are_named_after_the_thing() {
    let stem = |path: &str| path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
    let crates = crates().into_iter().map(|path| path.to_string_lossy().into_owned());
    let modules = sources().into_iter().map(|source| source.path);
    let places: Vec<String> =
        crates.chain(modules).filter(|path| EMPTY_NAMES.contains(&stem(path).as_str())).collect();
    none("a name that says nothing", &places);
}

/// Rule 25: what a library has to say goes through `tracing`, where the operator steers it.
#[test]
fn libraries_do_not_print() {
    let mut places = Vec::new();
    for source in sources().iter().filter(|source| !PRINTERS.contains(&source.crate_name())) {
        for (number, line) in (1..).zip(source.product().lines()) {
            let prints = ["println!(", "print!("].iter().any(|print| line.contains(print));
            if prints && !line.trim_start().starts_with("//") {
                places.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    none("a library prints", &places);
}

/// Rule 28.
#[test]
fn rfcs_are_cited_in_one_form() {
    let is_wrong = |line: &str| {
        let Some((_, comment)) = line.split_once("//") else { return false };
        let glued = comment.match_indices("RFC").any(|(at, _)| {
            let rest = comment.get(at + 3..).unwrap_or_default();
            rest.starts_with(|next: char| next.is_ascii_digit()) && !rest.starts_with("822")
        });
        let spelled = comment.match_indices("RFC ").any(|(at, rfc)| {
            let rest = comment.get(at + rfc.len()..).unwrap_or_default();
            let after = rest.trim_start_matches(|next: char| next.is_ascii_digit());
            after.len() < rest.len() && after.trim_start_matches(',').to_lowercase().starts_with(" section")
        });
        glued || spelled
    };
    check("not of the form `RFC 9051 §6.3.13`", is_wrong);
}

/// Rule 29.
#[test]
fn comments_are_no_banners() {
    let is_banner = |line: &str| {
        let comment = line.trim_start().trim_start_matches('/');
        line.trim_start().starts_with("//")
            && ["---", "===", "***"].iter().any(|rule| comment.trim_start().starts_with(rule))
    };
    check("a banner", is_banner);
}

/// Rule 33.
#[test]
fn no_test_is_ignored() {
    check("an ignored test", |line| line.trim_start().starts_with("#[ignore"));
}

/// Rule 37: an exception says why, and is itself an error once it is no longer needed.
#[test]
fn exceptions_from_lints_are_expectations_with_a_reason() {
    let is_wrong = |line: &str| {
        let line = line.trim_start();
        line.starts_with("#[allow(") || line.starts_with("#![allow(")
    };
    check("#[expect(.., reason = \"..\")] is wanted", is_wrong);
}

/// Every crate obeys the lints and takes its versions from the workspace.
#[test]
fn manifests_leave_versions_and_lints_to_the_workspace() {
    let mut places = Vec::new();
    for directory in crates() {
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(directory.join("Cargo.toml")).expect("readable");
        let manifest: toml::Table = text.parse().expect("a manifest");
        if manifest.get("lints").and_then(|lints| lints.get("workspace")).is_none() {
            places.push(format!("{name}: no [lints] workspace = true"));
        }
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (dependency, how) in manifest.get(table).and_then(toml::Value::as_table).into_iter().flatten()
            {
                if how.get("workspace").is_none() {
                    places.push(format!("{name}: {dependency} has a version of its own"));
                }
            }
        }
    }
    none("a manifest on its own", &places);
}

/// A command that no transcript shows is a command whose answers nobody has read.
#[test]
fn every_imap_command_stands_in_a_transcript() {
    let table =
        std::fs::read_to_string(root().join("crates/imap/src/wire/command.rs")).expect("the commands");
    let table = table
        .split("pub fn name(&self)")
        .nth(1)
        .and_then(|rest| rest.split("\n    }").next())
        .expect("their names");
    let commands: Vec<&str> = table.split('"').skip(1).step_by(2).collect();
    assert!(commands.len() > 30, "only {} commands are found", commands.len());
    let spoken: Vec<String> = files(&root().join("crates/imap"))
        .iter()
        .filter(|path| path.to_string_lossy().contains("transcripts/"))
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).expect("UTF-8").to_uppercase();
            text.lines()
                .filter(|line| line.starts_with("C:"))
                .map(|line| format!("{line} "))
                .collect::<Vec<_>>()
        })
        .collect();
    let is_missing = |command: &&str| !spoken.iter().any(|line| line.contains(&format!(" {command} ")));
    let missing: Vec<String> = commands.into_iter().filter(is_missing).map(str::to_owned).collect();
    none("no transcript", &missing);
}

/// Crates that talk to whoever runs them.
const PRINTERS: [&str; 4] = ["mailbell", "testkit", "e2e", "tidy"];

const FILE_LINES_MAX: usize = 500;

const EMPTY_NAMES: [&str; 8] = ["common", "core", "helper", "helpers", "manager", "types", "util", "utils"];
