//! EventFlow as its users meet it: the real binary, real functions, real databases.
#![allow(missing_docs, clippy::unwrap_used)]

mod app;
mod bad_input;
mod executor;
mod floors;
mod hooks;
mod kill;
mod nodes;
mod schedule;
mod story;
mod synchronous;
mod trouble;
