//! What is there after a crash at any moment between two answers: the files as they are then, copied, nothing closed.

use std::collections::BTreeMap;
use std::time::Duration;

use tempfile::TempDir;
use webpush::header::{Topic, Urgency};

use super::super::*;
use super::{NOW, bodies};
use crate::storage::Stored;
use crate::testing::{channel, message, retention, subscribe};

struct Home {
    directory: TempDir,
    storage: SqliteStorage,
}

impl Home {
    fn new() -> Self {
        Self::over(tempfile::tempdir().unwrap())
    }

    fn over(directory: TempDir) -> Self {
        let storage = SqliteStorage::open(&directory.path().join("push.sqlite"), retention()).unwrap();
        Self { directory, storage }
    }

    /// Goes on with what a crash would have left.
    fn crashed(&self) -> Self {
        Self::over(self.copied())
    }

    fn copied(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        for name in ["push.sqlite", "push.sqlite-wal", "push.sqlite.recent"] {
            std::fs::copy(self.directory.path().join(name), copy.path().join(name)).unwrap();
        }
        copy
    }

    /// The same, with a trigger removed before.
    fn crashed_without(&self, trigger: &str) -> Self {
        let copy = self.copied();
        let file = rusqlite::Connection::open(copy.path().join("push.sqlite")).unwrap();
        file.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
        drop(file);
        Self::over(copy)
    }

    fn in_the_file(&self) -> u64 {
        survey(&self.directory.path().join("push.sqlite")).unwrap().totals.messages
    }

    async fn subscribe(&self, number: u8) -> Arc<Subscription> {
        subscribe(&self.storage, AgentId::from_bytes([number / 2; 16]), channel(number), NOW).await
    }

