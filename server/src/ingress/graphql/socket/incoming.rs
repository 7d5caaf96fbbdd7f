//! Converts frames into messages.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_http::ws::{Codec, Frame, Item, ProtocolError};
use actix_web::web;
use bytes::{Bytes, BytesMut};
use futures::Stream;

use super::greeting::Greeting;

/// The longest message that is taken, in bytes.
pub(super) const MAX_MESSAGE: usize = 256 << 10;

/// The longest message of a connection that is not authenticated yet, in bytes: a token and what goes with it.
const MAX_GREETING: usize = 16 << 10;

/// Pongs that wait to be sent.
const MAX_PONGS: usize = 4;

/// What both directions of one connection share.
#[derive(Default)]
pub(super) struct Shared {
    pub heard: Cell<bool>,
    /// Whether a message was taken since the last one went out: one is taken at a time, so that nothing piles up for a
    /// client that asks faster than it reads, and no connection keeps its worker to itself.
    pub took: Cell<bool>,
    pub pongs: RefCell<VecDeque<Bytes>>,
}

/// What comes in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Message(Bytes),
    /// A message of more bytes than are taken.
    TooLong,
    /// Bytes that are no WebSocket.
    Broken,
}

/// Messages as they come in; ends when the client closes the connection, or is gone.
pub(super) struct Incoming {
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
    pub(super) fn new(payload: web::Payload, shared: Rc<Shared>, greeted: Arc<Greeting>) -> Self {
        Self {
            payload,
            codec: Codec::new().max_size(MAX_MESSAGE),
            buffer: BytesMut::new(),
            parts: BytesMut::new(),
            ended: false,
            shared,
            greeted,
        }
    }

    /// Bytes that a message may have by now.
    fn limit(&self) -> usize {
        if self.greeted.session.get().is_some() { MAX_MESSAGE } else { MAX_GREETING }
    }

    fn whole(&self, message: Bytes) -> Heard {
        if message.len() > self.limit() { Heard::TooLong } else { Heard::Message(message) }
    }

    /// What a frame completes, if it does; `None` inside when it ends the connection.
    fn take(&mut self, frame: Frame) -> Option<Option<Heard>> {
        match frame {
            Frame::Text(text) | Frame::Binary(text) => Some(Some(self.whole(text))),
            Frame::Continuation(Item::FirstText(part) | Item::FirstBinary(part) | Item::Continue(part)) => {
                self.parts.extend_from_slice(&part);
                (self.parts.len() > self.limit()).then_some(Some(Heard::TooLong))
            }
            Frame::Continuation(Item::Last(part)) => {
                self.parts.extend_from_slice(&part);
                let whole = std::mem::take(&mut self.parts).freeze();
                Some(Some(self.whole(whole)))
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
    type Item = Heard;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Heard>> {
        let this = &mut *self;
        if this.shared.took.get() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            match tokio_util::codec::Decoder::decode(&mut this.codec, &mut this.buffer) {
                Ok(Some(frame)) => {
                    this.shared.heard.set(true);
                    if let Some(heard) = this.take(frame) {
                        this.shared.took.set(true);
                        return Poll::Ready(heard);
                    }
                    continue;
                }
                // What is left is not a whole message yet. The codec sees to those of clients that are known.
                Ok(None)
                    if this.greeted.session.get().is_none() && this.buffer.len() + this.parts.len() > MAX_GREETING =>
                {
                    return Poll::Ready(Some(Heard::TooLong));
                }
                Ok(None) if !this.ended => {}
                Ok(None) => return Poll::Ready(None),
                Err(ProtocolError::Overflow) => return Poll::Ready(Some(Heard::TooLong)),
                Err(_) => return Poll::Ready(Some(Heard::Broken)),
            }
            match Pin::new(&mut this.payload).poll_next(cx) {
                Poll::Ready(Some(Ok(bytes))) => this.buffer.extend_from_slice(&bytes),
                Poll::Ready(Some(Err(_)) | None) => this.ended = true,
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
