//! The GraphQL API: one file for each entity's queries, mutations, subscriptions and fields.
//!
//! Objects contain a row of the read tables and load related ones by `loader`; mutations call `operations`. A refusal
//! appears in a payload's `userErrors`, a fault as an error with `extensions.code`.

mod budget;
mod context;
mod execution;
pub(super) mod fuzz;
pub(super) mod http;
mod input;
mod limits;
mod loader;
mod media;
mod mutation;
mod object;
mod payload;
mod position;
mod query;
mod relay;
mod request;
mod schema;
mod slices;
mod socket;
mod subscription;

use context::{
    AskedNamespace, BaseUrl, OrFail, base_url, caller, fail, id, loader, loader_of, namespace_or_default, services,
    view, viewer,
};
pub(super) use relay::PageArguments;
pub use schema::sdl;
pub(super) use schema::{Schema, schema};
