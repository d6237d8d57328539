//! `mailbell subscription`: what is pushed to, seen by the operator. Endpoints are capabilities (they let whoever
//! knows them ring the device), so only their origin is shown.

use anyhow::bail;
use store::{Account, PushKind, PushState, PushSubscription, UnixTime};
use url::Url;

use super::store as opened;
use crate::cli::SubscriptionCommand;
use crate::config::Config;

#[cfg(test)]
mod tests;

/// Runs one of the subscription commands.
pub(crate) async fn run(config: &Config, command: SubscriptionCommand) -> anyhow::Result<()> {
    let store = opened::open(config).await?;
    match command {
        SubscriptionCommand::List { name, json } => {
            let accounts = match name {
                Some(name) => vec![opened::account(&store, config, &name).await?],
                None => store.accounts().await?,
            };
            let now = now();
            for account in accounts {
                for subscription in store.account_push_subscriptions(account.id).await? {
                    println!(
                        "{}",
                        if json {
                            as_json(&account, &subscription)
                        } else {
                            as_text(&account, &subscription, now)
                        }
                    );
                }
            }
        }
        SubscriptionCommand::Remove { name, id } => {
            let account = opened::account(&store, config, &name).await?;
            let access = store.system_access(account.id);
            let mut removed = false;
            for kind in PushKind::ALL {
                removed |= store.remove_push_subscription(&access, kind, &id).await?;
            }
            if !removed {
                bail!("{} has no subscription {id}", account.name);
            }
            println!("Removed the subscription {id} of {}.", account.name);
        }
    }
    store.close().await?;
    Ok(())
}

/// What the client calls its device, where that is not its id.
fn shown_device(subscription: &PushSubscription) -> Option<&str> {
    Some(subscription.device.as_str()).filter(|device| !device.is_empty())
}

/// What is unusual stands only where it is.
fn as_text(account: &Account, subscription: &PushSubscription, now: UnixTime) -> String {
    let attempts = &subscription.attempts;
    let at = |time: Option<UnixTime>| time.map_or_else(|| "never".to_owned(), super::shown_time);
    let device = shown_device(subscription).map(|device| format!(" ({device:?})")).unwrap_or_default();
    let mut line = format!(
        "{:24} {:8} {:24}{device} {:10} {}  last push {}",
        account.name,
        subscription.kind.name(),
        subscription.client_id,
        state(&subscription.state),
        origin(&subscription.endpoint),
        at(attempts.last_push_at),
    );
    if let Some(answer) = &attempts.last_answer {
        line.push_str(&format!(", last answer {answer}"));
        if attempts.last_answer_at != attempts.last_push_at {
            line.push_str(&format!(" {}", at(attempts.last_answer_at)));
        }
    }
    if attempts.failures > 0 {
        line.push_str(&format!(", {} failures in a row", attempts.failures));
    }
    for (what, time) in
        [("next attempt", attempts.next_attempt_at), ("silent until", subscription.silenced_until)]
    {
        if let Some(time) = time.filter(|time| *time > now) {
            line.push_str(&format!(", {what} {}", super::shown_time(time)));
        }
    }
    if !subscription.name.is_empty() {
        line.push_str(&format!(", called {}", subscription.name));
    }
    line
}

fn as_json(account: &Account, subscription: &PushSubscription) -> String {
    let attempts = &subscription.attempts;
    serde_json::json!({
        "account": account.name,
        "kind": subscription.kind.name(),
        "id": subscription.client_id,
        "device": shown_device(subscription),
        "state": state(&subscription.state),
        "origin": origin(&subscription.endpoint),
        "name": subscription.name,
        "enabled": subscription.enabled,
        "expires_at": subscription.expires_at.map(|time| time.0),
        "silenced_until": subscription.silenced_until.map(|time| time.0),
        "behind": account.modseq.0.saturating_sub(subscription.cursor.0),
        "failures": attempts.failures,
        "last_push_at": attempts.last_push_at.map(|time| time.0),
        "next_attempt_at": attempts.next_attempt_at.map(|time| time.0),
        "last_answer": attempts.last_answer,
        "last_answer_at": attempts.last_answer_at.map(|time| time.0),
    })
    .to_string()
}

fn now() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

fn state(state: &PushState) -> &'static str {
    match state {
        PushState::Pending { .. } => "pending",
        PushState::Active { .. } => "active",
        PushState::Inactive => "inactive",
    }
}

fn origin(endpoint: &str) -> String {
    Url::parse(endpoint).map_or_else(|_| "?".to_owned(), |url| url.origin().ascii_serialization())
}
