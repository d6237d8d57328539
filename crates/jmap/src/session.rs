//! The session resource (RFC 8620 §2): what the server can do, and where.
//!
//! A pure function of account, address and limits; its state is a digest of what it says.

use serde_json::{Value, json};
use store::AccountId;

use crate::method::blob;
use crate::wire::id;
use crate::{Limits, Sending};

/// What the resource depends on.
pub(crate) struct Subject<'s> {
    /// Whose session.
    pub(crate) account: AccountId,
    /// What the account is called.
    pub(crate) name: &'s str,
    /// The origin that URLs begin with, without a slash at its end.
    pub(crate) origin: &'s str,
    /// How much of everything.
    pub(crate) limits: &'s Limits,
    /// What may be sent, if anything.
    pub(crate) sending: Option<&'s Sending>,
    /// The key that pushes to new subscriptions are signed with.
    pub(crate) application_server_key: String,
}

/// The resource.
pub(crate) fn resource(subject: &Subject<'_>) -> Value {
    let mut session = stateless(subject);
    let state = digest(&session);
    if let Some(fields) = session.as_object_mut() {
        fields.insert("state".to_owned(), Value::String(state));
    }
    session
}

/// Its state alone, which every answer of the API names.
pub(crate) fn state(subject: &Subject<'_>) -> String {
    digest(&stateless(subject))
}

fn digest(session: &Value) -> String {
    let hash = blake3::hash(session.to_string().as_bytes()).to_hex();
    hash.chars().take(STATE_CHARS).collect()
}

fn stateless(subject: &Subject<'_>) -> Value {
    let mut session = without_sending(subject);
    let id = id::of_account(subject.account);
    let Some(sending) = subject.sending else { return session };
    // RFC 8621 §1.3.2 and §1.3.3
    let mut extensions = json!({ "FUTURERELEASE": [sending.delay_max.as_secs().to_string()], "SIZE": [sending.message_bytes.to_string()] });
    if let Some(fields) = extensions.as_object_mut().filter(|_| sending.dsn) {
        fields.insert("DSN".to_owned(), json!([]));
    }
    let submission =
        json!({ "maxDelayedSend": sending.delay_max.as_secs(), "submissionExtensions": extensions });
    let of_account = format!("/accounts/{id}/accountCapabilities");
    for (place, name, value) in [
        ("/capabilities", SUBMISSION, json!({})),
        ("/capabilities", VACATION, json!({})),
        (&of_account, SUBMISSION, submission),
        (&of_account, VACATION, json!({})),
        ("/primaryAccounts", SUBMISSION, json!(id)),
        ("/primaryAccounts", VACATION, json!(id)),
    ] {
        if let Some(fields) = session.pointer_mut(place).and_then(Value::as_object_mut) {
            fields.insert(name.to_owned(), value);
        }
    }
    session
}

fn without_sending(
    Subject { account, name, origin, limits, application_server_key, .. }: &Subject<'_>,
) -> Value {
    let id = id::of_account(*account);
    json!({
        "capabilities": {
            CORE: {
                "maxSizeUpload": limits.upload_bytes,
                "maxConcurrentUpload": limits.uploads,
                "maxSizeRequest": limits.request_bytes,
                "maxConcurrentRequests": limits.requests,
                "maxCallsInRequest": limits.calls,
                "maxObjectsInGet": limits.objects_in_get,
                "maxObjectsInSet": limits.objects_in_set,
                "collationAlgorithms": ["i;ascii-casemap", "i;unicode-casemap"],
            },
            MAIL: {},
            WEBSOCKET: { "url": socket_url(origin), "supportsPush": true },
            BLOB: {},
            QUOTA: {},
            VAPID: { "applicationServerKey": application_server_key },
            EMAIL_PUSH: {},
            OWN_CHANGES: {},
        },
        "accounts": {
            &id: {
                "name": name,
                "isPersonal": true,
                "isReadOnly": false,
                "accountCapabilities": {
                    CORE: {},
                    EMAIL_PUSH: {},
                    // RFC 8621 §1.3.1
                    MAIL: {
                        "maxMailboxesPerEmail": null,
                        "maxMailboxDepth": 20,
                        "maxSizeMailboxName": 1000,
                        "maxSizeAttachmentsPerEmail": limits.message_bytes,
                        "emailQuerySortOptions": EMAIL_SORTS,
                        "mayCreateTopLevelMailbox": true,
                    },
                    // RFC 9404 §3.1
                    BLOB: {
                        "maxSizeBlobSet": limits.upload_bytes,
                        "maxDataSources": blob::SOURCES_MAX,
                        "supportedTypeNames": blob::LOOKUP_TYPES,
                        "supportedDigestAlgorithms": blob::DIGESTS,
                    },
                    QUOTA: {},
                },
            },
        },
        "primaryAccounts": { CORE: &id, MAIL: &id, BLOB: &id, QUOTA: &id },
        "username": name,
        "apiUrl": format!("{origin}/jmap/api"),
        "downloadUrl": format!("{origin}/jmap/download/{{accountId}}/{{blobId}}/{{name}}?accept={{type}}"),
        "uploadUrl": format!("{origin}/jmap/upload/{{accountId}}"),
        "eventSourceUrl":
            format!("{origin}/jmap/events?types={{types}}&closeafter={{closeafter}}&ping={{ping}}"),
    })
}

/// RFC 8887 §3: `wss:` where the rest is `https:`.
fn socket_url(origin: &str) -> String {
    let rest = origin.strip_prefix("http").unwrap_or(origin);
    format!("ws{rest}/jmap/ws")
}

/// RFC 8620 §2.
pub(crate) const CORE: &str = "urn:ietf:params:jmap:core";
/// RFC 8621 §1.3.1.
pub(crate) const MAIL: &str = "urn:ietf:params:jmap:mail";
/// RFC 8887 §3.
pub(crate) const WEBSOCKET: &str = "urn:ietf:params:jmap:websocket";
/// RFC 9404 §3.1.
pub(crate) const BLOB: &str = "urn:ietf:params:jmap:blob";
/// RFC 9425 §2.1.
pub(crate) const QUOTA: &str = "urn:ietf:params:jmap:quota";
/// RFC 8621 §1.3.2.
pub(crate) const SUBMISSION: &str = "urn:ietf:params:jmap:submission";
/// RFC 8621 §1.3.3.
pub(crate) const VACATION: &str = "urn:ietf:params:jmap:vacationresponse";
/// Those that are there only if mail can be sent.
pub(crate) const SENDING: [&str; 2] = [SUBMISSION, VACATION];
/// RFC 9749 §3.
pub(crate) const VAPID: &str = "urn:ietf:params:jmap:webpush-vapid";
/// draft-ietf-jmap-emailpush.
pub(crate) const EMAIL_PUSH: &str = "urn:ietf:params:jmap:emailpush";
/// Ours: `ignoreOwnChanges` of PushSubscription.
pub(crate) const OWN_CHANGES: &str = "urn:mailbell:params:jmap:ownchanges";
/// What Email/query can sort by (RFC 8621 §4.4.2).
pub(crate) const EMAIL_SORTS: [&str; 9] = [
    "receivedAt",
    "size",
    "from",
    "to",
    "subject",
    "sentAt",
    "hasKeyword",
    "allInThreadHaveKeyword",
    "someInThreadHaveKeyword",
];
const STATE_CHARS: usize = 24;
