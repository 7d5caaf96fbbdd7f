//! Trigger events.

use async_graphql::{Context, ID, Object, Result};

use crate::ingress::graphql::object::Event;
use crate::ingress::graphql::relay::{Connection, PageArguments, page};
use crate::ingress::graphql::{OrFail, id as parse_id, loader, services, viewer};
use crate::store::EventFilter;

#[derive(Default)]
pub(super) struct Query;

#[Object(name = "EventQuery")]
impl Query {
    /// A trigger event by id. Null if there is none.
    async fn event(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Event>> {
        Ok(loader(ctx)?.event(parse_id(&id, "id").or_fail()?).await.or_fail()?.map(Event::from))
    }

    /// Trigger events, newest first.
    #[allow(clippy::too_many_arguments)] // one argument for each condition
    async fn events(
        &self,
        ctx: &Context<'_>,
        namespace: Option<String>,
        #[graphql(
            name = "type",
            desc = "A type, or a pattern as in a trigger: `*` for one segment, `**` for the rest."
        )]
        kind: Option<String>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Event>> {
        let request = page(ctx, PageArguments { first, after, last, before }).or_fail()?;
        let view = services(ctx).view_of(viewer(ctx)?, namespace.as_deref()).or_fail()?;
        let found = view.events(&EventFilter { kind, ..EventFilter::default() }, &request).await.or_fail()?;
        Ok(Connection::of(found, Event::from))
    }
}
