//! GraphQL over a WebSocket: `graphql-transport-ws`, and the older `graphql-ws`.
//!
//! The answer's body is the stream of messages itself: it is asked for the next one when the connection can take it, so
//! that nothing piles up for a client that does not read.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason, Codec, Frame, Item, Message, handshake};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use async_graphql::http::{WebSocket, WebSocketProtocols as Protocol, WsMessage};
use async_graphql::{Data, Executor, Request, Response, ServerError};
use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use serde_json::Value;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::codec::{Decoder, Encoder};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{BaseUrl, Schema, limits};
use crate::ingress::Services;
use crate::ingress::auth::{Auth, Over, Session};
use crate::ingress::edge::Seat;
use crate::ingress::error::HttpError;
use crate::ingress::http::{base_url, correlation};
use crate::ingress::verbs::Caller;
use crate::telemetry::watchdog;

/// The longest message that is taken, in bytes.
const MAX_MESSAGE: usize = 256 << 10;

/// The longest message of a connection that has not said yet whom it is for, in bytes: a token and what goes with it.
const MAX_GREETING: usize = 16 << 10;

/// How often the other end is asked whether it is there. Until the first time it must have said who it is.
const PING: Duration = Duration::from_secs(20);

/// Pings without a sign of life after which the other end is gone.
const MAX_SILENT: u32 = 3;

