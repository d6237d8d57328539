//! Core/echo (RFC 8620 §4): what was said is answered.

use super::Arguments;

/// Runs the method.
pub(crate) fn run(arguments: Arguments) -> Arguments {
    arguments
}
