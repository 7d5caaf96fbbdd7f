//! What a namespace accepts, treats as already done, and refuses.

use uuid::Uuid;

use super::{Aggregate, Command, Error, Event, MAX_FORMER, MAX_MEMBERS, MAX_SECRETS};
use crate::access::Role;
use crate::testing::{Given, at};

fn given(events: impl IntoIterator<Item = Event>) -> Given<Aggregate> {
    crate::testing::given(events)
}

fn created() -> Event {
    Event::Created { name: "team".into(), at: at(0) }
}

fn added(member: &str, role: Role) -> Event {
    Event::MemberAdded { member: member.into(), role, at: at(1) }
}

fn removed(member: &str) -> Event {
    Event::MemberRemoved { member: member.into(), at: at(2) }
}

fn token_created() -> Event {
    Event::TokenCreated { token: Uuid::from_u128(1), name: "ci".into(), at: at(3) }
}

fn token_revoked() -> Event {
    Event::TokenRevoked { token: Uuid::from_u128(1), at: at(4) }
}

fn create() -> Command {
    Command::Create { name: "team".into(), at: at(0) }
}

fn add(member: &str, role: Role) -> Command {
    Command::AddMember { member: member.into(), role, at: at(1) }
}

fn remove(member: &str) -> Command {
    Command::RemoveMember { member: member.into(), at: at(2) }
}

fn create_token() -> Command {
    Command::CreateToken { token: Uuid::from_u128(1), name: "ci".into(), at: at(3) }
}

fn revoke_token() -> Command {
    Command::RevokeToken { token: Uuid::from_u128(1), at: at(4) }
}

fn set_secret(seconds: i64) -> Command {
    Command::SetSecret { secret: "API_KEY".into(), at: at(seconds) }
}

fn remove_secret() -> Command {
    Command::RemoveSecret { secret: "API_KEY".into(), at: at(10) }
}

fn secret_removed() -> Event {
    Event::SecretRemoved { secret: "API_KEY".into(), at: at(10) }
}

fn set_quota(limit: u64) -> Command {
    Command::SetQuota { quota: "functions".into(), limit, at: at(6) }
}

#[test]
fn a_namespace_is_created_once() {
    let after = given([]).when(create()).then([created()]);
    let after = after.when(create()).then_nothing();
    let namespace = after.state.expect("it is there");
    assert_eq!((&*namespace.name, namespace.created_at), ("team", at(0)));
}

#[test]
fn a_name_that_is_no_dns_label_is_refused() {
    for name in ["", "Team", "a/b", "a.b", "a-"] {
        given([]).when(Command::Create { name: name.into(), at: at(0) }).then_refused(Error::BadName(name.into()));
    }
}

#[test]
fn nothing_can_be_asked_of_a_namespace_that_is_not_there() {
    let commands = [
        add("ada", Role::Owner),
        remove("ada"),
        create_token(),
        revoke_token(),
        set_secret(5),
        remove_secret(),
        set_quota(3),
    ];
    for command in commands {
        given([]).when(command).then_refused(Error::NotFound);
    }
}

#[test]
fn a_member_is_added_once() {
    let after = given([created()]).when(add("ada", Role::Viewer)).then([added("ada", Role::Viewer)]);
    let after = after.when(add("ada", Role::Viewer)).then_nothing();
    assert_eq!(after.state.expect("it is there").members, [("ada".to_owned(), Role::Viewer)].into());
}

#[test]
fn a_member_added_in_another_role_changes_its_role() {
    let changed = Event::RoleChanged { member: "ada".into(), role: Role::Developer, at: at(1) };
    let after = given([created(), added("ada", Role::Viewer)]).when(add("ada", Role::Developer)).then([changed]);
    assert_eq!(after.state.expect("it is there").members["ada"], Role::Developer);
}

#[test]
fn a_member_is_removed_once() {
    let after = given([created(), added("ada", Role::Viewer)]).when(remove("ada")).then([removed("ada")]);
    let after = after.when(remove("ada")).then_nothing();
    assert_eq!(after.state.expect("it is there").members, [].into());
}

