//! A run.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::run;
use serde_json::Value;

use super::LogLine;
use super::entity::{Event, Function, Run};
use super::line::{DEFAULT_LINES, lines};
use crate::ingress::graphql::position::{self, Position};
use crate::ingress::graphql::relay::{Connection, PageArguments, page, page_size};
use crate::ingress::graphql::{OrFail, budget, loader, view};
use crate::store::{LinesOf, PageRequest, RunFilter, View};

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "run::Status")]
pub(in crate::ingress::graphql) enum RunState {
    /// It is waiting for a worker.
    Queued,
    /// An attempt is running.
    Running,
    /// It is waiting for its next attempt.
    Retrying,
    /// It succeeded.
    Succeeded,
    /// It failed and will not be retried.
    Failed,
    /// It exceeded its time limit and will not be retried.
    TimedOut,
    /// It was cancelled.
    Cancelled,
    /// Its last attempt failed.
    Dead,
}

/// The state of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "run::LetterStatus")]
pub(in crate::ingress::graphql) enum DeadLetterState {
    /// It is waiting to be handled.
    Waiting,
    /// It was redriven as another run.
    Redriven,
    /// It was purged.
    Purged,
}

/// The state of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::ingress::graphql) enum CallbackState {
    /// The run has no outcome yet.
    Waiting,
    /// It is due.
    Due,
    /// It was delivered.
    Delivered,
    /// It could not be delivered and was given up.
    GivenUp,
}

/// The callback of a run, and its state.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct Callback {
    /// The URL.
    url: String,
    /// Its state.
    state: CallbackState,
    /// Failed attempts so far, while it is due.
    failures: u32,
    /// When the next attempt is due.
    due_at: Option<DateTime<Utc>>,
    /// The error of the last attempt, if it was given up.
    error: Option<String>,
    /// When it was delivered or given up.
    finished_at: Option<DateTime<Utc>>,
}

impl Callback {
    fn of(url: String, callback: run::Callback) -> Self {
        let made = |state| Self { url, state, failures: 0, due_at: None, error: None, finished_at: None };
        match callback {
            run::Callback::Waiting => made(CallbackState::Waiting),
            run::Callback::Due { attempts, due } => {
                Self { failures: attempts, due_at: Some(due), ..made(CallbackState::Due) }
            }
            run::Callback::Delivered { at } => Self { finished_at: Some(at), ..made(CallbackState::Delivered) },
            run::Callback::GivenUp { error, at } => {
                Self { error: Some(error), finished_at: Some(at), ..made(CallbackState::GivenUp) }
            }
        }
    }
}

/// How many runs are in a state.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct RunCount {
    /// The state.
    pub state: RunState,
    /// How many.
    pub count: u64,
}

impl Run {
    /// A page of the runs that fit.
    pub(in crate::ingress::graphql) async fn page(
        view: &View,
        filter: &RunFilter,
        request: &PageRequest,
    ) -> Result<Connection<Self>> {
        let found = view.runs(filter, request).await.or_fail()?;
        Ok(Connection::of(found, Self::from))
    }

    async fn whole(&self, ctx: &Context<'_>) -> Result<Option<domain::run::Run>> {
        budget::load(ctx, loader(ctx)?.whole_run(&self.0)).await
    }
}

/// A run: one invocation of a function.
#[Object]
impl Run {
    /// Its id.
    pub(super) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The version that ran, or was requested.
    async fn version(&self) -> Option<u32> {
        self.0.version
    }

    /// The function it belongs to.
    async fn function(&self, ctx: &Context<'_>) -> Result<Function> {
        Function::of(ctx, self.0.function).await
    }

    /// Its state.
    async fn state(&self) -> RunState {
        self.0.state.into()
    }

    /// The type of the trigger event: `http.invoke`, `file.uploaded` …
    async fn trigger(&self) -> &str {
        &self.0.trigger
    }

    /// Attempts so far.
    async fn attempt(&self) -> u32 {
        self.0.attempts
    }

    /// The trigger event, if it was recorded: that of a synchronous call is not.
    async fn event(&self, ctx: &Context<'_>) -> Result<Option<Event>> {
        let Some(id) = self.0.event else { return Ok(None) };
        Ok(loader(ctx)?.event(id).await.or_fail()?.map(Event::from))
    }

    /// The run that it repeats.
    async fn replayed_from(&self, ctx: &Context<'_>) -> Result<Option<Run>> {
        let Some(id) = self.0.replayed_from else { return Ok(None) };
        Ok(loader(ctx)?.run(id).await.or_fail()?.map(Run::from))
    }

