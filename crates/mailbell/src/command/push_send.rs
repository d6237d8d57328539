//! `mailbell push send`: one push to any endpoint, encrypted, signed with the server's VAPID key and posted by the
//! same rules as the server's own. Prints what the push service answered.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use push_sender::outcome::{NetworkFailure, Outcome};
use push_sender::policy::EndpointRefused;
use push_sender::request::{Correlation, PushHeaders, Request};
use serde::Deserialize;
use url::Url;
use webpush::key::{AuthSecret, PublicKey};
use webpush::message::{Recipient, Sender, encrypt};
use webpush::padding::{CLEARTEXT_BYTES_MAX, Padding};

use crate::cli::PushSendArguments;
use crate::config::Config;
use crate::serve::parts;
use crate::tls::Tls;
use crate::vapid_keys::VapidKeys;

/// Sends it. Success is a push service that took it.
pub(crate) async fn run(config: &Config, arguments: PushSendArguments) -> anyhow::Result<ExitCode> {
    let target = target(&arguments)?;
    let cleartext = cleartext(&arguments)?;
    let keys = VapidKeys::load_or_make(&config.data_dir)?;
    let body = encrypt(Sender::generate()?, &target.recipient, &cleartext, Padding::TO_128)?;
    let headers = PushHeaders { ttl: arguments.ttl, urgency: arguments.urgency, topic: arguments.topic };
    let own = parts::public_url(config, &config.listen.push)?;
    let sender = parts::push_sender(config, &Tls::load(config)?, own.as_ref())?;
    let nobody = Correlation { account: 0, modseq: 0 };
    let body_bytes = body.len();
    let request = Request::push(target.endpoint, &headers, body.into(), Arc::new(keys.current), nobody);
    let outcome = sender.send(&request).await;

    match &outcome {
        Outcome::Accepted { status, location } => {
            println!("{status}: taken, {} bytes of cleartext in {body_bytes} encrypted.", cleartext.len());
            if let Some(location) = location {
                println!("Location: {}", location.url());
            }
            Ok(ExitCode::SUCCESS)
        }
        refused => {
            println!("{}", explained(refused));
            Ok(ExitCode::FAILURE)
        }
    }
}

struct Target {
    endpoint: Url,
    recipient: Recipient,
}

/// What browsers write for a subscription (W3C Push API, `PushSubscription.toJSON()`).
#[derive(Deserialize)]
struct SubscriptionJson {
    endpoint: String,
    keys: KeysJson,
}

#[derive(Deserialize)]
struct KeysJson {
    p256dh: String,
    auth: String,
}

fn target(arguments: &PushSendArguments) -> anyhow::Result<Target> {
    let SubscriptionJson { endpoint, keys } = match &arguments.subscription {
        Some(file) => {
            let text = read(file)?;
            serde_json::from_str(&text).with_context(|| {
                format!("{} is not a subscription in JSON (endpoint, keys.p256dh, keys.auth)", file.display())
            })?
        }
        None => {
            let (Some(endpoint), Some(p256dh), Some(auth)) =
                (&arguments.endpoint, &arguments.p256dh, &arguments.auth)
            else {
                bail!("say --endpoint, --p256dh and --auth, or --subscription FILE");
            };
            let keys = KeysJson { p256dh: p256dh.clone(), auth: auth.clone() };
            SubscriptionJson { endpoint: endpoint.clone(), keys }
        }
    };
    Ok(Target {
        endpoint: Url::parse(&endpoint).context("the endpoint is not a URL")?,
        recipient: Recipient {
            public_key: PublicKey::from_base64url_maybe_padded(&keys.p256dh).context("p256dh")?,
            auth_secret: AuthSecret::from_base64url_maybe_padded(&keys.auth).context("auth")?,
        },
    })
}

fn cleartext(arguments: &PushSendArguments) -> anyhow::Result<Vec<u8>> {
    let cleartext = match &arguments.text {
        Some(text) => text.clone().into_bytes(),
        None => {
            let mut bytes = Vec::new();
            let limit = u64::try_from(CLEARTEXT_BYTES_MAX)? + 1;
            std::io::stdin()
                .lock()
                .take(limit)
                .read_to_end(&mut bytes)
                .context("cannot read standard input")?;
            bytes
        }
    };
    if cleartext.len() > CLEARTEXT_BYTES_MAX {
        bail!("a push holds at most {CLEARTEXT_BYTES_MAX} bytes");
    }
    Ok(cleartext)
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        return std::io::read_to_string(std::io::stdin()).context("cannot read standard input");
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn explained(outcome: &Outcome) -> String {
    let status = outcome.status().map_or_else(|| outcome.class().to_owned(), |status| status.to_string());
    let meaning = match outcome {
        Outcome::Accepted { .. } => "taken".to_owned(),
        Outcome::RetryAfter { wait, .. } => format!("not now; try again in {} s", wait.as_secs()),
        Outcome::Unavailable { .. } => "the push service has trouble; try again later".to_owned(),
        Outcome::Gone { .. } => "the subscription is gone".to_owned(),
        Outcome::Unauthorized { .. } => "our VAPID token was refused: clock, key or push.contact".to_owned(),
        Outcome::TooLarge => "too large for this push service".to_owned(),
        Outcome::Rejected { .. } => "refused for good".to_owned(),
        Outcome::Redirected { .. } => "redirected, which is not followed".to_owned(),
        Outcome::Deferred { wait } => format!("held back for {} s", wait.as_secs()),
        Outcome::Withdrawn => "no longer wanted".to_owned(),
        Outcome::Network(NetworkFailure::Refused(EndpointRefused::Address)) => {
            "the address is not global; push.allow_addresses opens exceptions".to_owned()
        }
        Outcome::Network(NetworkFailure::Refused(EndpointRefused::NoContact)) => {
            "push.contact is not set, so nothing is posted to a public push service".to_owned()
        }
        Outcome::Network(failure) => failure.to_string(),
    };
    format!("{status}: {meaning}")
}
