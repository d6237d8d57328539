//! Names to addresses. A trait, because tests must be able to answer as a hostile name server would.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use hickory_resolver::TokioResolver;

/// The name has no address, or no name server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name could not be resolved")]
pub struct Unresolved;

/// What a resolver promises.
pub type Addresses<'a> = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, Unresolved>> + Send + 'a>>;

/// Looks up host names; never asked for IP addresses.
pub trait Resolve: Send + Sync {
    /// The addresses of `name` in the order in which they are to be tried.
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a>;
}

/// The resolver of the system: `/etc/resolv.conf` and `/etc/hosts`.
pub struct SystemResolver(Option<TokioResolver>);

impl SystemResolver {
    /// Reads the configuration of the system. Without one, no name resolves, and pushes go to addresses only.
    #[must_use]
    pub fn from_system() -> Self {
        let resolver = TokioResolver::builder_tokio().and_then(hickory_resolver::ResolverBuilder::build);
        match resolver {
            Ok(resolver) => Self(Some(resolver)),
            Err(error) => {
                tracing::warn!(%error, "no resolver configuration: push services can't be found by name");
                Self(None)
            }
        }
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a> {
        Box::pin(async move {
            let resolver = self.0.as_ref().ok_or(Unresolved)?;
            // With the dot the search list of the system stays out of it: a push service is named in full.
            let name = if name.ends_with('.') { name.to_owned() } else { format!("{name}.") };
            let found = resolver.lookup_ip(name).await.map_err(|_| Unresolved)?;
            let addresses: Vec<IpAddr> = found.iter().collect();
            if addresses.is_empty() { Err(Unresolved) } else { Ok(addresses) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_system_resolves_its_own_name_and_no_invalid_one() {
        let resolver = SystemResolver::from_system();
        if resolver.0.is_none() {
            println!("SKIPPED: this system has no resolver configuration");
            return;
        }
        for name in ["localhost", "localhost."] {
            let addresses = resolver.resolve(name).await.expect("loopback");
            assert!(addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
        }
        // RFC 6761 §6.4: never resolves; a label of 64 characters is not a name at all.
        for name in ["push.invalid", &"a".repeat(64)] {
            assert_eq!(resolver.resolve(name).await, Err(Unresolved), "{name}");
        }
    }
}
