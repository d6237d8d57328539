//! PLAIN and SCRAM with main and app passwords, known and unknown names.

use authentication::{Channel, Mechanism, Progress, Refusal};

use crate::support::{Home, refusal};

#[tokio::test]
async fn main_and_app_passwords_open_with_plain_and_scram() {
    let home = Home::new(&["alice", "bob@mail.example.org", "carol@elsewhere.example"], &[]).await;
    let alice = home.id("alice").await;
    let phone = home.store.add_app_password(alice, "phone", "of the phone").await.unwrap();
    for (name, password, account) in [
        ("alice", "secret of alice", Some("alice")),
        ("alice", "of the phone", Some("alice")),
        ("ALICE@mail.example.org", "secret of alice", Some("alice")),
        ("bob", "secret of bob@mail.example.org", Some("bob@mail.example.org")),
        ("carol@elsewhere.example", "secret of carol@elsewhere.example", Some("carol@elsewhere.example")),
        ("carol", "secret of carol@elsewhere.example", None),
        ("alice", "secret of bob", None),
        ("alice@elsewhere.example", "secret of alice", None),
        ("nobody", "secret of alice", None),
    ] {
        let plain = home.plain(&format!("\0{name}\0{password}")).await;
        let scram = home.scram("n,,", name, password).await;
        for result in [plain, scram] {
            match (result, account) {
                (Ok(authenticated), Some(account)) => {
                    assert_eq!(authenticated.access.owner(), home.id(account).await, "{name}");
                    let is_phones = authenticated.access.credential() == Some(phone.id);
                    assert_eq!(is_phones, password == "of the phone", "{name} {password}");
                    assert!(authenticated.master.is_none() && authenticated.until.is_none());
                }
                (Err(Refusal::WrongCredentials), None) => {}
                (other, _) => panic!("{name} {password}: {other:?}"),
            }
        }
    }
    home.store.revoke_credential(alice, phone.id).await.unwrap();
    assert!(matches!(home.scram("n,,", "alice", "of the phone").await, Err(Refusal::WrongCredentials)));
}

#[tokio::test]
async fn a_name_that_nobody_has_looks_like_one_that_somebody_has() {
    let home = Home::new(&["alice"], &[]).await;
    let answer = async |name: &str| {
        let mut exchange = home.begin(Mechanism::ScramSha256);
        let first = format!("n,,n={name},r=abc");
        let Progress::Challenge(challenge) = exchange.step(Some(first.as_bytes())).await.unwrap() else {
            panic!("no challenge");
        };
        let challenge = String::from_utf8(challenge).unwrap();
        let (_nonce, rest) = challenge.split_once(',').unwrap();
        (rest.to_owned(), challenge.len())
    };
    for known in ["alice", "ALICE", "alice@mail.example.org"] {
        assert_eq!(answer(known).await, answer("alice").await, "{known}");
    }
    let (bobs, length) = answer("bob").await;
    assert_eq!(length, answer("alice").await.1);
    for unknown in ["bob", "Bob", "bob@mail.example.org"] {
        assert_eq!(answer(unknown).await.0, bobs, "{unknown}");
    }
    assert_ne!(answer("carol").await.0, bobs);
    assert_ne!(answer("alice").await.0, bobs);
}

#[tokio::test]
async fn a_password_is_the_same_however_it_is_composed() {
    let home = Home::new(&["alice"], &[]).await;
    let alice = home.id("alice").await;
    home.store.set_password(alice, "gr\u{fc}n IX").await.unwrap();
    // RFC 4013 §3: Unicode's form KC, so that a letter with a combining mark and U+2168 are what one thinks they are.
    for written in ["gr\u{fc}n IX", "gru\u{308}n \u{2168}"] {
        assert!(home.plain(&format!("\0alice\0{written}")).await.is_ok(), "{written}");
    }
    assert!(home.scram("n,,", "alice", "gr\u{fc}n IX").await.is_ok());
}

#[tokio::test]
async fn an_exchange_that_is_over_stays_so() {
    let home = Home::new(&["alice"], &[]).await;
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha256] {
        let mut exchange = home.begin(mechanism);
        assert!(matches!(exchange.step(Some(b"")).await.map_err(refusal), Err(Refusal::Malformed(_))));
        assert!(matches!(
            exchange.step(Some(b"\0alice\0secret of alice")).await.map_err(refusal),
            Err(Refusal::Malformed(_))
        ));
    }
}

#[tokio::test]
async fn a_channel_offers_what_is_safe_on_it() {
    let home = Home::new(&[], &[]).await;
    for (is_private, is_bindable, expected) in [
        (false, false, "SCRAM-SHA-256"),
        (true, false, "SCRAM-SHA-256 PLAIN"),
        (true, true, "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN"),
    ] {
        let offered = home.authenticator.mechanisms(Channel { is_private, is_bindable });
        assert_eq!(offered.map(Mechanism::name).collect::<Vec<_>>().join(" "), expected);
    }
    assert_eq!(Mechanism::named("scram-sha-256-plus"), Some(Mechanism::ScramSha256Plus));
    assert_eq!(Mechanism::named("CRAM-MD5"), None);
}

#[tokio::test]
async fn guessing_costs_time_and_closes_the_account_whatever_the_mechanism() {
    let home = Home::new(&["alice"], &[]).await;
    let mut delays = Vec::new();
    for name in ["alice", "Alice@mail.example.org", "nobody"] {
        let mut exchange = home.begin(Mechanism::Plain);
        let rejection = exchange.step(Some(format!("\0{name}\0wrong").as_bytes())).await.unwrap_err();
        delays.push(rejection.delay.as_millis());
    }
    // Of the peer and of the account, whichever has failed more often.
    assert_eq!(delays, [100, 200, 400]);
    let broken = home.begin(Mechanism::Plain).step(Some(b"alice")).await.unwrap_err();
    assert_eq!(broken.delay.as_millis(), 0, "who can't write has not guessed");
    for _ in 0..38 {
        assert!(matches!(home.scram("n,,", "alice", "wrong").await, Err(Refusal::WrongCredentials)));
    }
    for result in [home.plain("\0alice\0secret of alice").await, home.scram("n,,", "alice", "wrong").await] {
        assert!(matches!(result, Err(Refusal::Banned(wait)) if wait.as_secs() > 500), "{result:?}");
    }
}
