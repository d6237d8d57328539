//! JMAP over HTTP: routes, authentication, bodies in and out.
//!
//! The only part that knows HTTP's requests; what it calls works on values.

pub(crate) mod answer;
mod api;
pub(crate) mod authentication;
pub(crate) mod blob;
pub(crate) mod body;
pub(crate) mod clients;
pub(crate) mod events;
pub(crate) mod route;
pub(crate) mod upload;
mod websocket;
