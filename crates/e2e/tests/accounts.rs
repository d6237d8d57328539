//! Accounts, passwords, keys and subscriptions are changed by the command line while the server runs.

use anyhow::{Context as _, Result, ensure};
use testkit::imap::Imap;
use testkit::lmtp::Lmtp;
use testkit::server::{Mailbell, PASSWORD, free_ports};
use testkit::wait;

const MESSAGE: &str = "From: Bob <bob@test.invalid>\nSubject: Hello\n\nHello\n";

fn can_log_in(server: &Mailbell, user: &str, password: &str) -> Result<bool> {
    Ok(Imap::connect(server.imap)?.command(&format!("LOGIN {user} {password}"))?.tagged.starts_with("OK"))
}

fn is_delivered(server: &Mailbell, recipient: &str) -> Result<bool> {
    match Lmtp::connect(server.lmtp)?.deliver(&[recipient], MESSAGE) {
        Ok(replies) => Ok(replies.iter().all(|reply| reply.starts_with("250"))),
        Err(error) if error.to_string().contains("550") => Ok(false),
        Err(error) => Err(error),
    }
}

#[test]
fn an_account_can_be_used_as_soon_as_it_is_made_and_no_longer_when_it_is_removed() -> Result<()> {
    let server = Mailbell::start(&["alice"], "")?;
    ensure!(!is_delivered(&server, "bob")?);
    let said = server
        .run_with_input(&["account", "add", "bob", "--quota", "1GiB", "--password-stdin"], "first\n")?;
    ensure!(said == "Made the account bob.\n", "{said}");
    ensure!(can_log_in(&server, "bob", "first")? && can_log_in(&server, "bob@localhost", "first")?);
    for recipient in ["bob", "bob@localhost"] {
        ensure!(is_delivered(&server, recipient)?, "{recipient}");
    }
    let error =
        server.run_with_input(&["account", "add", "bob", "--password-stdin"], "x\n").expect_err("there");
    ensure!(error.to_string().contains("bob exists already"), "{error}");

    server.run_with_input(&["account", "password", "bob", "--password-stdin"], "second\n")?;
    ensure!(can_log_in(&server, "bob", "second")? && !can_log_in(&server, "bob", "first")?);

    ensure!(!is_delivered(&server, "sales@example.org")?);
    server.run(&["account", "alias", "add", "bob", "sales@example.org"])?;
    ensure!(is_delivered(&server, "sales@example.org")?);
    let listed = server.run(&["account", "list", "--json"])?;
    let bob: serde_json::Value =
        listed.lines().map(serde_json::from_str).nth(1).context("two accounts")??;
    ensure!(
        bob["name"] == "bob" && bob["aliases"][0] == "sales@example.org" && bob["quota_bytes"] == 1 << 30,
        "{bob}"
    );
    server.run(&["account", "alias", "remove", "bob", "sales@example.org"])?;
    ensure!(!is_delivered(&server, "sales@example.org")?);

    let error = server.run(&["account", "remove", "bob"]).expect_err("not confirmed").to_string();
    ensure!(error.contains("say --yes"), "{error}");
    server.run(&["account", "remove", "bob", "--yes"])?;
    ensure!(!can_log_in(&server, "bob", "second")? && !is_delivered(&server, "bob")?);
    let error = server.run(&["account", "remove", "bob", "--yes"]).expect_err("gone").to_string();
    ensure!(error.contains("there is no account bob"), "{error}");
    Ok(())
}

#[test]
fn app_passwords_log_in_until_they_are_revoked() -> Result<()> {
    let server = Mailbell::start(&["alice"], "")?;
    let password = server.run(&["app-password", "add", "alice", "phone"])?;
    let password = password.trim();
    ensure!(password.len() == 39 && password.split('-').all(|group| group.len() == 4), "{password}");
    server.run_with_input(&["app-password", "add", "alice", "tablet", "--password-stdin"], "typed\n")?;
    for used in [password, "typed", PASSWORD] {
        ensure!(can_log_in(&server, "alice", used)?);
    }
    let listed = server.run(&["app-password", "list", "alice"])?;
    for name in ["main", "phone", "tablet"] {
        ensure!(listed.lines().any(|line| line.starts_with(name)), "{listed}");
    }
    server.run(&["app-password", "revoke", "alice", "phone"])?;
    ensure!(!can_log_in(&server, "alice", password)? && can_log_in(&server, "alice", "typed")?);
    for (label, wanted) in [("main", "is the main password"), ("phone", "has no password phone")] {
        let error = server.run(&["app-password", "revoke", "alice", label]).expect_err("refused").to_string();
        ensure!(error.contains(wanted), "{error}");
    }
    Ok(())
}

/// The key that GETVAPID answers.
fn told_key(server: &Mailbell) -> Result<String> {
    let untagged = Imap::login(server.imap, "alice", PASSWORD)?.ok("GETVAPID")?;
    let key = untagged.iter().find_map(|line| line.strip_prefix("* VAPID "));
    Ok(key.context("no VAPID response")?.trim_matches('"').to_owned())
}

#[test]
fn a_running_server_takes_up_a_rotated_vapid_key() -> Result<()> {
    let server = Mailbell::start(&["alice"], "")?;
    let first = server.run(&["vapid", "show"])?;
    ensure!(told_key(&server)? == first.trim());
    let second = server.run(&["vapid", "rotate"])?;
    ensure!(second != first);
    wait::until(|| (told_key(&server).ok()? == second.trim()).then_some(()))
        .context("the old key is told")?;
    let error = server.run(&["vapid", "rotate"]).expect_err("the first is still kept").to_string();
    ensure!(error.contains("mailbell vapid drop"), "{error}");
    server.run(&["vapid", "drop"])?;
    wait::until(|| server.log().contains("the old VAPID key is gone").then_some(()))
        .context("not dropped")?;
    ensure!(server.run(&["vapid", "drop"]).is_err() && server.run(&["vapid", "show"])? == second);
    Ok(())
}

#[test]
fn subscriptions_are_listed_without_their_endpoints_and_removed() -> Result<()> {
    // The user agent of RFC 8291, appendix A, at a push service that is not there, so that the token waits to be pushed.
    let [nobody] = free_ports()?;
    let server = Mailbell::start(&["alice"], "[push]\nallow_addresses = [\"127.0.0.0/8\"]\n")?;
    let mut client = Imap::login(server.imap, "alice", PASSWORD)?;
    client.ok(&format!(
        "WEBPUSH phone https://{nobody}/wpush/v2/secret-path \
         BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4 \
         BTBZMqHH6r4Tts7J_aSIgg"
    ))?;
    let listed = server.run(&["subscription", "list", "alice"])?;
    ensure!(listed.contains("phone") && listed.contains("pending"), "{listed}");
    ensure!(listed.contains(&format!("https://{nobody}")) && !listed.contains("secret-path"), "{listed}");
    let json = server.run(&["subscription", "list", "--json"])?;
    let json: serde_json::Value = serde_json::from_str(json.trim())?;
    ensure!(json["account"] == "alice" && json["id"] == "phone" && json["state"] == "pending", "{json}");

    server.run(&["subscription", "remove", "alice", "phone"])?;
    ensure!(server.run(&["subscription", "list"])?.is_empty());
    ensure!(client.ok("LWEBPUSH *")?.is_empty());
    let error = server.run(&["subscription", "remove", "alice", "phone"]).expect_err("gone").to_string();
    ensure!(error.contains("alice has no subscription phone"), "{error}");
    Ok(())
}
