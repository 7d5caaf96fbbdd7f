//! What instances use now. It is read only while somebody asks, and whoever asks at about the same time shares a reading.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use crate::executor::{Instance, Reading};

/// What was read is told for so long without being read again.
const FRESH: Duration = Duration::from_secs(2);

/// The time between two readings of an instance that nobody has asked for lately: shorter ones say little of its processors.
const SPAN: Duration = Duration::from_millis(250);

/// An earlier reading that is older than this tells of another time.
const STALE: Duration = Duration::from_secs(30);

/// Instances of this server that are read at a time, whoever asks; more wait.
const AT_A_TIME: usize = 16;

/// How long whoever asks waits. What is not known by then is not told: an engine may be away.
const WITHIN: Duration = Duration::from_secs(2);

static TURNS: Semaphore = Semaphore::const_new(AT_A_TIME);

/// What an instance uses now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// When it was read.
    pub at: DateTime<Utc>,
    /// Processors in use, 0.5 being half of one; `None` if nothing counts them.
    pub cpu: Option<f64>,
    /// Bytes of memory that it holds; `None` if nothing counts them.
    pub memory: Option<u64>,
    /// Bytes of memory that it may hold, if there is a limit.
    pub memory_limit: Option<u64>,
}

/// Reads what one instance uses.
#[derive(Debug)]
pub(super) struct Gauge {
    process: Arc<dyn Instance>,
    /// Locked by whoever reads: others wait for what they find.
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    last: Option<(Instant, Reading)>,
    told: Option<(Instant, Option<Usage>)>,
}

impl Gauge {
    pub(super) fn new(process: Arc<dyn Instance>) -> Self {
        Self { process, known: Mutex::default() }
    }

    /// What the instance uses now; `None` if nobody can tell.
    pub(super) async fn usage(&self) -> Option<Usage> {
        self.usage_within(WITHIN).await
    }

    async fn usage_within(&self, within: Duration) -> Option<Usage> {
        timeout(within, self.read()).await.ok().flatten()
    }

    async fn read(&self) -> Option<Usage> {
        let mut known = self.known.lock().await;
        if let Some((at, usage)) = known.told
            && at.elapsed() < FRESH
        {
            return usage;
        }
        let _turn = TURNS.acquire().await.ok()?;
        let before = match known.last.filter(|(at, _)| at.elapsed() < STALE) {
            Some((_, before)) => Some(before),
            None => {
                let first = self.process.reading().await;
                if first.is_some_and(|first| first.processor_time.is_some()) {
                    sleep(SPAN).await;
                }
                first
            }
        };
        let now = match before {
            Some(_) => self.process.reading().await,
            None => None,
        };
        let usage = now.zip(before).map(|(now, before)| Usage {
            at: now.at,
            cpu: now.processors_since(&before),
            memory: now.memory,
            memory_limit: now.memory_limit,
        });
        *known = Known { last: now.map(|now| (Instant::now(), now)), told: Some((Instant::now(), usage)) };
        usage
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::executor::{Address, Exit};

    /// Uses half a processor, and counts who looks.
    #[derive(Debug)]
    struct Busy {
        began: Instant,
        read: AtomicU32,
        answers: bool,
        address: Address,
    }

    fn busy(answers: bool) -> Arc<Busy> {
        let address = Address::Tcp { host: "127.0.0.1".into(), port: 1 };
        Arc::new(Busy { began: Instant::now(), read: AtomicU32::new(0), answers, address })
    }

    #[async_trait]
    impl Instance for Busy {
        fn address(&self) -> &Address {
            &self.address
        }

        fn exited(&self) -> Option<Exit> {
            None
        }

        async fn wait(&self) -> Exit {
            std::future::pending().await
        }

        async fn stop(&self, _: Duration) -> Exit {
            Exit::default()
        }

        fn stderr_tail(&self) -> Vec<String> {
            Vec::new()
        }

        async fn reading(&self) -> Option<Reading> {
            self.read.fetch_add(1, Ordering::SeqCst);
            if !self.answers {
                return std::future::pending().await;
            }
            let passed = self.began.elapsed();
            Some(Reading {
                at: DateTime::from_timestamp(1_000_000, 0).unwrap() + passed,
                processor_time: Some(passed / 2),
                memory: Some(7),
                memory_limit: None,
            })
        }
    }

    #[tokio::test]
    async fn all_who_ask_share_two_readings_and_later_ones_need_one() {
        let process = busy(true);
        let gauge = Gauge::new(process.clone());
        let together = futures::future::join_all((0..50).map(|_| gauge.usage())).await;
        for usage in together {
            let usage = usage.unwrap();
            assert!((usage.cpu.unwrap() - 0.5).abs() < 0.01, "{usage:?}");
            assert_eq!(usage.memory, Some(7));
        }
        assert_eq!(process.read.load(Ordering::SeqCst), 2);
        gauge.known.lock().await.told = None;
        assert!(gauge.usage().await.is_some());
        assert_eq!(process.read.load(Ordering::SeqCst), 3, "the earlier reading serves");
        {
            let mut known = gauge.known.lock().await;
            known.told = None;
            known.last.as_mut().unwrap().0 -= STALE;
        }
        assert!(gauge.usage().await.is_some());
        assert_eq!(process.read.load(Ordering::SeqCst), 5, "it was of another time");
    }

    #[tokio::test]
    async fn who_does_not_answer_holds_up_nobody_for_long() {
        let gauge = Gauge::new(busy(false));
        assert_eq!(gauge.usage_within(Duration::from_millis(10)).await, None);
    }
}
