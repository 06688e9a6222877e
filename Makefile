# Two commands do everything on a fresh machine: `make demo` and `make test`.
# Both install what is missing (Debian packages, as root or through sudo) and say so.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test unit real ci lint docs deny fuzz-check bench bench-quick build-tools test-tools

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: build-tools ## push and pull an image: through a broken hop, then through Harbormouth (DEMO_ARGS=--once ends then)
	cargo run --release --locked --quiet -- demo $(DEMO_ARGS)

test: build-tools test-tools ## every test, with real registries and clients
	cargo test --locked

unit: build-tools ## only the tests that need nothing but this repository
	cargo test --locked --lib --bins --test configuration --test corpus --test doctor --test gateway --test properties --test standin --test tidy --test tracker

real: build-tools test-tools ## only the tests with real registries and clients
	cargo test --locked --test real --test deployed

ci: build-tools test-tools lint docs deny fuzz-check ## what the continuous integration runs
	$(MAKE) test
	$(MAKE) demo DEMO_ARGS=--once
	$(MAKE) bench-quick

lint: build-tools ## format and clippy, warnings are errors
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

docs: build-tools ## the API documentation, warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

deny: build-tools ## licences, sources and duplicates of the dependencies
	command -v cargo-deny > /dev/null || cargo install --locked cargo-deny@0.20.2
	cargo deny --locked check bans licenses sources

fuzz-check: build-tools ## the fuzz targets compile; their corpus runs with the tests
	CARGO_TARGET_DIR=$(CURDIR)/target cargo check --locked --manifest-path fuzz/Cargo.toml

bench: build-tools test-tools ## the whole-system comparison, into benches/RESULTS.md
	cargo bench --locked --bench system

bench-quick: build-tools test-tools ## the same with small sizes: proves that it runs, measures nothing
	cargo bench --locked --bench system -- --quick

build-tools:
	@.ci/build-tools

test-tools:
	@tests/install.sh
