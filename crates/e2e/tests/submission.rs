//! Mail that JMAP clients send, out through a smarthost: one that others wrote, and one that never answers while the server is killed.
#![expect(
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy takes for something else outside of #[test]"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testkit::lmtp::Lmtp;
use testkit::programs;
use testkit::server::Mailbell;
use testkit::wait;

/// `alice:correct-horse` in base64.
const ALICE: &str = "YWxpY2U6Y29ycmVjdC1ob3JzZQ==";
const USING: [&str; 4] = [
    "urn:ietf:params:jmap:core",
    "urn:ietf:params:jmap:mail",
    "urn:ietf:params:jmap:submission",
    "urn:ietf:params:jmap:vacationresponse",
];

/// The responses to calls of alice's.
fn call(address: SocketAddr, calls: &Value) -> Result<Value> {
    let body = json!({ "using": USING, "methodCalls": calls }).to_string();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(wait::LIMIT))?;
    write!(
        stream,
        "POST /jmap/api HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {ALICE}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    let mut answer: Value = serde_json::from_str(body)?;
    Ok(answer.get_mut("methodResponses").context("no responses")?.take())
}

/// The first account is alice's.
const ACCOUNT: &str = "A1";

/// Writes an email and sends it; the submission's id.
fn send(server: &Mailbell) -> Result<String> {
    let found = call(
        server.http,
        &json!([
            ["Identity/get", { "accountId": ACCOUNT }, "0"],
            ["Mailbox/query", { "accountId": ACCOUNT, "filter": { "role": "drafts" } }, "1"],
            ["Mailbox/query", { "accountId": ACCOUNT, "filter": { "role": "sent" } }, "2"],
        ]),
    )?;
    let (drafts, sent) = (found[1][1]["ids"][0].as_str(), found[2][1]["ids"][0].as_str());
    let (drafts, sent) = (drafts.context("no drafts")?, sent.context("no place for what is sent")?);
    let email = json!({
        "mailboxIds": { drafts: true }, "keywords": { "$draft": true }, "subject": "Sent",
        "from": [{ "email": "alice@localhost" }], "to": [{ "email": "bob@example.org" }],
        "bcc": [{ "email": "carol@example.org" }],
        "bodyValues": { "1": { "value": "Hello\n.\nBob" } }, "textBody": [{ "partId": "1", "type": "text/plain" }],
    });
    let set = call(
        server.http,
        &json!([
            ["Email/set", { "accountId": ACCOUNT, "create": { "e": email } }, "0"],
            ["EmailSubmission/set", {
                "accountId": ACCOUNT,
                "create": { "s": { "emailId": "#e", "identityId": found[0][1]["list"][0]["id"] } },
                "onSuccessUpdateEmail": { "#s": { "keywords/$draft": null, "mailboxIds": { sent: true } } },
            }, "1"],
        ]),
    )?;
    ensure!(set[2][1]["notUpdated"].is_null(), "{set}");
    let id = set[1][1]["created"]["s"]["id"].as_str();
    Ok(id.with_context(|| set.to_string())?.to_owned())
}

/// The delivery status of a recipient once it is no longer queued.
fn settled(server: &Mailbell, submission: &str) -> Result<Value> {
    let status = || -> Result<Value> {
        let got = call(
            server.http,
            &json!([["EmailSubmission/get", { "accountId": ACCOUNT, "ids": [submission] }, "0"]]),
        )?;
        Ok(got[0][1]["list"][0]["deliveryStatus"]["bob@example.org"].clone())
    };
    let settled = wait::until(|| match status() {
        Ok(status) if status["delivered"] == "queued" => None,
        other => Some(other),
    });
    settled.context("it stays in the queue")?
}

