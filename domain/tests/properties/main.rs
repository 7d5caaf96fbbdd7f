//! What holds for every history, not only for the ones somebody thought of.
//!
//! [`any`] makes values, each other module asks for one aggregate or one pure function. A property over random commands
//! is worth what its commands reach: each aggregate's module ends with a test that counts the states, events and
//! refusals that its generator reaches.

mod any;
mod asked;
mod cloudevent;
mod encoding;
mod function;
mod history;
mod ids;
mod namespace;
mod run;
mod text;
mod traffic;