    async fn store(&self, new: NewMessage) -> MessageId {
        match self.storage.store(new, NOW).await.unwrap() {
            Stored::Kept(id) => id,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_answer_means_that_a_message_is_there_or_gone_for_good() {
    let home = Home::new();
    let subscription = home.subscribe(0).await;
    let mut ids = Vec::new();
    for text in ["first", "second", "third"] {
        ids.push(home.store(message(&subscription, text, NOW)).await);
    }
    assert_eq!(home.in_the_file(), 0, "they are young");
    assert_eq!(bodies(&home.crashed().storage, subscription.agent).await, ["first", "second", "third"]);
    assert_eq!(home.storage.acknowledge(subscription.agent, vec![ids[0]]).await.unwrap(), 1);
    assert!(home.storage.revoke(ids[1]).await.unwrap());
    let home = home.crashed();
    assert_eq!(home.in_the_file(), 1);
    assert_eq!(home.storage.totals().messages, 1);
    assert_eq!(home.storage.acknowledge(subscription.agent, ids).await.unwrap(), 1);
    let home = home.crashed();
    assert_eq!(bodies(&home.storage, subscription.agent).await, [""; 0]);
    let next = home.store(message(&subscription, "next", NOW)).await;
    assert!(next.number() > NOW.micros() + 2, "no id is given twice");
}

#[tokio::test]
async fn what_stays_comes_to_the_file() {
    let home = Home::new();
    let subscription = home.subscribe(0).await;
    home.store(message(&subscription, "stays", NOW)).await;
    let mut tries = 0..200;
    while home.in_the_file() == 0 {
        tries.next().expect("after a second");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(bodies(&home.crashed().storage, subscription.agent).await, ["stays"]);
    drop(home.storage);
    let home = Home::over(home.directory);
    home.store(message(&subscription, "and one more", NOW)).await;
    // Closing brings it there, too.
    drop(home.storage);
    assert_eq!(survey(&home.directory.path().join("push.sqlite")).unwrap().totals.messages, 2);
}

#[tokio::test]
async fn of_a_journal_beside_another_file_only_what_fits_counts() {
    let home = Home::new();
    let subscription = home.subscribe(0).await;
    let before = home.crashed();
    home.store(message(&subscription, "later", NOW)).await;
    let nobodys = home.subscribe(1).await;
    home.store(message(&nobodys, "of nobody", NOW)).await;
    let journal = "push.sqlite.recent";
    std::fs::copy(home.directory.path().join(journal), before.directory.path().join(journal)).unwrap();
    drop(before.storage);
    let restored = Home::over(before.directory);
    assert_eq!(restored.storage.totals().messages, 1);
    assert_eq!(bodies(&restored.storage, subscription.agent).await, ["later"]);
}

/// What makes a row of this body fail, whichever way it comes to the file.
const SABOTAGE: &str = "CREATE TRIGGER fail BEFORE INSERT ON message WHEN NEW.body = CAST('bad' AS BLOB)
                        BEGIN SELECT RAISE(ABORT, 'disk full'); END;";

#[tokio::test]
async fn while_the_file_takes_nothing_what_was_answered_waits() {
    let home = Home::new();
    let subscription = home.subscribe(0).await;
    let saboteur = rusqlite::Connection::open(home.directory.path().join("push.sqlite")).unwrap();
    saboteur.execute_batch(SABOTAGE).unwrap();
    let id = home.store(message(&subscription, "bad", NOW)).await;
    let read = || home.storage.pending(Selection::all(subscription.agent), MessageId::START, 9, NOW);
    assert!(read().await.is_err(), "it would have to go to the file");
    let refused = home.storage.store(message(&subscription, "later", NOW), NOW).await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(bodies(&home.crashed_without("fail").storage, subscription.agent).await, ["bad"]);
    saboteur.execute_batch("DROP TRIGGER fail").unwrap();
    assert_eq!(bodies(&home.storage, subscription.agent).await, ["bad"]);
    assert_eq!(home.storage.totals().messages, 1);
    assert_eq!(home.storage.acknowledge(subscription.agent, vec![id]).await.unwrap(), 1);
    assert_eq!(bodies(&home.crashed().storage, subscription.agent).await, [""; 0]);
}

#[tokio::test]
async fn without_a_journal_the_file_takes_it() {
    let directory = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", directory.path().join("push.sqlite.recent")).unwrap();
    let home = Home::over(directory);
    let subscription = home.subscribe(0).await;
    for text in ["1", "2", "3"] {
        home.store(message(&subscription, text, NOW)).await;
    }
    assert_eq!(home.in_the_file(), 3);
    assert_eq!(bodies(&home.storage, subscription.agent).await, ["1", "2", "3"]);
}

#[tokio::test]
async fn jobs_of_one_batch_see_each_other_and_fail_alone() {
    let home = Home::new();
    let subscription = home.subscribe(0).await;
    let kept = home.store(message(&subscription, "before", NOW)).await;
    let saboteur = rusqlite::Connection::open(home.directory.path().join("push.sqlite")).unwrap();
    saboteur.execute_batch(SABOTAGE).unwrap();
    saboteur.execute_batch("BEGIN IMMEDIATE").unwrap();
    let with_topic =
        |text: &str| NewMessage { topic: text.parse().ok(), ..message(&subscription, text, NOW) };
    // The first waits for the lock, and the others come into one batch behind it.
    let first = home.storage.store(with_topic("first"), NOW);
    let young = home.storage.store(message(&subscription, "young", NOW), NOW);
    let bad = home.storage.store(with_topic("bad"), NOW);
    let taken = home.storage.acknowledge(subscription.agent, vec![kept]);
    let all = Selection::all(subscription.agent);
    let read = home.storage.pending(all, MessageId::START, 9, NOW);
    let last = home.storage.store(message(&subscription, "last", NOW), NOW);
    saboteur.execute_batch("COMMIT").unwrap();
    assert!(matches!(first.await, Ok(Stored::Kept(_))));
    assert!(matches!(young.await, Ok(Stored::Kept(_))));
    assert!(bad.await.is_err());
    assert_eq!(taken.await.unwrap(), 1);
    assert_eq!(read.await.unwrap().len(), 2);
    assert!(matches!(last.await, Ok(Stored::Kept(_))));
    for home in [home.crashed(), home] {
        assert_eq!(bodies(&home.storage, subscription.agent).await, ["first", "young", "last"]);
        assert_eq!(home.storage.totals().messages, 3);
    }
}

/// What waits by the words of RFC 8030, without limits.
#[derive(Default)]
struct Model(BTreeMap<MessageId, (Arc<Subscription>, Option<Topic>, String)>);

impl Model {
    fn bodies(&self, agent: AgentId) -> Vec<String> {
        let of_agent = self.0.values().filter(|(subscription, ..)| subscription.agent == agent);
        of_agent.map(|(_, _, body)| body.clone()).collect()
    }

    fn nth(&self, number: u64) -> Option<(MessageId, AgentId)> {
        let index = usize::try_from(number).unwrap() % self.0.len().max(1);
        self.0.iter().nth(index).map(|(id, (subscription, ..))| (*id, subscription.agent))
    }
}

#[tokio::test]
async fn whatever_happens_before_a_crash_the_storage_agrees_with_a_simple_model() {
    for seed in 1..=6_u64 {
        let mut state = seed;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut home = Home::new();
        let mut model = Model::default();
        let mut subscriptions = Vec::new();
        for number in 0..6 {
            subscriptions.push(home.subscribe(number).await);
        }
        for step in 0..250 {
            match draw(20) {
                0..8 => {
                    let subscription = &subscriptions[usize::try_from(draw(6)).unwrap()];
                    let topic = (draw(4) == 0).then(|| format!("t{}", draw(2)).parse().unwrap());
                    let urgency = [Urgency::Low, Urgency::Normal][usize::try_from(draw(2)).unwrap()];
                    let text = format!("{step}");
                    let new =
                        NewMessage { topic: topic.clone(), urgency, ..message(subscription, &text, NOW) };
                    let id = home.store(new).await;
                    model.0.retain(|_, (of, other, _)| {
                        of.id != subscription.id || topic.is_none() || *other != topic
                    });
                    model.0.insert(id, (Arc::clone(subscription), topic, text));
                }
                8..14 => {
                    if let Some((id, agent)) = model.nth(draw(100)) {
                        let ids = vec![id, MessageId::from_number(1)];
                        assert_eq!(home.storage.acknowledge(agent, ids).await.unwrap(), 1);
                        model.0.remove(&id);
                    }
                }
                14 => {
                    if let Some((id, _)) = model.nth(draw(100)) {
                        assert!(home.storage.revoke(id).await.unwrap());
                        model.0.remove(&id);
                    }
                }
                15 => {
                    let index = usize::try_from(draw(6)).unwrap();
                    let gone = &subscriptions[index];
                    home.storage.unregister(gone.agent, gone.channel).await.unwrap();
                    model.0.retain(|_, (of, ..)| of.id != gone.id);
                    subscriptions[index] = home.subscribe(u8::try_from(index).unwrap()).await;
                }
                16 | 17 => {
                    let agent = subscriptions[usize::try_from(draw(6)).unwrap()].agent;
                    assert_eq!(bodies(&home.storage, agent).await, model.bodies(agent), "seed {seed}");
                }
                18 => {
                    let later = NOW.plus_seconds(1);
                    home.storage.sweep(later, Instant::from_micros(0)).await.unwrap();
                }
                _ => home = home.crashed(),
            }
            let waiting = u64::try_from(model.0.len()).unwrap();
            assert_eq!(home.storage.totals().messages, waiting, "seed {seed}, step {step}");
        }
        home = home.crashed();
        for subscription in &subscriptions {
            let agent = subscription.agent;
            assert_eq!(bodies(&home.storage, agent).await, model.bodies(agent), "seed {seed}");
        }
    }
}
