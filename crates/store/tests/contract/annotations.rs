//! RFC 5464: what is kept, what follows a mailbox, what there may be of it, and what others are told.

use store::{
    ANNOTATION_BYTES_MAX, ANNOTATIONS_BYTES_MAX, ANNOTATIONS_MAX, Access, EntryName, Error, MailboxId,
    SessionId,
};

use crate::home::{Home, mailbox_name};

fn entry(name: &str) -> EntryName {
    EntryName::new(name).unwrap()
}

async fn set(home: &Home, access: &Access, mailbox: Option<MailboxId>, values: &[(&str, Option<&str>)]) {
    let values =
        values.iter().map(|(name, value)| (entry(name), value.map(|value| value.as_bytes().to_vec())));
    let _changes = home.store.set_annotations(access, mailbox, values.collect()).await.unwrap();
}

async fn shown(home: &Home, access: &Access, mailbox: Option<MailboxId>) -> Vec<String> {
    let all = home.store.annotations(access, mailbox).await.unwrap();
    all.iter().map(|one| format!("{}={}", one.name, String::from_utf8_lossy(&one.value))).collect()
}

#[tokio::test]
async fn entries_are_set_replaced_and_removed_for_a_mailbox_or_the_account() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let inbox = Some(home.mailbox(&alice, "INBOX").await.id);
    set(&home, &alice, inbox, &[("/shared/comment", Some("ours")), ("/private/comment", Some("mine"))]).await;
    set(&home, &alice, None, &[("/private/comment", Some("of all"))]).await;
    set(&home, &alice, inbox, &[("/SHARED/Comment", Some("")), ("/private/x/y", Some("\0"))]).await;
    assert_eq!(
        shown(&home, &alice, inbox).await,
        ["/private/comment=mine", "/private/x/y=\0", "/shared/comment="]
    );
    assert_eq!(shown(&home, &alice, None).await, ["/private/comment=of all"]);
    set(&home, &alice, inbox, &[("/private/comment", None), ("/private/never", None)]).await;
    assert_eq!(shown(&home, &alice, inbox).await, ["/private/x/y=\0", "/shared/comment="]);
    let nobodys = home.store.annotations(&alice, Some(MailboxId(1 << 40))).await;
    assert!(matches!(nobodys, Err(Error::NotFound("mailbox"))));
}

#[tokio::test]
async fn they_follow_a_rename_are_copied_from_inbox_and_go_with_a_delete() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let inbox = home.mailbox(&alice, "INBOX").await.id;
    let work = home.store.create_mailbox(&alice, &mailbox_name("Work"), None).await.unwrap().0.id;
    for mailbox in [inbox, work] {
        set(&home, &alice, Some(mailbox), &[("/private/comment", Some("kept"))]).await;
    }
    let rename = async |from: &str, to: &str| {
        let _changes =
            home.store.rename_mailbox(&alice, &mailbox_name(from), &mailbox_name(to)).await.unwrap();
        home.mailbox(&alice, to).await.id
    };
    assert_eq!(shown(&home, &alice, Some(rename("Work", "Play").await)).await, ["/private/comment=kept"]);
    assert_eq!(shown(&home, &alice, Some(rename("INBOX", "Old").await)).await, ["/private/comment=kept"]);
    assert_eq!(shown(&home, &alice, Some(inbox)).await, ["/private/comment=kept"]);
    let _changes = home.store.delete_mailbox(&alice, work).await.unwrap();
    let again = home.store.create_mailbox(&alice, &mailbox_name("Play"), None).await.unwrap().0.id;
    assert_eq!(shown(&home, &alice, Some(again)).await, [""; 0]);
    assert_eq!(home.store.check().await.unwrap().problems, [""; 0]);
}

#[tokio::test]
async fn what_is_too_much_is_refused_whole() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let inbox = home.mailbox(&alice, "INBOX").await.id;
    let many = |count: usize, bytes: usize| {
        let value = move || Some(vec![b'x'; bytes]);
        (0..count).map(|n| (entry(&format!("/private/{n}")), value())).collect::<Vec<_>>()
    };
    let full = usize::try_from(ANNOTATIONS_BYTES_MAX).unwrap() / ANNOTATION_BYTES_MAX;
    let cases = [
        ("a long value", many(1, ANNOTATION_BYTES_MAX + 1), Err("bytes of an annotation")),
        ("too many", many(ANNOTATIONS_MAX + 1, 1), Err("annotations of a mailbox")),
        // Names count too, so that what the values alone would fill is too much.
        ("too much", many(full, ANNOTATION_BYTES_MAX), Err("bytes of all annotations")),
        ("just not too much", many(full - 1, ANNOTATION_BYTES_MAX), Ok(())),
        ("just not too many", many(ANNOTATIONS_MAX, 1), Ok(())),
    ];
    for (what, values, expected) in cases {
        let count = values.len();
        let before = home.store.annotations(&alice, Some(inbox)).await.unwrap();
        let outcome = match home.store.set_annotations(&alice, Some(inbox), values).await {
            Ok(_) => Ok(()),
            Err(Error::Limit(which)) => Err(which),
            Err(other) => panic!("{what}: {other}"),
        };
        assert_eq!(outcome, expected, "{what}");
        let after = home.store.annotations(&alice, Some(inbox)).await.unwrap();
        assert!(if outcome.is_ok() { after.len() == count } else { after == before }, "{what}");
    }
}

