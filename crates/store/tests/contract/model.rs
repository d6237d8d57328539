//! Random operations on the store and on a naive model of it, compared after each.
//!
//! The seed is in every failure's message; put it into `SEEDS` to run it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use store::{Access, FlagChange, Flags, MailboxId, MessageId, SpecialUse, Uid, View};

use crate::home::{Home, mailbox_name, message};
use crate::replay::Replay;

#[derive(Clone, Debug, Default)]
struct Mailbox {
    name: String,
    next: u32,
    /// By UID: the message, and whether it has `\Deleted` here.
    members: BTreeMap<u32, (MessageId, bool)>,
}

#[derive(Debug, Default)]
struct Model {
    mailboxes: BTreeMap<MailboxId, Mailbox>,
    /// Size and flags but `\Deleted`.
    messages: BTreeMap<MessageId, (u64, Flags)>,
}

impl Model {
    fn flags(&self, (message, deleted): (MessageId, bool)) -> Flags {
        let shared = self.messages[&message].1;
        if deleted { shared.union(Flags::DELETED) } else { shared }
    }

    fn place(&mut self, to: MailboxId, message: MessageId, deleted: bool) -> Uid {
        let mailbox = self.mailboxes.get_mut(&to).unwrap();
        mailbox.next += 1;
        mailbox.members.insert(mailbox.next, (message, deleted));
        Uid(mailbox.next)
    }

    fn drop_orphans(&mut self) {
        let mailboxes = &self.mailboxes;
        let is_somewhere = |id: &MessageId| {
            mailboxes.values().any(|mailbox| mailbox.members.values().any(|(held, _)| held == id))
        };
        self.messages.retain(|id, _| is_somewhere(id));
    }
}

/// SplitMix64: the same numbers from the same seed for ever.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }

    fn mailbox(&mut self, model: &Model) -> MailboxId {
        *model.mailboxes.keys().nth(self.below(model.mailboxes.len())).unwrap()
    }

    fn uids(&mut self, model: &Model, mailbox: MailboxId) -> Vec<Uid> {
        // Some of them are not there any more, or not yet.
        let next = usize::try_from(model.mailboxes[&mailbox].next).unwrap();
        (0..self.below(6)).map(|_| Uid(u32::try_from(1 + self.below(next + 2)).unwrap())).collect()
    }

    fn flags(&mut self) -> Flags {
        let all = [Flags::SEEN, Flags::FLAGGED, Flags::DELETED, Flags::DRAFT];
        let picked = all.into_iter().filter(|_| self.below(3) == 0);
        picked.fold(Flags::default(), Flags::union)
    }
}

struct World {
    home: Home,
    access: Access,
    model: Model,
    random: Random,
    replay: Replay,
    /// Held, so that they are refreshed and not read anew.
    views: BTreeMap<MailboxId, Arc<View>>,
}

impl World {
    async fn step(&mut self) {
        match self.random.below(12) {
            0..=3 => self.append().await,
            4 | 5 => self.store_flags().await,
            6 => self.copy().await,
            7 => self.shift().await,
            8 => self.expunge().await,
            9 => self.create().await,
            10 => self.rename().await,
            _ => self.delete().await,
        }
    }

    async fn append(&mut self) {
        let to = self.random.mailbox(&self.model);
        let flags = self.random.flags();
        let text = format!("Subject: {}\r\n\r\n{}", self.random.below(3), "x".repeat(self.random.below(50)));
        let mut new = message("INBOX", &text);
        new.target = store::Target::Id(to);
        new.flags = flags;
        let placed = self.home.store.append(&self.access, new).await.unwrap().placed;
        let size = u64::try_from(text.len()).unwrap();
        self.model.messages.insert(placed.message, (size, flags.without(Flags::DELETED)));
        assert_eq!(placed.uid, self.model.place(to, placed.message, flags.contains(Flags::DELETED)));
    }

