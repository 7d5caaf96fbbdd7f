//! Appending, reading, following.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use domain::{Stream, function, run};
use futures::StreamExt;
use sqlx::{Connection, Executor};
use uuid::Uuid;

use super::given::{self, a_call, a_run, answered, at, line, requested, run_started, run_succeeded, trigger_event};
use super::home::{Home, soon};
use crate::store::{
    Append, Error, Feed, HistoryFilter, LineFeed, LineRow, LinesOf, NewLine, PageRequest, Recent, RunFilter, Snapshot,
    Store, page,
};

fn some_function() -> function::Id {
    function::id("default", "hello", 1)
}

pub async fn what_is_appended_is_read_back(home: Home) {
    let store = home.open().await;
    let mut subject = a_run();
    let events = vec![requested(&subject, some_function()), run_started(), run_succeeded()];
    let append = subject.append(events);
    let appended = store.append(append.clone()).await.unwrap();
    assert_eq!((appended.position, appended.version), (3, 3));

    let records = store.stream(&subject.stream, 0, 100).await.unwrap();
    assert_eq!(records.len(), 3);
    let mut previous = [0; 32];
    for (index, (record, event)) in records.iter().zip(&append.events).enumerate() {
        assert_eq!(record.position, index as u64 + 1);
        assert_eq!(record.version, index as u64 + 1);
        assert_eq!(record.stream, subject.stream);
        assert_eq!(
            (record.id, &*record.kind, &*record.data, record.at),
            (event.id, event.kind, &*event.data, event.at)
        );
        assert_eq!(record.cause, append.cause);
        let mut content = previous.to_vec();
        domain::hash::content(
            &mut content,
            &record.stream,
            record.version,
            record.id,
            &record.kind,
            &record.data,
            record.at,
            &record.cause,
        );
        use sha2::Digest;
        assert_eq!(record.hash, <[u8; 32]>::from(sha2::Sha256::digest(&content)));
        previous = record.hash;
    }
    assert_eq!(store.stream(&subject.stream, 1, 1).await.unwrap(), records[1..2]);
    assert_eq!(store.log(2, 100).await.unwrap(), records[2..]);
    assert_eq!(store.head().await.unwrap(), 3);
    assert_eq!(store.stats().position(), 3);
    let all = PageRequest::first(100).counted();
    let history = store.history(&HistoryFilter::default(), &all).await.unwrap();
    assert_eq!(history.rows.into_iter().map(|(_, record)| record).collect::<Vec<_>>(), records);
}

pub async fn an_empty_log_has_nothing(home: Home) {
    let store = home.open().await;
    assert_eq!(store.head().await.unwrap(), 0);
    assert_eq!(store.line_head().await.unwrap(), 0);
    assert_eq!(store.log(0, 10).await.unwrap(), []);
    assert_eq!(store.checkpoint("relay").await.unwrap(), 0);
    assert_eq!(store.namespaces().await.unwrap(), Vec::<String>::new());
    store.ready().await.unwrap();
}

pub async fn an_append_at_another_version_is_a_conflict(home: Home) {
    let store = home.open().await;
    let mut subject = a_run();
    let first = subject.append(vec![requested(&subject, some_function())]);
    store.append(first).await.unwrap();

    let mut behind = subject.append(vec![run_started()]);
    behind.expected = 0;
    let conflict = store.append(behind.clone()).await.unwrap_err();
    assert!(matches!(conflict, Error::Conflict { expected: 0, actual: 1, .. }), "{conflict}");

    let mut ahead = behind.clone();
    ahead.expected = 2;
    let conflict = store.append(ahead).await.unwrap_err();
    assert!(matches!(conflict, Error::Conflict { expected: 2, actual: 1, .. }), "{conflict}");

    let mut nowhere = behind.clone();
    nowhere.stream = Stream::run(run::Id::new(Uuid::now_v7()));
    nowhere.rows.clear();
    nowhere.expected = 1;
    let conflict = store.append(nowhere).await.unwrap_err();
    assert!(matches!(conflict, Error::Conflict { expected: 1, actual: 0, .. }), "{conflict}");

    // A server that just started remembers nothing.
    drop(store);
    let store = home.open().await;
    let conflict = store.append(behind.clone()).await.unwrap_err();
    assert!(matches!(conflict, Error::Conflict { expected: 0, actual: 1, .. }), "{conflict}");
    behind.expected = 1;
    assert_eq!(store.append(behind).await.unwrap().version, 2);
    assert_eq!(store.head().await.unwrap(), 2);
}

