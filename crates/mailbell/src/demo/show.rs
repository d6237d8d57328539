//! What the demo prints.

use std::path::Path;
use std::time::Duration;

use agent::agent::Push;

use super::device::Device;
use super::tcp;
use crate::config::{Listen, ListenAddress};

/// Where everything listens.
pub(crate) fn welcome(addresses: &Listen) {
    println!("Mailbell on loopback, with a store that is gone afterwards and the accounts alice and bob:");
    for (name, listeners) in [
        ("LMTP", &addresses.lmtp),
        ("IMAP", &addresses.imap),
        ("IMAPS", &addresses.imaps),
        ("push service", &addresses.push),
        ("health, metrics", &addresses.http),
    ] {
        let listeners: Vec<String> = listeners.iter().map(ListenAddress::to_string).collect();
        println!("  {name:16} {}", listeners.join(" "));
    }
}

/// The device is known to both sides.
pub(crate) fn registered(device: &Device) {
    println!("\nalice's device has subscribed at the push service and registered through IMAP:");
    for line in &device.story {
        println!("  {line}");
    }
}

/// Something happens.
pub(crate) fn step(title: &str) {
    println!("\n-> {title}");
}

/// LMTP has answered 250.
pub(crate) fn delivered(octets: usize) {
    println!("   LMTP: {octets} bytes, 250");
}

/// An IMAP command of the other session.
pub(crate) fn command(command: &str) {
    println!("   IMAP: {command}");
}

/// A push, with how long after the 250 or OK it reached the device, if the demo itself saw that.
pub(crate) fn push(number: u64, push: &Push, after: Option<Duration>) {
    let after =
        after.map(|after| format!("{:.1} ms later, ", after.as_secs_f64() * 1000.0)).unwrap_or_default();
    println!(
        "<- push {number}: {after}Urgency: {}, {} bytes, {} encrypted",
        push.urgency.as_deref().unwrap_or("unknown"),
        push.cleartext.len(),
        push.size,
    );
    let text = String::from_utf8_lossy(&push.cleartext);
    let lines: Vec<&str> = text.lines().collect();
    for line in lines.iter().take(LINES_MAX) {
        let shown: String =
            line.chars().take(COLUMNS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let dots = if line.chars().nth(COLUMNS_MAX).is_some() { " ..." } else { "" };
        println!("   | {shown}{dots}");
    }
    if lines.len() > LINES_MAX {
        println!("   | ... {} lines more", lines.len() - LINES_MAX);
    }
}

/// Nothing came, as it should be.
pub(crate) fn silence() {
    println!("   (no push: it lies in Junk, and Junk rings nobody)");
}

/// Something came that should not.
pub(crate) fn unwanted() {
    println!("!! nothing should have been pushed");
}

/// What should have come did not.
pub(crate) fn missing(fragments: &[&str]) {
    println!("!! no push with {}", fragments.join(", "));
}

/// How it went.
pub(crate) fn summary(steps: usize, pushes: u64, missing: &[&str], took: Duration) {
    println!();
    println!(
        "{} of {steps} changes were told as they should be, in {pushes} pushes and {:.1} s.",
        steps - missing.len(),
        took.as_secs_f64()
    );
    for title in missing {
        println!("Missing: {title}");
    }
}

/// How a reader can try it by hand.
pub(crate) fn how_to_reach(addresses: &Listen, certificate: &Path, password: &str) -> anyhow::Result<()> {
    let (lmtp, imap, imaps) = (tcp(&addresses.lmtp)?, tcp(&addresses.imap)?, tcp(&addresses.imaps)?);
    println!(
        "
It stays up until Ctrl-C, and shows what alice's device is told. Your own mail client reaches it at
  IMAP {imap} (STARTTLS) or {imaps} (TLS), account alice or bob, password {password}
  certificate {}
Deliver by hand (swaks is a package of Debian and Homebrew):
  swaks --protocol LMTP --server {lmtp} --from bob@localhost --to alice@localhost --h-Subject 'By hand' --body 'Hello'
",
        certificate.display()
    );
    Ok(())
}

const LINES_MAX: usize = 14;
const COLUMNS_MAX: usize = 150;
