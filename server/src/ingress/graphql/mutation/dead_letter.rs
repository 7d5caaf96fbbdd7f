//! Dead letters.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::run;

use crate::ingress::graphql::object::Run;
use crate::ingress::graphql::payload::{PurgedPayload, RedrivenPayload, RunPayload};
use crate::ingress::graphql::{caller, id as parse_id, loader_of, services};
use crate::operations::{self, Caller, Letters, MAX_LETTERS, Refusal, Swept};

#[derive(Default)]
pub(super) struct Mutation;

#[Object(name = "DeadLetterMutation")]
impl Mutation {
    /// Redrives a dead run as another run that refers to it, and returns that one. There is one for each dead run.
    async fn redrive_run(&self, ctx: &Context<'_>, id: ID) -> Result<RunPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let run = operations::redrive(services, caller, parse_id(&id, "id")?).await?;
            read(ctx, caller, run).await
        };
        RunPayload::of(done.await)
    }

    /// Redrives the matching dead runs, newest first. `userErrors` says why some were not.
    #[allow(clippy::too_many_arguments)] // one argument for each condition
    async fn redrive_dead_letters(
        &self,
        ctx: &Context<'_>,
        namespace: Option<String>,
        function: Option<ID>,
        #[graphql(desc = "Only runs requested at or after this time.")] since: Option<DateTime<Utc>>,
        #[graphql(desc = "Only runs requested before this time.")] until: Option<DateTime<Utc>>,
        #[graphql(desc = "The maximum number, 1 to 1000.", default = 1000)] limit: u32,
    ) -> Result<RedrivenPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let function = function.map(|id| parse_id(&id, "function")).transpose()?;
            let which = Letters { namespace, function, since, until };
            operations::redrive_all(services, caller, &which, limit).await
        };
        RedrivenPayload::of(done.await)
    }

    /// Purges a dead run, which removes it from the dead letters. Its history stays.
    async fn purge_run(&self, ctx: &Context<'_>, id: ID) -> Result<RunPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let run = parse_id(&id, "id")?;
            operations::purge(services, caller, run).await?;
            read(ctx, caller, run).await
        };
        RunPayload::of(done.await)
    }

    /// Purges dead runs: those with these ids, or all that match. Their histories stay.
    #[allow(clippy::too_many_arguments)] // one argument for each condition
    async fn purge_dead_letters(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these runs; excludes all other filters.")] ids: Option<Vec<ID>>,
        namespace: Option<String>,
        function: Option<ID>,
        #[graphql(desc = "Only runs requested at or after this time.")] since: Option<DateTime<Utc>>,
        #[graphql(desc = "Only runs requested before this time.")] until: Option<DateTime<Utc>>,
        #[graphql(desc = "The maximum number, 1 to 1000.", default = 1000)] limit: u32,
    ) -> Result<PurgedPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let function = function.map(|id| parse_id(&id, "function")).transpose()?;
            let which = Letters { namespace, function, since, until };
            let Some(ids) = ids else { return operations::purge_all(services, caller, &which, limit).await };
            if which != Letters::default() {
                return Err(Refusal::problem("bad_filter", "give either ids, or what the dead letters have in common"));
            }
            if ids.len() > MAX_LETTERS as usize {
                let message = format!("there are {} ids; give at most {MAX_LETTERS} at once", ids.len());
                return Err(Refusal::problem("bad_limit", message).at(&["ids"]));
            }
            let ids = ids.iter().map(|id| parse_id(id, "ids")).collect::<Result<Vec<run::Id>, _>>()?;
            for id in &ids {
                operations::purge(services, caller, *id)
                    .await
                    .map_err(|refusal| refusal.at(&["ids", &id.to_string()]))?;
            }
            let remaining = operations::waiting(services, caller, &which).await?;
            Ok(Swept { done: ids.len() as u64, remaining, problems: Vec::new() })
        };
        PurgedPayload::of(done.await)
    }
}

async fn read(ctx: &Context<'_>, caller: &Caller, id: run::Id) -> Result<Run, Refusal> {
    loader_of(ctx, caller).run(id).await?.map(Run::from).ok_or_else(Refusal::no_run)
}
