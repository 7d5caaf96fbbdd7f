//! Dead letters: runs whose last attempt failed, until they are redriven or purged.

use chrono::{DateTime, Utc};
use domain::Stream;
use domain::access::Action;
use domain::function::{self, Status};
use domain::recorded::Fact;
use domain::run::{self, Phase, Run};

use super::function::allowed;
use super::run::load_run;
use super::{Caller, Fault, Problem, Refusal, Services};
use crate::clock;
use crate::store::page::MAX_PAGE;
use crate::store::{FunctionRow, Page, PageRequest, RunFilter, RunRow};

/// Maximum number of dead letters in one request.
pub const MAX_LETTERS: u32 = 1000;

/// Maximum number of reasons in one answer.
const MAX_PROBLEMS: usize = 20;

/// A selection of dead letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Letters {
    /// Only of this namespace.
    pub namespace: Option<String>,
    /// Only of this function.
    pub function: Option<function::Id>,
    /// Only runs requested at or after this time.
    pub since: Option<DateTime<Utc>>,
    /// Only runs requested before this time.
    pub until: Option<DateTime<Utc>>,
}

/// The result for many dead letters.
#[derive(Debug, Clone)]
pub struct Swept {
    /// The number of successes.
    pub done: u64,
    /// The number still waiting.
    pub remaining: u64,
    /// Why it failed for some of them.
    pub problems: Vec<Problem>,
}

/// A page of waiting dead letters, newest first.
///
/// # Errors
/// `forbidden` for a namespace that the viewer does not see; `bad_page`.
pub async fn dead_letters(
    services: &Services,
    caller: &Caller,
    which: &Letters,
    page: &PageRequest,
) -> Result<Page<RunRow>, Refusal> {
    let view = services.view_of(&caller.viewer, which.namespace.as_deref())?;
    Ok(view.runs(&filter(which), page).await?)
}

/// Redrives a dead run as another run that refers to it. There is one for each dead run, however often it is redriven.
///
/// # Errors
/// `run_not_found`, `run_not_dead`, `run_purged`; `run_not_replayable` if its input was truncated;
/// `function_deregistered`.
pub async fn redrive(services: &Services, caller: &Caller, id: run::Id) -> Result<run::Id, Refusal> {
    let old = load_run(services, &caller.viewer, id).await?;
    let row = allowed(services, caller, Action::Operate, old.request.function).await?;
    redrive_loaded(services, caller, old, &row).await
}

async fn redrive_loaded(services: &Services, caller: &Caller, old: Run, row: &FunctionRow) -> Result<run::Id, Refusal> {
    let id = old.request.run;
    if matches!(old.phase, Phase::Dead { .. }) {
        if row.state == Status::Deregistered {
            return Err(function::Error::Deregistered.into());
        }
        if old.erased_at.is_some() {
            let message = format!("what run {id} was asked with was erased, so that it cannot be sent again; purge it");
            return Err(Refusal::problem("payload_erased", message));
        }
        if old.request.input_cut {
            let message = format!(
                "the input of run {id} was longer than what is kept, so that it cannot be sent again; purge it"
            );
            return Err(Refusal::problem("run_not_replayable", message));
        }
    }
    let retry = match row.current_version {
        Some(number) => match services.guarded.store.version(row.id, number).await? {
            Some(version) => Some(version.manifest()?.retry),
            None => None,
        },
        None => None,
    };
    let command =
        run::Command::Redrive { run: run::redriven(id), retry: Some(retry.unwrap_or_default()), at: clock::now() };
    services.guarded.commands.run(id, command, caller.cause()).await?;
    // The relay requests the same run when it reaches the redrive; whoever comes first wins, and the other one finds it
    // done.
    let lost = || Fault::Internal(format!("run {id} was redriven, and the record of it cannot be read"));
    let recorded = services.guarded.commands.writer().first_of(&Stream::run(id), "Redriven").await?.ok_or_else(lost)?;
    let Ok(Fact::Run(_, run::Event::Redriven(redriven))) = recorded.fact() else { return Err(lost().into()) };
    let asked = run::RunRequest::again(&old, &redriven, recorded.id, &recorded.cause);
    services.guarded.commands.request_run(asked).await?;
    Ok(redriven.run)
}

