//! Who takes a call.

pub mod claim;
mod connection;
mod room;
mod runs;

pub use connection::{Answer, CallError, Connections, Probed, RequestBody, Socket, Upgraded, is_deaf};
pub use room::{Input, Room, SMALL, in_place};
pub use runs::{LATE_LINES, Runs};
