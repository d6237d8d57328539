use std::time::Duration;

use admission::peer::Peers;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::{Limits, Web};
use crate::serve::status::Status;

fn web() -> Web {
    let status = Status::new(None, PrometheusBuilder::new().build_recorder().handle());
    let limits =
        Limits { connections: 1, connections_per_peer: 1, write_timeout: Duration::from_millis(100) };
    Web::new(status, None, Peers::new(Vec::new()), limits)
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_connection() {
    // So small that no answer fits into it.
    let (mut client, server) = tokio::io::duplex(64);
    let caller = jmap::Caller { peer: None, is_encrypted: false };
    let serving = tokio::spawn(web().connection(Box::new(server), None, caller, CancellationToken::new()));
    client.write_all(b"GET /health/live HTTP/1.1\r\n\r\n").await.expect("taken");
    serving.await.expect("ended");
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.expect("what had been written");
    assert_eq!(rest.len(), 64);
}
