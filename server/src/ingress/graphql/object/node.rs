//! Objects with a global id.

use async_graphql::{ID, Interface};

use super::{Build, Event, Function, Run};

/// Something that its id alone finds again.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Names it for ever, among all that there is."))]
pub(in crate::ingress::graphql) enum Node {
    Function(Function),
    Build(Build),
    Run(Run),
    Event(Event),
}
