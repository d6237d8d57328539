//! Passwords from the terminal or from standard input. They are wiped from memory after use.

use std::io::BufRead as _;

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

use crate::cli::PasswordSource;

/// A new password: asked for twice, or the first line of standard input.
pub(crate) fn new(source: PasswordSource, account: &str) -> anyhow::Result<Zeroizing<String>> {
    if source.password_stdin {
        return from_stdin();
    }
    let ask = |prompt: String| {
        let answer = rpassword::prompt_password(prompt);
        answer.map(Zeroizing::new).context("cannot ask for a password here; use --password-stdin")
    };
    let first = ask(format!("New password for {account}: "))?;
    if first.is_empty() {
        bail!("the password is empty");
    }
    if *ask("The same again: ".to_owned())? != *first {
        bail!("the passwords differ; nothing was changed");
    }
    Ok(first)
}

/// The first line of standard input.
pub(crate) fn from_stdin() -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line).context("cannot read the password from standard input")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("standard input begins with an empty line, not with a password");
    }
    Ok(Zeroizing::new(password.to_owned()))
}

/// The password that an account has: asked for, or the first line of standard input.
pub(crate) fn known(source: PasswordSource, account: &str) -> anyhow::Result<Zeroizing<String>> {
    if source.password_stdin {
        return from_stdin();
    }
    let answer = rpassword::prompt_password(format!("Password for {account}: "));
    answer.map(Zeroizing::new).context("cannot ask for a password here; use --password-stdin")
}
