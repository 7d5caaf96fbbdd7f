//! Changes of runs.

use async_graphql::{Context, ID, Result, Subscription};
use domain::stream::Subject;
use domain::{Recorded, function, run};
use futures::Stream;

use super::change::RunChange;
use super::feed;
use crate::ingress::graphql::object::Run;
use crate::ingress::graphql::position::{self, Position};
use crate::ingress::graphql::{OrFail, id as parse_id, loader, services};

#[derive(Default)]
pub(super) struct Subscription;

#[Subscription(name = "RunSubscription")]
impl Subscription {
    /// Events of runs.
    async fn run_changed(
        &self,
        ctx: &Context<'_>,
        function: Option<ID>,
        #[graphql(deprecation = "an `Int` holds 32 bits: use `afterLogPosition`")] after_position: Option<u64>,
        #[graphql(desc = "The last known position: the records that follow it come first.")] after_log_position: Option<
            Position,
        >,
    ) -> Result<impl Stream<Item = RunChange> + use<>> {
        let services = services(ctx).clone();
        let only = function.map(|id| parse_id::<function::Function>(&id, "function")).transpose().or_fail()?;
        let after = feed::start(&services, position::given(after_log_position, after_position)).await.or_fail()?;
        let loader = loader(ctx)?;
        Ok(feed::read(&services, after, move |batch| {
            let loader = loader.clone();
            async move {
                let about: Vec<_> = batch.iter().filter_map(|record| Some((record, of(record)?))).collect();
                let rows = loader.runs(about.iter().map(|(_, id)| *id)).await?;
                let change = |(record, id): (&Recorded, run::Id)| {
                    let row = rows.get(&id)?;
                    let wanted = only.is_none_or(|only| only == row.function);
                    wanted.then(|| RunChange {
                        position: record.position,
                        log_position: record.position.into(),
                        event: record.clone().into(),
                        run: Run::from(row.clone()),
                    })
                };
                Ok(about.into_iter().filter_map(change).collect())
            }
        }))
    }
}

fn of(record: &Recorded) -> Option<run::Id> {
    match record.stream.kind() {
        "run" => match record.stream.subject() {
            Ok(Subject::Run(id)) => Some(id),
            _ => None,
        },
        _ => None,
    }
}
