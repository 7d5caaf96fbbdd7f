//! The ingress room.
