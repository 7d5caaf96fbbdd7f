//! Ids: no choice of a caller leads to an id of another space or scope.

use std::collections::HashMap;

use domain::{event, function, run};
use proptest::prelude::*;
use uuid::Uuid;

/// What a caller might choose: mostly short, so that parts coincide, often an id of the platform.
fn choice() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ab/\\x00]{0,3}",
        2 => any::<u8>().prop_map(|n| platform(n).to_string()),
        1 => any::<String>(),
    ]
}

fn function(n: u8) -> function::Id {
    function::id("default", if n.is_multiple_of(2) { "a" } else { "b" }, 1)
}

/// An id that the platform derives by itself.
fn platform(n: u8) -> Uuid {
    let event = event::id("default", "/shop", &(n / 4).to_string());
    match n % 4 {
        0 => event.uuid(),
        1 => run::id(event, function(n)).uuid(),
        2 => run::redriven(run::id(event, function(n))).uuid(),
        _ => function(n).uuid(),
    }
}

/// An id with the parts it is derived from.
fn derived() -> impl Strategy<Value = (Uuid, Vec<String>)> {
    let space = (0..6u8, any::<bool>(), choice(), choice(), choice());
    space.prop_map(|(space, which, one, two, three)| {
        let function = function(u8::from(which));
        let of = function.to_string();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match space {
            0 => (event::id(&one, &two, &three).uuid(), words(&["event", &one, &two, &three])),
            1 => (event::delivered(&one, &two, &three).uuid(), words(&["delivery", &one, &two, &three])),
            2 => (event::claimed(function, &one, &two).uuid(), words(&["claim", &of, &one, &two])),
            3 => (event::invoked(function, &one).uuid(), words(&["invocation", &of, &one])),
            4 => (run::called(function, &one).uuid(), words(&["call", &of, &one])),
            _ => (run::id(event::id("default", &one, &two), function).uuid(), words(&["run", &of, &one, &two])),
        }
    })
}

proptest! {
    #[test]
    fn what_differs_in_anything_has_another_id(all in proptest::collection::vec(derived(), 2..60)) {
        let mut known: HashMap<Uuid, Vec<String>> = HashMap::new();
        for (id, parts) in all {
            let first = known.entry(id).or_insert_with(|| parts.clone());
            prop_assert_eq!(&*first, &parts);
        }
    }

    #[test]
    fn no_choice_of_a_caller_is_an_id_of_the_platform(which in any::<bool>(), one in choice(), two in choice(), n in any::<u8>()) {
        let function = function(u8::from(which));
        let chosen = [
            run::called(function, &one).uuid(),
            event::delivered(&one, &two, &one).uuid(),
            event::claimed(function, &one, &two).uuid(),
        ];
        prop_assert!(!chosen.contains(&platform(n)));
        // Random ids have a different version.
        prop_assert!(chosen.iter().all(|id| id.get_version_num() == 5));
    }
}
