//! The protocol state of one socket: who the client is, and its running operations.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_graphql::{Data, Request, ServerError};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use serde_json::Value;

use super::close::{BAD_MESSAGE, FORBIDDEN, TAKEN, TOO_LONG, TWICE, UNAUTHORIZED};
use super::incoming::{Heard, MAX_MESSAGE};
use super::protocol::{self, Dialect, Message};
use crate::edge::subscribers::{self, SubscriberSlot};
use crate::ingress::graphql::execution::Answer;
use crate::ingress::graphql::limits;
use crate::ingress::graphql::limits::coded;

/// Bytes of memory that the operations of one socket take together, as long as they go on. One alone is always taken.
const MAX_HELD: usize = 32 << 20;

/// The end of the connection as RFC 6455 has it.
const NORMAL: u16 = 1000;
const PROTOCOL_ERROR: u16 = 1002;

/// What the server says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ServerMessage {
    Text(String),
    Close(u16, Cow<'static, str>),
}

/// What a conversation needs of the rest of the house.
pub(super) trait Host {
    /// Who the client is, by the payload of its first message.
    ///
    /// # Errors
    /// Why it is not let in.
    fn greet(&mut self, payload: &Value) -> Result<Data, String>;

    /// Why nothing more is done for the client, when its session is over.
    fn over(&self) -> Option<ServerError>;

    /// Whether its operations may take a step now; if not, the task is woken when they may.
    fn is_turn(&self, cx: &Context<'_>) -> bool;

    /// A place for one more operation among all that are followed.
    ///
    /// # Errors
    /// Why there is none.
    fn slot(&self) -> Result<SubscriberSlot, ServerError>;

    /// The answers to a request.
    fn answers(&self, request: Request, session: Arc<Data>) -> BoxStream<'static, Answer>;
}

/// An operation that goes on.
struct Operation {
    id: String,
    answers: BoxStream<'static, Answer>,
    /// Bytes of memory that it takes.
    held: usize,
    _slot: SubscriberSlot,
}

/// The conversation on one socket.
pub(super) struct Conversation<I, H> {
    incoming: I,
    host: H,
    dialect: Dialect,
    /// Set once the client is known.
    session: Option<Arc<Data>>,
    operations: Vec<Operation>,
    /// Which operation is looked at first: none keeps the others waiting.
    turn: usize,
    /// Operations that go on at a time, at most.
    limit: usize,
    /// The last message, which is still to be sent.
    last: Option<ServerMessage>,
    over: bool,
}

impl<I, H: Host> Conversation<I, H> {
    pub(super) fn new(incoming: I, host: H, dialect: Dialect, limit: usize) -> Self {
        Self { incoming, host, dialect, session: None, operations: Vec::new(), turn: 0, limit, last: None, over: false }
    }

    fn close(&mut self, code: u16, reason: impl Into<Cow<'static, str>>) -> Option<ServerMessage> {
        self.operations.clear();
        self.over = true;
        Some(ServerMessage::Close(code, reason.into()))
    }

    /// The answer to a message.
    fn answer(&mut self, heard: Heard) -> Option<ServerMessage> {
        let text = match heard {
            Heard::Message(text) => text,
            Heard::TooLong => {
                return self
                    .close(TOO_LONG, format!("A message has {MAX_MESSAGE} bytes at most, and the first one less"));
            }
            Heard::Broken => return self.close(PROTOCOL_ERROR, "That was no WebSocket frame"),
        };
        match Message::read(&text, self.dialect) {
            Err(problem) => self.close(BAD_MESSAGE, problem),
            Ok(Message::Init(payload)) => self.init(&payload),
            Ok(Message::Ping(payload)) => Some(ServerMessage::Text(protocol::pong(payload))),
            Ok(Message::Pong) => None,
            Ok(Message::Subscribe { id, request }) => self.subscribe(id, *request),
            Ok(Message::Complete { id }) => {
                let ended = self.end(&id);
                // The older protocol confirms it; in the newer one nothing more is sent for that operation.
                (ended && self.dialect == Dialect::Legacy).then(|| ServerMessage::Text(protocol::complete(&id)))
            }
            Ok(Message::Terminate) => self.close(NORMAL, ""),
        }
    }

