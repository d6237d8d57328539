//! How much of everything, and what happens above it.

/// The limits of the server. Those with a name in RFC 8620 §2 are shown in the session resource.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Octets of a request to the API (`maxSizeRequest`); above it the problem `limit`.
    pub request_bytes: usize,
    /// Method calls in a request (`maxCallsInRequest`); above it the problem `limit`.
    pub calls: usize,
    /// Requests of one account at a time (`maxConcurrentRequests`); above it the problem `limit`.
    pub requests: usize,
    /// Ids in one /get (`maxObjectsInGet`); above it the error `requestTooLarge`.
    pub objects_in_get: usize,
    /// Creations, updates and destructions in one /set (`maxObjectsInSet`); above it the error `requestTooLarge`.
    pub objects_in_set: usize,
    /// Octets of an upload (`maxSizeUpload`); above it the problem `limit`.
    pub upload_bytes: u64,
    /// Uploads of one account at a time (`maxConcurrentUpload`); above it the problem `limit`.
    pub uploads: usize,
    /// Octets of a message that is made or imported; above it the SetError `tooLarge`.
    pub message_bytes: u64,
}

impl Default for Limits {
    /// The minima that RFC 8620 §2 suggests, or more.
    fn default() -> Self {
        Self {
            request_bytes: 10_000_000,
            calls: 32,
            requests: 8,
            objects_in_get: 1000,
            objects_in_set: 1000,
            upload_bytes: 50 << 20,
            uploads: 4,
            message_bytes: 50 << 20,
        }
    }
}