#[test]
fn a_member_may_come_back_and_go_again() {
    let life = [created(), added("ada", Role::Viewer), removed("ada")];
    let after = given(life).when(add("ada", Role::Owner)).then([added("ada", Role::Owner)]);
    let after = after.when(add("bob", Role::Owner)).then([added("bob", Role::Owner)]);
    assert_eq!(after.state.as_ref().expect("it is there").former_members, [].into());
    after.when(remove("ada")).then([removed("ada")]);
}

#[test]
fn who_never_was_a_member_is_not_removed() {
    given([created()]).when(remove("eve")).then_refused(Error::NoSuchMember("eve".into()));
}

#[test]
fn the_last_owner_neither_goes_nor_steps_down() {
    let life = [created(), added("ada", Role::Owner), added("bob", Role::Developer)];
    given(life.clone()).when(remove("ada")).then_refused(Error::LastOwner);
    given(life.clone()).when(add("ada", Role::Viewer)).then_refused(Error::LastOwner);
    given(life.clone()).when(add("ada", Role::Owner)).then_nothing();
    given(life).when(remove("bob")).then([removed("bob")]);
}

#[test]
fn a_namespace_has_no_more_members_than_it_may() {
    let names: Vec<_> = (0..MAX_MEMBERS).map(|number| format!("user:{number}")).collect();
    let life = [created()].into_iter().chain(names.iter().map(|name| added(name, Role::Viewer)));
    let life: Vec<_> = life.collect();
    given(life.clone()).when(add("user:late", Role::Viewer)).then_refused(Error::TooManyMembers);
    let changed = Event::RoleChanged { member: "user:0".into(), role: Role::Operator, at: at(1) };
    given(life).when(add("user:0", Role::Operator)).then([changed]);
}

#[test]
fn a_namespace_has_no_more_secrets_than_it_may() {
    let set = |name: String| Event::SecretSet { secret: name, at: at(5) };
    let life = [created()].into_iter().chain((0..MAX_SECRETS).map(|number| set(format!("S{number}"))));
    let life: Vec<_> = life.collect();
    let ask = |name: &str| Command::SetSecret { secret: name.into(), at: at(5) };
    given(life.clone()).when(ask("LATE")).then_refused(Error::TooManySecrets);
    given(life.clone()).when(ask("S0")).then([set("S0".into())]);
    // A repository's credentials are counted as its function is.
    let credentials = crate::function::credentials_secret(Uuid::nil().into());
    given(life).when(ask(&credentials)).then([set(credentials.clone())]);
}

#[test]
fn names_that_are_gone_are_forgotten_beyond_a_number() {
    let gone = |name: &str| {
        [Event::SecretSet { secret: name.into(), at: at(5) }, Event::SecretRemoved { secret: name.into(), at: at(6) }]
    };
    let life = [created()].into_iter().chain((0..2 * MAX_FORMER).flat_map(|number| gone(&format!("S{number}"))));
    let after = given(life.collect::<Vec<_>>());
    let last = format!("S{}", 2 * MAX_FORMER - 1);
    let after = after.when(Command::RemoveSecret { secret: last, at: at(7) }).then_nothing();
    assert_eq!(after.state.expect("it is there").former_secrets.len(), MAX_FORMER);
}

#[test]
fn an_owner_goes_or_steps_down_when_there_is_another_one() {
    let life = [created(), added("ada", Role::Owner), added("bob", Role::Owner)];
    let after = given(life.clone()).when(remove("ada")).then([removed("ada")]);
    after.when(remove("bob")).then_refused(Error::LastOwner);
    let changed = Event::RoleChanged { member: "bob".into(), role: Role::Viewer, at: at(1) };
    given(life).when(add("bob", Role::Viewer)).then([changed]);
}

