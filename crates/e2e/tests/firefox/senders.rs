//! Application servers that others wrote: pywebpush in Python and web-push in node.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value};
use webpush::vapid::key::SigningKey;

use crate::browser::Programs;

/// Which program sends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sender {
    Pywebpush,
    WebPush,
}

/// A push as the programs take it: `TTL`, `Topic` and `Urgency` are the header fields.
pub(crate) struct Push(Map<String, Value>);

impl Push {
    /// One that lives for a minute, not signed.
    pub(crate) fn new(subscription: &Value, text: &str) -> Self {
        let push = Self(Map::from_iter([("subscription".to_owned(), subscription.clone())]));
        push.with("text", text).with("encoding", "aes128gcm").with("TTL", 60)
    }

    /// Signed (RFC 8292).
    pub(crate) fn signed(self, key: &SigningKey) -> Result<Self> {
        let private_key = key.private_base64url()?;
        Ok(self.with("public_key", key.public_key().to_base64url()).with("private_key", private_key.as_str()))
    }

    /// With another value of one of its properties.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }
}

impl Sender {
    /// Sends pushes one after the other; returns the status codes of the answers. `authority` is trusted besides the
    /// system's.
    pub(crate) fn send(
        self,
        programs: &Programs,
        authority: Option<&Path>,
        pushes: Vec<Push>,
    ) -> Result<Vec<u64>> {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
        let (program, script, variable) = match self {
            Self::Pywebpush => (&programs.python, "python/web_push_send.py", "REQUESTS_CA_BUNDLE"),
            Self::WebPush => (&programs.node, "node/web_push_send.mjs", "NODE_EXTRA_CA_CERTS"),
        };
        let mut command = Command::new(program.get_program());
        command.arg(format!("{directory}/{script}"));
        if let Some(authority) = authority {
            command.env(variable, authority);
        }
        let count = pushes.len();
        let requests = Value::Array(pushes.into_iter().map(|push| Value::Object(push.0)).collect());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{self:?}"))?;
        child.stdin.take().context("no standard input")?.write_all(requests.to_string().as_bytes())?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{self:?}: {}", String::from_utf8_lossy(&output.stderr));
        let statuses: Vec<u64> = serde_json::from_slice(&output.stdout)?;
        ensure!(statuses.len() == count, "{self:?}: {statuses:?}");
        Ok(statuses)
    }
}
