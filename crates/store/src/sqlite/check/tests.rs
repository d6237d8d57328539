use crate::testing::Home;

/// A store with one message in two mailboxes and one in one, some of everything else; damaged, then checked.
async fn damaged(sql: &'static str) -> Vec<String> {
    let home = Home::new().await.unwrap();
    let placed = home.append("Subject: 1\r\nMessage-ID: <1@x>\r\n\r\n").await.unwrap();
    let gone = home.append("Subject: 2\r\n\r\n").await.unwrap();
    home.expunge(&gone).await.unwrap();
    home.append(&"z".repeat(300_000)).await.unwrap();
    let sent =
        home.store.mailbox_named(&home.alice, &crate::MailboxName::new("Sent").unwrap()).await.unwrap().id;
    let _ = home.store.copy(&home.alice, placed.mailbox, vec![placed.uid], sent).await.unwrap();
    assert_eq!(home.store.check().await.unwrap().problems, [""; 0]);
    home.tamper(sql).await.unwrap();
    home.store.check().await.unwrap().problems
}

#[tokio::test]
async fn each_kind_of_damage_is_found() {
    for (sql, says) in [
        (
            "UPDATE mailbox SET unseen = unseen + 1 WHERE name = 'INBOX'",
            "counts are wrong: account 1, mailbox 1",
        ),
        ("UPDATE mailbox SET uid_next = 1 WHERE name = 'Sent'", "counts are wrong"),
        ("DELETE FROM mailbox WHERE name = 'Sent'", "a mailbox that is not there"),
        ("DELETE FROM message WHERE id = 1", "a message that is not there"),
        ("UPDATE message SET size = size + 1 WHERE id = 1", "wrong copies"),
        ("DELETE FROM membership WHERE message_id = 3", "a message is in no mailbox: account 1, message 3"),
        ("UPDATE membership SET flags_low = 4 WHERE message_id = 1 AND mailbox_id = 1", "different flags"),
        ("UPDATE account SET used_bytes = 0", "used bytes are wrong"),
        ("UPDATE account SET modseq = 2", "MODSEQ is behind"),
        ("UPDATE account SET next_message_id = 2", "an id or a UIDVALIDITY twice"),
        ("UPDATE expunged SET uid = 1", "expunged and there"),
        ("UPDATE message SET thread_id = 9; UPDATE membership SET thread_id = 9", "a thread is younger"),
        ("UPDATE blob SET refs = 2, freed_at = 0", "counted wrong"),
        ("DELETE FROM blob WHERE file_name <> ''", "has no content"),
        ("DELETE FROM blob_data", "is missing"),
        ("UPDATE blob_data SET data = x'00'", "is not what was stored"),
        ("UPDATE blob SET file_name = 'ff/none' WHERE file_name <> ''", "is missing"),
        (
            "INSERT INTO push_subscription (account_id, credential_id, kind, client_id, endpoint, public_key, auth, \
             enabled, state, vapid_key, token, token_expires_at, token_sent, acknowledged, updated_at, cursor, failures) \
             VALUES (1, 99, 0, '', '', x'', x'', '', 0, '', '', 0, 0, 0, 0, 0, 0)",
            "belongs to nobody",
        ),
    ] {
        let problems = damaged(sql).await;
        assert!(problems.iter().any(|problem| problem.contains(says)), "{sql}: {problems:?}");
    }
}
