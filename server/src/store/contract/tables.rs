//! The read tables.

use chrono::TimeDelta;
use domain::function::OfferedFolder;
use domain::function::event::{BuildFailed, Source};
use domain::{event, function, namespace, run};
use uuid::Uuid;

use super::given::{self, a_call, a_run, at, build_requested, build_started, build_succeeded, deregistered, promoted};
use super::given::{registered, requested, run_started, run_succeeded, started, stopped, trigger_event};
use super::home::Home;
use crate::store::columns;
use crate::store::page::MAX_PAGE;
use crate::store::sql::Value;
use crate::store::table::Kind;
use crate::store::{
    BuildRow, Error, EventFilter, FunctionFilter, FunctionRow, HistoryFilter, OpenBuild, Page, PageRequest, Point, Row,
    RunFilter, RunRow, RunningFunction, Sealed, SecretInfo, SecretRow, Span, Store, VersionRow,
};

fn running(row: &FunctionRow) -> RunningFunction {
    RunningFunction {
        id: row.id,
        namespace: row.namespace.clone(),
        name: row.name.clone(),
        current_version: row.current_version,
        traffic: row.traffic.clone(),
    }
}

fn first(count: u32) -> PageRequest {
    PageRequest::first(count).counted()
}

/// A function with two versions and three builds, and what its rows must be.
pub async fn a_life(store: &Store, namespace: &str, name: &str) -> (FunctionRow, Vec<VersionRow>, Vec<BuildRow>) {
    let mut subject = given::function(namespace, name);
    let builds = [0, 1, 2].map(|_| function::BuildId::new(Uuid::now_v7()));
    let [one, two, three] = builds;
    let steps = vec![
        vec![registered(namespace, name)],
        vec![build_requested(one)],
        vec![build_started(one)],
        vec![build_succeeded(one, 1)],
        vec![build_requested(two), build_started(two)],
        vec![build_succeeded(two, 2), promoted(2, 1)],
        vec![started(2)],
        vec![build_requested(three)],
    ];
    let mut registered_at = None;
    let (mut function, mut versions, mut built) = (None, Vec::new(), std::collections::BTreeMap::new());
    for step in steps {
        let append = subject.append(step);
        let rows = append.rows.clone();
        let position = store.append(append).await.unwrap().position;
        for row in rows {
            match row {
                Row::Function(row) => {
                    let created_position = *registered_at.get_or_insert(position);
                    function = Some(FunctionRow { created_position, position, ..*row });
                }
                Row::Version(row) => versions.push(VersionRow { position, ..*row }),
                Row::Build(row) => {
                    let created_position = built.get(&row.id).map_or(position, |row: &BuildRow| row.created_position);
                    built.insert(row.id, BuildRow { created_position, position, ..*row });
                }
                Row::Run(_) | Row::Event(_) | Row::Secret(_) | Row::Payload(_) => {}
            }
        }
    }
    (function.unwrap(), versions, builds.map(|id| built.remove(&id).unwrap()).to_vec())
}

pub async fn rows_are_written_with_the_events(home: Home) {
    let store = home.open().await;
    let (function, versions, builds) = a_life(&store, "default", "hello").await;
    let id = function.id;
    assert_eq!(store.function(id).await.unwrap(), Some(function.clone()));
    assert_eq!(function.state, function::Status::Running);
    assert_eq!(function.current_version, Some(2));
    assert_eq!(store.function_named("default", "hello").await.unwrap(), Some(function.clone()));
    assert_eq!(store.function_named("default", "nothing").await.unwrap(), None);
    assert_eq!(store.running_functions().await.unwrap(), [running(&function)]);
    assert_eq!(store.version(id, 1).await.unwrap().as_ref(), versions.first());
    assert_eq!(store.version(id, 3).await.unwrap(), None);
    let mut both = store.versions_by_key(&[(id, 2), (id, 1), (id, 9)]).await.unwrap();
    both.sort_by_key(|version| version.number);
    assert_eq!(both, versions);
    let found = store.builds_by_id(&[builds[1].id]).await.unwrap();
    assert_eq!(found, builds[1..2]);
    let open: Vec<_> = builds[2..]
        .iter()
        .map(|build| OpenBuild { id: build.id, function: build.function, node: build.node.clone() })
        .collect();
    assert_eq!(store.open_builds().await.unwrap(), open);
    assert_eq!(store.namespaces().await.unwrap(), ["default"]);

    let newest = |rows: Page<BuildRow>| rows.rows.into_iter().map(|(_, row)| row.id).collect::<Vec<_>>();
    let all = store.builds(id, &first(10)).await.unwrap();
    assert_eq!(all.total, 3);
    assert_eq!(newest(all), [builds[2].id, builds[1].id, builds[0].id]);
    let page = store.versions(id, &first(1)).await.unwrap();
    assert_eq!((page.rows[0].1.number, page.has_next, page.total), (2, true, 2));
    let rest = PageRequest::first(5).counted().after(page.rows[0].0.clone());
    let page = store.versions(id, &rest).await.unwrap();
    assert_eq!((page.rows[0].1.number, page.has_next), (1, false));
}

