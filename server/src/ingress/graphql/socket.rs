//! GraphQL over a WebSocket: `graphql-transport-ws`, and the older `graphql-ws`.
//!
//! The answer's body is the stream of messages itself: it is asked for the next one when the connection can take it, so
//! that nothing piles up for a client that does not read.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason, Codec, Frame, Item, Message, handshake};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use async_graphql::http::{WebSocket, WebSocketProtocols as Protocol, WsMessage};
use async_graphql::{Data, Executor, Request, Response, ServerError};
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use serde_json::Value;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::codec::{Decoder, Encoder};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{BaseUrl, Schema};
use crate::ingress::Services;
use crate::ingress::auth::Viewer;
use crate::ingress::error::HttpError;
use crate::ingress::http::{base_url, correlation};
use crate::ingress::verbs::Caller;

/// The longest message that is taken, in bytes.
const MAX_MESSAGE: usize = 256 << 10;

/// How often the other end is asked whether it is there. Until the first time it must have said who it is.
const PING: Duration = Duration::from_secs(20);

/// Pings without a sign of life after which the other end is gone.
const MAX_SILENT: u32 = 3;

/// Pongs that wait to be sent.
const MAX_PONGS: usize = 4;

/// The longest reason of a close, in bytes (RFC 6455, 5.5).
const MAX_REASON: usize = 123;

/// The server is stopping (RFC 6455, 7.4.1): whoever follows something comes again.
const GOING_AWAY: u16 = 1001;

/// Close codes of `graphql-transport-ws`.
const BAD_MESSAGE: u16 = 4400;
const UNAUTHORIZED: u16 = 4401;
const FORBIDDEN: u16 = 4403;
const INIT_TIMEOUT: u16 = 4408;

/// Opens a socket. Who it is for stands in the request or in its first message.
pub(super) fn open(
    request: &HttpRequest,
    payload: web::Payload,
    schema: &Schema,
    services: &Services,
) -> Result<HttpResponse, HttpError> {
    let viewer = services.auth.viewer_if_any(request)?;
    let bad = |why: &dyn std::fmt::Display| {
        HttpError::bad_request("bad_handshake", format!("this cannot become a WebSocket: {why}"))
    };
    let accepted = handshake(request.head()).map_err(|error| bad(&error))?.finish();
    let accept = accepted.headers().get(header::SEC_WEBSOCKET_ACCEPT).cloned();
    let accept = accept.ok_or_else(|| bad(&"it has no key"))?;
    let protocol = protocol(request).ok_or_else(|| bad(&"name the sub-protocol graphql-transport-ws"))?;

    let shared = Rc::new(Shared::default());
    let greeted = Arc::new(Greeting::default());
    let incoming = Incoming {
        payload,
        codec: Codec::new().max_size(MAX_MESSAGE),
        buffer: BytesMut::new(),
        parts: BytesMut::new(),
        ended: false,
        shared: shared.clone(),
    };
    let executor =
        Limited { schema: schema.clone(), open: Arc::default(), limit: services.settings.limits.subscriptions };
    let socket = WebSocket::new(executor, incoming, protocol).on_connection_init({
        let (services, greeted) = (services.clone(), greeted.clone());
        let (base, correlation) = (BaseUrl(base_url(request)), correlation(request));
        move |said: Value| async move {
            let viewer = said_by(&services, viewer, &said).map_err(|error| {
                greeted.refused.store(true, Ordering::Relaxed);
                async_graphql::Error::new(error.message)
            })?;
            greeted.done.store(true, Ordering::Relaxed);
            let mut data = Data::default();
            data.insert(Caller { viewer, correlation });
            data.insert(base);
            Ok(data)
        }
    });
    let mut timer = interval_at(Instant::now() + PING, PING);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stopping = Box::pin(services.stopping.clone().cancelled_owned());
    let outgoing = Outgoing {
        socket: Box::pin(socket),
        codec: Codec::new(),
        timer,
        silent: 0,
        shared,
        greeted,
        stopping,
        closed: false,
    };
    Ok(HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS)
        .upgrade("websocket")
        .insert_header((header::SEC_WEBSOCKET_ACCEPT, accept))
        .insert_header((header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol.sec_websocket_protocol())))
        .streaming(outgoing))
}

/// The first sub-protocol asked for that is known.
fn protocol(request: &HttpRequest) -> Option<Protocol> {
    let asked = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok());
    asked.flat_map(|value| value.split(',')).find_map(|name| name.trim().parse().ok())
}

