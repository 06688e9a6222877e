# Two commands do everything on a fresh machine: `make demo` and `make test`.
# Both install what is missing (Debian packages, as root or through sudo) and say so.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo doctor test unit wire real deployed ci lint docs deny fuzz bench bench-quick instructions soak mutants release book spelling tables pictures build-tools test-tools

# Everything but a release is built with one profile, so that each crate is compiled once.
PROFILE := quick
CARGO_TEST := cargo test --locked --profile $(PROFILE)
# Tests wait more than they compute; those with daemons of their own have less patience to spare.
THREADS := $(shell expr 2 \* $$(nproc))
REAL_THREADS := $(shell expr 1 + $$(nproc))
# Of a static build: the target is named so that what runs at build time isn't static, too.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
HARBORMOUTH ?= cargo run --locked --profile $(PROFILE) --quiet --
FUZZ_SECONDS ?= 20

# Test targets by what they need; tests/tidy holds that each is in one of them.
UNIT := configuration corpus doctor fake_harbor gateway properties tidy tracker
WIRE := judges manifests monitoring one_machine page

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: build-tools ## push and pull an image: through a broken hop, then through Harbormouth (DEMO_ARGS=--once ends then)
	$(HARBORMOUTH) demo $(DEMO_ARGS)

doctor: build-tools ## the doctor alone, as one static file for other machines: target/harbormouth-doctor
	RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --profile small --no-default-features \
		--features doctor --bin harbormouth-doctor --target $(HOST)
	cp target/$(HOST)/small/harbormouth-doctor target/

test: unit wire real deployed ## every test, with real registries and clients

unit: build-tools ## only the tests that need nothing but this repository
	$(CARGO_TEST) --lib --bins $(UNIT:%=--test %) -- --test-threads=$(THREADS)

wire: build-tools test-tools ## only the tests with other programs and no registry: linters, Prometheus, a browser
	$(CARGO_TEST) $(WIRE:%=--test %)

real: build-tools test-tools ## only the tests with real registries and clients
	$(CARGO_TEST) --test real -- --test-threads=$(REAL_THREADS)

deployed: build-tools test-tools ## only the tests of what is deployed: the image, the systemd unit, the compose file
	$(CARGO_TEST) --test deployed

ci: build-tools test-tools ## what the continuous integration runs: all of it, step by step
	.ci/steps

# `--all-targets` leaves out the soak, which plain `cargo test` does not run.
lint: build-tools ## format and clippy, warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --locked --profile $(PROFILE) --all-targets -- -D warnings
	cargo clippy --locked --profile $(PROFILE) --test=soak -- -D warnings
	cargo clippy --locked --profile $(PROFILE) --no-default-features -- -D warnings
	cargo clippy --locked --profile $(PROFILE) --no-default-features --features doctor -- -D warnings

docs: build-tools book spelling ## the API documentation, warnings are errors; the book and its spelling
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --profile $(PROFILE) --no-deps --document-private-items

# HARBORMOUTH_REPOSITORY=https://git.example.com/harbormouth/blob/main is where links out of it lead.
book: ## docs/ as a book, into target/book
	.ci/tool mdbook build docs

spelling: ## of everything that is written here
	.ci/tool typos

tables: build-tools ## the tables of docs/ and the README that are made from the code, written anew
	WRITE_TABLES=yes $(CARGO_TEST) --lib --test=tidy documents:: -- --test-threads=1

pictures: build-tools test-tools ## the README's pictures of the page and of the doctor, taken anew
	.ci/pictures

deny: build-tools ## licences, sources and duplicates of the dependencies
	.ci/deny --locked --workspace check bans licenses sources

fuzz: build-tools test-tools ## each fuzz target for a while (FUZZ_SECONDS=20); what is found stays in fuzz/artifacts
	.ci/fuzz $(FUZZ_SECONDS)

bench: build-tools test-tools ## the whole-system comparison of a release build, into benches/RESULTS.md (ONLY=HEAD: rows whose title has this, printed only)
	cargo bench --locked --bench system $(if $(ONLY),-- --only "$(ONLY)")

instructions: build-tools test-tools ## instructions and system calls for a request and a MiB, held against benches/instructions.txt (RECORD=yes writes it)
	cargo bench --locked --profile $(PROFILE) --bench system -- --instructions $(if $(RECORD),--record)

bench-quick: build-tools test-tools ## the same with small sizes: proves that it runs, measures nothing
	cargo bench --locked --profile $(PROFILE) --bench system -- --quick

mutants: build-tools ## changes the pure modules line by line and lists what none of their unit tests notices (IN=tickets: only that one)
	command -v cargo-mutants > /dev/null || cargo install --locked cargo-mutants
	.ci/mutants "$(IN)" --jobs $$(nproc)

release: build-tools ## the files of a release, into target/release-files: a static binary, its bill of materials, the chart, checksums
	.ci/release

build-tools:
	@.ci/build-tools

test-tools:
	@tests/install.sh

soak: build-tools test-tools ## MINUTES (10) of pushes and pulls under kills, stalls, reloads and attacks; SEED repeats a run
	$(CARGO_TEST) --test soak -- --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))
