//! Subscriptions, one file for each entity.
//!
//! Each subscription follows the store from a position, sends the event, and reads the entity again. Nothing is
//! buffered: the feed is polled when the client has taken the previous item.

mod build;
mod change;
mod event;
mod feed;
mod function;
mod history;
mod log;
mod run;

use async_graphql::MergedSubscription;

/// All subscriptions.
#[derive(Default, MergedSubscription)]
pub(in crate::ingress) struct Subscription(
    function::Subscription,
    build::Subscription,
    run::Subscription,
    event::Subscription,
    history::Subscription,
    log::Subscription,
);
