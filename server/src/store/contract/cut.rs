//! Removing what is old.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::{Stream, event, function, run};
use futures::{StreamExt, future};
use tokio::time::Instant;
use uuid::Uuid;

use super::given::{self, Subject, a_call, a_run, at, line, requested, run_started, trigger_event};
use super::home::{Home, soon};
use crate::store::{
    Append, Error, EventFilter, FunctionFilter, HistoryFilter, LinesOf, NewEvent, Old, PageRequest, RELAY, Relayed,
    RunFilter, Store,
};

fn all() -> PageRequest {
    PageRequest::first(100).counted()
}

/// The relay has seen everything.
async fn relayed(store: &Store) {
    let from = store.checkpoint(RELAY).await.unwrap();
    assert!(store.move_checkpoint(RELAY, from, store.head().await.unwrap()).await.unwrap());
}

/// Removes all that is old, step by step.
async fn cut(store: &Store, what: Old, before: i64) -> u64 {
    let (mut after, mut removed) = (0, 0);
    loop {
        let step = soon("a step", store.cut(what, at(before), after)).await.unwrap();
        removed += step.removed;
        match step.next {
            Some(next) => after = next,
            None => return removed,
        }
    }
}

/// Every position of the log.
async fn positions(store: &Store) -> Vec<u64> {
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page = store.log(after, 1000).await.unwrap();
        let Some(last) = page.last() else { return found };
        after = last.position;
        found.extend(page.iter().map(|record| record.position));
    }
}

async fn everything(store: &Store, function: function::Id) -> String {
    format!(
        "{:?} {:?} {:?} {:?}",
        store.functions(&FunctionFilter::default(), &all()).await.unwrap(),
        store.builds(function, &all()).await.unwrap(),
        store.runs(&RunFilter::default(), &all()).await.unwrap(),
        store.events(&EventFilter::default(), &all()).await.unwrap(),
    )
}

async fn is_sound(store: &Store) {
    assert_eq!(store.verify().await.unwrap().faults, Vec::<String>::new());
}

fn succeeded(seconds: i64) -> run::Event {
    let run::Event::Succeeded(event) = given::run_succeeded() else { panic!("it succeeds") };
    run::Event::Succeeded(run::event::Succeeded { at: at(seconds), ..event })
}

/// Appends each of these by itself.
async fn happens(store: &Store, subject: &mut Subject<run::Aggregate>, events: Vec<run::Event>) {
    for event in events {
        store.append(subject.append(vec![event])).await.unwrap();
    }
}

fn id(subject: &Subject<run::Aggregate>) -> run::Id {
    subject.state.as_ref().unwrap().request.run
}

