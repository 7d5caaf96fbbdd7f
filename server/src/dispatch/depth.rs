//! Counts the runs that wait for each function: shows them as `eventflow_queue_depth`, lets instances follow them, and closes the
//! doors of a namespace for which too many wait.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use domain::function;

use super::Tools;
use super::worker::Workers;

/// How often it looks, at most.
const EVERY: Duration = Duration::from_secs(1);

/// Counting takes no more than one part in so many of the time.
const SHARE: u32 = 20;

/// It never looks less often than this, however long the database took to answer.
const AT_LEAST_EVERY: Duration = Duration::from_secs(10);

pub(super) async fn tell(tools: Tools, workers: Workers) {
    let mut names: HashMap<function::Id, String> = HashMap::new();
    let mut pause = EVERY;
    loop {
        tokio::time::sleep(pause).await;
        let began = Instant::now();
        match tools.store.waiting_runs().await {
            Ok(waiting) => {
                let mut of_namespaces: HashMap<String, u64> = HashMap::new();
                for runs in &waiting {
                    *of_namespaces.entry(runs.namespace.clone()).or_default() += runs.all;
                }
                tools.commands.backlog().counted(of_namespaces);
                let queued = waiting.into_iter().filter(|runs| runs.queued > 0);
                let depths: Vec<_> = queued.map(|runs| (runs.function, runs.queued)).collect();
                // Where runs wait, every server helps.
                for (function, depth) in &depths {
                    workers.consume(*function);
                    tools.fleet.expect(*function, *depth);
                }
                show(&tools, &mut names, depths).await;
            }
            Err(error) => tracing::debug!(%error, "waiting runs not counted"),
        }
        pause = (began.elapsed() * SHARE).clamp(EVERY, AT_LEAST_EVERY);
    }
}

async fn show(tools: &Tools, names: &mut HashMap<function::Id, String>, depths: Vec<(function::Id, u64)>) {
    let mut gone = names.clone();
    for (id, depth) in depths {
        gone.remove(&id);
        if !names.contains_key(&id)
            && let Ok(Some(row)) = tools.store.function(id).await
        {
            names.insert(id, row.name);
        }
        if let Some(name) = names.get(&id) {
            let depth = i64::try_from(depth).unwrap_or(i64::MAX);
            tools.metrics.queue_depth.with_label_values(&[name]).set(depth);
        }
    }
    for (id, name) in gone {
        names.remove(&id);
        // It was there a moment ago, and says that nothing waits now before it goes.
        tools.metrics.queue_depth.with_label_values(&[&name]).set(0);
    }
}
