//! A function.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::Recorded;
use domain::aggregate::Payload;
use domain::function::{self, BuildStatus, Status};
use domain::manifest::{Manifest, Mode, Trigger as Wanted};
use domain::trigger::index::Kind;
use serde_json::Value;

use super::entity::{Build, Function, Given, Run, Version};
use super::instance::Instance;
use super::line::newest_lines;
use super::metrics::{CallsPoint, calls_by_time};
use super::source::SourceObject;
use super::{LogLine, Trigger, Window};
use crate::clock;
use crate::edge::origin::function_url;
use crate::ingress::graphql::budget::Weigh;
use crate::ingress::graphql::position::{self, Position};
use crate::ingress::graphql::relay::{Connection, PageArguments, alone, in_memory, is_newest_alone, page};
use crate::ingress::graphql::{OrFail, base_url, budget, fail, loader, services, view, viewer};
use crate::operations::{self, Fault, Refusal};
use crate::store::{self, BuildRow, FunctionFilter, FunctionRow, Row, RunFilter, VersionRow, View, tables};

/// The lifecycle state of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub(in crate::ingress::graphql) enum FunctionState {
    /// Nothing has been built.
    Registered,
    /// A version exists, but has never run.
    Built,
    /// It runs.
    Running,
    /// It has run and was stopped.
    Stopped,
    /// It was deregistered, permanently.
    Deregistered,
}

/// Whether a process serves many calls or one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Mode")]
pub(in crate::ingress::graphql) enum FunctionMode {
    /// Serves HTTP until it is stopped.
    Service,
    /// One process for each run.
    Job,
}

/// The kinds of trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub(in crate::ingress::graphql) enum TriggerType {
    /// A call.
    Http,
    /// An event.
    Event,
    /// A schedule.
    Schedule,
    /// A webhook delivery.
    Webhook,
}

/// The order of a list of functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "store::FunctionOrder")]
pub(in crate::ingress::graphql) enum FunctionOrder {
    /// Namespace and name.
    Name,
    /// State, then namespace and name.
    State,
    /// When their latest event happened.
    Updated,
}

impl Function {
    /// The function of this id, which something that the viewer sees belongs to.
    pub(super) async fn of(ctx: &Context<'_>, id: function::Id) -> Result<Self> {
        let row = budget::load(ctx, loader(ctx)?.function(id)).await?;
        row.map(Self::from).ok_or_else(|| Refusal::no_function(&id.to_string())).or_fail()
    }

    /// The function as it was after a record of its stream.
    pub(in crate::ingress::graphql) fn as_of(state: function::Function, last: &Recorded) -> Option<Self> {
        let event = function::Event::decode(&last.kind, &last.data).ok()?;
        let rows = tables::of_function(&state, &event);
        let row = rows.into_iter().find_map(|row| match row {
            Row::Function(row) => Some(*row),
            _ => None,
        });
        Some(Self {
            row: FunctionRow { position: last.position, ..row? },
            then: Some(Arc::new(state)),
            given: Arc::default(),
        })
    }

    /// A page of the functions that fit.
    pub(in crate::ingress::graphql) async fn page(
        ctx: &Context<'_>,
        view: &View,
        filter: &FunctionFilter,
        asked: PageArguments,
    ) -> Result<Connection<Self>> {
        let request = page(ctx, asked).or_fail()?;
        let found = view.functions(filter, &request).await.or_fail()?;
        Ok(Connection::of(budget::page(ctx, found)?, Self::from))
    }

    /// The function as its row shows it. Its state, its builds and its versions are read one after the other; what was
    /// recorded between two of these must not be in one and missing in the other.
    async fn as_shown(&self, ctx: &Context<'_>) -> Result<Option<function::Function>> {
        let was = |recorded: &Recorded| recorded.position <= self.row.position;
        let found = operations::function_as_of(services(ctx), viewer(ctx)?, self.row.id, was).await.or_fail()?;
        Ok(found.map(|(state, _)| state))
    }

    /// What the manifest that was given at registration says. The rest of it is passed over, not made into values.
    fn given(&self) -> Option<&Given> {
        let read = || serde_json::from_str(self.row.manifest.as_ref()?.get()).ok();
        self.given.get_or_init(read).as_ref()
    }

