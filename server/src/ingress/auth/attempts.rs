//! Wrong passwords, counted by where they come from. Knows addresses, not people.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Wrong passwords from one address within a [`WINDOW`].
const MAX_WRONG: u32 = 10;

const WINDOW: Duration = Duration::from_secs(60);

/// Addresses that are counted; more push the oldest out.
const MAX_PEERS: usize = 10_000;

#[derive(Default)]
pub(super) struct Attempts {
    peers: Mutex<HashMap<Option<IpAddr>, (u32, Instant)>>,
}

impl Attempts {
    /// Seconds until an address may try again, when it may not now.
    pub(super) fn wait(&self, peer: Option<IpAddr>, now: Instant) -> Option<u64> {
        let peers = self.peers.lock();
        let (wrong, since) = peers.get(&peer)?;
        let left = (*since + WINDOW).checked_duration_since(now)?;
        (*wrong >= MAX_WRONG).then_some(left.as_secs() + 1)
    }

    pub(super) fn failed(&self, peer: Option<IpAddr>, now: Instant) {
        let mut peers = self.peers.lock();
        if peers.len() >= MAX_PEERS {
            peers.retain(|_, (_, since)| now < *since + WINDOW);
            if peers.len() >= MAX_PEERS
                && let Some(oldest) = peers.iter().min_by_key(|(_, (_, since))| *since).map(|(peer, _)| *peer)
            {
                peers.remove(&oldest);
            }
        }
        let entry = peers.entry(peer).or_insert((0, now));
        if now >= entry.1 + WINDOW {
            *entry = (0, now);
        }
        entry.0 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_passwords_in_a_minute_are_enough() {
        let attempts = Attempts::default();
        let (one, other) = (Some(IpAddr::from([10, 0, 0, 1])), Some(IpAddr::from([10, 0, 0, 2])));
        let now = Instant::now();
        for _ in 0..MAX_WRONG {
            assert_eq!(attempts.wait(one, now), None);
            attempts.failed(one, now);
        }
        assert_eq!(attempts.wait(one, now), Some(61));
        assert_eq!(attempts.wait(other, now), None);
        assert_eq!(attempts.wait(one, now + WINDOW + Duration::from_secs(1)), None);
        attempts.failed(one, now + WINDOW);
        assert_eq!(attempts.wait(one, now + WINDOW), None);
    }
}
