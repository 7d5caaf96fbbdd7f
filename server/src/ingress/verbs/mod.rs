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
mod offers;
mod reach;
mod run;
mod secret;

use std::sync::Arc;

use domain::{Cause, Stream, function as functions};
use uuid::Uuid;

pub use dead_letter::{Letters, MAX_LETTERS, Swept, dead_letters, purge, purge_all, redrive, redrive_all, waiting};
pub use erasure::{Erased, erase_event, erase_run, erase_runs};
pub use event::{Publication, Published, publish, publish_from_broker};
pub use function::{
    Registration, Update, build, cancel_build, deregister, named, register, rollback, scaling_of, start, stop, update,
    visible,
};
pub use idempotency::{Claim, REPLAYED, digest};
pub use offers::{functions_of_offers, suggested_names};
pub use reach::{Reach, ReachTotals, reach, reach_totals};
pub(super) use run::run_of;
pub use run::{
    Ask, Asked, Invocation, Replay, Wait, ask, cancel, invoke, load_run, replay, replay_event, visible_run, wait,
};
pub use secret::{remove_secret, secrets, set_secret};

use super::Services;
use super::auth::Viewer;
use super::error::Refusal;
use crate::store::{HistoryFilter, PageRequest};

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

/// Where in the log a function was registered.
async fn first_position(services: &Services, id: functions::Id) -> Result<u64, Refusal> {
    let filter = HistoryFilter { stream: Some(Stream::function(id)), ..HistoryFilter::default() };
    let page = PageRequest::first(1);
    let first = services.store.history(&filter, &page).await?.rows.pop();
    Ok(first.map_or(u64::MAX, |(_, record)| record.position))
}
