//! A separate thread that nothing else can block. It runs the watchdog, receives the signals that end the server, and
//! kills the process if it does not end by itself.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::telemetry::watchdog::{LOOK_EVERY, Watchdog};

/// Time for the end in addition to the delay and the grace period: records are written, instances are killed, folders
/// are removed.
const SLACK: Duration = Duration::from_secs(10);

/// The exit code of a server that did not end by itself.
const HELD: i32 = 1;

/// A program ended by a signal has this exit code plus the signal's number.
const BY_SIGNAL: i32 = 128;

/// The steps of the server's end.
#[derive(Clone)]
pub(super) struct Ending {
    /// Cancelled at the signal: readiness fails, everything else continues.
    pub(super) draining: CancellationToken,
    /// Cancelled after the delay: nothing new is accepted.
    pub(super) stopping: CancellationToken,
    /// The time between the two.
    pub(super) delay: Duration,
    /// The grace period after that for calls, runs and builds.
    pub(super) grace: Duration,
}

/// Starts the thread.
///
/// # Errors
/// If it cannot be started.
pub(super) fn start(watchdog: Watchdog, ending: Ending) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(move || runtime.block_on(guard(watchdog, ending)))
        .map(|_| ())
}

async fn guard(watchdog: Watchdog, ending: Ending) {
    let Ending { draining, stopping, delay, grace } = ending;
    let mut signals = signals();
    if signals.is_none() {
        tracing::warn!("signal handlers not installed: open connections will delay the shutdown");
    }
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut end = None;
    let mut stop = None;
    loop {
        tokio::select! {
            _ = look.tick() => watchdog.look(),
            signal = next(&mut signals) => {
                if end.is_some() {
                    tracing::error!("second signal: stopping immediately; open work continues after the next start");
                    std::process::exit(BY_SIGNAL + signal.as_raw_value());
                }
                tracing::info!(delay_s = delay.as_secs(), grace_s = grace.as_secs(), "stopping; a second signal stops immediately");
                draining.cancel();
                stop = Some(Instant::now() + delay);
                end = Some(Instant::now() + delay + grace + SLACK);
            }
            () = until(stop), if stop.is_some() => {
                stopping.cancel();
                stop = None;
            }
        }
        if end.is_some_and(|end| end <= Instant::now()) {
            for held in watchdog.held() {
                tracing::error!(
                    thread = held.thread,
                    doing = held.doing.as_deref().unwrap_or("unknown"),
                    "thread held up"
                );
            }
            tracing::error!(
                "the server does not end by itself, and is ended now; what was open goes on at its next start"
            );
            std::process::exit(HELD);
        }
    }
}

fn signals() -> Option<[Signal; 2]> {
    Some([signal(SignalKind::terminate()).ok()?, signal(SignalKind::interrupt()).ok()?])
}

/// Waits for a signal to end, and returns it.
async fn next(signals: &mut Option<[Signal; 2]>) -> SignalKind {
    match signals {
        Some([terminate, interrupt]) => tokio::select! {
            _ = terminate.recv() => SignalKind::terminate(),
            _ = interrupt.recv() => SignalKind::interrupt(),
        },
        None => std::future::pending().await,
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
