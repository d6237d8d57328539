//! Firefox in the hands of `tests/python/firefox.py`: each call is one line to it and one back.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use testkit::programs;

/// The programs that a test with Firefox needs.
pub(crate) struct Programs {
    pub(crate) python: Command,
    pub(crate) node: Command,
    firefox: Command,
}

/// A Firefox with a page and a service worker; ended when dropped.
pub(crate) struct Firefox {
    driver: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Programs {
    /// All of them, or `None` when the tests run without the programs of others.
    pub(crate) fn find(test: &str) -> Result<Option<Self>> {
        let node_directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node"));
        let Some(firefox) = programs::debian(test, "firefox-esr")? else { return Ok(None) };
        let Some(node) = programs::node(test, node_directory)? else { return Ok(None) };
        let python = programs::python(test).context("MAILBELL_INTEROP is set, but MAILBELL_PYTHON is not")?;
        Ok(Some(Self { python, node, firefox }))
    }

    /// Starts Firefox with a fresh profile below `directory`.
    pub(crate) fn firefox(
        &self,
        directory: &Path,
        push_url: &str,
        authority: Option<&Path>,
    ) -> Result<Firefox> {
        let mut driver = Command::new(self.python.get_program());
        driver.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/firefox.py"));
        driver.arg(self.firefox.get_program()).arg(directory.join("firefox")).arg(push_url).args(authority);
        let mut driver = driver.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let orders = driver.stdin.take().context("no standard input")?;
        let answers = BufReader::new(driver.stdout.take().context("no standard output")?);
        let mut firefox = Firefox { driver, orders, answers };
        firefox.start()?;
        Ok(firefox)
    }
}

impl Firefox {
    /// Starts it again, with what it kept.
    pub(crate) fn start(&mut self) -> Result<()> {
        self.ask(&json!({"do": "start"})).map(drop)
    }

    /// Closes it as a user would.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.ask(&json!({"do": "stop"})).map(drop)
    }

    /// The value of an expression in the page, see `tests/python/firefox_page/page.js`.
    pub(crate) fn run(&mut self, expression: &str) -> Result<Value> {
        self.ask(&json!({"do": "run", "js": expression}))
    }

    /// What the service worker is given next: the scope, and the text or nothing.
    pub(crate) fn receive(&mut self, count: usize) -> Result<Vec<(String, Option<String>)>> {
        let events = self.ask(&json!({"do": "receive", "count": count}))?;
        let event = |event: &Value| {
            ensure!(event.get("lost").is_none(), "a subscription was lost: {event}");
            let scope = event["scope"].as_str().context("no scope")?.to_owned();
            Ok((scope, event["text"].as_str().map(str::to_owned)))
        };
        events.as_array().context("no list")?.iter().map(event).collect()
    }

    fn ask(&mut self, order: &Value) -> Result<Value> {
        writeln!(self.orders, "{order}")?;
        let mut line = String::new();
        ensure!(self.answers.read_line(&mut line)? > 0, "the driver has ended at {order}");
        let mut answer: Value = serde_json::from_str(&line)?;
        match answer.get_mut("ok") {
            Some(value) => Ok(value.take()),
            None => bail!("{order}: {answer}"),
        }
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        // Firefox dies with its driver.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
