//! What becomes of recipients: answers, retries, doubt, the end.

use std::time::Duration;

use store::{Fate, Undo, UnixTime};
use submission::sender::Limits;

use crate::home::{Home, LIMITS, SENT, TEXT, now, plain, within};
use crate::server::{Act, Server, Taken, always, once};

fn taken(recipients: &[&str]) -> Taken {
    Taken {
        mail: format!("MAIL FROM:<alice@a.test> SIZE={} ENVID=e1", SENT.len()),
        recipients: recipients.iter().map(|email| format!("RCPT TO:<{email}>")).collect(),
        content: SENT.to_owned(),
    }
}

#[tokio::test]
async fn a_message_is_handed_over_once_without_its_bcc() {
    let (home, server) = (Home::new().await, Server::start(&[]).await);
    let sender = home.send(&server);
    let made = home.submit(TEXT, &["b@b.test", "c@c.test"]).await;
    let settled = home.settled(made.id, &[Fate::Relayed, Fate::Relayed]).await;
    assert_eq!((settled.undo, settled.recipients[1].reply.as_str()), (Undo::Final, "250 2.1.5 fine"));
    sender.stop().await;
    assert_eq!(server.taken(), [taken(&["b@b.test", "c@c.test"])]);
    assert_eq!(home.store.check().await.unwrap().problems, [""; 0]);
}

#[tokio::test]
async fn each_recipient_has_its_own_answer_and_only_the_delayed_are_tried_again() {
    let rules = [
        always("RCPT TO:<no@", "550-5.1.1 no\n550 5.1.1 such"),
        once("RCPT TO:<later@", Act::Say("450 4.2.0 later")),
    ];
    let (home, server) = (Home::new().await, Server::start(&rules).await);
    let made = home.submit(TEXT, &["yes@b.test", "no@b.test", "later@b.test"]).await;
    let sender = home.send(&server);
    let settled = home.settled(made.id, &[Fate::Relayed, Fate::Failed, Fate::Relayed]).await;
    assert_eq!(settled.recipients[1].reply, "550 5.1.1 no such");
    sender.stop().await;
    assert_eq!(
        server.taken(),
        [taken(&["yes@b.test"]).accepted(&["no@b.test", "later@b.test"]), taken(&["later@b.test"])]
    );
}

