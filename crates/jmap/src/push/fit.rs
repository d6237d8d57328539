//! Puts emails into as few pushes as possible. Pure.
//!
//! All properties of all emails are told if there is room for them in [`PUSHES_MAX`] pushes. If there is not, each email has
//! the same share of it, and of its properties, in the order in which the client named them, those are left out that do not
//! fit any more (draft-ietf-jmap-emailpush, "The EmailPush object").

use serde_json::{Map, Value, json};
use webpush::padding::CLEARTEXT_BYTES_MAX;

/// What the emails of one account are told in.
pub(super) struct Frame<'f> {
    pub(super) account: &'f str,
    /// The state of Email.
    pub(super) state: &'f str,
}

impl Frame<'_> {
    fn write(&self, emails: Vec<Value>) -> String {
        let push = json!({
            "@type": "EmailPush", "accountId": self.account, "state": self.state, "emails": emails,
        });
        push.to_string()
    }
}

/// An email's properties, the most important first.
pub(super) type Properties = Vec<(String, Value)>;

/// The pushes, each of at most [`CLEARTEXT_BYTES_MAX`] bytes.
pub(super) fn pushes(frame: &Frame<'_>, emails: &[Properties]) -> Vec<String> {
    let room = CLEARTEXT_BYTES_MAX.saturating_sub(frame.write(Vec::new()).len());
    let mut packed = pack(emails, room, room);
    if packed.len() > PUSHES_MAX {
        // So that this many go into each push, with the commas between them.
        let each = emails.len().div_ceil(PUSHES_MAX);
        packed = pack(emails, room, (room / each).saturating_sub(1));
    }
    packed.truncate(PUSHES_MAX);
    packed.into_iter().map(|emails| frame.write(emails)).collect()
}

/// Shortens each email to its share, and puts as many into each push as there is room for.
fn pack(emails: &[Properties], room: usize, share: usize) -> Vec<Vec<Value>> {
    let mut pushes: Vec<Vec<Value>> = Vec::new();
    let mut left = 0;
    for properties in emails {
        let (email, bytes) = shortened(properties, share);
        match pushes.last_mut() {
            Some(push) if bytes < left => {
                left -= bytes + 1;
                push.push(email);
            }
            _ => {
                left = room.saturating_sub(bytes);
                pushes.push(vec![email]);
            }
        }
    }
    pushes
}

/// An object with those properties that fit, and its bytes.
fn shortened(properties: &Properties, share: usize) -> (Value, usize) {
    let (mut email, mut bytes) = (Map::new(), "{}".len());
    for (name, value) in properties {
        // Its name as a string, a colon, the value, and the comma before the next.
        let grows_by = Value::from(name.as_str()).to_string().len() + value.to_string().len() + 2;
        if bytes + grows_by <= share {
            bytes += grows_by;
            email.insert(name.clone(), value.clone());
        }
    }
    (Value::Object(email), bytes)
}

/// Pushes that tell of emails in one go.
pub(super) const PUSHES_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame<'static> = Frame { account: "A1", state: "1-7" };

    /// So many emails, each with a text of this many bytes between two short properties.
    fn emails(count: usize, bytes: usize) -> Vec<Properties> {
        let email = |number: usize| {
            vec![
                ("id".to_owned(), json!(format!("M{number}"))),
                ("preview".to_owned(), json!("x".repeat(bytes))),
                ("subject".to_owned(), json!("\"Hello\"")),
            ]
        };
        (0..count).map(email).collect()
    }

    #[test]
    fn as_much_is_told_as_fits_and_no_push_is_too_long() {
        // (emails, bytes of the longest property, pushes, emails with all of it)
        let cases = [
            (0, 0, 0, 0),
            (1, 10, 1, 1),
            (1, 3880, 1, 1),
            (1, 5000, 1, 0),
            (8, 900, 2, 8),
            (16, 900, 4, 16),
            (17, 900, 1, 0),
            (64, 100, 3, 64),
            (64, 4000, 1, 0),
        ];
        for (count, bytes, expected, whole) in cases {
            let pushes = pushes(&FRAME, &emails(count, bytes));
            assert_eq!(pushes.len(), expected, "{count} of {bytes}");
            assert!(pushes.iter().all(|push| push.len() <= CLEARTEXT_BYTES_MAX), "{count} of {bytes}");
            let read = |push: &String| serde_json::from_str::<Value>(push).unwrap()["emails"].clone();
            let told: Vec<Value> =
                pushes.iter().flat_map(|push| read(push).as_array().unwrap().clone()).collect();
            assert_eq!(told.len(), count, "{count} of {bytes}");
            assert!(told.iter().all(|email| email["subject"] == "\"Hello\""), "{count} of {bytes}");
            let with_all = told.iter().filter(|email| email.get("preview").is_some()).count();
            assert_eq!(with_all, whole, "{count} of {bytes}");
        }
    }
}
