use super::*;
use crate::post::{Posted, Posting};

/// Nothing is posted here.
struct Nowhere;

impl Post for Nowhere {
    fn post(&self, _: crate::post::Delivery) -> Posting<'_> {
        Box::pin(std::future::pending::<Posted>())
    }
}

/// A notifier over an empty store, in which nothing is due for an hour.
async fn notifier(directory: &tempfile::TempDir) -> Notifier {
    let bus = Bus::new();
    let options = store::Options { data_dir: directory.path().join("data"), readers: 1 };
    let parts = Parts {
        store: Store::open(options, bus.clone()).await.unwrap(),
        bus,
        composers: Composers::new([]),
        post: Arc::new(Nowhere),
        keys: VapidKeys::new(webpush::vapid::key::SigningKey::generate().unwrap(), []),
        handle: Handle::new(),
        clock: Clock::system(),
    };
    Notifier::new(parts, Options::new(Duration::ZERO))
}

/// Has a job panic as a bug in it would, and the notifier notice.
async fn panic_in(notifier: &mut Notifier, job: Job) {
    notifier.start(job, async { panic!("a bug") });
    let joined = notifier.tasks.join_next_with_id().await.unwrap();
    assert!(joined.is_err());
    notifier.joined(joined);
}

#[tokio::test]
async fn a_sweep_that_panics_is_followed_by_the_next_in_its_time() {
    let directory = tempfile::tempdir().unwrap();
    let mut notifier = notifier(&directory).await;
    notifier.sweep.running = true;
    panic_in(&mut notifier, Job::Sweep).await;
    let now = notifier.context.clock.now().tick;
    assert!(!notifier.sweep.is_due(now), "not without pause");
    let later = now.after(notifier.options.sweep_interval);
    assert!(notifier.sweep.is_due(later));
    assert!(notifier.next_tick().is_some_and(|tick| tick <= later), "the loop wakes for it");
    // And it works: the store has nothing, so it comes to its end.
    notifier.start_sweep();
    let joined = notifier.tasks.join_next_with_id().await.unwrap();
    notifier.joined(joined);
    assert!(!notifier.sweep.running && notifier.jobs.is_empty());
}

#[tokio::test]
async fn looks_and_flushes_that_panic_give_their_places_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut notifier = notifier(&directory).await;
    for _ in 0..=LOOKS_IN_FLIGHT_MAX {
        notifier.looks_in_flight += 1;
        panic_in(&mut notifier, Job::Look).await;
    }
    assert_eq!(notifier.looks_in_flight, 0);
    notifier.flush.running = true;
    panic_in(&mut notifier, Job::Flush).await;
    assert!(!notifier.flush.running);
    panic_in(&mut notifier, Job::Find).await;
    assert!(notifier.jobs.is_empty());
}
