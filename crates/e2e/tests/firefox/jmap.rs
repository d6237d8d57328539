//! The whole way: a message comes by LMTP, the server pushes its state over its own push service to a service worker in
//! Firefox, which asks for the message over JMAP and has it.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testkit::lmtp::Lmtp;
use testkit::server::{Mailbell, PASSWORD};

use crate::browser::{Firefox, Programs};

/// What the service worker made of a push.
fn pushed(firefox: &mut Firefox) -> Result<Value> {
    let (scope, text) = firefox.receive(1)?.pop().context("nothing")?;
    ensure!(scope == "/jmap/", "{scope}");
    Ok(serde_json::from_str(&text.context("an empty push")?)?)
}

#[test]
fn a_service_worker_that_is_pushed_a_state_fetches_the_message_over_jmap() -> Result<()> {
    let test = "a_service_worker_that_is_pushed_a_state_fetches_the_message_over_jmap";
    let Some(programs) = Programs::find(test)? else { return Ok(()) };
    let settings =
        "\n[push]\nmin_interval = \"1s\"\n\n[push_service]\npublic_url = \"http://localhost:PUSH_PORT\"\n";
    let server = Mailbell::start(&["alice"], settings)?;
    let url = format!("ws://localhost:{}/", server.push.port());
    let mut firefox = programs.firefox(server.directory.path(), &url, None)?;
    let origin = format!("http://localhost:{}", server.http.port());
    let id = firefox.run(&format!("jmap_subscribe('{origin}', 'alice:{PASSWORD}')"))?;
    let id = id.as_str().context("no id")?;
    ensure!(pushed(&mut firefox)? == json!({ id: null }), "the worker has verified the subscription");

    let deliver = |subject: &str, text: &str| {
        let message = format!("From: A Sender <sender@test.invalid>\nSubject: {subject}\n\n{text}\n");
        Lmtp::connect(server.lmtp)?.deliver(&["alice"], &message)
    };
    deliver("Lunch?", "At noon, as always.")?;
    let told = pushed(&mut firefox)?;
    ensure!(told == json!({ "told": true, "emails": [["Lunch?", "At noon, as always.\n"]] }), "{told}");

    // What came while Firefox was away is fetched by a worker that was stopped meanwhile.
    firefox.stop()?;
    deliver("Dinner?", "At eight.")?;
    firefox.start()?;
    let told = pushed(&mut firefox)?;
    ensure!(told["emails"] == json!([["Dinner?", "At eight.\n"]]), "{told}");
    Ok(())
}
