//! The entities as the API shows them.

mod build;
mod engine_image;
mod entity;
mod event;
mod function;
mod instance;
mod line;
mod member;
mod metrics;
mod namespace;
mod node;
mod record;
mod run;
mod secret;
mod source;
mod trigger;
mod version;
mod viewer;

pub(super) use entity::{Build, Event, Function, Run};
pub(super) use function::{FunctionMode, FunctionOrder, FunctionState, TriggerType};
pub(super) use line::LogLine;
pub(super) use member::{Member, Role};
pub(super) use metrics::{Metrics, Window};
pub(super) use namespace::Namespace;
pub(super) use node::Node;
pub(super) use record::RecordedEvent;
pub(super) use run::{RunCount, RunState};
pub(super) use secret::Secret;
pub(super) use trigger::{Trigger, fire_times};
pub(super) use viewer::ViewerObject;
