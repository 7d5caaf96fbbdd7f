//! A thread of its own that nothing on the others can hold up: it looks whether they come back to their loops, hears
//! that the server is to end, and ends it when it does not end by itself.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::telemetry::watchdog::{LOOK_EVERY, Watchdog};

/// The rooms stop one after the other, each within the grace: so many times that.
const STEPS: u32 = 4;

/// What the end may take beside that.
const SLACK: Duration = Duration::from_secs(10);

/// The status of a server that did not end by itself.
const HELD: i32 = 1;

/// Starts it. `stopping` is cancelled when the server is to end.
///
/// # Errors
/// When no thread can be started.
pub(super) fn start(watchdog: Watchdog, stopping: CancellationToken, grace: Duration) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(move || runtime.block_on(guard(watchdog, stopping, grace)))
        .map(|_| ())
}

async fn guard(watchdog: Watchdog, stopping: CancellationToken, grace: Duration) {
    let mut signals = signals();
    if signals.is_none() {
        tracing::warn!("signals cannot be followed: open connections will hold up the end");
    }
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut end = None;
    loop {
        tokio::select! {
            _ = look.tick() => watchdog.look(),
            () = told(&mut signals), if end.is_none() => {
                stopping.cancel();
                end = Some(Instant::now() + grace * STEPS + SLACK);
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

/// Waits until the server is told to end.
async fn told(signals: &mut Option<[Signal; 2]>) {
    match signals {
        Some([terminate, interrupt]) => tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        },
        None => std::future::pending().await,
    }
}
