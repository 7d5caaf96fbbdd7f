//! A build.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::function;

use super::function::SourceObject;
use super::line::{DEFAULT_LINES, lines};
use super::{Function, LogLine, Version};
use crate::ingress::graphql::position::{self, Position};
use crate::ingress::graphql::relay::page_size;
use crate::ingress::graphql::{OrFail, budget, loader, services, view};
use crate::operations;
use crate::store::{BuildRow, LinesOf};

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "function::BuildStatus")]
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

/// A folder of a repository that could be a function of its own.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::ingress::graphql) struct OfferedFolder {
    /// Below the root of the repository, as a source's `path`.
    path: String,
    /// What was recognized there, in a few words.
    recognized_as: String,
    /// A name that a function of it could have now: what the repository calls it, or else the folder's. Null where no name that
    /// is made of these is free.
    suggested_name: Option<String>,
    #[graphql(skip)]
    registered: Option<function::Id>,
}

#[ComplexObject]
impl OfferedFolder {
    /// The function that has this folder already: of the same namespace, from the same repository at the same ref.
    async fn function(&self, ctx: &Context<'_>) -> Result<Option<Function>> {
        let Some(id) = self.registered else { return Ok(None) };
        Ok(budget::load(ctx, loader(ctx)?.function(id)).await?.map(Function::from))
    }
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
        Function::of(ctx, self.0.function).await
    }

    /// How far it is.
    async fn state(&self) -> BuildState {
        self.0.state.into()
    }

    /// The commit, for a Git source, once it is known.
    async fn commit(&self) -> Option<&str> {
        self.0.commit.as_deref()
    }

    /// The version that it made.
    async fn version(&self, ctx: &Context<'_>) -> Result<Option<Version>> {
        let Some(number) = self.0.version else { return Ok(None) };
        Ok(budget::load(ctx, loader(ctx)?.version(&self.0, number)).await?.map(Version::from))
    }

    /// Why it made none.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// What it builds: the source as it was when it was asked for, with the ref that was asked for.
    async fn source(&self) -> SourceObject {
        (&self.0.source).into()
    }

    /// Folders that can be registered, each with its `path`, when it failed because its source is no function itself: those that an
    /// `eventflow.json` lists, or else those in which something was recognized; 30 at most.
    async fn offered_folders(&self, ctx: &Context<'_>) -> Result<Vec<OfferedFolder>> {
        let is_asked = |field| ctx.look_ahead().field(field).exists();
        let mut names = match is_asked("suggestedName") {
            true => operations::suggested_names(services(ctx), &self.0).await.or_fail()?.into_iter(),
            false => Vec::new().into_iter(),
        };
        let mut functions = match is_asked("function") {
            true => operations::functions_of_offers(services(ctx), &self.0).await.or_fail()?.into_iter(),
            false => Vec::new().into_iter(),
        };
        let folders = self.0.offered.iter().map(|offer| OfferedFolder {
            path: offer.path.clone(),
            recognized_as: offer.recognized_as.clone(),
            suggested_name: names.next().flatten(),
            registered: functions.next().flatten(),
        });
        Ok(folders.collect())
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
        lines(&view(ctx)?, LinesOf::Build(self.0.id), after, first).await.or_fail()
    }
}
