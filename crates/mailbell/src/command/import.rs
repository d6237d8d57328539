//! `mailbell import`: mail from a Maildir or an mbox file, with a progress bar. It can be run again at any time and
//! then imports what is new, or what an interruption left out.

use std::path::Path;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use store::MailboxName;

use super::store as opened;
use crate::cli::{ImportArguments, ImportKind};
use crate::config::Config;
use crate::import::importer::Importer;
use crate::import::journal::Journal;
use crate::import::{Maildir, Mbox, Source};

/// Imports and prints what came of it.
pub(crate) async fn run(config: &Config, arguments: ImportArguments) -> anyhow::Result<()> {
    let (mut source, style) = open(arguments.kind, &arguments.path)?;
    let root = MailboxName::new(&arguments.mailbox)?;
    let store = opened::open(config).await?;
    let account = opened::account(&store, config, &arguments.account).await?;
    let journal = Journal::open(&config.data_dir, account.id, &arguments.path)?;
    let access = store.system_access(account.id);

    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(style)?);
    let mut importer = Importer::new(store.clone(), access, root, config.limits.message_bytes, journal);
    importer.settle(open(arguments.kind, &arguments.path)?.0.as_mut()).await?;
    importer.settle(open(arguments.kind, &arguments.path)?.0.as_mut()).await?;
    let summary = importer
        .run(source.as_mut(), &bar)
        .await
        .with_context(|| format!("importing {} stopped", arguments.path.display()))?;
    store.close().await?;

    println!("Imported {} messages into {}.", summary.imported, account.name);
    if summary.already_there > 0 {
        println!("{} were there from an earlier import.", summary.already_there);
    }
    if summary.too_large > 0 {
        bail!("{} messages are larger than limits.message_bytes and were left out", summary.too_large);
    }
    Ok(())
}

fn open(kind: ImportKind, path: &Path) -> anyhow::Result<(Box<dyn Source>, &'static str)> {
    Ok(match kind {
        ImportKind::Maildir => {
            (Box::new(Maildir::open(path)?), "{wide_bar} {pos}/{len} messages, {per_sec}, {eta} left")
        }
        ImportKind::Mbox => {
            (Box::new(Mbox::open(path)?), "{wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left")
        }
    })
}
