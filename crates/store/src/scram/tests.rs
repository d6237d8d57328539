use aws_lc_rs::{digest, hmac};
use rusqlite::Connection;

use super::{ITERATIONS, ScramKeys};
use crate::testing::Home;
use crate::{Options, Store};

/// RFC 7677 §3, the part of the example between the two first messages and the last.
const AUTH_MESSAGE: &str = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
    r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
    c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_keys_are_those_of_the_rfcs_example() {
    // In the example p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ= and v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=.
    const SALT: [u8; 16] =
        [0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81];
    const PROOF: &str = "747cdb65aa56224e2352137e52d7bdcad6a0f738df30782caa69a2cfb0277554";
    const SIGNATURE: &str = "eabae24d1062db75a9451ff0b6ea7e98c8546549ff741e672d3251b2397de46e";
    let keys = ScramKeys::derive("pencil", &SALT, 4096).unwrap();
    let sign = |key: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), AUTH_MESSAGE.as_bytes());
    assert_eq!(hex(sign(&keys.server_key).as_ref()), SIGNATURE);
    // ClientKey = ClientProof XOR ClientSignature, and its hash is StoredKey.
    let signature = sign(&keys.stored_key);
    let proof = (0..32).map(|at| u8::from_str_radix(&PROOF[2 * at..2 * at + 2], 16).unwrap());
    let client_key: Vec<u8> = proof.zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
    assert_eq!(digest::digest(&digest::SHA256, &client_key).as_ref(), keys.stored_key);
}

#[test]
fn keys_do_not_print() {
    let keys = ScramKeys { stored_key: [77; 32], server_key: [88; 32] };
    assert_eq!(format!("{keys:?}"), "ScramKeys(..)");
}

#[tokio::test]
async fn an_older_credential_gets_its_keys_when_its_password_is_shown() {
    let home = Home::new().await.unwrap();
    let alice = home.alice.owner();
    let keys = || async {
        let record = home.store.scram("alice").await.unwrap();
        record.account.unwrap().1.into_iter().map(|(_, keys)| keys).collect::<Vec<_>>()
    };
    let made = keys().await;
    home.tamper("UPDATE credential SET scram_stored_key = x'', scram_server_key = x''").await.unwrap();
    assert_eq!(keys().await, []);
    assert!(home.store.authenticate("alice", "wrong").await.unwrap().is_none());
    assert_eq!(keys().await, []);
    assert!(home.store.authenticate("alice", "secret").await.unwrap().is_some());
    assert_eq!(keys().await, made);

    home.store.set_password(alice, "other").await.unwrap();
    assert_ne!(keys().await, made);
    home.store.add_app_password(alice, "phone", "secret").await.unwrap();
    assert_eq!(keys().await.last(), made.first(), "the same password under the same salt");
}

#[tokio::test]
async fn a_password_from_before_preparation_opens_and_its_keys_are_of_the_prepared_one() {
    let home = Home::new().await.unwrap();
    let alice = home.alice.owner();
    // U+00AA is prepared to "a" (RFC 4013 §3).
    home.store.set_password(alice, "\u{aa}bc").await.unwrap();
    let made = home.store.scram("alice").await.unwrap().account.unwrap().1;
    for same in ["\u{aa}bc", "abc"] {
        assert!(home.store.authenticate("alice", same).await.unwrap().is_some(), "{same}");
    }
    let salts =
        home.store.inner().read(move |sql| crate::sqlite::credentials::salts(sql, alice)).await.unwrap();
    let old = crate::password::Passwords::new()
        .unwrap()
        .hash("\u{aa}bc".to_owned().into(), salts.argon2)
        .await
        .unwrap();
    let hex = hex(&old);
    let sql =
        format!("UPDATE credential SET hash = x'{hex}', scram_stored_key = x'', scram_server_key = x''");
    home.tamper(String::leak(sql)).await.unwrap();
    assert!(home.store.authenticate("alice", "abc").await.unwrap().is_none());
    assert!(home.store.authenticate("alice", "\u{aa}bc").await.unwrap().is_some());
    let renewed = home.store.scram("alice").await.unwrap().account.unwrap().1;
    assert_eq!(renewed, made);
}

#[tokio::test]
async fn an_unknown_name_has_a_salt_that_stays() {
    let home = Home::new().await.unwrap();
    let bob = home.store.scram("bob").await.unwrap();
    assert!(bob.account.is_none());
    assert_eq!(bob.iterations, ITERATIONS);
    assert_ne!(home.store.scram("carol").await.unwrap().salt, bob.salt);
    home.store.close().await.unwrap();
    let options = Options { data_dir: home.directory.path().to_owned(), readers: 1 };
    let again = Store::open(options, bus::Bus::new()).await.unwrap();
    assert_eq!(again.scram("BOB").await.unwrap().salt, bob.salt);
}

#[tokio::test]
async fn a_store_of_the_first_schema_gets_salts_and_keeps_its_passwords() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(crate::sqlite::schema::FILE_NAME);
    let old = Connection::open(&file).unwrap();
    old.execute_batch(include_str!("../sqlite/schema/0001.sql")).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    let salt = [9; 16];
    let open = || async {
        let options = Options { data_dir: directory.path().to_owned(), readers: 1 };
        Store::open(options, bus::Bus::new()).await.unwrap()
    };
    let hash =
        crate::password::Passwords::new().unwrap().hash("secret".to_owned().into(), salt).await.unwrap();
    for name in ["alice", "bob"] {
        let sql = "INSERT INTO account (name, created_at, modseq, horizon, used_bytes, next_message_id, \
                   next_mailbox_id, last_uid_validity, salt) VALUES (?1, 0, 0, 0, 0, 1, 1, 0, ?2)";
        old.execute(sql, rusqlite::params![name, salt]).unwrap();
        let id = old.last_insert_rowid();
        let sql = "INSERT INTO account_name (folded, account_id, name, is_alias) VALUES (?1, ?2, ?1, 0)";
        old.execute(sql, rusqlite::params![name, id]).unwrap();
        let sql = "INSERT INTO credential (account_id, kind, name, scheme, hash, created_at) VALUES (?1, 0, 'main', 1, ?2, 0)";
        old.execute(sql, rusqlite::params![id, hash]).unwrap();
    }
    drop(old);
    let store = open().await;
    let (alice, bob) = (store.scram("alice").await.unwrap(), store.scram("bob").await.unwrap());
    assert_ne!(alice.salt, bob.salt);
    assert!(alice.account.unwrap().1.is_empty());
    assert!(store.authenticate("alice", "secret").await.unwrap().is_some());
    let keys = store.scram("alice").await.unwrap().account.unwrap().1;
    assert_eq!(keys[0].1, ScramKeys::derive("secret", &alice.salt, ITERATIONS).unwrap());
}
