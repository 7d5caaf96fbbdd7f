//! Runs.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};

use crate::ingress::graphql::object::{Run, RunCount, RunState};
use crate::ingress::graphql::relay::{Asked, Connection, page};
use crate::ingress::graphql::{OrFail, caller, id as parse_id, loader, services, viewer};
use crate::ingress::verbs::{self, Letters};
use crate::store::RunFilter;

#[derive(Default)]
pub(super) struct Query;

#[Object(name = "RunQuery")]
impl Query {
    /// A run by id. Null when there is none.
    async fn run(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Run>> {
        let viewer = viewer(ctx)?;
        let row = loader(ctx).run(parse_id(&id, "id").or_fail()?).await.or_fail()?;
        Ok(row.filter(|row| viewer.sees(&row.namespace)).map(Run::from))
    }

    /// Runs, newest first.
    #[allow(clippy::too_many_arguments)] // one argument for each condition
    async fn runs(
        &self,
        ctx: &Context<'_>,
        namespace: Option<String>,
        function: Option<ID>,
        state: Option<RunState>,
        #[graphql(desc = "Only those of this type of trigger event: `http.invoke`, `file.uploaded` …")] trigger: Option<
            String,
        >,
        #[graphql(desc = "Only those of this version.")] version: Option<u32>,
        #[graphql(desc = "Only those that were asked for at or after this.")] since: Option<DateTime<Utc>>,
        #[graphql(desc = "Only those that were asked for before this.")] until: Option<DateTime<Utc>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Run>> {
        let request = page(ctx, Asked { first, after, last, before }).or_fail()?;
        let filter = RunFilter {
            namespaces: viewer(ctx)?.looks_into(namespace.as_deref()).or_fail()?,
            function: function.map(|id| parse_id(&id, "function")).transpose().or_fail()?,
            state: state.map(|state| state.name().to_owned()),
            trigger,
            version,
            since,
            until,
            ..RunFilter::default()
        };
        let found = services(ctx).store.runs(&filter, &request).await.or_fail()?;
        Ok(Connection::of(found, Run::from))
    }

    /// How many runs fit, by state; a state that none is in is absent.
    #[allow(clippy::too_many_arguments)] // one argument for each condition
    async fn run_counts(
        &self,
        ctx: &Context<'_>,
        namespace: Option<String>,
        function: Option<ID>,
        #[graphql(desc = "Only those of this type of trigger event.")] trigger: Option<String>,
        #[graphql(desc = "Only those of this version.")] version: Option<u32>,
        #[graphql(desc = "Only those that were asked for at or after this.")] since: Option<DateTime<Utc>>,
        #[graphql(desc = "Only those that were asked for before this.")] until: Option<DateTime<Utc>>,
    ) -> Result<Vec<RunCount>> {
        let filter = RunFilter {
            namespaces: viewer(ctx)?.looks_into(namespace.as_deref()).or_fail()?,
            function: function.map(|id| parse_id(&id, "function")).transpose().or_fail()?,
            trigger,
            version,
            since,
            until,
            ..RunFilter::default()
        };
        let counts = services(ctx).store.run_counts(&filter).await.or_fail()?;
        Ok(counts.into_iter().map(|(state, count)| RunCount { state: RunState::of(&state), count }).collect())
    }

    /// Dead letters that wait, newest first: runs whose last attempt failed.
    #[allow(clippy::too_many_arguments)] // one argument for each condition
    async fn dead_letters(
        &self,
        ctx: &Context<'_>,
        namespace: Option<String>,
        function: Option<ID>,
        #[graphql(desc = "Only of runs that were asked for at or after this.")] since: Option<DateTime<Utc>>,
        #[graphql(desc = "Only of runs that were asked for before this.")] until: Option<DateTime<Utc>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Run>> {
        let request = page(ctx, Asked { first, after, last, before }).or_fail()?;
        let function = function.map(|id| parse_id(&id, "function")).transpose().or_fail()?;
        let which = Letters { namespace, function, since, until };
        let found = verbs::dead_letters(services(ctx), caller(ctx)?, &which, &request).await.or_fail()?;
        Ok(Connection::of(found, Run::from))
    }
}
