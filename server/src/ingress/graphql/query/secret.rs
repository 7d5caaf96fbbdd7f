//! Secrets, by name.

use async_graphql::{Context, Object, Result};

use crate::ingress::graphql::object::Secret;
use crate::ingress::graphql::{OrFail, services, viewer};
use crate::operations;

#[derive(Default)]
pub(super) struct Query;

#[Object(name = "SecretQuery")]
impl Query {
    /// The secrets that are set, by namespace and name; their values are never shown.
    async fn secrets(&self, ctx: &Context<'_>, namespace: Option<String>) -> Result<Vec<Secret>> {
        let found = operations::secrets(services(ctx), viewer(ctx)?, namespace.as_deref()).await.or_fail()?;
        Ok(found.into_iter().map(Secret::from).collect())
    }
}
