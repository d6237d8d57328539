//! Every metric that the product counts stands in `docs/metrics.md`, and nothing else does.

use std::collections::BTreeSet;

use crate::tree::{Source, none, root, sources};

/// The names that a file gives to the macros of the `metrics` crate: literals, or constants of the same file.
fn names(source: &Source) -> Vec<Result<String, String>> {
    let text = source.product();
    let calls = ["counter!(", "gauge!(", "histogram!("].into_iter().flat_map(|call| text.split(call).skip(1));
    calls
        .map(|arguments| {
            let first = arguments.trim_start().split([',', ')']).next().unwrap_or_default().trim();
            let literal = first.strip_prefix('"').map_or_else(
                || {
                    text.split(&format!("const {first}: &str = \""))
                        .nth(1)
                        .and_then(|rest| rest.split('"').next())
                },
                |rest| rest.strip_suffix('"'),
            );
            literal.map(str::to_owned).ok_or_else(|| format!("{}: {first}", source.path))
        })
        .collect()
}

/// The first column of the tables of metrics.
fn documented() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("docs/metrics.md")).expect("docs/metrics.md is there");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    rows.filter(|name| ["push_service_", "mailbell_", "store_"].iter().any(|prefix| name.starts_with(prefix)))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_metric_is_documented_and_every_documented_one_is_counted() {
    let found: Vec<_> = sources().iter().flat_map(names).collect();
    let unreadable: Vec<String> = found.iter().filter_map(|name| name.clone().err()).collect();
    none("a metric whose name is neither a literal nor a constant of its file", &unreadable);
    let counted: BTreeSet<String> = found.into_iter().flatten().collect();
    assert!(counted.len() > 20, "only {} metrics were found", counted.len());
    let documented = documented();
    none("not in docs/metrics.md", &counted.difference(&documented).cloned().collect::<Vec<_>>());
    none("in docs/metrics.md but not counted", &documented.difference(&counted).cloned().collect::<Vec<_>>());
}
