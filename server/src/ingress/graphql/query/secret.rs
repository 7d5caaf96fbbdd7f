//! Secrets, by name.

use async_graphql::{Context, Object, Result};

use crate::ingress::graphql::object::Secret;
use crate::ingress::graphql::{budget, services, viewer};
use crate::operations;

#[derive(Default)]
pub(super) struct Query;

#[Object(name = "SecretQuery")]
impl Query {
    /// The secrets that are set, by namespace and name; their values are never shown.
    async fn secrets(&self, ctx: &Context<'_>, namespace: Option<String>) -> Result<Vec<Secret>> {
        let secrets = operations::secrets(services(ctx), viewer(ctx)?, namespace.as_deref());
        let found = budget::list(ctx, secrets).await?;
        Ok(found.into_iter().map(Secret::from).collect())
    }
}