pub async fn a_secret_is_written_with_its_event_and_nothing_else_knows_it(home: Home) {
    let store = home.open().await;
    let created = namespace::Event::Created { name: "team".into(), at: at(1) };
    let set = |seconds| namespace::Event::SecretSet { secret: "API_KEY".into(), at: at(seconds) };
    let removed = namespace::Event::SecretRemoved { secret: "API_KEY".into(), at: at(4) };
    let sealed = |byte| Sealed { key_id: "01234567".into(), nonce: vec![byte; 12], bytes: vec![byte; 33] };
    let row = |namespace: &str, sealed, seconds| SecretRow {
        namespace: namespace.into(),
        name: "API_KEY".into(),
        sealed,
        set_at: at(seconds),
    };
    let mut subject = given::namespace("team");
    let mut append = |events, row: SecretRow| {
        let mut append = subject.append(events);
        append.rows.push(Row::Secret(Box::new(row)));
        append
    };
    let names = ["API_KEY".to_owned(), "OTHER".to_owned()];
    store.append(append(vec![created, set(2)], row("team", Some(sealed(1)), 2))).await.unwrap();
    assert_eq!(store.secrets("team", &names).await.unwrap(), [row("team", Some(sealed(1)), 2)]);
    assert_eq!(store.secrets("other", &names).await.unwrap(), []);
    // Of several in one transaction, the last one stands.
    let (second, third) =
        (append(vec![set(3)], row("team", Some(sealed(2)), 3)), append(vec![set(3)], row("team", Some(sealed(3)), 3)));
    for appended in store.append_each(vec![second, third]).await {
        appended.unwrap();
    }
    assert_eq!(store.secrets("team", &names).await.unwrap(), [row("team", Some(sealed(3)), 3)]);
    let info = SecretInfo { namespace: "team".into(), name: "API_KEY".into(), set_at: at(3) };
    let infos = [info];
    assert_eq!(store.secret_infos(None).await.unwrap(), infos);
    assert_eq!(store.secret_infos(Some(&["team".into()])).await.unwrap(), infos);
    assert_eq!(store.secret_infos(Some(&["other".into()])).await.unwrap(), []);

    // The tables are made anew from a log that knows no values: what it does not know stays.
    drop(store);
    let store = home.open().await;
    store.rebuild().await.unwrap();
    assert_eq!(store.secrets("team", &names).await.unwrap(), [row("team", Some(sealed(3)), 3)]);
    assert_eq!(store.verify().await.unwrap().faults, [] as [String; 0]);

    // A secret belongs to the namespace whose stream says that it was set.
    let foreign = append(vec![removed.clone()], row("other", None, 4));
    assert!(matches!(store.append(foreign).await, Err(Error::Refused(_))));
    let mut again = append(vec![removed], row("team", None, 4));
    again.expected -= 1;
    store.append(again).await.unwrap();
    assert_eq!(store.secrets("team", &names).await.unwrap(), []);
    assert_eq!(store.secret_infos(None).await.unwrap(), []);
}

pub async fn a_refused_append_leaves_no_rows(home: Home) {
    let store = home.open().await;
    let mut subject = given::function("default", "hello");
    store.append(subject.append(vec![registered("default", "hello")])).await.unwrap();
    let before = store.function(function::id("default", "hello", 1)).await.unwrap();
    let build = function::BuildId::new(Uuid::now_v7());
    let mut append = subject.append(vec![build_requested(build)]);
    append.expected = 0;
    store.append(append).await.unwrap_err();
    assert_eq!(store.function(function::id("default", "hello", 1)).await.unwrap(), before);
    assert_eq!(store.builds_by_id(&[build]).await.unwrap(), []);
}

pub async fn functions_are_found_and_paged(home: Home) {
    let store = home.open().await;
    for (namespace, name) in [("a", "one"), ("a", "two"), ("b", "one"), ("b", "o-ne"), ("b", "t_e")] {
        let mut subject = given::function(namespace, name);
        store.append(subject.append(vec![registered(namespace, name)])).await.unwrap();
        if name == "two" {
            store.append(subject.append(vec![deregistered()])).await.unwrap();
        }
    }
    let names = |page: &Page<FunctionRow>| {
        page.rows.iter().map(|(_, row)| format!("{}/{}", row.namespace, row.name)).collect::<Vec<_>>()
    };
    let all = FunctionFilter::default();
    let page = store.functions(&all, &first(3)).await.unwrap();
    assert_eq!(
        (names(&page), page.has_next, page.total),
        (vec!["a/one".into(), "b/o-ne".into(), "b/one".into()], true, 4)
    );
    let rest = PageRequest::first(3).counted().after(page.rows[2].0.clone());
    let page = store.functions(&all, &rest).await.unwrap();
    assert_eq!((names(&page), page.has_next, page.total), (vec!["b/t_e".to_owned()], false, 4));

    let gone = FunctionFilter { state: Some(function::Status::Deregistered), ..FunctionFilter::default() };
    assert_eq!(names(&store.functions(&gone, &first(9)).await.unwrap()), ["a/two"]);
    let mine = FunctionFilter { namespaces: Some(vec!["a".into()]), ..FunctionFilter::default() };
    assert_eq!(names(&store.functions(&mine, &first(9)).await.unwrap()), ["a/one"]);
    let none = FunctionFilter { namespaces: Some(vec![]), ..FunctionFilter::default() };
    assert_eq!(store.functions(&none, &first(9)).await.unwrap().total, 0);
    let search = |text: &str| FunctionFilter { search: Some(text.into()), ..FunctionFilter::default() };
    assert_eq!(names(&store.functions(&search("NE"), &first(9)).await.unwrap()), ["a/one", "b/o-ne", "b/one"]);
    assert_eq!(names(&store.functions(&search("_"), &first(9)).await.unwrap()), ["b/t_e"]);
    assert_eq!(names(&store.functions(&search("%"), &first(9)).await.unwrap()), Vec::<String>::new());
    assert_eq!(store.namespaces().await.unwrap(), ["a", "b"]);
}

