//! Property tests: what holds for every history, not only for those that somebody thought of.
//!
//! [`any`] generates values; each other module tests one aggregate or one pure function. A property over random
//! commands is only as good as what its commands reach: the module of each aggregate ends with a test that counts the
//! states, events and refusals that its generator reaches.

mod any;
mod cloudevent;
mod encoding;
mod function;
mod history;
mod ids;
mod namespace;
mod run;
mod run_request;
mod text;
mod traffic;
