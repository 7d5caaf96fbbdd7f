//! Calls: `ANY /function/{name}[/path]` and `ANY /function/{namespace}/{name}[/path]`, and the same under
//! `/async-function`; with `EVENTFLOW_FUNCTIONS_HOST` all paths of a function's own host as well, and with
//! `EVENTFLOW_PUBLIC_FUNCTIONS` the paths that http triggers name.
//!
//! A synchronous call takes a place for its record, then a place on an instance; the answer is streamed back as it comes. What is
//! known of the call is recorded after its answer. [`answer`] is the way back, [`record`] what is told of it, [`target`] whom a request calls. An [`asynchronous`] call is recorded
//! first, and run by a worker.

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
mod routes;
mod said;
mod socket;
mod sockets;
mod state;
mod target;

pub use recorder::Recorder;
pub use state::Gateway;
