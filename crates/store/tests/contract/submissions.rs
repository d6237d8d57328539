use store::{
    Access, EnvelopeAddress, Error, Fate, Identity, IdentityId, IdentityText, MessageId, ModSeq,
    NamedAddress, NewSubmission, ObjectKind, QueuedSubmission, RecipientOutcome, Report, Said, Store,
    Submission, Undo, UnixTime, Vacation, VacationReply,
};

use crate::home::Home;

const LATER: UnixTime = UnixTime(5_000_000_000);

fn address(email: &str) -> EnvelopeAddress {
    EnvelopeAddress { email: email.to_owned(), parameters: None }
}

fn new(identity: IdentityId, email: MessageId, recipients: &[&str]) -> NewSubmission {
    NewSubmission {
        identity,
        email,
        header_message_id: "1@a.test".to_owned(),
        mail_from: EnvelopeAddress {
            email: "alice@a.test".to_owned(),
            parameters: Some(vec![
                ("RET".to_owned(), Some("HDRS".to_owned())),
                ("SMTPUTF8".to_owned(), None),
            ]),
        },
        recipients: recipients.iter().map(|email| address(email)).collect(),
        send_at: UnixTime(1000),
        envelope_id: "e1".to_owned(),
        waiting_max: 3,
    }
}

async fn identity(store: &Store, alice: &Access) -> Identity {
    store.identities(alice, vec!["alice@a.test".to_owned()]).await.unwrap().remove(0)
}

/// An account whose message is on its way to these.
async fn sending(home: &Home, recipients: &[&str]) -> (Access, Submission) {
    let alice = home.access("alice").await;
    let email = home.append(&alice, "Drafts", "Subject: one\r\n\r\nHello\r\n").await.placed.message;
    let identity = identity(&home.store, &alice).await.id;
    let made = home.store.create_submission(&alice, new(identity, email, recipients)).await.unwrap();
    (alice, made)
}

async fn due(store: &Store) -> Vec<QueuedSubmission> {
    store.due_submissions(UnixTime(4_000_000_000), Vec::new(), 10).await.unwrap()
}

fn outcome(position: u32, fate: Fate, reply: &str) -> RecipientOutcome {
    RecipientOutcome { position, fate, reply: Some(reply.to_owned()) }
}

fn fates(submission: &Submission) -> Vec<Fate> {
    submission.recipients.iter().map(|recipient| recipient.fate).collect()
}

async fn check(home: &Home) {
    assert_eq!(home.store.check().await.unwrap().problems, [""; 0]);
}

#[tokio::test]
async fn a_submission_waits_until_each_recipient_has_its_fate() {
    let home = Home::new().await;
    let (alice, made) = sending(&home, &["b@b.test", "c@c.test", "d@d.test"]).await;
    assert_eq!((made.undo, made.send_at), (Undo::Pending, UnixTime(1000)));
    check(&home).await;
    let queued = due(&home.store).await.remove(0);
    assert_eq!((queued.id, queued.recipients.len(), queued.attempts), (made.id, 3, 0));
    assert_eq!(queued.mail_from, made.mail_from);
    assert_eq!(home.store.submission_content(made.id).await.unwrap(), "Subject: one\r\n\r\nHello\r\n");

    let first = [
        outcome(0, Fate::InDoubt, "250 b"),
        outcome(1, Fate::Queued, "450 c"),
        outcome(2, Fate::Failed, "550 d"),
    ];
    assert!(home.store.commit_submission(made.id, first.to_vec()).await.unwrap());
    let relayed = vec![RecipientOutcome { position: 0, fate: Fate::Relayed, reply: None }];
    home.store.settle_submission(made.id, relayed, UnixTime(2000)).await.unwrap();
    let now = home.store.submission(&alice, made.id).await.unwrap();
    assert_eq!(fates(&now), [Fate::Relayed, Fate::Queued, Fate::Failed]);
    let replies: Vec<&str> = now.recipients.iter().map(|recipient| recipient.reply.as_str()).collect();
    assert_eq!((now.undo, replies), (Undo::Final, vec!["250 b", "450 c", "550 d"]));

    assert!(home.store.due_submissions(UnixTime(1999), Vec::new(), 10).await.unwrap().is_empty());
    assert_eq!(home.store.submission_queue(UnixTime(0)).await.unwrap(), (Some(UnixTime(2000)), 1));
    let again = due(&home.store).await.remove(0);
    assert_eq!((again.attempts, again.recipients.len(), again.recipients[0].position), (1, 1, 1));
    assert!(home.store.due_submissions(LATER, vec![made.id], 10).await.unwrap().is_empty());
    home.store.settle_submission(made.id, vec![outcome(1, Fate::Failed, "550 c")], LATER).await.unwrap();
    assert!(due(&home.store).await.is_empty());
    assert!(matches!(home.store.submission_content(made.id).await, Err(Error::NotFound(_))));
    check(&home).await;
}

