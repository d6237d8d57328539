use std::time::Duration;

use serde_json::json;

use super::*;

fn sending(dsn: bool) -> Sending {
    Sending { recipients: 10, message_bytes: 1000, delay_max: Duration::from_secs(3600), waiting: 10, dsn }
}

fn mail(parameters: Value, dsn: bool) -> Result<i64, SetError> {
    let envelope =
        json!({ "mailFrom": { "email": "a@b", "parameters": parameters }, "rcptTo": [{ "email": "c@d" }] });
    given(envelope, (&sending(dsn), UnixTime(1000))).map(|given| given.send_at.0)
}

#[test]
fn a_message_is_held_as_long_as_its_parameters_say() {
    for (parameters, send_at) in [
        (json!(null), Some(1000)),
        (json!({}), Some(1000)),
        (json!({ "HOLDFOR": "60" }), Some(1060)),
        (json!({ "holdfor": "3600" }), Some(4600)),
        (json!({ "HOLDFOR": "3601" }), None),
        (json!({ "HOLDFOR": "-1" }), None),
        (json!({ "HOLDFOR": 60 }), None),
        (json!({ "HOLDFOR": null }), None),
        (json!({ "HOLDUNTIL": "1970-01-01T00:20:00Z" }), Some(1200)),
        (json!({ "HOLDUNTIL": "1970-01-01T01:20:00+01:00" }), Some(1200)),
        (json!({ "HOLDUNTIL": "1970-01-01T00:00:00Z" }), Some(1000)),
        (json!({ "HOLDUNTIL": "tomorrow" }), None),
        (json!({ "HOLDUNTIL": "1970-01-01T00:20:00Z", "HOLDFOR": "1" }), None),
        (json!({ "SIZE": "1", "BODY": "8BITMIME", "SMTPUTF8": null }), Some(1000)),
        (json!({ "MT-PRIORITY": "3" }), None),
        (json!({ "RET": "FULL" }), None),
    ] {
        assert_eq!(mail(parameters.clone(), false).ok(), send_at, "{parameters}");
    }
    assert_eq!(mail(json!({ "RET": "FULL", "ENVID": "x" }), true).ok(), Some(1000));
    assert!(mail(json!({ "RET": "ALL" }), true).is_err());
}

#[test]
fn recipients_are_there_once_with_what_they_were_given() {
    let envelope = |rcpt: Value| {
        let envelope = json!({ "mailFrom": { "email": "" }, "rcptTo": rcpt });
        given(envelope, (&sending(true), UnixTime(0))).map(|given| given.recipients)
    };
    let found = envelope(json!([
        { "email": "a@b", "parameters": { "NOTIFY": "SUCCESS,DELAY", "ORCPT": "rfc822;a@b" } },
        { "email": "c@d", "parameters": null },
        { "email": "a@b" },
    ]));
    let emails: Vec<String> = found.unwrap().into_iter().map(|recipient| recipient.email).collect();
    assert_eq!(emails, ["a@b", "c@d"]);
    for wrong in [
        json!([{ "email": "a@b", "parameters": { "NOTIFY": "NEVER,SUCCESS" } }]),
        json!([{ "email": "a@b", "parameters": { "ORCPT": "a@b" } }]),
        json!([{ "email": "a@b", "parameters": { "HOLDFOR": "1" } }]),
        json!([{ "email": "a@b", "parameters": { "NOTIFY": "NEVER\r\nDATA" } }]),
        json!([{ "email": 1 }]),
        json!([{ "address": "a@b" }]),
        json!({}),
    ] {
        assert_eq!(envelope(wrong.clone()).unwrap_err().kind, "invalidProperties", "{wrong}");
    }
}
