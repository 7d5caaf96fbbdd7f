//! The payload of change notifications.

use async_graphql::SimpleObject;

use crate::ingress::graphql::object::{Build, Event, Function, RecordedEvent, Run};
use crate::ingress::graphql::position::Position;

/// An event of a function.
#[derive(SimpleObject)]
pub(super) struct FunctionChange {
    /// The position in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    pub(super) position: u64,
    /// The position in the log; pass it as `afterLogPosition` to continue from there.
    pub(super) log_position: Position,
    /// What happened.
    pub(super) event: RecordedEvent,
    /// The function as it is now.
    pub(super) function: Function,
}

/// An event of a build.
#[derive(SimpleObject)]
pub(super) struct BuildChange {
    /// The position in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    pub(super) position: u64,
    /// The position in the log; pass it as `afterLogPosition` to continue from there.
    pub(super) log_position: Position,
    /// What happened.
    pub(super) event: RecordedEvent,
    /// The build as it is now.
    pub(super) build: Build,
}

/// An event of a run.
#[derive(SimpleObject)]
pub(super) struct RunChange {
    /// The position in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    pub(super) position: u64,
    /// The position in the log; pass it as `afterLogPosition` to continue from there.
    pub(super) log_position: Position,
    /// What happened.
    pub(super) event: RecordedEvent,
    /// The run as it is now.
    pub(super) run: Run,
}

/// A trigger event came in.
#[derive(SimpleObject)]
pub(super) struct EventChange {
    /// The position in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    pub(super) position: u64,
    /// The position in the log; pass it as `afterLogPosition` to continue from there.
    pub(super) log_position: Position,
    /// What was recorded.
    pub(super) event: Event,
    /// What was recorded, as stored in the log.
    pub(super) record: RecordedEvent,
}
