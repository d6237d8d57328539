//! A real Firefox uses the push service of the real binary as its push server (RFC 8030, RFC 8291, RFC 8292), and
//! programs that others wrote post to it.
//!
//! Each start of Firefox takes seconds, so each test goes through many cases with one. All together take less than 90
//! seconds on a machine with two cores.

mod authority;
mod broadcasts;
mod browser;
mod jmap;
mod senders;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testkit::imap::Imap;
use testkit::lmtp::Lmtp;
use testkit::server::{Mailbell, PASSWORD};
use webpush::vapid::key::SigningKey;

use crate::authority::Authority;
use crate::browser::{Firefox, Programs};
use crate::senders::{Push, Sender};

/// A push service without TLS, and Firefox with a subscription that anybody may post to and one for `key` alone.
struct Stage {
    programs: Programs,
    firefox: Firefox,
    key: SigningKey,
    open: Value,
    restricted: Value,
    _server: Mailbell,
}

impl Stage {
    fn set(test: &str) -> Result<Option<Self>> {
        let Some(programs) = Programs::find(test)? else { return Ok(None) };
        let server = Mailbell::start(&[], "\n[push_service]\npublic_url = \"http://localhost:PUSH_PORT\"\n")?;
        let url = format!("ws://localhost:{}/", server.push.port());
        let mut firefox = programs.firefox(server.directory.path(), &url, None)?;
        let key = SigningKey::generate()?;
        let open = firefox.run("subscribe('/open/')")?;
        let restricted =
            firefox.run(&format!("subscribe('/restricted/', '{}')", key.public_key().to_base64url()))?;
        Ok(Some(Self { programs, firefox, key, open, restricted, _server: server }))
    }

    fn send(&self, sender: Sender, pushes: Vec<Push>) -> Result<Vec<u64>> {
        sender.send(&self.programs, None, pushes)
    }

    /// In any order: Firefox decrypts several pushes at once.
    fn receives(&mut self, expected: &[(&str, Option<&str>)]) -> Result<()> {
        let received = self.firefox.receive(expected.len())?;
        let mut received: Vec<_> =
            received.iter().map(|(scope, text)| (scope.as_str(), text.as_deref())).collect();
        let mut expected = expected.to_vec();
        received.sort_unstable();
        expected.sort_unstable();
        ensure!(received == expected, "received {received:?} and not {expected:?}");
        Ok(())
    }
}

#[test]
fn a_page_subscribes_receives_and_unsubscribes() -> Result<()> {
    let Some(mut stage) = Stage::set("a_page_subscribes_receives_and_unsubscribes")? else { return Ok(()) };
    pushes_arrive_decrypted_from_both_senders(&mut stage)?;
    a_restricted_subscription_takes_only_what_its_key_has_signed(&mut stage)?;
    a_page_of_another_origin_sends(&mut stage)?;
    what_waited_while_firefox_was_away_arrives_once(&mut stage)?;
    an_unsubscribed_endpoint_is_gone(&mut stage)
}

// RFC 8291, and draft-ietf-webpush-encryption-04 (aesgcm)
fn pushes_arrive_decrypted_from_both_senders(stage: &mut Stage) -> Result<()> {
    let long = "ä".repeat(1900);
    for sender in [Sender::Pywebpush, Sender::WebPush] {
        let pushes = vec![
            Push::new(&stage.open, "Grüße"),
            Push::new(&stage.open, "of a draft").with("encoding", "aesgcm"),
            Push::new(&stage.open, &long).with("Urgency", "high"),
            Push::new(&stage.open, "now or never").with("TTL", 0),
            Push::new(&stage.open, ""),
            Push::new(&stage.open, "signed").signed(&stage.key)?,
            Push::new(&stage.restricted, "Grüße").signed(&stage.key)?,
            Push::new(&stage.restricted, &long).signed(&stage.key)?,
        ];
        let statuses = stage.send(sender, pushes)?;
        ensure!(statuses == [201; 8], "{sender:?}: {statuses:?}");
        let (open, restricted) = ("/open/", "/restricted/");
        stage.receives(&[
            (open, Some("Grüße")),
            (open, Some("of a draft")),
            (open, Some(&long)),
            (open, Some("now or never")),
            (open, None),
            (open, Some("signed")),
            (restricted, Some("Grüße")),
            (restricted, Some(&long)),
        ])?;
    }
    Ok(())
}

// RFC 8292 §4.2
fn a_restricted_subscription_takes_only_what_its_key_has_signed(stage: &mut Stage) -> Result<()> {
    let other = SigningKey::generate()?;
    for sender in [Sender::Pywebpush, Sender::WebPush] {
        let pushes = vec![
            Push::new(&stage.restricted, "not signed"),
            Push::new(&stage.restricted, "signed by another").signed(&other)?,
            Push::new(&stage.restricted, "signed").signed(&stage.key)?,
        ];
        let statuses = stage.send(sender, pushes)?;
        ensure!(statuses == [401, 403, 201], "{sender:?}: {statuses:?}");
        stage.receives(&[("/restricted/", Some("signed"))])?;
    }
    Ok(())
}

