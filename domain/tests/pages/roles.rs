//! What each role may do.

use domain::access::{ACTIONS, ROLES};

#[test]
fn the_page_says_what_each_role_may_do() {
    let heads: Vec<_> = ROLES.iter().map(|role| role.name()).collect();
    let mut table = format!("| to … | {} |\n| --- |{}", heads.join(" | "), " --- |".repeat(heads.len()));
    for action in ACTIONS {
        let may = ROLES.iter().map(|role| if role.may(action) { "yes" } else { "no" });
        table.push_str(&format!("\n| {} | {} |", action.name(), may.collect::<Vec<_>>().join(" | ")));
    }
    super::made("../access.md", "roles", &table);
}
