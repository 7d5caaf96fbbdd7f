//! Trigger events.

use async_graphql::{Context, ID, Object};
use chrono::SecondsFormat;
use uuid::Uuid;

use crate::clock;
use crate::ingress::cloudevent::{self, CloudEvent, Origin};
use crate::ingress::graphql::input::PublishEventInput;
use crate::ingress::graphql::object::Event;
use crate::ingress::graphql::payload::EventPayload;
use crate::ingress::graphql::{caller, id as parse_id, loader_of, namespace_or_default, services};
use crate::operations::{self, Fault, Problem, Publication, Refusal};

/// The source of events that name none.
const SOURCE: &str = "/graphql";

#[derive(Default)]
pub(super) struct Mutation;

#[Object(name = "EventMutation")]
impl Mutation {
    /// Publishes an event; every function with a matching trigger runs. The same (namespace, source, id) is accepted once.
    async fn publish_event(&self, ctx: &Context<'_>, input: PublishEventInput) -> async_graphql::Result<EventPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let namespace = namespace_or_default(ctx, input.namespace.clone());
        let done = async {
            let event = event(input).map_err(|problems| {
                let placed = problems.into_iter().map(|mut problem| {
                    problem.field = problem.field.map(|field| ["input".to_owned()].into_iter().chain(field).collect());
                    problem
                });
                Refusal::Refused(placed.collect())
            })?;
            let published = operations::publish(services, caller, Publication { namespace, event }).await?;
            let id = published.received.id;
            let row = loader_of(ctx, caller).event(id).await?;
            let gone = || Refusal::Failed(Fault::Internal(format!("the event {id} was taken and cannot be read")));
            Ok((row.map(Event::from).ok_or_else(gone)?, published.duplicate))
        };
        EventPayload::of(done.await)
    }

    /// Erases the content of an event and of every run that it caused permanently. Their records stay, and say when.
    async fn erase_event(&self, ctx: &Context<'_>, id: ID) -> async_graphql::Result<EventPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let event = parse_id(&id, "id")?;
            operations::erase_event(services, caller, event).await?;
            let row = loader_of(ctx, caller).event(event).await?;
            let gone = || Refusal::problem("event_not_found", "there is no such event");
            Ok((row.map(Event::from).ok_or_else(gone)?, false))
        };
        EventPayload::of(done.await)
    }
}

/// The event that is published, as if its attributes had come beside its data.
fn event(input: PublishEventInput) -> Result<CloudEvent, Vec<Problem>> {
    let time = clock::now().to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let attributes = [
        ("specversion", Some("1.0".to_owned())),
        ("id", Some(input.id.unwrap_or_else(|| Uuid::now_v7().to_string()))),
        ("source", Some(input.source.unwrap_or_else(|| SOURCE.to_owned()))),
        ("type", Some(input.kind)),
        ("time", Some(time)),
        ("subject", input.subject),
    ];
    let attributes = attributes.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?)));
    let data = input.data.map(|data| data.to_string());
    let kind = data.as_ref().map(|_| "application/json");
    cloudevent::attributed(Origin::Sender, attributes, kind, data.unwrap_or_default().as_bytes())
}
