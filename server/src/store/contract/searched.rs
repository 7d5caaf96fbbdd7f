//! What functions and runs are searched by.

use domain::function::event::BuildFailed;
use domain::manifest::{Manifest, Mode};
use domain::trigger::index::Kind;
use domain::{event, function, run};
use serde_json::json;
use uuid::Uuid;

use super::given::{self, at, build_requested, build_started, build_succeeded, promoted, registered, started};
use super::home::Home;
use crate::store::{FunctionFilter, FunctionOrder, MAX_BY_PREFIX, PageRequest, RunFilter, Store};

fn first(count: u32) -> PageRequest {
    PageRequest::first(count).counted()
}

/// A build that makes a version of this manifest.
fn built(build: function::BuildId, version: u32, manifest: &serde_json::Value) -> function::Event {
    let manifest: Manifest = serde_json::from_value(manifest.clone()).unwrap();
    match build_succeeded(build, version) {
        function::Event::BuildSucceeded(event) => {
            function::Event::BuildSucceeded(function::event::BuildSucceeded { manifest: Box::new(manifest), ..event })
        }
        other => other,
    }
}

fn failed(build: function::BuildId) -> function::Event {
    function::Event::BuildFailed(BuildFailed { build, error: "no such file".into(), offered: Vec::new(), at: at(3) })
}

fn new_build() -> function::BuildId {
    function::BuildId::new(Uuid::now_v7())
}

/// A function whose versions have these manifests, of which the newest answers.
async fn with_versions(store: &Store, name: &str, manifests: &[serde_json::Value]) {
    let mut subject = given::function("default", name);
    store.append(subject.append(vec![registered("default", name)])).await.unwrap();
    for (number, manifest) in (1..).zip(manifests) {
        let build = new_build();
        let mut events = vec![build_requested(build), build_started(build), built(build, number, manifest)];
        if number > 1 {
            events.push(promoted(number, number - 1));
        }
        store.append(subject.append(events)).await.unwrap();
    }
    store.append(subject.append(vec![started(u32::try_from(manifests.len()).unwrap())])).await.unwrap();
}

async fn names(store: &Store, filter: FunctionFilter) -> Vec<String> {
    let page = store.functions(&filter, &first(50)).await.unwrap();
    assert_eq!(page.total, page.rows.len() as u64);
    page.rows.into_iter().map(|(_, row)| row.name).collect()
}

pub async fn functions_are_found_by_what_their_current_version_is(home: Home) {
    let store = home.open().await;
    let event = |pattern: &str| json!({ "type": "event", "pattern": pattern });
    let node = |triggers| json!({ "runtime": "node", "triggers": triggers });
    with_versions(&store, "exact", &[node(json!([event("file.uploaded")]))]).await;
    with_versions(&store, "segment", &[node(json!([{ "type": "http" }, event("file.*")]))]).await;
    with_versions(&store, "rest", &[json!({ "runtime": "python", "mode": "job", "triggers": [event("file.**")] })])
        .await;
    with_versions(&store, "former", &[node(json!([event("file.uploaded")])), node(json!([event("order.placed")]))])
        .await;
    with_versions(&store, "clock", &[node(json!([{ "type": "schedule", "cron": "@daily" }]))]).await;
    let mut unbuilt = given::function("default", "unbuilt");
    store.append(unbuilt.append(vec![registered("default", "unbuilt")])).await.unwrap();

    let of_type = |kind: &str| FunctionFilter { event_type: Some(kind.into()), ..FunctionFilter::default() };
    assert_eq!(names(&store, of_type("file.uploaded")).await, ["exact", "rest", "segment"]);
    assert_eq!(names(&store, of_type("file.uploaded.again")).await, ["rest"]);
    assert_eq!(names(&store, of_type("order.placed")).await, ["former"]);
    assert_eq!(names(&store, of_type("http")).await, [] as [&str; 0]);
    let by_trigger = |kind| FunctionFilter { trigger: Some(kind), ..FunctionFilter::default() };
    assert_eq!(names(&store, by_trigger(Kind::Event)).await, ["exact", "former", "rest", "segment"]);
    assert_eq!(names(&store, by_trigger(Kind::Http)).await, ["segment"]);
    assert_eq!(names(&store, by_trigger(Kind::Schedule)).await, ["clock"]);
    assert_eq!(names(&store, by_trigger(Kind::Webhook)).await, [] as [&str; 0]);
    let by_mode = |mode| FunctionFilter { mode: Some(mode), ..FunctionFilter::default() };
    assert_eq!(names(&store, by_mode(Mode::Job)).await, ["rest"]);
    assert_eq!(names(&store, by_mode(Mode::Service)).await.len(), 4);
    let python = FunctionFilter { runtime: Some("python".into()), ..of_type("file.uploaded") };
    assert_eq!(names(&store, python).await, ["rest"]);

    // The tables say the same after they were made anew, and nothing is amiss in them.
    drop(store);
    let store = home.open().await;
    store.rebuild().await.unwrap();
    assert_eq!(names(&store, of_type("file.uploaded")).await, ["exact", "rest", "segment"]);
    assert_eq!(store.verify().await.unwrap().faults, [] as [String; 0]);
}

