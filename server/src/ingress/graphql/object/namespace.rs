//! A namespace.

use async_graphql::{Context, Object, Result};

use super::Function;
use crate::ingress::graphql::relay::{Connection, PageArguments};
use crate::ingress::graphql::{OrFail, services, viewer};
use crate::store::FunctionFilter;

/// A namespace.
pub(in crate::ingress::graphql) struct Namespace {
    pub name: String,
}

/// A namespace.
#[Object]
impl Namespace {
    /// The unique name.
    async fn name(&self) -> &str {
        &self.name
    }

    /// Its functions by name, without deregistered ones.
    async fn functions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Function>> {
        let view = services(ctx).view_of(viewer(ctx)?, Some(&self.name)).or_fail()?;
        Function::page(ctx, &view, &FunctionFilter::default(), PageArguments { first, after, last, before }).await
    }
}