#[tokio::test]
async fn a_canceled_submission_is_never_committed_and_a_committed_one_never_canceled() {
    let home = Home::new().await;
    let (alice, made) = sending(&home, &["b@b.test"]).await;
    home.store.cancel_submission(&alice, made.id).await.unwrap();
    home.store.cancel_submission(&alice, made.id).await.unwrap();
    let doubt = vec![outcome(0, Fate::InDoubt, "250 b")];
    assert!(!home.store.commit_submission(made.id, doubt.clone()).await.unwrap());
    home.store.settle_submission(made.id, vec![outcome(0, Fate::Queued, "450")], LATER).await.unwrap();
    let now = home.store.submission(&alice, made.id).await.unwrap();
    assert_eq!((now.undo, fates(&now)), (Undo::Canceled, vec![Fate::Failed]));
    assert!(due(&home.store).await.is_empty());

    let other =
        home.store.create_submission(&alice, new(made.identity, made.email, &["b@b.test"])).await.unwrap();
    assert!(home.store.commit_submission(other.id, doubt).await.unwrap());
    let refused = home.store.cancel_submission(&alice, other.id).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    check(&home).await;
}

#[tokio::test]
async fn what_was_in_doubt_when_the_server_ended_is_not_sent_again() {
    let home = Home::new().await;
    let (alice, made) = sending(&home, &["b@b.test", "c@c.test"]).await;
    let said = vec![outcome(0, Fate::InDoubt, "250 b"), outcome(1, Fate::Queued, "450 c")];
    assert!(home.store.commit_submission(made.id, said).await.unwrap());
    let after = home.beside().await;
    let found = after.resolve_submissions_in_doubt("451 4.4.2 nobody knows".to_owned()).await.unwrap();
    assert_eq!(found, [(alice.owner(), made.id)]);
    let now = after.submission(&alice, made.id).await.unwrap();
    assert_eq!(fates(&now), [Fate::Relayed, Fate::Queued]);
    assert_eq!(now.recipients[0].reply, "451 4.4.2 nobody knows");
    assert_eq!(due(&after).await[0].recipients[0].position, 1, "the other one is tried again");
    assert!(after.resolve_submissions_in_doubt(String::new()).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_waits_goes_on_without_its_email_and_its_record() {
    let home = Home::new().await;
    let (alice, made) = sending(&home, &["b@b.test"]).await;
    let _ = home.store.destroy_emails(&alice, vec![made.email]).await.remove(0).unwrap();
    home.store.destroy_submission(&alice, made.id).await.unwrap();
    assert!(matches!(home.store.submission(&alice, made.id).await, Err(Error::NotFound(_))));
    check(&home).await;
    assert_eq!(due(&home.store).await[0].id, made.id);
    assert_eq!(home.store.submission_content(made.id).await.unwrap(), "Subject: one\r\n\r\nHello\r\n");
    home.store.settle_submission(made.id, vec![outcome(0, Fate::Relayed, "250")], LATER).await.unwrap();
    assert_eq!(home.store.submission_queue(UnixTime(0)).await.unwrap(), (None, 0));
    check(&home).await;
}

#[tokio::test]
async fn only_what_is_ones_own_is_sent_and_not_too_much_of_it() {
    let home = Home::new().await;
    let (alice, made) = sending(&home, &["b@b.test"]).await;
    let bob = home.access("bob").await;
    let theirs = home.store.identities(&bob, vec!["bob@a.test".to_owned()]).await.unwrap()[0].id;
    let submit = async |access: &Access, new| home.store.create_submission(access, new).await;
    let of = |identity, recipients: &[&str]| new(identity, made.email, recipients);
    assert!(matches!(submit(&bob, of(theirs, &["b@b.test"])).await, Err(Error::NotFound("message"))));
    assert!(matches!(submit(&alice, of(theirs, &["b@b.test"])).await, Err(Error::NotFound("identity"))));
    assert!(matches!(submit(&alice, of(made.identity, &[])).await, Err(Error::Invalid { .. })));
    assert!(matches!(submit(&alice, of(made.identity, &["b\tc"])).await, Err(Error::Invalid { .. })));
    for _ in 0..2 {
        submit(&alice, of(made.identity, &["b@b.test"])).await.unwrap();
    }
    assert!(matches!(submit(&alice, of(made.identity, &["b@b.test"])).await, Err(Error::Limit(_))));
    assert!(matches!(home.store.submission(&bob, made.id).await, Err(Error::NotFound(_))));
    assert!(matches!(home.store.cancel_submission(&bob, made.id).await, Err(Error::NotFound(_))));
    assert_eq!(home.store.submissions(&bob).await.unwrap(), []);
}

#[tokio::test]
async fn changes_of_submissions_have_a_state_of_their_own() {
    let home = Home::new().await;
    let (alice, made) = sending(&home, &["b@b.test"]).await;
    let state = async || home.store.type_states(&alice).await.unwrap().submission;
    let since = async |since| home.store.object_changes(&alice, ObjectKind::Submission, since).await.unwrap();
    let first = state().await;
    home.append(&alice, "INBOX", "Subject: other\r\n\r\n").await;
    assert_eq!(state().await, first, "mail is no change of a submission");
    home.store.settle_submission(made.id, vec![outcome(0, Fate::Queued, "450")], LATER).await.unwrap();
    let (changes, complete) = since(first).await;
    assert!(complete && changes.len() == 1 && changes[0].is_there && changes[0].created <= first);
    home.store.destroy_submission(&alice, made.id).await.unwrap();
    let (changes, _) = since(first).await;
    assert_eq!((changes.len(), changes[0].id, changes[0].is_there), (1, made.id.0, false));
    assert_eq!(changes[0].modseq, state().await);
    assert_eq!(since(ModSeq(0)).await.0.len(), 1);
}

#[tokio::test]
async fn identities_come_and_go_with_the_addresses_of_the_account() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let of = async |addresses: &[&str]| {
        let addresses = addresses.iter().map(|one| (*one).to_owned()).collect();
        home.store.identities(&alice, addresses).await.unwrap()
    };
    let first = of(&["alice@a.test"]).await;
    assert_eq!((first.len(), first[0].is_own), (1, true));
    assert_eq!(of(&["ALICE@a.test"]).await, first, "case is no change");
    let text = IdentityText {
        name: "Alice".to_owned(),
        reply_to: Some(vec![NamedAddress { name: Some("Alice B".to_owned()), email: "x@b.test".to_owned() }]),
        bcc: Some(Vec::new()),
        text_signature: "-- \nAlice".to_owned(),
        html_signature: String::new(),
    };
    home.store.update_identity(&alice, first[0].id, text.clone()).await.unwrap();
    let made = home.store.create_identity(&alice, "sales@a.test".to_owned(), text.clone()).await.unwrap();
    let both = of(&["alice@a.test", "sales@a.test"]).await;
    assert_eq!(both.iter().map(|one| one.is_own).collect::<Vec<_>>(), [true, false, true]);
    assert!(both.iter().take(2).all(|one| one.text == text), "{both:?}");
    let before = home.store.type_states(&alice).await.unwrap().identity;
    let left = of(&["sales@a.test"]).await;
    assert_eq!(left.iter().map(|one| one.email.as_str()).collect::<Vec<_>>(), ["sales@a.test"; 2]);
    let (changes, _) = home.store.object_changes(&alice, ObjectKind::Identity, before).await.unwrap();
    assert_eq!((changes.len(), changes[0].id, changes[0].is_there), (1, first[0].id.0, false));
    assert!(matches!(home.store.destroy_identity(&alice, left[1].id).await, Err(Error::Forbidden(_))));
    home.store.destroy_identity(&alice, made).await.unwrap();
    let bad = IdentityText { name: "a\nb".to_owned(), ..IdentityText::default() };
    assert!(matches!(home.store.update_identity(&alice, left[1].id, bad).await, Err(Error::Invalid { .. })));
}

#[tokio::test]
async fn a_reply_goes_once_to_each_and_again_when_it_has_changed() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let reply = async |to: &str| {
        let content = bytes::Bytes::from_static(b"Subject: away\r\n\r\n");
        let reply = VacationReply { to: to.to_owned(), content, unless_after: UnixTime(0) };
        home.store.queue_vacation_reply(alice.owner(), reply).await.unwrap()
    };
    assert!(!home.store.may_be_away(alice.owner()).await.unwrap());
    assert!(!reply("b@b.test").await, "nothing is set");
    let mut vacation = Vacation { is_enabled: true, ..Vacation::default() };
    home.store.set_vacation(&alice, vacation.clone()).await.unwrap();
    assert!(home.store.may_be_away(alice.owner()).await.unwrap());
    assert_eq!(
        [reply("b@b.test").await, reply("B@b.test").await, reply("c@c.test").await],
        [true, false, true]
    );
    home.store.set_vacation(&alice, vacation.clone()).await.unwrap();
    assert!(!reply("b@b.test").await, "nothing has changed");
    vacation.subject = Some("other".to_owned());
    home.store.set_vacation(&alice, vacation.clone()).await.unwrap();
    assert!(reply("b@b.test").await);
    let queued = due(&home.store).await;
    assert_eq!((queued.len(), queued[0].mail_from.email.as_str()), (3, ""));
    assert_eq!(home.store.submissions(&alice).await.unwrap(), [], "replies are no objects");
    check(&home).await;
    for queued in queued {
        home.store.settle_submission(queued.id, vec![outcome(0, Fate::Relayed, "250")], LATER).await.unwrap();
    }
    assert_eq!(home.store.submission_queue(UnixTime(0)).await.unwrap(), (None, 0));
    for off in [
        Vacation { to: Some(UnixTime(1)), ..vacation.clone() },
        Vacation { from: Some(LATER), ..vacation.clone() },
        Vacation { is_enabled: false, ..vacation },
    ] {
        home.store.set_vacation(&alice, off).await.unwrap();
        assert!(!reply("d@d.test").await);
    }
    assert!(!home.store.may_be_away(alice.owner()).await.unwrap());
    check(&home).await;
}

