//! GraphQL over WebSockets: `graphql-transport-ws`, and the older `graphql-ws`.
//!
//! The body of the HTTP answer is the stream of messages itself: it is polled when the connection can send more, so
//! that nothing accumulates for a client that does not read. [`incoming`] converts frames into messages,
//! [`conversation`] decides what follows from them, and [`outgoing`] converts the results into frames.

mod close;
mod conversation;
mod greeting;
mod incoming;
mod outgoing;
mod protocol;

use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;

use actix_http::ws::handshake;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use async_graphql::{Data, Request, ServerError};
use futures::stream::BoxStream;
use serde_json::Value;
use uuid::Uuid;

use super::execution::{Answer, execute_stream};
use super::limits::coded;
use super::{AskedNamespace, BaseUrl, Schema, slices};
use crate::edge::auth::Session;
use crate::edge::origin::{Origin, base_url};
use crate::edge::request_id::correlation;
use crate::edge::subscribers::{self, SubscriberSlot};
use crate::edge::{Activity, HttpError, Services, Unknown};
use crate::ingress::http::namespace;
use crate::operations::Caller;
use crate::store::lane;
use conversation::{Conversation, Host};
use greeting::Greeting;
use incoming::{Incoming, Shared};
use outgoing::Outgoing;
use protocol::Dialect;

/// Bytes of the reason why a message is refused.
const MAX_PROBLEM: usize = 1 << 10;

/// Opens a socket. Who it is for stands in the request or in its first message.
pub(super) fn open(
    request: &HttpRequest,
    payload: web::Payload,
    schema: &Schema,
    services: &Services,
) -> Result<HttpResponse, HttpError> {
    let session = services.auth.session_if_any(request)?;
    let bad = |why: &dyn std::fmt::Display| {
        HttpError::bad_request("bad_handshake", format!("this cannot become a WebSocket: {why}"))
    };
    let accepted = handshake(request.head()).map_err(|error| bad(&error))?.finish();
    let accept = accepted.headers().get(header::SEC_WEBSOCKET_ACCEPT).cloned();
    let accept = accept.ok_or_else(|| bad(&"it has no key"))?;
    let dialect = dialect(request).ok_or_else(|| bad(&"name the sub-protocol graphql-transport-ws"))?;

    let mut unknown = None;
    if let Some(activity) = request.conn_data::<Arc<Activity>>() {
        if session.is_none() {
            let (address, proxies) = (Origin::of(request).address, &services.settings.edge.trusted_proxies);
            unknown = Some(services.strangers.take(address, proxies, activity.clone()).ok_or_else(too_many_strangers)?);
        }
        activity.become_socket();
    }
    let shared = Rc::new(Shared::default());
    let greeted = Arc::new(Greeting::default());
    let incoming = Incoming::new(payload, shared.clone(), greeted.clone());
    let house = House {
        schema: schema.clone(),
        services: services.clone(),
        session,
        unknown,
        greeted: greeted.clone(),
        base: base_url(request),
        namespace: namespace(None, request, services)?,
        correlation: correlation(request),
    };
    let conversation = Conversation::new(incoming, house, dialect, services.settings.limits.subscriptions);
    let outgoing = Outgoing::new(conversation, shared, greeted, services);
    Ok(HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS)
        .upgrade("websocket")
        .insert_header((header::SEC_WEBSOCKET_ACCEPT, accept))
        .insert_header((header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(dialect.name())))
        .streaming(outgoing))
}

fn too_many_strangers() -> HttpError {
    let message = "too many WebSockets wait for their first message, of the server or of your network; send the token with \
                   the request, or try again in a moment";
    HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_connections", message).retry_after(1)
}

/// The first sub-protocol asked for that is known.
fn dialect(request: &HttpRequest) -> Option<Dialect> {
    let asked = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok());
    asked.flat_map(|value| value.split(',')).find_map(|name| Dialect::of(name.trim()))
}

/// What the conversation on one socket needs.
struct House {
    schema: Schema,
    services: Services,
    /// Whom the request was from that opened the socket.
    session: Option<Session>,
    /// The slot that it has until it is authenticated.
    unknown: Option<Unknown>,
    greeted: Arc<Greeting>,
    base: String,
    namespace: String,
    correlation: Option<Uuid>,
}

impl Host for House {
    fn greet(&mut self, payload: &Value) -> Result<Data, String> {
        let session = session_of(&self.services, self.session.take(), payload).map_err(|error| error.message)?;
        let mut data = Data::default();
        data.insert(Caller { viewer: session.viewer.clone(), correlation: self.correlation });
        data.insert(BaseUrl(self.base.clone()));
        data.insert(AskedNamespace(self.namespace.clone()));
        self.unknown = None;
        // A client is greeted once.
        _ = self.greeted.session.set(session);
        Ok(data)
    }

    fn over(&self) -> Option<ServerError> {
        let over = self.services.auth.over(self.greeted.session.get()?)?;
        Some(coded("unauthenticated", over.message().to_owned()))
    }

    fn is_turn(&self, cx: &Context<'_>) -> bool {
        self.greeted.session.get().is_none_or(|session| slices::is_turn(&session.viewer.subject, cx))
    }

    fn slot(&self) -> Result<SubscriberSlot, ServerError> {
        let session = self.greeted.session.get();
        let session = session.ok_or_else(|| coded("unauthenticated", "nobody was greeted".to_owned()))?;
        let slot = self.services.subscribers.take(&session.viewer);
        slot.map_err(|why| coded(subscribers::CODE, why.to_owned()))
    }

    fn answers(&self, request: Request, session: Arc<Data>) -> BoxStream<'static, Answer> {
        let answers = execute_stream(&self.schema, request, session);
        match self.greeted.session.get() {
            // A subscription that begins far back reads the log for long.
            Some(session) => lane::stream_within(&session.viewer.subject, answers),
            None => answers,
        }
    }
}

/// Who a socket is for: the first message's token, where a browser cannot set headers, or else the request's.
fn session_of(services: &Services, session: Option<Session>, payload: &Value) -> Result<Session, HttpError> {
    let places = [Some(payload), payload.get("headers")];
    let names = ["Authorization", "authorization", "token"];
    let token = places.into_iter().flatten().find_map(|slot| names.iter().find_map(|name| slot.get(name)?.as_str()));
    match (token, session) {
        (Some(text), _) => {
            let scheme = text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "));
            services.auth.verify(if scheme { text[7..].trim() } else { text.trim() })
        }
        (None, Some(session)) => match services.auth.over(&session) {
            None => Ok(session),
            Some(over) => Err(HttpError::unauthenticated(over.message())),
        },
        (None, None) => {
            let message = "this needs a token: send {\"Authorization\":\"Bearer TOKEN\"} with connection_init";
            Err(HttpError::unauthenticated(message))
        }
    }
}

/// What the fuzzer of messages calls: a message is read or refused, in a few words.
pub(super) fn fuzz_message(data: &[u8]) {
    for dialect in [Dialect::Transport, Dialect::Legacy] {
        match protocol::Message::read(data, dialect) {
            Ok(protocol::Message::Subscribe { id, .. } | protocol::Message::Complete { id }) => {
                assert!(!id.is_empty() && id.len() <= protocol::MAX_ID);
            }
            Ok(_) => {}
            Err(problem) => assert!(problem.len() < MAX_PROBLEM, "a refusal has {} bytes", problem.len()),
        }
    }
}
