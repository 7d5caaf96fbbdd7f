//! Watching, one file for each entity.
//!
//! Each subscription follows the store from a position, tells the event, and reads the entity again. Nothing is
//! buffered: the feed is asked for more when the client has taken what there was.

mod build;
mod change;
mod event;
mod feed;
mod function;
mod history;
mod log;
mod run;

use async_graphql::MergedSubscription;

/// Everything that can be watched.
#[derive(Default, MergedSubscription)]
pub(in crate::ingress) struct Subscription(
    function::Subscription,
    build::Subscription,
    run::Subscription,
    event::Subscription,
    history::Subscription,
    log::Subscription,
);
