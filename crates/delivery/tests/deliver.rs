//! Resolving and delivering over a real store.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test; its helpers stand outside of the test functions"
)]

use delivery::{Address, BodyType, Deliverer, Error, Incoming, Options, Peer, Protocol, Recipient, Trace};
use store::{
    AccountId, Delivered, EnvelopeAddress, Fate, MailboxName, NewAccount, NewSubmission, RecipientOutcome,
    Store, UnixTime, Vacation,
};

struct Fixture {
    store: Store,
    directory: tempfile::TempDir,
}

impl Fixture {
    async fn new(accounts: &[(&str, Option<u64>)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = store::Options { data_dir: directory.path().to_owned(), readers: 2 };
        let store = Store::open(options, bus::Bus::new()).await.unwrap();
        for &(name, quota_bytes) in accounts {
            store.create_account(NewAccount { name, password: "secret", quota_bytes }).await.unwrap();
        }
        Self { store, directory }
    }

    fn deliverer(&self, catch_all: Option<&str>) -> Deliverer {
        let options = Options {
            hostname: "host.example".into(),
            subaddress_separator: Some('+'),
            catch_all: catch_all.map(str::to_owned),
            spam_headers: vec![("X-Spam".into(), "Yes".into())],
            sends: true,
        };
        Deliverer::new(self.store.clone(), options)
    }

    async fn id(&self, name: &str) -> AccountId {
        self.store.account_named(name).await.unwrap().unwrap().id
    }

    async fn count(&self, account: AccountId, mailbox: &str) -> u32 {
        let access = self.store.system_access(account);
        self.store.mailbox_named(&access, &MailboxName::new(mailbox).unwrap()).await.unwrap().messages
    }
}

fn address(text: &str) -> Address {
    match text.rsplit_once('@') {
        Some((local_part, domain)) => Address { local_part: local_part.into(), domain: Some(domain.into()) },
        None => Address { local_part: text.into(), domain: None },
    }
}

fn incoming(content: &str) -> Incoming {
    incoming_from(Some(&address("sender@example.net")), content)
}

fn incoming_from(sender: Option<&Address>, content: &str) -> Incoming {
    let trace = Trace {
        reverse_path: sender,
        hostname: "host.example",
        client: "mx.example.net",
        peer: Peer::Tcp([192, 0, 2, 1].into()),
        protocol: Protocol::Lmtp,
        id: "1.1",
        received_at: UnixTime(1_795_363_200),
    };
    let mut incoming = Incoming::new(&trace, BodyType::Lines);
    incoming.push(content.as_bytes());
    incoming
}

fn inbox(account: AccountId) -> Recipient {
    Recipient { account, mailbox: None, quota_bytes: None }
}

fn modseqs(outcomes: &[Result<Delivered, Error>]) -> Vec<(u64, u64)> {
    outcomes
        .iter()
        .map(|outcome| outcome.as_ref().expect("delivered").changes)
        .map(|changes| (changes.account.0, changes.modseq.0))
        .collect()
}

#[tokio::test]
async fn addresses_find_their_account() {
    let fixture = Fixture::new(&[("alice", None), ("bob@example.org", None), ("rest", None)]).await;
    let alice = fixture.id("alice").await;
    fixture.store.add_alias(alice, "al").await.unwrap();
    fixture.store.add_alias(alice, "wonder@example.org").await.unwrap();
    fixture.store.add_alias(alice, "list+special").await.unwrap();
    for (text, expected) in [
        ("alice", Some("alice")),
        ("ALICE", Some("alice")),
        ("alice@host.example", Some("alice")),
        ("alice@HOST.EXAMPLE", Some("alice")),
        ("al@host.example", Some("alice")),
        ("wonder@example.org", Some("alice")),
        ("wonder+any@example.org", Some("alice")),
        ("list+special@host.example", Some("alice")),
        ("bob@example.org", Some("bob@example.org")),
        ("Bob+x@Example.ORG", Some("bob@example.org")),
        ("list", None),
        ("bob", None),
        ("bob@host.example", None),
        ("alice@example.org", None),
        ("bob@example.org@host.example", None),
        ("+alice", None),
        ("", None),
    ] {
        let strict = fixture.deliverer(None).resolve(&address(text), None).await;
        match expected {
            Some(name) => assert_eq!(strict.unwrap().account, fixture.id(name).await, "{text}"),
            None => assert!(matches!(strict, Err(Error::UnknownRecipient)), "{text}: {strict:?}"),
        }
        let caught = fixture.deliverer(Some("rest")).resolve(&address(text), None).await.unwrap();
        assert_eq!(caught.account, fixture.id(expected.unwrap_or("rest")).await, "{text} with a catch-all");
    }
}

#[tokio::test]
async fn a_detail_names_a_mailbox_exactly_or_without_regard_to_case() {
    let fixture = Fixture::new(&[("alice", None)]).await;
    let alice = fixture.id("alice").await;
    let access = fixture.store.system_access(alice);
    for name in ["Lists", "Lists/Rust", "lists", "Grüße"] {
        let made = fixture.store.create_mailbox(&access, &MailboxName::new(name).unwrap(), None).await;
        assert_eq!(made.unwrap().1.account, alice);
    }
    for (text, mailbox) in [
        ("alice+Lists", Some("Lists")),
        ("alice+lists", Some("lists")),
        ("alice+lists/RUST", Some("Lists/Rust")),
        ("alice+GRÜSSE", None),
        ("alice+GRÜßE", Some("Grüße")),
        ("alice+inbox", Some("INBOX")),
        ("alice+Lists+x", None),
        ("alice+", None),
        ("alice+/", None),
        ("alice+missing", None),
    ] {
        let recipient = fixture.deliverer(None).resolve(&address(text), None).await.unwrap();
        assert_eq!(recipient.mailbox.as_ref().map(MailboxName::as_str), mailbox, "{text}");
    }
}

#[tokio::test]
async fn a_full_account_is_refused_before_content_is_sent() {
    let fixture = Fixture::new(&[("alice", Some(1000))]).await;
    let deliverer = fixture.deliverer(None);
    let resolve = async |declared| deliverer.resolve(&address("alice"), declared).await;
    assert!(resolve(None).await.is_ok());
    assert!(resolve(Some(1000)).await.is_ok());
    assert!(matches!(resolve(Some(1001)).await, Err(Error::LargerThanQuota)));
    let recipient = resolve(None).await.unwrap();
    let content = format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(600));
    assert!(deliverer.deliver(std::slice::from_ref(&recipient), incoming(&content)).await[0].is_ok());
    assert!(matches!(resolve(Some(900)).await, Err(Error::OverQuota)));
    let outcomes = deliverer.deliver(&[recipient], incoming(&content)).await;
    assert!(matches!(outcomes[0], Err(Error::OverQuota)), "{outcomes:?}");
}

