//! Which doors lead to whom, and which are refused.

use super::*;
use crate::function::event::*;
use crate::manifest::{Cors, Runtime, Trigger};
use crate::testing::at;

fn id(name: &str) -> function::Id {
    function::id("default", name, 1)
}

fn http(path: Option<&str>) -> HttpTrigger {
    HttpTrigger { path: path.map(str::to_owned), ..HttpTrigger::default() }
}

fn manifest(triggers: Vec<HttpTrigger>) -> Manifest {
    Manifest { triggers: triggers.into_iter().map(Trigger::Http).collect(), ..Manifest::of(Runtime::Node) }
}

fn build(table: &mut Table, name: &str, version: u32, triggers: Vec<HttpTrigger>) {
    let event = BuildSucceeded {
        build: uuid::Uuid::from_u128(version.into()).into(),
        version,
        digest: "sha256:00".into(),
        manifest: Box::new(manifest(triggers)),
        commit: None,
        size: 1,
        at: at(1),
    };
    table.evolve(id(name), &Event::BuildSucceeded(event));
}

fn running(table: &mut Table, name: &str, triggers: Vec<HttpTrigger>) {
    let event = Registered {
        id: id(name),
        namespace: "default".into(),
        name: name.into(),
        generation: 1,
        source: Source::Bundle { digest: "sha256:00".into() },
        manifest: None,
        at: at(0),
    };
    table.evolve(id(name), &Event::Registered(event));
    build(table, name, 1, triggers);
    table.evolve(id(name), &Event::Started(Started { version: 1, at: at(2) }));
}

fn at_path(table: &Table, path: &str) -> Option<String> {
    table.index().at(path).map(|found| found.name.to_string())
}

#[test]
fn a_path_leads_to_a_function_as_long_as_it_runs() {
    let mut table = Table::default();
    running(&mut table, "shop", vec![http(Some("/shop/*")), http(Some("/cart"))]);
    for (path, leads) in
        [("/shop", true), ("/shop/a", true), ("/cart", true), ("/cart/a", false), ("/", false), ("/x", false)]
    {
        assert_eq!(at_path(&table, path).is_some(), leads, "{path}");
    }
    table.evolve(id("shop"), &Event::Stopped(Stopped { reason: None, at: at(3) }));
    assert_eq!(at_path(&table, "/shop"), None);
    table.evolve(id("shop"), &Event::Started(Started { version: 1, at: at(4) }));
    build(&mut table, "shop", 2, vec![http(Some("/store/*"))]);
    assert_eq!((at_path(&table, "/shop").is_some(), at_path(&table, "/store")), (true, None), "not promoted yet");
    let promoted = VersionPromoted { version: 2, previous: 1, reason: None, at: at(5) };
    table.evolve(id("shop"), &Event::VersionPromoted(promoted));
    assert_eq!((at_path(&table, "/shop"), at_path(&table, "/store").is_some()), (None, true));
    table.evolve(id("shop"), &Event::Deregistered(Deregistered { at: at(6) }));
    assert_eq!(at_path(&table, "/store"), None);
}

#[test]
fn what_is_anothers_is_refused_and_never_taken() {
    let mut table = Table::default();
    running(&mut table, "shop", vec![http(Some("/shop/*"))]);
    for (path, refused) in [("/shop", true), ("/shop/admin", true), ("/shop/*", true), ("/shopping/*", false)] {
        let conflict = table.conflict(id("other"), &manifest(vec![http(Some(path))]));
        assert_eq!(conflict.is_some(), refused, "{path}");
    }
    let conflict = table.conflict(id("other"), &manifest(vec![http(None), http(Some("/shop/a"))])).unwrap();
    assert_eq!(
        (conflict.path.as_str(), conflict.other.as_str(), conflict.name.as_str()),
        ("/shop/a", "/shop/*", "shop")
    );
    assert_eq!(table.conflict(id("shop"), &manifest(vec![http(Some("/shop/admin"))])), None, "its own");
    // Built at the same time: the first has it, and the other has nothing.
    running(&mut table, "other", vec![http(Some("/shop/admin/*"))]);
    assert_eq!(at_path(&table, "/shop/admin/x").as_deref(), Some("shop"));
    // Back to a version whose path is another's by now: it stays another's.
    build(&mut table, "shop", 2, vec![]);
    let promote = |table: &mut Table, version, previous| {
        let promoted = VersionPromoted { version, previous, reason: None, at: at(5) };
        table.evolve(id("shop"), &Event::VersionPromoted(promoted));
    };
    promote(&mut table, 2, 1);
    assert_eq!(at_path(&table, "/shop/admin/x").as_deref(), Some("other"));
    promote(&mut table, 1, 2);
    assert_eq!((at_path(&table, "/shop/admin/x").as_deref(), at_path(&table, "/shop")), (Some("other"), None));
}

#[test]
fn the_platforms_own_paths_lead_to_no_function_whatever_was_built() {
    let mut table = Table::default();
    running(
        &mut table,
        "evil",
        vec![http(Some("/graphql")), http(Some("/v1/*")), http(Some("/*")), http(Some("/../x"))],
    );
    for path in ["/graphql", "/v1/functions", "/", "/x", "/../x"] {
        assert_eq!(at_path(&table, path), None, "{path}");
    }
}

#[test]
fn a_function_is_open_when_it_says_so() {
    let mut table = Table::default();
    let cors = serde_json::from_str::<Cors>(r#"{"origins":["*"]}"#).unwrap();
    running(&mut table, "public", vec![HttpTrigger { auth: HttpAuth::None, ..http(None) }]);
    running(&mut table, "page", vec![HttpTrigger { cors: Some(cors), ..http(None) }]);
    running(&mut table, "closed", vec![http(Some("/closed"))]);
    let index = table.index();
    assert!(index.is_open("default", "public") && index.is_open("default", "page"));
    assert!(!index.is_open("default", "closed") && !index.is_open("team", "public"));
}
