//! Changes of builds.

use async_graphql::{Context, ID, Result, Subscription};
use domain::Recorded;
use domain::aggregate::Payload;
use domain::function::{self, BuildId, Event};
use futures::Stream;

use super::change::BuildChange;
use super::feed;
use crate::ingress::graphql::object::Build;
use crate::ingress::graphql::position::{self, Position};
use crate::ingress::graphql::{OrFail, id as parse_id, loader, services};

#[derive(Default)]
pub(super) struct Subscription;

#[Subscription(name = "BuildSubscription")]
impl Subscription {
    /// Events of builds.
    async fn build_changed(
        &self,
        ctx: &Context<'_>,
        function: Option<ID>,
        #[graphql(deprecation = "an `Int` holds 32 bits: use `afterLogPosition`")] after_position: Option<u64>,
        #[graphql(desc = "The last known position: the records that follow it come first.")] after_log_position: Option<
            Position,
        >,
    ) -> Result<impl Stream<Item = BuildChange> + use<>> {
        let services = services(ctx).clone();
        let only = function.map(|id| parse_id::<function::Function>(&id, "function")).transpose().or_fail()?;
        let after = feed::start(&services, position::given(after_log_position, after_position)).await.or_fail()?;
        let loader = loader(ctx)?;
        Ok(feed::read(&services, after, move |batch| {
            let loader = loader.clone();
            async move {
                let about: Vec<_> = batch.iter().filter_map(|record| Some((record, of(record, only)?))).collect();
                let rows = loader.builds(about.iter().map(|(_, id)| *id)).await?;
                let change = |(record, id): (&Recorded, BuildId)| {
                    let row = rows.get(&id)?;
                    Some(BuildChange {
                        position: record.position,
                        log_position: record.position.into(),
                        event: record.clone().into(),
                        build: Build::from(row.clone()),
                    })
                };
                Ok(about.into_iter().filter_map(change).collect())
            }
        }))
    }
}

/// The build that a record is about, if it is of that function.
fn of(record: &Recorded, only: Option<function::Id>) -> Option<BuildId> {
    if !record.kind.starts_with("Build") {
        return None;
    }
    let function = super::function::of(&record.stream)?;
    if only.is_some_and(|only| only != function) {
        return None;
    }
    build_of(record).map(|(build, _)| build)
}

/// The build that a record is about, and whether it is over by it.
pub(super) fn build_of(record: &Recorded) -> Option<(BuildId, bool)> {
    match Event::decode(&record.kind, &record.data).ok()? {
        Event::BuildRequested(e) => Some((e.build, false)),
        Event::BuildStarted(e) => Some((e.build, false)),
        Event::BuildSucceeded(e) => Some((e.build, true)),
        Event::BuildFailed(e) => Some((e.build, true)),
        Event::BuildCancelled(e) => Some((e.build, true)),
        _ => None,
    }
}
