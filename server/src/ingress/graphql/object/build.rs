//! A build.

use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};

use super::line::{DEFAULT_LINES, lines};
use super::{Function, LogLine, Version};
use crate::ingress::error::Refusal;
use crate::ingress::graphql::position::{self, Position};
use crate::ingress::graphql::relay::page_size;
use crate::ingress::graphql::{OrFail, budget, loader, services};
use crate::store::{BuildRow, LinesOf};

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::ingress::graphql) enum BuildState {
    /// Nobody has taken it yet.
    Queued,
    /// A server works on it.
    Running,
    /// It made a version.
    Succeeded,
    /// It made none.
    Failed,
    /// It was called off.
    Cancelled,
}

/// A build.
pub(in crate::ingress::graphql) struct Build(pub BuildRow);

impl From<BuildRow> for Build {
    fn from(row: BuildRow) -> Self {
        Self(row)
    }
}

/// A build.
#[Object]
impl Build {
    /// Names it.
    pub(super) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Whose it is.
    async fn function(&self, ctx: &Context<'_>) -> Result<Function> {
        let row = budget::load(ctx, loader(ctx).function(self.0.function)).await?;
        row.map(Function::from).ok_or_else(|| Refusal::no_function(&self.0.function.to_string())).or_fail()
    }

    /// How far it is.
    async fn state(&self) -> BuildState {
        match self.0.state.as_str() {
            "RUNNING" => BuildState::Running,
            "SUCCEEDED" => BuildState::Succeeded,
            "FAILED" => BuildState::Failed,
            "CANCELLED" => BuildState::Cancelled,
            _ => BuildState::Queued,
        }
    }

    /// The commit, for a Git source, once it is known.
    async fn commit(&self) -> Option<&str> {
        self.0.commit.as_deref()
    }

    /// The version that it made.
    async fn version(&self, ctx: &Context<'_>) -> Result<Option<Version>> {
        let Some(number) = self.0.version else { return Ok(None) };
        Ok(budget::load(ctx, loader(ctx).version(self.0.function, number)).await?.map(Version::from))
    }

    /// Why it made none.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// When it was asked for.
    async fn requested_at(&self) -> DateTime<Utc> {
        self.0.requested_at
    }

    /// When a server took it.
    async fn started_at(&self) -> Option<DateTime<Utc>> {
        self.0.started_at
    }

    /// When it was over.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }

    /// Lines of its log, oldest first; `afterLine` is the position of the last one known.
    async fn log(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        #[graphql(deprecation = "an `Int` holds 32 bits: use `afterLine`")] after: Option<u64>,
        #[graphql(desc = "The position of the last line known.")] after_line: Option<Position>,
    ) -> Result<Vec<LogLine>> {
        let after = position::given(after_line, after);
        let first = page_size(first, DEFAULT_LINES).or_fail()?;
        lines(services(ctx), LinesOf::Build(self.0.id), after, first).await.or_fail()
    }
}
