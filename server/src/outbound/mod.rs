//! Connections to addresses that somebody else chose: which of them may be reached, and how a client is set up for them.
//!
//! There are two rules. [`Outward`] is for the server itself, which calls callbacks and fetches repositories: public
//! addresses are open; [`Registries`] adds hosts by name to it, for the engine that pulls images. [`Reach`] is for functions and builds with network access: what is neither private nor this host's
//! is open. Both read the same list of metadata services. Knows addresses, certificates and HTTP clients, not what they
//! are for.

mod client;
pub mod metadata;
pub mod outward;
pub mod range;
pub mod reach;
pub mod registries;
pub mod trust;

pub use client::{Checking, client};
pub use outward::Outward;
pub use reach::Reach;
pub use registries::Registries;
