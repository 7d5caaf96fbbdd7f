//! The outermost door: how many connections there may be, how long each may keep the server waiting, and by which names
//! the server is called. Everything that comes in by HTTP passes here first, whatever its route is.
//!
//! Knows sockets, heads and bodies; knows nothing of routes, callers and functions.

mod access;
mod bodies;
mod descriptors;
mod expectation;
mod forwarded;
mod host;
mod http2;
mod leaving;
mod limits;
pub(super) mod network;
pub(super) mod origin;
mod payload;
mod places;
mod refusal;
mod seat;
mod server;
mod strangers;
mod transport;
mod wire;

pub use bodies::{BodyBudget, MAX_KNOWN};
pub(super) use bodies::{Dropped, Held};
pub use descriptors::raise as raise_descriptors;
pub use expectation::Wants;
pub use host::FunctionHost;
pub(super) use payload::is_late;
pub use places::Places;
pub(super) use seat::Seat;
pub use server::{Hosts, Serving, serve};
pub use strangers::Strangers;
pub(super) use strangers::Unknown;
