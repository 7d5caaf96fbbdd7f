//! Handles queues that the broker refuses with an error that closes the whole connection.
//!
//! A quorum queue that was created just before its only broker was killed can come back broken: every attempt to
//! declare it closes the connection with all its subscriptions. So a refused queue is left alone for an increasing
//! time, while the others are served.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use lapin::ErrorKind;
use lapin::protocol::AMQPErrorKind;
use parking_lot::Mutex;

use super::error::error;
use super::topology::BrokerQueue;
use crate::queue::Error;

/// How long a queue is left alone after its first refusal; doubles each time up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The maximum time that a queue is left alone.
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// The queues that were refused recently. A successful declaration removes a queue.
#[derive(Default)]
pub(super) struct Refusals(Mutex<HashMap<BrokerQueue, Refused>>);

struct Refused {
    until: Instant,
    pause: Duration,
}

impl Refusals {
    /// Checks whether a queue may be declared now.
    ///
    /// # Errors
    /// If it was refused a moment ago.
    pub(super) fn check(&self, queue: BrokerQueue) -> Result<(), Error> {
        match self.0.lock().get(&queue) {
            Some(refused) if refused.until > Instant::now() => {
                Err(Error(format!("RabbitMQ refused the queue {} a moment ago; it is tried again later", queue.name())))
            }
            _ => Ok(()),
        }
    }

    /// Records the result of declaring a queue.
    pub(super) fn note(&self, queue: BrokerQueue, declared: lapin::Result<()>) -> Result<(), Error> {
        match &declared {
            Ok(()) => _ = self.0.lock().remove(&queue),
            Err(error) if closes_for(error, queue) => self.refuse(queue),
            Err(_) => {}
        }
        declared.map_err(error)
    }

    fn refuse(&self, queue: BrokerQueue) {
        let mut all = self.0.lock();
        let pause = all.get(&queue).map_or(FIRST_PAUSE, |refused| (refused.pause * 2).min(LAST_PAUSE));
        all.insert(queue, Refused { until: Instant::now() + pause, pause });
    }
}

/// Whether a connection was closed because of this queue and not because of another one on the same connection.
fn closes_for(error: &lapin::Error, queue: BrokerQueue) -> bool {
    match error.kind() {
        ErrorKind::ProtocolError(error) => {
            matches!(error.kind(), AMQPErrorKind::Hard(_)) && error.get_message().as_str().contains(&queue.name())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use lapin::protocol::{AMQPError, AMQPHardError};

    use super::*;
    use crate::clock;

    #[test]
    fn a_refused_queue_is_left_alone_and_the_others_are_not() {
        let refusals = Refusals::default();
        let (broken, well) = (BrokerQueue::Runs(clock::new_id()), BrokerQueue::Runs(clock::new_id()));
        let message = format!("INTERNAL_ERROR - Cannot declare quorum queue '{}' in vhost '/'", broken.name());
        let closed = || {
            let error = AMQPError::new(AMQPErrorKind::Hard(AMQPHardError::INTERNALERROR), message.as_str().into());
            Err(lapin::Error::from(ErrorKind::ProtocolError(error)))
        };
        // The connection was closed under both of them.
        assert!(refusals.note(well, closed()).is_err() && refusals.note(broken, closed()).is_err());
        assert!(refusals.check(well).is_ok());
        assert!(refusals.check(broken).unwrap_err().0.contains("a moment ago"));
        for _ in 0..10 {
            refusals.refuse(broken);
        }
        assert_eq!(refusals.0.lock()[&broken].pause, LAST_PAUSE);
        refusals.note(broken, Ok(())).unwrap();
        assert!(refusals.check(broken).is_ok());
    }
}
