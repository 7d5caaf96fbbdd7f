//! Runs.

use std::time::Duration;

use async_graphql::{Context, ID, Object, Result};
use domain::{Json, run};
use serde_json::Value;

use crate::ingress::graphql::input::HttpInput;
use crate::ingress::graphql::object::Run;
use crate::ingress::graphql::payload::RunPayload;
use crate::ingress::graphql::{caller, id as parse_id, loader_of, services};
use crate::operations::{self, Caller, Invocation, Refusal, Replay, Wait};

/// A mutation waits for a run's end no longer than this; the run goes on.
const MAX_WAIT: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Mutation;

#[Object(name = "RunMutation")]
impl Mutation {
    /// Invokes a function once. With `wait`, the answer comes when the run is over, or after a minute.
    async fn invoke_function(
        &self,
        ctx: &Context<'_>,
        id: ID,
        payload: Option<Value>,
        wait: Option<bool>,
        #[graphql(desc = "The HTTP part; that of a plain POST if absent.")] http: Option<HttpInput>,
    ) -> Result<RunPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let function = parse_id(&id, "id")?;
            let waiting = match wait {
                Some(true) => Some(Wait::at_most(services, MAX_WAIT).await?),
                _ => None,
            };
            let http = http.map(HttpInput::checked).transpose()?;
            let payload = payload.as_ref().map(Json::from);
            let asked = Invocation { payload, http, ..Invocation::of(function) };
            let run = operations::invoke(services, caller, asked).await?.run;
            if let Some(waiting) = waiting {
                operations::wait(services, &caller.viewer, run, waiting).await?;
            }
            read(ctx, caller, run).await
        };
        RunPayload::of(done.await)
    }

    /// Cancels a run.
    async fn cancel_run(&self, ctx: &Context<'_>, id: ID) -> Result<RunPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let run = parse_id(&id, "id")?;
            operations::cancel(services, caller, run).await?;
            read(ctx, caller, run).await
        };
        RunPayload::of(done.await)
    }

    /// Erases a run's input, results and log lines permanently. Its record stays, and says when.
    async fn erase_run(&self, ctx: &Context<'_>, id: ID) -> Result<RunPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let run = parse_id(&id, "id")?;
            operations::erase_run(services, caller, run).await?;
            read(ctx, caller, run).await
        };
        RunPayload::of(done.await)
    }

    /// Sends a recorded trigger event to a function again, whether it reached it or not, on the current version or
    /// another. It is a run of its own.
    async fn replay_event(&self, ctx: &Context<'_>, id: ID, function: ID, version: Option<u32>) -> Result<RunPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let (event, function) = (parse_id(&id, "id")?, parse_id(&function, "function")?);
            let run = operations::replay_event(services, caller, event, function, version).await?;
            read(ctx, caller, run).await
        };
        RunPayload::of(done.await)
    }

    /// Asks for a run again, with the same input or another payload, on the current version or another. It is a run of
    /// its own that names the old one.
    async fn replay_run(
        &self,
        ctx: &Context<'_>,
        id: ID,
        version: Option<u32>,
        payload: Option<Value>,
    ) -> Result<RunPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let old = parse_id(&id, "id")?;
            let run = operations::replay(services, caller, old, Replay { version, payload }).await?;
            read(ctx, caller, run).await
        };
        RunPayload::of(done.await)
    }
}

async fn read(ctx: &Context<'_>, caller: &Caller, id: run::Id) -> Result<Run, Refusal> {
    loader_of(ctx, caller).run(id).await?.map(Run::from).ok_or_else(Refusal::no_run)
}
