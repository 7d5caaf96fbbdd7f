//! Which functions have doors of their own ([`domain::doors`]): paths on the server, callers without a token, pages of other
//! origins. The table is kept in memory and follows the log, so that a stranger's request costs no question to it.
//!
//! [`Judge`] says whether a version may have the paths that it claims.

mod judge;

use std::sync::Arc;
use std::time::Duration;

use domain::doors::{Found, Table};
use domain::recorded::{Fact, Recorded};
use futures::StreamExt;
use parking_lot::RwLock;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::store::{self, Store};
pub use judge::{Judge, Verdict};

/// Records of functions read at a time.
const PAGE: u32 = 4096;

/// How long a server that has lost the log waits before it follows again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a judgement waits for the table to be as new as the log.
const CATCH_UP: Duration = Duration::from_secs(10);

/// The doors there are now. Cloning it is cheap. The default has none, and follows nothing.
#[derive(Clone, Default)]
pub struct Doors {
    table: Arc<RwLock<Table>>,
    /// The position of the log that the table includes.
    seen: Arc<watch::Sender<u64>>,
}

impl Doors {
    /// Reads which doors there are, and follows the log from then on. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the log is away.
    pub async fn open(store: Store) -> Result<Self, store::Error> {
        let doors = Self::default();
        let (head, mut after) = (store.head().await?, 0);
        loop {
            let page = store.function_log(after, head, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            doors.take(&page);
        }
        doors.seen.send_replace(head);
        tokio::spawn(doors.clone().follow(store, head));
        Ok(doors)
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
                    Err(error) => tracing::warn!(%error, "functions' paths are not followed; it is tried again"),
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Takes in what happened to functions.
    fn take(&self, records: &[Recorded]) {
        for record in records.iter().filter(|record| record.stream.kind() == "function") {
            if let Ok(Fact::Function(id, event)) = record.fact() {
                self.table.write().evolve(id, &event);
            }
        }
    }

    /// Waits until the table includes all that is in the log now.
    async fn caught_up(&self, store: &Store) -> Result<(), store::Error> {
        let head = store.head().await?;
        let mut seen = self.seen.subscribe();
        match timeout(CATCH_UP, seen.wait_for(|seen| *seen >= head)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(store::Error::Unavailable("the paths of functions are not up to date yet".to_owned())),
        }
    }

    /// The function that a path leads to now.
    pub fn at(&self, path: &str) -> Option<Found> {
        self.table.read().at(path)
    }

    /// Whether a function may have callers without a token, or on pages of other origins.
    pub fn is_open(&self, namespace: &str, name: &str) -> bool {
        self.table.read().is_open(namespace, name)
    }
}
