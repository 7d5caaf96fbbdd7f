//! Changes of functions.

use async_graphql::{Context, ID, Result, Subscription};
use domain::Stream as Name;
use domain::function;
use domain::stream::Subject;
use futures::Stream;

use super::change::FunctionChange;
use super::feed;
use crate::ingress::graphql::object::Function;
use crate::ingress::graphql::position::{self, Position};
use crate::ingress::graphql::{OrFail, id as parse_id, loader, services, viewer};

#[derive(Default)]
pub(super) struct Subscription;

#[Subscription(name = "FunctionSubscription")]
impl Subscription {
    /// Events of functions.
    async fn function_changed(
        &self,
        ctx: &Context<'_>,
        namespace: Option<String>,
        id: Option<ID>,
        #[graphql(deprecation = "an `Int` holds 32 bits: use `afterLogPosition`")] after_position: Option<u64>,
        #[graphql(desc = "The last known position: the records that follow it come first.")] after_log_position: Option<
            Position,
        >,
    ) -> Result<impl Stream<Item = FunctionChange> + use<>> {
        let services = services(ctx).clone();
        viewer(ctx)?.sight_of(namespace.as_deref()).or_fail()?;
        let only = id.map(|id| parse_id::<function::Function>(&id, "id")).transpose().or_fail()?;
        let after = feed::start(&services, position::given(after_log_position, after_position)).await.or_fail()?;
        let loader = loader(ctx)?;
        Ok(feed::read(&services, after, move |batch| {
            let (loader, namespace) = (loader.clone(), namespace.clone());
            async move {
                let wanted = |id: &function::Id| only.is_none_or(|only| only == *id);
                let about: Vec<_> =
                    batch.iter().filter_map(|record| Some((record, of(&record.stream).filter(wanted)?))).collect();
                let rows = loader.functions(about.iter().map(|(_, id)| *id)).await?;
                let change = |(record, id): (&domain::Recorded, function::Id)| {
                    let row = rows.get(&id)?;
                    let asked = namespace.as_ref().is_none_or(|asked| *asked == row.namespace);
                    asked.then(|| FunctionChange {
                        position: record.position,
                        log_position: record.position.into(),
                        event: record.clone().into(),
                        function: Function::from(row.clone()),
                    })
                };
                Ok(about.into_iter().filter_map(change).collect())
            }
        }))
    }
}

/// The function that a stream is about.
pub(super) fn of(stream: &Name) -> Option<function::Id> {
    match stream.kind() {
        "function" => match stream.subject() {
            Ok(Subject::Function(id)) => Some(id),
            _ => None,
        },
        _ => None,
    }
}
