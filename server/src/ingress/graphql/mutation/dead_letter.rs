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
    /// Tries a dead run again, as another run that names it: that one is answered. There is one for each dead run.
    async fn redrive_run(&self, ctx: &Context<'_>, id: ID) -> Result<RunPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let run = operations::redrive(services, caller, parse_id(&id, "id")?).await?;
            read(ctx, caller, run).await
        };
        RunPayload::of(done.await)
    }

    /// Tries dead runs again, those that fit, newest first. `userErrors` says why some were not.
    #[allow(clippy::too_many_arguments)] // one argument for each condition
    async fn redrive_dead_letters(
        &self,
        ctx: &Context<'_>,
        namespace: Option<String>,
        function: Option<ID>,
        #[graphql(desc = "Only of runs that were asked for at or after this.")] since: Option<DateTime<Utc>>,
        #[graphql(desc = "Only of runs that were asked for before this.")] until: Option<DateTime<Utc>>,
        #[graphql(desc = "So many at most, 1 to 1000.", default = 1000)] limit: u32,
    ) -> Result<RedrivenPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let function = function.map(|id| parse_id(&id, "function")).transpose()?;
            let which = Letters { namespace, function, since, until };
            operations::redrive_all(services, caller, &which, limit).await
        };
        RedrivenPayload::of(done.await)
    }

    /// Lets a dead run be: it is not among the dead letters any more. Its history stays.
    async fn purge_run(&self, ctx: &Context<'_>, id: ID) -> Result<RunPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let run = parse_id(&id, "id")?;
            operations::purge(services, caller, run).await?;
            read(ctx, caller, run).await
        };
        RunPayload::of(done.await)
    }

    /// Lets dead runs be: those of these ids, or those that fit. Their histories stay.
    #[allow(clippy::too_many_arguments)] // one argument for each condition
    async fn purge_dead_letters(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these runs; nothing else may be given then.")] ids: Option<Vec<ID>>,
        namespace: Option<String>,
        function: Option<ID>,
        #[graphql(desc = "Only of runs that were asked for at or after this.")] since: Option<DateTime<Utc>>,
        #[graphql(desc = "Only of runs that were asked for before this.")] until: Option<DateTime<Utc>>,
        #[graphql(desc = "So many at most, 1 to 1000.", default = 1000)] limit: u32,
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
