//! The resolvers' context, and the conversion of their errors.

use async_graphql::{Context, Error, ErrorExtensions, ID};
use domain::Id;
use uuid::Uuid;

use super::loader::{Batches, Loader, Whole};
use crate::edge::Services;
use crate::operations::{Caller, Problem, Refusal, Viewer};
use crate::store::View;

/// Where the server is reached, as the request has it: `http://localhost:8080`.
#[derive(Debug, Clone)]
pub(super) struct BaseUrl(pub(super) String);

pub(super) fn services<'c>(ctx: &Context<'c>) -> &'c Services {
    ctx.data_unchecked::<Services>()
}

/// Loads rows that the caller sees.
pub(super) fn loader(ctx: &Context<'_>) -> async_graphql::Result<Loader> {
    Ok(loader_of(ctx, caller(ctx)?))
}

/// The same, where the caller is known already.
pub(super) fn loader_of(ctx: &Context<'_>, caller: &Caller) -> Loader {
    let whole = ctx.data_opt::<Whole>().cloned();
    let whole = whole.unwrap_or_else(|| Whole::new(services(ctx), &caller.viewer.subject));
    Loader::new(ctx.data_unchecked::<Batches>(), whole, &caller.viewer)
}

/// The tables as far as the caller looks into them.
pub(super) fn view(ctx: &Context<'_>) -> async_graphql::Result<View> {
    Ok(services(ctx).view(viewer(ctx)?))
}

pub(super) fn caller<'c>(ctx: &Context<'c>) -> async_graphql::Result<&'c Caller> {
    let nobody = || fail(Refusal::problem("unauthenticated", "this needs a token; POST /auth/token gives one"));
    ctx.data_opt::<Caller>().ok_or_else(nobody)
}

pub(super) fn viewer<'c>(ctx: &Context<'c>) -> async_graphql::Result<&'c Viewer> {
    Ok(&caller(ctx)?.viewer)
}

/// The default namespace: that of the request's header `X-Namespace`, or else the server's.
#[derive(Debug, Clone)]
pub(super) struct AskedNamespace(pub(super) String);

/// The namespace that was named, or else the one of [`AskedNamespace`].
pub(super) fn namespace_or_default(ctx: &Context<'_>, named: Option<String>) -> String {
    let asked = || ctx.data_opt::<AskedNamespace>().map(|asked| asked.0.clone());
    named.or_else(asked).unwrap_or_else(|| services(ctx).settings.namespace.clone())
}

pub(super) fn base_url<'c>(ctx: &Context<'c>) -> &'c str {
    ctx.data_opt::<BaseUrl>().map_or("", |base| base.0.as_str())
}

/// The id that a text is.
pub(super) fn id<T>(text: &ID, field: &str) -> Result<Id<T>, Refusal> {
    let parsed = Uuid::parse_str(text).map(Id::new);
    parsed.map_err(|_| {
        let message =
            format!("`{}` is not an id: it must be a UUID such as 0189f7e2-3c4d-7abc-8def-0123456789ab", text.as_str());
        Problem::new("bad_id", message).at([field]).into()
    })
}

/// An error with `extensions.code`.
pub(super) fn fail(refusal: Refusal) -> Error {
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
pub(super) trait OrFail<T> {
    fn or_fail(self) -> async_graphql::Result<T>;
}

impl<T, E: Into<Refusal>> OrFail<T> for Result<T, E> {
    fn or_fail(self) -> async_graphql::Result<T> {
        self.map_err(|error| fail(error.into()))
    }
}