// Fetch §3.2 (CORS), RFC 8292 §2, §3
fn a_page_of_another_origin_sends(stage: &mut Stage) -> Result<()> {
    let firefox = &mut stage.firefox;
    let sent = firefox.run(
        "(async () => {
            const server = await application_server();
            const { endpoint } = await subscribe('/page/', server.key);
            const authorization = await server.authorization(endpoint);
            const headers = { TTL: '60', Urgency: 'high', Topic: 'page', Authorization: authorization };
            const signed = await post(endpoint, headers);
            const unsigned = await post(endpoint, { TTL: '60' });
            return {
                signed: [signed.status, signed.ttl, new URL(signed.location).pathname.slice(0, 3)],
                unsigned: [unsigned.status, unsigned.authenticate, unsigned.text.includes('RFC 8292')],
                simple: (await post(endpoint, {})).status,
                discovered: await send('GET', endpoint),
                forged: await send('DELETE', new URL('/m/forged', endpoint)),
            };
        })()",
    )?;
    let expected = json!({
        "signed": [201, "60", "/m/"],
        "unsigned": [401, "vapid", true],
        "simple": 400,
        "discovered": 200,
        "forged": 404,
    });
    ensure!(sent == expected, "{sent}");
    stage.receives(&[("/page/", None)])
}

// RFC 8030 §5.2, §5.4
fn what_waited_while_firefox_was_away_arrives_once(stage: &mut Stage) -> Result<()> {
    stage.firefox.stop()?;
    let topic = |text| Push::new(&stage.open, text).with("Topic", "news");
    let pushes = vec![
        Push::new(&stage.open, "plain"),
        topic("first"),
        topic("second"),
        topic("last"),
        Push::new(&stage.open, "now or never").with("TTL", 0),
    ];
    ensure!(stage.send(Sender::WebPush, pushes)? == [201; 5]);
    stage.firefox.start()?;
    stage.receives(&[("/open/", Some("plain")), ("/open/", Some("last"))])?;
    // Messages come in order, so this one would be behind anything that came twice or too much.
    ensure!(stage.send(Sender::Pywebpush, vec![Push::new(&stage.open, "afterwards")])? == [201]);
    stage.receives(&[("/open/", Some("afterwards"))])
}

// RFC 8030 §7.3
fn an_unsubscribed_endpoint_is_gone(stage: &mut Stage) -> Result<()> {
    ensure!(stage.firefox.run("unsubscribe('/open/')")? == true);
    for sender in [Sender::Pywebpush, Sender::WebPush] {
        let pushes = vec![
            Push::new(&stage.open, "too late"),
            Push::new(&stage.restricted, "in time").signed(&stage.key)?,
        ];
        let statuses = stage.send(sender, pushes)?;
        ensure!(statuses == [410, 201], "{sender:?}: {statuses:?}");
        stage.receives(&[("/restricted/", Some("in time"))])?;
    }
    Ok(())
}

#[test]
fn mail_reaches_a_page_over_wss_with_our_own_authority() -> Result<()> {
    let Some(programs) = Programs::find("mail_reaches_a_page_over_wss_with_our_own_authority")? else {
        return Ok(());
    };
    let authority = Authority::new()?;
    let server = Mailbell::start(&["alice"], &authority.settings())?;
    let url = format!("wss://localhost:{}/", server.push.port());
    let mut firefox = programs.firefox(server.directory.path(), &url, Some(&authority.certificate()))?;
    both_senders_post_over_tls(&programs, &mut firefox, &authority)?;

    let mut imap = Imap::login(server.imap, "alice", PASSWORD)?;
    let vapid = imap.ok("GETVAPID")?.concat();
    let vapid = vapid.strip_prefix("* VAPID ").context("no key")?;
    let subscription = firefox.run(&format!("subscribe('/mail/', '{vapid}')"))?;
    let [endpoint, key, secret] = ["/endpoint", "/keys/p256dh", "/keys/auth"]
        .map(|path| subscription.pointer(path).and_then(Value::as_str).unwrap_or_default());
    imap.ok(&format!("WEBPUSH firefox {endpoint} {key} {secret}"))?;
    let token = pushed(&mut firefox)?;
    ensure!(token.starts_with("* ACKWEBPUSH "), "{token}");
    imap.ok(token.trim_start_matches("* ").trim_end())?;

    let message = "From: A Sender <sender@test.invalid>\nSubject: Lunch?\n\nAt noon, as always.\n";
    Lmtp::connect(server.lmtp)?.deliver(&["alice"], message)?;
    let push = pushed(&mut firefox)?;
    ensure!(push.starts_with("* SELECT INBOX\r\n* 1 UIDFETCH ("), "{push}");
    ensure!(push.contains("\"Lunch?\"") && push.contains("At noon, as always."), "{push}");
    Ok(())
}

fn pushed(firefox: &mut Firefox) -> Result<String> {
    let (scope, text) = firefox.receive(1)?.pop().context("nothing")?;
    ensure!(scope == "/mail/", "{scope}");
    text.context("an empty push")
}

fn both_senders_post_over_tls(
    programs: &Programs,
    firefox: &mut Firefox,
    authority: &Authority,
) -> Result<()> {
    let key = SigningKey::generate()?;
    let subscription = firefox.run(&format!("subscribe('/tls/', '{}')", key.public_key().to_base64url()))?;
    for sender in [Sender::Pywebpush, Sender::WebPush] {
        let pushes =
            vec![Push::new(&subscription, "over TLS").signed(&key)?, Push::new(&subscription, "not signed")];
        let statuses = sender.send(programs, Some(&authority.certificate()), pushes)?;
        ensure!(statuses == [201, 401], "{sender:?}: {statuses:?}");
        ensure!(firefox.receive(1)? == [("/tls/".to_owned(), Some("over TLS".to_owned()))]);
    }
    Ok(())
}
