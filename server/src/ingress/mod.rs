//! The ingress room.

pub mod assets;