pub async fn whatever_type_is_looked_for_no_function_is_a_fault(home: Home) {
    let store = home.open().await;
    let event = |pattern: &str| json!({ "type": "event", "pattern": pattern });
    with_versions(
        &store,
        "odd",
        &[json!({ "runtime": "node", "triggers": [event("a\0b"), event("(?i"), event("\u{1f600}.*")] })],
    )
    .await;
    let of_type = |kind: &str| FunctionFilter { event_type: Some(kind.into()), ..FunctionFilter::default() };
    for (kind, found) in
        [("a\0b", 1), ("(?i", 1), ("\u{1f600}.x", 1), ("\u{1f600}.x.y", 0), ("[", 0), ("\n", 0), ("", 0)]
    {
        assert_eq!(store.functions(&of_type(kind), &first(9)).await.unwrap().total, found, "{kind:?}");
    }
    for kind in ["x".repeat(2_000), vec!["a"; 500].join(".")] {
        assert!(store.functions(&of_type(&kind), &first(9)).await.unwrap_err().is_final());
    }
}

pub async fn functions_are_found_by_how_their_newest_build_ended(home: Home) {
    let store = home.open().await;
    for (name, ends) in
        [("fails", vec![true, false]), ("mended", vec![false, true]), ("never", vec![false]), ("new", vec![])]
    {
        let mut subject = given::function("default", name);
        store.append(subject.append(vec![registered("default", name)])).await.unwrap();
        for works in ends {
            let build = new_build();
            let end = if works { build_succeeded(build, 1) } else { failed(build) };
            store.append(subject.append(vec![build_requested(build), build_started(build), end])).await.unwrap();
        }
    }
    let failed = |failed| FunctionFilter { build_failed: Some(failed), ..FunctionFilter::default() };
    assert_eq!(names(&store, failed(true)).await, ["fails", "never"]);
    assert_eq!(names(&store, failed(false)).await, ["mended", "new"]);
    let unbuilt = FunctionFilter { state: Some(function::Status::Registered), ..failed(true) };
    assert_eq!(names(&store, unbuilt).await, ["never"]);
}

pub async fn functions_come_in_the_order_that_is_asked_for(home: Home) {
    let store = home.open().await;
    for name in ["b", "c", "a"] {
        let mut subject = given::function("default", name);
        store.append(subject.append(vec![registered("default", name)])).await.unwrap();
        if name == "c" {
            let build = new_build();
            store
                .append(subject.append(vec![build_requested(build), build_started(build), build_succeeded(build, 1)]))
                .await
                .unwrap();
        }
    }
    let pages = async |order, descending| {
        let filter = FunctionFilter { order, descending, ..FunctionFilter::default() };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.functions(&filter, &PageRequest::first(1).after(after)).await.unwrap();
            after = page.rows.last().map(|(cursor, _)| cursor.clone());
            found.extend(page.rows.into_iter().map(|(_, row)| row.name));
            if !page.has_next {
                return found;
            }
        }
    };
    assert_eq!(pages(FunctionOrder::Name, false).await, ["a", "b", "c"]);
    assert_eq!(pages(FunctionOrder::Name, true).await, ["c", "b", "a"]);
    assert_eq!(pages(FunctionOrder::State, false).await, ["c", "a", "b"], "BUILT, then REGISTERED");
    assert_eq!(pages(FunctionOrder::State, true).await, ["b", "a", "c"]);
    assert_eq!(pages(FunctionOrder::Updated, true).await, ["c", "a", "b"]);
    assert_eq!(pages(FunctionOrder::Updated, false).await, ["b", "a", "c"]);
}

/// A run that an event caused.
async fn caused(store: &Store, id: run::Id, function: function::Id, event: event::Id) {
    let mut subject = given::run_with(id);
    let request = run::event::Request { event: Some(event), ..given::request(&subject, function) };
    let requested = run::event::Requested { request, delivery: run::event::Delivery::Once, at: at(10) };
    store.append(subject.append(vec![run::Event::Requested(requested)])).await.unwrap();
}