pub async fn what_is_old_goes_and_nothing_else(home: Home) {
    let store = home.open().await;
    let mut function = given::function("default", "hello");
    let of = function::id("default", "hello", 1);
    store.append(function.append(vec![given::registered("default", "hello")])).await.unwrap();
    let mut old = Vec::new();
    for _ in 0..3 {
        let call = a_call(of);
        old.push(call.stream.clone());
        store.append(call).await.unwrap();
    }
    let build = function::BuildId::new(Uuid::now_v7());
    store.append(function.append(vec![given::build_requested(build)])).await.unwrap();
    let [mut ended, mut open, mut young, mut dead, mut undelivered] = [0; 5].map(|_| a_run());
    for subject in [&mut ended, &mut open, &mut young] {
        let events = vec![requested(subject, of), run_started()];
        happens(&store, subject, events).await;
    }
    happens(&store, &mut ended, vec![succeeded(12)]).await;
    for (subject, callback) in [(&mut dead, None), (&mut undelivered, Some("https://example.com/"))] {
        let events = vec![given::requested_for(subject, of, callback), run_started(), given::dead_lettered()];
        happens(&store, subject, events).await;
    }
    // Of two events, one has a run that is not over.
    let [lone, awaited] = ["lone", "awaited"].map(|name| event::id("default", "/test", name));
    for name in ["lone", "awaited"] {
        store.append(trigger_event("default", "x", name)).await.unwrap();
    }
    let mut of_event = a_run();
    let request = run::event::Request { event: Some(awaited), ..given::request(&of_event, of) };
    let delivery = run::event::Delivery::Once;
    let asked = run::Event::Requested(run::event::Requested { request, delivery, at: at(10) });
    happens(&store, &mut of_event, vec![asked, run_started()]).await;
    // The log is nearly in order of time.
    happens(&store, &mut young, vec![succeeded(60)]).await;
    let mut lines: Vec<_> = ["of the ended", "of the open", "of the function", "young"].map(|t| line(of, t)).into();
    lines[0].run = Some(id(&ended));
    lines[1].run = Some(id(&open));
    lines[3].at = at(60);
    store.append_lines(lines).await.unwrap();
    let head = store.head().await.unwrap();

    // What the relay has not seen may have consequences still.
    assert_eq!((cut(&store, Old::Runs, 50).await, cut(&store, Old::Events, 50).await), (0, 0));
    assert!(store.move_checkpoint(RELAY, 0, 3).await.unwrap());
    assert_eq!(cut(&store, Old::Runs, 50).await, 2);
    relayed(&store).await;
    assert_eq!(cut(&store, Old::Runs, 11).await, 0, "none of them was over before");
    assert_eq!((cut(&store, Old::Runs, 50).await, cut(&store, Old::Events, 50).await), (3, 1));
    assert_eq!((cut(&store, Old::Runs, 50).await, cut(&store, Old::Events, 50).await), (0, 0));

    old.extend([ended.stream.clone(), dead.stream.clone(), Stream::event(lone)]);
    for stream in &old {
        assert_eq!(store.stream(stream, 0, 10).await.unwrap(), []);
    }
    for (subject, records) in [(&open, 2), (&young, 3), (&undelivered, 3), (&of_event, 2)] {
        assert_eq!(store.stream(&subject.stream, 0, 10).await.unwrap().len(), records);
        assert_eq!(store.runs_by_id(&[id(subject)]).await.unwrap().len(), 1);
    }
    assert_eq!(store.runs(&RunFilter::default(), &all()).await.unwrap().total, 4);
    let events = store.events(&EventFilter::default(), &all()).await.unwrap();
    assert_eq!(events.rows.iter().map(|(_, row)| row.id).collect::<Vec<_>>(), [awaited]);
    assert_eq!(store.stream(&function.stream, 0, 10).await.unwrap().len(), 2, "a function's life is never cut");
    let texts = |of| {
        let store = store.clone();
        async move {
            let lines = store.lines(of, 0, 100).await.unwrap();
            lines.into_iter().map(|line| line.line.text).collect::<Vec<_>>()
        }
    };
    assert_eq!(texts(LinesOf::Function(of)).await, ["of the open", "of the function", "young"]);
    assert_eq!(cut(&store, Old::Lines, 50).await, 2);
    assert_eq!(texts(LinesOf::Function(of)).await, ["young"]);

    assert_eq!(store.head().await.unwrap(), head, "positions are not used again");
    let left = positions(&store).await;
    let history = store.history(&HistoryFilter::default(), &all()).await.unwrap();
    assert_eq!((history.total, history.rows.len()), (left.len() as u64, left.len()));
    is_sound(&store).await;
    let before = everything(&store, of).await;
    assert_eq!(store.rebuild().await.unwrap(), left.len() as u64);
    assert_eq!(everything(&store, of).await, before);
    is_sound(&store).await;
    // What stays goes on.
    let delivered = run::event::CallbackDelivered { attempt: 1, at: at(70) };
    happens(&store, &mut undelivered, vec![run::Event::CallbackDelivered(delivered)]).await;
    happens(&store, &mut open, vec![succeeded(70)]).await;
    relayed(&store).await;
    assert_eq!(cut(&store, Old::Runs, 65).await, 2, "the one whose callback was delivered, and the one that was young");
    is_sound(&store).await;
}

