//! The use cases, one async function each, shared by all entrances.
//!
//! Each checks what the viewer may do, sends commands to `actors`, and returns the result. Knows neither HTTP nor
//! GraphQL.

mod ambiguity;
mod caller;
mod capacity;
mod credentials;
mod dead_letter;
mod engine_images;
mod erasure;
mod event;
mod function;
mod idempotency;
mod member;
mod namespace;
mod offers;
mod past;
mod reach;
mod refusal;
mod registered;
mod run;
mod secret;
mod services;
mod starting;
mod unguarded;
mod viewer;

pub use caller::Caller;
pub use dead_letter::{Letters, MAX_LETTERS, Swept, dead_letters, purge, purge_all, redrive, redrive_all, waiting};
pub use engine_images::{EngineImage, engine_images, wanted_images};
pub use erasure::{Erased, erase_event, erase_run, erase_runs};
pub use event::{Publication, Published, deliver, load_event, publish, publish_from_broker};
pub use function::{
    Registration, Update, build, cancel_build, deregister, named, register, rollback, scaling_of, start, stop, update,
    visible,
};
pub use idempotency::{Claim, REPLAYED, digest};
pub use member::{MemberInfo, members, set_member};
pub use namespace::{create_namespace, namespaces};
pub use offers::{functions_of_offers, suggested_names};
pub use past::{function_as_of, was_registered};
pub use reach::{Reach, ReachTotals, reach, reach_totals};
pub(crate) use refusal::fit_to_show;
pub use refusal::{Fault, Problem, Refusal};
use registered::first_position;
pub(crate) use run::run_of;
pub use run::{
    Ask, Invocation, Replay, RequestedRun, Wait, ask, cancel, invoke, load_run, replay, replay_event, visible_run, wait,
};
pub use secret::{remove_secret, secrets, set_secret};
pub use services::{Guarded, Services};
pub use starting::start_when_built;
pub use unguarded::Unguarded;
pub use viewer::Viewer;
