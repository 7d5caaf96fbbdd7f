//! CloudEvents 1.0: what an event is made of, what is wrong with one, and how it stands in the JSON format.
//!
//! Knows the specification and what bodies become in events; knows no protocol, and not what events are for. A [`Draft`] is
//! what a sender's event is read into; an [`Event`] is one that EventFlow makes.

mod attribute;
mod data;
mod draft;
mod made;

pub use attribute::Attribute;
pub use data::{Data, Sender, body_of, is_json};
pub use draft::{CloudEvent, Draft, Fault, Origin, structured};
pub use made::{Event, Http, with_other_data};
