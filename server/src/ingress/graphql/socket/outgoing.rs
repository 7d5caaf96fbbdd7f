//! Converts messages into frames: the body of the answer that opened the socket.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason, Codec, Message};
use bytes::{Bytes, BytesMut};
use futures::Stream;
use futures::future::BoxFuture;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep};
use tokio_util::codec::Encoder;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::close::{INIT_TIMEOUT, UNAUTHORIZED};
use super::conversation::ServerMessage;
use super::greeting::Greeting;
use super::incoming::Shared;
use crate::edge::Services;
use crate::edge::auth::{Auth, Over};
use crate::telemetry::watchdog;

/// How long the other end may take to say who it is.
const GREETING: Duration = Duration::from_secs(5);

/// How often the other end is asked whether it is there.
const PING: Duration = Duration::from_secs(20);

/// Pings without a sign of life after which the other end is gone.
const MAX_SILENT: u32 = 3;

/// The longest reason of a close, in bytes (RFC 6455, 5.5).
const MAX_REASON: usize = 123;

/// The server is stopping (RFC 6455, 7.4.1): clients that follow something connect again.
const GOING_AWAY: u16 = 1001;

/// Messages as they go out.
pub(super) struct Outgoing<S> {
    conversation: Pin<Box<S>>,
    codec: Codec,
    timer: Interval,
    /// Goes off when the other end should have authenticated.
    greeting: Pin<Box<Sleep>>,
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
    pub(super) fn new(conversation: S, shared: Rc<Shared>, greeted: Arc<Greeting>, services: &Services) -> Self {
        let mut timer = interval_at(Instant::now() + PING, PING);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            conversation: Box::pin(conversation),
            codec: Codec::new(),
            timer,
            greeting: Box::pin(sleep(GREETING)),
            silent: 0,
            shared,
            greeted,
            auth: services.auth.clone(),
            over: None,
            stopping: Box::pin(services.stopping.clone().cancelled_owned()),
            closed: false,
        }
    }

    fn frame(&mut self, message: Message) -> Poll<Option<Result<Bytes, actix_web::Error>>> {
        let mut bytes = BytesMut::new();
        match self.codec.encode(message, &mut bytes) {
            Ok(()) => Poll::Ready(Some(Ok(bytes.freeze()))),
            Err(_) => Poll::Ready(None),
        }
    }

    fn close(&mut self, code: u16, reason: &str) -> Poll<Option<Result<Bytes, actix_web::Error>>> {
        self.closed = true;
        let description = Some(reason[..reason.floor_char_boundary(MAX_REASON)].to_owned());
        self.frame(Message::Close(Some(CloseReason { code: CloseCode::from(code), description })))
    }
}

impl<S: Stream<Item = ServerMessage>> Stream for Outgoing<S> {
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
        let message = this.conversation.as_mut().poll_next(cx);
        let pong = this.shared.pongs.borrow_mut().pop_front();
        if let Poll::Ready(message) = message {
            return match message {
                Some(ServerMessage::Text(text)) => this.frame(Message::Text(text.into())),
                Some(ServerMessage::Close(code, reason)) => this.close(code, &reason),
                None => this.close(1000, ""),
            };
        }
        if let Some(payload) = pong {
            return this.frame(Message::Pong(payload));
        }
        if this.greeted.session.get().is_none() && this.greeting.as_mut().poll(cx).is_ready() {
            return this.close(INIT_TIMEOUT, "Connection initialisation timeout");
        }
        if this.timer.poll_tick(cx).is_pending() {
            return Poll::Pending;
        }
        this.silent = if this.shared.heard.take() { 0 } else { this.silent + 1 };
        if this.silent >= MAX_SILENT {
            return Poll::Ready(None);
        }
        this.frame(Message::Ping(Bytes::new()))
    }
}

/// What the watchdog says of a worker that does not come back from a socket.
fn this_is() -> Arc<str> {
    static TEXT: OnceLock<Arc<str>> = OnceLock::new();
    TEXT.get_or_init(|| "a WebSocket of /graphql".into()).clone()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::{StreamExt, stream};
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn auth() -> Arc<Auth> {
        let data = tempfile::tempdir().unwrap();
        Arc::new(Auth::open(&crate::config::Settings::new(data.path())).unwrap().0)
    }

    fn greet<S>(outgoing: &Outgoing<S>) {
        let (token, _) = outgoing.auth.issue("user:admin", &crate::access::Bounds::NONE, Duration::from_secs(60));
        outgoing.greeted.session.set(outgoing.auth.verify(&token).unwrap()).unwrap();
    }

    fn outgoing<S>(socket: S) -> Outgoing<S> {
        Outgoing {
            auth: auth(),
            over: None,
            conversation: Box::pin(socket),
            codec: Codec::new(),
            timer: tokio::time::interval(Duration::from_millis(1)),
            greeting: Box::pin(sleep(Duration::ZERO)),
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
                ServerMessage::Text("line".into())
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
        let timer = interval_at(Instant::now() + PING, PING);
        let mut body = Outgoing { timer, ..outgoing(stream::pending()) };
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
