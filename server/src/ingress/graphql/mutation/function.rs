//! The life of a function.

use async_graphql::{Context, ID, Object, Result};
use domain::function;
use serde_json::Value;

use crate::ingress::graphql::input::{RegisterFunctionInput, UpdateFunctionInput};
use crate::ingress::graphql::object::{Build, Function};
use crate::ingress::graphql::payload::{BuildPayload, FunctionPayload};
use crate::ingress::graphql::{caller, id as parse_id, loader_of, namespace_or_default, services};
use crate::operations::{self, Fault, Refusal, Registration, Update};

#[derive(Default)]
pub(super) struct Mutation;

#[Object(name = "FunctionMutation")]
impl Mutation {
    /// Registers a function. Repeating the same registration has no effect; the name of a deregistered function is free.
    async fn register_function(&self, ctx: &Context<'_>, input: RegisterFunctionInput) -> Result<FunctionPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let credentials_of = input.credentials_of.map(|id| parse_id(&id, "id")).transpose();
            let asked = Registration {
                namespace: namespace_or_default(ctx, input.namespace),
                name: input.name,
                source: input.source.into(),
                manifest: given(input.manifest),
                replicas: None,
                credentials_of: credentials_of.map_err(|refusal| refusal.at(&["input", "credentialsOf"]))?,
            };
            read(ctx, operations::register(services, caller, asked).await?).await
        };
        FunctionPayload::of(done.await)
    }

    /// Changes what the next build uses. Absent fields stay unchanged.
    async fn update_function(&self, ctx: &Context<'_>, input: UpdateFunctionInput) -> Result<FunctionPayload> {
        let asked = Update {
            source: input.source.map(Into::into),
            manifest: given(input.manifest),
            drop_manifest: input.drop_manifest,
        };
        let done = async {
            let id = parse_id(&input.id, "id").map_err(|refusal| refusal.at(&["input", "id"]))?;
            operations::update(services(ctx), asker(ctx)?, id, asked).await?;
            read(ctx, id).await
        };
        FunctionPayload::of(done.await)
    }

    /// Requests a build. `ref` takes precedence over the source's own.
    async fn build_function(
        &self,
        ctx: &Context<'_>,
        id: ID,
        #[graphql(name = "ref")] git_ref: Option<String>,
    ) -> Result<BuildPayload> {
        let done = async {
            let build = operations::build(services(ctx), asker(ctx)?, parse_id(&id, "id")?, git_ref).await?;
            let row = loader_of(ctx, asker(ctx)?).build(build).await?;
            row.map(Build::from).ok_or_else(|| unreadable("build", build))
        };
        BuildPayload::of(done.await)
    }

    /// Starts the current version.
    async fn start_function(&self, ctx: &Context<'_>, id: ID) -> Result<FunctionPayload> {
        let done = async {
            let id = parse_id(&id, "id")?;
            operations::start(services(ctx), asker(ctx)?, id).await?;
            read(ctx, id).await
        };
        FunctionPayload::of(done.await)
    }

    /// Cancels a build, waiting or running.
    async fn cancel_build(&self, ctx: &Context<'_>, id: ID) -> Result<BuildPayload> {
        let done = async {
            let build = parse_id(&id, "id")?;
            operations::cancel_build(services(ctx), asker(ctx)?, build).await?;
            let row = loader_of(ctx, asker(ctx)?).build(build).await?;
            row.map(Build::from).ok_or_else(|| unreadable("build", build))
        };
        BuildPayload::of(done.await)
    }

    /// Stops the function.
    async fn stop_function(&self, ctx: &Context<'_>, id: ID) -> Result<FunctionPayload> {
        let done = async {
            let id = parse_id(&id, "id")?;
            operations::stop(services(ctx), asker(ctx)?, id, None).await?;
            read(ctx, id).await
        };
        FunctionPayload::of(done.await)
    }

    /// Deregisters the function permanently. Its history stays.
    async fn deregister_function(&self, ctx: &Context<'_>, id: ID) -> Result<FunctionPayload> {
        let done = async {
            let id = parse_id(&id, "id")?;
            operations::deregister(services(ctx), asker(ctx)?, id).await?;
            read(ctx, id).await
        };
        FunctionPayload::of(done.await)
    }

    /// Makes an older version the current one; without `version`, the one before the current.
    async fn rollback_function(
        &self,
        ctx: &Context<'_>,
        id: ID,
        version: Option<u32>,
        reason: Option<String>,
    ) -> Result<FunctionPayload> {
        let done = async {
            let id = parse_id(&id, "id")?;
            operations::rollback(services(ctx), asker(ctx)?, id, version, reason).await?;
            read(ctx, id).await
        };
        FunctionPayload::of(done.await)
    }
}

/// As [`caller`], for a payload.
fn asker<'c>(ctx: &Context<'c>) -> Result<&'c operations::Caller, Refusal> {
    caller(ctx).map_err(|error| Refusal::problem("unauthenticated", error.message))
}

/// JSON's `null` is nothing given.
fn given(manifest: Option<Value>) -> Option<Value> {
    manifest.filter(|manifest| !manifest.is_null())
}

async fn read(ctx: &Context<'_>, id: function::Id) -> Result<Function, Refusal> {
    let row = loader_of(ctx, asker(ctx)?).function(id).await?;
    row.map(Function::from).ok_or_else(|| unreadable("function", id))
}

fn unreadable(what: &str, id: impl std::fmt::Display) -> Refusal {
    Refusal::Failed(Fault::Internal(format!("the {what} {id} was changed and cannot be read")))
}