/// Purges a dead run, which removes it from the dead letters. Its history stays.
///
/// # Errors
/// `run_not_found`, `run_not_dead`.
pub async fn purge(services: &Services, caller: &Caller, id: run::Id) -> Result<(), Refusal> {
    let old = load_run(services, &caller.viewer, id).await?;
    caller.viewer.may(Action::Operate, &old.request.namespace)?;
    services.guarded.commands.run(id, run::Command::Purge { at: clock::now() }, caller.cause()).await?;
    Ok(())
}

/// Redrives the matching dead letters, newest first, at most `limit` of them.
///
/// # Errors
/// `bad_limit`, `forbidden`. Why individual ones are not redriven is part of the result.
pub async fn redrive_all(services: &Services, caller: &Caller, which: &Letters, limit: u32) -> Result<Swept, Refusal> {
    sweep(services, caller, which, limit, Act::Redrive).await
}

/// Purges the matching dead letters, newest first, at most `limit` of them.
///
/// # Errors
/// `bad_limit`, `forbidden`.
pub async fn purge_all(services: &Services, caller: &Caller, which: &Letters, limit: u32) -> Result<Swept, Refusal> {
    sweep(services, caller, which, limit, Act::Purge).await
}

/// The action on many dead letters.
#[derive(Debug, Clone, Copy)]
enum Act {
    Redrive,
    Purge,
}

async fn sweep(services: &Services, caller: &Caller, which: &Letters, limit: u32, act: Act) -> Result<Swept, Refusal> {
    if limit == 0 || limit > MAX_LETTERS {
        let message = format!("limit is {limit}; it must be 1 to {MAX_LETTERS}");
        return Err(Problem::new("bad_limit", message).at(["limit"]).into());
    }
    let (view, filter) = (services.view_of(&caller.viewer, which.namespace.as_deref())?, filter(which));
    if let Some(namespace) = &which.namespace {
        caller.viewer.may(Action::Operate, namespace)?;
    }
    let mut swept = Swept { done: 0, remaining: 0, problems: Vec::new() };
    let (mut left, mut after) = (limit, None);
    while left > 0 {
        let request = PageRequest::first(left.min(MAX_PAGE)).after(after);
        let page = view.runs(&filter, &request).await?;
        // Refused ones remain, so the next page begins after this one.
        after = page.rows.last().map(|(cursor, _)| cursor.clone());
        left -= u32::try_from(page.rows.len()).unwrap_or(left).min(left);
        for (_, row) in &page.rows {
            let done = match act {
                Act::Redrive => redrive(services, caller, row.id).await.map(drop),
                Act::Purge => purge(services, caller, row.id).await,
            };
            match done {
                Ok(()) => swept.done += 1,
                Err(Refusal::Refused(problems)) => {
                    let room = MAX_PROBLEMS.saturating_sub(swept.problems.len());
                    let named = problems.into_iter().map(|problem| problem.at([row.id.to_string()]));
                    swept.problems.extend(named.take(room));
                }
                Err(failed) => return Err(failed),
            }
        }
        if !page.has_next {
            break;
        }
    }
    swept.remaining = waiting(services, caller, which).await?;
    Ok(swept)
}

/// The number of waiting dead letters.
///
/// # Errors
/// `forbidden` for a namespace that the viewer does not see.
pub async fn waiting(services: &Services, caller: &Caller, which: &Letters) -> Result<u64, Refusal> {
    Ok(dead_letters(services, caller, which, &PageRequest::first(1).counted()).await?.total)
}

fn filter(which: &Letters) -> RunFilter {
    RunFilter {
        function: which.function,
        since: which.since,
        until: which.until,
        dead_letters: true,
        ..RunFilter::default()
    }
}