pub async fn an_append_told_twice_is_one_append(home: Home) {
    let store = home.open().await;
    let mut subject = a_run();
    let first = subject.append(vec![requested(&subject, some_function())]);
    let second = subject.append(vec![run_started(), run_succeeded()]);
    let first_place = store.append(first.clone()).await.unwrap();
    let second_place = store.append(second.clone()).await.unwrap();
    assert_eq!(store.append(first.clone()).await.unwrap(), first_place);
    assert_eq!(store.append(second.clone()).await.unwrap(), second_place);
    drop(store);
    let store = home.open().await;
    assert_eq!(store.append(first.clone()).await.unwrap(), first_place);
    assert_eq!(store.append(second).await.unwrap(), second_place);
    // Together, before either is known.
    let call = a_call(some_function());
    let both = tokio::join!(store.append(call.clone()), store.append(call));
    assert_eq!(both.0.unwrap(), both.1.unwrap());
    assert_eq!(store.head().await.unwrap(), 4);
}

pub async fn several_appends_to_one_stream_can_wait_together(home: Home) {
    let store = home.open().await;
    let mut subject = a_run();
    let mut appends = vec![subject.append(vec![requested(&subject, some_function())])];
    appends.push(subject.append(vec![run_started()]));
    appends.push(subject.append(vec![run_succeeded()]));
    let all = futures::future::join_all(appends.into_iter().map(|append| store.append(append))).await;
    let versions: Vec<u64> = all.into_iter().map(|appended| appended.unwrap().version).collect();
    assert_eq!(versions, [1, 2, 3]);
    let domain::stream::Subject::Run(id) = subject.stream.subject().unwrap() else { panic!() };
    let row = store.runs_by_id(&[id]).await.unwrap().remove(0);
    assert_eq!((row.state, row.position), (run::Status::Succeeded, 3));
}

pub async fn a_conflict_is_answered_to_its_caller_only(home: Home) {
    let store = home.open().await;
    let taken = a_call(some_function());
    store.append(taken.clone()).await.unwrap();
    drop(store);
    let store = home.open().await;
    let mut appends: Vec<Append> = (0..50).map(|_| a_call(some_function())).collect();
    let mut other = taken.clone();
    other.events[0].id = Uuid::now_v7();
    appends.insert(25, other);
    appends.insert(30, taken);
    let all = futures::future::join_all(appends.into_iter().map(|append| store.append(append))).await;
    for (index, result) in all.into_iter().enumerate() {
        match index {
            25 => assert!(matches!(result, Err(Error::Conflict { actual: 1, .. })), "{result:?}"),
            30 => assert_eq!(result.unwrap().position, 1),
            _ => assert!(result.is_ok(), "{index}: {result:?}"),
        }
    }
    assert_eq!(store.head().await.unwrap(), 51);
}

pub async fn what_cannot_be_is_refused(home: Home) {
    let store = home.open().await;
    let mut nothing = a_call(some_function());
    nothing.events.clear();
    assert!(matches!(store.append(nothing).await, Err(Error::Refused(_))));
    let mut foreign = a_call(some_function());
    foreign.stream = Stream::run(run::Id::new(Uuid::now_v7()));
    assert!(matches!(store.append(foreign).await, Err(Error::Refused(_))));
    let page = PageRequest::first(10).counted().after("not a cursor!".to_owned());
    assert!(matches!(store.runs(&RunFilter::default(), &page).await, Err(Error::Refused(_))));
    assert_eq!(store.head().await.unwrap(), 0);
}

pub async fn a_read_never_lags_a_write(home: Home) {
    let store = home.open().await;
    let readers = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..50 {
                let append = a_call(some_function());
                let domain::stream::Subject::Run(id) = append.stream.subject().unwrap() else { panic!() };
                let appended = store.append(append).await.unwrap();
                let row = store.runs_by_id(&[id]).await.unwrap().pop().expect("a run that was written is read");
                assert_eq!(row.position, appended.position);
                assert!(store.head().await.unwrap() >= appended.position);
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.unwrap();
    }
}

