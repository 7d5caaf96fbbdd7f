//! Verifies passwords, a few at a time, because each takes 19 MiB and a CPU.
//!
//! There are two queues, so that strangers cannot lock out users: one for networks from which somebody has signed in
//! before, and one for all others. In each, a network, a site and a provider have limited shares, so many addresses do
//! not give many shares.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::password::Hash;
use crate::edge::network::{Prefix, Width};

/// Passwords from known networks that are compared at a time.
const MAX_KNOWN_COMPARED: usize = 1;

/// Passwords from other networks that are compared at a time.
const MAX_STRANGERS_COMPARED: usize = 2;

/// Passwords in each queue, including those being compared.
const MAX_QUEUED: usize = 64;

/// How many of a queue's slots one network, one site and one provider may hold at a time.
const SHARES: [(Width, usize); 3] = [(Width::Network, 10), (Width::Site, 16), (Width::Provider, 32)];

/// Networks that this process remembers as known; the least recently used is forgotten first.
const MAX_KNOWN: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Verifies passwords.
pub(super) struct Comparing {
    known: Queue,
    strangers: Queue,
    networks: Mutex<LruCache<Prefix, ()>>,
}

/// Too many passwords are waiting to be verified.
#[derive(Debug)]
pub(super) struct Busy;

struct Queue {
    slots: Arc<Semaphore>,
    queued: Mutex<Queued>,
}

#[derive(Default)]
struct Queued {
    all: usize,
    by_prefix: HashMap<Prefix, usize>,
}

impl Default for Comparing {
    fn default() -> Self {
        Self {
            known: Queue::new(MAX_KNOWN_COMPARED),
            strangers: Queue::new(MAX_STRANGERS_COMPARED),
            networks: Mutex::new(LruCache::new(MAX_KNOWN)),
        }
    }
}

impl Comparing {
    /// Whether somebody has signed in from this address's network.
    pub(super) fn knows(&self, address: Option<IpAddr>) -> bool {
        address.is_some_and(|address| self.networks.lock().contains(&Prefix::of(address, Width::Network)))
    }

    /// Remembers that somebody has signed in from this address.
    pub(super) fn remember(&self, address: Option<IpAddr>) {
        if let Some(address) = address {
            self.networks.lock().put(Prefix::of(address, Width::Network), ());
        }
    }

    /// Whether a password matches a hash.
    ///
    /// # Errors
    /// When too many are waiting already.
    pub(super) async fn fits(&self, hash: &Hash, password: String, address: Option<IpAddr>) -> Result<bool, Busy> {
        let queue = if self.knows(address) { &self.known } else { &self.strangers };
        let _place = queue.enter(address).ok_or(Busy)?;
        let turn = queue.slots.clone().acquire_owned().await.map_err(|_| Busy)?;
        let hash = hash.clone();
        let compared = tokio::task::spawn_blocking(move || {
            // Held until the memory is free again, even when nobody waits for the answer any more.
            let _turn = turn;
            hash.fits(&password)
        });
        // Fails only when the server stops.
        compared.await.map_err(|_| Busy)
    }
}

impl Queue {
    fn new(at_a_time: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(at_a_time)), queued: Mutex::default() }
    }

    /// A slot in the queue, if there is one for this address.
    fn enter(&self, address: Option<IpAddr>) -> Option<QueueSlot<'_>> {
        let prefixes = SHARES.map(|(width, share)| (address.map(|address| Prefix::of(address, width)), share));
        let mut queued = self.queued.lock();
        let taken = |prefix: &Option<Prefix>| prefix.and_then(|prefix| queued.by_prefix.get(&prefix).copied());
        if queued.all >= MAX_QUEUED || prefixes.iter().any(|(prefix, share)| taken(prefix).unwrap_or(0) >= *share) {
            return None;
        }
        let prefixes = prefixes.map(|(prefix, _)| prefix);
        queued.all += 1;
        for prefix in prefixes.into_iter().flatten() {
            *queued.by_prefix.entry(prefix).or_default() += 1;
        }
        Some(QueueSlot { queue: self, prefixes })
    }
}

/// A slot in a queue, given back when dropped.
struct QueueSlot<'a> {
    queue: &'a Queue,
    prefixes: [Option<Prefix>; SHARES.len()],
}

impl Drop for QueueSlot<'_> {
    fn drop(&mut self) {
        let mut queued = self.queue.queued.lock();
        queued.all -= 1;
        for prefix in self.prefixes.into_iter().flatten() {
            if let Some(count) = queued.by_prefix.get_mut(&prefix) {
                *count -= 1;
                if *count == 0 {
                    queued.by_prefix.remove(&prefix);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v6(provider: u16, site: u16, network: u16) -> Option<IpAddr> {
        Some(IpAddr::from([0x2001, provider, site, network, 0, 0, 0, 1]))
    }

    #[actix_web::test]
    async fn a_few_passwords_are_compared_at_a_time_and_the_rest_is_refused() {
        let comparing = Comparing::default();
        let hash = Hash::of("right");
        let all = (0..100).map(|i| comparing.fits(&hash, if i == 0 { "right" } else { "wrong" }.to_owned(), None));
        let all = futures::future::join_all(all).await;
        assert!(matches!(all[0], Ok(true)));
        assert_eq!(all.iter().filter(|answer| matches!(answer, Ok(false))).count(), MAX_QUEUED - 1);
        assert_eq!(comparing.strangers.queued.lock().all, 0);
        assert!(matches!(comparing.fits(&hash, "right".into(), None).await, Ok(true)));
    }

    #[test]
    fn many_networks_of_one_site_or_provider_do_not_fill_the_queue() {
        let queue = Queue::new(1);
        let slots: Vec<_> = (0..100).filter_map(|network| queue.enter(v6(1, 1, network))).collect();
        assert_eq!(slots.len(), SHARES[1].1);
        let more: Vec<_> = (0..100).filter_map(|site| queue.enter(v6(1, 1 + site, 0))).collect();
        assert_eq!(slots.len() + more.len(), SHARES[2].1);
        assert!(queue.enter(v6(2, 1, 1)).is_some(), "somebody else");
        drop((slots, more));
        let queued = queue.queued.lock();
        assert_eq!((queued.all, queued.by_prefix.len()), (0, 0));
    }

    #[actix_web::test]
    async fn strangers_do_not_close_the_door_for_those_who_are_known() {
        let comparing = Comparing::default();
        let hash = Hash::of("right");
        let home = v6(1, 1, 1);
        comparing.remember(home);
        let strangers: Vec<_> =
            (0..1000).filter_map(|provider| comparing.strangers.enter(v6(2 + provider, 0, 0))).collect();
        assert_eq!(strangers.len(), MAX_QUEUED);
        assert!(comparing.fits(&hash, "right".into(), v6(1, 1, 2)).await.is_err(), "a stranger");
        assert!(matches!(comparing.fits(&hash, "right".into(), home).await, Ok(true)));
    }

    #[test]
    fn the_networks_that_are_remembered_have_a_limit() {
        let comparing = Comparing::default();
        let networks = u16::try_from(MAX_KNOWN.get()).unwrap() + 1;
        for network in 0..networks {
            comparing.remember(v6(1, 1, network));
        }
        assert!(
            !comparing.knows(v6(1, 1, 0)) && comparing.knows(v6(1, 1, 1)) && comparing.knows(v6(1, 1, networks - 1))
        );
        assert!(!comparing.knows(None));
    }
}
