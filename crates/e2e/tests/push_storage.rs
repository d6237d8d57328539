//! `kill -9` of the push service under load: no message answered with 201 is lost, whether its user agent was connected
//! or not; each comes in order, and none that was acknowledged comes again (RFC 8030 §5, §6.2).
//!
//! The real binary is killed and started again while messages are posted to several subscriptions. Half of the user
//! agents are connected all the time, half come only at the end. The moments come from a seed that is printed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use testkit::server::Mailbell;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;

const ROUNDS: u64 = 4;
const SUBSCRIPTIONS: usize = 6;
const CHANNEL: &str = "d9b74644-4f97-46aa-b8fa-9393985cd6cd";
/// How long anything may take before the test fails.
const LIMIT: Duration = Duration::from_secs(60);

/// What a user agent has been given, in order, and whether each number came for the first time.
#[derive(Default)]
struct Given {
    seen: BTreeSet<u64>,
    last: u64,
    repeated: usize,
    out_of_order: Option<u64>,
}

impl Given {
    /// Whatever is new has to come in the order in which it was posted.
    fn add(&mut self, number: u64) {
        if !self.seen.insert(number) {
            self.repeated += 1;
        } else if number > self.last {
            self.last = number;
        } else {
            self.out_of_order = Some(number);
        }
    }
}

/// A user agent over WebSocket.
struct UserAgent {
    socket: WebSocketStream<TcpStream>,
    uaid: String,
}

impl UserAgent {
    async fn connect(address: SocketAddr, uaid: Option<&str>) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let (socket, _) = tokio_tungstenite::client_async(format!("ws://{address}/"), stream).await?;
        let mut agent = Self { socket, uaid: String::new() };
        agent.send(json!({"messageType": "hello", "use_webpush": true, "uaid": uaid})).await?;
        let hello = agent.next().await?;
        text(&hello, "uaid")?.clone_into(&mut agent.uaid);
        ensure!(uaid.is_none_or(|uaid| uaid == agent.uaid), "the agent is not known any more");
        Ok(agent)
    }

    async fn send(&mut self, message: Value) -> Result<()> {
        Ok(self.socket.send(Frame::text(message.to_string())).await?)
    }

    async fn next(&mut self) -> Result<Value> {
        loop {
            match timeout(LIMIT, self.socket.next()).await?.context("the connection has ended")?? {
                Frame::Text(text) => return Ok(serde_json::from_str(&text)?),
                Frame::Close(_) => bail!("the connection was closed"),
                _ => {}
            }
        }
    }

    /// Registers its channel and returns the path of the push resource.
    async fn register(&mut self) -> Result<String> {
        self.send(json!({"messageType": "register", "channelID": CHANNEL})).await?;
        let answer = self.next().await?;
        let endpoint = text(&answer, "pushEndpoint")?;
        let path = endpoint.find("/wpush/").context("no push resource")?;
        Ok(endpoint.get(path..).unwrap_or_default().to_owned())
    }

    /// Takes one message and acknowledges it.
    async fn take(&mut self, given: &mut Given) -> Result<u64> {
        let message = self.next().await?;
        let number = number_of(text(&message, "data")?)?;
        given.add(number);
        let update = json!({"channelID": CHANNEL, "version": text(&message, "version")?, "code": 100});
        self.send(json!({"messageType": "ack", "updates": [update]})).await?;
        Ok(number)
    }
}

fn text<'a>(message: &'a Value, name: &str) -> Result<&'a str> {
    message.get(name).and_then(Value::as_str).with_context(|| format!("no {name} in {message}"))
}

/// The number that the base64url of a body's nine digits stands for.
fn number_of(data: &str) -> Result<u64> {
    let octets = data.as_bytes();
    let value = |octet: u8| -> Result<u32> {
        Ok(u32::from(match octet {
            b'A'..=b'Z' => octet - b'A',
            b'a'..=b'z' => octet - b'a' + 26,
            b'0'..=b'9' => octet - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => bail!("{data} is not base64url"),
        }))
    };
    let mut text = String::new();
    for four in octets.chunks_exact(4) {
        let bits = four.iter().try_fold(0, |bits, octet| value(*octet).map(|value| bits << 6 | value))?;
        text.extend(bits.to_be_bytes().into_iter().skip(1).map(char::from));
    }
    Ok(text.parse()?)
}

