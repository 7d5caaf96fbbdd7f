//! Incoming trigger events.

use async_graphql::{Context, Result, Subscription};
use domain::stream::Subject;
use domain::{Recorded, event, trigger};
use futures::Stream;

use super::change::EventChange;
use super::feed;
use crate::ingress::graphql::object::Event;
use crate::ingress::graphql::position::{self, Position};
use crate::ingress::graphql::{OrFail, loader, services, viewer};

#[derive(Default)]
pub(super) struct Subscription;

#[Subscription(name = "EventSubscription")]
impl Subscription {
    /// Incoming trigger events.
    async fn event_received(
        &self,
        ctx: &Context<'_>,
        namespace: Option<String>,
        #[graphql(
            name = "type",
            desc = "A type, or a pattern as in a trigger: `*` for one segment, `**` for the rest."
        )]
        kind: Option<String>,
        #[graphql(deprecation = "an `Int` holds 32 bits: use `afterLogPosition`")] after_position: Option<u64>,
        #[graphql(desc = "The last known position: the records that follow it come first.")] after_log_position: Option<
            Position,
        >,
    ) -> Result<impl Stream<Item = EventChange> + use<>> {
        let services = services(ctx).clone();
        viewer(ctx)?.sight_of(namespace.as_deref()).or_fail()?;
        let after = feed::start(&services, position::given(after_log_position, after_position)).await.or_fail()?;
        let loader = loader(ctx)?;
        Ok(feed::read(&services, after, move |batch| {
            let (loader, namespace, kind) = (loader.clone(), namespace.clone(), kind.clone());
            async move {
                let about: Vec<_> = batch.iter().filter_map(|record| Some((record, of(record)?))).collect();
                let rows = loader.events(about.iter().map(|(_, id)| *id)).await?;
                let change = |(record, id): (&Recorded, event::Id)| {
                    let row = rows.get(&id)?;
                    let asked = namespace.as_ref().is_none_or(|asked| *asked == row.namespace);
                    let wanted = kind.as_ref().is_none_or(|kind| trigger::matches(kind, &row.kind));
                    (asked && wanted).then(|| EventChange {
                        position: record.position,
                        log_position: record.position.into(),
                        event: Event::from(row.clone()),
                        record: record.clone().into(),
                    })
                };
                Ok(about.into_iter().filter_map(change).collect())
            }
        }))
    }
}

fn of(record: &Recorded) -> Option<event::Id> {
    match record.stream.kind() {
        "event" => match record.stream.subject() {
            Ok(Subject::Event(id)) => Some(id),
            _ => None,
        },
        _ => None,
    }
}
