//! The mechanisms by name, and which of them a connection may use.

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mechanism {
    /// RFC 5802, RFC 7677, bound to the TLS connection.
    ScramSha256Plus,
    /// RFC 5802, RFC 7677.
    ScramSha256,
    /// RFC 7628.
    OAuthBearer,
    /// What OAUTHBEARER was before it was a standard.
    XOAuth2,
    /// RFC 4616.
    Plain,
}

/// What a connection is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// Whether a password may be shown on it: TLS, or nobody on the way.
    pub is_private: bool,
    /// Whether it can be bound to: TLS with at least one of [`crate::Bindings`].
    pub is_bindable: bool,
}

impl Mechanism {
    /// All of them, the strongest first: a client that has no opinion takes the first that it knows.
    pub const ALL: [Self; 5] =
        [Self::ScramSha256Plus, Self::ScramSha256, Self::OAuthBearer, Self::XOAuth2, Self::Plain];

    /// Its registered name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
            Self::Plain => "PLAIN",
        }
    }

    /// The one with this name, in whatever case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// Whether it takes a token instead of a password.
    #[must_use]
    pub fn takes_token(self) -> bool {
        matches!(self, Self::OAuthBearer | Self::XOAuth2)
    }

    /// Whether it can be used on such a connection.
    #[must_use]
    pub fn works_on(self, channel: Channel) -> bool {
        match self {
            Self::ScramSha256Plus => channel.is_bindable,
            // What is sent is of no use to who reads it.
            Self::ScramSha256 => true,
            Self::Plain | Self::OAuthBearer | Self::XOAuth2 => channel.is_private,
        }
    }
}
