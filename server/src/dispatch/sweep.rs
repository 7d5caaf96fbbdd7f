//! The sweep: finds lost work by reading from the tables what is open, and puts it where it belongs. A reconciler
//! without input.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::function::{self, Command};
use domain::run;

use super::builds::Builds;
use super::membership::Membership;
use super::timers::Timers;
use super::tools::Tools;
use super::worker::Workers;
use crate::queue::Request;
use crate::store::RunRow;
use crate::{clock, store};

/// The minimum interval between searches for open runs.
const EVERY: Duration = Duration::from_secs(4);

/// The search takes at most one part in this many of the time, …
const SHARE: u32 = 10;

/// … but happens at least this often: a slow search may have been waiting for a broker that was not available.
const AT_LEAST_EVERY: Duration = Duration::from_secs(12);

/// Runs read at a time.
const PAGE: u32 = 1000;

/// A run that nobody has taken for this long, although its function's queue is empty, is lost.
const LOST_AFTER: TimeDelta = TimeDelta::seconds(10);

/// How long a run is left alone after it was published again.
const LEFT_ALONE: Duration = Duration::from_secs(10);

/// Picks up open builds: waiting ones, and those that this server had begun when it ended.
pub(super) async fn builds(tools: &Tools, builds: &Builds) -> Result<(), store::Error> {
    for row in tools.store.open_builds().await? {
        if row.node.as_deref().is_none_or(|node| *node == *tools.node) {
            builds.start(row.function, row.id, tools.own_cause());
        }
    }
    Ok(())
}

/// Searches periodically for runs that this server began before it was killed, and so does not know.
pub(super) async fn own(tools: Tools, workers: Workers) {
    loop {
        let began = Instant::now();
        if let Err(error) = find_own(&tools, &workers).await {
            tracing::warn!(%error, "search for this server's earlier runs failed; retrying");
        }
        rest(began).await;
    }
}

async fn find_own(tools: &Tools, workers: &Workers) -> Result<(), store::Error> {
    let mut pages = Pages::new(tools);
    while let Some(page) = pages.next().await? {
        for row in page {
            if row.node.as_deref() == Some(&*tools.node) && !workers.has(row.id) {
                workers.resume(Request::recorded(row.function, row.id));
            }
        }
    }
    Ok(())
}

/// Searches for runs that were lost on their way. Done by the server that relays.
pub(super) struct Lost<'a> {
    pub(super) tools: &'a Tools,
    pub(super) workers: &'a Workers,
    pub(super) membership: &'a Membership,
    pub(super) timers: &'a Timers,
}

impl Lost<'_> {
    /// Picks up everything that is open, once, and sets timers for what is due later.
    pub(super) async fn pick_up(&self) -> Result<(), store::Error> {
        let mut pages = Pages::new(self.tools);
        while let Some(page) = pages.next().await? {
            for row in page {
                match (row.node.as_deref(), row.due) {
                    (None, Some(due)) if due > clock::now() => self.timers.set(row.id, due),
                    // A shared queue keeps what was published to it; whatever it lost is found later.
                    (None, _) if self.tools.queue.is_shared() => self.workers.consume(row.function),
                    (None, _) => self.workers.publish(Request::recorded(row.function, row.id)).await,
                    (Some(_), _) => {}
                }
            }
        }
        Ok(())
    }

    /// Searches for lost runs and builds until dropped.
    pub(super) async fn find(&self) {
        let mut published = HashMap::new();
        loop {
            let began = Instant::now();
            let found = async {
                self.find_runs(&mut published).await?;
                self.fail_orphaned_builds().await
            };
            if let Err(error) = found.await {
                tracing::warn!(%error, "search for lost runs and builds failed; retrying");
            }
            // The work of a server that is gone is taken over immediately, not at the next search.
            tokio::select! {
                () = rest(began) => {}
                () = self.membership.lost_one() => {}
            }
        }
    }

    async fn find_runs(&self, published: &mut HashMap<run::Id, Instant>) -> Result<(), store::Error> {
        published.retain(|_, at| at.elapsed() < LEFT_ALONE);
        let mut waiting: HashMap<function::Id, Vec<run::Id>> = HashMap::new();
        let mut pages = Pages::new(self.tools);
        while let Some(page) = pages.next().await? {
            for row in page {
                // A run that this server is waiting to execute is not lost.
                if published.contains_key(&row.id) || self.workers.has(row.id) {
                    continue;
                }
                if self.is_orphan(&row) {
                    self.workers.publish(Request::recorded(row.function, row.id)).await;
                    published.insert(row.id, Instant::now());
                } else if row.node.is_none() && is_overdue(&row) {
                    waiting.entry(row.function).or_default().push(row.id);
                }
            }
        }
        for (function, runs) in waiting {
            if !self.tools.queue.depth(function).await.is_ok_and(|depth| depth == 0) {
                continue;
            }
            tracing::info!(%function, runs = runs.len(), "republishing runs that nobody took");
            for run in runs {
                self.workers.publish(Request::recorded(function, run)).await;
                published.insert(run, Instant::now());
            }
        }
        Ok(())
    }

    fn is_orphan(&self, row: &RunRow) -> bool {
        row.node.as_deref().is_some_and(|node| self.membership.is_gone(node))
    }

    /// Builds cannot be continued elsewhere: their files are on the disk of a server that is gone.
    async fn fail_orphaned_builds(&self) -> Result<(), store::Error> {
        for row in self.tools.store.open_builds().await? {
            if row.node.as_deref().is_some_and(|node| self.membership.is_gone(node)) {
                let error = "the server that built it is gone; build the function again".to_owned();
                let command = Command::FailBuild { build: row.id, error, offered: Vec::new(), at: clock::now() };
                if let Err(error) = self.tools.commands.function(row.function, command, self.tools.own_cause()).await {
                    tracing::warn!(build = %row.id, %error, "could not fail a build whose server is gone");
                }
            }
        }
        Ok(())
    }
}

/// Whether somebody should have taken a run by now.
fn is_overdue(row: &RunRow) -> bool {
    row.due.unwrap_or(row.queued_at) + LOST_AFTER < clock::now()
}

/// The open runs, page by page.
struct Pages<'a> {
    tools: &'a Tools,
    after: u64,
}

impl<'a> Pages<'a> {
    fn new(tools: &'a Tools) -> Self {
        Self { tools, after: 0 }
    }

    async fn next(&mut self) -> Result<Option<Vec<RunRow>>, store::Error> {
        let page = self.tools.store.open_runs(self.after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = last.created_position;
        Ok(Some(page))
    }
}

/// Waits until the next search.
async fn rest(began: Instant) {
    tokio::time::sleep((began.elapsed() * SHARE).clamp(EVERY, AT_LEAST_EVERY)).await;
}
