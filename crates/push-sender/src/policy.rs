//! Where may be posted to. The same rules at registration (what can be seen in the URL) and at the connection (the
//! address), so that an endpoint which could never be reached is refused when it is registered.
//!
//! What passes here at registration may still be refused when it is connected to: only then its address is known.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};
use webpush::origin::Origin;
use webpush::vapid::token::Contact;

use crate::address::is_global;

/// Why an endpoint may not be posted to. Nothing in it comes from the endpoint, so it can be shown to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointRefused {
    /// Not a URL, or not one that can be requested.
    #[error("not a URL")]
    Syntax,
    /// Longer than [`ENDPOINT_CHARS_MAX`].
    #[error("longer than {ENDPOINT_CHARS_MAX} characters")]
    TooLong,
    /// Neither `https`, nor `http` where that is allowed.
    #[error("the scheme must be https")]
    Scheme,
    /// It holds a user name or password.
    #[error("user names and passwords are not allowed")]
    UserInfo,
    /// It names, or its name leads to, an address that is not global and not allowed.
    #[error("the address is not on the public Internet")]
    Address,
    /// There is no contact that a push service could write to (`push.contact`).
    #[error("no contact is configured, and public push services must be able to reach the operator")]
    NoContact,
}

/// Where may be posted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Networks that may be posted to although they are not global.
    pub allow_addresses: Vec<IpNet>,
    /// Whether `http` will do, for push servers in one's own network and for tests.
    pub allow_http: bool,
    /// The origin of our own push service: it may be posted to wherever it is, and so may nothing else there.
    pub own_service: Option<Origin>,
    /// Whom push services may write to. Without it nothing is posted to a global address.
    pub contact: Option<Contact>,
}

impl Policy {
    /// Reads an endpoint as a client registers it.
    ///
    /// # Errors
    /// [`EndpointRefused`]; see [`Policy::check_endpoint`].
    pub fn parse_endpoint(&self, text: &str) -> Result<Url, EndpointRefused> {
        if text.len() > ENDPOINT_CHARS_MAX {
            return Err(EndpointRefused::TooLong);
        }
        // The URL parser would drop white space and control characters, and thus accept what is not a URL.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EndpointRefused::Syntax);
        }
        let url = Url::parse(text).map_err(|_| EndpointRefused::Syntax)?;
        self.check_endpoint(&url)?;
        Ok(url)
    }

    /// Checks all that an endpoint shows by itself: length, scheme, no user information, and the address if its host is
    /// one. Odd spellings of addresses (`0x7f.1`, `2130706433`) are addresses, too.
    ///
    /// # Errors
    /// [`EndpointRefused`].
    pub fn check_endpoint(&self, url: &Url) -> Result<(), EndpointRefused> {
        if url.as_str().len() > ENDPOINT_CHARS_MAX {
            return Err(EndpointRefused::TooLong);
        }
        let origin = Origin::of(url).ok_or(EndpointRefused::Scheme)?;
        let own = self.own_service.as_ref() == Some(&origin);
        if url.scheme() != "https" && !self.allow_http && !own {
            return Err(EndpointRefused::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointRefused::UserInfo);
        }
        request_uri(url).ok_or(EndpointRefused::Syntax)?;
        match url.host() {
            None => Err(EndpointRefused::Syntax),
            Some(Host::Ipv4(address)) => self.check_address(&origin, address.into()),
            Some(Host::Ipv6(address)) => self.check_address(&origin, address.into()),
            // RFC 6761 §6.3: these names are loopback whatever a resolver says.
            Some(Host::Domain(name)) if is_localhost(name) => {
                self.check_address(&origin, IpAddr::from([127, 0, 0, 1]))
            }
            Some(Host::Domain(_)) => Ok(()),
        }
    }

    /// Checks an address that is about to be connected to for `origin`.
    ///
    /// # Errors
    /// [`EndpointRefused::Address`], [`EndpointRefused::NoContact`].
    pub fn check_address(&self, origin: &Origin, address: IpAddr) -> Result<(), EndpointRefused> {
        let plain = address.to_canonical();
        if self.own_service.as_ref() == Some(origin)
            || self.allow_addresses.iter().any(|network| network.contains(&plain))
        {
            return Ok(());
        }
        if !is_global(address) {
            return Err(EndpointRefused::Address);
        }
        // RFC 8292 §2.1: the operator of a push service must be able to reach whoever floods it.
        if self.contact.is_none() { Err(EndpointRefused::NoContact) } else { Ok(()) }
    }
}

/// The URL as the HTTP library writes it; a fragment is not sent.
pub(crate) fn request_uri(url: &Url) -> Option<http::Uri> {
    let text = url.as_str();
    text.split_once('#').map_or(text, |(before, _)| before).parse().ok()
}

fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
}

/// A longer endpoint is refused (draft-gougeon-imap-webpush §4).
pub const ENDPOINT_CHARS_MAX: usize = 2048;
