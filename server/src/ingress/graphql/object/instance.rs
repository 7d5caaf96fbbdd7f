//! An instance of a function, and what it uses.

use async_graphql::{ID, Object, SimpleObject};
use chrono::{DateTime, Utc};

use crate::keeping::{InstanceInfo, Usage};

/// An instance of a function, on the server that answers.
pub(in crate::ingress::graphql) struct Instance(pub(super) InstanceInfo);

/// What an instance uses now. What nothing counts is null.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct InstanceUsage {
    /// When it was read: a few seconds ago at most.
    at: DateTime<Utc>,
    /// Processors in use; 0.5 is half of one.
    cpu: Option<f64>,
    /// Bytes of memory that it holds, without what is kept of files only while there is room.
    memory: Option<f64>,
    /// Bytes of memory that it may hold; null if there is no limit.
    memory_limit: Option<f64>,
}

impl From<Usage> for InstanceUsage {
    fn from(Usage { at, cpu, memory, memory_limit }: Usage) -> Self {
        let number = |bytes: u64| bytes as f64;
        Self { at, cpu, memory: memory.map(number), memory_limit: memory_limit.map(number) }
    }
}

/// An instance of a function, on the server that answers.
#[Object]
impl Instance {
    /// Its id, as in log lines.
    async fn id(&self) -> ID {
        self.0.id.clone().into()
    }

    /// The version that it runs.
    async fn version(&self) -> u32 {
        self.0.version
    }

    /// `starting`, `ready` or `draining`.
    async fn state(&self) -> &str {
        self.0.state
    }

    /// Calls in progress.
    async fn in_flight(&self) -> u32 {
        self.0.in_flight
    }

    /// When it was started.
    async fn started_at(&self) -> DateTime<Utc> {
        self.0.started_at
    }

    /// The id of its container; null if it is a process.
    async fn container_id(&self) -> Option<&str> {
        self.0.container.as_deref()
    }

    /// The machine that it runs on, by its own name: of a container, that of its engine. Null if that is not known.
    async fn node(&self) -> Option<&str> {
        self.0.node.as_deref()
    }

    /// Where it answers, as `HOST:PORT`; null for a socket, which only its server can reach.
    async fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// How many instances before it, in its place, ended unasked or did not start.
    async fn restarts(&self) -> u32 {
        self.0.restarts
    }

    /// What it uses now; null where nothing counts that, or the engine of its container does not answer at once.
    async fn usage(&self) -> Option<InstanceUsage> {
        self.0.usage().await.map(InstanceUsage::from)
    }
}
