//! New log lines of builds and runs.

use std::collections::VecDeque;

use async_graphql::{Context, ID, Result, Subscription};
use domain::function::{self, BuildId};
use domain::run;
use futures::{Stream, StreamExt, stream};

use super::build::build_of;
use super::feed::boxed;
use crate::edge::Services;
use crate::ingress::graphql::object::LogLine;
use crate::ingress::graphql::position::{self, Position};
use crate::ingress::graphql::{OrFail, id as parse_id, loader, services, viewer};
use crate::operations::{self, Refusal, Viewer};
use crate::store::{Feed, LineFeed, LineRow, LinesOf};

/// Lines that are read at once when a build is over.
const REST: u32 = 256;

#[derive(Default)]
pub(super) struct Subscription;

#[Subscription(name = "LogSubscription")]
impl Subscription {
    /// The lines of a build, from the first one or after a position; ends with the build.
    async fn build_log(
        &self,
        ctx: &Context<'_>,
        build: ID,
        #[graphql(deprecation = "an `Int` holds 32 bits: use `afterLine`")] after: Option<u64>,
        #[graphql(desc = "The position of the last line known.")] after_line: Option<Position>,
    ) -> Result<impl Stream<Item = LogLine> + use<>> {
        let (services, viewer) = (services(ctx).clone(), viewer(ctx)?);
        let id: BuildId = parse_id(&build, "build").or_fail()?;
        // The end of a build that ends from here on is found in the feed, that of an earlier one in the row.
        let position = services.vitals().head().await.or_fail()?;
        let row = loader(ctx)?.build(id).await.or_fail()?;
        let row = row.ok_or_else(|| Refusal::from(function::Error::NoSuchBuild { build: id })).or_fail()?;
        let after = position::given(after_line, after).unwrap_or(0);
        let of = LinesOf::Build(id);
        let follow = Follow {
            lines: services.follow_lines(viewer, of, after),
            log: services.follow(position),
            services,
            viewer: viewer.clone(),
            build: id,
            function: row.function,
            over: row.finished_at.is_some(),
            last: after,
            ready: VecDeque::new(),
        };
        Ok(boxed(stream::unfold(follow, Follow::next)))
    }

    /// The lines of a function's instances and runs, or of one run, as they are written.
    async fn logs(
        &self,
        ctx: &Context<'_>,
        function: Option<ID>,
        run: Option<ID>,
        #[graphql(
            desc = "The position of the last line known; 0 for all that are kept.",
            deprecation = "an `Int` holds 32 bits: use `afterLine`"
        )]
        after: Option<u64>,
        #[graphql(desc = "The position of the last line known; 0 for all that are kept.")] after_line: Option<Position>,
    ) -> Result<impl Stream<Item = LogLine> + use<>> {
        let (services, viewer) = (services(ctx).clone(), viewer(ctx)?);
        let function = function.map(|id| parse_id::<function::Function>(&id, "function")).transpose().or_fail()?;
        let run = run.map(|id| parse_id::<run::Run>(&id, "run")).transpose().or_fail()?;
        let of = whose(&services, viewer, function, run).await.or_fail()?;
        let after = match position::given(after_line, after) {
            Some(after) => after,
            None => services.vitals().line_head().await.or_fail()?,
        };
        let lines = services.follow_lines(viewer, of, after).filter_map(|lines| async move { lines.ok() });
        Ok(boxed(lines.flat_map(|lines| stream::iter(lines.into_iter().map(LogLine::from)))))
    }
}

async fn whose(
    services: &Services,
    viewer: &Viewer,
    function: Option<function::Id>,
    run: Option<run::Id>,
) -> Result<LinesOf, Refusal> {
    match (function, run) {
        (function, Some(run)) => {
            let row = operations::visible_run(services, viewer, run).await?;
            match function.is_none_or(|function| function == row.function) {
                true => Ok(LinesOf::Run { function: row.function, run }),
                false => Err(Refusal::problem("run_not_found", "the function has no such run")),
            }
        }
        (Some(function), None) => {
            let row = operations::visible(services, viewer, function).await?;
            Ok(LinesOf::Function(row.id))
        }
        (None, None) => Err(Refusal::problem("bad_request", "give a function or a run whose lines to follow")),
    }
}

/// A build's lines on their way, and the wait for its end.
struct Follow {
    lines: LineFeed,
    log: Feed,
    services: Services,
    viewer: Viewer,
    build: BuildId,
    function: function::Id,
    over: bool,
    last: u64,
    ready: VecDeque<LogLine>,
}

impl Follow {
    async fn next(mut self) -> Option<(LogLine, Self)> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some((line, self));
            }
            if self.over {
                // All its lines were stored before it was over: what is left is there.
                let view = self.services.view(&self.viewer);
                let rest = view.lines(LinesOf::Build(self.build), self.last, REST).await;
                match rest {
                    Ok(rest) if rest.is_empty() => return None,
                    Ok(rest) => self.take(rest),
                    Err(error) => {
                        tracing::warn!(%error, "a build's log waits for the store");
                        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                    }
                }
                continue;
            }
            tokio::select! {
                lines = self.lines.next() => match lines {
                    Some(Ok(lines)) => self.take(lines),
                    Some(Err(_)) => {}
                    None => return None,
                },
                batch = self.log.next() => match batch {
                    Some(Ok(batch)) => {
                        let ends = |record| build_of(record).is_some_and(|(build, over)| over && build == self.build);
                        self.over = batch.iter().filter(|record| record.kind.starts_with("Build")).any(ends);
                    }
                    Some(Err(_)) => {}
                    None => return None,
                },
            }
        }
    }

    fn take(&mut self, lines: Vec<LineRow>) {
        for row in lines {
            self.last = self.last.max(row.position);
            if row.line.function == self.function {
                self.ready.push_back(row.into());
            }
        }
    }
}
