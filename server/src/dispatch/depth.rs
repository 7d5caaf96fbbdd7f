//! Looks how many runs wait for each function: tells it as `eventflow_queue_depth`, and lets instances follow it.

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
        match tools.store.queued_runs().await {
            Ok(depths) => {
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
