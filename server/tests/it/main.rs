//! EventFlow as its users meet it: the real binary, real functions, real databases.
#![allow(missing_docs, clippy::unwrap_used)]

mod amqp;
mod app;
mod bad_input;
#[path = "../../src/queue/testing.rs"]
mod broker;
mod executor;
mod floors;
mod kill;
mod nodes;
mod story;
mod synchronous;
mod trouble;
