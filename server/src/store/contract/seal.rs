//! Seals over the log, against somebody who may write to the database and makes every hash again that needs no key.

use domain::{Recorded, function};
use futures::future;
use sha2::{Digest, Sha256};

use super::given::{a_call, a_run, at, requested, run_started, run_succeeded};
use super::home::Home;
use crate::store::{Anchor, Cut, LogKeyRow, Old, Proof, RELAY, Report, SealKey, Sealed, Store};

const NONE: [String; 0] = [];

/// A log that is sealed with a key from now on.
pub(super) async fn sealing(home: &Home) -> Store {
    let store = home.open().await;
    let sealed = Sealed { key_id: "a".into(), nonce: vec![1], bytes: vec![2] };
    let row = LogKeyRow { sealed, since: store.head().await.unwrap(), made_at: at(1) };
    assert_eq!(store.keep_log_key(row.clone()).await.unwrap(), row);
    store.seal_with(SealKey::new([7; 32]));
    store
}

pub(super) async fn seal_all(store: &Store) -> Anchor {
    while store.seal(at(100)).await.unwrap() {}
    store.newest_seal().await.unwrap().unwrap().anchor
}

async fn calls(store: &Store, count: usize) -> function::Id {
    let of = function::id("default", "hello", 1);
    for appended in store.append_each((0..count).map(|_| a_call(of)).collect()).await {
        appended.unwrap();
    }
    of
}

pub(super) fn is_whole(report: &Report, head: u64) {
    assert_eq!(report.faults, NONE);
    assert!(
        matches!(report.proof, Proof::Sealed { newest, unsealed: 0, .. } if newest.anchor.position == head),
        "{:?}",
        report.proof
    );
}

/// What the intruder believes that nobody will notice: as `verify` sees it where it has no key.
async fn as_without_a_key(home: &Home) -> Vec<String> {
    home.open().await.verify().await.unwrap().faults
}

pub(super) fn bytes(home: &Home, bytes: &[u8]) -> String {
    let hex = hex::encode(bytes);
    if home.is_postgres() { format!("'\\x{hex}'::bytea") } else { format!("x'{hex}'") }
}

fn hash_of(record: &Recorded) -> [u8; 32] {
    let mut content = vec![0; 32];
    let Recorded { stream, version, id, kind, data, at, cause, .. } = record;
    domain::hash::content(&mut content, stream, *version, *id, kind, data, *at, cause);
    Sha256::digest(&content).into()
}

/// Makes again what of a seal can be made without the key.
async fn content_again(home: &Home, store: &Store, position: u64) {
    let mut list = Vec::new();
    let records = store.log(0, 1000).await.unwrap();
    for record in records.iter().filter(|record| record.position <= position) {
        list.extend_from_slice(&record.position.to_be_bytes());
        list.extend_from_slice(&record.hash);
    }
    let content = bytes(home, &Sha256::digest(&list));
    let count = records.len();
    home.tamper(&format!("UPDATE seals SET content = {content}, count = {count} WHERE position = {position}")).await;
}

pub async fn a_record_that_was_changed_with_all_its_hashes_is_found(home: Home) {
    let store = sealing(&home).await;
    calls(&store, 5).await;
    seal_all(&store).await;
    is_whole(&store.verify().await.unwrap(), 5);

    let mut record = store.log(2, 1).await.unwrap().remove(0);
    record.cause.actor = Some("user:mallory".into());
    let hash = bytes(&home, &hash_of(&record));
    home.tamper(&format!("UPDATE log SET actor = 'user:mallory', hash = {hash} WHERE position = 3")).await;
    content_again(&home, &store, 5).await;
    drop(store);
    assert_eq!(as_without_a_key(&home).await, NONE);
    let store = sealing_again(&home).await;
    let report = store.verify().await.unwrap();
    assert_eq!((report.faults.len(), report.log_faults), (1, 1), "{:?}", report.faults);
    assert!(report.faults[0].contains("seal of positions 1 to 5"), "{:?}", report.faults);
}

/// The same log, opened by a server that has the key.
pub(super) async fn sealing_again(home: &Home) -> Store {
    let store = home.open().await;
    store.seal_with(SealKey::new([7; 32]));
    store
}