/// Texts that a database might take for something else, or not take at all.
fn odd_texts() -> Vec<String> {
    let long = 200_000;
    [
        "\0",
        "a\0b",
        "%",
        "_",
        "\\",
        "%\\",
        "\\%_",
        "'",
        "''",
        "\"",
        "$1",
        "\u{1f600}",
        "\u{fffd}",
        "\u{202e}",
        "[",
        "(?i",
        "a{9999}",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(["x".repeat(long), "%".repeat(long), "\\".repeat(long), "\0".repeat(long)])
    .collect()
}

pub async fn whatever_is_looked_for_is_looked_for(home: Home) {
    let store = home.open().await;
    a_life(&store, "default", "hello").await;
    store.append(trigger_event("default", "file.uploaded", "1")).await.unwrap();
    for text in odd_texts() {
        let shown: String = text.chars().take(20).collect();
        let search = FunctionFilter { search: Some(text.clone()), ..FunctionFilter::default() };
        assert_eq!(store.functions(&search, &first(9)).await.unwrap().total, 0, "{shown:?}");
        let runtime = FunctionFilter { runtime: Some(text.clone()), ..FunctionFilter::default() };
        assert_eq!(store.functions(&runtime, &first(9)).await.unwrap().total, 0, "{shown:?}");
        let namespaces = Some(vec![text.clone(), "b".into()]);
        let inside = FunctionFilter { namespaces: namespaces.clone(), ..FunctionFilter::default() };
        assert_eq!(store.functions(&inside, &first(9)).await.unwrap().total, 0, "{shown:?}");
        assert_eq!(store.function_named(&text, &text).await.unwrap(), None, "{shown:?}");
        assert_eq!(store.secrets(&text, std::slice::from_ref(&text)).await.unwrap(), [], "{shown:?}");
        assert_eq!(store.secret_infos(namespaces.as_deref()).await.unwrap(), [], "{shown:?}");
        let runs = RunFilter { trigger: Some(text.clone()), namespaces: namespaces.clone(), ..RunFilter::default() };
        assert_eq!(store.runs(&runs, &first(9)).await.unwrap().total, 0, "{shown:?}");
        assert_eq!(store.run_counts(&runs).await.unwrap(), [], "{shown:?}");
        let history = HistoryFilter { kind: Some(text.clone()), namespaces, ..HistoryFilter::default() };
        assert_eq!(store.history(&history, &first(9)).await.unwrap().total, 0, "{shown:?}");
        assert_eq!(store.checkpoint(&text).await.unwrap(), 0, "{shown:?}");
        // A type, and a pattern that has the text as a segment.
        for kind in [text.clone(), format!("*.{text}"), format!("{text}.**")] {
            let filter = EventFilter { kind: Some(kind), ..EventFilter::default() };
            match store.events(&filter, &first(9)).await {
                Ok(page) => assert_eq!(page.total, 0, "{shown:?}"),
                Err(Error::Unfit(message)) => assert!(text.len() > 1000, "{shown:?}: {message}"),
                Err(error) => panic!("{shown:?}: {error}"),
            }
        }
        for after in
            [text.clone(), crate::store::page::cursor(&text), crate::store::page::cursor(&format!("{text}\n{text}\n1"))]
        {
            let page = PageRequest::first(9).after(after);
            match store.functions(&FunctionFilter::default(), &page).await {
                Ok(_) | Err(Error::Refused(_)) => {}
                Err(error) => panic!("{shown:?}: {error}"),
            }
        }
    }
    let many: Vec<String> = (0..512).map(|_| "*".to_owned()).collect();
    let filter = EventFilter { kind: Some(many.join(".")), ..EventFilter::default() };
    assert_eq!(store.events(&filter, &first(9)).await.unwrap().total, 0);
    store.ready().await.unwrap();
}

pub async fn runs_are_found_and_paged_newest_first(home: Home) {
    let store = home.open().await;
    let (one, two) = (function::id("default", "one", 1), function::id("default", "two", 1));
    let mut ids: Vec<run::Id> = Vec::new();
    let cause = event::Id::new(Uuid::now_v7());
    for number in 0..7 {
        let mut subject = a_run();
        let function = if number % 2 == 0 { one } else { two };
        let mut request = given::request(&subject, function);
        ids.push(request.run);
        if number == 3 {
            request.event = Some(cause);
            request.replayed_from = Some(ids[1]);
        }
        let requested = run::Event::Requested(run::event::Requested {
            request,
            delivery: run::event::Delivery::Once,
            at: at(number),
        });
        store.append(subject.append(vec![requested])).await.unwrap();
        if number < 2 {
            store.append(subject.append(vec![run_started(), run_succeeded()])).await.unwrap();
        }
    }
    let of = |page: &Page<RunRow>| page.rows.iter().map(|(_, row)| row.id).collect::<Vec<_>>();
    let all = RunFilter::default();
    let page = store.runs(&all, &first(3)).await.unwrap();
    assert_eq!((of(&page), page.has_next, page.total), (vec![ids[6], ids[5], ids[4]], true, 7));
    // New runs do not shift the pages that come after.
    store.append(a_call(one)).await.unwrap();
    let page = store.runs(&all, &PageRequest::first(3).counted().after(page.rows[2].0.clone())).await.unwrap();
    assert_eq!((of(&page), page.has_next), (vec![ids[3], ids[2], ids[1]], true));
    let page = store.runs(&all, &PageRequest::first(3).counted().after(page.rows[2].0.clone())).await.unwrap();
    assert_eq!((of(&page), page.has_next, page.total), (vec![ids[0]], false, 8));

    let filter = RunFilter { function: Some(two), ..RunFilter::default() };
    assert_eq!(of(&store.runs(&filter, &first(9)).await.unwrap()), [ids[5], ids[3], ids[1]]);
    let filter = RunFilter { event: Some(cause), ..RunFilter::default() };
    assert_eq!(of(&store.runs(&filter, &first(9)).await.unwrap()), [ids[3]]);
    let filter = RunFilter { state: Some(run::Status::Queued), since: Some(at(5)), ..RunFilter::default() };
    assert_eq!(of(&store.runs(&filter, &first(9)).await.unwrap()), [ids[6], ids[5]]);
    let filter = RunFilter { namespaces: Some(vec!["other".into()]), ..RunFilter::default() };
    assert_eq!(store.runs(&filter, &first(9)).await.unwrap().total, 0);

    let filter = RunFilter { replayed_from: Some(ids[1]), ..RunFilter::default() };
    assert_eq!(of(&store.runs(&filter, &first(9)).await.unwrap()), [ids[3]]);
    let uncounted = PageRequest { counted: false, ..first(9) };
    assert_eq!(store.runs(&filter, &uncounted).await.unwrap().total, 0);
    let filter = RunFilter { function: Some(two), ..RunFilter::default() };
    let counts = [(run::Status::Queued, 2), (run::Status::Succeeded, 1)];
    assert_eq!(store.run_counts(&filter).await.unwrap(), counts);

    let open = store.open_runs(0, 100).await.unwrap();
    assert_eq!(open.iter().map(|row| row.id).collect::<Vec<_>>(), ids[2..]);
    let mut found = store.runs_by_id(&[ids[0], ids[4], run::Id::new(Uuid::now_v7())]).await.unwrap();
    found.sort_by_key(|row| row.queued_at);
    assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[0], ids[4]]);
    assert_eq!((found[0].state, found[0].http_status, found[0].position), (run::Status::Succeeded, Some(200), 3));
}

