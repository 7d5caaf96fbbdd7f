//! Model checking of the delivery protocol: relay, lease, delivery and takeover, in every possible order.
//!
//! [`model`] is the protocol: two servers, a broker and a log whose runs decide by the real `domain::run`. Stateright
//! visits every state that a bounded number of faults leads to. For each of them, [`stuck`] checks whether the
//! protocol, left alone, can still bring every run to its end. A check is only as good as what it would find, so the
//! protocol is broken on purpose in several ways, each of which must be detected.

mod model;
mod run;
mod stuck;

use model::{Action, Delivery, Faults, Past, Protocol};
use stateright::{Checker, Model};

/// One run, and this many faults, each kind at most once.
fn one_run(protocol: Protocol, faults: u8) -> Delivery {
    let faults = Faults { all: faults, crashes: 1, pauses: 1, cuts: 1, wipes: 1, unconfirmed: 1, unreached: 1 };
    Delivery { protocol, runs: 1, faults }
}

/// Two runs, so that the checkpoint can be between them. Faults of one run do not depend on the other.
fn two_runs() -> Delivery {
    Delivery { protocol: Protocol::SOUND, runs: 2, faults: Faults::default() }
}

/// Visits every state.
#[track_caller]
fn check(delivery: Delivery) {
    delivery.checker().threads(2).spawn_bfs().join().assert_properties();
}

/// Asserts that a state is reachable in which the property does not hold.
#[track_caller]
fn counterexample(protocol: Protocol, property: &'static str) {
    let checker = one_run(protocol, 1).checker().threads(2).spawn_bfs().join();
    assert!(!checker.assert_any_discovery(property).into_actions().is_empty());
}

#[test]
fn every_run_ends_once_whatever_happens_to_it() {
    check(one_run(Protocol::SOUND, 2));
}

#[test]
fn the_checkpoint_leaves_no_event_behind() {
    check(two_runs());
}

#[test]
fn no_run_is_stuck() {
    for delivery in [one_run(Protocol::SOUND, 2), two_runs()] {
        let found = stuck::find(&delivery);
        assert!(found.is_none(), "{found:#?}");
    }
}

#[test]
fn found_out_an_outcome_that_does_not_say_which_attempt_it_is_of() {
    let protocol = Protocol { numbered: false, ..Protocol::SOUND };
    counterexample(protocol, "an outcome is that of the attempt that runs");
}

#[test]
fn found_out_a_server_that_repeats_an_attempt_of_its_earlier_life() {
    let protocol = Protocol { counts_own_past: false, ..Protocol::SOUND };
    counterexample(protocol, "no attempt is made twice");
}

#[test]
fn found_out_an_append_without_an_expected_version() {
    let protocol = Protocol { versioned: false, ..Protocol::SOUND };
    counterexample(protocol, "a run ends at most once");
}

#[test]
fn found_out_a_checkpoint_that_moves_before_the_request_is_recorded() {
    let protocol = Protocol { records_before_checkpoint: false, ..Protocol::SOUND };
    counterexample(protocol, "an event behind the checkpoint has its run requested");
    let stuck = stuck::find(&one_run(protocol, 1)).expect("the event is lost with the broker's messages");
    assert!(stuck.contains(&Action::Wipe), "{stuck:?}");
}

#[test]
fn found_out_an_acknowledgement_before_the_outcome_where_nobody_sweeps() {
    let sound = Protocol { sweeps: false, ..Protocol::SOUND };
    let faults = Faults { all: 1, crashes: 1, ..Faults::default() };
    let protocol = Protocol { acknowledges_after_outcome: false, ..sound };
    let stuck = stuck::find(&Delivery { protocol, runs: 1, faults }).expect("the run dies with its worker");
    assert!(stuck.iter().any(|action| matches!(action, Action::Crash(_))), "{stuck:?}");
}

#[test]
fn found_out_that_nobody_sweeps() {
    let protocol = Protocol { sweeps: false, ..Protocol::SOUND };
    let stuck = stuck::find(&one_run(protocol, 1)).expect("nobody publishes what the broker lost");
    assert!(stuck.contains(&Action::Wipe), "{stuck:?}");
}

#[test]
fn found_out_a_server_that_forgets_what_it_ran_before_it_started_again() {
    let protocol = Protocol { past: Past::Forgotten, ..Protocol::SOUND };
    let stuck = stuck::find(&one_run(protocol, 1)).expect("nobody looks at a run of a server that lives");
    assert!(stuck.iter().any(|action| matches!(action, Action::Restart(_))), "{stuck:?}");
}

/// The other server takes the message, sees that the run is RUNNING on a live server, and acknowledges it.
#[test]
fn found_out_a_server_that_publishes_only_once_what_it_ran_before_it_started_again() {
    let protocol = Protocol { past: Past::PublishedOnce, ..Protocol::SOUND };
    let stuck = stuck::find(&one_run(protocol, 1)).expect("the other server acknowledges it");
    assert!(stuck.iter().any(|action| matches!(action, Action::Restart(_))), "{stuck:?}");
}