    fn init(&mut self, payload: &Value) -> Option<ServerMessage> {
        if self.session.is_some() {
            return self.close(TWICE, "Too many initialisation requests");
        }
        match self.host.greet(payload) {
            Ok(data) => {
                self.session = Some(Arc::new(data));
                Some(ServerMessage::Text(protocol::ack()))
            }
            Err(message) if self.dialect == Dialect::Legacy => {
                let error = ServerMessage::Text(protocol::connection_error(&message));
                self.last = self.close(FORBIDDEN, message);
                Some(error)
            }
            Err(message) => self.close(FORBIDDEN, message),
        }
    }

    fn subscribe(&mut self, id: String, request: Request) -> Option<ServerMessage> {
        let Some(session) = self.session.clone() else { return self.close(UNAUTHORIZED, "Unauthorized") };
        if self.operations.iter().any(|operation| operation.id == id) {
            return self.close(TAKEN, format!("Subscriber for {id} already exists"));
        }
        let held = limits::held(&request.query, &request.variables);
        if let Some(error) = self.host.over().or_else(|| self.no_place(held)) {
            return Some(ServerMessage::Text(protocol::error(&id, &[error])));
        }
        let slot = match self.host.slot() {
            Ok(slot) => slot,
            Err(error) => return Some(ServerMessage::Text(protocol::error(&id, &[error]))),
        };
        let answers = self.host.answers(request, session);
        self.operations.push(Operation { id, answers, held, _slot: slot });
        None
    }

    /// Why one more operation, which takes so many bytes, is not taken.
    fn no_place(&self, held: usize) -> Option<ServerError> {
        let open = self.operations.len();
        let before = self.operations.iter().map(|operation| operation.held).fold(0, usize::saturating_add);
        if open > 0 && before.saturating_add(held) > MAX_HELD {
            let message = "what this connection follows has too large queries and variables together; end some of it, or \
                           open another connection";
            return Some(coded("query_too_complex", message.to_owned()));
        }
        (open >= self.limit).then(|| {
            let message = format!(
                "this connection has {open} subscriptions, the most that one may have; end one, or open another connection"
            );
            coded(subscribers::CODE, message)
        })
    }

    /// Ends an operation, if it goes on.
    fn end(&mut self, id: &str) -> bool {
        let before = self.operations.len();
        self.operations.retain(|operation| operation.id != id);
        self.operations.len() < before
    }

    /// The next that an operation has to say.
    fn poll_operations(&mut self, cx: &mut Context<'_>) -> Poll<ServerMessage> {
        for _ in 0..self.operations.len() {
            let at = self.turn % self.operations.len();
            self.turn = at + 1;
            let operation = &mut self.operations[at];
            let last = match operation.answers.poll_next_unpin(cx) {
                Poll::Pending => continue,
                Poll::Ready(Some(answer)) => match answer.refused() {
                    None => {
                        return Poll::Ready(ServerMessage::Text(protocol::next(self.dialect, &operation.id, &answer)));
                    }
                    Some(errors) => protocol::error(&operation.id, errors),
                },
                Poll::Ready(None) => protocol::complete(&operation.id),
            };
            self.operations.remove(at);
            self.turn = at;
            return Poll::Ready(ServerMessage::Text(last));
        }
        Poll::Pending
    }
}

impl<I: Stream<Item = Heard> + Unpin, H: Host + Unpin> Stream for Conversation<I, H> {
    type Item = ServerMessage;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ServerMessage>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(this.last.take());
        }
        while let Poll::Ready(heard) = this.incoming.poll_next_unpin(cx) {
            let Some(heard) = heard else {
                this.operations.clear();
                this.over = true;
                return Poll::Ready(None);
            };
            if let Some(answer) = this.answer(heard) {
                return Poll::Ready(Some(answer));
            }
        }
        if this.operations.is_empty() || !this.host.is_turn(cx) {
            return Poll::Pending;
        }
        this.poll_operations(cx).map(Some)
    }
}

#[cfg(test)]
mod tests;