#[tokio::test]
async fn everybody_gets_one_copy_of_the_same_octets_and_an_outcome_of_his_own() {
    let fixture = Fixture::new(&[("alice", None), ("bob", Some(100)), ("carol", None)]).await;
    let (alice, bob, carol) = (fixture.id("alice").await, fixture.id("bob").await, fixture.id("carol").await);
    let full = Recipient { quota_bytes: Some(100), ..inbox(bob) };
    let gone = inbox(AccountId(4711));
    let recipients = [inbox(alice), full, inbox(carol), inbox(alice), gone];
    let outcomes = fixture.deliverer(None).deliver(&recipients, incoming("Subject: x\n\nbody\n")).await;
    assert!(matches!(outcomes[1], Err(Error::LargerThanQuota)), "{outcomes:?}");
    assert!(matches!(outcomes[4], Err(Error::UnknownRecipient)), "{outcomes:?}");
    let placed: Vec<_> =
        [0, 2, 3].map(|index| outcomes[index].as_ref().unwrap().placed).into_iter().collect();
    assert_eq!(placed[0], placed[2], "the same copy");
    assert_eq!((fixture.count(alice, "INBOX").await, fixture.count(carol, "INBOX").await), (1, 1));
    let expected = "Return-Path: <sender@example.net>\r\nReceived: from mx.example.net ([192.0.2.1])\r\n\
        \tby host.example with LMTP id 1.1;\r\n\tSun, 22 Nov 2026 16:00:00 +0000\r\nSubject: x\r\n\r\nbody\r\n";
    for (account, placed) in [(alice, placed[0]), (carol, placed[1])] {
        let raw = fixture.store.raw(&fixture.store.system_access(account), placed.message).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&raw), expected);
    }
}

#[tokio::test]
async fn spam_goes_to_junk_and_a_mailbox_that_is_gone_becomes_inbox() {
    let fixture = Fixture::new(&[("alice", None)]).await;
    let alice = fixture.id("alice").await;
    let lists = Recipient { mailbox: Some(MailboxName::new("Lists").unwrap()), ..inbox(alice) };
    let deliverer = fixture.deliverer(None);
    let spam = deliverer.deliver(std::slice::from_ref(&lists), incoming("X-Spam: Yes\r\n\r\n")).await;
    let ham = deliverer.deliver(&[lists], incoming("X-Spam: No\r\n\r\n")).await;
    assert_eq!(modseqs(&spam).len() + modseqs(&ham).len(), 2);
    assert_eq!((fixture.count(alice, "Junk").await, fixture.count(alice, "INBOX").await), (1, 1));
}

