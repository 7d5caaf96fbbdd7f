//! Detects threads that are blocked: nothing else on such a thread is served.
//!
//! A task on each thread beats, and a separate OS thread, which nothing blocks, checks the beats. Knows threads and the
//! labels of what they are doing, not what these mean.

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The interval of beats.
const BEAT: Duration = Duration::from_millis(500);

/// A thread without a beat for this long is considered blocked.
pub const BLOCKED_AFTER: Duration = Duration::from_secs(10);

/// The interval of checks.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A gap between checks that shows that the whole process was suspended, which says nothing about its threads.
const PAUSED: Duration = Duration::from_secs(5);

/// Watches threads. Cheap to clone; clones share their state.
#[derive(Clone, Default)]
pub struct Watchdog {
    inner: Arc<Inner>,
}

struct Inner {
    begin: Instant,
    threads: Mutex<Vec<Weak<Thread>>>,
    looked: Mutex<Instant>,
}

impl Default for Inner {
    fn default() -> Self {
        let now = Instant::now();
        Self { begin: now, threads: Mutex::default(), looked: Mutex::new(now) }
    }
}

struct Thread {
    name: String,
    begin: Instant,
    /// The last beat, in milliseconds after `begin`.
    beat: AtomicU64,
    /// Whether its being blocked was reported.
    reported: AtomicBool,
    doing: Mutex<Option<Arc<str>>>,
}

/// The heart of a thread, which is watched as long as this exists.
pub struct Heart(Arc<Thread>);

/// A blocked thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Its name.
    pub thread: String,
    /// How long it has been blocked.
    pub since: Duration,
    /// What it is doing, if it is known.
    pub doing: Option<Arc<str>>,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has been held up for {} s", self.thread, self.since.as_secs())?;
        match &self.doing {
            Some(doing) => write!(f, " by {doing}"),
            None => Ok(()),
        }
    }
}

thread_local! {
    static HERE: RefCell<Option<Weak<Thread>>> = const { RefCell::new(None) };
}

impl Watchdog {
    /// Registers a thread.
    pub fn heart(&self, thread: impl Into<String>) -> Heart {
        let thread = Thread {
            name: thread.into(),
            begin: self.inner.begin,
            beat: AtomicU64::new(0),
            reported: AtomicBool::new(false),
            doing: Mutex::default(),
        };
        thread.beat();
        let thread = Arc::new(thread);
        let mut threads = self.inner.threads.lock();
        threads.retain(|thread| thread.strong_count() > 0);
        threads.push(Arc::downgrade(&thread));
        Heart(thread)
    }

    /// Threads that are blocked now.
    pub fn held(&self) -> Vec<Blocked> {
        self.threads().filter_map(|thread| thread.held()).collect()
    }

    /// Checks all threads, and logs once for each that it is blocked, and when it no longer is.
    pub fn look(&self) {
        let paused = std::mem::replace(&mut *self.inner.looked.lock(), Instant::now()).elapsed() > PAUSED;
        for thread in self.threads() {
            if paused {
                thread.beat();
            }
            match (thread.held(), thread.reported.load(Ordering::Relaxed)) {
                (Some(held), false) => {
                    thread.reported.store(true, Ordering::Relaxed);
                    let doing = held.doing.as_deref().unwrap_or("unknown");
                    tracing::error!(thread = held.thread, held_s = held.since.as_secs(), doing, "thread held up");
                }
                (None, true) => {
                    thread.reported.store(false, Ordering::Relaxed);
                    tracing::warn!(thread = thread.name, "thread no longer held up");
                }
                _ => {}
            }
        }
    }

    fn threads(&self) -> impl Iterator<Item = Arc<Thread>> + use<> {
        let threads: Vec<_> = self.inner.threads.lock().iter().filter_map(Weak::upgrade).collect();
        threads.into_iter()
    }
}

impl Heart {
    /// Beats until dropped. Must be polled by the thread that it belongs to.
    pub async fn beat(self) {
        loop {
            self.0.beat();
            tokio::time::sleep(BEAT).await;
        }
    }

    /// Associates the current thread with this heart, for [`doing`].
    pub fn is_of_this_thread(&self) {
        HERE.with(|here| *here.borrow_mut() = Some(Arc::downgrade(&self.0)));
    }
}

