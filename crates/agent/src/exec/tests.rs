use super::*;

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_command_gets_the_push_on_its_standard_input() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let runner = Runner::shell(&format!("cat >> {}", out.display()), LONG);
    runner.run(b"* SYNC\r\n".to_vec()).await.unwrap();
    runner.run(b"* SYNC EXISTS\r\n".to_vec()).await.unwrap();
    assert_eq!(std::fs::read(&out).unwrap(), b"* SYNC\r\n* SYNC EXISTS\r\n");
}

#[tokio::test]
async fn pushes_during_a_run_cause_one_more_run_with_all_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let (started, go, runs) = (file("started"), file("go"), file("runs"));
    let line = format!(
        "touch {}; while [ ! -e {} ]; do sleep 0.01; done; cat >> {}; echo . >> {}",
        started.display(),
        go.display(),
        file("input").display(),
        runs.display()
    );
    let runner = Arc::new(Runner::shell(&line, LONG));
    let ask = |body: &str| {
        let (runner, body) = (Arc::clone(&runner), body.as_bytes().to_vec());
        tokio::spawn(async move { runner.run(body).await })
    };
    let first = ask("first\n");
    crate::testing::until("the first run is going", || started.exists()).await;
    let more: Vec<_> = (0..20).map(|number| ask(&format!("{number}\n"))).collect();
    crate::testing::until("all of them wait", || runner.waiting.capacity() == REQUESTS_WAITING_MAX - 20)
        .await;
    std::fs::write(&go, "").unwrap();
    first.await.unwrap().unwrap();
    for run in more {
        run.await.unwrap().unwrap();
    }
    assert_eq!(std::fs::read_to_string(&runs).unwrap(), ".\n.\n");
    assert_eq!(std::fs::read_to_string(file("input")).unwrap().lines().count(), 21);
}

#[tokio::test]
async fn a_failure_is_told_to_all_that_it_concerns() {
    let runner = Runner::shell("exit 3", LONG);
    assert!(
        matches!(runner.run(Vec::new()).await, Err(RunError::Failed(status)) if status.code() == Some(3))
    );
    // A command that does not read a large input has not failed.
    let runner = Runner::shell("true", LONG);
    runner.run(vec![b'x'; 1 << 20]).await.unwrap();
}

#[tokio::test]
async fn one_run_has_its_own_environment() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let line = format!("printf '%s ' \"$MAILBELL_URGENCY\" > {0}; cat >> {0}", out.display());
    run_once(&line, &[("MAILBELL_URGENCY", "high; rm".to_owned())], b"body", LONG).await.unwrap();
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "high; rm body");
}

#[tokio::test]
async fn what_a_run_started_is_killed_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let started = dir.path().join("started");
    let line = format!("(echo $$ > {0}.new; mv {0}.new {0}; sleep 1000) | cat", started.display());
    let run = tokio::spawn(async move { run_once(&line, &[], b"", LONG).await });
    crate::testing::until("it runs", || started.exists()).await;
    let group: i32 = std::fs::read_to_string(&started).unwrap().trim().parse().unwrap();
    run.abort();
    let group = Pid::from_raw(group).unwrap();
    crate::testing::until("nobody of the group is left", || {
        rustix::process::test_kill_process_group(group).is_err()
    })
    .await;
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_killed() {
    let runner = Runner::shell("exec sleep 1000", Duration::from_millis(50));
    assert!(matches!(runner.run(Vec::new()).await, Err(RunError::Timeout(_))));
}
