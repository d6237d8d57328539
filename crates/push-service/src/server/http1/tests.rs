use std::net::IpAddr;

use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::service::Service;

type Tls = TlsStream<TcpStream>;

fn bytes_of_switch<F>(_: impl Fn(Context, hyper::upgrade::OnUpgrade) -> F) -> usize {
    size_of::<F>()
}

fn bytes_of_serve<F>(
    _: impl Fn(Arc<Service>, WebSocketStream<Box<Tls>>, IpAddr, CancellationToken) -> F,
) -> usize {
    size_of::<F>()
}

/// Futures that hold each other hold every copy of what they pass on, so an idle agent may cost far more than its state.
#[test]
fn an_idle_agent_waits_in_futures_that_are_small() {
    let cases = [
        ("from the request to the WebSocket", bytes_of_switch(switch::<Tls>), 1024),
        ("the WebSocket", bytes_of_serve(websocket::conn::serve), 4096),
    ];
    for (what, bytes, limit) in cases {
        assert!(bytes <= limit, "{what}: {bytes} bytes");
    }
}
