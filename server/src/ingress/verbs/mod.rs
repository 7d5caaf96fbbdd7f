//! What people and programs can ask for, whichever door they come through: one async function each.
//!
//! Each checks what the viewer may, asks `actors`, and says what came of it. Knows neither HTTP nor GraphQL.

mod ambiguity;
mod capacity;
mod credentials;
mod dead_letter;
mod erasure;
mod event;
mod function;
mod idempotency;
mod reach;
mod run;
mod secret;

use std::sync::Arc;

use domain::Cause;
use uuid::Uuid;

pub use dead_letter::{Letters, MAX_LETTERS, Swept, dead_letters, purge, purge_all, redrive, redrive_all, waiting};
pub use erasure::{Erased, erase_event, erase_run, erase_runs};
pub use event::{Publication, Published, publish};
pub use function::{
    Registration, Update, build, cancel_build, deregister, named, register, rollback, scaling_of, start, stop, update,
    visible,
};
pub use idempotency::{Claim, REPLAYED, digest};
pub use reach::{Reach, reach};
pub(super) use run::run_of;
pub use run::{
    Ask, Asked, Invocation, Replay, Wait, ask, cancel, invoke, load_run, replay, replay_event, visible_run, wait,
};
pub use secret::{remove_secret, secrets, set_secret};

use super::auth::Viewer;

/// Who asks, in which request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub viewer: Viewer,
    /// The same for all that follows from one request, where the caller says so.
    pub correlation: Option<Uuid>,
}

impl Caller {
    /// A caller without a correlation.
    pub fn new(viewer: Viewer) -> Self {
        Self { viewer, correlation: None }
    }

    pub(super) fn cause(&self) -> Cause {
        Cause { actor: Some(Arc::clone(&self.viewer.name)), causation: None, correlation: self.correlation }
    }
}
