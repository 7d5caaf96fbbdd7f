//! Schedules on a real log, at simulated times.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::function::{self, Command};
use domain::manifest::{Manifest, Runtime, Schedule, Trigger};
use domain::recorded::Fact;
use domain::run::event::{Delivery, Request};

use super::*;
use crate::store::contract::home::Home;
use crate::store::{EventFilter, LinesOf, PageRequest};

/// 2027-01-01T00:00:00Z plus a number of seconds.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_798_761_600 + seconds, 0).unwrap()
}

/// A wall clock shared by all servers.
#[derive(Clone, Default)]
struct Wall(Arc<AtomicI64>);

impl Wall {
    fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    async fn server(&self, store: &Store) -> Scheduler<impl Clock + use<>> {
        self.server_with(store, Backlog::unlimited()).await
    }

    async fn server_with(&self, store: &Store, backlog: Backlog) -> Scheduler<impl Clock + use<>> {
        let (wall, backlog) = (self.0.clone(), Arc::new(backlog));
        Scheduler::load(store.clone(), backlog, Cause::default(), move || at(wall.load(Ordering::SeqCst)))
            .await
            .unwrap()
    }
}

impl<C: Clock> Scheduler<C> {
    /// Applies what has happened since, and fires what is due.
    async fn look(&mut self) {
        let records = self.store.log_of("function", self.seen, self.store.head().await.unwrap(), 1000).await.unwrap();
        self.take(&records);
        self.resume().await;
        self.fire().await;
    }
}

async fn command(store: &Store, id: function::Id, command: Command) {
    let writer = Writer::new(store.clone());
    let stream = Stream::function(id);
    writer.execute::<function::Aggregate>(&stream, Loaded::unknown(), command, Cause::default()).await.unwrap();
}

/// A function that has been running since a time.
async fn running(store: &Store, generation: u32, schedule: Schedule, since: i64) -> function::Id {
    let id = function::id("default", "f", generation);
    let build = crate::clock::new_id();
    let source = function::event::Source::Bundle { digest: "sha256:0".into() };
    let manifest = Manifest { triggers: vec![Trigger::Schedule(schedule)], ..Manifest::of(Runtime::Node) };
    let (namespace, name, at) = ("default".to_owned(), "f".to_owned(), at(since));
    for next in [
        Command::Register { id, namespace, name, generation, source, manifest: None, at },
        Command::RequestBuild { build, git_ref: None, at },
        Command::StartBuild { build, node: "here".into(), at },
        Command::SucceedBuild {
            build,
            made: function::Made::artifact("sha256:1", 1),
            manifest: Box::new(manifest),
            commit: None,
            at,
        },
        Command::Start { at },
    ] {
        command(store, id, next).await;
    }
    id
}

fn minutely(catch_up: CatchUp) -> Schedule {
    Schedule { catch_up, ..Schedule::new("* * * * *", "UTC") }
}

/// The minutes that fired, in order; checks the total number of events. Only for a log without concurrent appends,
/// since a page and its total are two queries.
async fn fired(store: &Store) -> Vec<i64> {
    let (minutes, total) = fired_so_far(store).await;
    assert_eq!(total, minutes.len());
    minutes
}

/// The minutes that fired, in order, and the total number of events.
async fn fired_so_far(store: &Store) -> (Vec<i64>, usize) {
    let filter = EventFilter { kind: Some("schedule.triggered".into()), ..EventFilter::default() };
    let found = store.events(&filter, &PageRequest::first(100).counted()).await.unwrap();
    let minute = |due: &str| (due.parse::<DateTime<Utc>>().unwrap() - at(0)).num_minutes();
    let mut minutes: Vec<_> = found.rows.iter().map(|(_, row)| minute(&row.event_id)).collect();
    minutes.sort_unstable();
    (minutes, usize::try_from(found.total).unwrap())
}

async fn logged(store: &Store, id: function::Id) -> Vec<String> {
    let lines = store.lines(LinesOf::Function(id), 0, 100).await.unwrap();
    assert!(lines.iter().all(|row| row.line.stream == LineStream::System));
    lines.into_iter().map(|row| row.line.text).collect()
}

async fn each_due_time_fires_once_while_the_function_runs(home: Home) {
    let (store, wall) = (home.open().await, Wall::default());
    let mut server = wall.server(&store).await;
    let id = running(&store, 1, minutely(CatchUp::All), 30).await;
    for seconds in [59, 60, 61, 120, 179] {
        wall.set(seconds);
        server.look().await;
    }
    assert_eq!(fired(&store).await, [1, 2]);
    assert_eq!(server.until_next(), Duration::from_secs(1));
    let events = store.events(&EventFilter::default(), &PageRequest::first(1).counted()).await.unwrap();
    let stream = Stream::event(events.rows[0].1.id);
    let received = store.stream(&stream, 0, 10).await.unwrap();
    let Ok(Fact::Event(_, event::Event::Received(received))) = received[0].fact() else { panic!("{received:?}") };
    assert_eq!((received.target, received.asynchronous), (Some(id), true));
    // Stopped for two minutes: nothing fires, then or later.
    command(&store, id, Command::Stop { reason: None, at: at(179) }).await;
    wall.set(240);
    server.look().await;
    command(&store, id, Command::Start { at: at(290) }).await;
    for seconds in [290, 300] {
        wall.set(seconds);
        server.look().await;
    }
    assert_eq!(fired(&store).await, [1, 2, 5]);
    assert!(logged(&store, id).await.is_empty());
}

