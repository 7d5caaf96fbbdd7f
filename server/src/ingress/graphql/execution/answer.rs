//! Answers as section 7.1 of the specification defines them: without `data` if nothing was executed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::{Data, ObjectType, Request, Response, Schema, ServerError, SubscriptionType};
use futures::StreamExt;
use futures::stream::BoxStream;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Whether a request got as far as being executed. It travels with the request.
#[derive(Debug, Clone, Default)]
pub(super) struct Began(Arc<AtomicBool>);

impl Began {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What a request is answered with.
#[derive(Debug)]
pub(in crate::ingress::graphql) struct Answer {
    began: bool,
    response: Response,
}

impl Answer {
    /// Why nothing was executed; `None` when it was.
    pub(in crate::ingress::graphql) fn refused(&self) -> Option<&[ServerError]> {
        (!self.began && !self.response.errors.is_empty()).then_some(&self.response.errors)
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.response.errors.is_empty() {
            map.serialize_entry("errors", &self.response.errors)?;
        }
        if self.refused().is_none() {
            map.serialize_entry("data", &self.response.data)?;
        }
        if !self.response.extensions.is_empty() {
            map.serialize_entry("extensions", &self.response.extensions)?;
        }
        map.end()
    }
}

/// Answers a query or a mutation.
pub(in crate::ingress::graphql) async fn execute<Q, M, S>(schema: &Schema<Q, M, S>, request: Request) -> Answer
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let began = Began::default();
    let response = schema.execute(request.data(began.clone())).await;
    Answer { began: began.get(), response }
}

/// Answers any operation: a subscription as often as there is something to say.
pub(in crate::ingress::graphql) fn execute_stream<Q, M, S>(
    schema: &Schema<Q, M, S>,
    request: Request,
    session: Arc<Data>,
) -> BoxStream<'static, Answer>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let began = Began::default();
    let responses = schema.execute_stream_with_session_data(request.data(began.clone()), session);
    responses.map(move |response| Answer { began: began.get(), response }).boxed()
}