    /// The runs that repeat it, newest first.
    async fn replays(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Run>> {
        let request = page(ctx, PageArguments { first, after, last, before }).or_fail()?;
        Self::page(&view(ctx)?, &RunFilter { replayed_from: Some(self.0.id), ..RunFilter::default() }, &request).await
    }

    /// The state of its dead letter; null unless it is DEAD.
    async fn dead_letter(&self) -> Option<DeadLetterState> {
        self.0.dead_letter.map(Into::into)
    }

    /// The run that it was redriven as, if it was dead.
    async fn redriven_as(&self, ctx: &Context<'_>) -> Result<Option<Run>> {
        let Some(id) = self.0.redriven_as else { return Ok(None) };
        Ok(loader(ctx)?.run(id).await.or_fail()?.map(Run::from))
    }

    /// Its callback; null if there is none.
    async fn callback(&self, ctx: &Context<'_>) -> Result<Option<Callback>> {
        let Some(run) = self.whole(ctx).await? else { return Ok(None) };
        Ok(run.request.callback.zip(run.callback).map(|(url, callback)| Callback::of(url, callback)))
    }

    /// The CloudEvent that the function got, up to a size limit.
    async fn input(&self, ctx: &Context<'_>) -> Result<Option<Value>> {
        self.whole(ctx).await?.map(|run| budget::value(ctx, &run.request.input)).transpose()
    }

    /// When its input, its result and its lines were erased; absent if they were not.
    async fn erased_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime<Utc>>> {
        Ok(self.whole(ctx).await?.and_then(|run| run.erased_at))
    }

    /// Whether the input was truncated: such a run cannot be replayed unchanged.
    async fn input_cut(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.whole(ctx).await?.is_some_and(|run| run.request.input_cut))
    }

    /// The result of the latest attempt, up to a size limit.
    async fn output(&self, ctx: &Context<'_>) -> Result<Option<Value>> {
        let run = self.whole(ctx).await?;
        let output = run.as_ref().and_then(|run| run.phase.outcome()?.output.as_ref());
        output.map(|output| budget::value(ctx, output)).transpose()
    }

    /// Whether the result was truncated.
    async fn output_cut(&self, ctx: &Context<'_>) -> Result<bool> {
        let run = self.whole(ctx).await?;
        Ok(run.is_some_and(|run| run.phase.outcome().is_some_and(|outcome| outcome.output_cut)))
    }

    /// The HTTP status of a service's answer.
    async fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The exit code of a job.
    async fn exit_code(&self) -> Option<i32> {
        self.0.exit_code
    }

    /// The error message.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// Why it cannot be offered to its function, while it is waiting for that.
    async fn waits_for(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        // Of most runs the row says enough.
        if !self.0.state.is_waiting() {
            return Ok(None);
        }
        Ok(self.whole(ctx).await?.and_then(|run| run.waits_for().map(str::to_owned)))
    }

    /// The instance that ran it.
    async fn instance(&self) -> Option<&str> {
        self.0.instance.as_deref()
    }

    /// When it was requested.
    async fn queued_at(&self) -> DateTime<Utc> {
        self.0.queued_at
    }

    /// When the latest attempt began.
    async fn started_at(&self) -> Option<DateTime<Utc>> {
        self.0.started_at
    }

    /// When it ended.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }

    /// When the next attempt is due, between attempts.
    async fn due_at(&self) -> Option<DateTime<Utc>> {
        self.0.due
    }

    /// The duration of the last attempt in milliseconds.
    async fn duration_ms(&self) -> Option<f64> {
        milliseconds(self.0.started_at?, self.0.finished_at?)
    }

    /// How long it waited for its latest attempt, in milliseconds.
    async fn queued_ms(&self) -> Option<f64> {
        milliseconds(self.0.queued_at, self.0.started_at?)
    }

    /// Whether an instance was started for it; null before it ran.
    async fn cold_start(&self) -> Option<bool> {
        self.0.finished_at.and(self.0.started_at).map(|_| self.0.cold_start)
    }

    /// The position of its newest event in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    async fn position(&self) -> u64 {
        self.0.position
    }

    /// The position of its newest event in the log.
    async fn log_position(&self) -> Position {
        self.0.position.into()
    }

    /// Lines that it wrote, oldest first; `afterLine` is the position of the last one known.
    async fn log(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        #[graphql(deprecation = "an `Int` holds 32 bits: use `afterLine`")] after: Option<u64>,
        #[graphql(desc = "The position of the last line known.")] after_line: Option<Position>,
    ) -> Result<Vec<LogLine>> {
        let after = position::given(after_line, after);
        let first = page_size(first, DEFAULT_LINES).or_fail()?;
        let of = LinesOf::Run { function: self.0.function, run: self.0.id };
        lines(&view(ctx)?, of, after, first).await.or_fail()
    }
}

fn milliseconds(from: DateTime<Utc>, to: DateTime<Utc>) -> Option<f64> {
    (to - from).num_microseconds().map(|micros| micros as f64 / 1000.0)
}