/// Posts numbers until told to stop; returns those that were answered with 201.
async fn post_until(stop: Arc<AtomicBool>, address: SocketAddr, path: String) -> Vec<u64> {
    let mut accepted = Vec::new();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        // The server may be down: try again until it is up.
        let Ok(mut stream) = TcpStream::connect(address).await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        while !stop.load(Ordering::Relaxed) {
            number += 1;
            match timeout(LIMIT, post(&mut stream, &path, number)).await {
                Ok(Ok(201)) => accepted.push(number),
                // Not accepted: whether it is there or not, nobody was promised anything.
                _ => break,
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    accepted
}

async fn post(stream: &mut TcpStream, path: &str, number: u64) -> Result<u16> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nTTL: 86400\r\nContent-Encoding: aes128gcm\r\n\
         Content-Length: 9\r\n\r\n{number:09}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    // A 201 has no body, and nothing else is asked for before it has come.
    while !head.ends_with(b"\r\n\r\n") {
        let octet = stream.read_u8().await?;
        head.push(octet);
    }
    let head = String::from_utf8(head)?;
    Ok(head.split(' ').nth(1).context("no status")?.parse()?)
}

/// Posts one more number, now that the server stays.
async fn post_last(address: SocketAddr, path: &str, number: u64) -> Result<()> {
    let status = post(&mut TcpStream::connect(address).await?, path, number).await?;
    ensure!(status == 201, "the last message was answered with {status}");
    Ok(())
}

/// Takes messages up to the last one, over as many connections as it needs.
async fn take_all(address: SocketAddr, uaid: String) -> Result<Given> {
    let mut given = Given::default();
    let deadline = tokio::time::Instant::now() + 2 * LIMIT;
    loop {
        ensure!(tokio::time::Instant::now() < deadline, "the last message does not come");
        let Ok(mut agent) = UserAgent::connect(address, Some(&uaid)).await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        while let Ok(number) = agent.take(&mut given).await {
            if number == LAST {
                return Ok(given);
            }
        }
    }
}

/// Nothing that was acknowledged comes again: the first message of a new connection is one that is posted now.
async fn has_acknowledged_everything(address: SocketAddr, uaid: &str, path: &str) -> Result<()> {
    let mut agent = UserAgent::connect(address, Some(uaid)).await?;
    post_last(address, path, AFTERWARDS).await?;
    let mut given = Given::default();
    let number = agent.take(&mut given).await?;
    ensure!(number == AFTERWARDS, "{number} was acknowledged and came again");
    Ok(())
}

/// Kills and restarts the server at moments that come from the seed.
fn torment(server: &mut Mailbell, mut seed: u64) -> Result<()> {
    for _ in 0..ROUNDS {
        // SplitMix64's increment: any odd constant will do to spread the moments.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x9E37_79B9_7F4A_7C15);
        std::thread::sleep(Duration::from_millis(200 + (seed >> 33) % 800));
        server.kill()?;
        server.launch()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_with_201_survives_kill_9_and_what_was_acknowledged_stays_away() -> Result<()> {
    let seed = u64::from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.subsec_nanos());
    println!("seed {seed}");
    let settings = "\n[push_service]\ntls_in_front = true\nsubscription_rate = 10000\nsubscription_burst = 10000\n\
                    subscription_messages = 100000\nagent_messages = 100000\n";
    let mut server = Mailbell::start(&[], settings)?;
    let address = server.push;
    let mut subscriptions = Vec::new();
    for _ in 0..SUBSCRIPTIONS {
        let mut agent = UserAgent::connect(address, None).await?;
        let path = agent.register().await?;
        subscriptions.push((agent.uaid, path));
    }
    let connected = SUBSCRIPTIONS / 2;
    let mut agents: Vec<_> = subscriptions
        .iter()
        .take(connected)
        .map(|(uaid, _)| tokio::spawn(take_all(address, uaid.clone())))
        .collect();
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = subscriptions
        .iter()
        .map(|(_, path)| tokio::spawn(post_until(Arc::clone(&stop), address, path.clone())))
        .collect();
    let tormented = tokio::task::spawn_blocking(move || torment(&mut server, seed).map(|()| server)).await?;
    stop.store(true, Ordering::Relaxed);
    let _server = tormented?;
    let mut accepted = Vec::new();
    for (sender, (_, path)) in senders.into_iter().zip(&subscriptions) {
        accepted.push(sender.await?);
        post_last(address, path, LAST).await?;
    }
    agents.extend(
        subscriptions.iter().skip(connected).map(|(uaid, _)| tokio::spawn(take_all(address, uaid.clone()))),
    );
    for ((agent, accepted), (uaid, path)) in agents.into_iter().zip(accepted).zip(&subscriptions) {
        let given = agent.await??;
        ensure!(given.out_of_order.is_none(), "{:?} came after a later one", given.out_of_order);
        let lost: Vec<_> = accepted.iter().filter(|number| !given.seen.contains(number)).collect();
        ensure!(lost.is_empty(), "answered with 201 and lost: {lost:?}");
        ensure!(accepted.len() > 20, "only {} messages were accepted: nothing was tested", accepted.len());
        println!("{} accepted, {} given, {} of them again", accepted.len(), given.seen.len(), given.repeated);
        has_acknowledged_everything(address, uaid, path).await?;
    }
    Ok(())
}

/// The last number under load, and one that is posted when all is done.
const LAST: u64 = 999_999_998;
const AFTERWARDS: u64 = 999_999_999;
