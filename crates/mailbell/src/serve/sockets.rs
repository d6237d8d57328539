//! Every listening socket of `[listen]`, opened before any part starts, so that a port that is taken is told before
//! anything else has happened.

use crate::config::{Listen, ListenAddress};

use super::listener::Listener;

/// The sockets, by what is spoken on them.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    /// LMTP.
    pub(crate) lmtp: Vec<Listener>,
    /// IMAP with STARTTLS.
    pub(crate) imap: Vec<Listener>,
    /// IMAP over TLS.
    pub(crate) imaps: Vec<Listener>,
    /// Health and metrics.
    pub(crate) http: Vec<Listener>,
    /// Health and metrics over TLS.
    pub(crate) https: Vec<Listener>,
    /// The push service.
    pub(crate) push: Vec<Listener>,
}

impl Sockets {
    /// Opens all of them or none.
    pub(crate) async fn open(listen: &Listen) -> anyhow::Result<Self> {
        Ok(Self {
            lmtp: open("listen.lmtp", &listen.lmtp).await?,
            imap: open("listen.imap", &listen.imap).await?,
            imaps: open("listen.imaps", &listen.imaps).await?,
            http: open("listen.http", &listen.http).await?,
            https: open("listen.https", &listen.https).await?,
            push: open("listen.push", &listen.push).await?,
        })
    }

    /// Where they listen really: port 0 has become a number.
    pub(crate) fn addresses(&self) -> anyhow::Result<Listen> {
        let of =
            |listeners: &[Listener]| listeners.iter().map(Listener::address).collect::<anyhow::Result<_>>();
        Ok(Listen {
            lmtp: of(&self.lmtp)?,
            imap: of(&self.imap)?,
            imaps: of(&self.imaps)?,
            http: of(&self.http)?,
            https: of(&self.https)?,
            push: of(&self.push)?,
        })
    }
}

async fn open(key: &str, addresses: &[ListenAddress]) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        listeners.push(Listener::bind(key, address).await?);
    }
    Ok(listeners)
}
