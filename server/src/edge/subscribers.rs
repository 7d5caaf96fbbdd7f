//! Limits long-lived subscriptions: GraphQL operations over WebSockets, and logs followed over HTTP. They share one
//! budget, because every commit wakes each of them.

use std::sync::Arc;

use super::slots::{Full, Slot, Slots};
use crate::config::Limits;
use crate::operations::Viewer;

/// The error's code, in every API.
pub(crate) const CODE: &str = "too_many_subscriptions";

/// The number of subscriptions. Cheap to clone.
#[derive(Clone)]
pub struct Subscribers(Arc<Slots<Arc<str>>>);

/// A slot for a subscription, given back when dropped.
pub(crate) struct SubscriberSlot(#[allow(dead_code, reason = "it is held for its drop")] Slot<Arc<str>>);

impl Subscribers {
    /// With the configured limits.
    pub fn new(limits: &Limits) -> Self {
        Self(Slots::new(limits.subscriptions_of_all, limits.subscriptions_of_viewer))
    }

    /// Takes a slot for a viewer.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub(crate) fn take(&self, viewer: &Viewer) -> Result<SubscriberSlot, &'static str> {
        self.0.take(viewer.subject.clone()).map(SubscriberSlot).map_err(|full| match full {
            Full::Owner => {
                "you have as many subscriptions and followed logs as one may have, over all connections \
                 (EVENTFLOW_MAX_SUBSCRIPTIONS_PER_VIEWER); end some of them"
            }
            Full::Everywhere => {
                "the server has as many subscriptions and followed logs as it takes \
                 (EVENTFLOW_MAX_SUBSCRIPTIONS_TOTAL); try again in a moment"
            }
        })
    }
}
