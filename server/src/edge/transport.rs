//! A connection with time limits: for the head of a request, between requests, and for callers that do not read their
//! answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::activity::Activity;
use super::connection_slots::ConnectionSlot;
use super::leaving::{Leaving, Peer};
use super::limits::{Limits, MIN_RATE};

/// A connection with its slot.
pub(super) struct Guarded<T> {
    io: T,
    slot: Arc<ConnectionSlot>,
    limits: Limits,
    /// Ticks regularly: one timer for all limits, rarely set, instead of one set by each request.
    tick: Pin<Box<Sleep>>,
    stall: Option<Stall>,
    /// The number of the request whose answer was written to last.
    answered: u64,
    /// Set once the caller sends nothing more.
    leaving: Option<Leaving>,
}

/// The caller reads less than it is sent.
struct Stall {
    since: Instant,
    taken: u64,
}

impl<T> Guarded<T> {
    pub(super) fn new(io: T, slot: Arc<ConnectionSlot>, limits: Limits) -> Self {
        Self { io, slot, limits, tick: Box::pin(sleep(limits.period())), stall: None, answered: 0, leaving: None }
    }

    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.slot.activity
    }

    /// # Errors
    /// When the connection must be closed.
    fn check(&mut self) -> io::Result<()> {
        let late = |why| Err(io::Error::new(io::ErrorKind::TimedOut, why));
        if let Some(why) = self.slot.activity.overdue(&self.limits) {
            return late(why);
        }
        if let Some(stall) = &mut self.stall {
            let elapsed = stall.since.elapsed();
            if elapsed > self.limits.write {
                if stall.taken < MIN_RATE * elapsed.as_secs().max(1) {
                    return late("the caller did not read the answer");
                }
                *stall = Stall { since: Instant::now(), taken: 0 };
            }
        }
        Ok(())
    }

    /// Makes sure that the connection is checked again even if nothing arrives.
    fn keep_watch(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        self.slot.activity.watch(cx);
        if self.slot.activity.is_evicted() {
            return self.check();
        }
        while self.tick.as_mut().poll(cx).is_ready() {
            self.check()?;
            self.tick.as_mut().reset(tokio::time::Instant::now() + self.limits.period());
        }
        Ok(())
    }
}

impl<T: AsyncRead + Peer + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        match Pin::new(&mut this.io).poll_read(cx, buffer) {
            Poll::Pending => {
                this.keep_watch(cx)?;
                Poll::Pending
            }
            Poll::Ready(read) => {
                read?;
                if buffer.filled().len() > before {
                    // Bytes that trickle in do not put off the limit. The first one starts a request, even at the last
                    // moment.
                    this.slot.activity.hear();
                    this.check()?;
                } else if buffer.remaining() > 0 {
                    this.leaving.get_or_insert_with(|| Leaving::new(&this.io));
                }
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl<T: AsyncWrite + Peer + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.answered = this.slot.activity.requests();
        let Poll::Ready(written) = Pin::new(&mut this.io).poll_write(cx, bytes) else {
            this.stall.get_or_insert_with(|| Stall { since: Instant::now(), taken: 0 });
            this.keep_watch(cx)?;
            return Poll::Pending;
        };
        let written = written?;
        match &mut this.stall {
            Some(_) if written == bytes.len() => this.stall = None,
            Some(stall) => stall.taken += written as u64,
            None => {}
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(Pin::new(&mut this.io).poll_flush(cx))?;
        // Nothing more is read from a caller that has finished sending. But this is called whenever its answer is
        // polled, and
        // everything that was to be written has been written by then.
        let activity = &this.slot.activity;
        if let Some(leaving) = &mut this.leaving
            && activity.follows_caller()
        {
            let may_ask = activity.allows_interim() && this.answered != activity.requests();
            leaving.look(&mut this.io, may_ask, cx)?;
            this.keep_watch(cx)?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::super::connection_slots::ConnectionSlots;
    use super::*;
    use crate::config::Edge;
    use crate::telemetry::Metrics;

    impl Peer for DuplexStream {
        fn is_gone(&self) -> bool {
            false
        }

        fn ask_often(&self) {}
    }

    const SHORT: Duration = Duration::from_millis(150);

    fn guarded(limits: Limits, buffer: usize) -> (Guarded<DuplexStream>, DuplexStream) {
        let (near, far) = tokio::io::duplex(buffer);
        let slot = ConnectionSlots::new(&Edge::default(), 1024, Metrics::new()).take(None, false).unwrap();
        (Guarded::new(near, Arc::new(slot), limits), far)
    }

    fn limits() -> Limits {
        let long = Duration::from_secs(3600);
        Limits { head: long, read: long, write: long, idle: long }
    }

    #[tokio::test]
    async fn a_caller_that_does_not_read_is_let_go() {
        let (mut near, _far) = guarded(Limits { write: SHORT, ..limits() }, 64);
        let error = near.write_all(&[0; 1024]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_caller_that_reads_a_byte_now_and_then_is_let_go() {
        let (mut near, mut far) = guarded(Limits { write: SHORT, ..limits() }, 64);
        let reader = tokio::spawn(async move {
            while far.read_u8().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let error = near.write_all(&[0; 64 << 10]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(near);
        reader.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_rests_is_closed_and_one_that_works_is_not() {
        let (mut near, _far) = guarded(Limits { idle: SHORT, ..limits() }, 64);
        drop(near.activity().begin());
        let error = near.read_u8().await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (io::ErrorKind::TimedOut, "the connection was idle"));

        let (mut near, mut far) = guarded(Limits { idle: SHORT, ..limits() }, 64);
        let _busy = near.activity().begin();
        tokio::time::sleep(SHORT * 3).await;
        far.write_u8(7).await.unwrap();
        assert_eq!(near.read_u8().await.unwrap(), 7);
    }

    #[tokio::test]
    async fn who_is_evicted_goes_at_once() {
        let (mut near, _far) = guarded(limits(), 64);
        let activity = near.activity().clone();
        let (read, ()) = tokio::join!(near.read_u8(), async {
            tokio::task::yield_now().await;
            activity.evict();
        });
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
