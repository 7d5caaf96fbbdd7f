//! Properties of all histories of a namespace, and of a trigger event.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::access::Role;
use domain::aggregate::Payload;
use domain::namespace::{Aggregate, Command, Event};
use domain::{event, namespace};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use crate::any;
use crate::history::{self, History};

fn few(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(names).prop_map(String::from)
}

fn command() -> impl Strategy<Value = Command> {
    let time = || (0i64..1_000_000).prop_map(|s| DateTime::<Utc>::from_timestamp(s, 0).expect("a time"));
    let member = || few(&["ada", "bob", "eve"]);
    let secret = || few(&["API_KEY", "TOKEN", "no name"]);
    let token = || (0u128..3).prop_map(Uuid::from_u128);
    prop_oneof![
        4 => (few(&["team", "team", "team", "No Name"]), time()).prop_map(|(name, at)| Command::Create { name, at }),
        4 => (member(), any::role(), time()).prop_map(|(member, role, at)| Command::AddMember { member, role, at }),
        3 => (member(), time()).prop_map(|(member, at)| Command::RemoveMember { member, at }),
        2 => (token(), any::text(), time()).prop_map(|(token, name, at)| Command::CreateToken { token, name, at }),
        2 => (token(), time()).prop_map(|(token, at)| Command::RevokeToken { token, at }),
        2 => (secret(), time()).prop_map(|(secret, at)| Command::SetSecret { secret, at }),
        2 => (secret(), time()).prop_map(|(secret, at)| Command::RemoveSecret { secret, at }),
        1 => (few(&["functions", "memory"]), 0u64..3, time())
            .prop_map(|(quota, limit, at)| Command::SetQuota { quota, limit, at }),
    ]
}

fn execute(commands: Vec<Command>) -> Result<History<Aggregate>, TestCaseError> {
    // Setting a secret is always recorded: the log does not know whether the value differs.
    History::of(commands, |command| matches!(command, Command::SetSecret { .. }))
}

proptest! {
    #[test]
    fn a_namespace_that_has_an_admin_keeps_one(commands in vec(command(), 0..40)) {
        let mut had = false;
        for namespace in execute(commands)?.states.iter().flatten() {
            let has = namespace.members.values().any(|role| *role == Role::Owner);
            prop_assert!(has || !had);
            had = has;
        }
    }

    #[test]
    fn a_revoked_token_is_never_good_again(commands in vec(command(), 0..40)) {
        let history = execute(commands)?;
        let mut revoked = HashSet::new();
        for (_, event, after) in history.steps() {
            if let Event::TokenRevoked { token, .. } = event {
                revoked.insert(*token);
            }
            let good = after.iter().flat_map(|namespace| namespace.tokens.keys());
            prop_assert!(good.clone().all(|token| !revoked.contains(token)));
        }
    }

    #[test]
    fn a_secret_is_there_from_its_setting_to_its_removal(commands in vec(command(), 0..40)) {
        let history = execute(commands)?;
        let mut there = HashSet::new();
        for (_, event, after) in history.steps() {
            match event {
                Event::SecretSet { secret, .. } => _ = there.insert(secret.clone()),
                Event::SecretRemoved { secret, .. } => prop_assert!(there.remove(secret)),
                _ => {}
            }
            let known: HashSet<_> = after.iter().flat_map(|namespace| namespace.secrets.keys().cloned()).collect();
            prop_assert_eq!(&known, &there);
        }
    }

    #[test]
    fn a_namespace_survives_a_restart(commands in vec(command(), 0..40)) {
        execute(commands)?.survives_a_restart()?;
    }

    #[test]
    fn events_of_anybody_in_any_order_do_no_harm(events in vec(any::namespace_event(), 0..30)) {
        history::fold::<Aggregate>(&events);
    }

    #[test]
    fn a_trigger_event_is_the_first_that_was_received(events in vec(any::received(), 1..5)) {
        let first = events[0].clone();
        let commands = events.into_iter().map(|received| event::Command::Receive(Box::new(received))).collect();
        let history = History::<event::Aggregate>::of(commands, |_| false)?;
        prop_assert_eq!(history.state(), &Some(first));
        prop_assert_eq!(history.events.len(), 1);
        history.survives_a_restart()?;
    }
}

#[test]
fn the_histories_reach_every_event_and_every_refusal() {
    let events = history::count(vec(command(), 0..40), 300, |commands| {
        execute(commands).expect("commands are executed").events.iter().map(Payload::kind).collect()
    });
    history::assert_all_met(
        &events,
        &[
            "Created",
            "MemberAdded",
            "RoleChanged",
            "MemberRemoved",
            "TokenCreated",
            "TokenRevoked",
            "SecretSet",
            "SecretRemoved",
            "QuotaSet",
        ],
    );

    let refusals = history::count(vec(command(), 0..40), 300, |commands| {
        execute(commands).expect("commands are executed").refusals.iter().map(namespace::Error::code).collect()
    });
    history::assert_all_met(
        &refusals,
        &[
            "namespace_not_found",
            "bad_namespace",
            "member_not_found",
            "token_not_found",
            "bad_secret_name",
            "secret_not_found",
            "last_owner",
        ],
    );
}