impl Taken {
    /// The server keeps every RCPT, also those that it has refused.
    fn accepted(mut self, refused: &[&str]) -> Self {
        self.recipients.extend(refused.iter().map(|email| format!("RCPT TO:<{email}>")));
        self
    }
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_tried_again() {
    for (command, reply) in
        [("MAIL", "554 5.7.1 no"), ("DATA", "550 5.6.0 no"), (".", "554 5.6.0 no"), ("RCPT", "550 no")]
    {
        let (home, server) = (Home::new().await, Server::start(&[always(command, reply)]).await);
        let made = home.submit(TEXT, &["b@b.test"]).await;
        let sender = home.send(&server);
        let settled = home.settled(made.id, &[Fate::Failed]).await;
        assert_eq!((settled.recipients[0].reply.as_str(), settled.undo), (reply, Undo::Final), "{command}");
        sender.stop().await;
        assert_eq!(
            server.commands().iter().filter(|heard| heard.starts_with("MAIL")).count(),
            1,
            "{command}"
        );
    }
}

#[tokio::test]
async fn what_is_not_taken_now_is_tried_until_it_is() {
    for rule in [
        once("CONNECT", Act::Say("421 busy")),
        once("EHLO", Act::Hang),
        once("MAIL", Act::Say("451 4.3.0 later")),
        once("MAIL", Act::Say("530 5.7.0 log in first")),
        once("RCPT", Act::Say("552 5.5.3 too many")),
        once("DATA", Act::Say("421 4.3.2 going down")),
        once("DATA", Act::Hang),
        once(".", Act::Say("451 4.3.0 later")),
        once(".", Act::Say("421 4.3.2 going down")),
        once("EHLO", Act::Say("nonsense")),
    ] {
        let (home, server) = (Home::new().await, Server::start(&[rule]).await);
        let made = home.submit(TEXT, &["b@b.test"]).await;
        let sender = home.send(&server);
        home.settled(made.id, &[Fate::Relayed]).await;
        sender.stop().await;
        let ends = if rule.command == "." { 2 } else { 1 };
        assert_eq!(server.taken().len(), ends, "{rule:?}");
    }
}

#[tokio::test]
async fn a_message_whose_end_has_no_answer_is_not_sent_again_and_says_so() {
    let (home, server) = (Home::new().await, Server::start(&[once(".", Act::Hang)]).await);
    let made = home.submit(TEXT, &["b@b.test"]).await;
    let sender = home.send(&server);
    let settled = home.settled(made.id, &[Fate::Relayed]).await;
    assert!(settled.recipients[0].reply.starts_with("451 4.4.2 "), "{:?}", settled.recipients);
    let next = home.submit(TEXT, &["c@c.test"]).await;
    home.settled(next.id, &[Fate::Relayed]).await;
    sender.stop().await;
    assert_eq!(server.taken(), [taken(&["b@b.test"]), taken(&["c@c.test"])]);
}

#[tokio::test]
async fn after_a_crash_what_had_its_end_sent_is_told_and_what_had_not_is_sent() {
    for (command, is_sent_again) in [("MAIL", true), ("RCPT", true), ("DATA", true), (".", false)] {
        let (home, server) = (Home::new().await, Server::start(&[once(command, Act::Wait)]).await);
        let made = home.submit(TEXT, &["b@b.test"]).await;
        let sender = home.send(&server);
        within(server.heard(command, 1)).await;
        sender.kill().await;
        let home = home.reopened().await;
        let sender = home.send(&server);
        let settled = home.settled(made.id, &[Fate::Relayed]).await;
        let is_in_doubt = settled.recipients[0].reply.starts_with("451 4.4.2 ");
        sender.stop().await;
        assert_eq!((server.taken(), is_in_doubt), (vec![taken(&["b@b.test"])], !is_sent_again), "{command}");
    }
}

#[tokio::test]
async fn a_canceled_message_never_gets_its_end() {
    let (home, server) = (Home::new().await, Server::start(&[]).await);
    let held = home.submit_at(UnixTime(now() + 3600), TEXT, &["b@b.test"]).await;
    home.store.cancel_submission(&home.alice, held.id).await.unwrap();
    let sender = home.send(&server);
    let other = home.submit(TEXT, &["c@c.test"]).await;
    home.settled(other.id, &[Fate::Relayed]).await;
    home.settled(held.id, &[Fate::Failed]).await;
    sender.stop().await;
    assert_eq!(server.taken(), [taken(&["c@c.test"])]);
}

#[tokio::test]
async fn a_message_is_held_until_its_time() {
    let (home, server) = (Home::new().await, Server::start(&[]).await);
    let begun = now();
    let held = home.submit_at(UnixTime(begun + 2), TEXT, &["b@b.test"]).await;
    let sender = home.send(&server);
    home.settled(held.id, &[Fate::Relayed]).await;
    assert!(now() >= begun + 2, "it was sent early");
    sender.stop().await;
}

#[tokio::test]
async fn a_message_is_given_up_after_its_time() {
    let rules = [always("RCPT TO:<later@", "450 4.2.0 later")];
    let (home, server) = (Home::new().await, Server::start(&rules).await);
    let limits = Limits { give_up: Duration::ZERO, ..LIMITS };
    let made = home.submit(TEXT, &["later@b.test"]).await;
    let sender = home.send_with(plain(&server), limits);
    let settled = home.settled(made.id, &[Fate::Failed]).await;
    assert_eq!(settled.recipients[0].reply, "450 4.2.0 later");
    sender.stop().await;
    server.obey(&[always("CONNECT", "554 5.3.2 closed")]);
    let made = home.submit(TEXT, &["b@b.test"]).await;
    let sender = home.send_with(plain(&server), limits);
    let settled = home.settled(made.id, &[Fate::Failed]).await;
    assert!(settled.recipients[0].reply.starts_with("554 5.4.7 "), "{:?}", settled.recipients);
    sender.stop().await;
}

#[tokio::test]
async fn stopping_waits_for_an_answer_but_begins_nothing() {
    let (home, server) = (Home::new().await, Server::start(&[once("MAIL", Act::Wait)]).await);
    let made = home.submit(TEXT, &["b@b.test"]).await;
    let sender = home.send(&server);
    within(server.heard("MAIL", 1)).await;
    sender.stop().await;
    let now = home.store.submission(&home.alice, made.id).await.unwrap();
    assert_eq!((now.recipients[0].fate, now.undo), (Fate::Queued, Undo::Pending));
    assert_eq!(server.taken(), []);
}