    async fn store_flags(&mut self) {
        let mailbox = self.random.mailbox(&self.model);
        let uids = self.random.uids(&self.model, mailbox);
        let change =
            FlagChange { add: self.random.flags(), remove: self.random.flags(), ..FlagChange::default() };
        let (entries, _, _) = self
            .home
            .store
            .store_flags(&self.access, mailbox, uids.clone(), change.clone(), None)
            .await
            .unwrap();
        let mut there = 0;
        for uid in self.model.mailboxes[&mailbox].members.keys().copied().collect::<Vec<_>>() {
            if !uids.contains(&Uid(uid)) {
                continue;
            }
            let member = self.model.mailboxes[&mailbox].members[&uid];
            let flags = self.model.flags(member).without(change.remove).union(change.add);
            self.model.messages.get_mut(&member.0).unwrap().1 = flags.without(Flags::DELETED);
            let members = &mut self.model.mailboxes.get_mut(&mailbox).unwrap().members;
            members.insert(uid, (member.0, flags.contains(Flags::DELETED)));
            assert_eq!((entries[there].uid, entries[there].flags), (Uid(uid), flags));
            there += 1;
        }
        assert_eq!(entries.len(), there);
    }

    async fn copy(&mut self) {
        let (from, to) = (self.random.mailbox(&self.model), self.random.mailbox(&self.model));
        let uids = self.random.uids(&self.model, from);
        let (pairs, _) = self.home.store.copy(&self.access, from, uids.clone(), to).await.unwrap();
        let source = self.model.mailboxes[&from].members.clone();
        let mut expected = Vec::new();
        for (uid, (message, _)) in source.into_iter().filter(|(uid, _)| uids.contains(&Uid(*uid))) {
            expected.push((Uid(uid), self.model.place(to, message, false)));
        }
        assert_eq!(pairs.iter().map(|(uid, placed)| (*uid, placed.uid)).collect::<Vec<_>>(), expected);
    }

    async fn shift(&mut self) {
        let (from, to) = (self.random.mailbox(&self.model), self.random.mailbox(&self.model));
        let uids = self.random.uids(&self.model, from);
        let (pairs, _) = self.home.store.move_messages(&self.access, from, uids.clone(), to).await.unwrap();
        let source = self.model.mailboxes[&from].members.clone();
        let mut expected = Vec::new();
        for (uid, (message, deleted)) in source.into_iter().filter(|(uid, _)| uids.contains(&Uid(*uid))) {
            self.model.mailboxes.get_mut(&from).unwrap().members.remove(&uid);
            expected.push((Uid(uid), self.model.place(to, message, deleted)));
        }
        assert_eq!(pairs.iter().map(|(uid, placed)| (*uid, placed.uid)).collect::<Vec<_>>(), expected);
    }

    async fn expunge(&mut self) {
        let mailbox = self.random.mailbox(&self.model);
        let only =
            if self.random.below(2) == 0 { None } else { Some(self.random.uids(&self.model, mailbox)) };
        let (gone, _) = self.home.store.expunge(&self.access, mailbox, only.clone()).await.unwrap();
        let members = &mut self.model.mailboxes.get_mut(&mailbox).unwrap().members;
        let named = |uid: u32| only.as_ref().is_none_or(|only| only.contains(&Uid(uid)));
        let expected: Vec<_> = members
            .iter()
            .filter(|(uid, (_, deleted))| *deleted && named(**uid))
            .map(|(uid, _)| Uid(*uid))
            .collect();
        members.retain(|uid, (_, deleted)| !(*deleted && named(*uid)));
        assert_eq!(gone, expected);
        self.model.drop_orphans();
    }

    async fn create(&mut self) {
        let name = format!("m{}", self.random.below(8));
        let special_use = (self.random.below(5) == 0).then_some(SpecialUse::Archive);
        let made = self.home.store.create_mailbox(&self.access, &mailbox_name(&name), special_use).await;
        if self.model.mailboxes.values().any(|mailbox| mailbox.name == name) {
            assert!(made.is_err());
            return;
        }
        self.model.mailboxes.insert(made.unwrap().0.id, Mailbox { name, ..Mailbox::default() });
    }

