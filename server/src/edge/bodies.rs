//! Memory budgets for request bodies: one for requests from unauthenticated senders, another one for all others.
//!
//! A body is charged for the memory it takes, never for the length it announces: nobody can reserve memory without
//! sending data. When the budget is used up, the most expensive body is dropped, not the new one, so nobody can lock
//! out others. The cost of a body is the bytes of all bodies from its network multiplied by its age. A delivery that
//! arrives at once costs next to nothing; bodies that are held open are dropped first, whether they come from one
//! network or from thousands.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::network::{Prefix, Width};

/// Bytes that bodies of known senders may take together while they are read.
pub(super) const MAX_KNOWN: usize = 256 << 20;

/// A memory budget.
pub struct BodyBudget {
    most: usize,
    bodies: Mutex<Bodies>,
}

#[derive(Default)]
struct Bodies {
    next: u64,
    bytes: usize,
    open: HashMap<u64, Body>,
    by_network: HashMap<Option<Prefix>, usize>,
}

struct Body {
    network: Option<Prefix>,
    bytes: usize,
    since: Instant,
    /// It has arrived and is being handled, which takes a bounded time: it is not dropped any more.
    complete: bool,
    dropped: CancellationToken,
}

/// The share of the budget that one body takes; given back when dropped.
pub(crate) struct BodyReservation {
    budget: Arc<BodyBudget>,
    number: u64,
    dropped: CancellationToken,
}

/// The body must be dropped, because others need its memory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dropped;

impl BodyBudget {
    /// A budget of `most` bytes.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, bodies: Mutex::default() })
    }

    /// Registers a body from an address, of which nothing has arrived yet.
    pub(crate) fn hold(self: &Arc<Self>, address: Option<IpAddr>) -> BodyReservation {
        let dropped = CancellationToken::new();
        let body = Body {
            network: address.map(|address| Prefix::of(address, Width::Network)),
            bytes: 0,
            since: Instant::now(),
            complete: false,
            dropped: dropped.clone(),
        };
        let mut bodies = self.bodies.lock();
        let number = bodies.next;
        bodies.next += 1;
        bodies.open.insert(number, body);
        BodyReservation { budget: self.clone(), number, dropped }
    }
}

impl BodyReservation {
    /// Sets how much memory the body takes now.
    ///
    /// # Errors
    /// When this body must be dropped.
    pub(crate) fn takes(&self, bytes: usize) -> Result<(), Dropped> {
        let mut bodies = self.budget.bodies.lock();
        bodies.resize(self.number, bytes).ok_or(Dropped)?;
        // A single body is always accepted: its size is limited elsewhere.
        while bodies.bytes > self.budget.most && bodies.bytes > bodies.open.get(&self.number).map_or(0, |own| own.bytes)
        {
            let dearest = bodies.dearest().unwrap_or(self.number);
            bodies.remove(dearest);
            if dearest == self.number {
                return Err(Dropped);
            }
        }
        Ok(())
    }

    /// Marks the body as complete.
    pub(crate) fn complete(&self) {
        if let Some(body) = self.budget.bodies.lock().open.get_mut(&self.number) {
            body.complete = true;
        }
    }

    /// Waits until the body must be dropped.
    pub(crate) async fn dropped(&self) {
        self.dropped.cancelled().await;
    }
}

impl Drop for BodyReservation {
    fn drop(&mut self) {
        self.budget.bodies.lock().remove(self.number);
    }
}

impl Bodies {
    fn resize(&mut self, number: u64, bytes: usize) -> Option<()> {
        let body = self.open.get_mut(&number)?;
        let older = std::mem::replace(&mut body.bytes, bytes);
        self.bytes = self.bytes - older + bytes;
        let of_network = self.by_network.entry(body.network).or_default();
        *of_network = *of_network - older + bytes;
        Some(())
    }