    async fn manifest(&self, ctx: &Context<'_>) -> Result<Option<Manifest>> {
        if let Some(number) = self.row.current_version {
            let version = budget::load(ctx, loader(ctx)?.version(&self.row, number)).await?;
            return version.map(|version| version.manifest()).transpose().or_fail();
        }
        let Some(given) = &self.row.manifest else { return Ok(None) };
        Ok(serde_json::from_value(budget::value(ctx, given)?).ok())
    }

    fn address(&self, ctx: &Context<'_>) -> String {
        function_url(&services(ctx).settings, base_url(ctx), &self.row.namespace, &self.row.name)
    }
}

/// A function.
#[Object]
impl Function {
    /// Its permanent id.
    pub(super) async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// Its namespace.
    async fn namespace(&self) -> &str {
        &self.row.namespace
    }

    /// Unique in its namespace.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// How often its name has been registered in the namespace, counting from 1.
    async fn generation(&self) -> u32 {
        self.row.generation
    }

    /// Its lifecycle state.
    async fn state(&self) -> FunctionState {
        self.row.state.into()
    }

    /// Why it is broken, when it is; or why it was stopped; or, while it has no version, why its last build failed. It goes when
    /// its cause is over.
    async fn state_reason(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let fault = match self.then {
            None => services(ctx).keeping.fault_of(&self.row).await,
            Some(_) => None,
        };
        let now = fault.or_else(|| self.row.reason.clone());
        if now.is_some() || self.row.state != Status::Registered || self.then.is_some() {
            return Ok(now);
        }
        let newest = loader(ctx)?.newest_build(&self.row).await.or_fail()?;
        let failed = newest.filter(|build| build.state == BuildStatus::Failed && build.position <= self.row.position);
        Ok(failed.and_then(|build| build.error))
    }

    /// Whether a process serves many calls or one run.
    async fn mode(&self) -> FunctionMode {
        let given = || match self.given().and_then(|given| given.mode.as_deref()) {
            Some("job") => Mode::Job,
            _ => Mode::Service,
        };
        self.row.mode.unwrap_or_else(given).into()
    }

    /// The runtime: `node`, `python` …; `unknown` before the first build.
    async fn runtime(&self) -> String {
        let given = || self.given()?.runtime.clone();
        self.row.runtime.clone().or_else(given).unwrap_or_else(|| "unknown".to_owned())
    }

    /// The URL for calls; null if it is deregistered or has no HTTP trigger.
    async fn url(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        if self.row.state == Status::Deregistered {
            return Ok(None);
        }
        let answers = self.manifest(ctx).await?.is_none_or(|manifest| manifest.answers_http());
        Ok(answers.then(|| self.address(ctx)))
    }

    /// The source of the next build.
    async fn source(&self) -> SourceObject {
        (&self.row.source).into()
    }

    /// The manifest that overrides the file in the source, as it was given.
    async fn manifest_override(&self, ctx: &Context<'_>) -> Result<Option<Value>> {
        self.row.manifest.as_ref().map(|manifest| budget::value(ctx, manifest)).transpose()
    }

    /// The version that answers, or would.
    async fn current_version(&self, ctx: &Context<'_>) -> Result<Option<Version>> {
        let Some(number) = self.row.current_version else { return Ok(None) };
        Ok(budget::load(ctx, loader(ctx)?.version(&self.row, number)).await?.map(Version::from))
    }

    /// Its versions, newest first.
    async fn versions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Version>> {
        let from_an_end = after.is_none() && before.is_none();
        let request = page(ctx, PageArguments { first, after, last, before }).or_fail()?;
        let mut found = match &self.then {
            Some(then) => in_memory(rows_of(ctx, then, version_rows)?, &request).or_fail()?,
            None => view(ctx)?.versions(&self.row, &request).await.or_fail()?,
        };
        if from_an_end
            && found.rows.iter().any(|(_, version)| version.position > self.row.position)
            && let Some(shown) = self.as_shown(ctx).await?
        {
            found = in_memory(rows_of(ctx, &shown, version_rows)?, &request).or_fail()?;
        }
        Ok(Connection::of(budget::page(ctx, found)?, Version::from))
    }

