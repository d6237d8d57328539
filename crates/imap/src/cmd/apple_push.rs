//! XAPPLEPUSHSERVICE (`aps-version` 2): a device of Apple's asks for pushes when mailboxes change.
//!
//! Offered only where a topic and credentials are configured. A registration is good from then on: a device token is of use
//! to nobody but Apple and whoever holds the credentials of the topic.

use std::collections::BTreeSet;
use std::sync::Arc;

use store::{EndpointProof, MailboxName, NewPushRequest, PushKind};
use url::Url;

use crate::cmd::{Context, Done, done, now};
use crate::push::apple::{AppleOffer, AppleRequest};
use crate::reply::Failure;
use crate::wire::apple::ApplePush;
use crate::wire::response::Response;
use crate::wire::status::Code;

/// The command. Mailboxes that are not there, or not for this account, are passed over; one at least has to be.
pub(crate) async fn run(context: &mut Context<'_>, push: ApplePush) -> Result<Done, Failure> {
    let registrar = Arc::clone(context.registrar());
    let access = context.session.access()?;
    let Some(AppleOffer { topic, base_url }) = registrar.apple() else {
        return Err(Failure::refused(Code::Cannot, "pushes by Apple's service are not configured"));
    };
    if push.version != 2 || push.subtopic != SUBTOPIC {
        return Err(Failure::refused(Code::Cannot, "only aps-version 2 of com.apple.mobilemail is served"));
    }
    let mut mailboxes = BTreeSet::new();
    for name in &push.mailboxes {
        match context.store().mailbox_named(access, &MailboxName::new(name)?).await {
            Ok(mailbox) => drop(mailboxes.insert(mailbox.id)),
            Err(store::Error::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if mailboxes.is_empty() {
        return Err(Failure::refused(Code::NonExistent, "there is none of these mailboxes"));
    }
    let endpoint = format!("{base_url}/3/device/{}", push.device_token);
    let url = Url::parse(&endpoint).map_err(|error| Failure::refused(Code::Cannot, error.to_string()))?;
    registrar
        .admit(access.owner(), &url, now())
        .map_err(|error| Failure::refused(Code::Limit, error.to_string()))?;
    registrar.not_pushed(access.owner(), &url);
    let new = NewPushRequest {
        account_max: registrar.subscriptions_per_account(),
        kind: PushKind::Apple,
        identity: format!("{}\n{}", push.account_id, push.device_token),
        endpoint,
        request: AppleRequest { account_id: push.account_id, mailboxes }.to_text(),
        version: None,
        proof: EndpointProof::NotNeeded,
    };
    context.store().put_push_request(access, new).await?;
    let topic = topic.clone();
    context.untagged(&Response::ApplePush { topic: &topic });
    done("XAPPLEPUSHSERVICE")
}

const SUBTOPIC: &str = "com.apple.mobilemail";