/// Who a socket is for: the first message's token, where a browser cannot set headers, or else the request's.
fn said_by(services: &Services, viewer: Option<Viewer>, said: &Value) -> Result<Viewer, HttpError> {
    let places = [Some(said), said.get("headers")];
    let names = ["Authorization", "authorization", "token"];
    let token = places.into_iter().flatten().find_map(|place| names.iter().find_map(|name| place.get(name)?.as_str()));
    match (token, viewer) {
        (Some(text), _) => {
            let scheme = text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "));
            services.auth.bearer(if scheme { text[7..].trim() } else { text.trim() })
        }
        (None, Some(viewer)) => Ok(viewer),
        (None, None) => {
            let message = "this needs a token: send {\"Authorization\":\"Bearer TOKEN\"} with connection_init";
            Err(HttpError::unauthenticated(message))
        }
    }
}

/// What both directions of one connection tell each other.
#[derive(Default)]
struct Shared {
    heard: Cell<bool>,
    pongs: RefCell<VecDeque<Bytes>>,
}

/// How the first message went.
#[derive(Default)]
struct Greeting {
    done: AtomicBool,
    refused: AtomicBool,
}

/// Messages as they come in.
struct Incoming {
    payload: web::Payload,
    codec: Codec,
    buffer: BytesMut,
    /// The parts of a message so far.
    parts: BytesMut,
    ended: bool,
    shared: Rc<Shared>,
}

impl Incoming {
    /// A whole message, when the frame completes one; `None` inside when it ends the connection.
    fn take(&mut self, frame: Frame) -> Option<Option<Bytes>> {
        match frame {
            Frame::Text(text) | Frame::Binary(text) => Some(Some(text)),
            Frame::Continuation(Item::FirstText(part) | Item::FirstBinary(part) | Item::Continue(part)) => {
                self.parts.extend_from_slice(&part);
                (self.parts.len() > MAX_MESSAGE).then_some(None)
            }
            Frame::Continuation(Item::Last(part)) => {
                self.parts.extend_from_slice(&part);
                let whole = std::mem::take(&mut self.parts).freeze();
                Some((whole.len() <= MAX_MESSAGE).then_some(whole))
            }
            Frame::Ping(payload) => {
                let mut pongs = self.shared.pongs.borrow_mut();
                if pongs.len() < MAX_PONGS {
                    pongs.push_back(payload);
                }
                None
            }
            Frame::Pong(_) => None,
            Frame::Close(_) => Some(None),
        }
    }
}