    /// Its builds, newest first.
    async fn builds(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Build>> {
        let from_an_end = after.is_none() && before.is_none();
        let request = page(ctx, PageArguments { first, after, last, before }).or_fail()?;
        let mut found = match &self.then {
            Some(then) => in_memory(rows_of(ctx, then, build_rows)?, &request).or_fail()?,
            None if is_newest_alone(ctx, &request) => alone(loader(ctx)?.newest_build(&self.row).await.or_fail()?),
            None => view(ctx)?.builds(&self.row, &request).await.or_fail()?,
        };
        if from_an_end
            && found.rows.iter().any(|(_, build)| build.position > self.row.position)
            && let Some(shown) = self.as_shown(ctx).await?
        {
            found = in_memory(rows_of(ctx, &shown, build_rows)?, &request).or_fail()?;
        }
        Ok(Connection::of(budget::page(ctx, found)?, Build::from))
    }

    /// Its runs, newest first.
    async fn runs(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Run>> {
        let request = page(ctx, PageArguments { first, after, last, before }).or_fail()?;
        if is_newest_alone(ctx, &request) {
            let newest = loader(ctx)?.newest_run(&self.row).await.or_fail()?;
            return Ok(Connection::of(alone(newest), Run::from));
        }
        Run::page(&view(ctx)?, &RunFilter { function: Some(self.row.id), ..RunFilter::default() }, &request).await
    }

    /// The triggers of its current version.
    async fn triggers(&self, ctx: &Context<'_>) -> Result<Vec<Trigger>> {
        let Some(manifest) = self.manifest(ctx).await? else { return Ok(Vec::new()) };
        let base = base_url(ctx);
        let wants_filter = ctx.look_ahead().field("filter").exists();
        let trigger = |trigger: &Wanted| {
            let url = match trigger {
                Wanted::Http(_) => Some(self.address(ctx)),
                Wanted::Webhook(webhook) => {
                    Some(format!("{base}/hooks/{}/{}/{}", self.row.namespace, self.row.name, webhook.name))
                }
                Wanted::Event { .. } | Wanted::Schedule(_) => None,
            };
            let filter = match trigger {
                Wanted::Event { filter, .. } if wants_filter && !filter.is_empty() => {
                    Some(budget::value(ctx, &json(filter)?)?)
                }
                _ => None,
            };
            Ok(Trigger::new(trigger, filter, url, base, self.row.state == Status::Running))
        };
        manifest.triggers.iter().map(trigger).collect()
    }

    /// Its instances on the server that answers.
    async fn instances(&self, ctx: &Context<'_>) -> Vec<Instance> {
        if self.then.is_some() {
            return Vec::new();
        }
        services(ctx).keeping.instances(self.row.id).into_iter().map(Instance).collect()
    }

    /// Its calls by time, oldest first, for a small chart; as many points as `Metrics.points` has.
    async fn calls(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Window::Hour")] window: Window,
    ) -> Result<Vec<CallsPoint>> {
        let span = window.span(clock::now());
        let calls = loader(ctx)?.calls(&self.row, span).await.or_fail()?;
        Ok(calls_by_time(span, calls.as_deref().unwrap_or_default()))
    }

    /// The newest lines of its instances and runs, oldest first: 1000 at most.
    async fn log(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 100, desc = "Their maximum number.")] last: i32,
        #[graphql(desc = "Only lines before this position.", deprecation = "an `Int` holds 32 bits: use `beforeLine`")]
        before: Option<u64>,
        #[graphql(desc = "Only lines before this position.")] before_line: Option<Position>,
    ) -> Result<Vec<LogLine>> {
        let before = position::given(before_line, before);
        newest_lines(&view(ctx)?, self.row.id, last, before).await.or_fail()
    }

    /// The position of its newest event in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    async fn position(&self) -> u64 {
        self.row.position
    }

    /// The position of its newest event in the log.
    async fn log_position(&self) -> Position {
        self.row.position.into()
    }

    /// When it was registered.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When its latest event happened.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.row.updated_at
    }
}

fn json(value: &impl serde::Serialize) -> Result<domain::Json> {
    domain::Json::of(value).map_err(|error| fail(Refusal::Failed(Fault::Internal(error.to_string()))))
}

/// Rows that are made of a state in memory, all of them for a page of a few: the whole state is paid for.
fn rows_of<T>(ctx: &Context<'_>, then: &function::Function, rows: fn(&function::Function) -> Vec<T>) -> Result<Vec<T>> {
    budget::afford_bytes(ctx, then.bytes())?;
    Ok(rows(then))
}

fn version_rows(then: &function::Function) -> Vec<VersionRow> {
    then.versions.iter().rev().map(|version| tables::version_row(then.id, version)).collect()
}

fn build_rows(then: &function::Function) -> Vec<BuildRow> {
    then.builds.iter().rev().filter_map(|build| tables::build_row(then, build.id)).collect()
}