/// Bytes of memory that the operations of one socket take together, as long as they go on. One alone is always taken.
const MAX_HELD: usize = 32 << 20;

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
    let session = services.auth.session_if_any(request)?;
    let bad = |why: &dyn std::fmt::Display| {
        HttpError::bad_request("bad_handshake", format!("this cannot become a WebSocket: {why}"))
    };
    let accepted = handshake(request.head()).map_err(|error| bad(&error))?.finish();
    let accept = accepted.headers().get(header::SEC_WEBSOCKET_ACCEPT).cloned();
    let accept = accept.ok_or_else(|| bad(&"it has no key"))?;
    let protocol = protocol(request).ok_or_else(|| bad(&"name the sub-protocol graphql-transport-ws"))?;

    if let Some(seat) = request.conn_data::<Arc<Seat>>() {
        seat.become_socket();
    }
    let shared = Rc::new(Shared::default());
    let greeted = Arc::new(Greeting::default());
    let incoming = Incoming {
        payload,
        codec: Codec::new().max_size(MAX_MESSAGE),
        buffer: BytesMut::new(),
        parts: BytesMut::new(),
        ended: false,
        shared: shared.clone(),
        greeted: greeted.clone(),
    };
    let executor = Limited {
        schema: schema.clone(),
        open: Arc::default(),
        held: Arc::default(),
        limit: services.settings.limits.subscriptions,
        auth: services.auth.clone(),
        greeted: greeted.clone(),
    };
    let socket = WebSocket::new(executor, incoming, protocol).on_connection_init({
        let (services, greeted) = (services.clone(), greeted.clone());
        let (base, correlation) = (BaseUrl(base_url(request)), correlation(request));
        move |said: Value| async move {
            let session = said_by(&services, session, &said).map_err(|error| {
                greeted.refused.store(true, Ordering::Relaxed);
                async_graphql::Error::new(error.message)
            })?;
            let mut data = Data::default();
            data.insert(Caller { viewer: session.viewer.clone(), correlation });
            // The library greets once.
            _ = greeted.session.set(session);
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
        auth: services.auth.clone(),
        over: None,
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
fn said_by(services: &Services, session: Option<Session>, said: &Value) -> Result<Session, HttpError> {
    let places = [Some(said), said.get("headers")];
    let names = ["Authorization", "authorization", "token"];
    let token = places.into_iter().flatten().find_map(|place| names.iter().find_map(|name| place.get(name)?.as_str()));
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

/// What both directions of one connection tell each other.
#[derive(Default)]
struct Shared {
    heard: Cell<bool>,
    /// Whether a message was taken since the last one went out: one is taken at a time, so that nothing piles up for a
    /// client that asks faster than it reads, and no connection keeps its worker to itself.
    took: Cell<bool>,
    pongs: RefCell<VecDeque<Bytes>>,
}

/// How the first message went.
#[derive(Default)]
struct Greeting {
    /// Whom the socket is for, once it was said.
    session: OnceLock<Session>,
    refused: AtomicBool,
}

impl Greeting {
    fn is_done(&self) -> bool {
        self.session.get().is_some()
    }
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
    greeted: Arc<Greeting>,
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
        if this.shared.took.get() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            match this.codec.decode(&mut this.buffer) {
                Ok(Some(frame)) => {
                    this.shared.heard.set(true);
                    if let Some(message) = this.take(frame) {
                        this.shared.took.set(true);
                        return Poll::Ready(message);
                    }
                    continue;
                }
                // What is left is not a whole message yet.
                Ok(None) if !this.greeted.is_done() && this.buffer.len() + this.parts.len() > MAX_GREETING => {
                    return Poll::Ready(None);
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
    auth: Arc<Auth>,
    /// Ready when the session is over; made when it is known.
    over: Option<BoxFuture<'static, Over>>,
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
            1011 if !self.greeted.is_done() => UNAUTHORIZED,
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
        let _doing = watchdog::now(&this_is());
        let this = &mut *self;
        if this.closed {
            return Poll::Ready(None);
        }
        if this.stopping.as_mut().poll(cx).is_ready() {
            return this.close(GOING_AWAY, "The server is stopping");
        }
        if this.over.is_none()
            && let Some(session) = this.greeted.session.get()
        {
            this.over = Some(Box::pin(this.auth.clone().until_over(session.clone())));
        }
        if let Some(over) = &mut this.over
            && let Poll::Ready(over) = over.as_mut().poll(cx)
        {
            this.over = None;
            return this.close(UNAUTHORIZED, over.message());
        }
        this.shared.took.set(false);
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
        if !this.greeted.is_done() {
            return this.close(INIT_TIMEOUT, "Connection initialisation timeout");
        }
        this.frame(Message::Ping(Bytes::new()))
    }
}

/// What the watchdog says of a worker that does not come back from a socket.
fn this_is() -> Arc<str> {
    static TEXT: OnceLock<Arc<str>> = OnceLock::new();
    TEXT.get_or_init(|| "a WebSocket of /graphql".into()).clone()
}

/// Answers queries of one connection, so many subscriptions at a time.
#[derive(Clone)]
struct Limited {
    schema: Schema,
    open: Arc<AtomicUsize>,
    /// Bytes of memory that open operations take.
    held: Arc<AtomicUsize>,
    limit: usize,
    auth: Arc<Auth>,
    greeted: Arc<Greeting>,
}

impl Limited {
    /// Why nothing more is done for this socket: its session may have ended in this very moment.
    fn over(&self) -> Option<ServerError> {
        let over = self.auth.over(self.greeted.session.get()?)?;
        Some(coded("unauthenticated", over.message().to_owned()))
    }
}

fn coded(code: &str, message: String) -> ServerError {
    let mut error = ServerError::new(message, None);
    error.extensions.get_or_insert_default().set("code", code);
    error
}

/// What an operation takes of its socket's places and memory; free again when dropped.
struct Place {
    open: Arc<AtomicUsize>,
    held: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::AcqRel);
        self.held.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl Executor for Limited {
    async fn execute(&self, request: Request) -> Response {
        match self.over() {
            None => self.schema.execute(request).await,
            Some(error) => Response::from_errors(vec![error]),
        }
    }

    fn execute_stream(&self, request: Request, session_data: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        if let Some(error) = self.over() {
            return stream::once(async move { Response::from_errors(vec![error]) }).boxed();
        }
        let bytes = limits::held(&request.query, &request.variables);
        let taken = self.open.fetch_add(1, Ordering::AcqRel);
        let before = self.held.fetch_add(bytes, Ordering::AcqRel);
        let place = Place { open: self.open.clone(), held: self.held.clone(), bytes };
        if taken > 0 && before.saturating_add(bytes) > MAX_HELD {
            let message = "what this connection follows has too large queries and variables together; end some of it, or \
                           open another connection";
            let error = coded("query_too_complex", message.to_owned());
            return stream::once(async move { Response::from_errors(vec![error]) }).boxed();
        }
        if taken >= self.limit {
            let message = format!(
                "this connection has {taken} subscriptions, the most that one may have; end one, or open another connection"
            );
            let error = coded("too_many_subscriptions", message);
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

    fn auth() -> Arc<Auth> {
        let data = tempfile::tempdir().unwrap();
        Arc::new(Auth::open(&crate::config::Settings::new(data.path())).unwrap().0)
    }

    fn greet<S>(outgoing: &Outgoing<S>) {
        let (token, _) = outgoing.auth.issue(&crate::ingress::Viewer::all("user:test"), Duration::from_secs(60));
        outgoing.greeted.session.set(outgoing.auth.verify(&token).unwrap()).unwrap();
    }

    fn outgoing<S>(socket: S) -> Outgoing<S> {
        Outgoing {
            auth: auth(),
            over: None,
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
        greet(&body);
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
        greet(&body);
        let mut pings = 0;
        while body.next().await.is_some() {
            pings += 1;
        }
        assert_eq!(pings, MAX_SILENT - 1);
    }
}
