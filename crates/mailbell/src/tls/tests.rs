use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use rustls::client::ClientConnection;
use rustls::server::ServerConnection;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;

use super::{CertificateOrigin, Tls, read_authorities};
use crate::config::{CertificateFiles, Config};

fn config(data_dir: &std::path::Path) -> Config {
    Config { data_dir: data_dir.to_owned(), hostname: "mail.example".to_owned(), ..Config::default() }
}

/// The certificate that a client who trusts `file` sees when it calls for `name`, or why it refuses.
fn handshake(
    tls: &Tls,
    file: &std::path::Path,
    name: &str,
) -> Result<CertificateDer<'static>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for certificate in read_authorities(&[file.to_owned()]).expect("certificates") {
        roots.add(certificate).expect("a certificate");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = name.to_owned().try_into().expect("a name");
    let mut client = ClientConnection::new(Arc::new(client), name).expect("a client");
    let mut server = ServerConnection::new(tls.server_config(&[]).expect("TLS")).expect("a server");
    while client.is_handshaking() || server.is_handshaking() {
        let mut flight = Vec::new();
        client.write_tls(&mut flight).expect("memory");
        server.read_tls(&mut flight.as_slice()).expect("memory");
        server.process_new_packets()?;
        let mut flight = Vec::new();
        server.write_tls(&mut flight).expect("memory");
        client.read_tls(&mut flight.as_slice()).expect("memory");
        client.process_new_packets()?;
    }
    Ok(client.peer_certificates().expect("shown")[0].clone().into_owned())
}

#[test]
fn a_development_certificate_is_made_once_and_names_this_host_and_loopback() {
    let data_dir = tempfile::tempdir().expect("a directory");
    let tls = Tls::load(&config(data_dir.path())).expect("made");
    assert_eq!(tls.origin(), CertificateOrigin::DevelopmentNew);
    let key = data_dir.path().join("tls/development.key");
    assert_eq!(std::fs::metadata(key).expect("there").permissions().mode() & 0o777, 0o600);

    let first = handshake(&tls, tls.certificate_file(), "mail.example").expect("trusted");
    for name in ["localhost", "127.0.0.1", "::1"] {
        handshake(&tls, tls.certificate_file(), name).expect("trusted");
    }
    handshake(&tls, tls.certificate_file(), "other.example").expect_err("not its name");

    let again = Tls::load(&config(data_dir.path())).expect("loaded");
    assert_eq!(again.origin(), CertificateOrigin::Development);
    assert_eq!(handshake(&again, tls.certificate_file(), "localhost").expect("trusted"), first);
}

#[test]
fn a_reload_swaps_the_certificate_and_a_failed_one_keeps_it() {
    let [a, b] = [(); 2].map(|()| {
        let directory = tempfile::tempdir().expect("a directory");
        Tls::load(&config(directory.path())).expect("made");
        directory
    });
    let files = CertificateFiles {
        certificate: a.path().join("tls/development.pem"),
        key: a.path().join("tls/development.key"),
    };
    let tls = Tls::load(&Config { tls: Some(files.clone()), ..config(a.path()) }).expect("loaded");
    assert_eq!(tls.origin(), CertificateOrigin::Configured);
    let first = handshake(&tls, &files.certificate, "localhost").expect("trusted");

    std::fs::copy(b.path().join("tls/development.pem"), &files.certificate).expect("copied");
    let error = tls.reload().expect_err("key and certificate differ").to_string();
    assert!(error.ends_with("do not go together"), "{error}");
    handshake(&tls, &files.certificate, "localhost")
        .expect_err("still the first, which the new file does not trust");

    std::fs::copy(b.path().join("tls/development.key"), &files.key).expect("copied");
    tls.reload().expect("a pair again");
    assert_ne!(handshake(&tls, &files.certificate, "localhost").expect("trusted"), first);
}

#[test]
fn files_that_hold_no_certificate_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "nothing").expect("written");
    let files = CertificateFiles { certificate: empty.clone(), key: empty.clone() };
    let error = Tls::load(&Config { tls: Some(files), ..config(directory.path()) }).expect_err("refused");
    assert_eq!(error.to_string(), format!("{} holds no certificate", empty.display()));
    assert_eq!(
        read_authorities(std::slice::from_ref(&empty)).expect_err("refused").to_string(),
        error.to_string()
    );
}