pub async fn records_that_changed_places_are_found(home: Home) {
    let store = sealing(&home).await;
    calls(&store, 5).await;
    seal_all(&store).await;
    for [from, to] in [[3, 1000], [4, 3], [1000, 4]] {
        home.tamper(&format!("UPDATE log SET position = {to} WHERE position = {from}")).await;
        home.tamper(&format!(
            "UPDATE runs SET created_position = {to}, position = {to} WHERE created_position = {from}"
        ))
        .await;
    }
    content_again(&home, &store, 5).await;
    drop(store);
    assert_eq!(as_without_a_key(&home).await, NONE);
    let faults = sealing_again(&home).await.verify().await.unwrap().faults;
    assert!(faults.len() == 1 && faults[0].contains("seal of positions 1 to 5"), "{faults:?}");
}

pub async fn a_record_that_was_removed_as_if_it_were_old_is_found(home: Home) {
    let store = sealing(&home).await;
    calls(&store, 5).await;
    seal_all(&store).await;
    home.tamper("DELETE FROM log WHERE position = 3").await;
    home.tamper("DELETE FROM runs WHERE created_position = 3").await;
    home.tamper("UPDATE head SET cut = 3, removed = removed + 1").await;
    drop(store);
    assert_eq!(as_without_a_key(&home).await, NONE);
    let store = sealing_again(&home).await;
    let faults = store.verify().await.unwrap().faults;
    assert!(faults.len() == 1 && faults[0].contains("seal of positions 1 to 5"), "{faults:?}");
    // What is removed rightly afterwards does not make it right.
    relayed(&store).await;
    cut(&store).await;
    let faults = store.verify().await.unwrap().faults;
    assert!(faults.len() == 1 && faults[0].contains("seal of positions 1 to 5"), "{faults:?}");
}

pub async fn an_end_that_was_cut_off_is_found_by_an_anchor_alone(home: Home) {
    let store = sealing(&home).await;
    calls(&store, 4).await;
    let before = seal_all(&store).await;
    calls(&store, 1).await;
    let after = seal_all(&store).await;
    assert_eq!((before.position, after.position), (4, 5));
    assert_eq!(after.to_string().parse::<Anchor>().unwrap(), after);
    is_whole(&store.verify_against(&[before, after]).await.unwrap(), 5);
    assert!(store.has_anchor(&before).await.unwrap() && store.has_anchor(&after).await.unwrap());

    for text in [
        "DELETE FROM seals WHERE position = 5",
        "DELETE FROM log WHERE position = 5",
        "DELETE FROM runs WHERE created_position = 5",
        "UPDATE head SET position = 4",
    ] {
        home.tamper(text).await;
    }
    drop(store);
    let store = sealing_again(&home).await;
    is_whole(&store.verify_against(&[before]).await.unwrap(), 4);
    let faults = store.verify_against(&[before, after]).await.unwrap().faults;
    assert!(faults.len() == 1 && faults[0].contains(&format!("anchor {after}")), "{faults:?}");
    assert!(store.has_anchor(&before).await.unwrap() && !store.has_anchor(&after).await.unwrap());
    // Something else in its place is not it, either.
    calls(&store, 1).await;
    seal_all(&store).await;
    let faults = store.verify_against(&[after]).await.unwrap().faults;
    assert!(faults.len() == 1 && faults[0].contains(&format!("anchor {after}")), "{faults:?}");
    assert!(!store.has_anchor(&after).await.unwrap());
}

pub async fn seals_that_were_taken_away_are_missed(home: Home) {
    let store = sealing(&home).await;
    calls(&store, 4).await;
    seal_all(&store).await;
    calls(&store, 4).await;
    seal_all(&store).await;
    home.tamper("DELETE FROM seals WHERE position = 4").await;
    let faults = store.verify().await.unwrap().faults.join("\n");
    assert!(faults.contains("seal of positions 5 to 8"), "{faults}");
    home.tamper("DELETE FROM log_key").await;
    let report = store.verify().await.unwrap();
    assert!(report.faults.join("\n").contains("was removed"), "{report:?}");
    assert!(matches!(report.proof, Proof::Nothing(_)));
}

async fn relayed(store: &Store) {
    let from = store.checkpoint(RELAY).await.unwrap();
    assert!(store.move_checkpoint(RELAY, from, store.head().await.unwrap()).await.unwrap());
}

/// Removes every run that is over.
async fn cut(store: &Store) -> u64 {
    let (mut after, mut removed) = (0, 0);
    loop {
        let Cut { removed: now, next } = store.cut(Old::Runs, at(1000), after).await.unwrap();
        removed += now;
        let Some(next) = next else { return removed };
        after = next;
    }
}

