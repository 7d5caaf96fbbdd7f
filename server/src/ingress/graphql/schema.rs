//! The schema, with everything in front of its resolvers.

use super::loader::Batches;
use super::mutation::Mutation;
use super::query::Query;
use super::subscription::Subscription;
use super::{execution, limits};
use crate::edge::Services;

/// The schema, ready to answer. Cloning it is cheap.
pub(in crate::ingress) type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// The schema as text (SDL).
pub fn sdl() -> String {
    bare().finish().sdl()
}

pub(in crate::ingress) fn schema(services: &Services) -> Schema {
    guarded(&services.settings.limits).data(Batches::new(services)).data(services.clone()).finish()
}

/// With all that stands before its resolvers.
pub(super) fn guarded(limits: &crate::config::Limits) -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    let sdl = sdl();
    bare()
        // The first is asked first: nothing is done with a query before it was weighed.
        .extension(limits::Limits::new(limits, limits::Shape::of(&sdl)))
        .extension(execution::Execution::new(execution::Types::of(&sdl)))
        .limit_directives(limits::MAX_DIRECTIVES)
        // `limits` refuses first, in words, and before the library walks along fragments to find out.
        .limit_recursive_depth(limits::MAX_RECURSION)
}

fn bare() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Default::default(), Default::default(), Default::default())
}

#[cfg(test)]
mod tests {
    /// `EVENTFLOW_BLESS=1 cargo test` writes the file anew.
    #[test]
    fn the_schema_file_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
        let now = super::sdl();
        if std::env::var_os("EVENTFLOW_BLESS").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap_or_default() == now,
            "schema.graphql is out of date: EVENTFLOW_BLESS=1 writes it anew"
        );
    }
}
