//! Which paths lead to which functions, and which claims are refused.

use super::*;
use crate::function::{Made, event::*};
use crate::manifest::{Cors, Manifest, Runtime, Trigger};
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
        made: Made::artifact("sha256:00", 1),
        manifest: Box::new(manifest(triggers)),
        commit: None,
        at: at(1),
    };
    table.evolve(id(name), &Event::BuildSucceeded(event));
}

fn running(table: &mut Table, name: &str, triggers: Vec<HttpTrigger>) {
    registered(table, name);
    build(table, name, 1, triggers);
    table.evolve(id(name), &Event::Started(Started { version: 1, at: at(2) }));
}

fn promote(table: &mut Table, name: &str, version: u32) {
    let promoted = VersionPromoted { version, previous: 1, reason: None, at: at(5) };
    table.evolve(id(name), &Event::VersionPromoted(promoted));
}

fn stop(table: &mut Table, name: &str) {
    table.evolve(id(name), &Event::Stopped(Stopped { reason: None, at: at(3) }));
}

fn registered(table: &mut Table, name: &str) {
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
}

fn at_path(table: &Table, path: &str) -> Option<String> {
    table.at(path).map(|found| found.name.to_string())
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
        let conflict = table.conflict(id("other"), &[http(Some(path))]);
        assert_eq!(conflict.is_some(), refused, "{path}");
    }
    let conflict = table.conflict(id("other"), &[http(None), http(Some("/shop/a"))]).unwrap();
    assert_eq!(
        (conflict.path.as_str(), conflict.other.as_str(), conflict.name.as_str()),
        ("/shop/a", "/shop/*", "shop")
    );
    assert_eq!(table.conflict(id("shop"), &[http(Some("/shop/admin"))]), None, "its own");
    // Promoted at the same time: the first one has the path, the other has nothing.
    running(&mut table, "other", vec![http(Some("/shop/admin/*"))]);
    assert_eq!(at_path(&table, "/shop/admin/x").as_deref(), Some("shop"));
    // Rolled back to a version whose path belongs to another function by now: it stays with that one.
    build(&mut table, "shop", 2, vec![]);
    promote(&mut table, "shop", 2);
    assert_eq!(at_path(&table, "/shop/admin/x").as_deref(), Some("other"));
    let conflict = table.conflict(id("shop"), &[http(Some("/shop/*"))]).unwrap();
    assert_eq!((conflict.other.as_str(), conflict.name.as_str()), ("/shop/admin/*", "other"));
    promote(&mut table, "shop", 1);
    assert_eq!(at_path(&table, "/shop/admin/x").as_deref(), Some("other"));
    assert_eq!(at_path(&table, "/shop").as_deref(), Some("shop"));
}

#[test]
fn a_younger_claim_takes_nothing_and_refuses_nothing() {
    let mut table = Table::default();
    // Another team had the path once, gave it up, and claims it again.
    running(&mut table, "thief", vec![http(Some("/pay/*"))]);
    build(&mut table, "thief", 2, vec![]);
    promote(&mut table, "thief", 2);
    running(&mut table, "shop", vec![http(Some("/pay/*"))]);
    assert!(table.conflict(id("thief"), &[http(Some("/pay/*"))]).is_some());
    promote(&mut table, "thief", 1);
    // The owner may build further versions, also with a narrower path.
    for path in ["/pay/*", "/pay", "/pay/card/*"] {
        assert_eq!(table.conflict(id("shop"), &[http(Some(path))]), None, "{path}");
    }
    assert_eq!(at_path(&table, "/pay/x").as_deref(), Some("shop"));
    // While it is stopped, nobody answers at its path.
    stop(&mut table, "shop");
    assert_eq!(at_path(&table, "/pay/x"), None);
    table.evolve(id("shop"), &Event::Started(Started { version: 1, at: at(4) }));
    // Versions that share a path share its age, and so does a narrower path.
    build(&mut table, "shop", 2, vec![http(Some("/pay/*")), http(Some("/more"))]);
    build(&mut table, "shop", 3, vec![http(Some("/pay/card/*"))]);
    for version in [2, 1, 3] {
        promote(&mut table, "shop", version);
        assert_eq!(at_path(&table, "/pay/card/x").as_deref(), Some("shop"), "version {version}");
    }
    // A path that it gives up goes to the other one.
    assert_eq!(at_path(&table, "/pay/x").as_deref(), Some("thief"));
    promote(&mut table, "shop", 1);
    assert_eq!(at_path(&table, "/pay/x").as_deref(), Some("thief"));
    table.evolve(id("thief"), &Event::Deregistered(Deregistered { at: at(6) }));
    assert_eq!(at_path(&table, "/pay/x").as_deref(), Some("shop"));
}

#[test]
fn a_wider_path_is_not_as_old_as_the_narrower_one() {
    let mut table = Table::default();
    running(&mut table, "one", vec![http(Some("/a/x"))]);
    running(&mut table, "two", vec![http(Some("/a/y"))]);
    let conflict = table.conflict(id("one"), &[http(Some("/a/*"))]).unwrap();
    assert_eq!(conflict.other, "/a/y");
    assert_eq!(table.conflict(id("one"), &[http(Some("/a/x"))]), None);
}

