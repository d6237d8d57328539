//! `mailbell check-config`: the configuration was read already when this runs, so what is left to check is what it
//! names on disk.

use std::process::ExitCode;

use crate::config::{Config, Loaded, variable_name};
use crate::serve::submission;
use crate::tls;

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
    let wrong = wrong_files(&loaded.config);
    for problem in &wrong {
        println!("error: {problem}");
    }
    if wrong.is_empty() {
        println!("The configuration is valid.");
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::FAILURE)
    }
}

fn wrong_files(config: &Config) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(files) = &config.tls
        && let Err(error) = tls::read_pair(files)
    {
        wrong.push(format!("tls: {error:#}"));
    }
    if let Err(error) = tls::read_authorities(&config.push.extra_ca) {
        wrong.push(format!("push.extra_ca: {error:#}"));
    }
    if let Some(settings) = &config.submission
        && let Err(error) = submission::smarthost(config, settings)
    {
        wrong.push(format!("{error:#}"));
    }
    wrong
}
