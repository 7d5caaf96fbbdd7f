//! Objects with a global id.

use async_graphql::{ID, Interface};

use super::{Build, Event, Function, Run};

/// An object with a global id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Its permanent, globally unique id."))]
pub(in crate::ingress::graphql) enum Node {
    Function(Function),
    Build(Build),
    Run(Run),
    Event(Event),
}