pub async fn the_newest_run_and_build_of_functions_are_found_together(home: Home) {
    let store = home.open().await;
    let (one, _, builds) = a_life(&store, "default", "one").await;
    let (two, _, _) = a_life(&store, "default", "two").await;
    let mut idle = given::function("default", "idle");
    store.append(idle.append(vec![registered("default", "idle")])).await.unwrap();
    let idle = function::id("default", "idle", 1);
    let mut newest = None;
    for _ in 0..3 {
        let mut run = a_run();
        newest = Some(given::request(&run, one.id).run);
        let event = requested(&run, one.id);
        store.append(run.append(vec![event])).await.unwrap();
    }
    let functions = [one.id, two.id, idle];
    let runs = store.newest_runs(&functions).await.unwrap();
    assert_eq!(runs.iter().map(|run| Some(run.id)).collect::<Vec<_>>(), [newest]);
    let mut found = store.newest_builds(&functions).await.unwrap();
    found.sort_by_key(|build| build.function != one.id);
    assert_eq!(found.iter().map(|build| build.function).collect::<Vec<_>>(), [one.id, two.id]);
    assert_eq!(found[0].id, builds[builds.len() - 1].id);
}

pub async fn open_runs_are_read_in_steps(home: Home) {
    let store = home.open().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let mut subject = a_run();
        let event = requested(&subject, function::id("default", "one", 1));
        ids.push(given::request(&subject, function::id("default", "one", 1)).run);
        store.append(subject.append(vec![event])).await.unwrap();
    }
    let some = store.open_runs(0, 2).await.unwrap();
    assert_eq!(some.iter().map(|row| row.id).collect::<Vec<_>>(), ids[..2]);
    // Each was created by its newest event here.
    let rest = store.open_runs(some[1].position, 9).await.unwrap();
    assert_eq!(rest.iter().map(|row| row.id).collect::<Vec<_>>(), ids[2..]);
}

pub async fn dead_letters_and_what_is_due_are_found(home: Home) {
    use run::event::{CallbackDelivered, CallbackFailed, Purged, Redriven};
    let store = home.open().await;
    let function = function::id("default", "one", 1);
    let mut dead = Vec::new();
    for number in 0..4 {
        let mut subject = a_run();
        let callback = (number < 2).then_some("https://example.com/");
        let event = given::requested_for(&subject, function, callback);
        store.append(subject.append(vec![event])).await.unwrap();
        // One append is what is recorded at once; the run goes on in others.
        store.append(subject.append(vec![run_started()])).await.unwrap();
        store.append(subject.append(vec![given::attempt_failed(100 - number)])).await.unwrap();
        dead.push(subject);
    }
    let id = |subject: &given::Subject<run::Aggregate>| subject.state.as_ref().unwrap().request.run;
    let ids: Vec<run::Id> = dead.iter().map(id).collect();
    let of = |rows: Vec<RunRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    // What waits between attempts is found among the open runs, with the time when it is due.
    let open = store.open_runs(0, 9).await.unwrap();
    let due: Vec<_> = open.iter().map(|row| (row.id, row.state, row.due)).collect();
    let expected = [(ids[0], 100), (ids[1], 99), (ids[2], 98), (ids[3], 97)];
    assert_eq!(due, expected.map(|(id, due)| (id, run::Status::Retrying, Some(at(due)))));
    assert_eq!(of(store.due_callbacks(at(1000), 9).await.unwrap()), []);

    for subject in &mut dead {
        store.append(subject.append(vec![given::dead_lettered()])).await.unwrap();
    }
    assert_eq!(of(store.open_runs(0, 9).await.unwrap()), []);
    assert_eq!(of(store.due_callbacks(at(12), 9).await.unwrap()), []);
    assert_eq!(of(store.due_callbacks(at(13), 9).await.unwrap()), ids[..2]);
    let letters = RunFilter { dead_letters: true, ..RunFilter::default() };
    let log = &store;
    let found = |filter: RunFilter| async move {
        let page = log.runs(&filter, &first(9)).await.unwrap();
        assert_eq!(page.total, page.rows.len() as u64);
        page.rows.into_iter().map(|(_, row)| row.id).collect::<Vec<_>>()
    };
    assert_eq!(found(letters.clone()).await, [ids[3], ids[2], ids[1], ids[0]]);

    let again = run::Id::new(Uuid::now_v7());
    let due = Some(at(500));
    let failed = CallbackFailed { attempt: 1, error: "no answer".into(), due, at: at(20) };
    let given_up = CallbackFailed { attempt: 2, due: None, ..failed.clone() };
    for (subject, events) in [
        (
            0,
            vec![
                run::Event::Redriven(Redriven { run: again, retry: None, at: at(20) }),
                run::Event::CallbackFailed(failed.clone()),
            ],
        ),
        (1, vec![run::Event::CallbackFailed(failed)]),
        (1, vec![run::Event::CallbackFailed(given_up)]),
        (2, vec![run::Event::Purged(Purged { at: at(20) })]),
    ] {
        let append = dead[subject].append(events);
        store.append(append).await.unwrap();
    }
    assert_eq!(found(letters.clone()).await, [ids[3], ids[1]]);
    let rows = store.due_callbacks(at(1000), 9).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].id, rows[0].callback_due), (ids[0], due));
    assert_eq!((rows[0].dead_letter, rows[0].redriven_as), (Some(run::LetterStatus::Redriven), Some(again)));
    let delivered = run::Event::CallbackDelivered(CallbackDelivered { attempt: 2, at: at(600) });
    store.append(dead[0].append(vec![delivered])).await.unwrap();
    assert_eq!(of(store.due_callbacks(at(1000), 9).await.unwrap()), []);

    let letters = |filter: RunFilter| found(RunFilter { dead_letters: true, ..filter });
    assert_eq!(letters(RunFilter { until: Some(at(10)), ..RunFilter::default() }).await, []);
    assert_eq!(letters(RunFilter { until: Some(at(11)), ..RunFilter::default() }).await, [ids[3], ids[1]]);
    assert_eq!(letters(RunFilter { trigger: Some("http.invoke".into()), ..RunFilter::default() }).await.len(), 2);
    assert_eq!(letters(RunFilter { trigger: Some("file.uploaded".into()), ..RunFilter::default() }).await, []);
    assert_eq!(letters(RunFilter { version: Some(1), ..RunFilter::default() }).await, [ids[3], ids[1]]);
    assert_eq!(letters(RunFilter { version: Some(2), ..RunFilter::default() }).await, []);

    // What happened to runs long after they were over is not forgotten.
    assert_eq!(store.verify().await.unwrap().faults, Vec::<String>::new());
    let before = everything(&store, function).await;
    store.rebuild().await.unwrap();
    assert_eq!(everything(&store, function).await, before);
}

