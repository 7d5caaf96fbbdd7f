//! Limits the memory for large answers that wait until their readers have read them.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};

use crate::edge::HttpError;

/// Answers of at most so many bytes are not counted.
const SMALL: usize = 256 << 10;

/// Bytes of all larger answers that wait at the same time.
const MAX_TOGETHER: usize = 512 << 20;

/// Bytes that are handed to a connection at a time. It asks for more when these are nearly sent.
const PIECE: usize = 64 << 10;

/// What is left for all answers together.
static TOGETHER: AtomicUsize = AtomicUsize::new(MAX_TOGETHER);

/// An answer, and its part of the memory until the last piece is handed out.
struct Unsent {
    bytes: Bytes,
    counted: usize,
    together: &'static AtomicUsize,
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.together.fetch_add(self.counted, Ordering::Relaxed);
    }
}

impl MessageBody for Unsent {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let bytes = &mut self.get_mut().bytes;
        let piece = bytes.split_to(bytes.len().min(PIECE));
        Poll::Ready((!piece.is_empty()).then_some(Ok(piece)))
    }
}

/// The body of an answer.
///
/// # Errors
/// 503 when too many large ones wait for their readers already.
pub(super) fn body(bytes: Vec<u8>) -> Result<BoxBody, HttpError> {
    let message = "too many large answers are waiting for those who asked to read them; try again in a moment";
    let full = || HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message).retry_after(1);
    of(bytes, &TOGETHER).map(BoxBody::new).ok_or_else(full)
}

/// An answer with such a body.
///
/// # Errors
/// As [`body`].
pub(super) fn answer(mut response: HttpResponseBuilder, bytes: Vec<u8>) -> Result<HttpResponse, HttpError> {
    Ok(response.body(body(bytes)?))
}

fn of(bytes: Vec<u8>, together: &'static AtomicUsize) -> Option<Unsent> {
    let counted = if bytes.len() <= SMALL { 0 } else { bytes.len() };
    let taken = together.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(counted));
    taken.ok().map(|_| Unsent { bytes: bytes.into(), counted, together })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_answers_share_their_memory_until_they_are_read() {
        let together: &'static AtomicUsize = Box::leak(Box::new(AtomicUsize::new(3 * SMALL)));
        let large = || of(vec![b'x'; 2 * SMALL], together);
        let mut first = large().expect("there is room for one");
        assert!(large().is_none(), "and for no other");
        assert!(of(vec![b'x'; SMALL], together).is_some(), "a small one is not counted");
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut read = 0;
        while let Poll::Ready(Some(Ok(piece))) = Pin::new(&mut first).poll_next(&mut context) {
            assert!(piece.len() <= PIECE);
            read += piece.len();
        }
        assert_eq!(read, 2 * SMALL);
        drop(first);
        assert!(large().is_some());
    }
}