#[tokio::test]
async fn a_large_message_is_parsed_elsewhere_and_stored_the_same() {
    let fixture = Fixture::new(&[("alice", None)]).await;
    let alice = fixture.id("alice").await;
    let content = format!("Subject: large\n\n{}", "line\n".repeat(100_000));
    let outcomes = fixture.deliverer(None).deliver(&[inbox(alice)], incoming(&content)).await;
    let placed = outcomes[0].as_ref().unwrap().placed;
    let raw = fixture.store.raw(&fixture.store.system_access(alice), placed.message).await.unwrap();
    let expected = format!("\r\nSubject: large\r\n\r\n{}", "line\r\n".repeat(100_000));
    assert!(raw.ends_with(expected.as_bytes()), "{} octets", raw.len());
}

#[tokio::test]
async fn a_store_that_is_closed_is_unavailable_to_every_recipient() {
    let fixture = Fixture::new(&[("alice", None)]).await;
    let alice = fixture.id("alice").await;
    let deliverer = fixture.deliverer(None);
    fixture.store.close().await.unwrap();
    let resolved = deliverer.resolve(&address("alice"), None).await;
    assert_eq!(resolved.unwrap_err().class(), delivery::Class::Unavailable);
    for outcome in deliverer.deliver(&[inbox(alice), inbox(alice)], incoming("\r\n")).await {
        assert_eq!(outcome.unwrap_err().class(), delivery::Class::Unavailable);
    }
    drop(fixture.directory);
}

#[tokio::test]
async fn whoever_writes_to_somebody_away_gets_one_reply_and_spam_gets_none() {
    let fixture = Fixture::new(&[("alice", None), ("bob", None)]).await;
    let (alice, bob) = (fixture.id("alice").await, fixture.id("bob").await);
    let away = Vacation { is_enabled: true, ..Vacation::default() };
    fixture.store.set_vacation(&fixture.store.system_access(alice), away).await.unwrap();
    let letter = "From: x@example.net\r\nTo: alice@host.example, bob@host.example\r\nSubject: hi\r\n\r\n";
    let list = format!("List-Id: <people.example.net>\r\n{letter}");
    for content in [&format!("X-Spam: Yes\r\n{letter}"), &list, letter, letter] {
        let outcomes = fixture.deliverer(None).deliver(&[inbox(alice), inbox(bob)], incoming(content)).await;
        assert_eq!(modseqs(&outcomes).len(), 2);
    }
    let queued = fixture.store.due_submissions(UnixTime(i64::MAX), Vec::new(), 10).await.unwrap();
    assert_eq!(queued.len(), 1, "{queued:?}");
    assert_eq!((queued[0].account, queued[0].mail_from.email.as_str()), (alice, ""));
    assert_eq!(queued[0].recipients[0].address.email, "sender@example.net");
    let reply = fixture.store.submission_content(queued[0].id).await.unwrap();
    let reply = String::from_utf8_lossy(&reply);
    assert!(reply.contains("Subject: Auto: hi\r\n") && reply.contains("<alice@host.example>"), "{reply}");
}

#[tokio::test]
async fn a_report_is_noted_on_the_submission_that_it_is_about() {
    let fixture = Fixture::new(&[("alice", None)]).await;
    let alice = fixture.id("alice").await;
    let access = fixture.store.system_access(alice);
    let sent = fixture.deliverer(None).deliver(&[inbox(alice)], incoming("Subject: x\r\n\r\n")).await;
    let identity = fixture.store.identities(&access, vec!["alice@host.example".into()]).await.unwrap()[0].id;
    let envelope = |email: &str| EnvelopeAddress { email: email.into(), parameters: None };
    let new = NewSubmission {
        identity,
        email: sent[0].as_ref().unwrap().placed.message,
        header_message_id: "1@host.example".into(),
        mail_from: envelope("alice@host.example"),
        recipients: vec![envelope("bob@example.net")],
        send_at: UnixTime(0),
        envelope_id: "e1".into(),
        waiting_max: 10,
    };
    let made = fixture.store.create_submission(&access, new).await.unwrap().id;
    let relayed = RecipientOutcome { position: 0, fate: Fate::Relayed, reply: None };
    fixture.store.settle_submission(made, vec![relayed], UnixTime(0)).await.unwrap();
    let report = "From: <mailer@example.net>\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\
        \r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nOriginal-Envelope-Id: e1\r\n\r\n\
        Final-Recipient: rfc822; bob@example.net\r\nAction: failed\r\nDiagnostic-Code: smtp; 550 no\r\n\r\n--b--\r\n";
    for (sender, fate) in [(Some(address("x@example.net")), Fate::Relayed), (None, Fate::Failed)] {
        let outcomes =
            fixture.deliverer(None).deliver(&[inbox(alice)], incoming_from(sender.as_ref(), report)).await;
        let now = fixture.store.submission(&access, made).await.unwrap();
        assert_eq!(now.recipients[0].fate, fate, "only the null reverse-path reports");
        let email = outcomes[0].as_ref().unwrap().placed.message;
        assert_eq!(now.dsn.contains(&email), fate == Fate::Failed);
    }
    let now = fixture.store.submission(&access, made).await.unwrap();
    assert_eq!(now.recipients[0].reply, "550 no");
}
