//! What all containers of a server may have together of the engine's host: memory, and processes. What is started takes its part first.
//!
//! What counts is their limits, not what they use at the moment. A container's limit holds on every engine, whichever driver of
//! control groups it has and wherever it runs, and so does the sum of those that run. A control group around all of them would let
//! some use what others leave; but where systemd owns the groups, or the engine is on another host, the server cannot make one, and
//! when it is full the kernel ends the largest container, whoever filled it.
//!
//! Who waits holds nothing: what needs little goes ahead of what needs more than there is at the moment.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::text;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::super::{Error, capacity};
use super::commands::MAX_PIDS;

/// How long the start of a service waits for others to end.
pub(super) const SERVICE_WAITS: Duration = Duration::from_secs(10);

/// How long a build waits.
const BUILD_WAITS: Duration = Duration::from_secs(60);

/// Mebibytes that each command of a build has at least, unless one namespace leaves less to the others; it takes more if there is more.
const LEAST_FOR_BUILD: u64 = 512;

/// The part that one namespace leaves to the others.
const OTHERS_PART: u64 = 4;

/// Process ids of an engine's host that nobody can ask: Linux's default.
const PIDS_ELSEWHERE: u64 = 32_768;

/// What counts as one.
const MIB: u64 = 1 << 20;

/// What a container needs, or all of them have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) mebibytes: u64,
    /// Processes and threads.
    pub(super) pids: u64,
}

impl Room {
    const NONE: Self = Self { mebibytes: 0, pids: 0 };

    fn plus(self, other: Self) -> Self {
        let Self { mebibytes, pids } = other;
        Self { mebibytes: self.mebibytes.saturating_add(mebibytes), pids: self.pids.saturating_add(pids) }
    }

    fn minus(self, other: Self) -> Self {
        let Self { mebibytes, pids } = other;
        Self { mebibytes: self.mebibytes.saturating_sub(mebibytes), pids: self.pids.saturating_sub(pids) }
    }

    fn has_room_for(self, other: Self) -> bool {
        other.mebibytes <= self.mebibytes && other.pids <= self.pids
    }
}

/// The room of all containers. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Together(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: Room,
    /// What the namespaces have that have something.
    taken: Mutex<HashMap<String, Room>>,
    freed: Notify,
}

/// A container's part, until the last of these is dropped.
pub(super) type Part = Arc<Taken>;

/// A part of the room, given back when dropped.
#[derive(Debug)]
pub(super) struct Taken {
    of: Together,
    namespace: String,
    room: Room,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut taken = self.of.0.taken.lock();
        if let Some(of_one) = taken.get_mut(&self.namespace) {
            *of_one = of_one.minus(self.room);
            if *of_one == Room::NONE {
                taken.remove(&self.namespace);
            }
        }
        drop(taken);
        self.of.0.freed.notify_waiters();
    }
}

impl Together {
    /// The bytes and processes that the operator set, or else most of what the engine's host has; `local`: whether that is this
    /// host.
    pub(super) fn new(set: (Option<u64>, Option<u64>), engine_has: Option<i64>, local: bool) -> Self {
        let (memory, pids) = set;
        let has = engine_has.and_then(|bytes| u64::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
        let memory = memory.or_else(|| has.map(capacity::without_reserve));
        let pids_of_host = || if local { capacity::pids() } else { None }.unwrap_or(PIDS_ELSEWHERE) / 4 * 3;
        let all =
            Room { mebibytes: memory.map_or(u64::MAX, |bytes| bytes / MIB), pids: pids.unwrap_or_else(pids_of_host) };
        Self(Arc::new(Inner { all, taken: Mutex::default(), freed: Notify::new() }))
    }

    /// What one namespace may have: something is left to the others.
    fn of_one(&self) -> Room {
        let Room { mebibytes, pids } = self.0.all;
        Room { mebibytes: mebibytes - mebibytes / OTHERS_PART, pids: pids - pids / OTHERS_PART }
    }

    /// What is free for a namespace, and for all of them.
    fn free(&self, taken: &HashMap<String, Room>, namespace: &str) -> (Room, Room) {
        let of_all = taken.values().fold(Room::NONE, |sum, of_one| sum.plus(*of_one));
        let own = taken.get(namespace).copied().unwrap_or(Room::NONE);
        (self.of_one().minus(own), self.0.all.minus(of_all))
    }

    /// Takes what is free, at most `most` mebibytes, for the commands of a build, which run one at a time: the part, and how much memory
    /// it is.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub(super) async fn take_for_build(&self, namespace: &str, what: &str, most: u64) -> Result<(Part, u64), Error> {
        let (own, all) = self.free(&self.0.taken.lock(), namespace);
        let free = own.mebibytes.min(all.mebibytes);
        let least = LEAST_FOR_BUILD.min(self.0.all.mebibytes / OTHERS_PART);
        let mebibytes = most.min(least.max(free)).min(self.of_one().mebibytes);
        let room = Room { mebibytes, pids: MAX_PIDS.unsigned_abs().min(self.of_one().pids) };
        Ok((self.take(namespace, what, room, BUILD_WAITS).await?, mebibytes))
    }