#[tokio::test]
async fn sessions_learn_what_others_have_set_or_removed_but_not_what_they_did() {
    let home = Home::new().await;
    let alice = home.access("alice").await.in_session(SessionId(1));
    let other = alice.clone().in_session(SessionId(2));
    let inbox = Some(home.mailbox(&alice, "INBOX").await.id);
    let start = home.store.modseq(&alice).await.unwrap();
    set(&home, &other, inbox, &[("/shared/comment", Some("a")), ("/private/comment", Some("b"))]).await;
    set(&home, &other, inbox, &[("/shared/comment", None)]).await;
    set(&home, &other, None, &[("/private/comment", Some("c"))]).await;
    set(&home, &alice, inbox, &[("/private/mine", Some("d"))]).await;
    let changes = home.store.annotation_changes(&alice, start).await.unwrap();
    let told: Vec<String> = changes
        .changed
        .iter()
        .map(|(mailbox, entry)| format!("{} {entry}", mailbox.as_ref().map_or("", |name| name.as_str())))
        .collect();
    assert_eq!(told, [" /private/comment", "INBOX /shared/comment", "INBOX /private/comment"]);
    assert_eq!(home.store.annotation_changes(&alice, changes.modseq).await.unwrap().changed, []);
}

#[tokio::test]
async fn inbox_is_not_renamed_where_its_annotations_have_no_room_twice() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    home.append(&alice, "INBOX", "Subject: x\r\n\r\n").await;
    let inbox = home.mailbox(&alice, "INBOX").await.id;
    let half = usize::try_from(ANNOTATIONS_BYTES_MAX).unwrap() / ANNOTATION_BYTES_MAX / 2;
    let value = Some(vec![b'x'; ANNOTATION_BYTES_MAX]);
    let values = (0..=half).map(|n| (entry(&format!("/private/{n}")), value.clone())).collect();
    let _set = home.store.set_annotations(&alice, Some(inbox), values).await.unwrap();
    let rename =
        async || home.store.rename_mailbox(&alice, &mailbox_name("INBOX"), &mailbox_name("Old")).await;
    assert!(matches!(rename().await, Err(Error::Limit("bytes of all annotations"))));
    let old = home.store.mailbox_named(&alice, &mailbox_name("Old")).await;
    assert!(matches!(old, Err(Error::NotFound("mailbox"))));
    assert_eq!(home.mailbox(&alice, "INBOX").await.messages, 1);
    set(&home, &alice, Some(inbox), &[("/private/0", None), ("/private/1", None)]).await;
    let _renamed = rename().await.unwrap();
    assert_eq!(home.mailbox(&alice, "Old").await.messages, 1);
}

#[tokio::test]
async fn removals_take_no_room_and_of_what_is_not_there_leave_no_trace() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let (inbox, sent) = (home.mailbox(&alice, "INBOX").await.id, home.mailbox(&alice, "Sent").await.id);
    let start = home.store.modseq(&alice).await.unwrap();
    let long = |n: usize| entry(&format!("/private/{n:0>240}"));
    let removals = || (0..ANNOTATIONS_MAX).map(|n| (long(n), None)).collect();
    let _removed = home.store.set_annotations(&alice, Some(sent), removals()).await.unwrap();
    assert_eq!(home.store.annotation_changes(&alice, start).await.unwrap().changed, []);
    let values = (0..ANNOTATIONS_MAX).map(|n| (long(n), Some(Vec::new()))).collect();
    let _set = home.store.set_annotations(&alice, Some(sent), values).await.unwrap();
    let _removed = home.store.set_annotations(&alice, Some(sent), removals()).await.unwrap();
    let told = home.store.annotation_changes(&alice, start).await.unwrap();
    assert_eq!(told.changed.len(), ANNOTATIONS_MAX);
    let full = usize::try_from(ANNOTATIONS_BYTES_MAX).unwrap() / ANNOTATION_BYTES_MAX;
    let value = Some(vec![b'x'; ANNOTATION_BYTES_MAX]);
    let values = (1..full).map(|n| (entry(&format!("/private/{n}")), value.clone())).collect();
    let _set = home.store.set_annotations(&alice, Some(inbox), values).await.unwrap();
    assert_eq!(shown(&home, &alice, Some(inbox)).await.len(), full - 1);
}
