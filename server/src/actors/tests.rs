//! Actors on a real log: one command at a time, stopped when idle, correct even if others write.

use std::future::Future;
use std::time::Duration;

use domain::function::{Command, Error as Refusal, Event, Life, Made, event::Source};
use domain::{Cause, Stream, function, run};
use futures::future::join_all;
use tempfile::TempDir;

use super::{Commands, Error, Loaded, Settings, Writer};
use crate::clock;
use crate::store::{self, Store};

/// Runs a test with a log of its own and an actix system for the actors.
fn on_a_log<F: Future<Output = ()>>(test: impl FnOnce(Store) -> F) {
    let folder = TempDir::new().unwrap();
    actix::System::new().block_on(async {
        let store = store::open(None, folder.path()).await.unwrap();
        test(store).await;
    });
}

fn settings(idle: Duration) -> Settings {
    Settings { threads: 1, idle }
}

async fn register(commands: &Commands, name: &str) -> function::Id {
    let id = function::id("default", name, 1);
    let source = Source::Bundle { digest: "sha256:0".into() };
    let command = Command::Register {
        id,
        namespace: "default".into(),
        name: name.into(),
        generation: 1,
        source,
        manifest: None,
        at: clock::now(),
    };
    commands.function(id, command, Cause::default()).await.unwrap();
    id
}

/// Registered, built once, and started.
async fn running(commands: &Commands, name: &str) -> function::Id {
    let id = register(commands, name).await;
    let build = clock::new_id();
    let at = clock::now();
    let manifest = Box::new(domain::manifest::Manifest::of(domain::manifest::Runtime::Node));
    for command in [
        Command::RequestBuild { build, git_ref: None, at },
        Command::StartBuild { build, node: "here".into(), at },
        Command::SucceedBuild { build, made: Made::artifact("sha256:1", 1), manifest, commit: None, at },
        Command::Start { at },
    ] {
        commands.function(id, command, Cause::default()).await.unwrap();
    }
    id
}

#[test]
fn commands_sent_together_are_decided_one_after_the_other() {
    on_a_log(|store| async move {
        let commands = Commands::start(store.clone(), settings(Duration::from_secs(60)));
        let id = running(&commands, "f").await;
        // Of many starts and stops at once, each is decided on the state that the previous one left.
        let wishes = (0..40).map(|n| match n % 2 {
            0 => Command::Stop { reason: None, at: clock::now() },
            _ => Command::Start { at: clock::now() },
        });
        let done = join_all(wishes.map(|wish| commands.function(id, wish, Cause::default()))).await;
        assert!(done.iter().all(|done| done.as_ref().is_ok_and(|done| done.changed())), "{done:?}");
        let log = store.stream(&Stream::function(id), 0, 1000).await.unwrap();
        let life: Vec<_> = log.iter().skip(4).map(|recorded| &*recorded.kind).collect();
        assert_eq!(life[..3], ["Started", "Stopped", "Started"]);
        assert_eq!(life.len(), 41);
        assert!(life.windows(2).all(|pair| pair[0] != pair[1]), "{life:?}");
        assert!(store.stats().commits() > 0);
    });
}

#[test]
fn nothing_to_do_is_decided_on_what_another_server_wrote_too() {
    on_a_log(|store| async move {
        let here = Commands::start(store.clone(), settings(Duration::from_secs(60)));
        let there = Commands::start(store, settings(Duration::from_secs(60)));
        let id = running(&here, "f").await;
        let stop = Command::Stop { reason: None, at: clock::now() };
        assert!(there.function(id, stop.clone(), Cause::default()).await.unwrap().changed());
        // The cached state says that it is running, and then that it is not.
        let start = Command::Start { at: clock::now() };
        assert!(here.function(id, start, Cause::default()).await.unwrap().changed());
        assert!(there.function(id, stop, Cause::default()).await.unwrap().changed());
        let promote = Command::Promote { version: 1, reason: None, at: clock::now() };
        assert!(!here.function(id, promote, Cause::default()).await.unwrap().changed());
    });
}