pub async fn what_is_removed_when_it_is_old_leaves_the_rest_proved(home: Home) {
    let store = sealing(&home).await;
    let of = function::id("default", "hello", 1);
    // A run whose records lie under several seals, and one that stays.
    let [mut long, mut open] = [0; 2].map(|_| a_run());
    for run in [&mut long, &mut open] {
        let asked = requested(run, of);
        store.append(run.append(vec![asked, run_started()])).await.unwrap();
    }
    calls(&store, 3000).await;
    store.append(long.append(vec![run_succeeded()])).await.unwrap();
    seal_all(&store).await;
    is_whole(&store.verify().await.unwrap(), 3005);
    relayed(&store).await;
    assert_eq!(cut(&store).await, 3001);
    let report = store.verify().await.unwrap();
    is_whole(&report, 3005);
    assert_eq!(report.events, 2);
    // What is left is sealed as it was before.
    home.tamper("UPDATE log SET actor = 'user:eve' WHERE position = 4").await;
    let mut record = store.log(3, 1).await.unwrap().remove(0);
    let before = store.log(2, 1).await.unwrap().remove(0);
    assert_eq!((record.version, before.stream), (2, record.stream.clone()));
    record.cause.actor = Some("user:eve".into());
    let mut content = before.hash.to_vec();
    let Recorded { stream, version, id, kind, data, at: when, cause, .. } = &record;
    domain::hash::content(&mut content, stream, *version, *id, kind, data, *when, cause);
    let hash = bytes(&home, &Sha256::digest(&content));
    home.tamper(&format!("UPDATE log SET hash = {hash} WHERE position = 4")).await;
    let faults = store.verify().await.unwrap().faults;
    assert!(faults.len() == 1 && faults[0].contains("seal of positions 1 to 2048"), "{faults:?}");
}

pub async fn sealing_appending_and_removing_at_once_leave_everything_proved(home: Home) {
    let store = sealing(&home).await;
    let other = if home.is_postgres() { sealing_again(&home).await } else { store.clone() };
    let appending = async {
        for _ in 0..30 {
            calls(&store, 40).await;
        }
    };
    let sealing = async |store: &Store| {
        for _ in 0..60 {
            store.seal(at(100)).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let removing = async {
        for _ in 0..30 {
            relayed(&store).await;
            // An append may be in the way.
            let _ = store.cut(Old::Runs, at(1000), 0).await.unwrap();
        }
    };
    future::join4(appending, sealing(&store), sealing(&other), removing).await;
    seal_all(&store).await;
    is_whole(&store.verify().await.unwrap(), 1200);
}

pub async fn a_log_from_before_says_from_where_on_it_is_proved(home: Home) {
    let store = home.open().await;
    calls(&store, 3).await;
    let report = store.verify().await.unwrap();
    assert!(matches!(report.proof, Proof::Nothing(_)) && report.faults.is_empty());
    // Nothing is sealed as long as there is no key.
    store.seal_with(SealKey::new([7; 32]));
    assert!(!store.seal(at(100)).await.unwrap());
    drop(store);
    let store = sealing(&home).await;
    calls(&store, 2).await;
    seal_all(&store).await;
    calls(&store, 1).await;
    let report = store.verify().await.unwrap();
    assert_eq!(report.faults, NONE);
    let Proof::Sealed { newest, since, began, unsealed } = report.proof else { panic!("{report:?}") };
    assert_eq!((newest.anchor.position, newest.at, since, began, unsealed), (5, at(100), 3, at(1), 1));
}

pub async fn who_does_not_have_the_key_removes_nothing_that_is_sealed(home: Home) {
    let store = sealing(&home).await;
    calls(&store, 3).await;
    seal_all(&store).await;
    relayed(&store).await;
    drop(store);
    let store = home.open().await;
    let refused = store.cut(Old::Runs, at(1000), 0).await.unwrap_err().to_string();
    assert!(refused.contains("EVENTFLOW_SECRET_KEY"), "{refused}");
    assert_eq!(store.verify().await.unwrap().events, 3);
    // Given up, they are in nobody's way.
    store.change_keys(None, Vec::new()).await.unwrap();
    assert!(store.newest_seal().await.unwrap().is_none() && store.log_key().await.unwrap().is_none());
    assert_eq!(cut(&store).await, 3);
}
