//! JMAP over HTTP: routes, authentication, bodies in and out.
//!
//! The only part that knows HTTP's requests; what it calls works on values.

pub(crate) mod answer;
mod api;
mod authentication;
mod body;
pub(crate) mod clients;
pub(crate) mod route;
