//! The IMAP server as its clients see it: over loopback, with a real store behind it.

#[cfg(test)]
mod admission;
#[cfg(test)]
mod compress;
#[cfg(test)]
mod connection;
#[cfg(test)]
mod consistency;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod dice;
#[cfg(test)]
mod model;
#[cfg(test)]
mod notify;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod resync;
#[cfg(test)]
mod search_index;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transcripts;
#[cfg(test)]
mod updates;
