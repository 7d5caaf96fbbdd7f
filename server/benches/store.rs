//! The event log beside its yardsticks: appends per second, and how long a long stream takes to replay.
//!
//! Prints rows as benches/README.md wants them. PostgreSQL is the server that `TEST_POSTGRES_URL` names (without it
//! only SQLite is measured); `YARDSTICK_PGBENCH` is the path of `pgbench.sh`. What is compared is measured in turns.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{SubsecRound, Utc};
use domain::aggregate::Payload;
use domain::function::event::{InstanceFailed, Registered, Source, Started, Stopped};
use domain::run::event::{Answered, Ending, Outcome, Request};
use domain::{Aggregate, Cause, Json, Stream, function, run};
use futures::TryStreamExt;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use server::store::{self, Append, NewEvent, Store, tables};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use uuid::Uuid;

/// How long each measurement takes.
const ROUND: Duration = Duration::from_secs(3);

/// Measurements of each kind; their median counts.
const ROUNDS: usize = 3;

/// Events of the long stream.
const LONG: u64 = 100_000;

/// The columns of a record.
const RECORD: &str = "position, stream, version, id, type, data, at, actor, causation, correlation, hash";

fn main() {
    // What the server itself uses.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let sqlite = store::open(None, folder.path()).await.expect("SQLite opens");
        sqlite_appends(&sqlite, folder.path()).await;
        sqlite_replay(&sqlite, folder.path()).await;
        drop(sqlite);
        let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
            eprintln!("TEST_POSTGRES_URL is not set: PostgreSQL is left out");
            return;
        };
        let (url, name) = database(&server).await;
        let postgres = store::open(Some(&url), folder.path()).await.expect("PostgreSQL opens");
        postgres_appends(&postgres, &url, folder.path()).await;
        postgres_replay(&postgres, &url).await;
        drop(postgres);
        let mut admin = connect(&server).await;
        let drop_it = format!("DROP DATABASE {name} WITH (FORCE)");
        admin.execute(AssertSqlSafe(drop_it)).await.expect("the database goes");
    });
}

fn row(work: &str, measured: &str, yardstick: &str, ratio: f64, aim: &str) {
    println!("{work} | {measured} | {yardstick} | {ratio:.2} | {aim}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn connect(url: &str) -> sqlx::PgConnection {
    let options: PgConnectOptions = url.parse().expect("a PostgreSQL URL");
    options.connect().await.expect("PostgreSQL answers")
}

/// A database of our own.
async fn database(server: &str) -> (String, String) {
    let name = format!("bench_{}", Uuid::now_v7().simple());
    let create = format!("CREATE DATABASE {name}");
    connect(server).await.execute(AssertSqlSafe(create)).await.expect("a database is made");
    let (base, query) = server.split_once('?').map_or((server, ""), |(base, query)| (base, query));
    let start = base.find("://").map_or(0, |at| at + 3);
    let host = base[start..].find('/').map_or(base, |at| &base[..start + at]);
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    (format!("{host}/{name}{query}"), name)
}

/// One synchronous call: one event, and its row in `runs` if wanted.
fn call(function: function::Id, with_row: bool) -> Append {
    let now = Utc::now().trunc_subsecs(6);
    let request = Request {
        run: run::Id::new(Uuid::now_v7()),
        function,
        namespace: "default".into(),
        trigger: "http.invoke".into(),
        event: None,
        input: Json::parse(r#"{"id":"1","source":"/function/hello","type":"http.invoke"}"#).expect("JSON"),
        input_cut: false,
        version: None,
        replayed_from: None,
        callback: None,
    };
    let stream = Stream::run(request.run);
    let event = run::Event::Answered(Box::new(Answered {
        request,
        ran: 1,
        ending: Ending::Succeeded,
        error: None,
        outcome: Outcome { http_status: Some(200), instance: Some("i-0123456789".into()), ..Outcome::default() },
        queued_at: now,
        started_at: Some(now),
        at: now,
    }));
    let rows = if with_row {
        run::Aggregate::evolve(None, &event).as_ref().map(tables::of_run).into_iter().collect()
    } else {
        Vec::new()
    };
    let new = NewEvent { id: Uuid::now_v7(), kind: event.kind(), data: event.encode(), at: now };
    Append { stream, expected: 0, events: vec![new], cause: Cause::default(), rows }
}

/// What this process has had of the processors.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the kernel reports");
    let micros = |time: nix::sys::time::TimeVal| time.num_microseconds().unsigned_abs();
    Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time()))
}

