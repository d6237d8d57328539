//! Exchanges against a real store, with a client that is written here.

#[cfg(test)]
mod bearer;
#[cfg(test)]
mod issuer;
#[cfg(test)]
mod masters;
#[cfg(test)]
mod passwords;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tokens;
