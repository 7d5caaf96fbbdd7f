//! Limits the number of connections, in total and per address.
//!
//! When all slots are taken, the connection that has kept the server waiting longest is evicted: idle connections
//! cannot keep others out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::network::{Prefix, Width};
use super::seat::Seat;
use crate::config::Edge;
use crate::telemetry::Metrics;

/// A connection that has waited less than this keeps its place.
const EVICT_AFTER: Duration = Duration::from_secs(1);

/// Places when nothing is set: each costs some kilobytes as long as it is taken.
const DEFAULT_MOST: usize = 8192;

/// Of the places, the part by which evicted connections may overlap with those that took their places.
const OVERLAP: usize = 16;

/// Why there is no slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// All are taken by connections that are in use.
    Everywhere,
    /// The address has as many as one may have.
    Address,
}

/// The connection slots of the server.
pub struct Places {
    most: usize,
    most_per_address: usize,
    taken: Mutex<Taken>,
    metrics: Metrics,
}

#[derive(Default)]
struct Taken {
    next: u64,
    seats: HashMap<u64, Arc<Seat>>,
    by_address: HashMap<IpAddr, usize>,
}

/// The right to one connection, given back when dropped.
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    pub seat: Arc<Seat>,
}

impl Places {
    /// As many as are set, or half of the descriptors that the process may have: the other half is for databases,
    /// files, instances, and the connections to them.
    pub fn new(edge: &Edge, descriptors: u64, metrics: Metrics) -> Arc<Self> {
        let share = usize::try_from(descriptors / 2).unwrap_or(usize::MAX).max(1);
        let most = edge.connections.unwrap_or(share.min(DEFAULT_MOST));
        if most > share {
            tracing::warn!(
                connections = most,
                descriptors,
                "EVENTFLOW_MAX_CONNECTIONS is more than half of the descriptors that this process may open: \
                 {share} connections are taken (raise the limit `nofile` to have more)"
            );
        }
        let most = most.min(share);
        // One address never has all places.
        let most_per_address = edge.connections_per_address.min(most.div_ceil(2));
        Arc::new(Self { most, most_per_address, taken: Mutex::default(), metrics })
    }

    /// A place for a connection from an address. `counted`: whether the address may only have so many.
    pub(super) fn take(self: &Arc<Self>, address: Option<IpAddr>, counted: bool) -> Result<Place, Full> {
        let network = address.filter(|_| counted).map(network);
        let mut taken = self.taken.lock();
        if let Some(network) = network
            && taken.by_address.get(&network).is_some_and(|count| *count >= self.most_per_address)
        {
            return Err(self.refuse(Full::Address));
        }
        if taken.seats.len() >= self.most {
            let longest =
                taken.seats.values().filter(|seat| !seat.is_evicted()).filter_map(|seat| Some((seat.waiting()?, seat)));
            let longest = longest.max_by_key(|(waiting, _)| *waiting).filter(|(waiting, _)| *waiting >= EVICT_AFTER);
            match longest {
                Some((_, seat)) if taken.seats.len() < self.most + self.most.div_ceil(OVERLAP) => seat.evict(),
                _ => return Err(self.refuse(Full::Everywhere)),
            }
        }
        if let Some(network) = network {
            *taken.by_address.entry(network).or_default() += 1;
        }
        let (number, seat) = (taken.next, Arc::new(Seat::new(network)));
        taken.next += 1;
        taken.seats.insert(number, seat.clone());
        self.metrics.connections.inc();
        Ok(Place { places: self.clone(), number, seat })
    }

    fn refuse(&self, full: Full) -> Full {
        self.metrics.connections_refused.inc();
        full
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.seats.remove(&self.number);
        if let Some(network) = self.seat.counted
            && let Some(count) = taken.by_address.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&network);
            }
        }
        self.places.metrics.connections.dec();
    }
}

/// What an address is counted under.
fn network(address: IpAddr) -> IpAddr {
    Prefix::of(address, Width::Network).address()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(most: usize, per_address: usize) -> Arc<Places> {
        let edge = Edge { connections: Some(most), connections_per_address: per_address, ..Edge::default() };
        Places::new(&edge, 1 << 20, Metrics::new())
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_place_that_is_given_back_can_be_taken_again() {
        let places = places(2, 2);
        let first = places.take(address("192.0.2.1"), true).unwrap();
        let _second = places.take(address("192.0.2.2"), true).unwrap();
        assert_eq!(places.take(address("192.0.2.3"), true).err(), Some(Full::Everywhere));
        drop(first);
        assert!(places.take(address("192.0.2.3"), true).is_ok());
        assert_eq!(places.metrics.connections.get(), 1, "that which was taken last is given back as well");
    }

    #[test]
    fn one_address_has_its_share_however_it_is_written() {
        let places = places(100, 2);
        let _held =
            [places.take(address("192.0.2.1"), true).unwrap(), places.take(address("::ffff:192.0.2.1"), true).unwrap()];
        assert_eq!(places.take(address("192.0.2.1"), true).err(), Some(Full::Address));
        assert!(places.take(address("192.0.2.1"), false).is_ok(), "one that is not counted");
        let _held =
            [places.take(address("2001:db8::1"), true).unwrap(), places.take(address("2001:db8::2"), true).unwrap()];
        assert_eq!(places.take(address("2001:db8::3"), true).err(), Some(Full::Address));
        assert!(places.take(address("2001:db8:0:1::1"), true).is_ok(), "another network");
    }

    #[test]
    fn one_address_never_has_all_places() {
        let places = places(4, 1000);
        let _held: Vec<_> = (0..2).map(|_| places.take(address("192.0.2.1"), true).unwrap()).collect();
        assert_eq!(places.take(address("192.0.2.1"), true).err(), Some(Full::Address));
    }

    #[test]
    fn who_waited_longest_goes_when_there_is_no_place() {
        let places = places(2, 2);
        let (idle, working) = (places.take(None, true).unwrap(), places.take(None, true).unwrap());
        let _busy = working.seat.begin();
        assert!(places.take(None, true).is_err(), "it has only just come");
        std::thread::sleep(EVICT_AFTER + Duration::from_millis(50));
        let newcomer = places.take(None, true);
        assert!(newcomer.is_ok() && idle.seat.is_evicted() && !working.seat.is_evicted());
    }

    #[test]
    fn there_are_never_more_connections_than_half_of_the_descriptors() {
        let edge = Edge { connections: Some(1000), ..Edge::default() };
        assert_eq!(Places::new(&edge, 1024, Metrics::new()).most, 512);
        assert_eq!(Places::new(&Edge::default(), 1024, Metrics::new()).most, 512);
    }
}