pub async fn trigger_events_are_found_and_paged(home: Home) {
    let store = home.open().await;
    for (namespace, kind, id) in [("a", "x", "1"), ("a", "y", "2"), ("b", "x", "3")] {
        store.append(trigger_event(namespace, kind, id)).await.unwrap();
    }
    // Sent again it is the same event, and nothing is written.
    let again = store.append(trigger_event("a", "x", "1")).await.unwrap_err();
    assert!(matches!(again, crate::store::Error::Conflict { actual: 1, .. }), "{again}");
    let found = |filter: EventFilter, page: PageRequest| {
        let store = store.clone();
        async move {
            let page = store.events(&filter, &page).await.unwrap();
            (page.rows.iter().map(|(_, row)| row.event_id.clone()).collect::<Vec<_>>(), page.total, page.has_next)
        }
    };
    let text = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(found(EventFilter::default(), first(2)).await, (text(&["3", "2"]), 3, true));
    let of_kind = EventFilter { kind: Some("x".into()), ..EventFilter::default() };
    assert_eq!(found(of_kind, first(9)).await, (text(&["3", "1"]), 2, false));
    let of_namespace = EventFilter { namespaces: Some(vec!["a".into()]), ..EventFilter::default() };
    assert_eq!(found(of_namespace, first(9)).await, (text(&["2", "1"]), 2, false));
    for (kind, id) in [("file.uploaded", "4"), ("file.uploaded.again", "5"), ("profile_uploaded", "6")] {
        store.append(trigger_event("c", kind, id)).await.unwrap();
    }
    for (pattern, ids) in
        [("file.*", &["4"][..]), ("file.**", &["5", "4"]), ("*.uploaded", &["4"]), ("*", &["6", "3", "2", "1"])]
    {
        let fitting = EventFilter { kind: Some(pattern.into()), ..EventFilter::default() };
        assert_eq!(found(fitting, first(9)).await, (text(ids), ids.len() as u64, false), "{pattern}");
    }
    let row = store.events_by_id(&[event::id("a", "/test", "2")]).await.unwrap().remove(0);
    assert_eq!((row.kind.as_str(), row.subject.as_deref(), row.position), ("y", Some("it"), 2));
}

pub async fn the_history_is_filtered(home: Home) {
    let store = home.open().await;
    let mut subject = given::function("a", "hello");
    store.append(subject.append(vec![registered("a", "hello")])).await.unwrap();
    store.append(trigger_event("b", "x", "1")).await.unwrap();
    store.append(a_call(function::id("default", "one", 1))).await.unwrap();
    let build = function::BuildId::new(Uuid::now_v7());
    store.append(subject.append(vec![build_requested(build)])).await.unwrap();
    let found = |filter: HistoryFilter| {
        let store = store.clone();
        async move {
            let page = store.history(&filter, &first(MAX_PAGE)).await.unwrap();
            page.rows.iter().map(|(_, record)| record.position).collect::<Vec<_>>()
        }
    };
    assert_eq!(found(HistoryFilter::default()).await, [1, 2, 3, 4]);
    let of_stream = HistoryFilter { stream: Some(subject.stream.clone()), ..HistoryFilter::default() };
    assert_eq!(found(of_stream).await, [1, 4]);
    assert_eq!(found(HistoryFilter { kind: Some("Received".into()), ..HistoryFilter::default() }).await, [2]);
    let of = |name: &str| HistoryFilter { namespaces: Some(vec![name.into()]), ..HistoryFilter::default() };
    assert_eq!(found(of("a")).await, [1, 4]);
    assert_eq!(found(of("b")).await, [2]);
    assert_eq!(found(of("default")).await, [3]);
    let page = store.history(&HistoryFilter::default(), &first(2)).await.unwrap();
    let rest = PageRequest::first(9).counted().after(page.rows[1].0.clone());
    let page = store.history(&HistoryFilter::default(), &rest).await.unwrap();
    assert_eq!(page.rows.iter().map(|(_, record)| record.position).collect::<Vec<_>>(), [3, 4]);
    let newest = HistoryFilter { newest_first: true, ..HistoryFilter::default() };
    assert_eq!(found(newest.clone()).await, [4, 3, 2, 1]);
    let page = store.history(&newest, &first(2)).await.unwrap();
    let rest = PageRequest::first(9).counted().after(page.rows[1].0.clone());
    let page = store.history(&newest, &rest).await.unwrap();
    assert_eq!(page.rows.iter().map(|(_, record)| record.position).collect::<Vec<_>>(), [2, 1]);
}

