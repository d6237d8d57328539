//! Programs that others wrote. The test script installs them and says so in the environment; without it, a test that
//! needs one prints that it was skipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

/// A program of Debian's, if `MAILBELL_INTEROP` is set; else says that `test` is skipped.
///
/// # Errors
/// If the variable is set but the program is not installed.
pub fn debian(test: &str, program: &str) -> Result<Option<Command>> {
    if std::env::var_os("MAILBELL_INTEROP").is_none() {
        println!("skipped {test}: it needs {program}; scripts/test.sh installs it and sets MAILBELL_INTEROP");
        return Ok(None);
    }
    let found = std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|dir| dir.join(program))
        .find(|path| path.is_file());
    match found {
        Some(path) => Ok(Some(Command::new(path))),
        None => bail!("MAILBELL_INTEROP is set, but {program} is not installed"),
    }
}

/// The Python of `MAILBELL_PYTHON`, which has pywebpush, http-ece and websockets; else says that `test` is skipped.
#[must_use]
pub fn python(test: &str) -> Option<Command> {
    let python = std::env::var_os("MAILBELL_PYTHON");
    if python.is_none() {
        println!(
            "skipped {test}: it needs Python packages; scripts/test.sh installs them and sets MAILBELL_PYTHON"
        );
    }
    python.map(Command::new)
}

/// Debian's node, in a directory whose packages are installed; else says that `test` is skipped.
///
/// # Errors
/// If `MAILBELL_INTEROP` is set but node or the packages are not installed.
pub fn node(test: &str, directory: &Path) -> Result<Option<Command>> {
    let Some(mut node) = debian(test, "node")? else { return Ok(None) };
    let packages = directory.join("node_modules");
    ensure!(packages.is_dir(), "MAILBELL_INTEROP is set, but there is no {}: npm ci", packages.display());
    node.current_dir(directory);
    Ok(Some(node))
}

/// Runs a command to its end and returns its standard output.
///
/// # Errors
/// If it can't be started or fails; with what it printed.
pub fn run(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {:?}", command.get_program()))?;
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    if !status.success() {
        bail!("{:?} ended with {status}\n--- stdout\n{out}\n--- stderr\n{err}", command.get_program());
    }
    Ok(out.into_owned())
}

/// The same command below `script`, which gives it a terminal; given up after a minute.
#[must_use]
pub fn in_a_terminal(command: &Command) -> Command {
    let quote = |word: &std::ffi::OsStr| format!("'{}'", word.to_string_lossy().replace('\'', "'\\''"));
    let mut line = quote(command.get_program());
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&quote(argument));
    }
    let mut script = Command::new("timeout");
    script.args(["60", "script", "--quiet", "--return", "--command", &line, "/dev/null"]);
    for (name, value) in command.get_envs() {
        script.env(name, value.unwrap_or_default());
    }
    script
}
