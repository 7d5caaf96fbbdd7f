//! Finds work that was lost: asks the tables what is open and puts it where it belongs. Takes no input.

use std::time::Duration;

use super::Tools;
use super::builds::Builds;
use super::worker::Workers;
use crate::queue::Request;
use crate::{clock, store};

/// How often open runs are looked for.
const EVERY: Duration = Duration::from_secs(30);

/// Runs read at a time.
const PAGE: u32 = 1000;

/// Takes up the builds that are open: those that wait, and those that this server had begun when it ended.
pub(super) async fn builds(tools: &Tools, builds: &Builds) -> Result<(), store::Error> {
    for row in tools.store.open_builds().await? {
        if row.node.as_deref().is_none_or(|node| *node == *tools.node) {
            builds.start(row.function, row.id, tools.own_cause());
        }
    }
    Ok(())
}

/// Delivers the runs that are open: those that wait, and those that this server had begun when it ended.
pub(super) async fn runs(tools: &Tools, workers: &Workers) -> Result<(), store::Error> {
    let mut after = 0;
    loop {
        let page = tools.store.open_runs(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.created_position;
        for row in page {
            if row.node.as_deref().is_some_and(|node| *node != *tools.node) {
                continue;
            }
            match row.due {
                Some(due) if due > clock::now() => workers.deliver_at(row.id, due),
                _ => workers.deliver(Request::recorded(row.function, row.id)).await,
            }
        }
    }
}

pub(super) async fn forever(tools: Tools, workers: Workers) {
    let mut timer = tokio::time::interval(EVERY);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    timer.tick().await;
    loop {
        timer.tick().await;
        if let Err(error) = runs(&tools, &workers).await {
            tracing::warn!(%error, "open runs not looked for");
        }
    }
}
