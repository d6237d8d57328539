//! What happens in the demo: messages of different kinds and changes from a second session, each with what the device
//! must be told.

use anyhow::Context as _;
use mail_builder::MessageBuilder;

/// One thing that happens.
#[derive(Debug)]
pub(crate) struct Step {
    /// What a reader is told that happens.
    pub(crate) title: &'static str,
    /// What is done.
    pub(crate) action: Action,
    /// What the device must see.
    pub(crate) expected: Expected,
}

/// What is done.
#[derive(Debug)]
pub(crate) enum Action {
    /// This message is delivered to alice over LMTP.
    Deliver(Vec<u8>),
    /// These IMAP commands are sent by alice's other session, INBOX being selected.
    Commands(&'static [&'static str]),
}

/// What the device must see of it.
#[derive(Debug)]
pub(crate) enum Expected {
    /// A push with all of these in its responses.
    Push(&'static [&'static str]),
    /// Nothing.
    Silence,
}

/// The whole scenario, in order.
pub(crate) fn steps() -> anyhow::Result<Vec<Step>> {
    let deliver = |title, message: MessageBuilder<'_>, expected| -> anyhow::Result<Step> {
        let message =
            message.to(("Alice", "alice@localhost")).write_to_vec().context("cannot write a message")?;
        Ok(Step { title, action: Action::Deliver(message), expected })
    };
    let from_bob = || MessageBuilder::new().from(("Bob", "bob@localhost"));
    let commands = |title, commands, expected| Step { title, action: Action::Commands(commands), expected };
    let long_text = "All work and no play makes Jack a dull boy.\r\n".repeat(2500);
    Ok(vec![
        deliver(
            "Bob writes a plain message",
            from_bob().subject("Lunch?").text_body("At noon, in the park?\r\n"),
            Expected::Push(&["* SELECT INBOX", "UIDFETCH", "\"Lunch?\"", "At noon, in the park?"]),
        )?,
        deliver(
            "Bob writes in HTML, with an attachment",
            from_bob()
                .subject("The figures")
                .html_body("<p>Please find them <b>attached</b>.</p>")
                .attachment("text/csv", "figures.csv", "year,messages\r\n2026,1000000\r\n"),
            Expected::Push(&["UIDFETCH", "\"The figures\"", "Please find them"]),
        )?,
        deliver(
            "Zoë writes with a subject that is not ASCII",
            MessageBuilder::new()
                .from(("Zoë Müller", "zoe@localhost"))
                .subject("Grüße aus 東京 🔔")
                .text_body("Schöne Grüße!\r\n"),
            Expected::Push(&["UIDFETCH", "ENVELOPE", "Schöne Grüße!"]),
        )?,
        deliver(
            "Bob writes 110 KB, which no push can hold: its beginning is pushed",
            from_bob().subject("A novel").text_body(long_text.as_str()),
            Expected::Push(&["UIDFETCH", "\"A novel\"", "<0>", "All work and no play"]),
        )?,
        deliver(
            "A message that the spam filter marked",
            MessageBuilder::new()
                .from(("Prince", "prince@test.invalid"))
                .subject("You have won")
                .header("X-Spam-Flag", mail_builder::headers::raw::Raw::new("YES"))
                .text_body("Send money.\r\n"),
            Expected::Silence,
        )?,
        commands(
            "Alice flags a message in another session",
            &["UID STORE 1 +FLAGS (\\Flagged)"],
            Expected::Push(&["* SELECT INBOX", "* 1 UIDFETCH", "\\Flagged"]),
        ),
        commands(
            "Alice expunges a message there",
            &["UID STORE 2 +FLAGS (\\Deleted)", "EXPUNGE"],
            Expected::Push(&["* SELECT INBOX", "* VANISHED 2"]),
        ),
        commands(
            "Alice makes a mailbox there",
            &["CREATE Projects"],
            Expected::Push(&["* LIST", "Projects"]),
        ),
    ])
}
