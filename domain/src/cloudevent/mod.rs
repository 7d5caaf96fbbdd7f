//! CloudEvents 1.0: the parts of an event, their validation, and the JSON format.
//!
//! Knows the specification and how request bodies become data, but no transport protocol and not what events are used
//! for. A [`Draft`] validates a sender's event; an [`Event`] is one that EventFlow creates.

mod attribute;
mod data;
mod draft;
mod made;

pub use attribute::Attribute;
pub use data::{Data, Sender, body_of, is_json};
pub use draft::{CloudEvent, Draft, Fault, Origin, structured};
pub use made::{Event, Http, with_other_data};