pub async fn runs_that_an_event_asked_for_are_told_from_those_that_somebody_asked_for_later(home: Home) {
    let store = home.open().await;
    let (one, two) = (function::id("default", "one", 1), function::id("default", "two", 1));
    let event = event::id("default", "/test", "1");
    caused(&store, run::id(event, one), one, event).await;
    caused(&store, run::Id::new(Uuid::now_v7()), one, event).await;
    caused(&store, run::Id::new(Uuid::now_v7()), two, event).await;
    let all = RunFilter { event: Some(event), ..RunFilter::default() };
    assert_eq!(store.run_counts(&all).await.unwrap(), [(run::Status::Queued, 3)]);
    let routed = RunFilter { routed: true, ..all };
    assert_eq!(store.run_counts(&routed).await.unwrap(), [(run::Status::Queued, 1)]);
    assert_eq!(store.runs(&routed, &first(9)).await.unwrap().rows[0].1.id, run::id(event, one));
}

pub async fn runs_are_found_by_the_beginning_of_their_ids(home: Home) {
    let store = home.open().await;
    let one = function::id("default", "one", 1);
    let ids: Vec<run::Id> = [
        "0190aaaa-0000-7000-8000-000000000001",
        "0190aaaa-0000-7000-8000-000000000002",
        "0190aaab-0000-7000-8000-000000000003",
        "f190aaaa-0000-7000-8000-000000000004",
    ]
    .into_iter()
    .map(|id| run::Id::new(Uuid::parse_str(id).unwrap()))
    .collect();
    for id in &ids {
        let mut subject = given::run_with(*id);
        let requested = given::requested(&subject, one);
        store.append(subject.append(vec![requested, given::run_started(), given::run_succeeded()])).await.unwrap();
    }
    let found = async |prefix: &str, namespaces: Option<Vec<String>>| {
        let filter = RunFilter { id_prefix: Some(prefix.into()), namespaces, ..RunFilter::default() };
        let page = store.runs(&filter, &first(9)).await.unwrap();
        assert_eq!(page.total, page.rows.len() as u64, "each once, however many records it has");
        page.rows.into_iter().map(|(_, row)| row.id).collect::<Vec<_>>()
    };
    assert_eq!(found("0190aaaa", None).await, [ids[1], ids[0]]);
    assert_eq!(found("0190aaaa-0000-7000-8000-000000000001", None).await, [ids[0]]);
    assert_eq!(found("0190aaa", None).await, [ids[2], ids[1], ids[0]]);
    assert_eq!(found("f", None).await, [ids[3]]);
    assert_eq!(found("1", None).await, []);
    assert_eq!(found("0190aaaa", Some(vec!["other".into()])).await, []);
}

pub async fn a_short_beginning_of_many_ids_is_looked_for_among_the_last(home: Home) {
    let store = home.open().await;
    let one = function::id("default", "one", 1);
    let mut appends = Vec::new();
    for number in 0..MAX_BY_PREFIX + 5 {
        let mut subject = given::run_with(run::Id::new(Uuid::from_u128((0xabcd << 112) + u128::from(number))));
        let event = given::answered(&subject, one);
        appends.push(subject.append(vec![event]));
    }
    for appended in store.append_each(appends).await {
        appended.unwrap();
    }
    let filter = RunFilter { id_prefix: Some("abcd".into()), ..RunFilter::default() };
    let page = store.runs(&filter, &first(1)).await.unwrap();
    assert_eq!(page.total, u64::from(MAX_BY_PREFIX));
    assert_eq!(page.rows[0].1.id.uuid().as_u128() & 0xffff, u128::from(MAX_BY_PREFIX + 4));
}

pub async fn what_an_older_server_left_out_is_filled_in_at_the_start(home: Home) {
    let store = home.open().await;
    let manifest = json!({ "runtime": "node", "triggers": [{ "type": "event", "pattern": "file.*" }] });
    with_versions(&store, "one", &[manifest]).await;
    home.tamper("UPDATE versions SET triggers = NULL").await;
    let of_type = FunctionFilter { event_type: Some("file.uploaded".into()), ..FunctionFilter::default() };
    assert_eq!(names(&store, of_type.clone()).await, [] as [&str; 0]);
    assert_eq!(store.verify().await.unwrap().faults, [] as [String; 0], "what is not there yet is no fault");
    drop(store);
    let store = home.open().await;
    assert_eq!(names(&store, of_type).await, ["one"]);
}
