//! `mailbell listen` and `mailbell push send`, against each other and against a mail server.

use anyhow::{Context as _, Result, ensure};
use testkit::listening::Listening;
use testkit::lmtp::Lmtp;
use testkit::server::Mailbell;
use testkit::{programs, wait};

#[test]
fn a_push_by_hand_reaches_an_agent_that_listens() -> Result<()> {
    let server = Mailbell::start(&[], "")?;
    let agent = Listening::start(&server, "listened", &[])?;
    let told = agent.line(|value| value["subscription"]["endpoint"].is_string())?;
    let subscription = told["subscription"].to_string();
    let arguments = ["push", "send", "--subscription", "-", "--urgency", "high", "Grüße"];
    let said = server.run_with_input(&arguments, &subscription)?;
    ensure!(said.starts_with("201: taken, 7 bytes of cleartext"), "{said}");
    let push = agent.line(|value| value["responses"].is_array())?;
    ensure!(push["responses"][0]["text"] == "Grüße" && push["urgency"] == "high", "{push}");
    Ok(())
}

#[test]
fn a_push_by_pywebpush_reaches_an_agent_that_listens() -> Result<()> {
    let Some(mut python) = programs::python("a_push_by_pywebpush_reaches_an_agent_that_listens") else {
        return Ok(());
    };
    let server = Mailbell::start(&[], "")?;
    let agent = Listening::start(&server, "listened", &[])?;
    let told = agent.line(|value| value["subscription"]["endpoint"].is_string())?;
    let given = server.directory.path().join("subscription");
    std::fs::write(&given, told["subscription"].to_string())?;
    python
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/pywebpush_send.py"))
        .arg("Grüße aus Python");
    python.env("REQUESTS_CA_BUNDLE", server.certificate()).stdin(std::fs::File::open(given)?);
    let sent = python.output()?;
    ensure!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    let push = agent.line(|value| value["responses"].is_array())?;
    ensure!(push["responses"][0]["text"] == "Grüße aus Python" && push["urgency"] == "low", "{push}");
    Ok(())
}

#[test]
fn an_agent_registers_with_a_mail_server_and_runs_a_command_for_new_mail() -> Result<()> {
    let server = Mailbell::start(&["alice"], "")?;
    let ran = server.directory.path().join("ran");
    let account = format!("imaps://alice@localhost:{}", server.imaps.port());
    let command = format!("cat >> {}", ran.display());
    let arguments = [account.as_str(), "--password-stdin", "--exec", &command];
    let agent = Listening::start(&server, "listened", &arguments)?;
    let registered =
        || server.run(&["subscription", "list"]).ok().filter(|listed| listed.contains(" active "));
    wait::until(registered).context("it does not register")?;

    Lmtp::connect(server.lmtp)?
        .deliver(&["alice"], "From: bob@test.invalid\nSubject: Lunch?\n\nAt noon.\n")?;
    let push = agent.line(|value| value["responses"].is_array())?;
    ensure!(push["responses"][1]["envelope"]["subject"] == "Lunch?", "{push}");
    let was_run = || std::fs::read_to_string(&ran).ok().filter(|input| input.contains("At noon."));
    wait::until(was_run).context("the command was not run")?;
    Ok(())
}