#[test]
fn a_refusal_changes_nothing_and_names_the_state() {
    on_a_log(|store| async move {
        let commands = Commands::start(store.clone(), settings(Duration::from_secs(60)));
        let id = register(&commands, "f").await;
        let refused = commands.function(id, Command::Start { at: clock::now() }, Cause::default()).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::NotBuilt))), "{refused:?}");
        assert_eq!(store.head().await.unwrap(), 1);
    });
}

#[test]
fn an_idle_actor_goes_and_the_next_command_finds_the_same_state() {
    on_a_log(|store| async move {
        let commands = Commands::start(store.clone(), settings(Duration::from_millis(30)));
        let id = running(&commands, "f").await;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while commands.functions.len() > 0 {
            assert!(tokio::time::Instant::now() < deadline, "the actor is evicted within 20 s");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let done =
            commands.function(id, Command::Stop { reason: None, at: clock::now() }, Cause::default()).await.unwrap();
        assert!(matches!(done.state.unwrap().life, Life::Stopped { version: 1 }));
        assert_eq!(done.version, 6);
    });
}

#[test]
fn commands_that_meet_an_eviction_are_carried_out_all_the_same() {
    on_a_log(|store| async move {
        let commands = Commands::start(store.clone(), settings(Duration::from_millis(1)));
        let id = running(&commands, "f").await;
        for n in 0..200 {
            let wish = match n % 2 {
                0 => Command::Stop { reason: None, at: clock::now() },
                _ => Command::Start { at: clock::now() },
            };
            let done = commands.function(id, wish, Cause::default()).await.unwrap();
            assert!(done.changed(), "command {n}");
            tokio::task::yield_now().await;
        }
        assert_eq!(store.stream(&Stream::function(id), 0, 1000).await.unwrap().len(), 5 + 200);
    });
}

#[test]
fn what_another_writer_did_is_seen_after_the_conflict() {
    on_a_log(|store| async move {
        let commands = Commands::start(store.clone(), settings(Duration::from_secs(60)));
        let id = running(&commands, "f").await;
        // This writer acts as another server, bypassing the actor's cache.
        let stranger = Writer::new(store.clone());
        let stream = Stream::function(id);
        let stop = Command::Stop { reason: Some("elsewhere".into()), at: clock::now() };
        stranger
            .execute::<function::Aggregate>(&stream, super::Loaded::unknown(), stop, Cause::default())
            .await
            .unwrap();
        // Decided on the cached state, this would record a second Stopped.
        let done =
            commands.function(id, Command::Stop { reason: None, at: clock::now() }, Cause::default()).await.unwrap();
        assert!(!done.changed());
        let log = store.stream(&stream, 0, 1000).await.unwrap();
        assert_eq!(log.iter().filter(|recorded| &*recorded.kind == "Stopped").count(), 1);
    });
}

#[test]
fn what_is_believed_and_is_not_in_the_log_does_not_count() {
    on_a_log(async |store| {
        let writer = Writer::new(store);
        let (run, at) = (clock::new_id(), clock::now());
        let request = run::event::Request {
            run,
            function: function::id("default", "early", 1),
            namespace: "default".into(),
            trigger: "demo.thing".into(),
            event: None,
            input: domain::Json::null(),
            input_cut: false,
            version: None,
            replayed_from: None,
            callback: None,
        };
        let stream = Stream::run(request.run);
        let delivery = run::event::Delivery::Once;
        let requested = run::event::Requested { request: request.clone(), delivery, at };
        let assumed = Loaded::<run::Aggregate>::assumed(&[run::Event::Requested(requested)]);
        let start = run::Command::Start { version: 1, node: "here".into(), lost: None, at };
        let early = writer.execute(&stream, assumed.clone(), start.clone(), Cause::default()).await;
        assert!(matches!(early, Err(Error::Refused(run::Error::NotFound))), "{early:?}");
        let request = run::Command::Request { request, delivery, at };
        writer.execute(&stream, Loaded::<run::Aggregate>::absent(), request, Cause::default()).await.unwrap();
        let started = writer.execute(&stream, assumed, start, Cause::default()).await.unwrap();
        assert_eq!(started.version, 2);
    });
}

#[test]
fn a_conflict_is_compared_with_what_is_there() {
    use domain::run::event::{Answered, Ending, Outcome, Request};
    on_a_log(|store| async move {
        let commands = Commands::start(store.clone(), settings(Duration::from_secs(60)));
        let (run, at) = (clock::new_id(), clock::now());
        let answered = |n: i32| Answered {
            request: Request {
                run,
                function: function::id("default", "f", 1),
                namespace: "default".into(),
                trigger: "http.invoke".into(),
                event: None,
                input: domain::Json::of(&n).unwrap(),
                input_cut: false,
                version: None,
                replayed_from: None,
                callback: None,
            },
            ran: 1,
            ending: Ending::Succeeded,
            error: None,
            outcome: Outcome::default(),
            queued_at: at,
            started_at: Some(at),
            at,
        };
        let record = async |n: i32| commands.record_calls([(answered(n), Cause::default())]).await.remove(0);
        assert!(record(1).await.is_ok());
        // Recorded again, as after a lost reply of the log.
        assert!(record(1).await.is_ok());
        assert!(matches!(record(2).await, Err(Error::Refused(run::Error::IdTaken))));
        // Concurrently, too: one of them is recorded, and the others learn that the run is not theirs.
        let another = clock::new_id();
        let calls = (0..8).map(|n| {
            let mut answered = answered(n);
            answered.request.run = another;
            (answered, Cause::default())
        });
        let results = commands.record_calls(calls).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        let asked = |request| run::RunRequest {
            requested: run::event::Requested { request, delivery: run::event::Delivery::Once, at },
            cause: Cause::default(),
        };
        let event = Request { event: Some(domain::event::id("default", "/shop", "1")), ..answered(1).request };
        let asked = commands.request_runs([asked(event)]).await;
        assert!(matches!(asked[..], [Err(Error::Refused(run::Error::IdTaken))]), "{asked:?}");
        assert_eq!(store.verify().await.unwrap().faults, Vec::<String>::new());
    });
}

#[test]
fn a_long_life_is_kept_as_a_snapshot_and_read_from_it() {
    on_a_log(|store| async move {
        let commands = Commands::start(store.clone(), settings(Duration::from_secs(60)));
        let id = running(&commands, "f").await;
        for n in 0..300 {
            let wish = match n % 2 {
                0 => Command::Stop { reason: None, at: clock::now() },
                _ => Command::Start { at: clock::now() },
            };
            commands.function(id, wish, Cause::default()).await.unwrap();
        }
        let stream = Stream::function(id);
        let whole = commands.writer().load::<function::Aggregate>(&stream).await.unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        let snapshot = loop {
            if let Some(snapshot) = store.snapshot(&stream).await.unwrap() {
                break snapshot;
            }
            assert!(tokio::time::Instant::now() < deadline, "the snapshot is kept within 20 s");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert_eq!(snapshot.version, 305);
        let again = commands.writer().load::<function::Aggregate>(&stream).await.unwrap();
        assert_eq!((again.state, again.version), (whole.state, whole.version));
    });
}

#[test]
fn a_function_as_it_was_is_folded_from_what_had_happened_then() {
    on_a_log(|store| async move {
        let commands = Commands::start(store.clone(), settings(Duration::from_secs(60)));
        let id = running(&commands, "f").await;
        let stream = Stream::function(id);
        let before = async |version: u64| {
            let found =
                commands.writer().load_as_of::<function::Aggregate>(&stream, |r| r.version <= version).await.unwrap();
            found.map(|(loaded, last)| (loaded.state.unwrap().life.name(), last.kind.to_string()))
        };
        assert_eq!(before(0).await, None);
        assert_eq!(before(1).await, Some(("REGISTERED", "Registered".into())));
        assert_eq!(before(4).await, Some(("BUILT", "BuildSucceeded".into())));
        assert_eq!(before(99).await, Some(("RUNNING", "Started".into())));
        let events = store.stream(&stream, 0, 10).await.unwrap();
        assert!(matches!(events[0].fact().unwrap(), domain::recorded::Fact::Function(_, Event::Registered(_))));
    });
}

/// Appends what a server of a newer version writes and this one does not know.
async fn of_the_future(store: &Store, stream: &Stream, kind: &'static str, data: &[u8]) {
    let expected = store.stream(stream, 0, 100).await.unwrap().len() as u64;
    let event = store::NewEvent { id: uuid::Uuid::now_v7(), kind, data: data.to_vec(), at: clock::now() };
    let cause = Cause::default();
    let append = store::Append { stream: stream.clone(), expected, events: vec![event], cause, rows: Vec::new() };
    store.append(append).await.unwrap();
}

async fn beside_a_newer_server(store: Store) {
    let commands = Commands::start(store.clone(), settings(Duration::from_secs(60)));
    let (one, two, other) =
        (running(&commands, "one").await, running(&commands, "two").await, running(&commands, "other").await);
    // An unknown type, and an unknown schema of a known type.
    of_the_future(&store, &Stream::function(one), "Exploded", br#"{"v":1}"#).await;
    of_the_future(&store, &Stream::function(two), "Stopped", br#"{"v":99}"#).await;
    let stop = || Command::Stop { reason: None, at: clock::now() };
    for (id, kind) in [(one, "Exploded"), (two, "Stopped")] {
        let refused = commands.function(id, stop(), Cause::default()).await;
        let Err(Error::Store(store::Error::Newer(why))) = refused else { panic!("{refused:?}") };
        assert!(why.contains(kind) && why.contains("upgrade this server"), "{why}");
        // What is known of it is still served.
        let row = store.function(id).await.unwrap().unwrap();
        assert_eq!((row.state, store.history_of(id).await), (function::Status::Running, 6));
    }
    assert!(commands.function(other, stop(), Cause::default()).await.unwrap().changed());
    let faults = store.verify().await.unwrap().faults.join("\n");
    assert!(faults.contains("unknown event type `Exploded`") && faults.contains("its version is 99"), "{faults}");
    assert!(!faults.contains(&other.to_string()), "{faults}");
}

trait History {
    async fn history_of(&self, id: function::Id) -> usize;
}

impl History for Store {
    async fn history_of(&self, id: function::Id) -> usize {
        let filter = store::HistoryFilter { stream: Some(Stream::function(id)), ..store::HistoryFilter::default() };
        self.history(&filter, &store::PageRequest::first(100)).await.unwrap().rows.len()
    }
}

#[test]
fn what_a_newer_server_wrote_stops_only_what_needs_it() {
    on_a_log(beside_a_newer_server);
}

#[test]
fn what_a_newer_server_wrote_stops_only_what_needs_it_on_postgres() {
    actix::System::new().block_on(async {
        let home = store::contract::home::Home::postgres().await;
        beside_a_newer_server(home.open().await).await;
    });
}

#[test]
fn a_run_that_ends_while_it_is_erased_keeps_nothing() {
    on_a_log(|store| async move {
        let commands = Commands::start(store.clone(), settings(Duration::from_secs(60)));
        for number in 0..40_u128 {
            let id = run::Id::from(uuid::Uuid::from_u128(number + 1));
            let request = run::event::Request {
                run: id,
                function: function::id("default", "hello", 1),
                namespace: "default".into(),
                trigger: "http.invoke".into(),
                event: None,
                input: domain::Json::parse(r#""personal""#).unwrap(),
                input_cut: false,
                version: None,
                replayed_from: None,
                callback: None,
            };
            let delivery = run::event::Delivery::Once;
            let at = clock::now();
            let ask = async |command| commands.run(id, command, Cause::default()).await;
            ask(run::Command::Request { request, delivery, at }).await.unwrap();
            ask(run::Command::Start { version: 1, node: "here".into(), lost: None, at }).await.unwrap();
            let output = Some(domain::Json::parse(r#""personal""#).unwrap());
            let outcome = run::event::Outcome { output, ..run::event::Outcome::default() };
            // A caller that waits for its end retries.
            let erase = async { while commands.erase_run(id, at, Cause::default()).await.is_err() {} };
            let (done, ()) = futures::join!(ask(run::Command::Succeed { attempt: 1, outcome, at }), erase);
            done.unwrap();
            let records = store.stream(&Stream::run(id), 0, 100).await.unwrap();
            for record in &records {
                let text = String::from_utf8_lossy(&record.data);
                assert!(!text.contains("personal"), "run {number}, version {}: {text}", record.version);
            }
        }
    });
}