/// Positions that a feed delivers up to one, each checked for its place.
async fn positions(feed: &mut Feed, from: u64, up_to: u64) -> u64 {
    let mut last = from;
    while last < up_to {
        let batch = soon("a feed", feed.next()).await.expect("a feed never ends").unwrap();
        assert!(!batch.is_empty());
        for record in &*batch {
            assert_eq!(record.position, last + 1, "skipped or repeated");
            last = record.position;
        }
    }
    last
}

pub async fn a_follower_sees_what_sixteen_writers_write_once_and_in_order(home: Home) {
    let store = home.open().await;
    let (writers, each) = (16, 60);
    let mut early = store.follow(0);
    let following = tokio::spawn(async move { positions(&mut early, 0, writers * each * 2).await });
    let tasks = (0..writers).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..each {
                let mut subject = a_run();
                let first = subject.append(vec![requested(&subject, some_function())]);
                store.append(first).await.unwrap();
                let second = subject.append(vec![run_started()]);
                store.append(second).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(following.await.unwrap(), writers * each * 2);
    let mut late = store.follow(0);
    positions(&mut late, 0, writers * each * 2).await;
    assert_eq!(store.stats().gaps(), 0);
    assert!(store.stats().commits() <= writers * each * 2);
}

/// However many rows are asked for, so that nobody holds hundreds of megabytes for a page.
/// What a page leaves out is not read for it: ten times as long a log takes about ten times as long to read, not a hundred times.
pub async fn reading_page_by_page_costs_what_is_read(home: Home) {
    const EACH: usize = 200 << 10;
    let store = home.open().await;
    let (mut written, mut took) = (0, Vec::new());
    for records in [25u64, 250] {
        while written < records {
            let mut append = trigger_event("default", "large", &written.to_string());
            append.events[0].data = format!("{{\"large\": \"{}\"}}", "x".repeat(EACH)).into_bytes();
            store.append(append).await.unwrap();
            written += 1;
        }
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let (began, mut after) = (Instant::now(), 0);
            while let Some(last) = store.log(after, 4096).await.unwrap().last() {
                after = last.position;
            }
            assert_eq!(after, records);
            best = best.min(began.elapsed());
        }
        took.push(best);
    }
    assert!(took[1] < took[0].max(Duration::from_millis(2)) * 40, "{took:?}");
}

pub async fn a_page_ends_when_it_is_large(home: Home) {
    const EACH: usize = 200 << 10;
    const FITTING: usize = page::MAX_PAGE_BYTES.div_ceil(EACH);
    let store = home.open().await;
    for number in 0..12 {
        let mut append = trigger_event("default", "large", &number.to_string());
        append.events[0].data = format!("{{\"large\": \"{}\"}}", "x".repeat(EACH)).into_bytes();
        store.append(append).await.unwrap();
    }
    let records = store.log(0, 100).await.unwrap();
    assert_eq!(records.len(), FITTING);
    assert!(!page::is_last(&records, 100));
    let rest = store.log(FITTING as u64, 100).await.unwrap();
    assert_eq!(rest.len(), FITTING);
    let (few, none) = (store.log(11, 100).await.unwrap(), store.log(12, 100).await.unwrap());
    assert_eq!((few.len(), none.len()), (1, 0));
    assert!(page::is_last(&few, 100) && page::is_last(&none, 100));

    // A follower that lags comes through, and so does a reader who turns the pages of the history.
    let mut feed = store.follow(0);
    positions(&mut feed, 0, 12).await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest::first(100).counted().after(after.take());
        let page = store.history(&HistoryFilter::default(), &request).await.unwrap();
        assert!(page.rows.len() <= FITTING);
        assert_eq!(page.total, 12);
        seen.extend(page.rows.iter().map(|(_, record)| record.position));
        if !page.has_next {
            break;
        }
        after = page.rows.last().map(|(cursor, _)| cursor.clone());
    }
    assert_eq!(seen, (1..=12).collect::<Vec<u64>>());
    // From the end it is those before the end that are left out.
    let page = store.history(&HistoryFilter::default(), &PageRequest::last(100)).await.unwrap();
    let positions: Vec<_> = page.rows.iter().map(|(_, record)| record.position).collect();
    assert_eq!(positions, (13 - FITTING as u64..=12).collect::<Vec<_>>());
    assert_eq!((page.has_previous, page.has_next), (true, false));

    let function = some_function();
    let lines = (0..100).map(|number| line(function, &format!("{number} {}", "x".repeat(16 << 10)))).collect();
    store.append_lines(lines).await.unwrap();
    let of = LinesOf::Function(function);
    let first = store.lines(of, 0, 1000).await.unwrap();
    assert!((60..70).contains(&first.len()), "{}", first.len());
    assert!(first[0].line.text.starts_with("0 ") && !page::is_last_of_lines(&first, 1000));
    let newest = store.recent_lines(of, Recent { since: None, before: None }, 1000).await.unwrap();
    assert!((60..70).contains(&newest.len()), "{}", newest.len());
    assert!(newest.last().unwrap().line.text.starts_with("99 "));
}

