//! Cross-check with the Python implementations that most application servers use: pywebpush, http-ece and py-vapid.
//!
//! `MAILBELL_PYTHON` names a Python interpreter that has them; without it the test says on stdout that it was skipped.

#![expect(clippy::expect_used, reason = "helpers of tests fail the test")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use webpush::key::{AuthSecret, PublicKey};
use webpush::message::{Sender, UserAgent, encrypt};
use webpush::origin::Origin;
use webpush::padding::{CLEARTEXT_BYTES_MAX, Padding};
use webpush::vapid::credentials::Credentials;
use webpush::vapid::key::SigningKey;
use webpush::vapid::token::{Authorization, Claims, Contact};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `peer.py` in a process of its own; ended when dropped.
struct Peer {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts the script, or tells why not.
    fn start() -> Option<Self> {
        let Some(python) = std::env::var_os("MAILBELL_PYTHON") else {
            println!("SKIPPED: MAILBELL_PYTHON names no Python with pywebpush and http-ece");
            return None;
        };
        let mut process = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/peer.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("MAILBELL_PYTHON can be run");
        let requests = process.stdin.take().expect("piped");
        let answers = BufReader::new(process.stdout.take().expect("piped"));
        Some(Self { process, requests, answers })
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.requests, "{request}").expect("the peer reads");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the peer answers");
        serde_json::from_str::<Value>(&line).expect("JSON").get("answer").expect("an answer").clone()
    }

    fn ask_bytes(&mut self, request: &Value) -> Vec<u8> {
        decode(self.ask(request).as_str().expect("a string"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself after an exception; either way it is gone afterwards.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

/// Cleartexts that pywebpush takes too: it refuses an empty one.
fn cleartexts() -> Vec<Vec<u8>> {
    let long: Vec<u8> =
        (0..CLEARTEXT_BYTES_MAX).map(|number| u8::try_from(number % 256).expect("a byte")).collect();
    vec![b"x".to_vec(), "* SELECT \"Entwürfe\"\r\n".as_bytes().to_vec(), vec![0; 300], long]
}

#[test]
fn python_encrypts_and_we_decrypt() {
    let Some(mut peer) = Peer::start() else { return };
    let user_agent = UserAgent::generate().expect("keys");
    let (p256dh, auth) =
        (user_agent.key_pair.public_key().to_base64url(), user_agent.auth_secret.to_base64url());
    for clear in cleartexts() {
        let mut request =
            json!({"verb": "encrypt", "p256dh": p256dh, "auth": auth.as_str(), "clear": encode(&clear)});
        let whole = peer.ask_bytes(&request);
        request["verb"] = "encrypt_records".into();
        request["record_size"] = 70.into();
        let records = peer.ask_bytes(&request);
        for body in [whole, records] {
            assert_eq!(*user_agent.decrypt(&body).expect("decrypted"), clear);
        }
    }
}

#[test]
fn we_encrypt_and_python_decrypts() {
    let Some(mut peer) = Peer::start() else { return };
    let user_agent = UserAgent::generate().expect("keys");
    let private = user_agent.key_pair.private_base64url().expect("exportable");
    let auth: &AuthSecret = &user_agent.auth_secret;
    for padding in [Padding::None, Padding::TO_128] {
        for clear in cleartexts() {
            let sender = Sender::generate().expect("a sender");
            let body = encrypt(sender, &user_agent.recipient(), &clear, padding).expect("encrypted");
            let request = json!({"verb": "decrypt", "private": private.as_str(),
                "auth": auth.to_base64url().as_str(), "body": encode(&body)});
            assert_eq!(peer.ask_bytes(&request), clear, "{padding:?}");
        }
    }
}

#[test]
fn python_and_we_verify_each_others_tokens() {
    let Some(mut peer) = Peer::start() else { return };
    let key = SigningKey::generate().expect("a key");
    let audience = Origin::parse("https://push.example.net").expect("an origin");
    let private = key.private_base64url().expect("exportable");

    let request = json!({"verb": "sign", "private": private.as_str(), "aud": audience.as_str()});
    let theirs = peer.ask(&request);
    let credentials = Credentials::parse(theirs.as_str(), None).expect("readable");
    let verified = credentials.verify(&audience, SystemTime::now()).expect("good");
    let expected: &PublicKey = key.public_key();
    assert_eq!(&verified.key, expected);

    let contact = Contact::parse("mailto:push@example.com").expect("a contact");
    let expires = SystemTime::now() + Duration::from_secs(3600);
    let ours =
        Authorization::sign(&key, &Claims { audience, expires, contact: Some(contact) }).expect("signed");
    assert_eq!(peer.ask(&json!({"verb": "verify", "authorization": ours.as_str()})), json!(true));
}
