//! An accepted message on its way to the mailboxes of its recipients.
