//! Calls are divided according to the shares, and always in the same way.

use std::collections::HashMap;

use domain::function::event::Share;
use domain::{run, traffic};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

/// The number of runs for testing a division.
const RUNS: u32 = 4000;

/// Shares that add up to 100, of versions in any order.
fn split() -> impl Strategy<Value = Vec<Share>> {
    let cuts = vec(1_u32..100, 0..4);
    cuts.prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts.dedup();
        let ends = cuts.iter().copied().chain([100]);
        let begins = [0].into_iter().chain(cuts.iter().copied());
        (1..).zip(begins.zip(ends)).map(|(version, (begin, end))| Share { version, percent: end - begin }).collect()
    })
    .prop_flat_map(|shares: Vec<Share>| Just(shares).prop_shuffle())
}

/// Realistic ids: generated one after another, which begin alike; or derived, which are completely random.
fn ids() -> impl Strategy<Value = Vec<run::Id>> {
    let scatter =
        |seed: u64, number: u32| Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{seed}-{number}").as_bytes()).as_u128();
    (any::<u64>(), any::<bool>()).prop_map(move |(seed, drawn)| {
        (0..RUNS)
            .map(|number| {
                let chance = scatter(seed, number);
                let time = u128::from(1_700_000_000_000_u64 + u64::from(number) / 3) << 80;
                let id = if drawn { time | (0x7 << 76) | (chance & ((1 << 76) - 1)) } else { chance };
                run::Id::new(Uuid::from_u128(id))
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_shares_come_out_and_a_run_always_goes_the_same_way((split, ids) in (split(), ids())) {
        let mut counts: HashMap<u32, u32> = HashMap::new();
        let mut turned = split.clone();
        turned.reverse();
        for id in &ids {
            let version = traffic::choose(&split, *id).expect("the calls are divided");
            prop_assert_eq!(traffic::choose(&turned, *id), Some(version));
            *counts.entry(version).or_default() += 1;
        }
        for share in &split {
            let came = f64::from(counts.remove(&share.version).unwrap_or_default()) / f64::from(RUNS) * 100.0;
            // Six standard deviations of 4000 throws: one in a thousand million is outside by chance.
            prop_assert!((came - f64::from(share.percent)).abs() < 4.8, "{:?} {}", share, came);
        }
        prop_assert!(counts.is_empty());
    }

    #[test]
    fn a_share_that_grows_keeps_its_runs(
        small in 1_u32..50, more in 1_u32..50, ids in ids()
    ) {
        let split = |new: u32| [Share { version: 7, percent: 100 - new }, Share { version: 8, percent: new }];
        for id in ids {
            if traffic::choose(&split(small), id) == Some(8) {
                prop_assert_eq!(traffic::choose(&split(small + more), id), Some(8));
            }
        }
    }

    #[test]
    fn whatever_the_shares_are_only_who_has_one_gets_a_run(
        shares in vec((any::<u32>(), any::<u32>()), 0..5), id in any::<u128>()
    ) {
        let split: Vec<_> = shares.into_iter().map(|(version, percent)| Share { version, percent }).collect();
        if let Some(version) = traffic::choose(&split, run::Id::new(Uuid::from_u128(id))) {
            prop_assert!(split.iter().any(|share| share.version == version && share.percent > 0));
        }
    }
}
