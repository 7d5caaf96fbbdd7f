//! Publishes runs between attempts when they are due. Due times are stored in the log; these timers only wake up to
//! look there.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::run::{self, Status};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::tools::Tools;
use super::worker::Workers;
use crate::clock;
use crate::queue::Request;

/// The delay before due runs are looked up again if the log is not available.
const AGAIN: TimeDelta = TimeDelta::seconds(1);

/// A due time and its run.
type Due = (DateTime<Utc>, run::Id);

/// Runs by due time, earliest first.
#[derive(Default)]
pub(super) struct Timers {
    heap: Mutex<BinaryHeap<Reverse<Due>>>,
    changed: Notify,
}

impl Timers {
    /// Sets a timer for a run.
    pub(super) fn set(&self, run: run::Id, due: DateTime<Utc>) {
        self.heap.lock().push(Reverse((due, run)));
        self.changed.notify_one();
    }

    /// Publishes runs as they become due, until dropped.
    pub(super) async fn keep_time(&self, tools: &Tools, workers: &Workers) {
        loop {
            let changed = self.changed.notified();
            let next = self.heap.lock().peek().map(|Reverse((due, _))| *due);
            match next {
                None => changed.await,
                Some(due) if due > clock::now() => {
                    let wait = (due - clock::now()).to_std().unwrap_or_default();
                    let _ = tokio::time::timeout(wait, changed).await;
                }
                Some(_) => self.deliver_due(tools, workers).await,
            }
        }
    }

    async fn deliver_due(&self, tools: &Tools, workers: &Workers) {
        let now = clock::now();
        let mut due = Vec::new();
        {
            let mut heap = self.heap.lock();
            while heap.peek().is_some_and(|Reverse((at, _))| *at <= now) {
                due.extend(heap.pop().map(|Reverse((_, run))| run));
            }
        }
        match tools.store.runs_by_id(&due).await {
            Ok(rows) => {
                for row in rows.into_iter().filter(|row| row.state == Status::Retrying) {
                    workers.publish(Request::recorded(row.function, row.id)).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "due runs not read; retrying");
                self.heap.lock().extend(due.into_iter().map(|run| Reverse((now + AGAIN, run))));
                tokio::time::sleep(AGAIN.to_std().unwrap_or_default()).await;
            }
        }
    }
}
