//! The executor of containers: images on a Docker engine.
//!
//! A service is a container in its namespace's network, at its own address where the engine is on this host, and at a
//! published port otherwise; a job is a container for one run. They have no rights, a root that they cannot write, and
//! limits for everything; the engine's events report what becomes of them. What a server made carries its labels, and
//! is removed when the server is gone.
//!
//! Knows images and containers, not the lifecycle of functions, the log, or HTTP.

mod build;
mod commands;
mod container;
mod containers;
mod engine;
mod follow;
mod found;
mod images;
mod labels;
mod networks;
mod own;
mod publish;
mod pull;
mod ready;
mod result;
mod shape;
mod shared;
mod stats;
mod steps;
mod together;
mod vetting;
mod wall;
mod watch;

pub use containers::{DEFAULT_HOST, Docker, Options};
