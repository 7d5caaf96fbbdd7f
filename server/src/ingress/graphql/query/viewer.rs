//! The viewer, and the namespaces that they see.

use async_graphql::{Context, Object, Result};

use crate::ingress::graphql::object::{Namespace, ViewerObject};
use crate::ingress::graphql::{budget, services, viewer};

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
        let (viewer, services) = (viewer(ctx)?, services(ctx));
        let view = services.view(viewer);
        let mut names = budget::list(ctx, view.namespaces_seen()).await?;
        let default = &services.settings.namespace;
        names.extend(viewer.sees(default).then(|| default.clone()));
        names.sort();
        names.dedup();
        Ok(names.into_iter().map(|name| Namespace { name }).collect())
    }
}