/// aiosmtpd as a smarthost.
struct Smarthost {
    child: Child,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl Smarthost {
    fn start(mut python: Command, directory: &std::path::Path) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
        std::fs::write(directory.join("certificate.pem"), made.cert.pem())?;
        std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem())?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/smarthost.py");
        let command =
            python.arg(script).arg(directory.join("certificate.pem")).arg(directory.join("key.pem"));
        let mut child = command.args(["mailbell", "s3cret"]).stdout(Stdio::piped()).spawn()?;
        let mut output = BufReader::new(child.stdout.take().context("no output")?);
        let mut port = String::new();
        output.read_line(&mut port)?;
        Ok(Self { child, output, port: port.trim().parse()? })
    }

    /// The next message that it takes.
    fn taken(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Smarthost {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn aiosmtpd_takes_what_jmap_sends_and_what_is_replied_while_away() -> Result<()> {
    let test = "aiosmtpd_takes_what_jmap_sends_and_what_is_replied_while_away";
    let Some(python) = programs::python(test) else { return Ok(()) };
    let directory = tempfile::tempdir()?;
    let mut smarthost = Smarthost::start(python, directory.path())?;
    std::fs::write(directory.path().join("password"), "s3cret\n")?;
    let settings = format!(
        "\n[submission]\nsmarthost = \"localhost:{}\"\nuser = \"mailbell\"\npassword_file = \"{dir}/password\"\n\
         extra_ca = \"{dir}/certificate.pem\"\n",
        smarthost.port,
        dir = directory.path().display()
    );
    let server = Mailbell::start(&["alice"], &settings)?;
    server.run(&["check-config"])?;
    let submission = send(&server)?;
    let taken = smarthost.taken()?;
    ensure!(
        taken["from"] == "alice@localhost" && taken["authenticated"] == true && taken["tls"] == true,
        "{taken}"
    );
    ensure!(taken["to"] == json!(["bob@example.org", "carol@example.org"]), "{taken}");
    let content = taken["content"].as_str().context("no content")?;
    ensure!(content.contains("Subject: Sent\r\n") && content.contains("Hello\r\n.\r\nBob"), "{content}");
    ensure!(!content.to_lowercase().contains("carol"), "the blind copy can be seen: {content}");
    let status = settled(&server, &submission)?;
    ensure!(status["delivered"] == "unknown" && status["smtpReply"] == "250 OK", "{status}");

    let away = json!({ "singleton": { "isEnabled": true, "textBody": "Back on Monday" } });
    call(server.http, &json!([["VacationResponse/set", { "accountId": ACCOUNT, "update": away }, "0"]]))?;
    let mut lmtp = Lmtp::connect(server.lmtp)?;
    for (to, subject) in
        [("people@lists.test", "to a list"), ("alice@localhost", "one"), ("alice@localhost", "two")]
    {
        let message = format!("From: sender@test.invalid\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHello\r\n");
        lmtp.deliver(&["alice@localhost"], &message)?;
    }
    let reply = smarthost.taken()?;
    ensure!(reply["from"] == "<>" && reply["to"] == json!(["sender@test.invalid"]), "{reply}");
    let content = reply["content"].as_str().context("no content")?;
    ensure!(content.contains("Subject: Auto: one\r\n") && content.contains("Back on Monday"), "{content}");
    send(&server)?;
    let next = smarthost.taken()?;
    ensure!(next["from"] == "alice@localhost", "there was a second reply: {next}");
    ensure!(!server.log().contains("s3cret"), "the password is in the log");
    Ok(())
}

/// Takes messages up to their end and then says nothing, once; says where each connection has come to.
fn silent_smarthost() -> Result<(SocketAddr, Receiver<&'static str>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming().map_while(Result::ok) {
            let is_silent = held.is_empty();
            if let Some(stream) = converse(stream, is_silent, &sender) {
                held.push(stream);
            }
        }
    });
    Ok((address, receiver))
}

fn converse(
    stream: TcpStream,
    is_silent: bool,
    told: &std::sync::mpsc::Sender<&'static str>,
) -> Option<TcpStream> {
    let mut writer = stream.try_clone().ok()?;
    writer.write_all(b"220 mx.test\r\n").ok()?;
    let mut is_content = false;
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let reply = match (is_content, line.as_str()) {
            (true, ".") => {
                is_content = false;
                told.send("end").ok()?;
                if is_silent {
                    return Some(writer);
                }
                "250 taken"
            }
            (true, _) => continue,
            (false, "DATA") => {
                is_content = true;
                "354 go on"
            }
            (false, "QUIT") => return None,
            (false, _) => "250 ok",
        };
        writer.write_all(format!("{reply}\r\n").as_bytes()).ok()?;
    }
    None
}

#[test]
fn a_message_whose_end_was_sent_before_a_crash_is_not_sent_again_and_later_ones_are() -> Result<()> {
    let (address, told) = silent_smarthost()?;
    let settings = format!("\n[submission]\nsmarthost = \"{address}\"\ntls = \"none\"\nretry = \"1s\"\n");
    let mut server = Mailbell::start(&["alice"], &settings)?;
    let doubtful = send(&server)?;
    told.recv_timeout(wait::LIMIT)?;
    server.kill()?;
    server.launch()?;
    let status = settled(&server, &doubtful)?;
    let reply = status["smtpReply"].as_str().context("no reply")?;
    ensure!(status["delivered"] == "unknown" && reply.starts_with("451 4.4.2 "), "{status}");
    let next = send(&server)?;
    ensure!(settled(&server, &next)?["smtpReply"] == "250 ok", "the next one was not sent");
    ensure!(told.try_iter().count() == 1, "the first one was sent again");
    ensure!(server.terminate()?.success(), "{}", server.log());
    Ok(())
}

#[test]
fn what_waits_for_a_smarthost_survives_a_crash_and_is_sent_when_there_is_one() -> Result<()> {
    let [address] = testkit::server::free_ports()?;
    let settings = format!("\n[submission]\nsmarthost = \"{address}\"\ntls = \"none\"\nretry = \"1s\"\n");
    let mut server = Mailbell::start(&["alice"], &settings)?;
    let submission = send(&server)?;
    let is_tried = || server.log().contains("unreachable").then_some(());
    wait::until(is_tried).context("the smarthost is not tried")?;
    server.kill()?;
    server.launch()?;
    let listener = TcpListener::bind(address)?;
    let (sender, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            converse(stream, false, &sender);
        }
    });
    ensure!(settled(&server, &submission)?["smtpReply"] == "250 ok", "it was not sent");
    ensure!(told.try_iter().count() == 1, "it was not sent once");
    Ok(())
}
