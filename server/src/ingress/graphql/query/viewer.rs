//! The viewer, and the namespaces that they see.

use async_graphql::{Context, Object, Result};

use crate::ingress::graphql::object::{Namespace, ViewerObject};
use crate::ingress::graphql::{OrFail, services, viewer};

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
        let mut names = services.view(viewer).namespaces_seen().await.or_fail()?;
        let default = &services.settings.namespace;
        names.extend(viewer.sees(default).then(|| default.clone()));
        names.sort();
        names.dedup();
        Ok(names.into_iter().map(|name| Namespace { name }).collect())
    }
}
