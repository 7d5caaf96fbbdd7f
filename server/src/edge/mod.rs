//! HTTP below any route: limits on connections, time limits, the server's names, authentication, reading of bodies, and
//! errors. All HTTP requests pass this room first; `ingress` and `gateway` are built on it.
//!
//! Knows connections, heads, bodies and sessions; knows nothing of routes.

mod access;
mod activity;
pub mod auth;
mod bodies;
pub(crate) mod bodiless;
pub(crate) mod body;
pub(crate) mod call_options;
pub(crate) mod capture;
pub mod codes;
mod connection_slots;
mod credentials;
mod descriptors;
pub(crate) mod error;
mod expectation;
mod forwarded;
#[doc(hidden)]
pub mod fuzz;
mod host;
mod http2;
pub(crate) mod json;
mod leaving;
mod limits;
pub(crate) mod network;
pub(crate) mod origin;
mod payload;
pub(crate) mod recorded;
pub(crate) mod refusal;
pub(crate) mod request_id;
mod request_policy;
mod server;
mod services;
pub(crate) mod slots;
mod strangers;
pub mod subscribers;
pub(crate) mod trace;
mod transport;
mod wire;

pub(crate) use activity::Activity;
pub use auth::Auth;
pub use bodies::BodyBudget;
pub(crate) use bodies::{BodyReservation, Dropped};
pub use connection_slots::ConnectionSlots;
pub use descriptors::raise as raise_descriptors;
pub use error::HttpError;
pub use expectation::Wants;
pub use host::FunctionHost;
pub(crate) use payload::is_late;
pub use server::{Hosts, Serving, serve};
pub use services::{About, Services};
pub use strangers::Strangers;
pub(crate) use strangers::Unknown;
