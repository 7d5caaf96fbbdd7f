//! The interface to whatever keeps the instances of one version.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::info::InstanceInfo;
use crate::leasing::{Endpoints, Supply};

/// The secrets an instance was given: sorted names, and when each was set.
pub(super) type Revision = Vec<(String, DateTime<Utc>)>;

/// Keeps the instances of one version on this server, or tracks those that the cluster keeps.
#[async_trait]
pub(super) trait Pool: Supply {
    /// The endpoints that its calls use.
    fn endpoints(&self) -> &Arc<Endpoints>;

    /// Whether the version takes ordinary calls; if not, its instances go when they are idle.
    fn ordinary(&self) -> &AtomicBool;

    /// The version takes ordinary calls from now on, or does not.
    fn set_ordinary(&self, ordinary: bool) {
        self.ordinary().store(ordinary, Ordering::Release);
    }

    /// Whether the version takes ordinary calls.
    fn is_ordinary(&self) -> bool {
        self.ordinary().load(Ordering::Acquire)
    }

    /// Ensures the scaling's `min` number of instances while the version takes ordinary calls.
    fn keep_min(self: Arc<Self>);

    /// Ensures this many instances, as far as the scaling and earlier failures allow.
    fn ensure(self: Arc<Self>, wanted: u32);

    /// Ensures enough instances for `waiting` queued runs in addition to those in progress, within the scaling's
    /// limits.
    fn expect(self: Arc<Self>, waiting: u64);

    /// Periodic maintenance.
    fn maintain(self: Arc<Self>);

    /// Stops giving calls an endpoint. Processes of this server end after their last call, or at `deadline`.
    async fn close(self: Arc<Self>, deadline: Instant);

    /// Whether no instances are left.
    fn is_empty(&self) -> bool;

    /// Its instances, for display.
    fn instances(&self) -> Vec<InstanceInfo>;

    /// Marks the version as failed in the function's log, so that its recovery gets reported.
    fn is_ailing(&self);

    /// Its namespace and the secrets that instances of this server are given; `None` if there are none.
    fn needs(&self) -> Option<(&str, &[String])>;

    /// Replaces instances of this server whose secrets differ from these settings.
    fn renew(self: Arc<Self>, now: Revision);
}
