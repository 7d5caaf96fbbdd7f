//! A broker's errors.

use crate::queue::Error;

/// A broker's error as the queue's.
pub(super) fn error(error: lapin::Error) -> Error {
    Error(format!("RabbitMQ: {error}"))
}
