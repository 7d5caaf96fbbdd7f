//! A namespace.

use async_graphql::{Context, Object, Result};

use super::Function;
use crate::ingress::graphql::relay::{Asked, Connection, page};
use crate::ingress::graphql::{OrFail, budget, services};
use crate::store::FunctionFilter;

/// A namespace.
pub(in crate::ingress::graphql) struct Namespace {
    pub name: String,
}

/// A namespace.
#[Object]
impl Namespace {
    /// Unique.
    async fn name(&self) -> &str {
        &self.name
    }

    /// Its functions that are not gone, by name.
    async fn functions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Function>> {
        let request = page(ctx, Asked { first, after, last, before }).or_fail()?;
        let filter = FunctionFilter { namespaces: Some(vec![self.name.clone()]), ..FunctionFilter::default() };
        let found = services(ctx).store.functions(&filter, &request).await.or_fail()?;
        Ok(Connection::of(budget::page(ctx, found)?, Function::from))
    }
}
