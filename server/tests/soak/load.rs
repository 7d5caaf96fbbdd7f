//! Calls at a steady pace, and how long the good functions take to answer them.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::app::TestApp;
use crate::functions::Function;

/// Calls of good functions per second, all together. Each is due at its time, whether the ones before are answered or not.
const GOOD_PER_S: f64 = 40.0;

/// Each hostile function is called every so often.
const ATTACK_EVERY: Duration = Duration::from_secs(5);

/// Seconds that are named as the slowest ones: whether a few were, or all.
const SLOWEST: usize = 8;

/// How long the good functions took to answer.
#[derive(Debug)]
pub struct Latencies {
    sorted: Vec<Duration>,
    /// The slowest answer to what was due in each second.
    by_second: Vec<Duration>,
    pub failed: usize,
}

impl Latencies {
    fn at(&self, share: f64) -> Duration {
        let last = self.sorted.len().saturating_sub(1);
        self.sorted.get((last as f64 * share) as usize).copied().unwrap_or_default()
    }

    pub fn p99(&self) -> Duration {
        self.at(0.99)
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |share| self.at(share).as_secs_f64() * 1e3;
        write!(f, "{} answered, {} failed; ", self.sorted.len(), self.failed)?;
        write!(f, "p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, longest {:.1} ms", ms(0.5), ms(0.95), ms(0.99), ms(1.0))?;
        let mut slowest: Vec<_> = self.by_second.iter().enumerate().collect();
        slowest.sort_by_key(|(_, took)| std::cmp::Reverse(**took));
        let seconds = slowest.iter().take(SLOWEST).map(|(second, took)| format!("{second} ({} ms)", took.as_millis()));
        write!(f, "; slowest seconds: {}", seconds.collect::<Vec<_>>().join(", "))
    }
}

/// What was sent to the hostile functions.
#[derive(Debug, Default)]
pub struct Attacks {
    pub sent: usize,
    answered: usize,
}

impl fmt::Display for Attacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls of hostile functions, {} answered by them", self.sent, self.answered)
    }
}

/// Every good function has answered once.
pub async fn warm_up(app: &TestApp, good: &[Function]) {
    for function in good {
        assert_eq!(app.call(&function.name).await.status(), 200, "{}", function.name);
    }
}

/// The good functions' latencies over this time.
pub async fn measure(app: &TestApp, good: &[Function], during: Duration) -> Latencies {
    let calls = (during.as_secs_f64() * GOOD_PER_S) as usize;
    let began = Instant::now();
    let failed = AtomicUsize::new(0);
    let all = (0..calls).map(|n| {
        let failed = &failed;
        async move {
            let due = began + Duration::from_secs_f64(n as f64 / GOOD_PER_S);
            tokio::time::sleep_until(due.into()).await;
            let answer = app.get(&format!("/function/{}", good[n % good.len()].name)).send().await;
            match answer {
                Ok(answer) if answer.status() == 200 => Some((due - began, due.elapsed())),
                answer => {
                    eprintln!("soak: a good function's call failed: {answer:?}");
                    failed.fetch_add(1, Ordering::Relaxed);
                    None
                }
            }
        }
    });
    let took: Vec<Option<(Duration, Duration)>> = all.collect::<FuturesUnordered<_>>().collect().await;
    let took: Vec<(Duration, Duration)> = took.into_iter().flatten().collect();
    let mut by_second = vec![Duration::ZERO; during.as_secs() as usize + 1];
    for (due, took) in &took {
        let second = &mut by_second[due.as_secs() as usize];
        *second = (*second).max(*took);
    }
    let mut sorted: Vec<Duration> = took.into_iter().map(|(_, took)| took).collect();
    sorted.sort();
    Latencies { sorted, by_second, failed: failed.into_inner() }
}

/// The same while every hostile function is called again and again.
pub async fn beside(app: &TestApp, good: &[Function], hostile: &[Function], during: Duration) -> (Latencies, Attacks) {
    let over = AtomicBool::new(false);
    let (sent, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let attacks = hostile.iter().enumerate().map(|(index, function)| {
        let (over, sent, answered) = (&over, &sent, &answered);
        async move {
            // Spread over the interval, so that they do not come in one burst.
            tokio::time::sleep(ATTACK_EVERY.mul_f64(index as f64 / hostile.len() as f64)).await;
            while !over.load(Ordering::Relaxed) {
                let next = Instant::now() + ATTACK_EVERY;
                sent.fetch_add(1, Ordering::Relaxed);
                if app.get(&format!("/function/{}", function.name)).send().await.is_ok_and(|a| a.status() == 200) {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep_until(next.into()).await;
            }
        }
    });
    let attacks = futures::future::join_all(attacks);
    let measured = async {
        let latencies = measure(app, good, during).await;
        over.store(true, Ordering::Relaxed);
        latencies
    };
    let (latencies, _) = tokio::join!(measured, attacks);
    (latencies, Attacks { sent: sent.into_inner(), answered: answered.into_inner() })
}
