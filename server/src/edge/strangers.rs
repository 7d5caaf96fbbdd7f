//! WebSockets of callers that are not authenticated yet. Such a socket costs its caller nothing, so there are few of
//! them, few from one network, and each can be evicted by another one, or by any other connection (see
//! [`Activity::waiting`]). A socket opened with a token or a session does not count.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::activity::Activity;
use super::network::{Prefix, Width};
use crate::config::Networks;

/// The most such sockets at a time.
const MAX_STRANGERS: usize = 512;

/// The most such sockets from one network at a time; loopback and trusted proxies are not counted.
const MAX_STRANGERS_OF_NETWORK: usize = 64;

/// A socket that has been silent for less than this is not evicted.
const EVICT_AFTER: Duration = Duration::from_secs(1);

/// The sockets of unauthenticated callers.
pub struct Strangers {
    most: usize,
    most_of_network: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    /// In order of arrival.
    open: BTreeMap<u64, Stranger>,
    by_network: HashMap<Prefix, usize>,
}

struct Stranger {
    network: Option<Prefix>,
    activity: Arc<Activity>,
    since: Instant,
}

/// A slot for such a socket, given back when dropped, which is when its caller is authenticated.
pub(crate) struct Unknown {
    strangers: Arc<Strangers>,
    number: u64,
    activity: Arc<Activity>,
}

impl Default for Strangers {
    fn default() -> Self {
        Self { most: MAX_STRANGERS, most_of_network: MAX_STRANGERS_OF_NETWORK, taken: Mutex::default() }
    }
}

impl Strangers {
    /// Registers a socket from an address on this connection; `None` if there is no room.
    pub(crate) fn take(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        proxies: &Networks,
        activity: Arc<Activity>,
    ) -> Option<Unknown> {
        // Behind a proxy that does not forward addresses, all callers have the proxy's.
        let counted = address.filter(|address| !address.is_loopback() && !proxies.contain(*address));
        let network = counted.map(|address| Prefix::of(address, Width::Network));
        let mut taken = self.taken.lock();
        if let Some(network) = network
            && taken.by_network.get(&network).is_some_and(|count| *count >= self.most_of_network)
        {
            return None;
        }
        if taken.open.len() >= self.most {
            let (number, oldest) = taken.open.first_key_value()?;
            if oldest.since.elapsed() < EVICT_AFTER {
                return None;
            }
            let number = *number;
            taken.remove(number)?.activity.evict();
        }
        if let Some(network) = network {
            *taken.by_network.entry(network).or_default() += 1;
        }
        let number = taken.next;
        taken.next += 1;
        activity.be_unknown(true);
        taken.open.insert(number, Stranger { network, activity: activity.clone(), since: Instant::now() });
        Some(Unknown { strangers: self.clone(), number, activity })
    }
}

impl Taken {
    fn remove(&mut self, number: u64) -> Option<Stranger> {
        let stranger = self.open.remove(&number)?;
        if let Some(network) = stranger.network
            && let Some(count) = self.by_network.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                self.by_network.remove(&network);
            }
        }
        Some(stranger)
    }
}

impl Drop for Unknown {
    fn drop(&mut self) {
        self.activity.be_unknown(false);
        self.strangers.taken.lock().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strangers(most: usize, most_of_network: usize) -> Arc<Strangers> {
        Arc::new(Strangers { most, most_of_network, taken: Mutex::default() })
    }

    fn take(strangers: &Arc<Strangers>, address: &str) -> Option<(Unknown, Arc<Activity>)> {
        let activity = Arc::new(Activity::new(None));
        let place = strangers.take(Some(address.parse().unwrap()), &Networks::default(), activity.clone())?;
        Some((place, activity))
    }

    #[test]
    fn one_network_has_its_share_until_its_callers_are_known() {
        let strangers = strangers(100, 2);
        let first = take(&strangers, "2001:db8::1").unwrap();
        let _second = take(&strangers, "2001:db8::2").unwrap();
        assert!(take(&strangers, "2001:db8::3").is_none());
        assert!(take(&strangers, "2001:db8:0:1::1").is_some(), "another network");
        for _ in 0..10 {
            let (place, _) = take(&strangers, "127.0.0.1").unwrap();
            std::mem::forget(place);
        }
        drop(first);
        assert!(take(&strangers, "2001:db8::3").is_some());
    }

    #[test]
    fn who_is_silent_longest_goes_when_there_is_no_place() {
        let strangers = strangers(2, 2);
        let held = ["192.0.2.1", "192.0.2.2"].map(|address| take(&strangers, address).unwrap());
        assert!(take(&strangers, "192.0.2.3").is_none(), "they have only just come");
        for stranger in strangers.taken.lock().open.values_mut() {
            stranger.since = stranger.since.checked_sub(EVICT_AFTER).unwrap();
        }
        assert!(take(&strangers, "192.0.2.3").is_some());
        assert_eq!(held.each_ref().map(|(_, activity)| activity.is_evicted()), [true, false]);
        drop(held);
        assert_eq!(strangers.taken.lock().open.len(), 0);
    }

    #[test]
    fn a_socket_of_a_stranger_waits_and_that_of_a_known_caller_does_not() {
        let (place, activity) = take(&strangers(2, 2), "192.0.2.1").unwrap();
        let _busy = activity.begin();
        activity.become_socket();
        assert!(activity.waiting().is_some());
        drop(place);
        assert_eq!(activity.waiting(), None);
    }
}
