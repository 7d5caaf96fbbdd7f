//! Secrets.

use async_graphql::{Context, Object, Result};

use crate::ingress::graphql::payload::SecretPayload;
use crate::ingress::graphql::{caller, services};
use crate::operations;
use crate::vault::Value;

#[derive(Default)]
pub(super) struct Mutation;

#[Object(name = "SecretMutation")]
impl Mutation {
    /// Sets a secret of a namespace. Functions that name it get it as a variable, running ones by new instances; webhooks
    /// that name it are proved with it. The value is kept encrypted and never shown again.
    async fn set_secret(
        &self,
        ctx: &Context<'_>,
        namespace: String,
        name: String,
        value: String,
    ) -> Result<SecretPayload> {
        let (services, caller, value) = (services(ctx), caller(ctx)?, Value::new(value));
        SecretPayload::of(
            operations::set_secret(services, caller, &namespace, &name, value).await.map(|info| Some(info.into())),
        )
    }

    /// Removes a secret. Running instances keep its value; what refers to it can no longer start.
    async fn remove_secret(&self, ctx: &Context<'_>, namespace: String, name: String) -> Result<SecretPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        SecretPayload::of(operations::remove_secret(services, caller, &namespace, &name).await.map(|()| None))
    }
}