    async fn rename(&mut self) {
        let id = self.random.mailbox(&self.model);
        let from = self.model.mailboxes[&id].name.clone();
        if from == "INBOX" {
            return;
        }
        let to = format!("m{}", self.random.below(8));
        let renamed =
            self.home.store.rename_mailbox(&self.access, &mailbox_name(&from), &mailbox_name(&to)).await;
        let is_free = self.model.mailboxes.values().all(|mailbox| mailbox.name != to);
        assert_eq!(renamed.is_ok(), is_free);
        if is_free {
            self.model.mailboxes.get_mut(&id).unwrap().name = to;
        }
    }

    async fn delete(&mut self) {
        let id = self.random.mailbox(&self.model);
        let deleted = self.home.store.delete_mailbox(&self.access, id).await;
        assert_eq!(deleted.is_ok(), self.model.mailboxes[&id].name != "INBOX");
        if deleted.is_ok() {
            self.model.mailboxes.remove(&id);
            self.views.remove(&id);
            self.model.drop_orphans();
        }
    }

    async fn compare(&mut self) {
        let mailboxes = self.home.store.mailboxes(&self.access).await.unwrap();
        assert_eq!(mailboxes.len(), self.model.mailboxes.len());
        let mut all = BTreeMap::new();
        for mailbox in mailboxes {
            let expected = &self.model.mailboxes[&mailbox.id];
            let flags: Vec<_> = expected.members.values().map(|member| self.model.flags(*member)).collect();
            let with =
                |flag| u32::try_from(flags.iter().filter(|flags| flags.contains(flag)).count()).unwrap();
            let count = u32::try_from(flags.len()).unwrap();
            let size: u64 =
                expected.members.values().map(|(message, _)| self.model.messages[message].0).sum();
            assert_eq!(mailbox.name.as_str(), expected.name);
            assert_eq!((mailbox.messages, mailbox.unseen), (count, count - with(Flags::SEEN)));
            assert_eq!((mailbox.deleted, mailbox.size), (with(Flags::DELETED), size));
            let view = self.home.store.view(&self.access, mailbox.id).await.unwrap();
            let entries = view.entries.iter().map(|entry| (entry.uid.0, entry.message, entry.flags));
            let members =
                expected.members.iter().map(|(uid, member)| (*uid, member.0, self.model.flags(*member)));
            assert!(entries.eq(members), "view of {} is {:?}", expected.name, view.entries);
            all.extend(view.entries.iter().map(|entry| ((mailbox.id, entry.uid), entry.flags)));
            self.views.insert(mailbox.id, view);
        }
        let used = self.home.store.account(self.access.owner()).await.unwrap().used_bytes;
        assert_eq!(used, self.model.messages.values().map(|(size, _)| size).sum::<u64>());
        // A reader of the log who comes by now and then, and reads pages of any size.
        if self.random.below(3) == 0 {
            let limit = self.random.below(6);
            while self.replay.read(&self.home.store, &self.access, limit).await {}
            assert_eq!(self.replay.members, all);
        }
    }
}

async fn run(seed: u64) {
    let home = Home::new().await;
    let access = home.access("alice").await;
    let mut model = Model::default();
    for mailbox in home.store.mailboxes(&access).await.unwrap() {
        let name = mailbox.name.as_str().to_owned();
        model.mailboxes.insert(mailbox.id, Mailbox { name, ..Mailbox::default() });
    }
    let (random, replay) = (Random(seed), Replay::default());
    let mut world = World { home, access, model, random, replay, views: BTreeMap::new() };
    for _ in 0..STEPS {
        world.step().await;
        world.compare().await;
    }
    assert_eq!(world.home.store.check().await.unwrap().problems, [""; 0]);
}

#[tokio::test]
async fn the_store_does_what_a_naive_model_does() {
    for seed in SEEDS {
        println!("seed {seed}");
        run(seed).await;
    }
}

const SEEDS: [u64; 4] = [1, 2, 3, 4];
const STEPS: usize = 150;
