//! Calls of functions: `ANY /function/{name}[/path]` and `ANY /function/{namespace}/{name}[/path]`, and the same below
//! `/async-function`; with `EVENTFLOW_FUNCTIONS_HOST` also all paths of a function's own host, and with
//! `EVENTFLOW_PUBLIC_FUNCTIONS` the paths named by http triggers.
//!
//! A synchronous call reserves a permit for its record, then a slot on an instance; the answer is streamed back. The
//! call is recorded after its answer. [`answer`] is the way back, [`record`] collects what is recorded, and [`target`]
//! finds the called function. An [`asynchronous`] call is recorded first and executed by a worker.

mod address;
mod answer;
mod asynchronous;
mod call_id;
mod calls;
mod cookies;
mod cors;
mod expectation;
mod frames;
#[doc(hidden)]
pub mod fuzz;
mod kind;
mod once;
mod passing;
mod record;
mod recorder;
mod refused;
mod request;
mod request_event;
mod routes;
mod socket;
mod sockets;
mod state;
mod target;

pub use recorder::Recorder;
pub use state::Gateway;
