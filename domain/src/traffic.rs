//! Divides calls among a function's versions.
//!
//! The version for a run depends only on the run's id and the shares, so every server decides the same, also after a
//! restart.

use crate::function::event::Share;
use crate::run;

/// Chooses the version for a run; `None` if calls are not divided and the current version takes all.
///
/// A version whose share grows keeps the runs it had before: shares are laid out by version number, regardless of the
/// order in which they were given.
pub fn choose(split: &[Share], run: run::Id) -> Option<u32> {
    match split {
        [] => return None,
        [all] => return (all.percent > 0).then_some(all.version),
        _ => {}
    }
    let all: u64 = split.iter().map(|share| u64::from(share.percent)).sum();
    let point = scattered(run) % all.max(1);
    // There are so few that repeated scans are faster than sorting a copy.
    let before = |version: u32| -> u64 {
        split.iter().filter(|other| other.version < version).map(|other| u64::from(other.percent)).sum()
    };
    let takes = |share: &&Share| {
        let begin = before(share.version);
        (begin..begin + u64::from(share.percent)).contains(&point)
    };
    split.iter().find(takes).map(|share| share.version)
}

/// A pseudorandom number that is always the same for a run. Ids generated one after another begin alike, because they
/// begin with the time. Uses the finalizer of SplitMix64.
fn scattered(run: run::Id) -> u64 {
    let (high, low) = run.uuid().as_u64_pair();
    let mut bits = high.rotate_left(32) ^ low;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_where_it_always_went() {
        let run = |number| run::Id::new(uuid::Uuid::from_u128(number));
        let split = [Share { version: 1, percent: 90 }, Share { version: 2, percent: 10 }];
        assert_eq!(choose(&[], run(1)), None);
        let chosen: Vec<_> = (1..=100).filter(|number| choose(&split, run(*number)) == Some(2)).collect();
        // Servers of different releases share a queue, so these values must never change.
        assert_eq!(chosen, [6, 35, 38, 41, 53, 60, 61, 70, 78, 82, 85, 87]);
    }
}
