use super::*;

const PHONE: PushSubscriptionId = PushSubscriptionId(5);
const INBOX: MailboxId = MailboxId(1);
const WORK: MailboxId = MailboxId(2);

fn registry() -> SessionSilence {
    SessionSilence::new(Arc::default())
}

#[test]
fn a_subscription_is_silent_until_its_last_connection_has_gone() {
    let silence = registry();
    assert!(!silence.is_silent(PHONE));
    let first = silence.enter(PHONE, SessionId(1));
    let second = silence.enter(PHONE, SessionId(2));
    drop(first);
    assert!(silence.is_silent(PHONE), "the second connection lives");
    assert!(!silence.is_silent(PushSubscriptionId(6)), "another subscription is not concerned");
    drop(second);
    assert!(!silence.is_silent(PHONE));
}

#[test]
fn what_was_shown_counts_only_after_the_client_was_heard_again() {
    let silence = registry();
    let mut guard = silence.enter(PHONE, SessionId(1));
    guard.shown(INBOX, ModSeq(10));
    guard.heard();
    guard.shown(INBOX, ModSeq(12));
    guard.shown(WORK, ModSeq(12));
    drop(guard);
    let known = silence.recollect(PHONE).known;
    let cases = [(INBOX, 10, true), (INBOX, 11, false), (WORK, 5, false)];
    for (mailbox, modseq, covered) in cases {
        assert_eq!(known.shown.covers(mailbox, ModSeq(modseq)), covered, "{mailbox} at {modseq}");
    }
    assert_eq!(known.own_sessions, [SessionId(1)].into());
}

#[test]
fn what_a_device_knew_is_forgotten_once_the_cursor_has_passed_it_and_not_before() {
    let silence = registry();
    drop(silence.enter(PHONE, SessionId(1)));
    let before = silence.recollect(PHONE);
    drop(silence.enter(PHONE, SessionId(2)));
    silence.forget(PHONE, &before);
    assert_eq!(silence.recollect(PHONE).known.own_sessions.len(), 2, "it has grown meanwhile");
    silence.forget(PHONE, &silence.recollect(PHONE));
    assert_eq!(silence.recollect(PHONE).known, Known::default());
}

#[test]
fn the_sessions_remembered_for_one_device_are_bounded() {
    let silence = registry();
    for session in 0..100 {
        drop(silence.enter(PHONE, SessionId(session)));
    }
    assert_eq!(silence.recollect(PHONE).known.own_sessions.len(), OWN_SESSIONS_MAX);
}

#[tokio::test]
async fn the_end_of_a_silence_asks_the_notifier_to_look() {
    let silence = registry();
    drop(silence.enter(PHONE, SessionId(1)));
    assert_eq!(silence.requests.taken().await, [(PHONE, Reason::Look)].into());
}

#[test]
fn what_the_device_of_a_removed_subscription_knew_is_forgotten_once_no_connection_silences_it() {
    let silence = SessionSilence::new(Arc::default());
    let guard = silence.enter(PHONE, SessionId(7));
    silence.removed(PHONE);
    assert!(silence.is_silent(PHONE), "its connection lives");
    drop(guard);
    assert!(silence.recollect(PHONE).known.own_sessions.contains(&SessionId(7)));
    silence.removed(PHONE);
    assert_eq!(silence.recollect(PHONE).known, Known::default());
}