    /// Takes a container's part, as soon as there is room for it.
    ///
    /// # Errors
    /// [`Error::Refused`] if it can never have so much, [`Error::Io`] if others have not ended in time.
    pub(super) async fn take(&self, namespace: &str, what: &str, room: Room, within: Duration) -> Result<Part, Error> {
        if !self.of_one().has_room_for(room) {
            return Err(self.never(what, room));
        }
        let taken = timeout(within, async {
            loop {
                // Before looking: what is freed meanwhile is not missed.
                let freed = self.0.freed.notified();
                tokio::pin!(freed);
                freed.as_mut().enable();
                if let Some(part) = self.try_take(namespace, room) {
                    return part;
                }
                freed.await;
            }
        });
        taken.await.map_err(|_| self.full(namespace, what, room))
    }

    fn try_take(&self, namespace: &str, room: Room) -> Option<Part> {
        let mut taken = self.0.taken.lock();
        let (own, all) = self.free(&taken, namespace);
        if !own.has_room_for(room) || !all.has_room_for(room) {
            return None;
        }
        let of_one = taken.entry(namespace.to_owned()).or_insert(Room::NONE);
        *of_one = of_one.plus(room);
        Some(Arc::new(Taken { of: self.clone(), namespace: namespace.to_owned(), room }))
    }

    fn never(&self, what: &str, room: Room) -> Error {
        let most = self.of_one();
        Error::Refused(if room.mebibytes > most.mebibytes {
            format!(
                "{what} needs {} of memory, and all containers of one namespace together may have {}: lower `memory_mb`, or raise EVENTFLOW_CONTAINERS_MEMORY",
                size(room.mebibytes),
                size(most.mebibytes)
            )
        } else {
            format!(
                "{what} may have {} processes, and all containers of one namespace together {}: lower `pids`, or raise EVENTFLOW_CONTAINERS_PIDS",
                room.pids, most.pids
            )
        })
    }

    fn full(&self, namespace: &str, what: &str, room: Room) -> Error {
        let (most, (own, all)) = (self.of_one(), self.free(&self.0.taken.lock(), namespace));
        let why = if room.pids > own.pids.min(all.pids) {
            format!(
                "the processes for containers are taken: it may have {}, and of {} for its namespace {} are free, of {} for all {}. Stop functions that nobody needs, lower their `pids`, or raise EVENTFLOW_CONTAINERS_PIDS",
                room.pids, most.pids, own.pids, self.0.all.pids, all.pids
            )
        } else {
            format!(
                "the memory for containers is taken: it needs {}, and of {} for its namespace {} are free, of {} for all {}. Stop functions that nobody needs, lower their `memory_mb`, or raise EVENTFLOW_CONTAINERS_MEMORY",
                size(room.mebibytes),
                size(most.mebibytes),
                size(own.mebibytes),
                size(self.0.all.mebibytes),
                size(all.mebibytes),
            )
        };
        let source = io::Error::new(io::ErrorKind::OutOfMemory, why);
        Error::Io { what: format!("start {what}"), source }
    }
}

