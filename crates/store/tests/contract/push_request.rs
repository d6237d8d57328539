use store::{
    Access, EndpointProof, Error, NewPushRequest, PushKind, PushState, PushVerdict, PutPushSubscription,
    UnixTime,
};

use crate::home::Home;
use crate::isolation::subscription;

const URL: &str = "https://app.example/alice";
const NOW: UnixTime = UnixTime(100);

async fn login(home: &Home) -> Access {
    home.account("alice").await;
    home.store.authenticate("alice", "secret").await.unwrap().unwrap()
}

fn request(body: &str, not_before: i64) -> NewPushRequest {
    NewPushRequest {
        account_max: 2,
        kind: PushKind::HttpPut,
        identity: URL.into(),
        endpoint: URL.into(),
        request: body.into(),
        version: None,
        proof: EndpointProof::Token {
            token: "77".into(),
            expires_at: UnixTime(600),
            not_before: UnixTime(not_before),
        },
    }
}

async fn put(home: &Home, access: &Access, new: NewPushRequest) -> PutPushSubscription {
    home.store.put_push_request(access, new).await.unwrap()
}

async fn confirm(home: &Home, access: &Access, token: &str, now: UnixTime) -> bool {
    let of = (PushKind::HttpPut, URL);
    home.store.confirm_push_request(access, of, token, now).await.unwrap().is_some()
}

#[tokio::test]
async fn a_request_is_pending_until_its_endpoint_is_proven_and_the_proof_lasts() {
    let home = Home::new().await;
    let alice = login(&home).await;
    let new = put(&home, &alice, request("a=b", 0)).await;
    assert!(new.must_acknowledge && new.subscription.client_id != URL);
    assert!(!confirm(&home, &alice, "78", NOW).await, "another token");
    assert!(!confirm(&home, &alice, "77", UnixTime(600)).await, "expired");
    let as_web_push = home.store.acknowledge_push_subscription(&alice, "77", "", NOW).await.unwrap();
    assert_eq!(as_web_push, None);
    assert!(confirm(&home, &alice, "77", NOW).await);
    assert!(!confirm(&home, &alice, "77", NOW).await, "once");
    let again = put(&home, &alice, request("c=d", NOW.0)).await;
    assert!(!again.must_acknowledge && again.subscription.request == "c=d");
    assert!(put(&home, &alice, request("e=f", NOW.0 + 1)).await.must_acknowledge, "the proof is too old");
}

#[tokio::test]
async fn what_has_fired_is_inactive_unless_it_was_asked_for_again_meanwhile() {
    let home = Home::new().await;
    let alice = login(&home).await;
    put(&home, &alice, request("a=b", 0)).await;
    assert!(confirm(&home, &alice, "77", NOW).await);
    let id = home.store.push_subscriptions(&alice).await.unwrap()[0].id;
    let then = home.store.push_subscription(id).await.unwrap();
    put(&home, &alice, request("c=d", 0)).await;
    assert!(!home.store.judge_push_subscription(&then, PushVerdict::Fired).await.unwrap());
    let then = home.store.push_subscription(id).await.unwrap();
    assert!(home.store.judge_push_subscription(&then, PushVerdict::Fired).await.unwrap());
    assert_eq!(home.store.push_subscription(id).await.unwrap().state, PushState::Inactive);
    let again = put(&home, &alice, request("g=h", 0)).await.subscription;
    assert!(matches!(again.state, PushState::Active { .. }), "it is proven still: {again:?}");
}

#[tokio::test]
async fn versions_rise_above_the_one_that_proved_the_endpoint() {
    let home = Home::new().await;
    let alice = login(&home).await;
    put(&home, &alice, request("a=b", 0)).await;
    assert!(confirm(&home, &alice, "77", NOW).await);
    let highest = u64::MAX;
    for (version, is_taken) in [(77, false), (78, true), (78, false), (highest, true), (79, false)] {
        let new = NewPushRequest { version: Some(version), ..request("v", 0) };
        let taken = home.store.put_push_request(&alice, new).await;
        assert_eq!(taken.is_ok(), is_taken, "{version}: {:?}", taken.err());
    }
}

#[tokio::test]
async fn requests_count_among_the_subscriptions_of_the_account_and_go_with_their_credential() {
    let home = Home::new().await;
    let alice = login(&home).await;
    put(&home, &alice, request("a=b", 0)).await;
    home.store.put_push_subscription(&alice, subscription("phone")).await.unwrap();
    let third = NewPushRequest { identity: "other".into(), ..request("a=b", 0) };
    assert!(matches!(home.store.put_push_request(&alice, third).await, Err(Error::Limit(_))));
    let system = home.store.system_access(alice.owner());
    let refused = home.store.put_push_request(&system, request("a=b", 0)).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "a request belongs to a credential");
}
