//! Limits the number of connections, in total and per address.
//!
//! When all slots are taken, the connection that has kept the server waiting longest is evicted: idle connections
//! cannot keep others out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::activity::Activity;
use super::network::{Prefix, Width};
use crate::config::Edge;
use crate::telemetry::Metrics;

/// A connection that has been idle for less than this is not evicted.
const EVICT_AFTER: Duration = Duration::from_secs(1);

/// The default number of connections: each costs some kilobytes while it is open.
const DEFAULT_MOST: usize = 8192;

/// The fraction of the connections by which evicted ones may overlap with their successors.
const OVERLAP: usize = 16;

/// Why there is no slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// All are taken by connections in use.
    Everywhere,
    /// The address has as many as one address may have.
    Address,
}

/// The connection slots of the server.
pub struct ConnectionSlots {
    most: usize,
    most_per_address: usize,
    taken: Mutex<Taken>,
    metrics: Metrics,
}

#[derive(Default)]
struct Taken {
    next: u64,
    connections: HashMap<u64, Arc<Activity>>,
    by_address: HashMap<IpAddr, usize>,
}

/// The right to one connection, given back when dropped.
pub(super) struct ConnectionSlot {
    slots: Arc<ConnectionSlots>,
    number: u64,
    pub activity: Arc<Activity>,
}

impl ConnectionSlots {
    /// As many as configured, or half of the file descriptors that the process may open: the other half is for
    /// databases,
    /// files, instances and the connections to them.
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
        // One address never gets all of them.
        let most_per_address = edge.connections_per_address.min(most.div_ceil(2));
        Arc::new(Self { most, most_per_address, taken: Mutex::default(), metrics })
    }

    /// Admits a connection from an address. `counted`: whether the address has a limit of its own.
    pub(super) fn take(self: &Arc<Self>, address: Option<IpAddr>, counted: bool) -> Result<ConnectionSlot, Full> {
        let network = address.filter(|_| counted).map(network);
        let mut taken = self.taken.lock();
        if let Some(network) = network
            && taken.by_address.get(&network).is_some_and(|count| *count >= self.most_per_address)
        {
            return Err(self.refuse(Full::Address));
        }
        if taken.connections.len() >= self.most {
            let longest = taken
                .connections
                .values()
                .filter(|activity| !activity.is_evicted())
                .filter_map(|activity| Some((activity.waiting()?, activity)));
            let longest = longest.max_by_key(|(waiting, _)| *waiting).filter(|(waiting, _)| *waiting >= EVICT_AFTER);
            match longest {
                Some((_, activity)) if taken.connections.len() < self.most + self.most.div_ceil(OVERLAP) => {
                    activity.evict()
                }
                _ => return Err(self.refuse(Full::Everywhere)),
            }
        }
        if let Some(network) = network {
            *taken.by_address.entry(network).or_default() += 1;
        }
        let (number, activity) = (taken.next, Arc::new(Activity::new(network)));
        taken.next += 1;
        taken.connections.insert(number, activity.clone());
        self.metrics.connections.inc();
        Ok(ConnectionSlot { slots: self.clone(), number, activity })
    }

    fn refuse(&self, full: Full) -> Full {
        self.metrics.connections_refused.inc();
        full
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock();
        taken.connections.remove(&self.number);
        if let Some(network) = self.activity.counted
            && let Some(count) = taken.by_address.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&network);
            }
        }
        self.slots.metrics.connections.dec();
    }
}

/// The network that an address is counted under.
fn network(address: IpAddr) -> IpAddr {
    Prefix::of(address, Width::Network).address()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(most: usize, per_address: usize) -> Arc<ConnectionSlots> {
        let edge = Edge { connections: Some(most), connections_per_address: per_address, ..Edge::default() };
        ConnectionSlots::new(&edge, 1 << 20, Metrics::new())
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_place_that_is_given_back_can_be_taken_again() {
        let slots = slots(2, 2);
        let first = slots.take(address("192.0.2.1"), true).unwrap();
        let _second = slots.take(address("192.0.2.2"), true).unwrap();
        assert_eq!(slots.take(address("192.0.2.3"), true).err(), Some(Full::Everywhere));
        drop(first);
        assert!(slots.take(address("192.0.2.3"), true).is_ok());
        assert_eq!(slots.metrics.connections.get(), 1, "that which was taken last is given back as well");
    }

    #[test]
    fn one_address_has_its_share_however_it_is_written() {
        let slots = slots(100, 2);
        let _held =
            [slots.take(address("192.0.2.1"), true).unwrap(), slots.take(address("::ffff:192.0.2.1"), true).unwrap()];
        assert_eq!(slots.take(address("192.0.2.1"), true).err(), Some(Full::Address));
        assert!(slots.take(address("192.0.2.1"), false).is_ok(), "one that is not counted");
        let _held =
            [slots.take(address("2001:db8::1"), true).unwrap(), slots.take(address("2001:db8::2"), true).unwrap()];
        assert_eq!(slots.take(address("2001:db8::3"), true).err(), Some(Full::Address));
        assert!(slots.take(address("2001:db8:0:1::1"), true).is_ok(), "another network");
    }

    #[test]
    fn one_address_never_has_all_places() {
        let slots = slots(4, 1000);
        let _held: Vec<_> = (0..2).map(|_| slots.take(address("192.0.2.1"), true).unwrap()).collect();
        assert_eq!(slots.take(address("192.0.2.1"), true).err(), Some(Full::Address));
    }

    #[test]
    fn who_waited_longest_goes_when_there_is_no_place() {
        let slots = slots(2, 2);
        let (idle, working) = (slots.take(None, true).unwrap(), slots.take(None, true).unwrap());
        let _busy = working.activity.begin();
        assert!(slots.take(None, true).is_err(), "it has only just come");
        std::thread::sleep(EVICT_AFTER + Duration::from_millis(50));
        let newcomer = slots.take(None, true);
        assert!(newcomer.is_ok() && idle.activity.is_evicted() && !working.activity.is_evicted());
    }

    #[test]
    fn there_are_never_more_connections_than_half_of_the_descriptors() {
        let edge = Edge { connections: Some(1000), ..Edge::default() };
        assert_eq!(ConnectionSlots::new(&edge, 1024, Metrics::new()).most, 512);
        assert_eq!(ConnectionSlots::new(&Edge::default(), 1024, Metrics::new()).most, 512);
    }
}
