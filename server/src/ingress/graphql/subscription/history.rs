//! New records of the log.

use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::{Context, ID, Result, Subscription};
use domain::access::Action;
use domain::stream::Subject;
use domain::{Recorded, Stream as Name};
use futures::Stream;

use super::feed;
use crate::ingress::graphql::loader::Loader;
use crate::ingress::graphql::object::RecordedEvent;
use crate::ingress::graphql::position::{self, Position};
use crate::ingress::graphql::query::named_stream;
use crate::ingress::graphql::{OrFail, loader, services, viewer};
use crate::operations::{Fault, Viewer};

#[derive(Default)]
pub(super) struct Subscription;

#[Subscription(name = "HistorySubscription")]
impl Subscription {
    /// New records of the log itself.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A stream such as `function-…`, or the id of a function, a run or a trigger event.")]
        stream: Option<ID>,
        #[graphql(deprecation = "an `Int` holds 32 bits: use `afterLogPosition`")] after_position: Option<u64>,
        #[graphql(desc = "The last known position: the records that follow it come first.")] after_log_position: Option<
            Position,
        >,
    ) -> Result<impl Stream<Item = RecordedEvent> + use<>> {
        let services = services(ctx).clone();
        let viewer = viewer(ctx)?.clone();
        let only = match stream {
            Some(text) => Some(named_stream(&services.view(&viewer), &text).await.or_fail()?),
            None => None,
        };
        let after = feed::start(&services, position::given(after_log_position, after_position)).await.or_fail()?;
        let loader = loader(ctx)?;
        Ok(feed::read(&services, after, move |batch: Arc<[Recorded]>| {
            let (loader, viewer, only) = (loader.clone(), viewer.clone(), only.clone());
            async move {
                let wanted: Vec<_> =
                    batch.iter().filter(|record| only.as_ref().is_none_or(|only| *only == record.stream)).collect();
                let seen = seen(&loader, &viewer, &wanted).await?;
                let shown =
                    wanted.into_iter().filter(|record| seen.as_ref().is_none_or(|seen| seen.contains(&record.stream)));
                Ok(shown.cloned().map(RecordedEvent::from).collect())
            }
        }))
    }
}

/// The streams of these records that a viewer sees; `None`: all.
async fn seen(loader: &Loader, viewer: &Viewer, records: &[&Recorded]) -> Result<Option<HashSet<Name>>, Fault> {
    if viewer.may_everywhere(Action::View) {
        return Ok(None);
    }
    let (mut functions, mut runs, mut events, mut streams) = (Vec::new(), Vec::new(), Vec::new(), HashSet::new());
    for record in records {
        match record.stream.subject() {
            Ok(Subject::Function(id)) => functions.push(id),
            Ok(Subject::Run(id)) => runs.push(id),
            Ok(Subject::Event(id)) => events.push(id),
            Ok(Subject::Namespace(name)) if viewer.sees(&name) => _ = streams.insert(record.stream.clone()),
            _ => {}
        }
    }
    let functions = loader.functions(functions).await?.into_values();
    streams.extend(functions.map(|row| Name::function(row.id)));
    let runs = loader.runs(runs).await?.into_values();
    streams.extend(runs.map(|row| Name::run(row.id)));
    let events = loader.events(events).await?.into_values();
    streams.extend(events.map(|row| Name::event(row.id)));
    Ok(Some(streams))
}
