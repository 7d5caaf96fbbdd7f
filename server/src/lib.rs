//! The EventFlow server: a map of its rooms (top-level modules) from the ground up.
//!
//! A room uses only the floors below it, and rooms on the same floor do not know each other. `tests/it/floors.rs`
//! enforces this and names the offender.
//!
//! | floor | rooms |
//! | --- | --- |
//! | 10 | [`app`] puts everything together |
//! | 9 | [`ingress`] is the entrance for people and programs, [`gateway`] for calls of functions; [`dispatch`] performs what follows from the log |
//! | 8 | [`edge`] is HTTP below any route: connections, limits, authentication |
//! | 7 | [`operations`] are the use cases, shared by all entrances |
//! | 6 | [`keeping`] keeps instances running |
//! | 5 | [`builder`] makes versions from sources; [`leasing`] knows who takes a call |
//! | 4 | [`actors`] are the only writers; [`vault`] seals secrets and opens them |
//! | 3 | [`store`] is the log and its tables; [`queue`] delivers; [`executor`] runs processes; [`artifacts`] keeps what builds made |
//! | 2 | [`config`] reads the settings |
//! | 1 | [`clock`], [`telemetry`]; [`mac`] makes message authentication codes; [`outbound`] knows which addresses may be reached; [`tree`] handles folders that strangers have filled |
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
pub mod outbound;
pub mod queue;
pub mod store;
pub mod telemetry;
pub mod tree;
pub mod turns;
pub mod vault;
