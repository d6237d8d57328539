//! The one place where errors become answers: problems of a request (RFC 7807, RFC 8620 §3.6.1), errors of a method
//! (RFC 8620 §3.6.2), and of one object in a /set (RFC 8620 §5.3).

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::wire::request::RequestError;

/// What is wrong with a request as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// `unknownCapability`
    UnknownCapability(String),
    /// `notJSON`
    NotJson(String),
    /// `notRequest`
    NotRequest(String),
    /// `limit`, with its name.
    Limit(&'static str),
    /// Anything that HTTP has a status for.
    Status(StatusCode, &'static str),
}

impl Problem {
    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Status(status, _) => *status,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The problem details.
    pub(crate) fn body(&self) -> Value {
        let of = |kind: &str, detail: &str| {
            let status = self.status().as_u16();
            json!({ "type": format!("urn:ietf:params:jmap:error:{kind}"), "status": status, "detail": detail })
        };
        match self {
            Self::UnknownCapability(name) => {
                of("unknownCapability", &format!("the capability {name:?} is not known here"))
            }
            Self::NotJson(why) => of("notJSON", why),
            Self::NotRequest(why) => of("notRequest", why),
            Self::Limit(name) => {
                let mut body = of("limit", &format!("more than {name} in the session resource says"));
                if let Some(fields) = body.as_object_mut() {
                    fields.insert("limit".to_owned(), Value::from(*name));
                }
                body
            }
            Self::Status(status, detail) => json!({
                "type": "about:blank",
                "status": status.as_u16(),
                "title": status.canonical_reason().unwrap_or_default(),
                "detail": detail,
            }),
        }
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NotJson(why) => Self::NotJson(why.to_string()),
            RequestError::NotRequest(why) => Self::NotRequest(why.to_owned()),
        }
    }
}

/// Why a method was not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MethodError {
    /// `unknownMethod`
    UnknownMethod,
    /// `invalidArguments`, and what is wrong.
    InvalidArguments(String),
    /// `invalidResultReference`, and which.
    InvalidResultReference(String),
    /// `forbidden`
    Forbidden,
    /// `accountNotFound`
    AccountNotFound,
    /// `fromAccountNotFound`
    FromAccountNotFound,
    /// `requestTooLarge`
    RequestTooLarge,
    /// `cannotCalculateChanges`
    CannotCalculateChanges,
    /// `stateMismatch`
    StateMismatch,
    /// `anchorNotFound`
    AnchorNotFound,
    /// `unsupportedSort`
    UnsupportedSort,
    /// `unsupportedFilter`
    UnsupportedFilter,
    /// `tooManyChanges`
    TooManyChanges,
    /// `unknownDataType` (RFC 9404 §4.3)
    UnknownDataType,
    /// `serverUnavailable`
    ServerUnavailable,
    /// `serverFail`
    ServerFail,
}

impl MethodError {
    /// Its name in RFC 8620.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::UnknownMethod => "unknownMethod",
            Self::InvalidArguments(_) => "invalidArguments",
            Self::InvalidResultReference(_) => "invalidResultReference",
            Self::Forbidden => "forbidden",
            Self::AccountNotFound => "accountNotFound",
            Self::FromAccountNotFound => "fromAccountNotFound",
            Self::RequestTooLarge => "requestTooLarge",
            Self::CannotCalculateChanges => "cannotCalculateChanges",
            Self::StateMismatch => "stateMismatch",
            Self::AnchorNotFound => "anchorNotFound",
            Self::UnsupportedSort => "unsupportedSort",
            Self::UnsupportedFilter => "unsupportedFilter",
            Self::TooManyChanges => "tooManyChanges",
            Self::UnknownDataType => "unknownDataType",
            Self::ServerUnavailable => "serverUnavailable",
            Self::ServerFail => "serverFail",
        }
    }

    /// The arguments of the `error` response.
    pub(crate) fn arguments(&self) -> Map<String, Value> {
        let mut arguments = Map::new();
        arguments.insert("type".to_owned(), Value::from(self.name()));
        if let Self::InvalidArguments(why) | Self::InvalidResultReference(why) = self {
            arguments.insert("description".to_owned(), Value::from(why.as_str()));
        }
        arguments
    }
}

