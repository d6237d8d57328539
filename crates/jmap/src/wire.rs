//! Bytes to values and back. Pure: no I/O, no clock.

pub mod address;
pub mod blob;
pub mod date;
pub mod id;
pub mod json;
pub mod number;
pub mod reference;
pub mod request;
pub mod state;
