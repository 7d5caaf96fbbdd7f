//! The activity of a connection, shared by everything that serves it: whether it is busy or keeps the server waiting,
//! and since when.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::Context;
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;

use super::limits::Limits;

/// The activity of one connection. Times are milliseconds since it was opened, plus one; 0 is never.
#[derive(Debug)]
pub struct Activity {
    opened: Instant,
    /// What the connection is counted under; `None` when its address is not counted.
    pub(super) counted: Option<IpAddr>,
    /// Requests being answered.
    busy: AtomicU32,
    /// Requests so far.
    requests: AtomicU64,
    /// The newest request is useless without its caller …
    followed: AtomicBool,
    /// … who understands interim responses.
    interim: AtomicBool,
    /// When the last answer was complete.
    rested: AtomicU64,
    /// When the first byte after that arrived.
    heard: AtomicU64,
    /// Since when the server has been waiting for the body of a request.
    body: AtomicU64,
    /// It has become a WebSocket, which has limits of its own.
    socket: AtomicBool,
    /// Since when it has been a WebSocket without an authenticated caller.
    unknown: AtomicU64,
    /// It must close, because another connection took its place.
    evicted: AtomicBool,
    waker: AtomicWaker,
}

/// Marks a request as being answered, until dropped.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.heard.store(0, Relaxed);
        self.0.rested.store(self.0.now(), Relaxed);
        self.0.busy.fetch_sub(1, Relaxed);
    }
}

impl Activity {
    pub(super) fn new(counted: Option<IpAddr>) -> Self {
        Self {
            opened: Instant::now(),
            counted,
            busy: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            followed: AtomicBool::new(false),
            interim: AtomicBool::new(false),
            rested: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            body: AtomicU64::new(0),
            socket: AtomicBool::new(false),
            unknown: AtomicU64::new(0),
            evicted: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn since(&self, time: u64) -> Duration {
        Duration::from_millis(self.now().saturating_sub(time.max(1)))
    }

    /// Notes that a request's head is complete.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        self.followed.store(false, Relaxed);
        Busy(self.clone())
    }

    /// The number of requests so far, including the one being answered.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// From now on the request ends when its caller leaves, because its result is of no use to anybody else. `interim`:
    /// the
    /// caller understands interim responses (1xx), which HTTP/1.0 does not know.
    pub(crate) fn follow_caller(&self, interim: bool) {
        self.interim.store(interim, Relaxed);
        self.followed.store(true, Relaxed);
    }

    /// Whether the request that is being answered ends when its caller leaves.
    pub(super) fn follows_caller(&self) -> bool {
        self.busy.load(Relaxed) > 0 && self.followed.load(Relaxed) && !self.is_socket()
    }

    pub(super) fn allows_interim(&self) -> bool {
        self.interim.load(Relaxed)
    }

    /// Notes that bytes have arrived.
    pub(super) fn hear(&self) {
        if self.busy.load(Relaxed) == 0 && self.heard.load(Relaxed) == 0 {
            self.heard.store(self.now(), Relaxed);
        }
    }

    /// Notes whether the server is waiting for the body of a request.
    pub(super) fn wait_for_body(&self, waits: bool) {
        self.body.store(if waits { self.now() } else { 0 }, Relaxed);
    }

    /// Turns the connection into a WebSocket: it is idle as long as both ends live, which its pings find out.
    pub(crate) fn become_socket(&self) {
        self.socket.store(true, Relaxed);
    }

    pub(super) fn is_socket(&self) -> bool {
        self.socket.load(Relaxed)
    }

    /// Notes whether the WebSocket's caller is still unauthenticated.
    pub(super) fn be_unknown(&self, unknown: bool) {
        self.unknown.store(if unknown { self.now() } else { 0 }, Relaxed);
    }

    /// How long it has kept the server waiting; `None` while the server is working for it.
    pub(super) fn waiting(&self) -> Option<Duration> {
        match (self.busy.load(Relaxed), self.body.load(Relaxed)) {
            (0, _) => Some(self.since(self.rested.load(Relaxed))),
            (_, _) if self.is_socket() => match self.unknown.load(Relaxed) {
                0 => None,
                since => Some(self.since(since)),
            },
            (_, 0) => None,
            (_, body) => Some(self.since(body)),
        }
    }

    /// Gives its place to another connection.
    pub(super) fn evict(&self) {
        self.evicted.store(true, Relaxed);
        self.waker.wake();
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.evicted.load(Relaxed)
    }

    /// Wakes this task when the connection is evicted.
    pub(super) fn watch(&self, cx: &Context<'_>) {
        self.waker.register(cx.waker());
    }

    /// Why the connection must be closed, if it must.
    pub(super) fn overdue(&self, limits: &Limits) -> Option<&'static str> {
        if self.is_evicted() {
            return Some("the connection waited longest when there were too many");
        }
        if self.busy.load(Relaxed) > 0 {
            return None;
        }
        let (rested, heard) = (self.rested.load(Relaxed), self.heard.load(Relaxed));
        match heard {
            0 if rested == 0 => (self.since(0) > limits.head_and_slack()).then_some("no request came"),
            0 => (self.since(rested) > limits.idle).then_some("the connection was idle"),
            heard => (self.since(heard) > limits.head_and_slack()).then_some("the head of a request took too long"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        head: Duration::from_secs(10),
        read: Duration::from_secs(30),
        write: Duration::from_secs(30),
        idle: Duration::from_secs(5),
    };

    /// A connection that was opened `seconds` ago.
    fn aged(seconds: u64) -> Arc<Activity> {
        let opened = Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        Arc::new(Activity { opened, ..Activity::new(None) })
    }

    #[test]
    fn a_connection_without_a_request_is_closed() {
        assert_eq!(aged(9).overdue(&LIMITS), None);
        assert!(aged(12).overdue(&LIMITS).is_some());
    }

    #[test]
    fn bytes_that_trickle_in_do_not_prolong_a_head() {
        let activity = aged(12);
        activity.heard.store(1, Relaxed);
        activity.hear();
        assert!(activity.overdue(&LIMITS).is_some());
    }

    #[test]
    fn a_connection_that_works_may_take_its_time_and_then_rests() {
        let activity = aged(1000);
        let busy = activity.begin();
        assert_eq!((activity.overdue(&LIMITS), activity.waiting()), (None, None));
        drop(busy);
        assert_eq!(activity.overdue(&LIMITS), None);
        assert!(activity.waiting().is_some());
        activity.rested.store(1, Relaxed);
        assert_eq!(activity.overdue(&LIMITS), Some("the connection was idle"));
    }

    #[test]
    fn who_waits_for_a_body_waits_unless_it_is_a_sockets() {
        let activity = aged(1);
        let _busy = activity.begin();
        activity.wait_for_body(true);
        assert!(activity.waiting().is_some());
        activity.become_socket();
        assert_eq!(activity.waiting(), None);
    }

    #[test]
    fn who_is_evicted_goes_even_while_it_works() {
        let activity = aged(1);
        let _busy = activity.begin();
        activity.evict();
        assert!(activity.overdue(&LIMITS).is_some());
    }
}
