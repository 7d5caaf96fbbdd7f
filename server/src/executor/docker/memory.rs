//! The memory that all containers of a server may have together: what is started takes its part first.
//!
//! What counts is their limits, not what they use at the moment. A container's limit holds on every engine, whichever driver of
//! control groups it has and wherever it runs, and so does the sum of those that run. A control group around all of them would let
//! some use what others leave; but where systemd owns the groups, or the engine is on another host, the server cannot make one, and
//! when it is full the kernel ends the largest container, whoever filled it.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::text;
use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::super::{Error, capacity};

/// How long the start of a service waits for others to end.
pub(super) const SERVICE_WAITS: Duration = Duration::from_secs(10);

/// How long a build waits.
const BUILD_WAITS: Duration = Duration::from_secs(60);

/// Mebibytes that each command of a build has at least; it takes more if there is more.
const LEAST_FOR_BUILD: u64 = 512;

/// The part that one namespace leaves to the others.
const OTHERS_PART: usize = 4;

/// What counts as one.
const MIB: u64 = 1 << 20;

/// A container's part, until the last of these is dropped: of its namespace's memory, and of all.
pub(super) type Part = Arc<[OwnedSemaphorePermit; 2]>;

/// The memory of all containers, in mebibytes; those who wait get theirs in turn.
#[derive(Debug)]
pub(super) struct Memory {
    all: usize,
    free: Arc<Semaphore>,
    /// What the namespaces may have that have something, or wait.
    namespaces: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Memory {
    /// The bytes that the operator set, or else most of what the engine's host has.
    pub(super) fn new(set: Option<u64>, engine_has: Option<i64>) -> Self {
        let has = engine_has.and_then(|bytes| u64::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
        let all = set.or_else(|| has.map(capacity::without_reserve)).map_or(u64::MAX, |bytes| bytes / MIB);
        let all = usize::try_from(all).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { all, free: Arc::new(Semaphore::new(all)), namespaces: Mutex::default() }
    }

    /// What one namespace may have: something is left to the others.
    fn of_one(&self) -> usize {
        self.all - self.all / OTHERS_PART
    }

    fn namespace(&self, name: &str) -> Arc<Semaphore> {
        let mut all = self.namespaces.lock();
        // Each part holds its namespace's.
        all.retain(|_, free| Arc::strong_count(free) > 1);
        all.entry(name.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.of_one()))).clone()
    }

    /// Takes what is free, at most `most` mebibytes, for the commands of a build, which run one at a time: the part, and how much it is.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub(super) async fn take_for_build(&self, namespace: &str, what: &str, most: u64) -> Result<(Part, u64), Error> {
        let free = self.namespace(namespace).available_permits().min(self.free.available_permits());
        let wanted = most.min(LEAST_FOR_BUILD.max(free as u64)).min(self.of_one() as u64);
        Ok((self.take(namespace, what, wanted, BUILD_WAITS).await?, wanted))
    }

    /// Takes a container's part, as soon as others have ended.
    ///
    /// # Errors
    /// [`Error::Refused`] if it can never have so much, [`Error::Io`] if others have not ended in time.
    pub(super) async fn take(
        &self,
        namespace: &str,
        what: &str,
        mebibytes: u64,
        within: Duration,
    ) -> Result<Part, Error> {
        let wanted = usize::try_from(mebibytes).ok().filter(|wanted| *wanted <= self.of_one());
        let Some(wanted) = wanted.and_then(|wanted| u32::try_from(wanted).ok()) else {
            return Err(Error::Refused(format!(
                "{what} needs {} of memory, and all containers of one namespace together may have {}: lower `memory_mb`, or raise EVENTFLOW_CONTAINERS_MEMORY",
                size(mebibytes),
                size(self.of_one() as u64)
            )));
        };
        let own = self.namespace(namespace);
        let taken = timeout(within, async {
            let own = own.clone().acquire_many_owned(wanted).await?;
            Ok::<_, AcquireError>([own, self.free.clone().acquire_many_owned(wanted).await?])
        });
        match taken.await {
            Ok(Ok(part)) => Ok(Arc::new(part)),
            Ok(Err(_)) | Err(_) => Err(Error::Io {
                what: format!("start {what}"),
                source: io::Error::new(
                    io::ErrorKind::OutOfMemory,
                    format!(
                        "the memory for containers is taken: it needs {}, and of {} for its namespace {} are free, of {} for all {}. Stop functions that nobody needs, lower their `memory_mb`, or raise EVENTFLOW_CONTAINERS_MEMORY",
                        size(mebibytes),
                        size(self.of_one() as u64),
                        size(own.available_permits() as u64),
                        size(self.all as u64),
                        size(self.free.available_permits() as u64),
                    ),
                ),
            }),
        }
    }
}

fn size(mebibytes: u64) -> String {
    text::bytes(mebibytes.saturating_mul(MIB))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_started_waits_until_there_is_room_and_says_so_when_there_is_none() {
        let memory = Memory::new(Some(400 * MIB + 5), Some(1 << 40));
        let take = async |namespace: &str, mebibytes| {
            memory.take(namespace, "the function", mebibytes, Duration::from_millis(100)).await
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
        assert_eq!(memory.free.available_permits(), 400);
        assert!(take("two", 300).await.is_ok());
        assert_eq!(memory.namespaces.lock().len(), 1, "others are forgotten");
    }

    #[tokio::test]
    async fn a_build_takes_what_is_free() {
        let memory = Memory::new(Some(4096 * MIB), None);
        let (part, all) = memory.take_for_build("one", "a build", 2048).await.unwrap();
        assert_eq!(all, 2048);
        let (rest, less) = memory.take_for_build("one", "a build", 2048).await.unwrap();
        assert_eq!(less, 1024);
        drop((part, rest));
        assert_eq!(Memory::new(Some(256 * MIB), None).take_for_build("one", "a build", 2048).await.unwrap().1, 192);
    }

    #[test]
    fn something_of_the_engines_host_is_left() {
        assert_eq!(Memory::new(None, Some(8 << 30)).all, 7 * 1024);
        assert!(Memory::new(None, None).all > 1 << 30);
    }
}
