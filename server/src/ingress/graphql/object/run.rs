//! A run.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::run;
use serde_json::Value;

use super::line::{DEFAULT_LINES, lines};
use super::{Event, Function, LogLine};
use crate::ingress::graphql::position::{self, Position};
use crate::ingress::graphql::relay::{Connection, PageArguments, page, page_size};
use crate::ingress::graphql::{OrFail, budget, loader, view};
use crate::store::{LinesOf, PageRequest, RunFilter, RunRow, View};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "run::Status")]
pub(in crate::ingress::graphql) enum RunState {
    /// It waits for a worker.
    Queued,
    /// An attempt is on its way.
    Running,
    /// It waits for its next attempt.
    Retrying,
    /// It is done.
    Succeeded,
    /// It failed, and is not tried again.
    Failed,
    /// It took too long, and is not tried again.
    TimedOut,
    /// It was called off.
    Cancelled,
    /// The last attempt failed, too.
    Dead,
}

/// What became of a dead run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "run::LetterStatus")]
pub(in crate::ingress::graphql) enum DeadLetterState {
    /// It waits for somebody to look at it.
    Waiting,
    /// It was tried again, as another run.
    Redriven,
    /// Nobody wants to look at it.
    Purged,
}

/// How far it is with telling the outcome to who asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::ingress::graphql) enum CallbackState {
    /// There is no outcome yet.
    Waiting,
    /// It is to be told.
    Due,
    /// It was told.
    Delivered,
    /// It could not be told, and is not tried any more.
    GivenUp,
}

/// Where a run's outcome is to be told, and how far that is.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct Callback {
    /// Where.
    url: String,
    /// How far it is.
    state: CallbackState,
    /// Attempts that failed so far, while it is due.
    failures: u32,
    /// When the next attempt is due.
    due_at: Option<DateTime<Utc>>,
    /// What went wrong in the last attempt, when it was given up.
    error: Option<String>,
    /// When it was told or given up.
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

/// A run: one invocation of a function.
pub(in crate::ingress::graphql) struct Run(pub RunRow);

impl From<RunRow> for Run {
    fn from(row: RunRow) -> Self {
        Self(row)
    }
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
        loader(ctx)?.whole_run(&self.0).await.or_fail()
    }
}

/// A run: one invocation of a function.
#[Object]
impl Run {
    /// Names it.
    pub(super) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The version that ran, or was asked for.
    async fn version(&self) -> Option<u32> {
        self.0.version
    }

    /// Whose it is.
    async fn function(&self, ctx: &Context<'_>) -> Result<Function> {
        Function::of(ctx, self.0.function).await
    }

    /// How far it is.
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

    /// The trigger event, when it was recorded: that of a synchronous call is not.
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

    /// What became of it as a dead letter; null unless it is DEAD.
    async fn dead_letter(&self) -> Option<DeadLetterState> {
        self.0.dead_letter.map(Into::into)
    }

    /// The run that it was tried again as, when it was dead.
    async fn redriven_as(&self, ctx: &Context<'_>) -> Result<Option<Run>> {
        let Some(id) = self.0.redriven_as else { return Ok(None) };
        Ok(loader(ctx)?.run(id).await.or_fail()?.map(Run::from))
    }

    /// Where its outcome is to be told; null when nobody asked for that.
    async fn callback(&self, ctx: &Context<'_>) -> Result<Option<Callback>> {
        let Some(run) = self.whole(ctx).await? else { return Ok(None) };
        Ok(run.request.callback.zip(run.callback).map(|(url, callback)| Callback::of(url, callback)))
    }

    /// The CloudEvent that the function got; bounded.
    async fn input(&self, ctx: &Context<'_>) -> Result<Option<Value>> {
        self.whole(ctx).await?.map(|run| budget::value(ctx, &run.request.input)).transpose()
    }

    /// When its input, its result and its lines were erased; absent when they are there.
    async fn erased_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime<Utc>>> {
        Ok(self.whole(ctx).await?.and_then(|run| run.erased_at))
    }

    /// Whether the input was longer than what is kept: such a run cannot be replayed as it was.
    async fn input_cut(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.whole(ctx).await?.is_some_and(|run| run.request.input_cut))
    }

    /// The result of the newest attempt; bounded.
    async fn output(&self, ctx: &Context<'_>) -> Result<Option<Value>> {
        let run = self.whole(ctx).await?;
        let output = run.as_ref().and_then(|run| run.phase.outcome()?.output.as_ref());
        output.map(|output| budget::value(ctx, output)).transpose()
    }

    /// Whether the result was longer than what is kept.
    async fn output_cut(&self, ctx: &Context<'_>) -> Result<bool> {
        let run = self.whole(ctx).await?;
        Ok(run.is_some_and(|run| run.phase.outcome().is_some_and(|outcome| outcome.output_cut)))
    }

    /// The status of a service's answer.
    async fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The exit code of a job.
    async fn exit_code(&self) -> Option<i32> {
        self.0.exit_code
    }

    /// What went wrong.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// Why it cannot be offered to its function, while it waits for that.
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

    /// When it was asked for.
    async fn queued_at(&self) -> DateTime<Utc> {
        self.0.queued_at
    }

    /// When the newest attempt began.
    async fn started_at(&self) -> Option<DateTime<Utc>> {
        self.0.started_at
    }

    /// When it was over.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }

    /// When the next attempt is due, between attempts.
    async fn due_at(&self) -> Option<DateTime<Utc>> {
        self.0.due
    }

    /// Milliseconds from the beginning of the last attempt to the end.
    async fn duration_ms(&self) -> Option<f64> {
        milliseconds(self.0.started_at?, self.0.finished_at?)
    }

    /// Milliseconds that it waited for its newest attempt.
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
