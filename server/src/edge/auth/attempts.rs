//! Counts password attempts by origin and account. Knows addresses and names, not people.
//!
//! An attempt counts when it begins, so that sixty at once are sixty; a successful one is given back. Addresses are
//! counted separately, so that nobody locks out callers from elsewhere. Somebody with many networks of one site is also
//! counted by site; a network from which somebody has signed in before is not blocked with its site.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::edge::network::{Prefix, Width};

/// Wrong passwords for one account from one network within a [`WINDOW`].
const MAX_WRONG: u32 = 10;

/// Wrong passwords from one network within a [`WINDOW`], whatever the accounts.
const MAX_WRONG_OF_NETWORK: u32 = 50;

/// Wrong passwords from one site within a [`WINDOW`], whatever the accounts and the networks.
const MAX_WRONG_OF_SITE: u32 = 200;

const WINDOW: Duration = Duration::from_secs(60);

/// The size of the table; when it is full, the entries with the fewest attempts make room.
const MAX_ENTRIES: usize = 10_000;

#[derive(Default)]
pub(super) struct Attempts {
    counts: Arc<Mutex<HashMap<Key, Count>>>,
    hasher: RandomState,
}

/// What is counted: a network or a site alone, or a network with the hash of an account's name.
type Key = (Option<Prefix>, Option<u64>);

#[derive(Clone, Copy)]
struct Count {
    wrong: u32,
    since: Instant,
}

/// An attempt, which counts as wrong unless it is given back.
#[must_use]
pub(super) struct Attempt {
    counts: Arc<Mutex<HashMap<Key, Count>>>,
    keys: [Key; 3],
}

impl Attempts {
    /// Counts an attempt. `known`: whether somebody has signed in from this network before.
    ///
    /// # Errors
    /// The seconds to wait, after too many attempts.
    pub(super) fn begin(&self, peer: Option<IpAddr>, account: &str, known: bool, now: Instant) -> Result<Attempt, u64> {
        let prefix = |width| peer.map(|address| Prefix::of(address, width));
        let (network, site) = (prefix(Width::Network), prefix(Width::Site));
        let keys = [(network, None), (network, Some(self.hasher.hash_one(account))), (site, None)];
        // An IPv4 address counts only for itself: whole sites share one, and its neighbours often belong to somebody
        // else.
        let site_counts = peer.is_some_and(|address| address.to_canonical().is_ipv6()) && !known;
        let limits = [MAX_WRONG_OF_NETWORK, MAX_WRONG, if site_counts { MAX_WRONG_OF_SITE } else { u32::MAX }];
        let mut counts = self.counts.lock();
        for (key, limit) in keys.iter().zip(limits) {
            let Some(count) = counts.get(key) else { continue };
            let end = count.since + WINDOW;
            if count.wrong >= limit && now < end {
                return Err(end.duration_since(now).as_secs() + 1);
            }
        }
        for key in keys {
            if counts.len() >= MAX_ENTRIES && !counts.contains_key(&key) {
                make_room(&mut counts, now);
            }
            let count = counts.entry(key).or_insert(Count { wrong: 0, since: now });
            if now >= count.since + WINDOW {
                *count = Count { wrong: 0, since: now };
            }
            count.wrong += 1;
        }
        Ok(Attempt { counts: self.counts.clone(), keys })
    }
}

impl Attempt {
    /// Takes the attempt back: the password was right, or was never compared.
    pub(super) fn give_back(self) {
        let mut counts = self.counts.lock();
        for key in &self.keys {
            if let Some(count) = counts.get_mut(key) {
                count.wrong = count.wrong.saturating_sub(1);
            }
        }
    }
}

