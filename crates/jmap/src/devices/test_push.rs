//! Has a test push sent to a device, and says what its push service answered.

use std::time::{Duration, Instant};

use http::{Response, StatusCode};
use notifier::trial::{Trial, TrialError};
use serde_json::{Value, json};
use store::{AccountId, PushSubscriptionId};

use crate::devices::{Shared, view};
use crate::http::answer::{self, Body};
use crate::reply::Problem;

/// Sends one. The caller has made sure that the device is the account's.
pub(super) async fn run(shared: &Shared, account: AccountId, id: PushSubscriptionId) -> Response<Body> {
    let Some(_place) = shared.under_way.take(id) else {
        return wait("a test push to this device is under way", SOON);
    };
    let Ok(_permit) = shared.all_under_way.try_acquire() else {
        let why = "too many test pushes are under way";
        return answer::problem(&Problem::Status(StatusCode::SERVICE_UNAVAILABLE, why));
    };
    if let Err(left) = shared.pace.admit(account, Instant::now()) {
        return wait("too many test pushes in a minute", left);
    }
    match shared.trials.run(id).await {
        Ok(trial) => taken(&trial),
        Err(error) => refused(error),
    }
}

/// Only a device whose endpoint is proven is tried, so all that was said is for its user.
fn taken(trial: &Trial) -> Response<Body> {
    let mut body = view::answer(&trial.said, true);
    let milliseconds = u64::try_from(trial.took.as_millis()).unwrap_or(u64::MAX);
    body.insert("milliseconds".to_owned(), json!(milliseconds));
    body.insert("isRemoved".to_owned(), json!(trial.is_removed));
    answer::json(StatusCode::OK, &Value::Object(body))
}

fn refused(error: TrialError) -> Response<Body> {
    let problem = |status, why| answer::problem(&Problem::Status(status, why));
    match error {
        TrialError::NotActive => problem(StatusCode::CONFLICT, "the device is not active"),
        TrialError::NothingToPost => {
            problem(StatusCode::CONFLICT, "there is no test push for devices of this kind")
        }
        TrialError::MustWait { until, now } => {
            let left = u64::try_from(until.0.saturating_sub(now.0)).unwrap_or_default();
            wait("the push service of this device asks to be left alone", Duration::from_secs(left))
        }
        TrialError::Store(error) => super::route::unreadable(error),
    }
}

fn wait(why: &'static str, left: Duration) -> Response<Body> {
    let mut answer = answer::problem(&Problem::Status(StatusCode::TOO_MANY_REQUESTS, why));
    answer::retry_after(&mut answer, left);
    answer
}

/// Most push services answer within a second.
const SOON: Duration = Duration::from_secs(1);
