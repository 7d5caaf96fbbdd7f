//! In-memory tables that follow the log, for what is looked up on every request and must not cost a database query.

use std::sync::Arc;
use std::time::Duration;

use domain::recorded::{Fact, Recorded};
use futures::StreamExt;
use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Store;
use super::error::Error;
use super::log::Log;

/// Records read at a time when a server starts.
const PAGE: u32 = 4096;

/// How long to wait before following the log again after it was lost.
const PAUSE: Duration = Duration::from_secs(1);

/// How long [`Projection::caught_up`] waits.
const CATCH_UP: Duration = Duration::from_secs(10);

/// A table folded from the streams of one kind.
pub trait Fold: Default + Send + Sync + 'static {
    /// The kind of streams, as [`domain::Stream::kind`] names it.
    const KIND: &'static str;

    /// Applies a recorded event. Records that this version of EventFlow cannot decode are skipped.
    fn evolve(&mut self, fact: &Fact);
}

/// A table that follows the log. Cheap to clone. The default is empty and does not follow the log.
pub struct Projection<T> {
    table: Arc<RwLock<T>>,
    /// The log position up to which the table is current.
    seen: Arc<watch::Sender<u64>>,
    /// Wakes those who wait for a change of the table.
    changed: Arc<watch::Sender<()>>,
}

impl<T: Fold> Projection<T> {
    /// Builds the table from the log, and follows it from then on. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the log is away.
    pub async fn open(store: Store) -> Result<Self, Error> {
        let projection = Self::default();
        let (head, mut after) = (store.head().await?, 0);
        loop {
            let page = store.log_of(T::KIND, after, head, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            projection.take(&page);
        }
        projection.seen.send_replace(head);
        tokio::spawn(projection.clone().follow(store, head));
        Ok(projection)
    }

    async fn follow(self, store: Store, mut seen: u64) {
        loop {
            let mut feed = store.follow(seen);
            while let Some(batch) = feed.next().await {
                match batch {
                    Ok(records) => {
                        seen = records.last().map_or(seen, |last| last.position);
                        self.take(&records);
                        self.seen.send_replace(seen);
                    }
                    Err(error) => {
                        tracing::warn!(%error, kind = T::KIND, "the log is not followed; it is tried again");
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn take(&self, records: &[Recorded]) {
        let mut any = false;
        for record in records.iter().filter(|record| record.stream.kind() == T::KIND) {
            if let Ok(fact) = record.fact() {
                self.table.write().evolve(&fact);
                any = true;
            }
        }
        if any {
            self.changed.send_replace(());
        }
    }

    /// Waits until the table includes everything that is in the log now.
    ///
    /// # Errors
    /// When the log is away, or the table is still behind after ten seconds.
    pub async fn caught_up(&self, log: &Log) -> Result<(), Error> {
        let head = log.head().await?;
        let mut seen = self.seen.subscribe();
        match timeout(CATCH_UP, seen.wait_for(|seen| *seen >= head)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Error::Unavailable(format!("this server has not read the newest {} records yet", T::KIND))),
        }
    }

    /// Waits until `holds` is true of the table, which is asked now and whenever the table changes.
    pub async fn wait_for(&self, holds: impl Fn(&T) -> bool) {
        let mut changed = self.changed.subscribe();
        while !holds(&self.table.read()) {
            // The sender is this projection's own.
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// The current table. Hold the guard briefly: it blocks updates.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.table.read()
    }
}

impl<T> Clone for Projection<T> {
    fn clone(&self) -> Self {
        Self { table: Arc::clone(&self.table), seen: Arc::clone(&self.seen), changed: Arc::clone(&self.changed) }
    }
}

impl<T: Default> Default for Projection<T> {
    fn default() -> Self {
        Self { table: Arc::default(), seen: Arc::default(), changed: Arc::default() }
    }
}
