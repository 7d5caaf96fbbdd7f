//! Counts the waiting runs of each function: exports them as `eventflow_queue_depth`, scales instances by them, and
//! closes a namespace for new events when too many wait.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use domain::function;

use super::tools::Tools;
use super::worker::Workers;

/// The minimum interval between counts.
const EVERY: Duration = Duration::from_secs(1);

/// Counting takes at most one part in this many of the time.
const SHARE: u32 = 20;

/// The maximum interval between counts, however slow the database is.
const AT_LEAST_EVERY: Duration = Duration::from_secs(10);

/// How long a function without waiting runs is exported as 0, so that it gets scraped, before it is removed: names that
/// were used once must not stay for ever.
const SHOWN_EMPTY: Duration = Duration::from_secs(300);

/// The exported functions: those with waiting runs, and since when the others have none.
#[derive(Default)]
struct Shown {
    waiting: HashMap<function::Id, String>,
    empty: HashMap<String, Instant>,
}

pub(super) async fn export(tools: Tools, workers: Workers) {
    let mut shown = Shown::default();
    let mut pause = EVERY;
    loop {
        tokio::time::sleep(pause).await;
        let began = Instant::now();
        tools.commands.backlog().begin_count();
        match tools.store.waiting_runs().await {
            Ok(waiting) => {
                let mut of_namespaces: HashMap<String, u64> = HashMap::new();
                for runs in &waiting {
                    *of_namespaces.entry(runs.namespace.clone()).or_default() += runs.all;
                }
                tools.commands.backlog().counted(of_namespaces);
                let queued = waiting.into_iter().filter(|runs| runs.queued > 0);
                let depths: Vec<_> = queued.map(|runs| (runs.function, runs.queued)).collect();
                // If runs wait, every server helps.
                for (function, depth) in &depths {
                    workers.consume(*function);
                    tools.keeping.expect(*function, *depth);
                }
                show(&tools, &mut shown, depths).await;
            }
            Err(error) => tracing::debug!(%error, "waiting runs not counted"),
        }
        pause = (began.elapsed() * SHARE).clamp(EVERY, AT_LEAST_EVERY);
    }
}

async fn show(tools: &Tools, shown: &mut Shown, depths: Vec<(function::Id, u64)>) {
    let gauge = &tools.metrics.queue_depth;
    let mut now_waiting = HashMap::new();
    for (id, depth) in depths {
        let name = match shown.waiting.remove(&id) {
            Some(name) => name,
            None => match tools.store.function(id).await {
                Ok(Some(row)) => row.name,
                _ => continue,
            },
        };
        gauge.with_label_values(&[&name]).set(i64::try_from(depth).unwrap_or(i64::MAX));
        shown.empty.remove(&name);
        now_waiting.insert(id, name);
    }
    for (_, name) in std::mem::replace(&mut shown.waiting, now_waiting) {
        // A function of the same name in another namespace may have waiting runs.
        if shown.waiting.values().all(|other| *other != name) {
            gauge.with_label_values(&[&name]).set(0);
            shown.empty.insert(name, Instant::now());
        }
    }
    shown.empty.retain(|name, since| {
        let stays = since.elapsed() < SHOWN_EMPTY;
        if !stays {
            // Fails if it is already gone.
            let _ = gauge.remove_label_values(&[name]);
        }
        stays
    });
}