fn make_room(counts: &mut HashMap<Key, Count>, now: Instant) {
    counts.retain(|_, count| now < count.since + WINDOW);
    // A caller that fills the table with new networks must not push out the counts of its own site.
    if counts.len() >= MAX_ENTRIES
        && let Some(least) = counts.iter().min_by_key(|(_, count)| (count.wrong, count.since)).map(|(key, _)| *key)
    {
        counts.remove(&least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, last]))
    }

    #[test]
    fn ten_wrong_passwords_in_a_minute_are_enough() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for _ in 0..MAX_WRONG {
            assert!(attempts.begin(v4(1), "admin", false, now).is_ok());
        }
        assert_eq!(attempts.begin(v4(1), "admin", false, now).err(), Some(61));
        assert!(attempts.begin(v4(2), "admin", false, now).is_ok(), "another address");
        assert!(attempts.begin(v4(1), "ada", false, now).is_ok(), "another account");
        assert!(attempts.begin(v4(1), "admin", false, now + WINDOW).is_ok(), "a minute later");
    }

    #[test]
    fn an_attempt_counts_from_its_beginning_and_a_right_one_is_given_back() {
        let attempts = Attempts::default();
        let now = Instant::now();
        let begun: Vec<_> = (0..MAX_WRONG).map(|_| attempts.begin(v4(1), "admin", false, now).ok().unwrap()).collect();
        assert!(attempts.begin(v4(1), "admin", false, now).is_err(), "none of them has ended");
        begun.into_iter().next().unwrap().give_back();
        assert!(attempts.begin(v4(1), "admin", false, now).is_ok());
        assert!(attempts.begin(v4(1), "admin", false, now).is_err());
    }

    #[test]
    fn names_that_are_made_up_do_not_help() {
        let attempts = Attempts::default();
        let now = Instant::now();
        let taken = (0..100).filter(|i| attempts.begin(v4(1), &format!("user-{i}"), false, now).is_ok()).count();
        assert_eq!(taken, MAX_WRONG_OF_NETWORK as usize);
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let attempts = Attempts::default();
        let now = Instant::now();
        let address = |last: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, 1, 2, 3, 4, last]));
        for last in 0..10 {
            assert!(attempts.begin(address(last), "admin", false, now).is_ok());
        }
        assert!(attempts.begin(address(99), "admin", false, now).is_err());
        assert!(attempts.begin(Some(IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1])), "admin", false, now).is_ok());
    }

    /// An address in network `network` of site `site`.
    fn v6(site: u16, network: u16) -> Option<IpAddr> {
        Some(IpAddr::from([0x2001, 0xdb8, site, network, 0, 0, 0, 1]))
    }

    #[test]
    fn networks_of_one_site_count_together_and_shut_nobody_out_who_is_known() {
        let attempts = Attempts::default();
        let now = Instant::now();
        let taken = (0..1000).filter(|i| attempts.begin(v6(1, *i), "admin", false, now).is_ok()).count();
        assert_eq!(taken, MAX_WRONG_OF_SITE as usize);
        assert!(attempts.begin(v6(1, 5000), "admin", true, now).is_ok(), "somebody has signed in from this network");
        assert!(attempts.begin(v6(2, 1), "admin", false, now).is_ok(), "another site");
    }

    #[test]
    fn a_full_table_forgets_what_has_counted_least() {
        let attempts = Attempts::default();
        let now = Instant::now();
        let guess = |site, network| attempts.begin(v6(site, network), "admin", false, now).is_ok();
        let guessed = (0..MAX_WRONG_OF_SITE as u16).filter(|i| guess(1, *i)).count();
        assert_eq!(guessed, MAX_WRONG_OF_SITE as usize);
        for other in 0..MAX_ENTRIES as u16 {
            guess(2 + other, 0);
        }
        assert!(!guess(1, 9999), "the site is still counted");
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for index in 0..MAX_ENTRIES + 10 {
            let [a, b, c] = [index >> 16, index >> 8, index].map(|part| (part & 0xff) as u8);
            let _attempt = attempts.begin(
                Some(IpAddr::from([10, a, b, c])),
                "admin",
                false,
                now + Duration::from_micros(index as u64),
            );
        }
        assert!(attempts.counts.lock().len() <= MAX_ENTRIES);
    }
}
