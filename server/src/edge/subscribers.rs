//! Limits long-lived subscriptions: GraphQL operations over WebSockets, and logs followed over HTTP. They share one
//! budget, because every commit wakes each of them.

use std::sync::Arc;

use super::slots::{Full, Slot, Slots};
use crate::config::Limits;
use crate::operations::Viewer;

/// The error's code, in every API.
pub(crate) const CODE: &str = "too_many_subscriptions";

/// Logs that one viewer follows over HTTP, and that all of them follow. Each may have a page of lines in memory until it is read.
pub(crate) const MAX_FOLLOWERS: (usize, usize) = (64, 512);

/// The number of subscriptions, and that of followed logs among them. Cheap to clone.
#[derive(Clone)]
pub struct Subscribers {
    all: Arc<Slots<Arc<str>>>,
    followers: Arc<Slots<Arc<str>>>,
}

/// A slot for a subscription, given back when dropped.
pub(crate) struct SubscriberSlot(#[allow(dead_code, reason = "it is held for its drop")] Slot<Arc<str>>);

/// A slot for a log that is followed over HTTP, given back when dropped.
pub(crate) struct FollowerSlot {
    _subscriber: SubscriberSlot,
    _follower: Slot<Arc<str>>,
}

impl Subscribers {
    /// With the configured limits.
    pub fn new(limits: &Limits) -> Self {
        let (each, all) = MAX_FOLLOWERS;
        Self {
            all: Slots::new(limits.subscriptions_of_all, limits.subscriptions_of_viewer),
            followers: Slots::new(all, each),
        }
    }

    /// Takes a slot for a viewer.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub(crate) fn take(&self, viewer: &Viewer) -> Result<SubscriberSlot, &'static str> {
        self.all.take(viewer.subject.clone()).map(SubscriberSlot).map_err(|full| match full {
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
    /// Takes a slot for a log that a viewer follows over HTTP.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub(crate) fn follow(&self, viewer: &Viewer) -> Result<FollowerSlot, String> {
        let follower = self.followers.take(viewer.subject.clone()).map_err(|full| {
            let (each, all) = MAX_FOLLOWERS;
            match full {
                Full::Owner => {
                    format!("you follow {each} logs over HTTP, the most that one may follow: end some of them")
                }
                Full::Everywhere => {
                    format!("{all} logs are followed over HTTP, the most at a time: try again in a moment")
                }
            }
        })?;
        Ok(FollowerSlot { _subscriber: self.take(viewer)?, _follower: follower })
    }
}
