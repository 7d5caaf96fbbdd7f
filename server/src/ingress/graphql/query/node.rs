//! Any object by its global id.

use async_graphql::{Context, ID, Object, Result};
use domain::Id;
use uuid::Uuid;

use crate::ingress::graphql::object::{Build, Event, Function, Node, Run};
use crate::ingress::graphql::{OrFail, budget, id as parse_id, loader};

#[derive(Default)]
pub(super) struct Query;

#[Object(name = "NodeQuery")]
impl Query {
    /// A function, a build, a run or a trigger event by its id. Null if there is none.
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Node>> {
        let id: Uuid = parse_id::<()>(&id, "id").or_fail()?.uuid();
        let loader = loader(ctx)?;
        // Ids say nothing of what they are of, and no two things have the same.
        let (function, build, run, event) = tokio::join!(
            budget::load(ctx, loader.function(Id::new(id))),
            budget::load(ctx, loader.build(Id::new(id))),
            loader.run(Id::new(id)),
            loader.event(Id::new(id)),
        );
        let function = function?.map(Function::from);
        let build = build?.map(Build::from);
        let run = run.or_fail()?.map(Run::from);
        let event = event.or_fail()?.map(Event::from);
        Ok(function
            .map(Node::from)
            .or_else(|| build.map(Node::from))
            .or_else(|| run.map(Node::from))
            .or_else(|| event.map(Node::from)))
    }
}
