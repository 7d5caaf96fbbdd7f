//! Attacks on the real binary: what a hostile caller, function, build or sender tries, and what holds it back.
//!
//! One file for each door. A test's name says what must hold. `make test` runs the suite against a server that is root
//! (when the tests are) on SQLite; `make attack` runs it four times, for each pair of
//!
//! * `ATTACK_STORE`: `sqlite` (the default) or `postgres`,
//! * `ATTACK_USER`: `same` as the tests (the default), or `nobody`.
//!
//! docs/guide/security.md lists what is promised, and which file here tries to break it.
#![allow(missing_docs, clippy::unwrap_used)]

#[allow(dead_code)] // not every verb is needed here
#[path = "../it/app.rs"]
mod app;
mod backlog;
#[path = "../../src/queue/testing.rs"]
mod broker;
mod bundles;
mod credentials;
mod data_folder;
mod disk;
mod doors;
mod fanout;
mod folders;
mod git;
mod graphql;
mod guessing;
mod headers;
mod hosts;
mod http2;
mod ids;
mod inspected;
mod jobs;
mod kernel;
mod lanes;
mod limits;
mod lines;
mod listeners;
mod manifest;
mod messages;
mod metrics;
mod names;
mod network;
mod paths;
mod people;
mod public;
mod readers;
mod records;
mod roles;
mod search;
mod servers;
mod sessions;
mod slow;
mod starts;
mod strangers;
mod stuck;
mod unproved;
mod victim;
#[allow(dead_code)] // nor here
mod wire;