fn size(mebibytes: u64) -> String {
    text::bytes(mebibytes.saturating_mul(MIB))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn room(mebibytes: u64) -> Room {
        Room { mebibytes, pids: 1 }
    }

    #[tokio::test]
    async fn what_is_started_waits_until_there_is_room_and_says_so_when_there_is_none() {
        let together = Together::new((Some(400 * MIB + 5), None), Some(1 << 40), true);
        let take = async |namespace: &str, mebibytes| {
            together.take(namespace, "the function", room(mebibytes), Duration::from_millis(100)).await
        };
        let first = take("one", 200).await.unwrap();
        let full = take("one", 128).await.unwrap_err();
        assert!(matches!(full, Error::Io { .. }), "{full:?}");
        let full = full.to_string();
        for part in ["the function", "needs 128", "of 300", "namespace 100", "of 400", "EVENTFLOW_CONTAINERS_MEMORY"] {
            assert!(full.contains(part), "{part}: {full}");
        }
        let never = take("one", 301).await.unwrap_err();
        assert!(matches!(never, Error::Refused(_)), "{never:?}");
        // Another namespace takes what the first one leaves to it.
        let second = take("two", 150).await.unwrap();
        assert!(take("three", 51).await.is_err());
        drop(second);
        // A clone keeps it, as a second try of the same start does.
        let clone = first.clone();
        drop(first);
        assert!(take("one", 128).await.is_err());
        let (waited, ()) = tokio::join!(take("one", 128), async { drop(clone) });
        drop(waited.unwrap());
        assert_eq!(together.0.taken.lock().len(), 0);
        assert!(take("two", 300).await.is_ok());
    }

    #[tokio::test]
    async fn one_that_waits_for_much_holds_up_nobody() {
        let together = Together::new((Some(800 * MIB), None), None, true);
        let _first = together.take("one", "it", room(256), Duration::ZERO).await.unwrap();
        let mut large = Box::pin(together.take("two", "it", room(600), Duration::from_secs(60)));
        assert!(futures::poll!(&mut large).is_pending());
        assert!(together.take("three", "it", room(64), Duration::from_millis(100)).await.is_ok());
    }

    #[tokio::test]
    async fn processes_count_as_memory_does() {
        let together = Together::new((None, Some(1000)), None, true);
        let take = async |namespace: &str, pids| {
            together.take(namespace, "the function", Room { mebibytes: 1, pids }, Duration::from_millis(10)).await
        };
        let never = take("one", 751).await.unwrap_err().to_string();
        assert!(never.contains("may have 751 processes") && never.contains("together 750"), "{never}");
        let _first = take("one", 700).await.unwrap();
        let full = take("one", 51).await.unwrap_err().to_string();
        for part in ["it may have 51", "of 750", "namespace 50", "for all 300", "EVENTFLOW_CONTAINERS_PIDS"] {
            assert!(full.contains(part), "{part}: {full}");
        }
        assert!(take("two", 300).await.is_ok());
    }

    #[tokio::test]
    async fn a_build_takes_what_is_free() {
        let with = |bytes| Together::new((Some(bytes), Some(1 << 20)), None, true);
        let together = with(4096 * MIB);
        let (part, all) = together.take_for_build("one", "a build", 2048).await.unwrap();
        assert_eq!((all, part.room.pids), (2048, MAX_PIDS.unsigned_abs()));
        let (rest, less) = together.take_for_build("one", "a build", 2048).await.unwrap();
        assert_eq!(less, 1024);
        drop((part, rest));
        assert_eq!(with(256 * MIB).take_for_build("one", "a build", 2048).await.unwrap().1, 192);
        // What one namespace leaves is enough for a build of another.
        let small = with(1536 * MIB);
        let _service = small.take("one", "a service", room(1152), Duration::ZERO).await.unwrap();
        assert_eq!(small.take_for_build("two", "a build", 2048).await.unwrap().1, 384);
    }

    #[test]
    fn something_of_the_engines_host_is_left() {
        assert_eq!(Together::new((None, None), Some(8 << 30), false).0.all, Room { mebibytes: 7 * 1024, pids: 24_576 });
        assert!(Together::new((None, None), None, false).0.all.mebibytes > 1 << 30);
        let here = Together::new((None, None), None, true).0.all.pids;
        assert!(capacity::pids().is_some_and(|pids| here <= pids / 4 * 3), "{here}");
    }
}