/// Appends per second that so many writers reach, each with one event at a time.
async fn appends(store: &Store, writers: usize, with_row: bool) -> f64 {
    let (end, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let functions: Vec<function::Id> = (0..10).map(|n| function::id("default", &format!("f{n}"), 1)).collect();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let (store, end, count) = (store.clone(), end.clone(), count.clone());
            let function = functions[writer % functions.len()];
            tokio::spawn(async move {
                while !end.load(Ordering::Relaxed) {
                    store.append(call(function, with_row)).await.expect("an append");
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    // Until all are at work.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (before, since, commits, cpu) = (count.load(Ordering::Relaxed), Instant::now(), store.stats().commits(), cpu());
    tokio::time::sleep(ROUND).await;
    let appended = (count.load(Ordering::Relaxed) - before) as f64;
    let rate = appended / since.elapsed().as_secs_f64();
    let per_commit = appended / (store.stats().commits() - commits) as f64;
    let micros = (self::cpu() - cpu).as_micros() as f64 / appended;
    eprintln!("{writers} writers, rows {with_row}: {rate:.0}/s, {per_commit:.1} a commit, {micros:.1} µs of CPU each");
    end.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("a writer ends");
    }
    rate
}

async fn sqlite_appends(store: &Store, folder: &Path) {
    for writers in [1, 32, 1000] {
        let (mut plain, mut with_rows, mut single) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            plain.push(appends(store, writers, false).await);
            with_rows.push(appends(store, writers, true).await);
            single.push(sqlite_inserts(folder).await);
        }
        let (plain, with_rows, single) = (median(plain), median(with_rows), median(single));
        let yardstick = format!("one INSERT a commit: {single:.0}/s");
        let work = format!("append, {writers} writers, SQLite, event only");
        row(&work, &format!("{plain:.0} events/s"), &yardstick, plain / single, "");
        let work = format!("append, {writers} writers, SQLite, event and run row");
        let aim = if writers == 1000 { "≥ 30,000/s" } else { "" };
        row(&work, &format!("{with_rows:.0} events/s"), &yardstick, with_rows / single, aim);
    }
}

/// Rows per second with a commit for each, WAL and synchronous=FULL.
async fn sqlite_inserts(folder: &Path) -> f64 {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("yardstick.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut conn = options.connect().await.expect("SQLite opens");
    let table = "CREATE TABLE IF NOT EXISTS t (position INTEGER PRIMARY KEY, stream TEXT, version INTEGER, id TEXT,
                 data BLOB, UNIQUE (stream, version))";
    conn.execute(table).await.expect("a table");
    let (mut count, since, data) = (0, Instant::now(), vec![b'x'; 350]);
    while since.elapsed() < ROUND / 3 {
        sqlx::query("INSERT INTO t (stream, version, id, data) VALUES (?, 1, ?, ?)")
            .bind(format!("run-{}", Uuid::now_v7()))
            .bind(Uuid::now_v7().to_string())
            .bind(data.as_slice())
            .execute(&mut conn)
            .await
            .expect("an insert");
        count += 1;
    }
    f64::from(count) / since.elapsed().as_secs_f64()
}

async fn postgres_appends(store: &Store, url: &str, folder: &Path) {
    let neighbour = store::open(Some(url), folder).await.expect("a second server");
    for writers in [1, 32, 1000] {
        let (mut plain, mut with_rows, mut two, mut yardstick) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            plain.push(appends(store, writers, false).await);
            yardstick.push(pgbench().await);
            with_rows.push(appends(store, writers, true).await);
            if writers > 1 {
                let half = writers / 2;
                let (one, other) = tokio::join!(appends(store, half, false), appends(&neighbour, half, false));
                two.push(one + other);
            }
        }
        let (plain, with_rows, tps) = (median(plain), median(with_rows), median(yardstick));
        let yardstick = format!("pgbench, 32 clients: {tps:.0} rows/s");
        let aim = match writers {
            32 => "≥ 2",
            1000 => "≥ 5",
            _ => "",
        };
        let work = format!("append, {writers} writers, PostgreSQL, event only");
        row(&work, &format!("{plain:.0} events/s"), &yardstick, plain / tps, aim);
        let work = format!("append, {writers} writers, PostgreSQL, event and run row");
        row(&work, &format!("{with_rows:.0} events/s"), &yardstick, with_rows / tps, "");
        if writers > 1 {
            let two = median(two);
            let work = format!("append, {writers} writers on two servers, PostgreSQL, event only");
            row(&work, &format!("{two:.0} events/s"), &yardstick, two / tps, "");
        }
    }
}

/// pgbench's single-row inserts per second, 32 clients.
async fn pgbench() -> f64 {
    let Ok(script) = std::env::var("YARDSTICK_PGBENCH") else {
        return std::env::var("BENCH_PGBENCH_TPS").ok().and_then(|tps| tps.parse().ok()).unwrap_or(f64::NAN);
    };
    let output = tokio::process::Command::new(script)
        .args(["--clients", "32", "--seconds", "3", "--quiet"])
        .output()
        .await
        .expect("pgbench.sh runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let tps = text.split_whitespace().skip_while(|word| *word != "tps").nth(1).and_then(|tps| tps.parse().ok());
    tps.unwrap_or_else(|| panic!("pgbench.sh says: {text} {}", String::from_utf8_lossy(&output.stderr)))
}

/// Writes a function's stream of [`LONG`] events.
async fn long_stream(store: &Store) -> Stream {
    let id = function::id("default", "long", 1);
    let stream = Stream::function(id);
    let at = Utc::now().trunc_subsecs(6);
    let registered = function::Event::Registered(Registered {
        id,
        namespace: "default".into(),
        name: "long".into(),
        generation: 1,
        source: Source::Git { url: "https://example.org/functions.git".into(), git_ref: None, path: None },
        manifest: None,
        at,
    });
    let mut version = 0;
    while version < LONG {
        let events = (version..LONG.min(version + 1000)).map(|n| match n {
            0 => registered.clone(),
            n if n % 3 == 1 => function::Event::Started(Started { version: 1, at }),
            n if n % 3 == 2 => function::Event::InstanceFailed(InstanceFailed {
                version: 1,
                instance: "i-0123456789".into(),
                error: "exited with status 1: Error: listen EADDRINUSE: address already in use".into(),
                at,
            }),
            _ => function::Event::Stopped(Stopped { reason: Some("asked by an operator".into()), at }),
        });
        let new =
            |event: function::Event| NewEvent { id: Uuid::now_v7(), kind: event.kind(), data: event.encode(), at };
        let events: Vec<_> = events.map(new).collect();
        let cause = Cause { actor: Some("user:admin".into()), ..Cause::default() };
        let append = Append { stream: stream.clone(), expected: version, events, cause, rows: Vec::new() };
        version = store.append(append).await.expect("an append").version;
    }
    stream
}

/// Milliseconds to the state of a function, read from its first event on.
async fn replay(store: &Store, stream: &Stream) -> f64 {
    let since = Instant::now();
    let (mut state, mut version): (function::State, u64) = (None, 0);
    loop {
        let page = store.stream(stream, version, 4096).await.expect("a page");
        let Some(last) = page.last() else { break };
        version = last.version;
        for record in &page {
            let event = function::Event::decode(&record.kind, &record.data).expect("an event");
            state = function::Aggregate::evolve(state, &event);
        }
    }
    assert_eq!(version, LONG);
    black_box(state);
    since.elapsed().as_secs_f64() * 1000.0
}

fn replay_row(database: &str, ours: Vec<f64>, bare: Vec<f64>) {
    let (ours, bare) = (median(ours), median(bare));
    let work = format!("replay of a function with {LONG} events, no snapshot, {database}");
    row(&work, &format!("{ours:.0} ms"), &format!("bare SELECT: {bare:.0} ms"), ours / bare, "≤ 2");
}

async fn sqlite_replay(store: &Store, folder: &Path) {
    let stream = long_stream(store).await;
    let options = SqliteConnectOptions::new().filename(folder.join("eventflow.db")).read_only(true);
    let mut conn = options.connect().await.expect("SQLite opens");
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS + 2 {
        ours.push(replay(store, &stream).await);
        let since = Instant::now();
        let sql = format!("SELECT {RECORD} FROM log WHERE stream = ? ORDER BY version");
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(stream.as_str()).fetch(&mut conn);
        let count = rows.try_fold(0, |count, _| async move { Ok(count + 1) }).await.expect("rows");
        assert_eq!(count, LONG);
        bare.push(since.elapsed().as_secs_f64() * 1000.0);
    }
    conn.close().await.expect("it closes");
    replay_row("SQLite", ours, bare);
}

async fn postgres_replay(store: &Store, url: &str) {
    let stream = long_stream(store).await;
    let mut conn = connect(url).await;
    conn.execute("ANALYZE").await.expect("the planner knows");
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS + 2 {
        ours.push(replay(store, &stream).await);
        let since = Instant::now();
        let sql = format!("SELECT {RECORD} FROM log WHERE stream = $1 ORDER BY version");
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(stream.as_str()).fetch(&mut conn);
        let count = rows.try_fold(0, |count, _| async move { Ok(count + 1) }).await.expect("rows");
        assert_eq!(count, LONG);
        bare.push(since.elapsed().as_secs_f64() * 1000.0);
    }
    replay_row("PostgreSQL", ours, bare);
}
