//! Decides which instance takes a call on this server.
//!
//! A function's [`Route`] has an [`Arm`] for each version that takes its calls, and chooses the arm for a run. A
//! service's arm has [`Endpoints`]: addresses with slots for calls. A call takes a [`Lease`] on one, or waits for it. A
//! job's arm has slots for processes.
//!
//! Knows addresses and their calls; starts nothing and ends nothing. A [`Supply`] provides endpoints and a [`Source`]
//! routes; neither needs to be on this server, or ends with it.

mod answers;
pub mod claim;
mod connection;
mod endpoint;
mod endpoints;
mod error;
mod handle;
mod health;
mod job_permits;
mod lease;
mod memory;
mod route;
mod routes;
mod runs;
mod source;
mod supply;
#[cfg(test)]
mod tests;

pub use answers::WholeAnswer;
pub use connection::{Answer, CallError, RequestBody, Socket, Upgraded};
pub use endpoint::{Endpoint, Liveness};
pub use endpoints::{Endpoints, Terms};
pub use error::{Error, with_last_lines};
pub use handle::Leasing;
pub use health::PostMortem;
pub use job_permits::JobPermit;
pub use lease::{Lease, Reading};
pub use memory::{Input, MemoryBudget, SMALL, holding};
pub use route::{Arm, Backend, Route};
pub use runs::{LATE_LINES, Runs};
pub use source::Source;
pub use supply::{Alone, Call, Supply};
