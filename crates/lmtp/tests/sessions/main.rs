//! Sessions: the pure half over streams of octets, and the whole server on loopback over a real store.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod server;
#[cfg(test)]
mod starttls;
#[cfg(test)]
mod states;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transcripts;
