//! The entities as the API shows them.

mod build;
mod event;
mod function;
mod line;
mod member;
mod metrics;
mod namespace;
mod node;
mod record;
mod run;
mod secret;
mod trigger;
mod version;
mod viewer;

pub(super) use build::Build;
pub(super) use event::Event;
pub(super) use function::{Function, FunctionMode, FunctionOrder, FunctionState, TriggerType};
pub(super) use line::LogLine;
pub(super) use member::{Member, Role};
pub(super) use metrics::{Metrics, Window};
pub(super) use namespace::Namespace;
pub(super) use node::Node;
pub(super) use record::RecordedEvent;
pub(super) use run::{Run, RunCount, RunState};
pub(super) use secret::Secret;
pub(super) use trigger::{Trigger, fire_times};
pub(super) use version::Version;
pub(super) use viewer::ViewerObject;
