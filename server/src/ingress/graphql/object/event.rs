//! A trigger event.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::entity::{Event, Function, Run};
use crate::ingress::graphql::position::Position;
use crate::ingress::graphql::relay::{Connection, PageArguments, page};
use crate::ingress::graphql::{OrFail, budget, loader, services, view, viewer};
use crate::operations;
use crate::store::RunFilter;

/// Whether a trigger event reached a function, and why.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct Reach {
    /// The function, as it is now.
    function: Function,
    /// Whether the event reached it.
    reached: bool,
    /// Why, or why not, in words: the pattern that matched, or what prevented it when the event was received.
    reason: String,
    /// The latest run of the function that the event caused.
    run: Option<Run>,
}

/// How many functions a trigger event reached.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct ReachTotals {
    /// The number of functions for which it has requested a run.
    reached: u64,
    /// The number of functions in its namespace now, but never fewer than it reached.
    functions: u64,
    /// Whether it has been relayed completely.
    settled: bool,
}

/// A trigger event: a CloudEvent that came in.
#[Object]
impl Event {
    /// Its id in EventFlow, derived from namespace, source and the CloudEvent's own id.
    pub(super) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The CloudEvent's own id.
    async fn event_id(&self) -> &str {
        &self.0.event_id
    }

    /// The namespace it was sent to.
    async fn namespace(&self) -> &str {
        &self.0.namespace
    }

    /// Its source.
    async fn source(&self) -> &str {
        &self.0.source
    }

    /// What happened.
    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Its subject.
    async fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// When it happened, as its source says.
    async fn time(&self, ctx: &Context<'_>) -> Result<Option<DateTime<Utc>>> {
        let whole = budget::load(ctx, loader(ctx)?.whole_event(&self.0)).await?;
        Ok(whole.and_then(|event| time_of(event.event.get())))
    }

    /// Its content.
    async fn data(&self, ctx: &Context<'_>) -> Result<Option<Value>> {
        let whole = budget::load(ctx, loader(ctx)?.whole_event(&self.0)).await?;
        let Some(event) = whole else { return Ok(None) };
        Ok(budget::value(ctx, &event.event)?.get_mut("data").map(Value::take))
    }

    /// The whole CloudEvent in its JSON format.
    async fn cloud_event(&self, ctx: &Context<'_>) -> Result<Option<Value>> {
        let whole = budget::load(ctx, loader(ctx)?.whole_event(&self.0)).await?;
        whole.map(|event| budget::value(ctx, &event.event)).transpose()
    }

    /// When its content was erased; absent if it was not.
    async fn erased_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime<Utc>>> {
        let whole = budget::load(ctx, loader(ctx)?.whole_event(&self.0)).await?;
        Ok(whole.and_then(|event| event.erased_at))
    }

    /// When it was received.
    async fn received_at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// Its position in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    async fn position(&self) -> u64 {
        self.0.position
    }

    /// Its position in the log.
    async fn log_position(&self) -> Position {
        self.0.position.into()
    }

    /// The runs that it caused, newest first.
    async fn runs(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Run>> {
        let request = page(ctx, PageArguments { first, after, last, before }).or_fail()?;
        Run::page(&view(ctx)?, &RunFilter { event: Some(self.0.id), ..RunFilter::default() }, &request).await
    }

    /// The functions that it reached, and then those of its namespace that it did not reach, each with the reason: those of
    /// its 100 newest runs, and the first 100 functions of the namespace by name. `reachTotals` counts all of them.
    async fn reach(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only functions whose names contain this.")] search: Option<String>,
    ) -> Result<Vec<Reach>> {
        let Some(event) = budget::load(ctx, loader(ctx)?.whole_event(&self.0)).await? else { return Ok(Vec::new()) };
        let found = operations::reach(services(ctx), viewer(ctx)?, &event, self.0.position, search);
        let found = budget::list(ctx, found).await?;
        let reach = |found: operations::Reach| Reach {
            function: found.function.into(),
            reached: found.reached,
            reason: found.reason,
            run: found.run.map(Run::from),
        };
        Ok(found.into_iter().map(reach).collect())
    }

    /// How many functions it reached, of how many.
    async fn reach_totals(&self, ctx: &Context<'_>) -> Result<ReachTotals> {
        let totals = operations::reach_totals(services(ctx), viewer(ctx)?, &self.0).await.or_fail()?;
        let operations::ReachTotals { reached, functions, settled } = totals;
        Ok(ReachTotals { reached, functions, settled })
    }
}

/// The attribute `time` of a CloudEvent in its JSON format. The rest is passed over, not made into values.
fn time_of(event: &str) -> Option<DateTime<Utc>> {
    #[derive(serde::Deserialize)]
    struct Timed {
        time: Option<String>,
    }
    let timed: Timed = serde_json::from_str(event).ok()?;
    Some(DateTime::parse_from_rfc3339(&timed.time?).ok()?.to_utc())
}
