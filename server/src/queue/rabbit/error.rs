//! Conversion of the broker's errors.

use crate::queue::Error;

/// Converts a broker's error into the queue's.
pub(super) fn error(error: lapin::Error) -> Error {
    Error(format!("RabbitMQ: {error}"))
}
