//! The viewer, and the namespaces that they see.

use async_graphql::{Context, Object, Result};

use crate::ingress::graphql::object::{Namespace, ViewerObject};
use crate::ingress::graphql::{budget, services, viewer};
use crate::operations;

#[derive(Default)]
pub(super) struct Query;

#[Object(name = "ViewerQuery")]
impl Query {
    /// The viewer.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<ViewerObject> {
        Ok(ViewerObject(viewer(ctx)?.clone()))
    }

    /// The namespaces that they see.
    async fn namespaces(&self, ctx: &Context<'_>) -> Result<Vec<Namespace>> {
        let names = budget::list(ctx, operations::namespaces(services(ctx), viewer(ctx)?)).await?;
        Ok(names.into_iter().map(|name| Namespace { name }).collect())
    }
}
