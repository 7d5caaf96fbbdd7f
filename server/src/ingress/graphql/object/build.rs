//! A build.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::function;

use super::LogLine;
use super::entity::{Build, Function, Version};
use super::line::{DEFAULT_LINES, lines};
use super::source::SourceObject;
use crate::ingress::graphql::position::{self, Position};
use crate::ingress::graphql::relay::page_size;
use crate::ingress::graphql::{OrFail, budget, loader, services, view};
use crate::operations;
use crate::store::LinesOf;

/// The state of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "function::BuildStatus")]
pub(in crate::ingress::graphql) enum BuildState {
    /// No server has taken it yet.
    Queued,
    /// A server works on it.
    Running,
    /// It made a version.
    Succeeded,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// A folder of a repository that could be a function of its own.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::ingress::graphql) struct OfferedFolder {
    /// The path relative to the root of the repository, as in a source.
    path: String,
    /// A short description of what was recognized there.
    recognized_as: String,
    /// A name that a function of it could have now: what the repository calls it, or else the folder's. Null where no name that
    /// is made of these is free.
    suggested_name: Option<String>,
    #[graphql(skip)]
    registered: Option<function::Id>,
}

#[ComplexObject]
impl OfferedFolder {
    /// The function that already has this folder: in the same namespace, from the same repository at the same ref.
    async fn function(&self, ctx: &Context<'_>) -> Result<Option<Function>> {
        let Some(id) = self.registered else { return Ok(None) };
        Ok(budget::load(ctx, loader(ctx)?.function(id)).await?.map(Function::from))
    }
}

/// A build.
#[Object]
impl Build {
    /// Its id.
    pub(super) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The function it belongs to.
    async fn function(&self, ctx: &Context<'_>) -> Result<Function> {
        Function::of(ctx, self.0.function).await
    }

    /// Its state.
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

    /// Why it failed.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// What it builds: the source at the time of the request, with the requested ref.
    async fn source(&self) -> SourceObject {
        (&self.0.source).into()
    }

    /// Folders that can be registered, each with its `path`, if it failed because its source is not a function itself: those listed
    /// in `eventflow.json`, or else those in which something was recognized; 30 at most.
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

    /// When it was requested.
    async fn requested_at(&self) -> DateTime<Utc> {
        self.0.requested_at
    }

    /// When a server took it.
    async fn started_at(&self) -> Option<DateTime<Utc>> {
        self.0.started_at
    }

    /// When it ended.
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