impl Thread {
    fn beat(&self) {
        self.beat.store(millis(self.begin.elapsed()), Ordering::Relaxed);
    }

    fn held(&self) -> Option<Blocked> {
        let beat = Duration::from_millis(self.beat.load(Ordering::Relaxed));
        let since = self.begin.elapsed().saturating_sub(beat);
        (since >= BLOCKED_AFTER).then(|| Blocked { thread: self.name.clone(), since, doing: self.doing.lock().clone() })
    }
}

/// Runs a future, with a label that the watchdog reports if the thread is blocked meanwhile.
pub async fn doing<F: Future>(what: impl Into<Arc<str>>, doing: F) -> F::Output {
    let what = what.into();
    let mut doing = pin!(doing);
    poll_fn(|cx| {
        let _now = now(&what);
        doing.as_mut().poll(cx)
    })
    .await
}

/// Labels what this thread is doing until the returned value is dropped.
pub fn now(what: &Arc<str>) -> impl Drop + use<> {
    let here = HERE.with(|here| here.borrow().as_ref().and_then(Weak::upgrade));
    if let Some(thread) = &here {
        *thread.doing.lock() = Some(what.clone());
    }
    Now(here)
}

struct Now(Option<Arc<Thread>>);

impl Drop for Now {
    fn drop(&mut self) {
        if let Some(thread) = &self.0 {
            *thread.doing.lock() = None;
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulates that the thread has been silent for this long. The watchdog must be at least that old.
    fn silent(heart: &Heart, time: Duration) {
        let beat = heart.0.begin.elapsed().checked_sub(time).expect("the watchdog is old enough");
        heart.0.beat.store(millis(beat), Ordering::Relaxed);
    }

    fn old() -> Watchdog {
        let begin = Instant::now().checked_sub(Duration::from_secs(600)).unwrap();
        Watchdog { inner: Arc::new(Inner { begin, ..Inner::default() }) }
    }

    #[test]
    fn a_thread_that_does_not_beat_is_held_up_by_what_it_does() {
        let watchdog = old();
        let heart = watchdog.heart("worker 1");
        let _other = watchdog.heart("worker 2");
        heart.is_of_this_thread();
        assert_eq!(watchdog.held(), []);
        let doing: Arc<str> = "POST /graphql".into();
        let now = now(&doing);
        silent(&heart, BLOCKED_AFTER + Duration::from_secs(2));
        watchdog.look();
        let held = watchdog.held();
        assert_eq!(held.len(), 1);
        assert_eq!(held[0].to_string(), "worker 1 has been held up for 12 s by POST /graphql");
        assert!(heart.0.reported.load(Ordering::Relaxed));
        drop(now);
        assert_eq!(watchdog.held()[0].doing, None);
        heart.0.beat();
        watchdog.look();
        assert_eq!(watchdog.held(), []);
        assert!(!heart.0.reported.load(Ordering::Relaxed));
    }

    #[test]
    fn a_thread_that_ended_is_not_held_up() {
        let watchdog = old();
        let heart = watchdog.heart("worker 1");
        silent(&heart, BLOCKED_AFTER);
        assert_eq!(watchdog.held().len(), 1);
        drop(heart);
        assert_eq!(watchdog.held(), []);
    }

    #[test]
    fn a_process_that_was_paused_says_nothing_of_its_threads() {
        let watchdog = old();
        let heart = watchdog.heart("worker 1");
        silent(&heart, BLOCKED_AFTER);
        *watchdog.inner.looked.lock() = Instant::now().checked_sub(PAUSED * 2).unwrap();
        watchdog.look();
        assert!(!heart.0.reported.load(Ordering::Relaxed));
        assert_eq!(watchdog.held(), []);
    }

    #[tokio::test]
    async fn what_is_done_is_known_while_it_is_polled_only() {
        let watchdog = old();
        let heart = watchdog.heart("worker 1");
        heart.is_of_this_thread();
        let done = doing("GET /x", async {
            assert_eq!(heart.0.doing.lock().as_deref(), Some("GET /x"));
            tokio::task::yield_now().await;
            assert_eq!(heart.0.doing.lock().as_deref(), Some("GET /x"));
        });
        let mut done = pin!(done);
        assert!(futures::poll!(done.as_mut()).is_pending());
        assert_eq!(heart.0.doing.lock().as_deref(), None);
        done.await;
    }
}
