use super::Listener;
use crate::config::ListenAddress;

async fn check_refused(address: ListenAddress, wanted: &str) {
    let error = Listener::bind("listen.imap", &address).await.expect_err("refused");
    let shown = format!("{error:#}");
    assert_eq!(shown, wanted.replace("{}", &address.to_string()));
}

#[tokio::test]
async fn what_keeps_us_from_listening_is_said_in_words() {
    let taken =
        Listener::bind("listen.imap", &ListenAddress::Tcp(([127, 0, 0, 1], 0).into())).await.expect("free");
    let taken_at = taken.address().expect("an address");
    assert!(matches!(taken_at, ListenAddress::Tcp(address) if address.port() != 0));
    check_refused(taken_at, "listen.imap: cannot listen on {}: another program listens there already").await;
    check_refused(
        ListenAddress::Tcp(([192, 0, 2, 1], 1).into()),
        "listen.imap: cannot listen on {}: this machine does not have that address",
    )
    .await;
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced_and_anything_else_is_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let address = ListenAddress::Unix(directory.path().join("socket"));
    let first = Listener::bind("listen.lmtp", &address).await.expect("free");
    check_refused(address.clone(), "listen.imap: cannot listen on {}: another program listens there already")
        .await;
    drop(first);
    Listener::bind("listen.lmtp", &address).await.expect("what was left behind is replaced");

    let file = directory.path().join("file");
    std::fs::write(&file, "precious").expect("written");
    check_refused(
        ListenAddress::Unix(file.clone()),
        "listen.imap: cannot listen on {}: there is a file of that name that is not a socket",
    )
    .await;
    assert_eq!(std::fs::read_to_string(file).expect("kept"), "precious");
}