/// A span that begins then, in 60 parts of a minute.
fn since(seconds: i64) -> Span {
    Span { since: at(seconds), part: TimeDelta::minutes(1), parts: 60 }
}

pub async fn metrics_count_what_ended(home: Home) {
    let store = home.open().await;
    let (one, two) = (function::id("default", "one", 1), function::id("default", "two", 1));
    for _ in 0..3 {
        store.append(a_call(one)).await.unwrap();
    }
    store.append(a_call(two)).await.unwrap();
    let mut open = a_run();
    let event = requested(&open, one);
    store.append(open.append(vec![event])).await.unwrap();
    let metrics = store.metrics(Some(one), None, &since(0)).await.unwrap();
    assert_eq!(
        (metrics.invocations, metrics.errors, metrics.cold_starts, metrics.waiting + metrics.running),
        (3, 0, 0, 1)
    );
    assert_eq!((metrics.p50_ms, metrics.p99_ms), (Some(1000.0), Some(1000.0)));
    assert_eq!(store.metrics(None, None, &since(0)).await.unwrap().invocations, 4);
    let late = store.metrics(None, None, &since(1000)).await.unwrap();
    assert_eq!((late.invocations, late.p50_ms), (0, None));
    let namespaces = ["other".to_owned()];
    assert_eq!(store.metrics(None, Some(&namespaces), &since(0)).await.unwrap().waiting, 0);
}

pub async fn metrics_count_runs_that_ended_long_after_they_were_asked_for(home: Home) {
    let store = home.open().await;
    let one = function::id("default", "one", 1);
    let mut long = a_run();
    let event = requested(&long, one);
    store.append(long.append(vec![event])).await.unwrap();
    let at_time = |seconds| domain::run::event::Succeeded { outcome: Default::default(), at: at(seconds) };
    let mut other = a_run();
    let mut request = given::request(&other, one);
    request.trigger = "late".into();
    let late = run::event::Requested { request, delivery: run::event::Delivery::Once, at: at(5000) };
    let events = vec![run::Event::Requested(late), run_started(), run::Event::Succeeded(at_time(5001))];
    store.append(other.append(events)).await.unwrap();
    assert_eq!(store.metrics(Some(one), None, &since(4900)).await.unwrap().invocations, 1);
    store.append(long.append(vec![run_started(), run::Event::Succeeded(at_time(5002))])).await.unwrap();
    assert_eq!(store.metrics(Some(one), None, &since(4900)).await.unwrap().invocations, 2);
    assert_eq!(store.metrics(Some(one), None, &since(6000)).await.unwrap().invocations, 0);
}

pub async fn metrics_tell_when_what_came_and_went(home: Home) {
    let store = home.open().await;
    let one = function::id("default", "one", 1);
    let mut runs = Vec::new();
    // Asked for in the parts 0, 1 and 2; the first begins in part 1 and ends in part 3, the second begins in part 3.
    for asked in [0, 60, 120] {
        let mut run = a_run();
        let request = given::request(&run, one);
        let requested = run::event::Requested { request, delivery: run::event::Delivery::Once, at: at(asked) };
        store.append(run.append(vec![run::Event::Requested(requested)])).await.unwrap();
        runs.push(run);
    }
    let begins = |seconds| match run_started() {
        run::Event::Started(started) => run::Event::Started(run::event::Started { at: at(seconds), ..started }),
        other => other,
    };
    let ends = run::Event::Succeeded(run::event::Succeeded { outcome: Default::default(), at: at(190) });
    store.append(runs[0].append(vec![begins(70), ends])).await.unwrap();
    store.append(runs[1].append(vec![begins(200)])).await.unwrap();

    let span = Span { parts: 5, ..since(0) };
    let metrics = store.metrics(Some(one), None, &span).await.unwrap();
    let series = |count: fn(&Point) -> u64| metrics.points.iter().map(count).collect::<Vec<_>>();
    assert_eq!(series(|point| point.invocations), [0, 0, 0, 1, 0]);
    assert_eq!(series(|point| point.waiting), [1, 1, 2, 1, 1]);
    assert_eq!(series(|point| point.running), [0, 1, 1, 1, 1]);
    assert_eq!(metrics.points[3].p50_ms, Some(120_000.0));
    assert_eq!((metrics.waiting, metrics.running), (1, 1));
    // A span that begins later knows what was there before.
    let later = store.metrics(Some(one), None, &Span { parts: 3, ..since(120) }).await.unwrap();
    assert_eq!(later.points.iter().map(|point| point.waiting).collect::<Vec<_>>(), [2, 1, 1]);

    let two = function::id("default", "two", 1);
    let calls = store.calls(&[one, two], &span).await.unwrap();
    assert_eq!(
        calls[&one].iter().map(|part| (part.calls, part.errors)).collect::<Vec<_>>(),
        [(0, 0), (0, 0), (0, 0), (1, 0), (0, 0)]
    );
    assert!(!calls.contains_key(&two));
}

pub async fn a_stopped_function_is_not_running(home: Home) {
    let store = home.open().await;
    let (function, ..) = a_life(&store, "default", "hello").await;
    let mut subject = given::function("default", "again");
    let build = function::BuildId::new(Uuid::now_v7());
    let events = vec![registered("default", "again"), build_requested(build), build_started(build)];
    store.append(subject.append(events)).await.unwrap();
    store.append(subject.append(vec![build_succeeded(build, 1), started(1), stopped()])).await.unwrap();
    let running = store.running_functions().await.unwrap();
    assert_eq!(running, [self::running(&function)]);
    let row = store.function_named("default", "again").await.unwrap().unwrap();
    assert_eq!((row.state, row.reason.as_deref()), (function::Status::Stopped, Some("enough")));
}

