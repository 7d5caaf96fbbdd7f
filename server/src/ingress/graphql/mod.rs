//! GraphQL.

use super::Services;

#[derive(Clone)]
pub(super) struct Schema;

pub(super) fn schema(_: &Services) -> Schema {
    Schema
}

pub(super) mod http {
    pub(in super::super) fn configure(_: &mut actix_web::web::ServiceConfig, _: &super::Schema) {}
}

/// SDL
pub fn sdl() -> String { String::new() }