impl Stream for Incoming {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = &mut *self;
        loop {
            match this.codec.decode(&mut this.buffer) {
                Ok(Some(frame)) => {
                    this.shared.heard.set(true);
                    if let Some(message) = this.take(frame) {
                        return Poll::Ready(message);
                    }
                    continue;
                }
                Ok(None) if !this.ended => {}
                Ok(None) | Err(_) => return Poll::Ready(None),
            }
            match Pin::new(&mut this.payload).poll_next(cx) {
                Poll::Ready(Some(Ok(bytes))) => this.buffer.extend_from_slice(&bytes),
                Poll::Ready(Some(Err(_)) | None) => this.ended = true,
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Messages as they go out.
struct Outgoing<S> {
    socket: Pin<Box<S>>,
    codec: Codec,
    timer: Interval,
    silent: u32,
    shared: Rc<Shared>,
    greeted: Arc<Greeting>,
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
    closed: bool,
}

impl<S> Outgoing<S> {
    fn frame(&mut self, message: Message) -> Poll<Option<Result<Bytes, actix_web::Error>>> {
        let mut bytes = BytesMut::new();
        match self.codec.encode(message, &mut bytes) {
            Ok(()) => Poll::Ready(Some(Ok(bytes.freeze()))),
            Err(_) => Poll::Ready(None),
        }
    }

    fn close(&mut self, code: u16, reason: &str) -> Poll<Option<Result<Bytes, actix_web::Error>>> {
        self.closed = true;
        let code = match code {
            // The library's own codes, as the protocol has them.
            1002 if self.greeted.refused.load(Ordering::Relaxed) => FORBIDDEN,
            1002 => BAD_MESSAGE,
            1011 if !self.greeted.done.load(Ordering::Relaxed) => UNAUTHORIZED,
            other => other,
        };
        let end = (0..=reason.len().min(MAX_REASON)).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or(0);
        let description = Some(reason[..end].to_owned());
        self.frame(Message::Close(Some(CloseReason { code: CloseCode::from(code), description })))
    }
}

impl<S: Stream<Item = WsMessage>> Stream for Outgoing<S> {
    type Item = Result<Bytes, actix_web::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.closed {
            return Poll::Ready(None);
        }
        if this.stopping.as_mut().poll(cx).is_ready() {
            return this.close(GOING_AWAY, "The server is stopping");
        }
        let message = this.socket.as_mut().poll_next(cx);
        let pong = this.shared.pongs.borrow_mut().pop_front();
        if let Poll::Ready(message) = message {
            return match message {
                Some(WsMessage::Text(text)) => this.frame(Message::Text(text.into())),
                Some(WsMessage::Close(code, reason)) => this.close(code, &reason),
                None => this.close(1000, ""),
            };
        }
        if let Some(payload) = pong {
            return this.frame(Message::Pong(payload));
        }
        if this.timer.poll_tick(cx).is_pending() {
            return Poll::Pending;
        }
        this.silent = if this.shared.heard.take() { 0 } else { this.silent + 1 };
        if this.silent >= MAX_SILENT {
            return Poll::Ready(None);
        }
        if !this.greeted.done.load(Ordering::Relaxed) {
            return this.close(INIT_TIMEOUT, "Connection initialisation timeout");
        }
        this.frame(Message::Ping(Bytes::new()))
    }
}

/// Answers queries of one connection, so many subscriptions at a time.
#[derive(Clone)]
struct Limited {
    schema: Schema,
    open: Arc<AtomicUsize>,
    limit: usize,
}

/// A subscription's place; free again when dropped.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Executor for Limited {
    async fn execute(&self, request: Request) -> Response {
        self.schema.execute(request).await
    }

    fn execute_stream(&self, request: Request, session_data: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let taken = self.open.fetch_add(1, Ordering::AcqRel);
        let place = Place(self.open.clone());
        if taken >= self.limit {
            let message = format!(
                "this connection has {taken} subscriptions, the most that one may have; end one, or open another connection"
            );
            let mut error = ServerError::new(message, None);
            error.extensions.get_or_insert_default().set("code", "too_many_subscriptions");
            return stream::once(async move { Response::from_errors(vec![error]) }).boxed();
        }
        let answers = Executor::execute_stream(&self.schema, request, session_data);
        answers.inspect(move |_| _ = &place).boxed()
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn outgoing<S>(socket: S) -> Outgoing<S> {
        Outgoing {
            socket: Box::pin(socket),
            codec: Codec::new(),
            timer: tokio::time::interval(Duration::from_millis(1)),
            silent: 0,
            shared: Rc::default(),
            greeted: Arc::default(),
            stopping: Box::pin(CancellationToken::new().cancelled_owned()),
            closed: false,
        }
    }

    #[actix_web::test]
    async fn a_server_that_stops_lets_its_clients_go() {
        let stopping = CancellationToken::new();
        let mut body =
            Outgoing { stopping: Box::pin(stopping.clone().cancelled_owned()), ..outgoing(stream::pending()) };
        body.greeted.done.store(true, Ordering::Relaxed);
        stopping.cancel();
        let close = body.next().await.unwrap().unwrap();
        assert_eq!(close[2..4], GOING_AWAY.to_be_bytes());
        assert!(body.next().await.is_none());
    }

    #[actix_web::test]
    async fn nothing_is_fetched_before_it_can_be_sent() {
        let fetched = Rc::new(Cell::new(0));
        let endless = stream::repeat_with({
            let fetched = fetched.clone();
            move || {
                fetched.set(fetched.get() + 1);
                WsMessage::Text("line".into())
            }
        });
        let mut body = outgoing(endless);
        for count in 1..=3 {
            body.next().await.unwrap().unwrap();
            assert_eq!(fetched.get(), count);
        }
    }

    #[actix_web::test]
    async fn a_client_that_does_not_say_who_it_is_is_let_go() {
        let mut body = outgoing(stream::pending());
        body.shared.heard.set(true);
        let close = body.next().await.unwrap().unwrap();
        assert_eq!(close[2..4], INIT_TIMEOUT.to_be_bytes());
        assert!(body.next().await.is_none());
    }

    #[actix_web::test]
    async fn a_client_that_is_gone_is_noticed() {
        let mut body = outgoing(stream::pending());
        body.greeted.done.store(true, Ordering::Relaxed);
        let mut pings = 0;
        while body.next().await.is_some() {
            pings += 1;
        }
        assert_eq!(pings, MAX_SILENT - 1);
    }
}