#[test]
fn of_its_own_patterns_the_one_that_says_most_counts() {
    let mut table = Table::default();
    running(&mut table, "shop", vec![http(Some("/shop/*")), http(Some("/shop/a/*")), http(Some("/shop/a"))]);
    for (path, pattern) in [("/shop/b", "/shop/*"), ("/shop/a/b", "/shop/a/*"), ("/shop/a", "/shop/a")] {
        assert_eq!(table.at(path).unwrap().pattern, pattern, "{path}");
    }
    let deep = format!("/shop{}", "/a".repeat(100_000));
    assert_eq!(table.at(&deep).unwrap().pattern, "/shop/a/*");
}

#[test]
fn a_namespace_has_a_number_of_paths() {
    let mut table = Table::default();
    let paths =
        |from: usize, count: usize| (from..from + count).map(|n| http(Some(&format!("/p/{n}")))).collect::<Vec<_>>();
    running(&mut table, "many", paths(0, MAX_PATHS_PER_NAMESPACE - 1));
    assert_eq!(table.refusal(id("other"), "default", &paths(5_000, 1)), None);
    assert_eq!(table.refusal(id("other"), "default", &paths(5_000, 2)), Some(Refusal::TooMany));
    assert_eq!(table.refusal(id("other"), "team", &paths(5_000, 2)), None, "another namespace");
    assert_eq!(
        table.refusal(id("many"), "default", &paths(5_000, MAX_PATHS_PER_NAMESPACE)),
        None,
        "instead of its own"
    );
    assert_eq!(table.refusal(id("other"), "default", &[http(None)]), None);
    table.evolve(id("many"), &Event::Deregistered(Deregistered { at: at(6) }));
    assert_eq!(table.refusal(id("other"), "default", &paths(5_000, 2)), None);
}

/// 20,000 paths below one first segment: comparing all pairs at every change would take hours.
#[test]
fn a_change_costs_as_much_as_it_changes() {
    let mut table = Table::default();
    for function in 0..400 {
        let paths = (0..50).map(|n| http(Some(&format!("/zz/{function}-{n}")))).collect();
        running(&mut table, &format!("p{function}"), paths);
    }
    for round in 0..1_000 {
        stop(&mut table, "p7");
        table.evolve(id("p7"), &Event::Started(Started { version: 1, at: at(round) }));
        assert_eq!(at_path(&table, "/zz/7-3").as_deref(), Some("p7"));
        assert!(table.conflict(id("other"), &[http(Some("/zz/*"))]).is_some());
        assert_eq!(table.conflict(id("other"), &[http(Some("/zz/0"))]), None);
    }
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
    assert!(table.is_open("default", "public") && table.is_open("default", "page"));
    assert!(!table.is_open("default", "closed") && !table.is_open("team", "public"));
    stop(&mut table, "public");
    assert!(!table.is_open("default", "public"));
}

#[test]
fn a_function_that_is_registered_for_anybody_is_awaited_until_it_runs() {
    let mut table = Table::default();
    let register = |table: &mut Table, manifest: &str| {
        let event = Registered {
            id: id("early"),
            namespace: "default".into(),
            name: "early".into(),
            generation: 1,
            source: Source::Bundle { digest: "sha256:00".into() },
            manifest: Some(Json::parse(manifest).unwrap()),
            at: at(0),
        };
        table.evolve(id("early"), &Event::Registered(event));
        table.is_awaited("default", "early")
    };
    let public = r#"{"triggers":[{"type":"http","auth":"none"}]}"#;
    for manifest in [
        r#"{"triggers":[{"type":"http","auth":"token"}]}"#,
        r#"{"triggers":[{"type":"http","path":"/a","auth":"none"}]}"#,
        "{}",
        "null",
    ] {
        assert!(!register(&mut table, manifest), "{manifest}");
    }
    assert!(register(&mut table, public) && !table.is_open("default", "early") && !table.is_awaited("team", "early"));
    build(&mut table, "early", 1, vec![HttpTrigger { auth: HttpAuth::None, ..http(None) }]);
    assert!(table.is_awaited("default", "early"), "it is built, and does not run yet");
    table.evolve(id("early"), &Event::Started(Started { version: 1, at: at(2) }));
    assert!(table.is_open("default", "early") && !table.is_awaited("default", "early"));
    stop(&mut table, "early");
    assert!(!table.is_open("default", "early") && !table.is_awaited("default", "early"));
    let update = |table: &mut Table, manifest: Option<&str>| {
        let manifest = manifest.map(|text| Json::parse(text).unwrap());
        let source = Source::Bundle { digest: "sha256:00".into() };
        table.evolve(id("early"), &Event::Updated(Updated { source, manifest, at: at(5) }));
        table.is_awaited("default", "early")
    };
    assert!(register(&mut table, public) && update(&mut table, Some(public)));
    assert!(!update(&mut table, None), "nobody may learn that it is there any more");
    assert!(!update(&mut table, Some(public)), "until it runs");
    assert!(register(&mut table, public));
    table.evolve(id("early"), &Event::Deregistered(Deregistered { at: at(6) }));
    assert!(!table.is_awaited("default", "early"));
}
