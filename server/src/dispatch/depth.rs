//! Tells how many runs wait for each function: `eventflow_queue_depth`.

use std::collections::HashMap;
use std::time::Duration;

use domain::function;

use super::Tools;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

pub(super) async fn tell(tools: Tools) {
    let mut names: HashMap<function::Id, String> = HashMap::new();
    let mut timer = tokio::time::interval(EVERY);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        let mut gone = names.clone();
        for (id, depth) in tools.queue.depths() {
            gone.remove(&id);
            if depth == 0 && !names.contains_key(&id) {
                continue;
            }
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
            // A metric that was never set cannot be removed, and need not be.
            let _ = tools.metrics.queue_depth.remove_label_values(&[&name]);
        }
    }
}