async fn what_was_missed_without_a_server_is_caught_up_as_the_policy_says(home: fn() -> Fresh) {
    const HOUR: i64 = 3600;
    for (catch_up, expected, text) in [
        (CatchUp::None, vec![1, 10], "left out, as `catch_up` is `none`"),
        (CatchUp::Last, vec![1, 9, 10], "only the newest fires"),
        (CatchUp::All, (1..=10).collect(), ""),
    ] {
        let expected: Vec<i64> = expected.into_iter().map(|hour| 60 * hour).collect();
        let home = home().await;
        let (store, wall) = (home.open().await, Wall::default());
        let id = running(&store, 1, Schedule { catch_up, ..Schedule::new("@hourly", "UTC") }, 30).await;
        wall.set(HOUR);
        wall.server(&store).await.look().await;
        // No server for more than eight hours.
        wall.set(9 * HOUR + HOUR / 2);
        let mut server = wall.server(&store).await;
        server.look().await;
        wall.set(10 * HOUR);
        server.look().await;
        assert_eq!(fired(&store).await, expected, "{catch_up:?}");
        let logged = logged(&store, id).await;
        assert_eq!(logged.len(), usize::from(!text.is_empty()), "{logged:?}");
        assert!(logged.iter().all(|line| line.contains(text) && line.contains("`@hourly` (UTC)")), "{logged:?}");
        // Nothing fires a second time.
        wall.server(&store).await.look().await;
        assert_eq!(fired(&store).await, expected);
    }
}

async fn a_hundred_missed_times_at_most_are_caught_up(home: Home) {
    let (store, wall) = (home.open().await, Wall::default());
    let id = running(&store, 1, minutely(CatchUp::All), 30).await;
    wall.set(60 * 1000);
    wall.server(&store).await.look().await;
    assert_eq!(fired(&store).await, (901..=1000).collect::<Vec<_>>());
    let logged = logged(&store, id).await;
    assert!(logged.len() == 1 && logged[0].contains("the newest 100 fire"), "{logged:?}");
}

async fn two_servers_on_one_log_fire_once(home: Home) {
    let one = home.open().await;
    // On SQLite there is one server, which may have two schedulers for a moment.
    let other = if home.is_postgres() { home.open().await } else { one.clone() };
    let wall = Wall::default();
    running(&one, 1, minutely(CatchUp::None), 30).await;
    let (mut a, mut b) = (wall.server(&one).await, wall.server(&other).await);
    for minute in 1..=20 {
        wall.set(60 * minute);
        // Both have read the log before either fires.
        tokio::join!(a.look(), b.look());
    }
    assert_eq!(fired(&one).await, (1..=20).collect::<Vec<_>>());
    // One continues where both were.
    wall.set(60 * 21);
    b.look().await;
    a.look().await;
    wall.server(&one).await.look().await;
    assert_eq!(fired(&one).await, (1..=21).collect::<Vec<_>>());
}

async fn a_schedule_that_forbids_overlap_waits_for_the_run_of_its_last_time(home: Home) {
    let (store, wall) = (home.open().await, Wall::default());
    let schedule = Schedule { overlap: Overlap::Forbid, ..minutely(CatchUp::None) };
    let id = running(&store, 1, schedule.clone(), 30).await;
    let key = domain::schedule::keys(id, [&schedule])[0];
    let mut server = wall.server(&store).await;
    let look = async |server: &mut Scheduler<_>, minute: i64| {
        wall.set(60 * minute);
        server.look().await;
        fired(&store).await
    };
    assert_eq!(look(&mut server, 1).await, [1]);
    // The relay has not requested the run yet.
    assert_eq!(look(&mut server, 2).await, [1]);
    let event = key.event(at(60));
    let run = run::id(event, id);
    let writer = Writer::new(store.clone());
    let of_run = async |command| {
        let stream = Stream::run(run);
        writer.execute::<run::Aggregate>(&stream, Loaded::unknown(), command, Cause::default()).await.unwrap();
    };
    let request = Request {
        run,
        function: id,
        namespace: "default".into(),
        trigger: "schedule.triggered".into(),
        event: Some(event),
        input: domain::Json::null(),
        input_cut: false,
        version: None,
        replayed_from: None,
        callback: None,
    };
    of_run(run::Command::Request { request, delivery: Delivery::Once, at: at(121) }).await;
    assert_eq!(look(&mut server, 3).await, [1]);
    // Another server knows what was skipped, and which run counts.
    let mut server = wall.server(&store).await;
    assert_eq!(look(&mut server, 4).await, [1]);
    of_run(run::Command::Cancel { at: at(241) }).await;
    assert_eq!(look(&mut server, 5).await, [1, 5]);
    let logged = logged(&store, id).await;
    assert_eq!(logged.len(), 3, "{logged:?}");
    assert!(logged[0].contains("2027-01-01T00:02:00Z is left out, as the run of 2027-01-01T00:01:00Z"), "{logged:?}");
}