    /// The most expensive of the bodies that are still arriving.
    fn dearest(&self) -> Option<u64> {
        let arriving = self.open.iter().filter(|(_, body)| !body.complete && body.bytes > 0);
        let cost = |body: &Body| {
            let of_network = self.by_network.get(&body.network).copied().unwrap_or(body.bytes);
            of_network as u128 * body.since.elapsed().max(Duration::from_micros(1)).as_micros()
        };
        arriving.max_by_key(|(number, body)| (cost(body), std::cmp::Reverse(**number))).map(|(number, _)| *number)
    }

    fn remove(&mut self, number: u64) {
        self.resize(number, 0);
        if let Some(body) = self.open.remove(&number) {
            body.dropped.cancel();
            if self.by_network.get(&body.network) == Some(&0) {
                self.by_network.remove(&body.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 64;

    fn address(index: usize) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, (index >> 8) as u8, index as u8]))
    }

    fn is_dropped(held: &BodyReservation) -> bool {
        held.dropped.is_cancelled()
    }

    /// As if the body had been there for this long.
    fn age(held: &BodyReservation, time: Duration) {
        let since = Instant::now().checked_sub(time).unwrap();
        held.budget.bodies.lock().open.get_mut(&held.number).unwrap().since = since;
    }

    #[test]
    fn the_bodies_together_never_take_more_than_the_budget() {
        let budget = BodyBudget::new(1000);
        let held: Vec<_> = (0..MANY).map(|index| budget.hold(address(index))).collect();
        for step in 1..10 {
            for body in &held {
                let _ = body.takes(step * 10);
                assert!(budget.bodies.lock().bytes <= 1000);
            }
        }
        drop(held);
        let bodies = budget.bodies.lock();
        assert_eq!((bodies.bytes, bodies.open.len(), bodies.by_network.len()), (0, 0, 0));
    }

    #[test]
    fn what_one_network_holds_open_goes_before_a_newcomer_does() {
        let budget = BodyBudget::new(1000);
        let held: Vec<_> = (0..10).map(|_| budget.hold(address(1))).collect();
        for body in &held {
            body.takes(100).unwrap();
            age(body, Duration::from_secs(10));
        }
        let honest = budget.hold(address(2));
        assert_eq!(honest.takes(250), Ok(()));
        assert_eq!(held.iter().filter(|body| is_dropped(body)).count(), 3);
        assert_eq!(held.iter().find(|body| is_dropped(body)).unwrap().takes(101), Err(Dropped));
    }

    #[test]
    fn what_many_networks_hold_open_goes_before_a_larger_newcomer_does() {
        let budget = BodyBudget::new(1000);
        let held: Vec<_> = (0..MANY).map(|index| budget.hold(address(index))).collect();
        for body in &held {
            body.takes(15).unwrap();
            age(body, Duration::from_secs(10));
        }
        let honest = budget.hold(address(999));
        age(&honest, Duration::from_millis(100));
        assert_eq!(honest.takes(500), Ok(()), "it has more than each of them, and for a shorter time");
        assert!(!is_dropped(&honest));
    }

    #[test]
    fn a_body_that_is_complete_is_not_dropped() {
        let budget = BodyBudget::new(1000);
        let complete = budget.hold(address(1));
        complete.takes(900).unwrap();
        age(&complete, Duration::from_secs(100));
        complete.complete();
        assert_eq!(budget.hold(address(2)).takes(200), Err(Dropped));
        assert!(!is_dropped(&complete));
    }

    #[test]
    fn one_alone_is_always_taken() {
        let budget = BodyBudget::new(10);
        let alone = budget.hold(address(1));
        assert_eq!(alone.takes(1000), Ok(()));
    }

    #[test]
    fn nothing_is_reserved_by_a_body_that_has_not_begun() {
        let budget = BodyBudget::new(1000);
        let silent: Vec<_> = (0..MANY).map(|index| budget.hold(address(index))).collect();
        let honest = budget.hold(address(999));
        assert_eq!(honest.takes(1000), Ok(()));
        assert!(!silent.iter().any(is_dropped));
    }
}
