# `make` alone says what there is. The work itself is in scripts/, which can be called without make.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# The profile that `make run` builds with. A newcomer waits for the build, not for the server: the dev profile spares the
# optimiser, which is the longest part of a release build on a small machine, but for the few dependencies in which a
# server spends its time (Cargo.toml). For measuring or real use: make run PROFILE=release
PROFILE ?= dev

# More flags for the server: make run ARGS='--port 9000'
ARGS ?=

# One service's lines: make logs SERVICE=rabbitmq
SERVICE ?=

.PHONY: help run build web docs up down logs status test test-containers test-compatibility chaos attack soak fuzz check repeats fmt bench deps clean-web

help: ## this list
	@echo "EventFlow"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: web ## build everything, then serve on http://127.0.0.1:8080 with a demo function (token: dev-token)
	@scripts/deps run || echo "run: going on without; where bubblewrap is missing, functions run as plain processes" >&2
	cargo run --locked --package server --bin eventflow --profile $(PROFILE) -- serve --dev $(ARGS)

build: web ## an optimised eventflow with the web pages inside: target/release/eventflow
	cargo build --locked --release --package server --bin eventflow

web: ## the web pages, when Node is there and something changed
	@scripts/web build

docs: ## the guide as a site with search: docs/dist, which `make build` puts into the binary for /docs
	@scripts/docs

up: ## EventFlow in containers, beside PostgreSQL and RabbitMQ: docker-compose.yml, with passwords of its own in .env
	@scripts/compose up

down: ## stop and remove these containers; the data stays
	@scripts/compose down

logs: ## what they print; SERVICE=rabbitmq for one of them
	@scripts/compose logs $(SERVICE)

status: ## how they are
	@scripts/compose status

test: ## every test, on a real PostgreSQL; installs what it needs; ends with "N passed, N failed"
	@scripts/test

test-containers: ## what needs minutes to be made: deploy/Dockerfile and docker-compose.yml for real, images by a real BuildKit, containers under gVisor (Debian, as root)
	@scripts/test-containers
	scripts/with-docker scripts/with-buildkit cargo test --locked --package server --test it -- --ignored a_real_ --nocapture

test-compatibility: ## register some sixty kinds of repositories unmodified, and write docs/compatibility.md; PLACE=flask tries some
	PLACES=all cargo test --locked --package server --test it -- places:: --nocapture

chaos: ## kill servers, PostgreSQL and RabbitMQ under load, and count (some minutes); SEED=7 repeats, CHAOS_SEEDS=20 runs a row
	@scripts/chaos

attack: ## try to get past every wall: the suite of attacks on SQLite and PostgreSQL, as root and not
	@scripts/attack

soak: ## 200 hostile functions beside 20 good ones for ten minutes; SOAK_SECONDS=60 for less
	@SOAK=full scripts/soak

fuzz: ## feed every parser of a stranger's bytes for a minute each; FUZZ_SECONDS=10 for less
	@scripts/fuzz

check: ## formatting, lints, documentation, types: all without a warning
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" cargo doc --workspace --no-deps --document-private-items --locked
	for script in scripts/* benches/* .ci/run; do case $$(head -c 20 "$$script") in '#!'*bash*) bash -n "$$script";; esac; done
	scripts/web check

repeats: ## no more than ten lines stand in two places outside tests (npm jscpd counts)
	@scripts/repeats

fmt: ## format the Rust code
	cargo fmt --all

bench: web ## measure beside the yardsticks, write docs/benchmarks.md (some minutes)
	@benches/run

deps: ## install what tests and sandbox need (Debian, as root), or say what to install
	@scripts/deps

clean-web: ## remove the built web pages and their packages
	rm -rf frontend/dist frontend/node_modules
