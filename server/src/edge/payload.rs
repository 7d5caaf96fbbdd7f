//! Time limits for request bodies: they have to begin in time, and arrive at a minimum rate.
//!
//! Wraps every body before any route sees it, so no route can forget it. Only the time that the server waits for the
//! caller counts, not time in which nobody reads.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures::Stream;
use tokio::time::{Sleep, sleep};

use super::activity::Activity;
use super::limits::MIN_RATE;

/// Whether a body failed because it was too slow.
pub(crate) fn is_late(error: &PayloadError) -> bool {
    matches!(error, PayloadError::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

/// A body with a time limit.
pub(super) struct Timed {
    body: Payload,
    activity: Arc<Activity>,
    limit: Duration,
    /// The total time spent waiting for it, without the current wait.
    waited: Duration,
    received: u64,
    wait: Option<(Instant, Pin<Box<Sleep>>)>,
    ended: bool,
}

impl Timed {
    pub(super) fn new(body: Payload, activity: Arc<Activity>, limit: Duration) -> Self {
        Self { body, activity, limit, waited: Duration::ZERO, received: 0, wait: None, ended: false }
    }

    /// How much longer it may be waited for in total.
    fn left(&self) -> Duration {
        let allowed = self.limit + Duration::from_millis(self.received.saturating_mul(1000) / MIN_RATE);
        allowed.saturating_sub(self.waited)
    }

    fn late(&mut self) -> Poll<Option<Result<Bytes, PayloadError>>> {
        self.ended = true;
        let message = format!(
            "the body did not come: at most {} s may pass without a part of it, and {MIN_RATE} bytes a second must come on average",
            self.limit.as_secs_f64()
        );
        Poll::Ready(Some(Err(PayloadError::Io(io::Error::new(io::ErrorKind::TimedOut, message)))))
    }

    fn stop_waiting(&mut self) {
        if let Some((since, _)) = self.wait.take() {
            self.waited += since.elapsed();
            self.activity.wait_for_body(false);
        }
    }
}

impl Stream for Timed {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(part) = Pin::new(&mut this.body).poll_next(cx) {
            this.stop_waiting();
            if let Some(Ok(part)) = &part {
                this.received += part.len() as u64;
                if this.left().is_zero() && !this.activity.is_socket() {
                    return this.late();
                }
            }
            return Poll::Ready(part);
        }
        if this.activity.is_socket() {
            return Poll::Pending;
        }
        if this.wait.is_none() {
            this.activity.wait_for_body(true);
            this.wait = Some((Instant::now(), Box::pin(sleep(this.limit.min(this.left())))));
        }
        let late = this.wait.as_mut().is_some_and(|(_, timer)| timer.as_mut().poll(cx).is_ready());
        if late { this.late() } else { Poll::Pending }
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        self.stop_waiting();
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};

    use super::*;

    fn timed(parts: impl Stream<Item = Result<Bytes, PayloadError>> + 'static, limit: u64) -> Timed {
        let parts: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = Box::pin(parts);
        Timed::new(parts.into(), Arc::new(Activity::new(None)), Duration::from_millis(limit))
    }

    fn part(text: &'static str) -> Result<Bytes, PayloadError> {
        Ok(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn a_body_that_comes_passes_as_it_is() {
        let parts: Vec<_> = timed(stream::iter([part("a"), part("b")]), 1000).collect().await;
        assert_eq!(parts.into_iter().map(Result::unwrap).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[tokio::test]
    async fn a_body_that_stops_is_late() {
        let mut body = timed(stream::iter([part("a")]).chain(stream::pending()), 50);
        assert!(body.next().await.unwrap().is_ok());
        assert!(is_late(&body.next().await.unwrap().unwrap_err()));
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn a_body_that_trickles_is_late_though_it_never_stops() {
        let trickle = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Some((part("a"), ()))
        });
        let mut body = timed(trickle, 200);
        let mut received = 0;
        let error = loop {
            match body.next().await.unwrap() {
                Ok(_) => received += 1,
                Err(error) => break error,
            }
        };
        assert!(is_late(&error) && received > 0 && received < 100, "{received}");
    }

    #[tokio::test]
    async fn time_in_which_nobody_asks_for_more_does_not_count() {
        let mut body = timed(stream::iter([part("a"), part("b")]), 50);
        assert!(body.next().await.unwrap().is_ok());
        tokio::time::sleep(Duration::from_millis(120)).await;
        assert!(body.next().await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_socket_may_be_silent() {
        let mut body = timed(stream::pending(), 30);
        body.activity.become_socket();
        let waited = tokio::time::timeout(Duration::from_millis(120), body.next()).await;
        assert!(waited.is_err());
    }
}