pub async fn rebuilt_tables_are_the_same(home: Home) {
    let store = home.open().await;
    let (function, ..) = a_life(&store, "default", "hello").await;
    for _ in 0..5 {
        store.append(a_call(function.id)).await.unwrap();
    }
    let mut open = a_run();
    let event = requested(&open, function.id);
    store.append(open.append(vec![event])).await.unwrap();
    store.append(open.append(vec![run_started()])).await.unwrap();
    store.append(trigger_event("default", "x", "1")).await.unwrap();
    let before = everything(&store, function.id).await;
    home.tamper("DELETE FROM runs WHERE created_position = (SELECT min(created_position) FROM runs)").await;
    home.tamper("UPDATE functions SET state = 'STOPPED'").await;
    home.tamper("DELETE FROM events").await;
    assert_ne!(everything(&store, function.id).await, before);
    assert_eq!(store.rebuild().await.unwrap(), store.head().await.unwrap());
    assert_eq!(everything(&store, function.id).await, before);
    let report = store.verify().await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
    assert_eq!((report.events, report.rows), (store.head().await.unwrap(), 1 + 2 + 3 + 6 + 1));
    // It goes on where it was.
    store.append(a_call(function.id)).await.unwrap();
}

pub async fn the_migrations_make_the_tables_that_are_declared(home: Home) {
    let log = home.log().await;
    let sql = match home.is_postgres() {
        true => {
            "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT), CAST(CASE is_nullable WHEN 'YES' THEN 1 ELSE 0 END AS BIGINT)
             FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1"
        }
        false => "SELECT name, type, CASE WHEN \"notnull\" = 0 AND pk = 0 THEN 1 ELSE 0 END FROM pragma_table_info($1)",
    };
    for table in columns::ALL {
        let mut migrated = Vec::new();
        for row in log.reader.db.fetch(sql, &[Value::Text(table.name.into())]).await.unwrap() {
            let mut cells = row.cells();
            let (name, kind) = (cells.text().unwrap(), cells.text().unwrap());
            let kind = match kind.as_str() {
                "INTEGER" | "bigint" => Kind::Int,
                "TEXT" | "text" => Kind::Text,
                "BLOB" | "bytea" => Kind::Bytes,
                other => panic!("{}.{name} is {other}", table.name),
            };
            migrated.push((name, kind, cells.int().unwrap() == 1));
        }
        let declared = table.columns.iter().map(|column| (column.name.to_owned(), column.kind, column.nullable));
        let mut declared: Vec<_> = declared.collect();
        migrated.sort_by(|a, b| a.0.cmp(&b.0));
        declared.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(migrated, declared, "{}", table.name);
    }
}

pub async fn a_name_that_no_state_has_is_damage(home: Home) {
    let store = home.open().await;
    let (function, _, builds) = a_life(&store, "default", "hello").await;
    let mut dead = a_run();
    let event = requested(&dead, function.id);
    store.append(dead.append(vec![event, run_started(), given::dead_lettered()])).await.unwrap();
    let (run, build) = (dead.state.as_ref().unwrap().request.run, builds[0].id);
    let read = async || {
        store.functions_by_id(&[function.id]).await?;
        store.builds_by_id(&[build]).await?;
        store.runs_by_id(&[run]).await?;
        store.run_counts(&RunFilter::default()).await.map(|_| ())
    };
    read().await.unwrap();
    let row_of_build = format!("builds WHERE id = '{build}'");
    for (table, column) in [
        ("functions", "state"),
        ("functions", "mode"),
        (row_of_build.as_str(), "state"),
        ("runs", "state"),
        ("runs", "dead_letter"),
    ] {
        let (name, condition) = table.split_once(' ').unwrap_or((table, ""));
        home.tamper(&format!("UPDATE {name} SET {column} = lower({column}) {condition}")).await;
        let error = read().await.unwrap_err();
        assert!(matches!(error, Error::Damaged(_)), "{table} {column}: {error}");
        home.tamper(&format!("UPDATE {name} SET {column} = upper({column}) {condition}")).await;
        read().await.unwrap();
    }
}

pub async fn what_a_build_offers_is_kept_and_made_again(home: Home) {
    let store = home.open().await;
    let mut subject = given::function("default", "many");
    let build = function::BuildId::new(Uuid::now_v7());
    let offer = |path: &str, name: Option<&str>| OfferedFolder {
        path: path.into(),
        recognized_as: "a \"handler\" in index.js".into(),
        name: name.map(str::to_owned),
    };
    let offered = vec![offer("functions/it's", None), offer("b", Some("beta"))];
    store.append(subject.append(vec![registered("default", "many"), build_requested(build)])).await.unwrap();
    assert_eq!(store.builds_by_id(&[build]).await.unwrap()[0].offered, []);
    let error = "nothing here".to_owned();
    let failed = BuildFailed { build, error, offered: offered.clone(), at: at(3) };
    store.append(subject.append(vec![function::Event::BuildFailed(failed)])).await.unwrap();
    let row = store.builds_by_id(&[build]).await.unwrap().pop().unwrap();
    assert_eq!((row.state, &row.offered), (function::BuildStatus::Failed, &offered));

    home.tamper("UPDATE builds SET offered = NULL").await;
    let faults = store.verify().await.unwrap().faults;
    assert!(faults.len() == 1 && faults[0].contains("offered"), "{faults:?}");
    store.rebuild().await.unwrap();
    assert_eq!(store.builds_by_id(&[build]).await.unwrap(), [row]);
    assert_eq!(store.verify().await.unwrap().faults, [] as [String; 0]);
}

