//! A namespace.

use async_graphql::{Context, Object, Result};

use super::Function;
use crate::ingress::graphql::relay::{Asked, Connection};
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
        let filter = FunctionFilter { namespaces: Some(vec![self.name.clone()]), ..FunctionFilter::default() };
        Function::page(ctx, &filter, Asked { first, after, last, before }).await
    }
}
