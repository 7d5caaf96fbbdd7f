//! Runs.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};

use crate::ingress::graphql::object::{Run, RunCount, RunState};
use crate::ingress::graphql::relay::{Connection, PageArguments, page};
use crate::ingress::graphql::{OrFail, caller, id as parse_id, loader, services, viewer};
use crate::operations::{self, Letters, Problem, Refusal};
use crate::store::RunFilter;

#[derive(Default)]
pub(super) struct Query;

#[Object(name = "RunQuery")]
impl Query {
    /// A run by id. Null if there is none.
    async fn run(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Run>> {
        Ok(loader(ctx)?.run(parse_id(&id, "id").or_fail()?).await.or_fail()?.map(Run::from))
    }

    /// Runs, newest first.
    #[allow(clippy::too_many_arguments)] // one argument for each condition
    async fn runs(
        &self,
        ctx: &Context<'_>,
        namespace: Option<String>,
        function: Option<ID>,
        state: Option<RunState>,
        #[graphql(desc = "Only runs with this type of trigger event: `http.invoke`, `file.uploaded` …")]
        trigger: Option<String>,
        #[graphql(desc = "Only runs of this version.")] version: Option<u32>,
        #[graphql(desc = "Only runs requested at or after this time.")] since: Option<DateTime<Utc>>,
        #[graphql(desc = "Only runs requested before this time.")] until: Option<DateTime<Utc>>,
        #[graphql(desc = "Only runs caused by this trigger event.")] event: Option<ID>,
        #[graphql(
            desc = "Only runs whose ids begin with this. If there are very many, only the last 1000 by id are examined."
        )]
        id_prefix: Option<String>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Run>> {
        let request = page(ctx, PageArguments { first, after, last, before }).or_fail()?;
        let filter = RunFilter {
            function: function.map(|id| parse_id(&id, "function")).transpose().or_fail()?,
            state: state.map(Into::into),
            trigger,
            version,
            since,
            until,
            event: event.map(|id| parse_id(&id, "event")).transpose().or_fail()?,
            id_prefix: id_prefix.map(|text| prefix(&text)).transpose().or_fail()?,
            ..RunFilter::default()
        };
        let view = services(ctx).view_of(viewer(ctx)?, namespace.as_deref()).or_fail()?;
        Run::page(&view, &filter, &request).await
    }

    /// The number of matching runs by state; states without runs are absent.
    #[allow(clippy::too_many_arguments)] // one argument for each condition
    async fn run_counts(
        &self,
        ctx: &Context<'_>,
        namespace: Option<String>,
        function: Option<ID>,
        #[graphql(desc = "Only runs with this type of trigger event.")] trigger: Option<String>,
        #[graphql(desc = "Only runs of this version.")] version: Option<u32>,
        #[graphql(desc = "Only runs requested at or after this time.")] since: Option<DateTime<Utc>>,
        #[graphql(desc = "Only runs requested before this time.")] until: Option<DateTime<Utc>>,
        #[graphql(desc = "Only runs caused by this trigger event.")] event: Option<ID>,
    ) -> Result<Vec<RunCount>> {
        let filter = RunFilter {
            function: function.map(|id| parse_id(&id, "function")).transpose().or_fail()?,
            trigger,
            version,
            since,
            until,
            event: event.map(|id| parse_id(&id, "event")).transpose().or_fail()?,
            ..RunFilter::default()
        };
        let view = services(ctx).view_of(viewer(ctx)?, namespace.as_deref()).or_fail()?;
        let counts = view.run_counts(&filter).await.or_fail()?;
        Ok(counts.into_iter().map(|(state, count)| RunCount { state: state.into(), count }).collect())
    }

    /// Waiting dead letters, newest first: runs whose last attempt failed.
    #[allow(clippy::too_many_arguments)] // one argument for each condition
    async fn dead_letters(
        &self,
        ctx: &Context<'_>,
        namespace: Option<String>,
        function: Option<ID>,
        #[graphql(desc = "Only runs requested at or after this time.")] since: Option<DateTime<Utc>>,
        #[graphql(desc = "Only runs requested before this time.")] until: Option<DateTime<Utc>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Run>> {
        let request = page(ctx, PageArguments { first, after, last, before }).or_fail()?;
        let function = function.map(|id| parse_id(&id, "function")).transpose().or_fail()?;
        let which = Letters { namespace, function, since, until };
        let found = operations::dead_letters(services(ctx), caller(ctx)?, &which, &request).await.or_fail()?;
        Ok(Connection::of(found, Run::from))
    }
}

/// The beginning of an id as ids are stored.
///
/// # Errors
/// `bad_id` when no id begins so.
fn prefix(text: &str) -> Result<String, Refusal> {
    const LENGTH: usize = 36;
    let prefix = text.trim().to_ascii_lowercase();
    let fits = |(index, byte): (usize, u8)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    if (1..=LENGTH).contains(&prefix.len()) && prefix.bytes().enumerate().all(fits) {
        return Ok(prefix);
    }
    let shown: String = prefix.chars().take(LENGTH).collect();
    let message = format!("no id begins with `{shown}`: ids look like 0189f7e2-3c4d-7abc-8def-0123456789ab");
    Err(Problem::new("bad_id", message).at(["idPrefix"]).into())
}
