//! AUTHENTICATE PLAIN (RFC 9051 §6.2.2, RFC 4616, RFC 4959).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::cmd::login::{check_password, may_log_in};
use crate::cmd::{Context, Done};
use crate::reply::Failure;
use crate::wire::command::Authenticate;
use crate::wire::status::{Code, Status};

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, authenticate: Authenticate) -> Result<Done, Failure> {
    if authenticate.mechanism != "PLAIN" {
        return Ok(Done::Status(Status::no("there is no such mechanism").with(Code::Cannot)));
    }
    may_log_in(context)?;
    let response = match authenticate.initial_response {
        // RFC 4959 §3: "=" is an empty initial response.
        Some(initial) if initial.expose() == "=" => Zeroizing::new(String::new()),
        Some(initial) => Zeroizing::new(initial.expose().to_owned()),
        None => {
            context.link.out.extend_from_slice(b"+ \r\n");
            context.link.flush().await?;
            let time = context.server.options.limits.login_time;
            let line = tokio::time::timeout(time, context.link.line(RESPONSE_BYTES_MAX)).await;
            let line = line.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
            Zeroizing::new(String::from_utf8_lossy(&line).into_owned())
        }
    };
    // RFC 9051 §6.2.2: "*" is the client's way out.
    if *response == "*" {
        return Err(Failure::bad("AUTHENTICATE given up"));
    }
    let decoded = STANDARD.decode(response.as_bytes()).map(Zeroizing::new);
    let decoded = decoded.map_err(|_| Failure::bad("the response is not base64"))?;
    let (user, password) = plain(&decoded).ok_or_else(|| Failure::bad("the response is not PLAIN's"))?;
    check_password(context, user, password).await
}

// message = [authzid] UTF8NUL authcid UTF8NUL passwd
/// Name and password. RFC 4616 §2: acting as someone else (another authzid) is not possible here.
fn plain(message: &[u8]) -> Option<(&str, &str)> {
    let mut fields = std::str::from_utf8(message).ok()?.split('\0');
    let (authzid, authcid, password) = (fields.next()?, fields.next()?, fields.next()?);
    let is_whole = fields.next().is_none() && !authcid.is_empty();
    (is_whole && (authzid.is_empty() || authzid == authcid)).then_some((authcid, password))
}

/// Longest response: three fields of a thousand bytes in base64, and then some. Longer ones end the connection.
const RESPONSE_BYTES_MAX: usize = 8 << 10;

#[cfg(test)]
mod tests;
