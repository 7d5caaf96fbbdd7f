//! Which functions a trigger event reached or not, and why: derived from the state of each when the event was received.

use std::collections::HashMap;
use std::sync::LazyLock;

use domain::event::Received;
use domain::function::{self, Life};
use domain::{routing, run};
use futures::{StreamExt, TryStreamExt, stream};

use super::past::{HISTORIES, function_as_of};
use super::{Refusal, Services, Viewer};
use crate::store::{EventRow, FunctionFilter, FunctionRow, PageRequest, RunFilter, RunRow};
use crate::turns::Turns;

/// Maximum number of functions of a namespace, and of runs of an event, that are examined.
const MAX_REACH: u32 = 100;

/// Questions that are answered at a time: for one viewer, and for all together. Each has all its functions in memory.
static REACHES: LazyLock<Turns> = LazyLock::new(|| Turns::with_shares(4, 2, 2));

/// Whether an event reached a function, and why.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The function in its current state.
    pub function: FunctionRow,
    /// Whether it was reached.
    pub reached: bool,
    /// Why, or why not, in words.
    pub reason: String,
    /// The latest run of the function caused by the event.
    pub run: Option<RunRow>,
}

/// How many functions an event reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReachTotals {
    /// The number of functions it reached.
    pub reached: u64,
    /// The number of functions in its namespace now, but never fewer than it reached.
    pub functions: u64,
    /// Whether it has been relayed completely.
    pub settled: bool,
}

/// How many functions an event reached, of how many.
///
/// # Errors
/// If the log is not available.
pub async fn reach_totals(services: &Services, viewer: &Viewer, event: &EventRow) -> Result<ReachTotals, Refusal> {
    // Queried first, so that everything relayed by then is counted.
    let settled = services.guarded.store.relayed().await?.is_past(&event.namespace, event.position);
    let view = services.view(viewer);
    let caused = RunFilter { event: Some(event.id), routed: true, ..RunFilter::default() };
    let reached = view.run_counts(&caused).await?.into_iter().map(|(_, count)| count).sum();
    let neighbours = FunctionFilter { namespaces: Some(vec![event.namespace.clone()]), ..FunctionFilter::default() };
    let functions = view.functions(&neighbours, &PageRequest::first(1).counted()).await?.total;
    Ok(ReachTotals { reached, functions: functions.max(reached), settled })
}

/// The functions that an event reached, followed by those of its namespace that it did not reach. `position` is the
/// event's position in the log. `search` restricts the functions by name. Of runs in other namespaces, where the event was sent
/// again once, the viewer finds those that they see.
///
/// # Errors
/// If the log is not available.
pub async fn reach(
    services: &Services,
    viewer: &Viewer,
    event: &Received,
    position: u64,
    search: Option<String>,
) -> Result<Vec<Reach>, Refusal> {
    let _turn = REACHES.take(&viewer.subject, "").await;
    let (view, page) = (services.view(viewer), PageRequest::first(MAX_REACH));
    let caused = RunFilter { event: Some(event.id), ..RunFilter::default() };
    let mut runs: HashMap<function::Id, RunRow> = HashMap::new();
    for (_, run) in view.runs(&caused, &page).await?.rows {
        runs.entry(run.function).or_insert(run);
    }
    let neighbours = FunctionFilter {
        namespaces: Some(vec![event.namespace.clone()]),
        search: search.clone(),
        ..FunctionFilter::default()
    };
    let mut functions: Vec<_> =
        view.functions(&neighbours, &page).await?.rows.into_iter().map(|(_, row)| row).collect();
    // Functions with runs that are not in the list: they are deregistered, or the namespace is large.
    let ran: Vec<_> = runs.keys().filter(|id| functions.iter().all(|row| row.id != **id)).copied().collect();
    let fits = |row: &FunctionRow| search.as_ref().is_none_or(|search| row.name.contains(&search.to_lowercase()));
    functions.extend(view.functions_by_id(&ran).await?.into_iter().filter(fits));
    // If the event has more runs than fit a page, there may be more.
    let missing: Vec<_> = functions.iter().filter(|row| !runs.contains_key(&row.id)).map(|row| row.id).collect();
    let missing: Vec<_> = missing.into_iter().map(|function| run::id(event.id, function)).collect();
    for run in view.runs_by_id(&missing).await? {
        runs.insert(run.function, run);
    }
    let look = |function: FunctionRow| async {
        let then = function_as_of(services, viewer, function.id, |record| record.position <= position).await?;
        let state = then.map(|(state, _)| state);
        let (reached, reason) = match &state {
            None => (false, "It was registered after the event came in.".to_owned()),
            Some(then) if matches!(then.life, Life::Deregistered { .. }) => {
                (false, "It was gone when the event came in.".to_owned())
            }
            Some(then) => {
                let why = routing::explain(then, event);
                (why.reached(), why.to_string())
            }
        };
        Ok::<_, Refusal>(Reach { reached, reason, run: None, function })
    };
    let mut found: Vec<Reach> = stream::iter(functions).map(look).buffered(HISTORIES).try_collect().await?;
    for reach in &mut found {
        reach.run = runs.remove(&reach.function.id);
    }
    found.sort_by_key(|reach| (!reach.reached, reach.run.is_none()));
    Ok(found)
}