async fn what_is_due_where_no_more_runs_may_wait_is_left_out(home: Home) {
    let (store, wall) = (home.open().await, Wall::default());
    let id = running(&store, 1, minutely(CatchUp::All), 30).await;
    let mut server = wall.server_with(&store, Backlog::new(10)).await;
    drop(server.backlog.arrive("default", 20));
    wall.set(120);
    server.look().await;
    server.backlog.begin_count();
    server.backlog.counted(HashMap::new());
    wall.set(180);
    server.look().await;
    assert_eq!(fired(&store).await, [3]);
    let logged = logged(&store, id).await;
    assert_eq!(logged.len(), 2, "{logged:?}");
    assert!(logged[1].contains("00:02:00Z is left out, as more runs of the namespace wait"), "{logged:?}");
}

async fn a_function_that_is_registered_again_is_another_one(home: Home) {
    let (store, wall) = (home.open().await, Wall::default());
    let mut server = wall.server(&store).await;
    let first = running(&store, 1, minutely(CatchUp::All), 30).await;
    wall.set(60);
    server.look().await;
    command(&store, first, Command::Deregister { at: at(60) }).await;
    let second = running(&store, 2, minutely(CatchUp::All), 60).await;
    assert_ne!(first, second);
    wall.set(120);
    server.look().await;
    assert_eq!(fired(&store).await, [1, 2]);
    assert_eq!(server.marks.len(), 1, "nothing is kept of the first");
}

/// The loop itself on the real clock: it is woken by the log and by time.
async fn a_function_that_starts_now_fires_within_seconds(home: Home) {
    let store = home.open().await;
    let server = Scheduler::load(store.clone(), Arc::new(Backlog::unlimited()), Cause::default(), crate::clock::now)
        .await
        .unwrap();
    let following = tokio::spawn(server.follow());
    let start = (crate::clock::now() - at(0)).num_seconds();
    running(&store, 1, Schedule::new("* * * * * *", "Europe/Berlin"), start).await;
    let three = async || fired_so_far(&store).await.0.len() >= 3;
    crate::store::contract::home::until("three seconds have fired", three).await;
    following.abort();
}

type Fresh = std::pin::Pin<Box<dyn Future<Output = Home>>>;

macro_rules! on {
    ($database:ident, $home:expr) => {
        mod $database {
            use super::*;

            fn fresh() -> Fresh {
                Box::pin(async { $home })
            }

            #[tokio::test]
            async fn each_due_time_fires_once_while_the_function_runs() {
                super::each_due_time_fires_once_while_the_function_runs(fresh().await).await;
            }

            #[tokio::test]
            async fn what_was_missed_without_a_server_is_caught_up_as_the_policy_says() {
                super::what_was_missed_without_a_server_is_caught_up_as_the_policy_says(fresh).await;
            }

            #[tokio::test]
            async fn a_hundred_missed_times_at_most_are_caught_up() {
                super::a_hundred_missed_times_at_most_are_caught_up(fresh().await).await;
            }

            #[tokio::test]
            async fn two_servers_on_one_log_fire_once() {
                super::two_servers_on_one_log_fire_once(fresh().await).await;
            }

            #[tokio::test]
            async fn a_schedule_that_forbids_overlap_waits_for_the_run_of_its_last_time() {
                super::a_schedule_that_forbids_overlap_waits_for_the_run_of_its_last_time(fresh().await).await;
            }

            #[tokio::test]
            async fn what_is_due_where_no_more_runs_may_wait_is_left_out() {
                super::what_is_due_where_no_more_runs_may_wait_is_left_out(fresh().await).await;
            }

            #[tokio::test]
            async fn a_function_that_is_registered_again_is_another_one() {
                super::a_function_that_is_registered_again_is_another_one(fresh().await).await;
            }

            #[tokio::test]
            async fn a_function_that_starts_now_fires_within_seconds() {
                super::a_function_that_starts_now_fires_within_seconds(fresh().await).await;
            }
        }
    };
}

on!(on_sqlite, Home::sqlite());
on!(on_postgres, Home::postgres().await);
