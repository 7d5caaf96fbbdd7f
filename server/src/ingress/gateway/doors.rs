//! Follows which functions have doors of their own ([`domain::doors`]): paths on the server, callers without a token, pages
//! of other origins. A stranger's request is compared with what is in memory, and costs no question to the log.

use std::sync::Arc;
use std::time::Duration;

use domain::doors::{Index, Table};
use domain::recorded::{Fact, Recorded};
use futures::StreamExt;
use parking_lot::RwLock;

use crate::ingress::http::pages;
use crate::store::{self, Store};

/// Records of functions read at a time.
const PAGE: u32 = 4096;

/// How long a server that has lost the log waits before it follows again.
const PAUSE: Duration = Duration::from_secs(1);

/// The doors there are now. Cloning it is cheap.
#[derive(Clone, Default)]
pub struct Doors(Arc<RwLock<Arc<Index>>>);

impl Doors {
    /// Reads which doors there are, and follows the log from then on. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the log is away.
    pub async fn open(store: Store) -> Result<Self, store::Error> {
        let head = store.head().await?;
        let (mut table, mut after) = (Table::default(), 0);
        loop {
            let page = store.function_log(after, head, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            take(&mut table, &page);
        }
        let doors = Self(Arc::new(RwLock::new(Arc::new(table.index()))));
        tokio::spawn(doors.clone().follow(store, table, head));
        Ok(doors)
    }

    async fn follow(self, store: Store, mut table: Table, mut seen: u64) {
        loop {
            let mut feed = store.follow(seen);
            while let Some(batch) = feed.next().await {
                match batch {
                    Ok(records) => {
                        seen = records.last().map_or(seen, |last| last.position);
                        if take(&mut table, &records) {
                            *self.0.write() = Arc::new(table.index());
                        }
                    }
                    Err(error) => tracing::warn!(%error, "functions' paths are not followed; it is tried again"),
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether a path is a function's. What is the platform's own is not, whatever is added to it later.
    pub(super) fn lead(&self, path: &str) -> bool {
        self.now().at(path).is_some() && !pages::is_of_the_ui(path) && !pages::exists(path)
    }

    pub(super) fn now(&self) -> Arc<Index> {
        self.0.read().clone()
    }
}

/// Takes in what happened to functions; whether anything changed.
fn take(table: &mut Table, records: &[Recorded]) -> bool {
    let of_functions = records.iter().filter(|record| record.stream.kind() == "function");
    let changes = of_functions.filter(|record| match record.fact() {
        Ok(Fact::Function(id, event)) => table.evolve(id, &event),
        _ => false,
    });
    changes.count() > 0
}
