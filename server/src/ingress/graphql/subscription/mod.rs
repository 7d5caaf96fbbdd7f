//! Watching, one file for each entity.
//!
//! Each subscription follows the store from a position, tells the event, and reads the entity again. Nothing is
//! buffered: the feed is asked for more when the client has taken what there was.

mod build;
mod event;
mod feed;
mod function;
mod history;
mod log;
mod run;

use async_graphql::{MergedSubscription, SimpleObject};

use super::object::{Build, Event, Function, RecordedEvent, Run};
use super::position::Position;

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

/// Something happened to a function.
#[derive(SimpleObject)]
pub(super) struct FunctionChange {
    /// Where in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    position: u64,
    /// Where in the log; as `afterLogPosition` it asks for what follows.
    log_position: Position,
    /// What happened.
    event: RecordedEvent,
    /// The function as it is now.
    function: Function,
}

/// Something happened to a build.
#[derive(SimpleObject)]
pub(super) struct BuildChange {
    /// Where in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    position: u64,
    /// Where in the log; as `afterLogPosition` it asks for what follows.
    log_position: Position,
    /// What happened.
    event: RecordedEvent,
    /// The build as it is now.
    build: Build,
}

/// Something happened to a run.
#[derive(SimpleObject)]
pub(super) struct RunChange {
    /// Where in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    position: u64,
    /// Where in the log; as `afterLogPosition` it asks for what follows.
    log_position: Position,
    /// What happened.
    event: RecordedEvent,
    /// The run as it is now.
    run: Run,
}

/// A trigger event came in.
#[derive(SimpleObject)]
pub(super) struct EventChange {
    /// Where in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    position: u64,
    /// Where in the log; as `afterLogPosition` it asks for what follows.
    log_position: Position,
    /// What was recorded.
    event: Event,
    /// What was recorded, as it stands in the log.
    record: RecordedEvent,
}
