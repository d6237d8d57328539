//! The reply while its owner is away (RFC 8621 §8). Replies are made at delivery (the crate `delivery`).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use store::{UnixTime, Vacation};

use crate::wire::date;

pub(crate) mod get;
pub(crate) mod set;

/// The wanted properties.
fn object(vacation: &Vacation, wanted: &BTreeSet<&'static str>) -> Value {
    let time = |time: Option<UnixTime>| time.map(|time| date::utc(time.0));
    let mut object = Map::new();
    for property in wanted {
        let value = match *property {
            "id" => json!(SINGLETON),
            "isEnabled" => json!(vacation.is_enabled),
            "fromDate" => json!(time(vacation.from)),
            "toDate" => json!(time(vacation.to)),
            "subject" => json!(vacation.subject),
            "textBody" => json!(vacation.text_body),
            "htmlBody" => json!(vacation.html_body),
            _ => continue,
        };
        object.insert((*property).to_owned(), value);
    }
    Value::Object(object)
}

/// The id of the one that there is.
const SINGLETON: &str = "singleton";
/// Every property (RFC 8621 §8).
const PROPERTIES: [&str; 7] = ["id", "isEnabled", "fromDate", "toDate", "subject", "textBody", "htmlBody"];
