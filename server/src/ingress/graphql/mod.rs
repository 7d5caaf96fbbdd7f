//! The GraphQL API: one file for each entity's queries, mutations, subscriptions and fields.
//!
//! Objects hold a row of the read tables and load what belongs to it by `loader`; mutations call `operations`. A refusal is
//! a payload's `userErrors`, a fault is an error with `extensions.code`.

mod budget;
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
mod socket;
mod subscription;

use async_graphql::{Context, Error, ErrorExtensions, ID};
use domain::Id;
use uuid::Uuid;

use crate::edge::Services;
use crate::operations::{Caller, Problem, Refusal, Viewer};
use loader::Loader;
pub(super) use relay::Asked;

/// The schema, ready to answer. Cloning it is cheap.
pub(super) type Schema = async_graphql::Schema<query::Query, mutation::Mutation, subscription::Subscription>;

/// The schema as text (SDL).
pub fn sdl() -> String {
    bare().finish().sdl()
}

pub(super) fn schema(services: &Services) -> Schema {
    guarded(&services.settings.limits).data(Loader::new(services)).data(services.clone()).finish()
}

/// With all that stands before its resolvers.
fn guarded(
    limits: &crate::config::Limits,
) -> async_graphql::SchemaBuilder<query::Query, mutation::Mutation, subscription::Subscription> {
    let sdl = sdl();
    bare()
        // The first is asked first: nothing is done with a query before it was weighed.
        .extension(limits::Limits::new(limits, limits::Shape::of(&sdl)))
        .extension(execution::Execution::new(execution::Types::of(&sdl)))
        .limit_directives(limits::MAX_DIRECTIVES)
        // `limits` refuses first, in words, and before the library walks along fragments to find out.
        .limit_recursive_depth(limits::MAX_RECURSION)
}

fn bare() -> async_graphql::SchemaBuilder<query::Query, mutation::Mutation, subscription::Subscription> {
    Schema::build(Default::default(), Default::default(), Default::default())
}

/// Where the server is reached, as the request has it: `http://localhost:8080`.
#[derive(Debug, Clone)]
struct BaseUrl(String);

fn services<'c>(ctx: &Context<'c>) -> &'c Services {
    ctx.data_unchecked::<Services>()
}

fn loader<'c>(ctx: &Context<'c>) -> &'c Loader {
    ctx.data_unchecked::<Loader>()
}

fn caller<'c>(ctx: &Context<'c>) -> async_graphql::Result<&'c Caller> {
    let nobody = || fail(Refusal::problem("unauthenticated", "this needs a token; POST /auth/token gives one"));
    ctx.data_opt::<Caller>().ok_or_else(nobody)
}

fn viewer<'c>(ctx: &Context<'c>) -> async_graphql::Result<&'c Viewer> {
    Ok(&caller(ctx)?.viewer)
}

/// The namespace of what names none: that of the request's header `X-Namespace`, or else the server's own.
#[derive(Debug, Clone)]
struct AskedNamespace(String);

/// The namespace that was named, or else the one of [`AskedNamespace`].
fn namespace_or_default(ctx: &Context<'_>, named: Option<String>) -> String {
    let asked = || ctx.data_opt::<AskedNamespace>().map(|asked| asked.0.clone());
    named.or_else(asked).unwrap_or_else(|| services(ctx).settings.namespace.clone())
}

fn base_url<'c>(ctx: &Context<'c>) -> &'c str {
    ctx.data_opt::<BaseUrl>().map_or("", |base| base.0.as_str())
}

/// The id that a text is.
fn id<T>(text: &ID, field: &str) -> Result<Id<T>, Refusal> {
    let parsed = Uuid::parse_str(text).map(Id::new);
    parsed.map_err(|_| {
        let message =
            format!("`{}` is not an id: it must be a UUID such as 0189f7e2-3c4d-7abc-8def-0123456789ab", text.as_str());
        Problem::new("bad_id", message).at([field]).into()
    })
}

/// An error with `extensions.code`.
fn fail(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Refused(problems) => {
            let messages: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
            let code = problems.first().map_or("bad_request", |problem| problem.code);
            Error::new(messages.join("; ")).extend_with(|_, extensions| extensions.set("code", code))
        }
        Refusal::Failed(fault) => {
            Error::new(fault.message()).extend_with(|_, extensions| extensions.set("code", fault.code()))
        }
    }
}

/// Turns what the rooms below say into an error with `extensions.code`. Not by `?`: that would lose the code.
trait OrFail<T> {
    fn or_fail(self) -> async_graphql::Result<T>;
}

impl<T, E: Into<Refusal>> OrFail<T> for Result<T, E> {
    fn or_fail(self) -> async_graphql::Result<T> {
        self.map_err(|error| fail(error.into()))
    }
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