pub async fn a_feed_begins_in_the_middle_and_goes_on(home: Home) {
    let store = home.open().await;
    for _ in 0..10 {
        store.append(a_call(some_function())).await.unwrap();
    }
    drop(store);
    // What was written before the start is not in memory.
    let store = home.open().await;
    let mut feed = store.follow(4);
    positions(&mut feed, 4, 10).await;
    store.append(a_call(some_function())).await.unwrap();
    positions(&mut feed, 10, 11).await;
    let mut ahead = store.follow(11);
    store.append(a_call(some_function())).await.unwrap();
    positions(&mut ahead, 11, 12).await;
    // Records of one append come together, and equal what is stored.
    let mut subject = a_run();
    let events = vec![requested(&subject, some_function()), run_started(), run_succeeded()];
    store.append(subject.append(events)).await.unwrap();
    let batch = soon("a feed", ahead.next()).await.unwrap().unwrap();
    assert_eq!(batch.to_vec(), store.log(12, 10).await.unwrap());
}

pub async fn a_follower_that_lags_reads_on_from_the_log(home: Home) {
    let log = home.log().await;
    let store: Store = log.clone();
    let mut lagging = store.follow(0);
    for _ in 0..40 {
        let appends = (0..50).map(|_| store.append(a_call(some_function())));
        futures::future::join_all(appends).await;
    }
    // As if the window had moved on.
    log.reader.records.reset(2000);
    positions(&mut lagging, 0, 2000).await;
    store.append(a_call(some_function())).await.unwrap();
    positions(&mut lagging, 2000, 2001).await;
    assert_eq!(store.stats().gaps(), 0);
}

pub async fn a_gap_is_reported(home: Home) {
    let store = home.open().await;
    for _ in 0..5 {
        store.append(a_call(some_function())).await.unwrap();
    }
    drop(store);
    home.tamper("DELETE FROM log WHERE position = 3").await;
    let store = home.open().await;
    let mut feed = store.follow(0);
    positions(&mut feed, 0, 2).await;
    let error = soon("a feed", feed.next()).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("log position 3 is missing"), "{error}");
    positions(&mut feed, 3, 5).await;
    assert_eq!(store.stats().gaps(), 1);
}

async fn texts(feed: &mut LineFeed, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let lines = soon("a feed of lines", feed.next()).await.expect("a feed never ends").unwrap();
        texts.extend(lines.into_iter().map(|line| line.line.text));
    }
    texts
}

