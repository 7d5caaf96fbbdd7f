//! The newest records in memory, which feed followers that keep up. Only the committer pushes.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

use domain::Recorded;

use super::line::LineRow;
use super::stats::Stats;

/// An item with a position.
pub(super) trait Placed: Clone {
    /// Its position: 1, 2, 3 …
    fn position(&self) -> u64;
    /// Its size in memory, roughly, in bytes.
    fn weight(&self) -> usize;
}

impl Placed for Recorded {
    fn position(&self) -> u64 {
        self.position
    }
    fn weight(&self) -> usize {
        self.data.len() + 256
    }
}

impl Placed for LineRow {
    fn position(&self) -> u64 {
        self.position
    }
    fn weight(&self) -> usize {
        self.line.text.len() + 192
    }
}

/// The limits of a ring.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// Items.
    pub items: usize,
    /// Bytes of memory.
    pub bytes: usize,
}

/// A bounded window on the end of a sequence.
pub(super) struct Ring<T> {
    limit: Limit,
    window: RwLock<Window<T>>,
    tail: watch::Sender<u64>,
    stats: Arc<Stats>,
}

struct Window<T> {
    batches: VecDeque<Arc<[T]>>,
    /// Everything after this position, up to the tail, is in the ring.
    after: u64,
    tail: u64,
    items: usize,
    bytes: usize,
}

/// What a ring contains after a position.
pub(super) enum Next<T> {
    /// The next items.
    Here(Arc<[T]>),
    /// Nothing new yet.
    Nothing,
    /// Older than what the ring keeps: read it from the database.
    Older,
}

impl<T: Placed> Ring<T> {
    pub fn new(limit: Limit, stats: Arc<Stats>) -> Self {
        let window = Window { batches: VecDeque::new(), after: 0, tail: 0, items: 0, bytes: 0 };
        Self { limit, window: RwLock::new(window), tail: watch::Sender::new(0), stats }
    }

    /// The newest position.
    pub fn tail(&self) -> u64 {
        *self.tail.borrow()
    }

    /// Notifies when the tail moves.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.tail.subscribe()
    }

    /// Empties the ring, and continues after a position.
    pub fn reset(&self, tail: u64) {
        *self.window.write() = Window { batches: VecDeque::new(), after: tail, tail, items: 0, bytes: 0 };
        self.tail.send_replace(tail);
    }

    /// Adds the next items.
    pub fn push(&self, batch: Arc<[T]>) {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return };
        let tail = last.position();
        let mut window = self.window.write();
        if first.position() != window.tail + 1 || tail - first.position() + 1 != batch.len() as u64 {
            self.stats.add_gap();
            tracing::error!(after = window.tail, found = first.position(), "the feed has a gap");
            *window = Window { batches: VecDeque::new(), after: first.position() - 1, tail: 0, items: 0, bytes: 0 };
        }
        window.items += batch.len();
        window.bytes += batch.iter().map(Placed::weight).sum::<usize>();
        window.tail = tail;
        window.batches.push_back(batch);
        while (window.items > self.limit.items || window.bytes > self.limit.bytes) && window.batches.len() > 1 {
            let Some(oldest) = window.batches.pop_front() else { break };
            window.items -= oldest.len();
            window.bytes -= oldest.iter().map(Placed::weight).sum::<usize>();
            window.after = oldest.last().map_or(window.after, Placed::position);
        }
        drop(window);
        self.tail.send_replace(tail);
    }

    /// The items after a position.
    pub fn next(&self, after: u64) -> Next<T> {
        let window = self.window.read();
        if after >= window.tail {
            return Next::Nothing;
        }
        if after < window.after {
            return Next::Older;
        }
        let index = window.batches.partition_point(|batch| batch.last().is_some_and(|last| last.position() <= after));
        let Some(batch) = window.batches.get(index) else { return Next::Older };
        let skip = batch.iter().take_while(|item| item.position() <= after).count();
        Next::Here(if skip == 0 { batch.clone() } else { batch[skip..].into() })
    }
}