#[tokio::test]
async fn reports_change_only_what_is_relayed_and_are_listed() {
    let home = Home::new().await;
    let (alice, made) = sending(&home, &["b@b.test", "c@c.test"]).await;
    let note = async |envelope: Option<&str>, message: Option<&str>, said: Said| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let report =
            Report { email: MessageId(7), envelope_id: owned(envelope), message_id: owned(message), said };
        home.store.note_report(alice.owner(), report).await.unwrap()
    };
    let failed = |email: &str| {
        Said::Delivery(vec![(email.to_owned(), Some(Fate::Failed), Some("550 5.1.1 no".to_owned()))])
    };
    assert!(note(Some("e1"), None, failed("b@b.test")).await);
    let relayed = vec![outcome(0, Fate::Relayed, "250 b"), outcome(1, Fate::Relayed, "250 c")];
    assert_eq!(
        fates(&home.store.submission(&alice, made.id).await.unwrap()),
        [Fate::Queued; 2],
        "it waits still"
    );
    home.store.settle_submission(made.id, relayed, LATER).await.unwrap();
    assert!(!note(Some("e2"), Some("2@a.test"), failed("b@b.test")).await, "of something else");
    assert!(note(None, Some("1@a.test"), failed("B@b.test")).await);
    assert!(note(None, Some("1@a.test"), Said::Displayed("c@c.test".to_owned())).await);
    assert!(
        note(Some("e1"), None, Said::Delivery(vec![("c@c.test".to_owned(), Some(Fate::Delivered), None)]))
            .await
    );
    let now = home.store.submission(&alice, made.id).await.unwrap();
    assert_eq!(fates(&now), [Fate::Failed, Fate::Delivered]);
    assert_eq!(now.recipients[0].reply, "550 5.1.1 no");
    assert_eq!(now.recipients.iter().map(|one| one.is_displayed).collect::<Vec<_>>(), [false, true]);
    assert_eq!((now.dsn.len(), now.mdn), (3, vec![MessageId(7)]));
    check(&home).await;
}

#[tokio::test]
async fn nothing_that_waited_is_sent_from_a_restored_backup() {
    let home = Home::new().await;
    let (alice, made) = sending(&home, &["b@b.test", "c@c.test"]).await;
    let (backup, restored) = (home.directory.path().join("backup"), home.directory.path().join("restored"));
    home.store.backup(backup.clone()).await.unwrap();
    store::restore(backup, restored.clone()).await.unwrap();
    let options = store::Options { data_dir: restored, readers: 1 };
    let store = Store::open(options, bus::Bus::new()).await.unwrap();
    assert!(due(&store).await.is_empty());
    let now = store.submission(&alice, made.id).await.unwrap();
    assert_eq!((now.undo, fates(&now)), (Undo::Final, vec![Fate::Relayed; 2]));
    assert_eq!(store.check().await.unwrap().problems, [""; 0]);
}
