use std::os::unix::fs::PermissionsExt;

use super::*;

fn key() -> TokenKey {
    TokenKey::from_bytes(&[7; KEY_BYTES])
}

#[test]
fn a_token_opens_to_the_id_it_was_made_of() {
    let subscription = SubscriptionId::random().unwrap();
    let token = key().seal_endpoint(subscription);
    assert_eq!(token.len(), 43);
    assert_eq!(key().open_endpoint(&token), Some(subscription));

    let message = MessageId::from_number(1_700_000_000_000_000);
    let token = key().seal_message(message);
    assert_eq!(token.len(), 32);
    assert_eq!(key().open_message(&token), Some(message));
}

// RFC 8030 §8.3
#[test]
fn every_changed_bit_makes_a_token_unknown() {
    let token = key().seal_endpoint(SubscriptionId::random().unwrap());
    let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut forged = bytes.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(key().open_endpoint(&URL_SAFE_NO_PAD.encode(forged)), None, "bit {bit}");
    }
}

#[test]
fn tokens_of_another_length_purpose_or_key_are_unknown() {
    let subscription = SubscriptionId::random().unwrap();
    let token = key().seal_endpoint(subscription);
    let other = TokenKey::from_bytes(&[8; KEY_BYTES]).seal_endpoint(subscription);
    let message = key().seal_message(MessageId::from_number(1));
    let long = "A".repeat(100_000);
    for wrong in ["", "A", &token[..42], &format!("{token}A"), &format!("{token}="), &other, &message, &long]
    {
        assert_eq!(key().open_endpoint(wrong), None, "{wrong:.50}");
    }
    assert_eq!(key().open_message(&token), None);
}

#[test]
fn the_key_file_is_made_once_private_and_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("push-token.key");
    let id = SubscriptionId::random().unwrap();
    let token = TokenKey::load_or_create(&path).unwrap().seal_endpoint(id);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(TokenKey::load_or_create(&path).unwrap().open_endpoint(&token), Some(id));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_key_file_that_is_open_to_others_or_of_the_wrong_length_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("push-token.key");
    TokenKey::load_or_create(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(TokenKey::load_or_create(&path), Err(TokenKeyError::Mode)));

    for length in [0, 31, 33, 5000] {
        std::fs::write(&path, vec![1; length]).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(TokenKey::load_or_create(&path), Err(TokenKeyError::Length)), "{length}");
    }
}