pub async fn names_that_are_taken_are_told_from_those_that_are_free(home: Home) {
    let store = home.open().await;
    let (mut gone, mut there) = (given::function("default", "gone"), given::function("default", "there"));
    store.append(gone.append(vec![registered("default", "gone"), deregistered()])).await.unwrap();
    store.append(there.append(vec![registered("default", "there")])).await.unwrap();
    let names = ["free", "gone", "it's", "default", "there"].map(str::to_owned);
    assert_eq!(store.names_taken("default", &names).await.unwrap(), ["there"]);
    assert_eq!(store.names_taken("elsewhere", &names).await.unwrap(), [] as [String; 0]);
    assert_eq!(store.names_taken("default", &[]).await.unwrap(), [] as [String; 0]);
    assert_eq!(store.namespaces_among(&names).await.unwrap(), ["default"]);
    let own = store.function(function::id("default", "there", 1)).await.unwrap().unwrap();
    let path = |path: Option<&str>| match own.source.clone() {
        Source::Git { url, git_ref, .. } => Source::Git { url, git_ref, path: path.map(str::to_owned) },
        other => panic!("{other:?}"),
    };
    let sources = [path(Some("b")), path(None)];
    assert_eq!(store.functions_from("default", &sources).await.unwrap(), [(path(None), own.id)]);
    assert_eq!(store.functions_from("elsewhere", &sources).await.unwrap(), []);
}

async fn everything(store: &Store, function: function::Id) -> String {
    let all = first(MAX_PAGE);
    format!(
        "{:?} {:?} {:?} {:?} {:?}",
        store.functions(&FunctionFilter::default(), &all).await.unwrap(),
        store.versions(function, &all).await.unwrap(),
        store.builds(function, &all).await.unwrap(),
        store.runs(&RunFilter::default(), &all).await.unwrap(),
        store.events(&EventFilter::default(), &all).await.unwrap(),
    )
}

pub async fn verify_names_what_was_changed(home: Home) {
    let store = home.open().await;
    let (function, _, builds) = a_life(&store, "default", "hello").await;
    let call = store.append(a_call(function.id)).await.unwrap();
    store.append(trigger_event("default", "x", "1")).await.unwrap();
    assert_eq!(store.verify().await.unwrap().faults, Vec::<String>::new());

    let stream = domain::Stream::function(function.id);
    let faults = async |tamper: String, repair: String| {
        home.tamper(&tamper).await;
        let faults = store.verify().await.unwrap().faults;
        home.tamper(&repair).await;
        faults.join("\n")
    };
    let bytes = |text: &str| {
        if home.is_postgres() { format!("convert_to('{text}', 'UTF8')") } else { format!("CAST('{text}' AS BLOB)") }
    };
    let original = store.log(6, 1).await.unwrap().remove(0);
    let original = format!(
        "UPDATE log SET data = {} WHERE position = 7",
        bytes(&String::from_utf8_lossy(&original.data).replace('\'', "''"))
    );

    let named = format!("log position 7 (stream {stream}, version 7): hash does not fit its content");
    let changed =
        format!("UPDATE log SET data = {} WHERE position = 7", bytes(r#"{"v":1,"at":"2026-01-01T00:00:00Z"}"#));
    let found = faults(changed, original.clone()).await;
    assert!(found.contains(&named), "payload: {found}");

    let found = faults(
        "UPDATE log SET actor = 'user:eve' WHERE position = 7".into(),
        "UPDATE log SET actor = 'user:ada' WHERE position = 7".into(),
    )
    .await;
    assert!(found.contains(&named), "actor: {found}");

    let found = faults(
        "UPDATE log SET namespace = 'other' WHERE position = 7".into(),
        "UPDATE log SET namespace = 'default' WHERE position = 7".into(),
    )
    .await;
    assert!(found.contains("log position 7") && found.contains("namespace is other, the log says default"), "{found}");

    let found =
        faults("UPDATE functions SET state = 'STOPPED'".into(), "UPDATE functions SET state = 'RUNNING'".into()).await;
    assert_eq!(found, format!("functions row {}: state is STOPPED, the log says RUNNING", function.id));

    let found = faults(
        format!("UPDATE builds SET node = NULL WHERE id = '{}'", builds[1].id),
        format!("UPDATE builds SET node = NULL WHERE id = '{}'", builds[1].id),
    )
    .await;
    assert_eq!(found, "", "a finished build names no node");

    let found = faults(
        format!("UPDATE runs SET http_status = 500 WHERE created_position = {}", call.position),
        format!("UPDATE runs SET http_status = 200 WHERE created_position = {}", call.position),
    )
    .await;
    assert!(found.contains("http_status is 500, the log says 200"), "{found}");

    let found = faults("UPDATE events SET subject = 'that'".into(), "UPDATE events SET subject = 'it'".into()).await;
    assert!(found.contains("subject is that, the log says it"), "{found}");

    let found = faults(
        format!("UPDATE versions SET size = 1 WHERE function = '{}' AND number = 2", function.id),
        format!("UPDATE versions SET size = 4096 WHERE function = '{}' AND number = 2", function.id),
    )
    .await;
    assert_eq!(found, format!("versions row {}/2: size is 1, the log says 4096", function.id));
    assert_eq!(store.verify().await.unwrap().faults, Vec::<String>::new());

    home.tamper(
        "INSERT INTO runs (created_position, id, function, namespace, state, trigger, attempts, cold_start, queued_at, position)
         VALUES (900, 'made-up', 'f', 'default', 'SUCCEEDED', 'x', 1, 0, 0, 900)",
    )
    .await;
    let found = store.verify().await.unwrap().faults.join("\n");
    assert_eq!(found, "runs row made-up: the log knows nothing of it");
    home.tamper("DELETE FROM runs WHERE created_position = 900").await;

    home.tamper(&format!("DELETE FROM runs WHERE created_position = {}", call.position)).await;
    let found = store.verify().await.unwrap().faults.join("\n");
    assert!(found.starts_with("runs row ") && found.ends_with("is missing"), "{found}");

    home.tamper("DELETE FROM log WHERE position = 5").await;
    let found = store.verify().await.unwrap().faults.join("\n");
    assert!(found.contains("log position 5 is missing"), "{found}");
    assert!(found.contains(&format!("(stream {stream}, version 6): version 5 is missing before it")), "{found}");

    let last = store.head().await.unwrap();
    home.tamper(&format!("DELETE FROM log WHERE position = {last}")).await;
    let found = store.verify().await.unwrap().faults.join("\n");
    assert!(found.contains(&format!("log position {last} is missing")), "{found}");
}
