//! Trigger events.

use async_graphql::{Context, ID, Object, Result};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::clock;
use crate::ingress::cloudevent;
use crate::ingress::error::{Fault, Refusal};
use crate::ingress::graphql::input::PublishEventInput;
use crate::ingress::graphql::object::Event;
use crate::ingress::graphql::payload::EventPayload;
use crate::ingress::graphql::{caller, id as parse_id, loader, namespace_or_default, services};
use crate::ingress::verbs::{self, Publication};

/// The source of events that name none.
const SOURCE: &str = "/graphql";

#[derive(Default)]
pub(super) struct Mutation;

#[Object(name = "EventMutation")]
impl Mutation {
    /// Takes an event; every function whose trigger matches runs. The same (namespace, source, id) is taken once.
    async fn publish_event(&self, ctx: &Context<'_>, input: PublishEventInput) -> Result<EventPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let namespace = namespace_or_default(ctx, input.namespace.clone());
        let done = async {
            let event = cloudevent::structured(&Value::Object(attributes(input)).to_string()).map_err(|problems| {
                let placed = problems.into_iter().map(|mut problem| {
                    problem.field = problem.field.map(|field| ["input".to_owned()].into_iter().chain(field).collect());
                    problem
                });
                Refusal::Refused(placed.collect())
            })?;
            let published = verbs::publish(services, caller, Publication { namespace, event }).await?;
            let id = published.received.id;
            let row = loader(ctx).event(id).await?;
            let gone = || Refusal::Failed(Fault::Internal(format!("the event {id} was taken and cannot be read")));
            Ok((row.map(Event::from).ok_or_else(gone)?, published.duplicate))
        };
        EventPayload::of(done.await)
    }

    /// Erases the content of an event and of every run that it caused, for good. Their records stay, and say when.
    async fn erase_event(&self, ctx: &Context<'_>, id: ID) -> Result<EventPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let done = async {
            let event = parse_id(&id, "id")?;
            verbs::erase_event(services, caller, event).await?;
            let row = loader(ctx).event(event).await?;
            let gone = || Refusal::problem("event_not_found", "there is no such event");
            Ok((row.map(Event::from).ok_or_else(gone)?, false))
        };
        EventPayload::of(done.await)
    }
}

fn attributes(input: PublishEventInput) -> Map<String, Value> {
    let mut event = Map::new();
    event.insert("specversion".to_owned(), json!("1.0"));
    event.insert("id".to_owned(), json!(input.id.unwrap_or_else(|| Uuid::now_v7().to_string())));
    event.insert("source".to_owned(), json!(input.source.unwrap_or_else(|| SOURCE.to_owned())));
    event.insert("type".to_owned(), json!(input.kind));
    event.insert("time".to_owned(), json!(clock::now()));
    if let Some(subject) = input.subject {
        event.insert("subject".to_owned(), json!(subject));
    }
    if let Some(data) = input.data {
        event.insert("datacontenttype".to_owned(), json!("application/json"));
        event.insert("data".to_owned(), data);
    }
    event
}
