//! MAIL and RCPT as they are sent (RFC 5321 §4.1.1.2, §4.1.1.3), with their parameters.
//!
//! Nothing that an address or a parameter holds can end the command: what has a control character, a space or an angle bracket in
//! it is refused ([`Unsendable`]), values that may hold anything are written as xtext.

use store::EnvelopeAddress;

use super::reply::Extensions;

/// An address or a parameter that can't be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} can't be sent to the smarthost")]
pub struct Unsendable(pub &'static str);

/// What the message needs of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Octets outside ASCII in its body.
    pub eight_bit: bool,
    /// The same in its header, or in an address.
    pub utf8: bool,
    /// Its octets.
    pub size: u64,
}

/// `MAIL FROM`, without line end.
///
/// # Errors
/// [`Unsendable`].
pub fn mail(
    address: &EnvelopeAddress,
    (needs, envelope_id): (Needs, &str),
    extensions: &Extensions,
) -> Result<String, Unsendable> {
    let mut command = format!("MAIL FROM:<{}>", checked(&address.email)?);
    if extensions.size.is_some() {
        command.push_str(&format!(" SIZE={}", needs.size));
    }
    if needs.eight_bit && extensions.eight_bit_mime {
        command.push_str(" BODY=8BITMIME");
    }
    if needs.utf8 {
        command.push_str(" SMTPUTF8");
    }
    // RFC 3461 §4.4: reports then name the submission; RFC 8621 §7 lets the server's value replace the client's.
    if extensions.dsn && !envelope_id.is_empty() {
        command.push_str(&format!(" ENVID={}", xtext(envelope_id)));
    }
    add(&mut command, address, (&["RET"], extensions))?;
    Ok(command)
}

/// `RCPT TO`, without line end.
///
/// # Errors
/// [`Unsendable`].
pub fn rcpt(address: &EnvelopeAddress, extensions: &Extensions) -> Result<String, Unsendable> {
    let mut command = format!("RCPT TO:<{}>", checked(&address.email)?);
    add(&mut command, address, (&["NOTIFY", "ORCPT"], extensions))?;
    Ok(command)
}

/// Adds those parameters of RFC 3461 that are given, if the server knows them. What else may be given (HOLDFOR, HOLDUNTIL, SIZE,
/// BODY, SMTPUTF8) is ours to obey or to set.
fn add(
    command: &mut String,
    address: &EnvelopeAddress,
    (known, extensions): (&[&str], &Extensions),
) -> Result<(), Unsendable> {
    if !extensions.dsn {
        return Ok(());
    }
    for (name, value) in address.parameters.iter().flatten() {
        let name = name.to_ascii_uppercase();
        let Some(value) = value.as_deref().filter(|_| known.contains(&name.as_str())) else { continue };
        let value = match name.as_str() {
            // RFC 3461 §4.2: addr-type ";" xtext
            "ORCPT" => {
                let (kind, rest) = value.split_once(';').ok_or(Unsendable("ORCPT"))?;
                format!("{};{}", word(kind)?, xtext(rest))
            }
            _ => word(value)?.to_owned(),
        };
        command.push_str(&format!(" {name}={value}"));
    }
    Ok(())
}

fn word(text: &str) -> Result<&str, Unsendable> {
    let is_word =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-,".contains(&byte));
    if is_word { Ok(text) } else { Err(Unsendable("a parameter")) }
}

fn checked(email: &str) -> Result<&str, Unsendable> {
    let is_quoted = email.starts_with('"');
    let is_wrong =
        |char: char| char.is_control() || char == '<' || char == '>' || (char == ' ' && !is_quoted);
    if email.chars().any(is_wrong) { Err(Unsendable("an address")) } else { Ok(email) }
}

/// RFC 3461 §4: xtext = *( xchar / hexchar )
fn xtext(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'+' | b'=' => written.push_str(&format!("+{byte:02X}")),
            b'!'..=b'~' => written.push(char::from(byte)),
            _ => written.push_str(&format!("+{byte:02X}")),
        }
    }
    written
}

#[cfg(test)]
mod tests;
