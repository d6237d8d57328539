//! `mailbell listen --gateway` with real targets: commands, an HTTP server, and Debian's mosquitto.

#[path = "gateway/mosquitto.rs"]
mod mosquitto;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use mosquitto::{Broker, Listener};
use rustix::process::Signal;
use testkit::gateway::{Daemon, endpoints, push, spooled, write_file};
use testkit::lmtp::Lmtp;
use testkit::server::{Mailbell, PASSWORD};
use testkit::wait;

/// Each text once, at its first coming: a message may come twice, but none before its turn.
fn firsts(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut firsts: Vec<String> = Vec::new();
    for text in texts {
        if !firsts.contains(&text) {
            firsts.push(text);
        }
    }
    firsts
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn as_str(path: &Path) -> Result<&str> {
    path.to_str().context("not UTF-8")
}

/// Waits until exactly these have come, in this order.
fn come(wanted: &[String], daemon: &Daemon, came: impl Fn() -> Vec<String>) -> Result<()> {
    let all = wait::until(|| (firsts(came()).len() >= wanted.len()).then_some(()));
    ensure!(all.is_some() && firsts(came()) == wanted, "came: {:?}\n{}", came(), daemon.log());
    Ok(())
}

#[test]
fn a_broker_that_stands_still_stops_and_starts_loses_nothing_and_keeps_the_order() -> Result<()> {
    let name = "a_broker_that_stands_still_stops_and_starts_loses_nothing_and_keeps_the_order";
    let Some(mut broker) = Broker::start(name, "allow_anonymous true\n")? else { return Ok(()) };
    let heard = Listener::start(&broker, &[])?;
    let server = Mailbell::start(&[], "")?;
    let file = write_file(
        &server,
        &format!(
            "[mqtt]\nurl = \"mqtt://127.0.0.1:{}\"\n[[subscription]]\nname = \"door\"\nmqtt = \"home/door\"\n\
             [[subscription]]\nname = \"light\"\nmqtt = \"home/light\"\n",
            broker.port()
        ),
    )?;
    let told = endpoints(&server, &file)?;
    let arguments = ["--gateway", as_str(&file)?];
    let daemon = Daemon::listen(&server, &arguments, &[])?;
    let send = |range: std::ops::Range<u32>| -> Result<()> {
        numbers(range).iter().try_for_each(|text| push(&server, &told["door"], text))
    };
    send(0..4)?;
    come(&numbers(0..4), &daemon, || heard.of("home/door"))?;

    broker.signal(Signal::STOP)?;
    send(4..8)?;
    wait::until(|| (spooled(&server) == 4).then_some(())).context("they are not in the spool")?;
    broker.signal(Signal::CONT)?;
    come(&numbers(0..8), &daemon, || heard.of("home/door"))?;

    broker.stop()?;
    send(8..12)?;
    wait::until(|| (spooled(&server) == 4).then_some(())).context("they are not in the spool")?;
    drop(daemon);
    send(12..14)?;
    let daemon = Daemon::listen(&server, &arguments, &[])?;
    wait::until(|| (spooled(&server) == 6).then_some(())).context("the last two are not in the spool")?;
    push(&server, &told["light"], "on")?;
    broker.launch()?;
    come(&numbers(0..14), &daemon, || heard.of("home/door"))?;
    come(&["on".to_owned()], &daemon, || heard.of("home/light"))?;
    wait::until(|| (spooled(&server) == 0).then_some(())).context("the spool is not empty")?;
    daemon.terminate()
}

#[test]
fn a_broker_with_tls_and_a_password_is_published_to_and_a_reload_corrects_the_password() -> Result<()> {
    let name = "a_broker_with_tls_and_a_password_is_published_to_and_a_reload_corrects_the_password";
    let server = Mailbell::start(&[], "")?;
    let Some(broker) = Broker::start_secure(name, &server)? else { return Ok(()) };
    let ca = server.certificate();
    let heard = Listener::start(
        &broker,
        &["-h", "localhost", "--cafile", as_str(&ca)?, "-u", "gateway", "-P", "right"],
    )?;
    let secret = server.directory.path().join("mqtt.password");
    std::fs::write(&secret, "wrong\n")?;
    let mqtt = format!(
        "[mqtt]\nurl = \"mqtts://localhost:{}\"\nusername = \"gateway\"\npassword_file = \"mqtt.password\"\n\
         message_bytes = 10\n[[subscription]]\nname = \"door\"\nmqtt = \"home/door\"\nretain = true\n",
        broker.port()
    );
    let file = write_file(&server, &mqtt)?;
    let told = endpoints(&server, &file)?;
    let daemon = Daemon::listen(&server, &["--gateway", as_str(&file)?], &[])?;
    push(&server, &told["door"], "too long for it")?;
    push(&server, &told["door"], "short")?;
    wait::until(|| daemon.log().contains("refused: ").then_some(())).context("it is not refused")?;
    ensure!(heard.of("home/door").is_empty());
    std::fs::write(&secret, "right\n")?;
    daemon.signal(Signal::HUP)?;
    come(&["short".to_owned()], &daemon, || heard.of("home/door"))?;
    ensure!(daemon.log().contains("a message of 15 bytes is longer than the 10"), "{}", daemon.log());
    let late = Listener::start(
        &broker,
        &["-h", "localhost", "--cafile", as_str(&ca)?, "-u", "gateway", "-P", "right"],
    )?;
    come(&["short".to_owned()], &daemon, || late.of("home/door"))?;
    ensure!(!daemon.log().contains("wpush"), "an endpoint is in the log");
    daemon.terminate()
}

#[test]
fn a_gateway_that_is_killed_while_it_hands_over_loses_nothing() -> Result<()> {
    let server = Mailbell::start(&[], "")?;
    let out = server.directory.path().join("out");
    // Slower than messages come, so that it is killed in the middle.
    let line = format!("line=$(cat); sleep 0.4; echo $line $MAILBELL_SUBSCRIPTION >> {}", out.display());
    let file = write_file(&server, &format!("[[subscription]]\nname = \"door\"\nexec = '''{line}'''\n"))?;
    let told = endpoints(&server, &file)?;
    let arguments = ["--gateway", as_str(&file)?];
    let mut daemon = Daemon::listen(&server, &arguments, &[])?;
    let wanted: Vec<String> = numbers(0..24).iter().map(|number| format!("{number} door")).collect();
    for (number, text) in numbers(0..24).iter().enumerate() {
        push(&server, &told["door"], text)?;
        if number % 6 == 4 {
            let some = lines(&out).len() + 1;
            wait::until(|| (lines(&out).len() >= some).then_some(())).context("nothing is handed on")?;
            drop(daemon);
            daemon = Daemon::listen(&server, &arguments, &[])?;
        }
    }
    come(&wanted, &daemon, || lines(&out))?;
    let log = daemon.log();
    let [starts, idle] =
        ["opened the spool", "opened the spool messages=0"].map(|line| log.matches(line).count());
    ensure!(starts > idle + 1, "it had nothing in hand when it was killed: {log}");
    daemon.terminate()
}

#[test]
fn a_file_with_errors_is_told_by_line_and_changes_nothing() -> Result<()> {
    let server = Mailbell::start(&[], "")?;
    let out = server.directory.path().join("out");
    let block =
        |name: &str| format!("[[subscription]]\nname = \"{name}\"\nexec = \"cat >> {}\"\n", out.display());
    let file = write_file(&server, &block("a"))?;
    let told = endpoints(&server, &file)?;
    let daemon = Daemon::listen(&server, &["--gateway", as_str(&file)?], &[])?;
    push(&server, &told["a"], "one\n")?;
    wait::until(|| (lines(&out) == ["one"]).then_some(())).context("it is not handed on")?;

    write_file(&server, "[[subscription]]\nname = \"a\"\nexce = \"cat\"\n")?;
    daemon.signal(Signal::HUP)?;
    let wanted = "gateway.toml:6: subscription.exce: unknown key; did you mean subscription.exec?";
    wait::until(|| daemon.log().contains(wanted).then_some(())).with_context(|| daemon.log())?;
    push(&server, &told["a"], "two\n")?;
    wait::until(|| (lines(&out).len() == 2).then_some(())).context("it does not go on")?;
    let said = server.run(&["listen", "--gateway", as_str(&file)?]).unwrap_err().to_string();
    ensure!(said.contains(wanted), "{said}");

    // What only shows when it is tried out changes nothing either, not even what stands before it.
    std::fs::write(server.directory.path().join("token"), "Bearer one\u{1}two")?;
    let good = "[[subscription]]\nname = \"a\"\nexec = \"cat > /dev/null\"\n";
    let bad =
        "[[subscription]]\nname = \"b\"\npost = \"http://127.0.0.1:9/\"\nauthorization_file = \"token\"\n";
    write_file(&server, &format!("{good}{bad}"))?;
    daemon.signal(Signal::HUP)?;
    let told_so = || daemon.log().contains("subscription b").then_some(());
    wait::until(told_so).with_context(|| daemon.log())?;
    push(&server, &told["a"], "still as before\n")?;
    wait::until(|| (lines(&out).len() == 3).then_some(())).context("half of the file is used")?;

    // One goes, one comes.
    write_file(&server, &block("b"))?;
    daemon.signal(Signal::HUP)?;
    let is_gone = || push(&server, &told["a"], "three\n").is_err().then_some(());
    wait::until(is_gone).context("the first is still there")?;
    let new = wait::until(|| endpoints(&server, &file).ok()).context("the second is not there")?;
    ensure!(new.len() == 1, "{new:?}");
    push(&server, &new["b"], "four\n")?;
    wait::until(|| lines(&out).contains(&"four".to_owned()).then_some(())).context("it is not handed on")?;
    daemon.terminate()
}

#[test]
fn new_mail_of_an_account_is_posted_once_the_server_is_up() -> Result<()> {
    let server = Mailbell::start(&["alice"], "")?;
    let target = TcpListener::bind("127.0.0.1:0")?;
    let address = target.local_addr()?;
    drop(target);
    std::fs::write(server.directory.path().join("password"), PASSWORD)?;
    std::fs::write(server.directory.path().join("bearer"), "Bearer let-me-in")?;
    let file = write_file(
        &server,
        &format!(
            "[[subscription]]\nname = \"mail\"\nimap = \"imaps://alice@localhost:{}\"\npassword_file = \"password\"\n\
             post = \"http://{address}/new-mail\"\nauthorization_file = \"bearer\"\n",
            server.imaps.port()
        ),
    )?;
    let daemon = Daemon::listen(&server, &["--gateway", as_str(&file)?], &[])?;
    let registered =
        || server.run(&["subscription", "list"]).ok().filter(|listed| listed.contains(" active "));
    wait::until(registered).with_context(|| daemon.log())?;
    Lmtp::connect(server.lmtp)?
        .deliver(&["alice"], "From: bob@test.invalid\nSubject: Lunch?\n\nAt noon.\n")?;
    wait::until(|| daemon.log().contains("not handed on").then_some(())).with_context(|| daemon.log())?;

    let target = TcpListener::bind(address)?;
    target.set_nonblocking(true)?;
    let accepted = wait::until(|| target.accept().ok()).context("nothing is posted")?;
    let (mut stream, _) = accepted;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(wait::LIMIT))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head)?;
    }
    let head = head.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let mut body = vec![0; length.context("no length")?.parse()?];
    reader.read_exact(&mut body)?;
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    for wanted in
        ["post /new-mail ", "mailbell-subscription: mail\r\n", "authorization: bearer let-me-in\r\n"]
    {
        ensure!(head.contains(wanted), "{head}");
    }
    ensure!(String::from_utf8_lossy(&body).contains("Lunch?"), "{body:?}");
    wait::until(|| (spooled(&server) == 0).then_some(())).context("it is still in the spool")?;
    daemon.terminate()
}
