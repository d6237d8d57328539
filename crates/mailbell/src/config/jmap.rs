//! `[jmap]`: where JMAP is, and how much of everything.

use std::time::Duration;

use url::Url;

use super::source::Reader;
use super::value;

/// Settings of JMAP. What happens at each limit stands in `mailbell.example.toml`.
#[derive(Clone, Debug)]
pub(crate) struct Jmap {
    /// The origin that URLs in the session resource begin with; `None` is the one that a request was made to.
    pub(crate) public_url: Option<Url>,
    /// Octets of a request.
    pub(crate) request_bytes: u64,
    /// Method calls in a request.
    pub(crate) calls: usize,
    /// Requests of one account at a time.
    pub(crate) requests: usize,
    /// Ids in one /get.
    pub(crate) objects_in_get: usize,
    /// Objects in one /set.
    pub(crate) objects_in_set: usize,
    /// Octets of an upload.
    pub(crate) upload_bytes: u64,
    /// Uploads of one account at a time.
    pub(crate) uploads: usize,
    /// Push subscriptions that an account may make in an hour.
    pub(crate) push_creations_per_hour: usize,
    /// Connections at a time to http and https.
    pub(crate) connections: usize,
    /// Those of one address among them.
    pub(crate) connections_per_address: usize,
    /// How long a client may take nothing of an answer.
    pub(crate) write_timeout: Duration,
}

/// Reads the keys.
pub(super) fn read(reader: &mut Reader) -> Jmap {
    Jmap {
        public_url: reader.read("jmap.public_url", None, |raw| value::origin(raw).map(Some)),
        request_bytes: reader.read("jmap.request_bytes", 10_000_000, value::bytes),
        calls: reader.read("jmap.calls", 32, value::count),
        requests: reader.read("jmap.requests", 8, value::count),
        objects_in_get: reader.read("jmap.objects_in_get", 1000, value::count),
        objects_in_set: reader.read("jmap.objects_in_set", 1000, value::count),
        upload_bytes: reader.read("jmap.upload_bytes", 50 << 20, value::bytes),
        uploads: reader.read("jmap.uploads", 4, value::count),
        push_creations_per_hour: reader.read("jmap.push_creations_per_hour", 30, value::count),
        connections: reader.read("jmap.connections", 10_000, value::count),
        connections_per_address: reader.read("jmap.connections_per_address", 100, value::count),
        write_timeout: reader.read("jmap.write_timeout", Duration::from_secs(60), value::duration),
    }
}
