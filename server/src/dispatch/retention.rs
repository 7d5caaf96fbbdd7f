//! Removes what has expired, in small steps: finished runs, trigger events and log lines, and artifacts and bundles
//! that are no longer needed. A reconciler without input.
//!
//! Rests as long as it works, so that appends are not held up. One server does it for all; two at once would only do
//! redundant work.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use super::tools::Tools;
use crate::clock;
use crate::store::{self, Old};

/// How often expired data is searched for.
const EVERY: Duration = Duration::from_secs(60);

/// How often unused artifacts and bundles are searched for, which examines every file.
const ARTIFACTS_EVERY: Duration = Duration::from_secs(600);

/// When there is no room for more of them, it is looked for sooner, and again no earlier than after this.
const ARTIFACTS_AGAIN: Duration = Duration::from_secs(10);

/// The minimum rest after a step.
const REST: Duration = Duration::from_millis(10);

/// The delay before a failed step is retried, and the number of retries.
const AGAIN: Duration = Duration::from_secs(1);
const TRIES: u32 = 5;

/// Removes what has expired, until dropped.
pub(super) async fn forever(tools: Tools) {
    let mut timer = tokio::time::interval(EVERY);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut artifacts = None;
    loop {
        let is_full = tokio::select! {
            _ = timer.tick() => false,
            () = tools.builder.artifacts().room_is_wanted() => true,
        };
        let every = if is_full { ARTIFACTS_AGAIN } else { ARTIFACTS_EVERY };
        if artifacts.is_none_or(|last: Instant| last.elapsed() >= every) {
            artifacts = Some(Instant::now());
            match sweep_artifacts(&tools).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "removed unused artifacts and bundles"),
                Err(error) => tracing::warn!(%error, "unused artifacts not removed yet; retrying"),
            }
        }
        if is_full {
            continue;
        }
        let keep = tools.retention;
        // Lines first: a removed run then has few left.
        for (what, keep) in [(Old::Lines, keep.logs), (Old::Runs, keep.runs), (Old::Events, keep.events)] {
            match sweep(&tools, what, keep).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(kind = ?what, removed, "removed expired data"),
                Err(error) => tracing::warn!(kind = ?what, %error, "expired data not removed yet; retrying"),
            }
        }
    }
}

/// Removes the artifacts and bundles that have not been needed for their time. Returns their number.
async fn sweep_artifacts(tools: &Tools) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    let keep = tools.retention;
    let database = tools.store.identity().await?;
    let needed = tools.store.needed(keep.versions).await?;
    let artifacts = tools.builder.artifacts();
    match artifacts.belong_to(&database).await? {
        true => Ok(artifacts.remove_unneeded(needed.artifacts, needed.bundles, keep.artifacts).await?),
        false => {
            tracing::warn!(
                "the folder of artifacts belongs to another database: nothing is removed from it. If it is this one's, remove the file artifacts.database there"
            );
            Ok(0)
        }
    }
}

/// Removes what has expired by now. Returns how much.
pub(super) async fn sweep(tools: &Tools, what: Old, keep: Duration) -> Result<u64, store::Error> {
    let age = TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX);
    let Some(before) = clock::now().checked_sub_signed(age) else { return Ok(0) };
    let (mut after, mut removed, mut tries) = (0, 0, 0);
    loop {
        let since = Instant::now();
        match tools.store.cut(what, before, after).await {
            Ok(step) => {
                tries = 0;
                removed += step.removed;
                let Some(next) = step.next else { return Ok(removed) };
                after = next;
            }
            Err(error) if tries == TRIES => return Err(error),
            Err(_) => {
                tries += 1;
                tokio::time::sleep(AGAIN).await;
            }
        }
        tokio::time::sleep(since.elapsed().max(REST)).await;
    }
}
