//! A table that a server keeps in memory and that follows the log: what is asked with every request costs no question to the
//! database.

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

/// Records that are read at a time when a server starts.
const PAGE: u32 = 4096;

/// How long a server that has lost the log waits before it follows again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long somebody waits for the table to be as new as the log.
const CATCH_UP: Duration = Duration::from_secs(10);

/// What is folded from the streams of one kind.
pub trait Fold: Default + Send + Sync + 'static {
    /// The kind of streams, as [`domain::Stream::kind`] names it.
    const KIND: &'static str;

    /// Takes in what happened. Records that this version of EventFlow cannot decode are left out.
    fn evolve(&mut self, fact: &Fact);
}

/// A table that follows the log. Cloning it is cheap. The default is empty and follows nothing.
pub struct Projection<T> {
    table: Arc<RwLock<T>>,
    /// The position of the log that the table includes.
    seen: Arc<watch::Sender<u64>>,
}

impl<T: Fold> Projection<T> {
    /// Reads what is in the log, and follows it from then on. Must be called within a tokio runtime.
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
        for record in records.iter().filter(|record| record.stream.kind() == T::KIND) {
            if let Ok(fact) = record.fact() {
                self.table.write().evolve(&fact);
            }
        }
    }

    /// Waits until the table includes all that is in the log now.
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

    /// The table as it is now. Hold it for a moment only: what happens meanwhile waits.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.table.read()
    }
}

impl<T> Clone for Projection<T> {
    fn clone(&self) -> Self {
        Self { table: Arc::clone(&self.table), seen: Arc::clone(&self.seen) }
    }
}

impl<T: Default> Default for Projection<T> {
    fn default() -> Self {
        Self { table: Arc::default(), seen: Arc::default() }
    }
}
