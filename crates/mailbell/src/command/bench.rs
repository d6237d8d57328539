//! `mailbell bench`: what this machine does with Mailbell, and with a peer in the same run.

use std::time::Duration;

use anyhow::{Context as _, bail};
use load::report::{self, Part, Plan};

use crate::cli::{BenchOptions, BenchPart};
use crate::serve;

/// Measures and prints the figures; what is being measured goes to standard error.
pub(crate) async fn run(options: BenchOptions) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        bail!("this binary was built without optimisation; measure `cargo run --release -- bench`");
    }
    serve::raise_descriptor_limit();
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let plan = Plan {
        parts: match options.only {
            None => vec![Part::Mail, Part::Mailbox, Part::Jmap, Part::PushService],
            Some(BenchPart::Jmap) => vec![Part::Jmap],
            Some(BenchPart::Mail) => vec![Part::Mail],
            Some(BenchPart::Mailbox) => vec![Part::Mailbox],
            Some(BenchPart::PushService) => vec![Part::PushService],
        },
        push_service: load::push_service::report::Plan {
            program: program.clone(),
            directory: options.directory.clone(),
            idle_connections: options.push_idle,
            subscriptions: options.subscriptions,
            messages: options.messages,
        },
        jmap_messages: options.jmap_messages,
        program,
        directory: options.directory,
        duration: Duration::from_secs(options.seconds.max(1)),
        idle_connections: options.idle,
        mailbox_messages: options.mailbox.max(1000),
        with_peer: !options.no_peer,
    };
    let measured = report::run(&plan, |what| eprintln!("{what}")).await?;
    if options.json {
        println!("{}", serde_json::to_string(&measured)?);
    } else {
        print!("{measured}");
    }
    Ok(())
}
