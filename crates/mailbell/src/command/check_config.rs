//! `mailbell check-config`: the configuration was read already when this runs, so what is left to check is what it
//! names on disk.

use std::path::Path;
use std::process::ExitCode;

use crate::config::{Config, Loaded, variable_name};

/// Prints what is wrong, or that nothing is; `keys` prints every key instead.
pub(crate) fn run(loaded: &Loaded, keys: bool) -> anyhow::Result<ExitCode> {
    if keys {
        for key in &loaded.keys {
            println!("{key:36}{}", variable_name(key));
        }
        return Ok(ExitCode::SUCCESS);
    }
    for name in &loaded.unknown_variables {
        println!("warning: {name} is set but names no key");
    }
    if loaded.config.push.contact.is_none() {
        println!("warning: push.contact is not set, so nothing will be posted to a public push service");
    }
    let missing: Vec<String> = named_files(&loaded.config).filter_map(unreadable).collect();
    for problem in &missing {
        println!("error: {problem}");
    }
    if missing.is_empty() {
        println!("The configuration is valid.");
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::FAILURE)
    }
}

fn named_files(config: &Config) -> impl Iterator<Item = (&'static str, &Path)> {
    let tls = config
        .tls
        .iter()
        .flat_map(|tls| [("tls.certificate", tls.certificate.as_path()), ("tls.key", tls.key.as_path())]);
    tls.chain(config.push.extra_ca.iter().map(|path| ("push.extra_ca", path.as_path())))
}

fn unreadable((key, path): (&str, &Path)) -> Option<String> {
    let error = std::fs::File::open(path).err()?;
    Some(format!("{key}: cannot read {}: {error}", path.display()))
}