#[test]
fn a_token_is_created_once_and_revoked_once() {
    let after = given([created()]).when(create_token()).then([token_created()]);
    let after = after.when(create_token()).then_nothing();
    let after = after.when(revoke_token()).then([token_revoked()]);
    let after = after.when(revoke_token()).then_nothing();
    assert_eq!(after.state.expect("it is there").tokens, [].into());
}

#[test]
fn a_token_that_was_revoked_does_not_come_back() {
    let after = given([created(), token_created(), token_revoked()]).when(create_token()).then_nothing();
    assert_eq!(after.state.expect("it is there").tokens, [].into());
    let after = given([created(), token_created(), token_revoked(), token_created()]);
    assert_eq!(after.state.expect("it is there").tokens, [].into());
}

#[test]
fn a_token_that_was_never_created_is_not_revoked() {
    given([created()]).when(revoke_token()).then_refused(Error::NoSuchToken(Uuid::from_u128(1)));
}

#[test]
fn each_setting_of_a_secret_is_a_fact() {
    let set = |seconds| Event::SecretSet { secret: "API_KEY".into(), at: at(seconds) };
    let after = given([created()]).when(set_secret(5)).then([set(5)]);
    let after = after.when(set_secret(9)).then([set(9)]);
    assert_eq!(after.state.expect("it is there").secrets, [("API_KEY".to_owned(), 2)].into());
}

#[test]
fn a_secret_is_removed_once_and_may_be_set_again() {
    let set = |seconds| Event::SecretSet { secret: "API_KEY".into(), at: at(seconds) };
    let after = given([created(), set(5)]).when(remove_secret()).then([secret_removed()]);
    assert_eq!(after.state.as_ref().expect("it is there").secrets, [].into());
    let after = after.when(remove_secret()).then_nothing();
    let after = after.when(set_secret(11)).then([set(11)]);
    assert_eq!(after.state.as_ref().expect("it is there").former_secrets, [].into());
    after.when(remove_secret()).then([secret_removed()]);
}

#[test]
fn a_secret_that_never_was_is_not_removed() {
    given([created()]).when(remove_secret()).then_refused(Error::NoSuchSecret("API_KEY".into()));
}

#[test]
fn a_secret_that_could_not_be_a_variable_is_refused() {
    for name in ["", "API-KEY", "1A", "A B"] {
        let set = Command::SetSecret { secret: name.into(), at: at(5) };
        given([created()]).when(set).then_refused(Error::BadSecretName(name.into()));
    }
}

#[test]
fn a_quota_is_set_when_it_differs() {
    let set = |limit| Event::QuotaSet { quota: "functions".into(), limit, at: at(6) };
    let after = given([created()]).when(set_quota(3)).then([set(3)]);
    let after = after.when(set_quota(3)).then_nothing();
    let after = after.when(set_quota(0)).then([set(0)]);
    assert_eq!(after.state.expect("it is there").quotas, [("functions".to_owned(), 0)].into());
}

#[test]
fn events_before_the_creation_change_nothing() {
    let events = [added("ada", Role::Owner), removed("ada"), token_created(), token_revoked()];
    assert_eq!(given(events).state, None);
}

#[test]
fn events_that_look_alike_are_told_apart_by_their_type() {
    use crate::aggregate::Payload;

    let added = added("ada", Role::Owner);
    let data = added.encode();
    assert_eq!(Event::decode("MemberAdded", &data).unwrap(), added);
    let changed = Event::RoleChanged { member: "ada".into(), role: Role::Owner, at: at(1) };
    assert_eq!(Event::decode("RoleChanged", &data).unwrap(), changed);
}

#[test]
fn every_refusal_has_its_own_code() {
    let refusals = [
        Error::NotFound,
        Error::BadName("N".into()),
        Error::NoSuchMember("eve".into()),
        Error::NoSuchToken(Uuid::nil()),
        Error::BadSecretName("1".into()),
        Error::NoSuchSecret("A".into()),
        Error::LastOwner,
        Error::TooManyMembers,
    ];
    let codes: std::collections::BTreeSet<_> = refusals.iter().map(Error::code).collect();
    assert_eq!(codes.len(), refusals.len());
}
