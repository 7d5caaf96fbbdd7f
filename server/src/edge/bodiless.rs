//! An omitted body with its length: the answer to HEAD (RFC 9110, section 9.3.2).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

/// An empty body with a length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bodiless(BodySize);

impl Bodiless {
    /// Stands for a body of this size.
    pub(crate) fn of(size: BodySize) -> Self {
        Self(size)
    }

    /// Stands for a body of this length in bytes, if it is known.
    pub(crate) fn of_length(length: Option<u64>) -> Self {
        Self(length.map_or(BodySize::None, BodySize::Sized))
    }
}

impl MessageBody for Bodiless {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}
