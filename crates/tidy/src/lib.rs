//! Checks what a machine can check of STYLE.md, of the layers in ARCHITECTURE.md and of the licences in `deny.toml`.
//!
//! There is nothing here but tests: `cargo test -p tidy`. Clippy checks the rules that it knows (functions of 70
//! lines, five parameters, no unwrap); this crate checks the others. A failing test lists every place at once.
//!
//! The licence and source check stands in for `cargo deny check licenses sources` where cargo-deny is not installed,
//! and reads the same `deny.toml`. It does not know the RustSec advisories: `make audit` does.

#[cfg(test)]
mod layers;
#[cfg(test)]
mod licences;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod text;
#[cfg(test)]
mod tree;
