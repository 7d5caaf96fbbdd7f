//! The decisions of EventFlow, as pure functions: no clock, no randomness, no I/O.
//!
//! | module | contents |
//! | --- | --- |
//! | [`function`] | the lifecycle of a function: registered, built, running, stopped, deregistered |
//! | [`run`] | one invocation: queued, running, retrying, over |
//! | [`event`] | a trigger event, received once |
//! | [`cloudevent`] | CloudEvents 1.0: attributes, data, and how bodies become events |
//! | [`namespace`] | members, tokens, secrets and quotas of a namespace |
//! | [`aggregate`] | what these have in common: `decide` and `evolve` |
//! | [`recorded`] | an event with its position in the log |
//! | [`react`] | what has to be done because of a recorded event |
//! | [`routing`] | which functions a trigger event reaches |
//! | [`doors`] | which functions have paths of their own and anonymous callers |
//! | [`access`] | roles, actions and grants |
//! | [`manifest`] | `function.json` |
//! | [`address`] | addresses that hold credentials, and how they are left out |
//! | [`duration`] | lengths of time as people write them |
//! | [`name`] | what functions and namespaces may be called |
//! | [`schedule`] | when schedule triggers fire |
//! | [`trigger`], [`retry`] | patterns, filters, backoff |
//! | [`traffic`] | which version takes a run |
//! | [`trace`] | W3C Trace Context |
//! | [`upcast`] | reading events with older schemas |
//! | [`erasure`] | what is kept of a record whose payload is erased |
//! | [`hash`] | what the hash chain covers |

pub mod access;
pub mod address;
pub mod aggregate;
pub mod capacity;
pub mod cloudevent;
pub mod doors;
pub mod duration;
pub mod erasure;
pub mod event;
pub mod function;
pub mod hash;
pub mod id;
pub mod json;
pub mod manifest;
pub mod name;
mod names;
pub mod namespace;
pub mod react;
pub mod recorded;
pub mod retry;
pub mod routing;
pub mod run;
pub mod schedule;
pub mod stream;
pub mod text;
pub mod trace;
pub mod traffic;
pub mod trigger;
pub mod upcast;
mod versions;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod testing;

pub use aggregate::Aggregate;
pub use id::Id;
pub use json::Json;
pub use recorded::{Cause, Recorded};
pub use stream::Stream;
