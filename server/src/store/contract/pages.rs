//! Pages from either end, held against the algorithms of the Relay Cursor Connections Specification.

use std::future::Future;

use domain::function;

use super::given::{self, a_run, deregistered, registered, requested, trigger_event};
use super::home::Home;
use crate::store::page::MAX_PAGE;
use crate::store::{EventFilter, FunctionFilter, HistoryFilter, Page, PageRequest, RunFilter, Store};

/// A page as far as these tests look at it: cursors, whether there are more before and after, and how many there are.
type Seen = (Vec<String>, bool, bool, u64);

fn seen<T>(page: Page<T>) -> Seen {
    (page.rows.into_iter().map(|(cursor, _)| cursor).collect(), page.has_previous, page.has_next, page.total)
}

/// What the specification has (4.4 `EdgesToReturn`, 5.1 `HasPreviousPage` and `HasNextPage`) of a list with these cursors.
/// A cursor `before` that is not behind `after` leaves nothing.
fn expected(all: &[String], request: &PageRequest) -> Seen {
    let place = |cursor: &String| all.iter().position(|one| one == cursor).unwrap();
    let start = request.after.as_ref().map_or(0, |cursor| place(cursor) + 1);
    let end = request.before.as_ref().map_or(all.len(), place).max(start);
    let within = &all[start..end];
    let rows = (request.rows as usize).min(within.len());
    let more = within.len() > rows;
    let (shown, previous, next) = if request.backward {
        (&within[within.len() - rows..], more, request.before.is_some())
    } else {
        (&within[..rows], request.after.is_some(), more)
    };
    (shown.to_vec(), previous, next, all.len() as u64)
}

/// Asks a listing for every page that there is.
async fn check<F: Future<Output = Seen>>(what: &str, count: usize, ask: impl Fn(PageRequest) -> F) {
    let (all, _, _, total) = ask(PageRequest::first(MAX_PAGE).counted()).await;
    assert_eq!((all.len(), total), (count, count as u64), "{what}");
    let cursors: Vec<_> = std::iter::once(None).chain(all.iter().cloned().map(Some)).collect();
    for after in &cursors {
        for before in &cursors {
            for rows in 1..=all.len() as u32 + 1 {
                for request in [PageRequest::first(rows), PageRequest::last(rows)] {
                    let request = request.counted().after(after.clone()).before(before.clone());
                    let request = PageRequest { both_sides: true, ..request };
                    assert_eq!(ask(request.clone()).await, expected(&all, &request), "{what}: {request:?}");
                }
            }
        }
    }
}

pub async fn pages_are_taken_from_either_end(home: Home) {
    let store = home.open().await;
    let id = function::id("a", "one", 1);
    for (namespace, name) in [("a", "one"), ("b", "o-ne"), ("b", "one"), ("c", "a")] {
        let mut subject = given::function(namespace, name);
        store.append(subject.append(vec![registered(namespace, name)])).await.unwrap();
        store.append(trigger_event(namespace, "x", &format!("x-{name}"))).await.unwrap();
        store.append(trigger_event(namespace, "y", &format!("y-{name}"))).await.unwrap();
        let mut run = a_run();
        let event = requested(&run, id);
        store.append(run.append(vec![event])).await.unwrap();
    }
    check("functions", 4, |request| {
        let store = store.clone();
        async move { seen(store.functions(&FunctionFilter::default(), &request).await.unwrap()) }
    })
    .await;
    check("runs", 4, |request| {
        let store = store.clone();
        let filter = RunFilter { function: Some(id), ..RunFilter::default() };
        async move { seen(store.runs(&filter, &request).await.unwrap()) }
    })
    .await;
    check("events", 4, |request| {
        let store = store.clone();
        let filter = EventFilter { kind: Some("y".into()), namespaces: None };
        async move { seen(store.events(&filter, &request).await.unwrap()) }
    })
    .await;
    for newest_first in [false, true] {
        check("history", 4, |request| {
            let store = store.clone();
            let filter = HistoryFilter { kind: Some("Requested".into()), newest_first, ..HistoryFilter::default() };
            async move { seen(store.history(&filter, &request).await.unwrap()) }
        })
        .await;
    }
    builds_and_versions(&store).await;
}

async fn builds_and_versions(store: &Store) {
    let (function, _, _) = super::tables::a_life(store, "d", "hello").await;
    check("builds", 3, |request| {
        let store = store.clone();
        async move { seen(store.builds(function.id, &request).await.unwrap()) }
    })
    .await;
    check("versions", 2, |request| {
        let store = store.clone();
        async move { seen(store.versions(function.id, &request).await.unwrap()) }
    })
    .await;
}

/// A cursor stands for a place: what was there may be gone, and nobody has to know.
pub async fn a_cursor_outlives_its_row(home: Home) {
    let store = home.open().await;
    let mut first = given::function("a", "a");
    store.append(first.append(vec![registered("a", "a")])).await.unwrap();
    for name in ["b", "c"] {
        let mut subject = given::function("a", name);
        store.append(subject.append(vec![registered("a", name)])).await.unwrap();
    }
    let ask = |request: PageRequest| {
        let (store, request) = (store.clone(), PageRequest { both_sides: true, ..request });
        async move { seen(store.functions(&FunctionFilter::default(), &request).await.unwrap()) }
    };
    let (cursors, ..) = ask(PageRequest::first(9)).await;
    let (of_first, rest) = (cursors[0].clone(), cursors[1..].to_vec());
    assert_eq!(ask(PageRequest::first(9).after(of_first.clone())).await, (rest.clone(), true, false, 0));
    store.append(first.append(vec![deregistered()])).await.unwrap();
    assert_eq!(ask(PageRequest::first(9).after(of_first.clone())).await, (rest, false, false, 0));
    assert_eq!(ask(PageRequest::last(9).before(of_first)).await, (vec![], false, true, 0));
    // A page that nobody asks about the other side of is one query.
    let plain = PageRequest::first(9).after(cursors[1].clone());
    let page = store.functions(&FunctionFilter::default(), &plain).await.unwrap();
    assert_eq!((page.rows.len(), page.has_previous), (1, false));
}

/// Only cursors that the store made are taken, at both ends and in every listing.
pub async fn a_strange_cursor_is_refused_at_either_end(home: Home) {
    let store = home.open().await;
    let strange = ["", "not a cursor!", "eA", "MQ", "YQpiCmM", "YQpiCjEKMQ", "LTE", "/w"];
    for cursor in strange {
        for request in [PageRequest::first(1).after(cursor.to_owned()), PageRequest::last(1).before(cursor.to_owned())]
        {
            let of_functions = store.functions(&FunctionFilter::default(), &request).await;
            assert!(matches!(of_functions, Err(crate::store::Error::Refused(_))), "{cursor}: {of_functions:?}");
            // `MQ` is the place after the first record.
            let of_runs = store.runs(&RunFilter::default(), &request).await;
            assert_eq!(of_runs.is_ok(), cursor == "MQ", "{cursor}: {of_runs:?}");
        }
    }
}
