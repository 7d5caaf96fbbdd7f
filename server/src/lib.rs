//! The EventFlow server: a map of its rooms (top-level modules) from the ground up.
//!
//! A room uses only the floors below it, and rooms on the same floor do not know each other. `tests/it/floors.rs`
//! enforces this and names the offender.
//!
//! | floor | rooms |
//! | --- | --- |
//! | 9 | [`app`] puts everything together |
//! | 8 | [`ingress`] is the entrance for people and programs, [`gateway`] for calls of functions; [`dispatch`] performs what follows from the log |
//! | 7 | [`edge`] is HTTP below any route: connections, limits, authentication |
//! | 6 | [`operations`] are the use cases, shared by all entrances |
//! | 5 | [`keeping`] keeps instances running |
//! | 4 | [`builder`] makes versions from sources; [`leasing`] knows who takes a call |
//! | 3 | [`actors`] are the only writers; [`vault`] seals secrets and opens them |
//! | 2 | [`store`] is the log and its tables; [`queue`] delivers; [`executor`] runs processes; [`artifacts`] keeps what builds made |
//! | 1 | [`config`], [`clock`], [`telemetry`]; [`mac`] says what only who has a key can make; [`tree`] handles folders that strangers have filled |
//! | 0 | the `domain` crate decides |

pub mod access;
pub mod actors;
pub mod app;
pub mod artifacts;
pub mod backoff;
pub mod builder;
pub mod clock;
pub mod config;
pub mod dispatch;
pub mod doors;
pub mod edge;
pub mod executor;
pub mod gateway;
pub mod ingress;
pub mod keeping;
pub mod leasing;
pub mod mac;
pub mod operations;
pub mod queue;
pub mod store;
pub mod telemetry;
pub mod tree;
pub mod turns;
pub mod vault;
