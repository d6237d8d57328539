//! AUTHENTICATE (RFC 9051 §6.2.2, RFC 4959): lines of base64 around an exchange of the crate `authentication`.

use std::borrow::Cow;
use std::io;

use authentication::{Mechanism, Progress};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::cmd::login::{enter, privacy_required, refused};
use crate::cmd::{Context, Done};
use crate::conn::Link;
use crate::reply::Failure;
use crate::wire::command::Authenticate;
use crate::wire::framer::continuation_line;
use crate::wire::status::Code;

/// What a client sent, decoded.
type Message = Zeroizing<Vec<u8>>;

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, authenticate: Authenticate) -> Result<Done, Failure> {
    if !context.session.is_anonymous() {
        return Err(Failure::bad("already logged in"));
    }
    let mechanism = usable(context, &authenticate.mechanism)?;
    let bindings = context.link.bindings();
    let mut exchange =
        context.server.options.authenticator.begin(mechanism, bindings, context.origin.counted);
    let mut message = match &authenticate.initial_response {
        // RFC 4959 §3: "=" is an empty initial response.
        Some(initial) if initial.expose() == "=" => Some(Message::default()),
        Some(initial) => Some(decoded(initial.expose().as_bytes())?),
        None => None,
    };
    loop {
        let challenge = match exchange.step(message.as_deref().map(Vec::as_slice)).await {
            Ok(Progress::Challenge(challenge)) => challenge,
            Ok(Progress::Authenticated(authenticated)) => return enter(context, *authenticated).await,
            Err(rejection) => return refused(&rejection),
        };
        // continue-req = "+" SP (resp-text / base64) CRLF
        context.link.out.extend_from_slice(format!("+ {}\r\n", STANDARD.encode(challenge)).as_bytes());
        context.link.flush().await?;
        let time = context.server.options.limits.login_time;
        let response = tokio::time::timeout(time, response(context.link)).await;
        message = response.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if message.is_none() {
            // Who has been told why their token is not taken has failed, whatever they answer.
            return exchange
                .give_up()
                .map_or_else(|| Err(Failure::bad("AUTHENTICATE given up")), |rejection| refused(&rejection));
        }
    }
}

/// The mechanism of this name, if it can be used on this connection.
fn usable(context: &Context<'_>, name: &str) -> Result<Mechanism, Failure> {
    let authenticator = &context.server.options.authenticator;
    let surroundings = context.surroundings();
    let named = Mechanism::named(name);
    let works_on = |channel| authenticator.mechanisms(channel).find(|mechanism| Some(*mechanism) == named);
    if let Some(mechanism) = works_on(surroundings.channel) {
        return Ok(mechanism);
    }
    let private = authentication::Channel { is_private: true, ..surroundings.channel };
    match works_on(private) {
        Some(_) => Err(privacy_required()),
        None => Err(Failure::refused(Code::Cannot, "there is no such mechanism")),
    }
}

/// The client's answer to a challenge, `None` if it gives up. Lines beyond [`RESPONSE_BYTES_MAX`] are BAD; much longer ones end the connection.
async fn response(link: &mut Link) -> Result<Option<Message>, Failure> {
    loop {
        match continuation_line(&mut link.input, RESPONSE_BYTES_MAX) {
            // RFC 9051 §6.2.2: "*" is the client's way out.
            Some(Ok(line)) if *line == *b"*" => return Ok(None),
            Some(Ok(line)) => return decoded(&line).map(Some),
            Some(Err(_)) => {
                drop_line(link).await?;
                return Err(Failure::bad(Cow::Borrowed("the response is too long")));
            }
            None => link.read(0).await?,
        }
    }
}

/// Drops input up to the end of the line.
async fn drop_line(link: &mut Link) -> io::Result<()> {
    let mut dropped = 0;
    loop {
        if let Some(end) = memchr::memchr(b'\n', &link.input) {
            let _ = link.input.split_to(end + 1);
            return Ok(());
        }
        dropped += link.input.len();
        link.input.clear();
        if dropped > DROPPED_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        link.read(0).await?;
    }
}

fn decoded(base64: &[u8]) -> Result<Message, Failure> {
    let decoded = STANDARD.decode(base64).map(Zeroizing::new);
    decoded.map_err(|_| Failure::bad("the response is not base64"))
}

/// Longest response in base64, that of the longest message that mechanisms take.
const RESPONSE_BYTES_MAX: usize = authentication::MESSAGE_BYTES_MAX.div_ceil(3) * 4;
/// What is read of a longer line before the connection ends.
const DROPPED_BYTES_MAX: usize = 64 << 10;
