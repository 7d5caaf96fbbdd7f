//! How calls are divided among a function's versions.
//!
//! Which version takes a run follows from the run's id and the shares alone: every server decides the same, and so does one
//! that is started again.

use crate::function::event::Share;
use crate::run;

/// The version that takes a run; `None` when the calls are not divided, and the current version takes all.
///
/// A version whose share grows keeps the runs that it would have got before: the versions' shares lie beside each other by
/// number, whatever order they were told in.
pub fn choose(split: &[Share], run: run::Id) -> Option<u32> {
    match split {
        [] => return None,
        [all] => return (all.percent > 0).then_some(all.version),
        _ => {}
    }
    let all: u64 = split.iter().map(|share| u64::from(share.percent)).sum();
    let point = scattered(run) % all.max(1);
    // So few that looking for the next one again and again is quicker than sorting a copy.
    let before = |version: u32| -> u64 {
        split.iter().filter(|other| other.version < version).map(|other| u64::from(other.percent)).sum()
    };
    let takes = |share: &&Share| {
        let begin = before(share.version);
        (begin..begin + u64::from(share.percent)).contains(&point)
    };
    split.iter().find(takes).map(|share| share.version)
}

/// A number that looks like chance and always is the same for a run: ids that are drawn one after another begin alike, since
/// they begin with the time. The steps are those of the finaliser of SplitMix64.
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
        // Servers of different releases share a queue: this does not change.
        assert_eq!(chosen, [6, 35, 38, 41, 53, 60, 61, 70, 78, 82, 85, 87]);
    }
}
