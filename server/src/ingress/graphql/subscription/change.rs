//! The payload of change notifications.

use async_graphql::SimpleObject;

use crate::ingress::graphql::object::{Build, Event, Function, RecordedEvent, Run};
use crate::ingress::graphql::position::Position;

/// Something happened to a function.
#[derive(SimpleObject)]
pub(super) struct FunctionChange {
    /// Where in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    pub(super) position: u64,
    /// Where in the log; as `afterLogPosition` it asks for what follows.
    pub(super) log_position: Position,
    /// What happened.
    pub(super) event: RecordedEvent,
    /// The function as it is now.
    pub(super) function: Function,
}

/// Something happened to a build.
#[derive(SimpleObject)]
pub(super) struct BuildChange {
    /// Where in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    pub(super) position: u64,
    /// Where in the log; as `afterLogPosition` it asks for what follows.
    pub(super) log_position: Position,
    /// What happened.
    pub(super) event: RecordedEvent,
    /// The build as it is now.
    pub(super) build: Build,
}

/// Something happened to a run.
#[derive(SimpleObject)]
pub(super) struct RunChange {
    /// Where in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    pub(super) position: u64,
    /// Where in the log; as `afterLogPosition` it asks for what follows.
    pub(super) log_position: Position,
    /// What happened.
    pub(super) event: RecordedEvent,
    /// The run as it is now.
    pub(super) run: Run,
}

/// A trigger event came in.
#[derive(SimpleObject)]
pub(super) struct EventChange {
    /// Where in the log.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    pub(super) position: u64,
    /// Where in the log; as `afterLogPosition` it asks for what follows.
    pub(super) log_position: Position,
    /// What was recorded.
    pub(super) event: Event,
    /// What was recorded, as it stands in the log.
    pub(super) record: RecordedEvent,
}
