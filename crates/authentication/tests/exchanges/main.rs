//! Exchanges against a real store, with a client that is written here.

#[cfg(test)]
mod masters;
#[cfg(test)]
mod passwords;
#[cfg(test)]
mod support;
