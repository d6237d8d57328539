use super::*;

/// Bytes of the future that a call would make, without making it.
fn future_bytes<F>(_: impl FnOnce(Server, Socket, Origin, Security, CancellationToken) -> F) -> usize {
    size_of::<F>()
}

#[test]
fn a_waiting_connection_takes_little_memory() {
    // With its socket's registration, its selected mailbox and its task this stays below the 4 KiB that an idle
    // connection may cost.
    let bytes = future_bytes(run);
    assert!(bytes <= 2048, "the future of a connection takes {bytes} bytes");
}