pub async fn lines_are_followed_and_read(home: Home) {
    let store = home.open().await;
    let (function, other) = (some_function(), function::id("default", "other", 1));
    let (run, build) = (run::Id::new(Uuid::now_v7()), function::BuildId::new(Uuid::now_v7()));
    let mut live = store.follow_lines(LinesOf::Function(function), 0);
    let mut of_run = line(function, "in a run");
    of_run.run = Some(run);
    let mut of_build = line(function, "in a build");
    of_build.build = Some(build);
    let mut late = line(function, "late, with a zero byte\0");
    late.at = at(100);
    let lines = vec![line(function, "first"), of_run.clone(), line(other, "not mine"), of_build.clone(), late];
    store.append_lines(lines).await.unwrap();

    let mine = ["first", "in a run", "late, with a zero byte\u{fffd}"];
    let stored = store.lines(LinesOf::Function(function), 0, 100).await.unwrap();
    assert_eq!(stored.iter().map(|line| line.line.text.as_str()).collect::<Vec<_>>(), mine);
    assert_eq!(stored.iter().map(|line| line.position).collect::<Vec<_>>(), [1, 2, 5]);
    let seen = texts(&mut live, 3).await;
    assert_eq!(seen, mine);
    assert_eq!(store.lines(LinesOf::Run { function, run }, 0, 10).await.unwrap()[0].line, of_run);
    assert_eq!(store.lines(LinesOf::Build(build), 0, 10).await.unwrap()[0].line, of_build);
    assert_eq!(store.lines(LinesOf::Function(function), 2, 10).await.unwrap().len(), 1);
    let recent = store.recent_lines(LinesOf::Function(function), Recent::default(), 2).await.unwrap();
    assert_eq!(recent.iter().map(|line| line.position).collect::<Vec<_>>(), [2, 5]);
    let recent = store
        .recent_lines(LinesOf::Function(function), Recent { since: Some(at(1_000_000)), before: None }, 10)
        .await
        .unwrap();
    assert_eq!(recent, [], "nothing is of then");
    let recent = store
        .recent_lines(LinesOf::Function(function), Recent { since: Some(at(50)), before: None }, 10)
        .await
        .unwrap();
    assert_eq!(recent.len(), 1);
    let before = Recent { since: None, before: Some(5) };
    let recent = store.recent_lines(LinesOf::Function(function), before, 1).await.unwrap();
    assert_eq!(recent.iter().map(|line| line.position).collect::<Vec<_>>(), [2]);
    assert_eq!(store.line_head().await.unwrap(), 5);

    drop((store, live));
    let store = home.open().await;
    let mut again = store.follow_lines(LinesOf::Function(function), 1);
    assert_eq!(texts(&mut again, 2).await, mine[1..]);
    store.append_lines(vec![line(other, "not mine"), line(function, "after")]).await.unwrap();
    assert_eq!(texts(&mut again, 1).await, ["after"]);
}

pub async fn lines_of_a_run_are_those_of_its_function(home: Home) {
    let store = home.open().await;
    let (function, other) = (some_function(), function::id("default", "other", 1));
    let run = run::Id::new(Uuid::now_v7());
    let of_run = |function, text: &str| NewLine { run: Some(run), ..line(function, text) };
    let own = LinesOf::Run { function, run };
    let mut live = store.follow_lines(own, 0);
    store.append_lines(vec![of_run(function, "first")]).await.unwrap();
    // More than any reader takes at a time, and than a feed keeps for those who lag.
    for _ in 0..10 {
        store.append_lines((0..2000).map(|_| of_run(other, "not of it")).collect()).await.unwrap();
    }
    store.append_lines(vec![of_run(function, "last")]).await.unwrap();
    let texts_of = |rows: Vec<LineRow>| rows.into_iter().map(|row| row.line.text).collect::<Vec<_>>();
    assert_eq!(texts_of(store.lines(own, 0, 2).await.unwrap()), ["first", "last"]);
    assert_eq!(texts_of(store.recent_lines(own, Recent::default(), 2).await.unwrap()), ["first", "last"]);
    assert_eq!(texts(&mut live, 2).await, ["first", "last"]);
    let mut late = store.follow_lines(own, 0);
    assert_eq!(texts(&mut late, 2).await, ["first", "last"]);
}

pub async fn groups_of_lines_of_any_size_follow_each_other(home: Home) {
    let store = home.open().await;
    let function = some_function();
    let mut written = 0;
    // Small groups are written otherwise than large ones, whose rest may be as small.
    for size in [1, 4, 16, 2, 7, 17, 1, 5, 20, 65, 6, 85, 1, 21] {
        let lines = (0..size).map(|number| line(function, &format!("{number} of {size}"))).collect();
        let stored = tokio::time::timeout(std::time::Duration::from_secs(20), store.append_lines(lines)).await;
        stored.unwrap_or_else(|_| panic!("{size} lines after {written} are not stored")).unwrap();
        written += size;
    }
    assert_eq!(store.line_head().await.unwrap(), written);
    let kept = store.lines(LinesOf::Function(function), 0, 1000).await.unwrap();
    assert!(kept.iter().map(|line| line.position).eq(1..=written), "{kept:?}");
}

