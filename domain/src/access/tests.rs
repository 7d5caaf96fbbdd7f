//! The permission table spelled out, and that nothing widens a grant.

use proptest::prelude::*;

use super::*;

#[test]
fn each_role_may_what_the_table_says() {
    let table: Vec<String> = ROLES
        .into_iter()
        .map(|role| ACTIONS.into_iter().map(|action| if role.may(action) { 'x' } else { '-' }).collect())
        .collect();
    assert_eq!(table, ["x----", "xxx--", "xxxx-", "xxxxx"]);
}

#[test]
fn the_least_role_is_the_first_that_may() {
    let least = ACTIONS.map(Action::least_role);
    assert_eq!(least, [Role::Viewer, Role::Operator, Role::Operator, Role::Developer, Role::Owner]);
}

#[test]
fn a_role_counts_where_it_is_held() {
    let grants = Grants::within("team", Role::Developer);
    assert!(grants.may(Action::Deploy, "team") && !grants.may(Action::View, "other"));
    assert!(!grants.may_everywhere(Action::View) && grants.may_somewhere(Action::Deploy));
    assert_eq!(grants.sight().namespaces(), Some(&["team".to_owned()][..]));
    assert_eq!(Grants::default().sight().namespaces(), Some(&[][..]));
    assert!(!Grants::default().may_somewhere(Action::View));
}

#[test]
fn the_greater_role_counts() {
    let mut grants = Grants::everywhere(Role::Viewer);
    grants.set("team", Some(Role::Owner));
    assert_eq!((grants.role("team"), grants.role("other")), (Some(Role::Owner), Some(Role::Viewer)));
    grants.set("team", None);
    assert_eq!(grants.role("team"), Some(Role::Viewer));
    assert!(grants.sight().is_everything());
}

#[test]
fn a_sight_is_narrowed_and_never_widened() {
    let sight = Grants::within("team", Role::Viewer).sight();
    assert_eq!(sight.within("team"), Some(sight.clone()));
    assert_eq!(sight.within("other"), None);
    let narrow = Sight::of_platform().within("team").expect("the platform sees all");
    assert!(narrow.sees("team") && !narrow.sees("other") && !narrow.is_everything());
}

#[test]
fn a_stored_admin_is_an_owner() {
    assert_eq!(serde_json::from_str::<Role>("\"admin\"").unwrap(), Role::Owner);
    assert_eq!(serde_json::to_string(&Role::Owner).unwrap(), "\"admin\"");
}

fn roles() -> impl Strategy<Value = Role> {
    prop::sample::select(&ROLES[..])
}

fn grants() -> impl Strategy<Value = Grants> {
    let within = prop::collection::btree_map("[ab]", roles(), 0..3);
    (prop::option::of(roles()), within).prop_map(|(everywhere, within)| Grants { everywhere, within })
}

proptest! {
    #[test]
    fn bounds_allow_nothing_that_the_grants_do_not(
        grants in grants(), most in roles(), names in prop::option::of(prop::collection::vec("[abc]", 0..3)),
    ) {
        let bounded = grants.bounded(most, names.as_deref());
        for namespace in ["a", "b", "c"] {
            let named = names.as_ref().is_none_or(|names| names.iter().any(|name| name == namespace));
            for action in ACTIONS {
                let allowed = grants.may(action, namespace) && most.may(action) && named;
                prop_assert_eq!(bounded.may(action, namespace), allowed, "{:?} in {}", action, namespace);
            }
            prop_assert_eq!(bounded.sight().sees(namespace), bounded.may(Action::View, namespace));
        }
    }
}