/// The same event, received as if for the first time.
fn again(append: &Append) -> Append {
    let events = append.events.iter().map(|event| NewEvent { id: Uuid::now_v7(), ..event.clone() });
    Append { events: events.collect(), ..append.clone() }
}

pub async fn what_was_removed_can_come_again(home: Home) {
    let store = home.open().await;
    let of = function::id("default", "hello", 1);
    let received = trigger_event("default", "x", "1");
    let mut ran = run_of(of);
    let (first, rest) = (ran.append(vec![requested(&ran, of)]), ran.append(vec![run_started(), succeeded(12)]));
    for round in 0..3 {
        // An append whose stream this server remembers, and one whose stream it does not.
        let store = if round == 2 { home_again(&home, &store).await } else { store.clone() };
        let appended = store.append(again(&received)).await.unwrap();
        assert_eq!(appended.version, 1);
        let error = store.append(again(&received)).await.unwrap_err();
        assert!(matches!(error, Error::Conflict { actual: 1, .. }), "{error}");
        assert_eq!(store.append(again(&first)).await.unwrap().version, 1);
        assert_eq!(store.append(again(&rest)).await.unwrap().version, 3);
        relayed(&store).await;
        assert_eq!((cut(&store, Old::Runs, 50).await, cut(&store, Old::Events, 50).await), (1, 1));
        let late = store.append(again(&rest)).await.unwrap_err();
        assert!(matches!(late, Error::Conflict { expected: 1, actual: 0, .. }), "{late}");
        is_sound(&store).await;
    }
}

/// On PostgreSQL another server, on SQLite the same.
async fn home_again(home: &Home, store: &Store) -> Store {
    if home.is_postgres() { home.open().await } else { store.clone() }
}

fn run_of(function: function::Id) -> Subject<run::Aggregate> {
    given::run_with(run::id(event::id("default", "/test", "1"), function))
}

pub async fn followers_pass_over_what_was_removed(home: Home) {
    let store = home.open().await;
    let of = function::id("default", "hello", 1);
    let mut function = given::function("default", "hello");
    store.append(function.append(vec![given::registered("default", "hello")])).await.unwrap();
    for _ in 0..4 {
        let calls = (0..700).map(|_| a_call(of)).collect();
        assert!(store.append_each(calls).await.iter().all(Result::is_ok));
        let build = function::BuildId::new(Uuid::now_v7());
        store.append(function.append(vec![given::build_requested(build)])).await.unwrap();
    }
    let mut behind = store.follow(0);
    assert_eq!(soon("the beginning", behind.next()).await.unwrap().unwrap()[0].position, 1);
    relayed(&store).await;
    assert_eq!(cut(&store, Old::Runs, 50).await, 2800);
    let kept = [1, 702, 1403, 2104, 2805];
    assert_eq!(positions(&store).await, kept);
    drop((store, behind));

    let store = home.open().await;
    let mut feed = store.follow(0);
    let mut seen = Vec::new();
    while seen.len() < kept.len() {
        seen.extend(soon("a batch", feed.next()).await.unwrap().unwrap().iter().map(|record| record.position));
    }
    assert_eq!(seen, kept);
    // Nothing is left between a follower and the end.
    let calls = (0..50).map(|_| a_call(of)).collect();
    assert!(store.append_each(calls).await.iter().all(Result::is_ok));
    relayed(&store).await;
    assert_eq!(cut(&store, Old::Runs, 50).await, 50);
    drop((store, feed));
    let store = home.open().await;
    let mut feed = store.follow(2805);
    let waits = tokio::time::timeout(Duration::from_millis(50), feed.next()).await;
    assert!(waits.is_err(), "nothing has changed");
    let last = store.append(a_call(of)).await.unwrap().position;
    assert_eq!(last, 2856);
    let batch = soon("what comes next", feed.next()).await.unwrap().unwrap();
    assert_eq!(batch.iter().map(|record| record.position).collect::<Vec<_>>(), [last]);
    assert_eq!(store.stats().gaps(), 0);
    is_sound(&store).await;

    // After the newest removed record a hole is damage, as ever; before it, a record too few is.
    store.append(a_call(of)).await.unwrap();
    home.tamper("DELETE FROM log WHERE position = 2856").await;
    drop((store, feed));
    let store = home.open().await;
    let error = soon("the gap", store.follow(2805).next()).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
    let found = store.verify().await.unwrap().faults.join("\n");
    assert!(found.contains("log position 2856 is missing"), "{found}");
    assert!(!found.contains("removed"), "{found}");
    home.tamper("DELETE FROM log WHERE position = 1403").await;
    let found = store.verify().await.unwrap().faults.join("\n");
    assert!(found.contains("2851 records up to position 2855 are not there, 2850 were removed"), "{found}");
    assert!(found.contains("version 3 is missing before it"), "{found}");
}