pub async fn many_lines_stay_in_order_beside_appends(home: Home) {
    let store = home.open().await;
    let function = some_function();
    let mut live = store.follow_lines(LinesOf::Function(function), 0);
    let lines: Vec<_> = (0..5000).map(|number| line(function, &number.to_string())).collect();
    let calls = async {
        for _ in 0..20 {
            store.append(a_call(function)).await.unwrap();
        }
    };
    let (written, ()) = tokio::join!(store.append_lines(lines), calls);
    written.unwrap();
    let seen = texts(&mut live, 5000).await;
    assert_eq!(seen, (0..5000).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(store.head().await.unwrap(), 20);
}

pub async fn the_newest_snapshot_is_kept(home: Home) {
    let store = home.open().await;
    let stream = Stream::function(some_function());
    assert_eq!(store.snapshot(&stream).await.unwrap(), None);
    let snapshot = |version, shape| Snapshot { version, shape, state: format!("{{\"at\":{version}}}").into() };
    store.save_snapshot(&stream, snapshot(300, 1)).await.unwrap();
    store.save_snapshot(&stream, snapshot(200, 1)).await.unwrap();
    assert_eq!(store.snapshot(&stream).await.unwrap(), Some(snapshot(300, 1)));
    store.save_snapshot(&stream, snapshot(600, 1)).await.unwrap();
    assert_eq!(store.snapshot(&stream).await.unwrap(), Some(snapshot(600, 1)));
    // Another shape is of no use to whoever saves: it replaces.
    store.save_snapshot(&stream, snapshot(500, 2)).await.unwrap();
    assert_eq!(store.snapshot(&stream).await.unwrap(), Some(snapshot(500, 2)));
}

pub async fn a_checkpoint_moves_only_from_where_it_is(home: Home) {
    let store = home.open().await;
    assert!(!store.move_checkpoint("relay", 5, 6).await.unwrap());
    assert!(store.move_checkpoint("relay", 0, 5).await.unwrap());
    assert!(!store.move_checkpoint("relay", 0, 7).await.unwrap());
    assert!(store.move_checkpoint("relay", 5, 9).await.unwrap());
    assert_eq!(store.checkpoint("relay").await.unwrap(), 9);
    assert_eq!(store.checkpoint("other").await.unwrap(), 0);
    drop(store);
    assert_eq!(home.open().await.checkpoint("relay").await.unwrap(), 9);
}

pub async fn functions_have_a_history_of_their_own(home: Home) {
    let store = home.open().await;
    let mut subject = given::function("default", "hello");
    store.append(a_call(some_function())).await.unwrap();
    store.append(subject.append(vec![given::registered("default", "hello")])).await.unwrap();
    store.append(trigger_event("default", "file.uploaded", "1")).await.unwrap();
    let build = function::BuildId::new(Uuid::now_v7());
    store.append(subject.append(vec![given::build_requested(build)])).await.unwrap();
    let found = |records: Vec<domain::Recorded>| records.iter().map(|record| record.position).collect::<Vec<_>>();
    assert_eq!(found(store.log_of("function", 0, 100, 10).await.unwrap()), [2, 4]);
    assert_eq!(found(store.log_of("function", 2, 100, 10).await.unwrap()), [4]);
    assert_eq!(found(store.log_of("function", 0, 3, 10).await.unwrap()), [2]);
    assert_eq!(found(store.log_of("function", 0, 100, 1).await.unwrap()), [2]);
}

// Several servers, on PostgreSQL only.

pub async fn two_servers_write_one_log(home: Home) {
    let (one, two) = (home.open().await, home.open().await);
    let mut followers = [one.follow(0), two.follow(0)];
    let each = 300;
    let write = |store: Store| async move {
        for _ in 0..each / 10 {
            let appends = (0..10).map(|_| store.append(a_call(some_function())));
            for appended in futures::future::join_all(appends).await {
                appended.unwrap();
            }
        }
    };
    soon("both writers", async { tokio::join!(write(one.clone()), write(two.clone())) }).await;
    for feed in &mut followers {
        positions(feed, 0, 2 * each).await;
    }
    assert_eq!(one.stats().gaps() + two.stats().gaps(), 0);
    assert!(one.stats().moved() + two.stats().moved() > 0, "they never met");
    assert_eq!(one.verify().await.unwrap().faults, Vec::<String>::new());
}

pub async fn two_servers_meet_on_one_stream(home: Home) {
    let (one, two) = (home.open().await, home.open().await);
    let mut subject = a_run();
    let first = subject.append(vec![requested(&subject, some_function())]);
    one.append(first.clone()).await.unwrap();
    assert_eq!(two.append(first).await.unwrap().position, 1);
    let started = subject.append(vec![run_started()]);
    two.append(started).await.unwrap();
    // What one remembers of the stream is out of date now.
    let mut late = subject.append(vec![run_succeeded()]);
    late.expected = 1;
    let conflict = one.append(late.clone()).await.unwrap_err();
    assert!(matches!(conflict, Error::Conflict { expected: 1, actual: 2, .. }), "{conflict}");
    late.expected = 2;
    one.append(late).await.unwrap();
    let kinds = two.stream(&subject.stream, 0, 10).await.unwrap();
    assert_eq!(kinds.iter().map(|record| &*record.kind).collect::<Vec<_>>(), ["Requested", "Started", "Succeeded"]);
    assert_eq!(two.verify().await.unwrap().faults, Vec::<String>::new());
}

pub async fn a_transaction_that_commits_late_is_not_skipped(home: Home) {
    let store = home.open().await;
    store.append(a_call(some_function())).await.unwrap();
    let mut feed = store.follow(1);

    // Another server, slow: it has taken position 2 and does not commit yet.
    let mut slow = sqlx::PgConnection::connect(home.url().unwrap()).await.unwrap();
    slow.execute("BEGIN").await.unwrap();
    slow.execute("UPDATE head SET position = 2 WHERE one = 1 AND position = 1").await.unwrap();
    slow.execute(
        "INSERT INTO log (position, stream, version, id, type, data, at, namespace, following, hash)
         SELECT 2, 'namespace-late', 1, id, 'Created', data, at, namespace, 0, hash FROM log WHERE position = 1",
    )
    .await
    .unwrap();

    let fast = tokio::spawn({
        let store = store.clone();
        async move { store.append(a_call(some_function())).await.unwrap() }
    });
    // Nothing can be seen while position 2 is open: an append that overtook it would be visible now.
    let mut watcher = sqlx::PgConnection::connect(home.url().unwrap()).await.unwrap();
    let blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    let deadline = tokio::time::Instant::now() + super::home::DEADLINE;
    while sqlx::query_scalar::<_, i64>(blocked).fetch_one(&mut watcher).await.unwrap() == 0 {
        assert!(tokio::time::Instant::now() < deadline, "the append does not wait for the head");
    }
    let visible: i64 = sqlx::query_scalar("SELECT max(position) FROM log").fetch_one(&mut watcher).await.unwrap();
    assert_eq!(visible, 1);
    slow.execute("COMMIT").await.unwrap();
    assert_eq!(soon("the append", fast).await.unwrap().position, 3);
    positions(&mut feed, 1, 3).await;
    assert_eq!(store.log(0, 10).await.unwrap()[1].stream.as_str(), "namespace-late");
    assert_eq!(store.stats().gaps(), 0);
}

pub async fn an_idle_server_hears_of_what_another_writes(home: Home) {
    let (one, two) = (home.open().await, home.open().await);
    let mut feed = two.follow(0);
    let mut lines = two.follow_lines(LinesOf::Function(some_function()), 0);
    one.append(a_call(some_function())).await.unwrap();
    one.append_lines(vec![line(some_function(), "text")]).await.unwrap();
    positions(&mut feed, 0, 1).await;
    assert_eq!(texts(&mut lines, 1).await, ["text"]);
}

pub async fn two_servers_may_start_at_once(home: Home) {
    let (one, two, three) = tokio::join!(home.open(), home.open(), home.open());
    for store in [one, two, three] {
        store.append(a_call(some_function())).await.unwrap();
    }
}

pub async fn many_streams_are_told_apart(home: Home) {
    let store = home.open().await;
    let mut appends = Vec::new();
    for _ in 0..300 {
        let mut subject = a_run();
        let event = answered(&subject, some_function());
        appends.push(subject.append(vec![event]));
    }
    futures::future::join_all(appends.iter().map(|append| store.append(append.clone()))).await;
    drop(store);
    let store = home.open().await;
    let records = store.log(0, 1000).await.unwrap();
    let by_stream: BTreeMap<_, _> = records.iter().map(|record| (record.stream.as_str(), record.id)).collect();
    assert_eq!(by_stream.len(), 300);
    for append in &appends {
        assert_eq!(by_stream[append.stream.as_str()], append.events[0].id);
    }
    let ids: HashSet<_> = records.iter().map(|record| record.id).collect();
    assert_eq!(ids.len(), 300);
}
