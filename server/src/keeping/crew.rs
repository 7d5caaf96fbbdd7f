//! The instances of one version, as this server has to do with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::info::InstanceInfo;
use crate::leasing::{Endpoints, Supply};

/// Which settings of secrets an instance has: names, in order, and when each was set.
pub(super) type Revision = Vec<(String, DateTime<Utc>)>;

/// Keeps the instances of one version, or knows who does.
#[async_trait]
pub(super) trait Crew: Supply {
    /// Where calls find them.
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

    /// Lets there be as many as the scaling's `min` says, while the version takes ordinary calls.
    fn keep_min(self: Arc<Self>);

    /// Lets there be so many, as far as the scaling and earlier failures allow.
    fn ensure(self: Arc<Self>, wanted: u32);

    /// Runs wait in the queue beside those that are being worked on: lets there be as many as they need, within the scaling's
    /// bounds.
    fn expect(self: Arc<Self>, waiting: u64);

    /// What is to be looked at again and again.
    fn tend(self: Arc<Self>);

    /// Gives no call an endpoint any more. What belongs to this server ends: each when its last call is done, at the latest at
    /// `deadline`.
    async fn close(self: Arc<Self>, deadline: Instant);

    /// Whether there is nothing of it.
    fn is_empty(&self) -> bool;

    /// Its instances, as people see them.
    fn instances(&self) -> Vec<InstanceInfo>;

    /// The function's log says that an instance failed: it is to say when that is over.
    fn is_ailing(&self);

    /// Its namespace, and the secrets that instances of this server are given; `None` when there are none.
    fn needs(&self) -> Option<(&str, &[String])>;

    /// The secrets were set so: instances of this server that have others are replaced.
    fn renew(self: Arc<Self>, now: Revision);
}