impl From<store::Error> for MethodError {
    fn from(error: store::Error) -> Self {
        match error {
            // What a method looks for it finds or lists as missing itself; what is left is the account.
            store::Error::NotFound(_) => Self::AccountNotFound,
            store::Error::Forbidden(_) => Self::Forbidden,
            store::Error::Unavailable(why) => {
                tracing::warn!(why, "the store is not available to JMAP");
                Self::ServerUnavailable
            }
            other => {
                tracing::error!(error = %other, "a JMAP method failed");
                Self::ServerFail
            }
        }
    }
}

/// Why one object was not made, changed or destroyed (RFC 8620 §5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetError {
    /// `notFound`, `invalidProperties`, ...
    pub(crate) kind: &'static str,
    description: String,
    /// Those that are wrong.
    properties: Vec<String>,
    /// What this kind of error says besides.
    more: Vec<(&'static str, Value)>,
}

impl SetError {
    /// An error that is not about one property.
    pub(crate) fn new(kind: &'static str, description: &str) -> Self {
        let description = description.to_owned();
        Self { kind, description, properties: Vec::new(), more: Vec::new() }
    }

    /// `invalidProperties` for one.
    pub(crate) fn property(name: &str) -> Self {
        let properties = vec![name.to_owned()];
        let description = format!("{name:?} can't be that");
        Self { properties, ..Self::new("invalidProperties", &description) }
    }

    /// The same about one property.
    pub(crate) fn about(self, name: &str) -> Self {
        Self { properties: vec![name.to_owned()], ..self }
    }

    /// The same, with what this kind of error says besides.
    pub(crate) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.more.push((name, value));
        self
    }

    /// `blobNotFound` (RFC 8621 §4.6), naming it.
    pub(crate) fn blob_not_found(id: &str) -> Self {
        Self::new("blobNotFound", "there is no such blob").with("notFound", json!([id]))
    }

    /// `alreadyExists` (RFC 8620 §5.4), naming the one that there is.
    pub(crate) fn exists(id: Option<String>) -> Self {
        let exists = Self::new("alreadyExists", "there is one of that name already");
        match id {
            Some(id) => exists.with("existingId", Value::String(id)),
            None => exists,
        }
    }

    /// `invalidProperties` for one, with the reason.
    pub(crate) fn because(name: &str, why: &str) -> Self {
        Self { description: why.to_owned(), ..Self::property(name) }
    }

    /// `notFound`
    pub(crate) fn not_found() -> Self {
        Self::new("notFound", "there is none of that id")
    }

    /// It has changed since `ifInState`. What would be the first of a call to be done is the method error of that name.
    pub(crate) fn changed() -> Self {
        Self::new("stateMismatch", "it has changed meanwhile")
    }

    /// As the response has it.
    pub(crate) fn value(self) -> Value {
        let mut value = json!({ "type": self.kind, "description": self.description });
        let Some(fields) = value.as_object_mut() else { return value };
        if !self.properties.is_empty() {
            fields.insert("properties".to_owned(), json!(self.properties));
        }
        fields.extend(self.more.into_iter().map(|(name, more)| (name.to_owned(), more)));
        value
    }
}

impl From<store::Error> for SetError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound("mailbox") => Self::property("mailboxIds"),
            store::Error::NotFound(_) => Self::not_found(),
            store::Error::Forbidden(why) => Self::new("forbidden", why),
            store::Error::Changed => Self::changed(),
            store::Error::OverQuota => Self::new("overQuota", "there is no room for it"),
            store::Error::Limit("keywords of an account") => {
                Self::new("tooManyKeywords", "the account has as many keywords as it can")
            }
            store::Error::Limit(what) => Self::new("overQuota", &format!("limit reached: {what}")),
            store::Error::Invalid { what: "keyword", .. } => Self::property("keywords"),
            store::Error::Invalid { what: "mailboxes", .. } => Self::property("mailboxIds"),
            store::Error::Invalid { what, why } => {
                Self::new("invalidProperties", &format!("invalid {what}: {why}"))
            }
            store::Error::Exists(what) => Self::new("alreadyExists", &format!("{what} already exists")),
            // RFC 8620 §3.6.2: an object that can't be changed now may be tried again.
            store::Error::Unavailable(why) => {
                tracing::warn!(why, "the store is not available to JMAP");
                Self::new("serverUnavailable", "try again later")
            }
            other => {
                tracing::error!(error = %other, "a change by JMAP failed");
                Self::new("serverFail", "the server failed")
            }
        }
    }
}
