//! Work on many messages is done beside the threads that serve connections, which others wait for.

use crate::reply::Failure;

/// Does work on so many messages, here if they are few.
///
/// # Errors
/// A bug if the work panics.
pub(crate) async fn aside<T: Send + 'static>(
    messages: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    if messages <= HERE_MAX {
        return Ok(work());
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::Store(store::Error::Bug(format!("work on many messages: {error}"))))
}

/// Messages on which work takes less than a thread takes to be found for it, about.
const HERE_MAX: usize = 1_000;
