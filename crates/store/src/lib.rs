//! Accounts, mailboxes, messages, the change log and push subscriptions, on disk.
