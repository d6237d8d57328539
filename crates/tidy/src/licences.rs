//! The licences and origins of everything that we build on, against `deny.toml`.

use std::process::Command;

use serde_json::Value;

use crate::tree::{none, root};

/// The packages that are built for this machine, tests included, as `cargo metadata` tells.
fn packages() -> Vec<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host()])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    let resolved: Vec<String> = nodes.iter().map(|node| text(node, "id")).collect();
    let packages = metadata["packages"].as_array_mut().expect("packages");
    let built: Vec<Value> = std::mem::take(packages)
        .into_iter()
        .filter(|package| resolved.contains(&text(package, "id")))
        .collect();
    assert!(built.len() > 100, "only {} packages", built.len());
    built
}

fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host").to_owned()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn deny() -> toml::Table {
    std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml").parse().expect("TOML")
}

fn strings(table: &toml::Table, section: &str, key: &str) -> Vec<String> {
    let list = table[section][key].as_array().expect("a list");
    list.iter().map(|item| item.as_str().expect("a string").to_owned()).collect()
}

#[test]
fn every_dependency_has_a_licence_that_we_allow() {
    let allowed = strings(&deny(), "licenses", "allow");
    let places: Vec<String> = packages()
        .iter()
        .filter(|package| !is_allowed(&text(package, "license"), &allowed))
        .map(|package| format!("{} {}: {:?}", text(package, "name"), package["version"], package["license"]))
        .collect();
    none("a licence that deny.toml does not allow", &places);
}

#[test]
fn every_dependency_comes_from_a_registry_that_we_allow() {
    let allowed = strings(&deny(), "sources", "allow-registry");
    let places: Vec<String> = packages()
        .iter()
        .filter_map(|package| package["source"].as_str())
        .filter(|source| !allowed.iter().any(|registry| *source == format!("registry+{registry}")))
        .map(str::to_owned)
        .collect();
    none("a source that deny.toml does not allow", &places);
}

#[test]
fn no_dependency_is_banned() {
    let deny = deny();
    let banned: Vec<&str> = deny["bans"]["deny"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|ban| ban["crate"].as_str().expect("a name"))
        .collect();
    let places: Vec<String> = packages()
        .iter()
        .map(|package| text(package, "name"))
        .filter(|name| banned.contains(&name.as_str()))
        .collect();
    none("a crate that deny.toml bans", &places);
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"].map(str::to_owned);
    let cases = [
        ("MIT", true),
        ("GPL-3.0", false),
        ("", false),
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0 / MIT", true),
        ("Apache-2.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
        ("GPL-3.0 OR MIT AND GPL-2.0", false),
        ("GPL-2.0 AND GPL-3.0 OR MIT", true),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", false),
        ("(MIT", false),
    ];
    for (expression, wanted) in cases {
        assert_eq!(is_allowed(expression, &allowed), wanted, "{expression:?}");
    }
}

/// Whether the licences allowed satisfy an SPDX expression. What it can't read is not allowed, and an exception
/// (`WITH`) is a licence of its own.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced =
        expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ").replace(" WITH ", "+WITH+");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest, allowed) == Some(true) && rest.is_empty()
}

/// `both *( "OR" both )`
fn either(rest: &mut &[&str], allowed: &[String]) -> Option<bool> {
    let mut holds = both(rest, allowed)?;
    while let [first, tail @ ..] = *rest
        && *first == "OR"
    {
        *rest = tail;
        holds |= both(rest, allowed)?;
    }
    Some(holds)
}

/// `one *( "AND" one )`
fn both(rest: &mut &[&str], allowed: &[String]) -> Option<bool> {
    let mut holds = one(rest, allowed)?;
    while let [first, tail @ ..] = *rest
        && *first == "AND"
    {
        *rest = tail;
        holds &= one(rest, allowed)?;
    }
    Some(holds)
}

/// `"(" either ")" / licence`
fn one(rest: &mut &[&str], allowed: &[String]) -> Option<bool> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    if *first != "(" {
        return Some(allowed.iter().any(|licence| licence == first));
    }
    let holds = either(rest, allowed)?;
    let (close, tail) = rest.split_first()?;
    *rest = tail;
    (*close == ")").then_some(holds)
}
