//! Mailbell, a mail server whose first job is to tell devices what changed.
fn main() {}
