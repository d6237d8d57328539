//! A certificate authority of our own, and a certificate for localhost by it.

use std::path::PathBuf;

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;

/// The files, removed when dropped.
pub(crate) struct Authority {
    directory: TempDir,
}

impl Authority {
    /// Makes both.
    pub(crate) fn new() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, "Mailbell test authority");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let mut parameters = CertificateParams::new(vec!["localhost".to_owned()])?;
        parameters.use_authority_key_identifier_extension = true;
        let certificate = parameters.signed_by(&key, &authority)?;
        std::fs::write(directory.path().join("authority.pem"), authority.pem())?;
        std::fs::write(directory.path().join("localhost.pem"), certificate.pem())?;
        std::fs::write(directory.path().join("localhost.key"), key.serialize_pem())?;
        Ok(Self { directory })
    }

    /// The authority's certificate, PEM.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }

    /// What makes a server use the certificate for localhost, and trust the authority where it posts.
    pub(crate) fn settings(&self) -> String {
        let directory = self.directory.path().display();
        format!(
            "\n[push]\nmin_interval = \"1s\"\nextra_ca = [\"{directory}/authority.pem\"]\n\
             [tls]\ncertificate = \"{directory}/localhost.pem\"\nkey = \"{directory}/localhost.key\"\n"
        )
    }
}
