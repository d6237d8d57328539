//! `mailbell listen --json` beside a server: a user agent whose output is kept in a file.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::server::{Mailbell, PASSWORD, program};
use crate::wait;

/// A user agent that is killed when dropped.
pub struct Listening {
    child: Child,
    out: PathBuf,
}

impl Listening {
    /// Starts one. Its state, its standard input (which has [`PASSWORD`]) and its output stand in the server's directory under
    /// this name.
    ///
    /// # Errors
    /// If the binary is not built.
    pub fn start(server: &Mailbell, name: &str, arguments: &[&str]) -> Result<Self> {
        let directory = server.directory.path();
        let out = directory.join(name);
        std::fs::write(directory.join("password"), PASSWORD)?;
        let mut command = Command::new(program()?);
        command.arg("--config").arg(server.config()).args(["listen", "--json", "--ca"]);
        command.arg(server.certificate()).arg("--state").arg(out.with_extension("state"));
        command.args(arguments).stdin(std::fs::File::open(directory.join("password"))?);
        let child = command.stdout(std::fs::File::create(&out)?).stderr(Stdio::null()).spawn()?;
        Ok(Self { child, out })
    }

    /// The first line of its output that `is_wanted`.
    ///
    /// # Errors
    /// If none comes within the limit.
    pub fn line(&self, is_wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let found = wait::until(|| {
            let text = std::fs::read_to_string(&self.out).ok()?;
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).find(|value| is_wanted(value))
        });
        found.with_context(|| format!("not in {:?}", std::fs::read_to_string(&self.out)))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
