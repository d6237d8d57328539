//! The files of the workspace that the checks look at.

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

/// A file of Rust.
pub(crate) struct Source {
    /// Relative to the root, with `/` between.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
    /// Whether it is a file of tests, which may say things that others may not.
    pub(crate) is_test: bool,
}

impl Source {
    /// What of it is in the product: nothing of a file of tests, and not the tests at the end of another one.
    pub(crate) fn product(&self) -> &str {
        let text = if self.is_test { "" } else { &self.text };
        text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
    }

    /// The crate that it belongs to.
    pub(crate) fn crate_name(&self) -> &str {
        self.path.split('/').nth(1).unwrap_or_default()
    }
}

/// Every `.rs` file below `crates/`, by path.
pub(crate) fn sources() -> Vec<Source> {
    let root = root();
    let mut paths = files(&root.join("crates"));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let relative =
        |path: &Path| path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
    let mut sources: Vec<Source> = paths
        .iter()
        .map(|path| (relative(path), std::fs::read_to_string(path).expect("UTF-8")))
        .map(|(path, text)| Source { is_test: false, path, text })
        .collect();
    let tests: Vec<String> = sources.iter().flat_map(test_modules).collect();
    for source in &mut sources {
        let path = &source.path;
        source.is_test = path.contains("/tests/")
            || path.contains("/benches/")
            || tests
                .iter()
                .any(|module| path == &format!("{module}.rs") || path == &format!("{module}/mod.rs"));
    }
    assert!(sources.len() > 20, "the walk finds only {} files", sources.len());
    sources
}

/// The modules of their own file that a file has for tests only, as paths without `.rs`.
fn test_modules(source: &Source) -> Vec<String> {
    let directory = source.path.trim_end_matches(".rs");
    let directory =
        ["/lib", "/main", "/mod"].iter().find_map(|root| directory.strip_suffix(root)).unwrap_or(directory);
    let after_marks = source.text.split("#[cfg(test)]\n").skip(1);
    let declared = after_marks.filter_map(|rest| {
        let (module, _) = rest.trim_start_matches("pub(crate) ").strip_prefix("mod ")?.split_once(';')?;
        (!module.contains(char::is_whitespace)).then_some(module)
    });
    declared.map(|module| format!("{directory}/{module}")).collect()
}

/// The directories of the crates.
pub(crate) fn crates() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(root().join("crates"))
        .expect("crates/ is there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.join("Cargo.toml").exists())
        .collect();
    found.sort();
    found
}

/// Fails with the list of places, if there is one.
#[track_caller]
pub(crate) fn none(what: &str, places: &[String]) {
    assert!(places.is_empty(), "{what}:\n  {}", places.join("\n  "));
}

/// Every file below `directory`, but not what was built there.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(&next).expect("readable") {
            let path = entry.expect("readable").path();
            match path.is_dir() {
                true if path.ends_with("target") => {}
                true => waiting.push(path),
                false => found.push(path),
            }
        }
    }
    found.sort();
    found
}
