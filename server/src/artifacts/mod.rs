//! What builds made, as folders, and what was uploaded, as files: each under the digest of its content, so that it never
//! changes, and equal things are kept once.
//!
//! [`Artifacts`] is all that others see. Everything that it does is asynchronous, and an artifact's files are named only
//! as long as somebody holds them ([`Files`]): where they are kept for good need not be where they are used. Today that is a folder,
//! whose artifacts are used in place, or copied to this server's disk before; object storage has a place beside it (ADR 54).
//!
//! Knows files and digests; knows nothing of functions, nor who needs what.

pub mod archive;
mod blocking;
mod cache;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod contract;
mod digest;
mod error;
mod files;
mod folder;
mod handle;
mod portable;
mod stock;
#[cfg(test)]
pub(crate) mod testing;
mod unneeded;

pub use error::{Error, Failure};
pub use files::Files;
pub use folder::MAX_BUNDLE_BYTES;
pub use handle::{Artifacts, Limits};
pub use portable::pack;
pub use stock::Room;
