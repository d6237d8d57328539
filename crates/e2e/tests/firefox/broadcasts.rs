//! Firefox asks its remote settings when the operator sets the broadcast that it listens to.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result, ensure};
use testkit::server::Mailbell;

use crate::browser::{Firefox, Programs};

const TOKEN: &str = "a-token-for-broadcasts";

/// Sets the broadcast of Firefox's remote settings; returns the status.
fn set(server: &Mailbell, version: u64) -> Result<String> {
    let mut stream = TcpStream::connect(server.push)?;
    let body = format!("\"{version}\"");
    write!(
        stream,
        "PUT /v1/broadcasts/remote-settings/monitor_changes HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {TOKEN}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    answer.split(' ').nth(1).map(str::to_owned).with_context(|| answer.clone())
}

/// Firefox asks for the settings of this version.
fn is_told(firefox: &mut Firefox, version: u64) -> Result<()> {
    let told = firefox.receive(1)?;
    let expected = [("remote-settings".to_owned(), Some(version.to_string()))];
    ensure!(told == expected, "{told:?} and not {expected:?}");
    Ok(())
}

#[test]
fn firefox_follows_a_broadcast_when_it_starts_and_while_it_runs() -> Result<()> {
    let Some(programs) = Programs::find("firefox_follows_a_broadcast_when_it_starts_and_while_it_runs")?
    else {
        return Ok(());
    };
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n"))?;
    let settings = format!(
        "\n[push_service]\npublic_url = \"http://localhost:PUSH_PORT\"\nbroadcast_token_file = \"{}\"\n",
        file.display()
    );
    let server = Mailbell::start(&[], &settings)?;
    ensure!(set(&server, 1_732_300_000_001)? == "201");
    let url = format!("ws://localhost:{}/", server.push.port());
    let mut firefox = programs.firefox(server.directory.path(), &url, None)?;
    is_told(&mut firefox, 1_732_300_000_001)?;
    ensure!(set(&server, 1_732_300_000_002)? == "200");
    is_told(&mut firefox, 1_732_300_000_002)?;
    firefox.stop()?;
    ensure!(set(&server, 1_732_300_000_003)? == "200");
    firefox.start()?;
    is_told(&mut firefox, 1_732_300_000_003)
}
