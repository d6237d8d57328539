//! From `[apple]` to what offers, composes and posts pushes by Apple's service.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use imap::push::apple::AppleOffer;
use notifier::apple::AppleService;
use push_sender::policy::Policy;
use push_sender::resolve::SystemResolver;
use push_sender::sender::{Config as SenderConfig, Limits, PushSender};
use push_sender::tls::ClientCertificate;
use webpush::origin::Origin;
use webpush::provider::Provider;
use webpush::vapid::key::SigningKey;

use crate::config::{Apple, Identity};

/// What clients are told.
pub(crate) fn offer(apple: &Apple) -> AppleOffer {
    let base_url = apple.url.as_str().trim_end_matches('/').to_owned();
    AppleOffer { topic: apple.topic.clone(), base_url }
}

/// The way there. `extra_ca` holds further authorities, as for other push services.
pub(crate) fn service(apple: &Apple, extra_ca: Option<String>) -> anyhow::Result<AppleService> {
    let config = SenderConfig {
        policy: Policy {
            allow_addresses: Vec::new(),
            allow_http: false,
            // The operator has chosen it: it may be anywhere.
            own_service: Origin::of(&apple.url),
            contact: None,
        },
        extra_ca,
        limits: Limits::STANDARD,
    };
    let resolver = Arc::new(SystemResolver::from_system());
    let (sender, provider) = match &apple.identity {
        Identity::Certificate(files) => {
            let certificate = ClientCertificate::from_pem(&read(&files.certificate)?, &read(&files.key)?)
                .context("apple.certificate")?;
            let sender = PushSender::with_certificate(config, resolver, certificate);
            (sender.context("apple.certificate")?, None)
        }
        Identity::Token { key, key_id, team_id } => {
            let key = SigningKey::from_pem(&read(key)?).context("apple.token_key")?;
            let provider = Provider { key, key_id: key_id.clone(), team_id: team_id.clone() };
            (PushSender::new(config, resolver).context("push.extra_ca")?, Some(provider))
        }
    };
    Ok(AppleService::new(Arc::new(sender), apple.topic.clone(), provider))
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}
