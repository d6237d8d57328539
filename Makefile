# `make test` installs what the tests need on a Debian machine and runs everything that CI runs.

.PHONY: test lint fmt audit bench demo

test:
	scripts/test.sh

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --locked -p tidy

fmt:
	cargo fmt --all

# Needs cargo-deny (cargo install cargo-deny --locked) and the network, for the RustSec advisories.
audit:
	cargo deny check

# Some minutes on a quiet machine; Dovecot is measured beside us where it is installed.
bench:
	cargo run --release --locked -- bench

demo:
	cargo run --release --locked -- demo