pub async fn runs_that_go_on_while_they_are_removed_are_whole_or_gone(home: Home) {
    let store = home.open().await;
    let other = home_again(&home, &store).await;
    let of = function::id("default", "hello", 1);
    let mut subjects: Vec<_> = (0..300).map(|_| a_run()).collect();
    let appends = subjects.iter_mut().map(|subject| {
        let events = vec![given::requested_for(subject, of, None), run_started(), given::dead_lettered()];
        subject.append(events)
    });
    assert!(store.append_each(appends.collect()).await.iter().all(Result::is_ok));
    relayed(&store).await;
    let purge = |subject: &mut Subject<run::Aggregate>| {
        subject.append(vec![run::Event::Purged(run::event::Purged { at: at(14) })])
    };
    let purges: Vec<Append> = subjects.iter_mut().map(purge).collect();
    let purging = async {
        let mut gone = 0;
        for purges in purges.chunks(10) {
            let servers = [&store, &other];
            let asked = purges.iter().enumerate().map(|(index, append)| servers[index % 2].append(append.clone()));
            for result in future::join_all(asked).await {
                match result {
                    Ok(appended) => assert_eq!(appended.version, 4),
                    Err(Error::Conflict { actual: 0, .. }) => gone += 1,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        gone
    };
    let cutting = async {
        tokio::task::yield_now().await;
        cut(&store, Old::Runs, 50).await
    };
    let (gone, removed) = soon("both", async { tokio::join!(purging, cutting) }).await;
    assert!(gone <= removed, "{gone} of {removed}");
    is_sound(&store).await;
    relayed(&store).await;
    assert_eq!(cut(&other, Old::Runs, 50).await, 300 - removed);
    assert!(positions(&store).await.is_empty());
    is_sound(&store).await;
}

// Several servers, on PostgreSQL only.

pub async fn a_server_hears_of_what_another_removed(home: Home) {
    let (one, two) = (home.open().await, home.open().await);
    let of = function::id("default", "hello", 1);
    let received = trigger_event("default", "x", "1");
    one.append(again(&received)).await.unwrap();
    // Both remember the stream.
    let error = two.append(again(&received)).await.unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }), "{error}");
    relayed(&one).await;
    assert_eq!(cut(&one, Old::Events, 50).await, 1);
    assert_eq!(two.append(again(&received)).await.unwrap().version, 1);
    // What the other one knows is out of date twice over.
    let error = one.append(again(&received)).await.unwrap_err();
    assert!(matches!(error, Error::Conflict { actual: 1, .. }), "{error}");
    one.append(a_call(of)).await.unwrap();
    for store in [&one, &two] {
        assert_eq!(positions(store).await, [2, 3]);
        assert_eq!(store.stats().gaps(), 0);
    }
    is_sound(&two).await;
}

