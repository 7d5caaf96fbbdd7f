//! Erases the payloads of events and runs: their records stay, and say that they were erased.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::access::Action;
use domain::{event, function, run};
use tokio::time::Instant;

use super::function::allowed;
use super::{Caller, Refusal, Services};
use crate::leasing::LATE_LINES;
use crate::store::page::MAX_PAGE;
use crate::store::{PageRequest, RunFilter, RunRow, agreement};
use crate::{actors, clock};

/// An event is usually relayed within this time.
const ROUTED_WITHIN: Duration = Duration::from_secs(2);

/// The polling interval for that.
const LOOK: Duration = Duration::from_millis(50);

/// Lines of a finished run are stored within this time, unless the database was unavailable.
const LINES_STORED_WITHIN: Duration = LATE_LINES.saturating_add(Duration::from_secs(1));

/// Erases a run's input, results and log lines. Repeating it erases lines stored since.
///
/// # Errors
/// `run_not_found`, `run_not_over`, `callback_open`, `older_servers`.
pub async fn erase_run(services: &Services, caller: &Caller, id: run::Id) -> Result<(), Refusal> {
    let run = super::load_run(services, &caller.viewer, id).await?;
    caller.viewer.may(Action::Administer, &run.request.namespace)?;
    all_understand(services).await?;
    lines_are_stored(run.phase.finished_at()).await;
    services.guarded.commands.erase_run(id, clock::now(), caller.cause()).await?;
    Ok(())
}

/// Erases the content of an event and of every run that it caused. Repeating it erases lines stored since.
///
/// # Errors
/// `event_not_found`, `event_not_routed`, `run_not_over`, `callback_open`, `older_servers`.
pub async fn erase_event(services: &Services, caller: &Caller, id: event::Id) -> Result<(), Refusal> {
    let row = services.view(&caller.viewer).events_by_id(&[id]).await?.pop();
    let row = row.ok_or_else(|| Refusal::problem("event_not_found", "there is no such event"))?;
    caller.viewer.may(Action::Administer, &row.namespace)?;
    all_understand(services).await?;
    if !is_routed(services, &row.namespace, row.position).await? {
        let message = "the event is not on its way to its functions yet: erase it when its runs are over";
        return Err(Refusal::problem("event_not_routed", message));
    }
    erase_runs_of(services, caller, id).await?;
    services.guarded.commands.erase_event(id, clock::now(), caller.cause()).await?;
    // It can no longer be replayed; replays that were requested while waiting for lines are erased as well.
    erase_runs_of(services, caller, id).await
}

/// Erases every run that an event caused, including replays, where the caller may. Runs of other namespaces, to which events
/// could be sent once, are their administrators' matter.
///
/// # Errors
/// `run_not_over`, `callback_open`, or if the log is not available.
async fn erase_runs_of(services: &Services, caller: &Caller, event: event::Id) -> Result<(), Refusal> {
    let filter = RunFilter { event: Some(event), ..RunFilter::default() };
    let mut after = None;
    loop {
        let request = PageRequest { after: after.take(), ..PageRequest::first(MAX_PAGE) };
        let page = services.view(&caller.viewer).runs(&filter, &request).await?;
        let may = |run: &RunRow| caller.viewer.may(Action::Administer, &run.namespace).is_ok();
        let own: Vec<_> = page.rows.iter().map(|(_, run)| run).filter(|run| may(run)).collect();
        lines_are_stored(own.iter().filter_map(|run| run.finished_at).max()).await;
        for run in own {
            services.guarded.commands.erase_run(run.id, clock::now(), caller.cause()).await?;
        }
        match page.rows.last() {
            Some((cursor, _)) if page.has_next => after = Some(cursor.clone()),
            _ => return Ok(()),
        }
    }
}

/// Whether the event has been relayed. This is stored a moment later than it happens.
async fn is_routed(services: &Services, namespace: &str, position: u64) -> Result<bool, Refusal> {
    let deadline = Instant::now() + ROUTED_WITHIN;
    loop {
        if services.guarded.store.relayed().await?.is_past(namespace, position) {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until a function's output can no longer be assigned to a finished run.
async fn lines_are_stored(finished_at: Option<DateTime<Utc>>) {
    let Some(finished_at) = finished_at else { return };
    let since = (clock::now() - finished_at).to_std().unwrap_or_default();
    tokio::time::sleep(LINES_STORED_WITHIN.saturating_sub(since)).await;
}

/// The result for a page of a function's runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Runs erased now.
    pub erased: u32,
    /// Runs that are not over, or whose callback is open: they stay unchanged.
    pub open: u32,
    /// The cursor of the next page; absent after the last one.
    pub next: Option<String>,
}

/// Erases a page of a function's runs, newest first, with the events that were for this function only.
///
/// # Errors
/// `function_not_found`, `bad_page`, `older_servers`.
pub async fn erase_runs(
    services: &Services,
    caller: &Caller,
    function: function::Id,
    after: Option<String>,
) -> Result<Erased, Refusal> {
    allowed(services, caller, Action::Administer, function).await?;
    all_understand(services).await?;
    let filter = RunFilter { function: Some(function), ..RunFilter::default() };
    let page = services.guarded.store.runs(&filter, &PageRequest { after, ..PageRequest::first(MAX_PAGE) }).await?;
    lines_are_stored(page.rows.iter().filter_map(|(_, run)| run.finished_at).max()).await;
    let mut done = Erased { erased: 0, open: 0, next: None };
    for (_, run) in &page.rows {
        match services.guarded.commands.erase_run(run.id, clock::now(), caller.cause()).await {
            Ok(_) => done.erased += 1,
            Err(actors::Error::Refused(run::Error::NotOver { .. } | run::Error::CallbackOpen)) => {
                done.open += 1;
                continue;
            }
            // Retention was faster.
            Err(actors::Error::Refused(run::Error::NotFound)) => continue,
            Err(error) => return Err(error.into()),
        }
        if let Some(event) = run.event {
            let stream = domain::Stream::event(event);
            let received = services.guarded.commands.writer().load::<event::Aggregate>(&stream).await?.state;
            if received.is_some_and(|received| received.target == Some(function)) {
                services.guarded.commands.erase_event(event, clock::now(), caller.cause()).await?;
            }
        }
    }
    done.next = page.rows.last().filter(|_| page.has_next).map(|(cursor, _)| cursor.clone());
    Ok(done)
}

/// Older servers would consider erased records damaged.
async fn all_understand(services: &Services) -> Result<(), Refusal> {
    match agreement::leave_older_servers(&services.guarded.store, agreement::SEALS).await? {
        true => Ok(()),
        false => {
            let message =
                "a server of an older version is running on this database, and could not read what erasing writes";
            Err(Refusal::problem("older_servers", message))
        }
    }
}