/// How long appends take alone, and beside the removal of a hundred thousand runs. Prints what it measures:
/// `scripts/with-postgres cargo test --release -p server --lib old_runs -- --ignored --nocapture --test-threads 1`.
pub async fn appends_are_measured_while_old_runs_are_removed(home: Home) {
    const RUNS: usize = 100_000;
    const WRITERS: usize = 8;
    const SPAN: Duration = Duration::from_secs(3);
    let store = home.open().await;
    let of = function::id("default", "hello", 1);
    for _ in 0..RUNS / 1000 {
        let calls = (0..1000).map(|_| a_call(of)).collect();
        assert!(store.append_each(calls).await.iter().all(Result::is_ok));
    }
    relayed(&store).await;
    let measure = |stop: Arc<AtomicBool>| {
        let writers = (0..WRITERS).map(|_| {
            let (store, stop) = (store.clone(), stop.clone());
            tokio::spawn(async move {
                let mut took = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let append = a_young_call(of);
                    let since = Instant::now();
                    store.append(append).await.unwrap();
                    took.push(since.elapsed());
                    // A steady load, not as much as it can bear.
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                took
            })
        });
        let writers: Vec<_> = writers.collect();
        async move {
            let mut took = Vec::new();
            for writer in writers {
                took.extend(writer.await.unwrap());
            }
            took.sort_unstable();
            let of_hundred = |part: usize| took[took.len() * part / 100];
            (took.len(), of_hundred(50), of_hundred(99), *took.last().unwrap())
        }
    };
    let mut after = 0;
    // In turns: a machine that does something else as well is then the same for all.
    for round in 1..=3 {
        for (what, rest) in [("alone", None), ("beside the sweep", Some(1)), ("beside a sweep without rest", Some(0))] {
            let stop = Arc::new(AtomicBool::new(false));
            let appends = measure(stop.clone());
            let since = Instant::now();
            let (mut removed, mut steps) = (0, 0);
            while since.elapsed() < SPAN {
                let Some(rest) = rest else {
                    tokio::time::sleep(SPAN).await;
                    continue;
                };
                let began = Instant::now();
                let step = store.cut(Old::Runs, at(50), after).await.unwrap();
                removed += step.removed;
                steps += 1;
                let Some(next) = step.next else { break };
                after = next;
                tokio::time::sleep(began.elapsed() * rest).await;
            }
            let took = since.elapsed();
            stop.store(true, Ordering::Relaxed);
            let (count, p50, p99, max) = appends.await;
            println!("{round}, {what}: {count} appends, p50 {p50:?}, p99 {p99:?}, max {max:?}");
            println!("   {removed} runs removed in {steps} steps, {took:?}");
        }
    }
    is_sound(&store).await;
}

/// A call that is not old.
fn a_young_call(function: function::Id) -> Append {
    let mut subject = a_run();
    let run::Event::Answered(mut event) = given::answered(&subject, function) else { panic!("it is answered") };
    event.at = at(100);
    subject.append(vec![run::Event::Answered(event)])
}

pub async fn a_namespace_that_is_behind_keeps_nothing_of_the_others(home: Home) {
    let store = home.open().await;
    for namespace in ["loud", "quiet"] {
        store.append(trigger_event(namespace, "x", "early")).await.unwrap();
    }
    store.append(trigger_event("quiet", "x", "late")).await.unwrap();
    assert_eq!(store.relayed().await.unwrap(), Relayed::default());
    assert_eq!(cut(&store, Old::Events, 50).await, 0);
    let behind = BTreeMap::from([("loud".to_owned(), 0)]);
    store.write_relayed(2, &behind).await.unwrap();
    assert_eq!(store.relayed().await.unwrap(), Relayed { through: 0, seen: 2, behind });
    assert_eq!(cut(&store, Old::Events, 50).await, 1);
    assert_eq!(positions(&store).await, [1, 3]);
    store.write_relayed(3, &BTreeMap::new()).await.unwrap();
    assert_eq!(cut(&store, Old::Events, 50).await, 2);
    is_sound(&store).await;
}
