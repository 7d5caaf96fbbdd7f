//! Computes the state after an event. An event that does not fit the state is ignored: replaying the log never fails.

use super::event::{Answered, Delivery, Ending, Failure};
use super::state::{Attempt, Callback, Crashes, Deferral, Letter, Phase};
use super::{Event, Run, State};

pub(super) fn evolve(state: State, event: &Event) -> State {
    let Some(mut run) = state else {
        return match event {
            Event::Requested(e) => Some(Run {
                request: e.request.clone(),
                delivery: e.delivery,
                queued_at: e.at,
                attempts: 0,
                withdrawn: 0,
                crashes: Crashes::default(),
                deferred: None,
                phase: Phase::Queued,
                callback: e.request.callback.is_some().then_some(Callback::Waiting),
                erased_at: None,
            }),
            Event::Answered(e) => Some(answered(e)),
            _ => None,
        };
    };
    if !fits(&run, event) {
        return Some(run);
    }
    let last = run.phase.attempt();
    match event {
        Event::Requested(_) | Event::Answered(_) => {}
        Event::Started(e) => {
            run.attempts = e.attempt;
            run.phase = Phase::Running { version: e.version, node: e.node.clone(), since: e.at };
        }
        Event::AttemptFailed(e) => {
            run.attempts = e.attempt;
            run.crashes.add(e.failure.outcome.crash);
            run.deferred = None;
            let last = last.unwrap_or(Attempt { version: run.request.version.unwrap_or(0), started_at: e.at });
            run.phase = Phase::Retrying { failure: e.failure.clone(), last, due: e.due };
        }
        Event::Succeeded(e) => {
            let last = last.unwrap_or(Attempt { version: run.request.version.unwrap_or(0), started_at: e.at });
            run.phase = Phase::Succeeded { outcome: e.outcome.clone(), last, at: e.at };
        }
        Event::Failed(e) => run.phase = Phase::Failed { failure: e.failure.clone(), last, at: e.at },
        Event::TimedOut(e) => run.phase = Phase::TimedOut { failure: e.failure.clone(), last, at: e.at },
        Event::Cancelled(e) => run.phase = Phase::Cancelled { last, at: e.at },
        Event::DeadLettered(e) => {
            run.phase = Phase::Dead { failure: e.failure.clone(), last, letter: Letter::Waiting, at: e.at };
        }
        Event::Deferred(e) => {
            // The wait is measured from the first time the run could not be offered, even if it could be for a moment
            // since.
            let since = run.deferred.as_ref().map_or(e.at, |deferred| deferred.since);
            run.deferred = Some(Deferral { reason: e.reason.clone(), since });
            if e.attempt.is_some() {
                run.withdrawn = run.withdrawn.saturating_add(1);
                run.phase = Phase::Queued;
            }
        }
        Event::Redriven(e) => set_letter(&mut run.phase, Letter::Redriven(e.run)),
        Event::Purged(_) => set_letter(&mut run.phase, Letter::Purged),
        Event::CallbackDelivered(e) => run.callback = Some(Callback::Delivered { at: e.at }),
        Event::Erased(e) => run.erase(e.at),
        Event::CallbackFailed(e) => {
            run.callback = Some(match e.due {
                Some(due) => Callback::Due { attempts: e.attempt, due },
                None => Callback::GivenUp { error: e.error.clone(), at: e.at },
            });
        }
    }
    if let (Some(Callback::Waiting), Some(at)) = (&run.callback, run.phase.finished_at()) {
        run.callback = Some(Callback::Due { attempts: 0, due: at });
    }
    Some(run)
}

fn set_letter(phase: &mut Phase, to: Letter) {
    if let Phase::Dead { letter, .. } = phase {
        *letter = to;
    }
}

/// Whether an event is possible in this phase. `decide` already ensures it; checking again guarantees independently
/// that a run ends only once.
fn fits(run: &Run, event: &Event) -> bool {
    let phase = &run.phase;
    match event {
        Event::Requested(_) | Event::Answered(_) => false,
        // An attempt whose server is lost is followed by the next one.
        Event::Started(e) => match phase {
            Phase::Queued | Phase::Retrying { .. } => true,
            Phase::Running { .. } => e.attempt > run.attempts,
            _ => false,
        },
        Event::Redriven(_) | Event::Purged(_) => phase.letter() == Some(Letter::Waiting),
        Event::Erased(_) => phase.is_over(),
        Event::CallbackFailed(_) | Event::CallbackDelivered(_) => matches!(run.callback, Some(Callback::Due { .. })),
        Event::Succeeded(_) => matches!(phase, Phase::Running { .. }),
        Event::Deferred(e) => match phase {
            Phase::Queued | Phase::Retrying { .. } => e.attempt.is_none(),
            Phase::Running { .. } => e.attempt == Some(run.attempts),
            _ => false,
        },
        Event::AttemptFailed(_)
        | Event::Failed(_)
        | Event::TimedOut(_)
        | Event::Cancelled(_)
        | Event::DeadLettered(_) => !phase.is_over(),
    }
}

fn answered(e: &Answered) -> Run {
    let last = e.started_at.map(|started_at| Attempt { version: e.ran, started_at });
    let failure =
        |timed_out| Failure { error: e.error.clone().unwrap_or_default(), timed_out, outcome: e.outcome.clone() };
    let phase = match e.ending {
        Ending::Succeeded => Phase::Succeeded {
            outcome: e.outcome.clone(),
            last: last.unwrap_or(Attempt { version: e.ran, started_at: e.queued_at }),
            at: e.at,
        },
        Ending::Failed => Phase::Failed { failure: failure(false), last, at: e.at },
        Ending::TimedOut => Phase::TimedOut { failure: failure(true), last, at: e.at },
        Ending::Cancelled => Phase::Cancelled { last, at: e.at },
    };
    Run {
        request: e.request.clone(),
        delivery: Delivery::Once,
        queued_at: e.queued_at,
        attempts: u32::from(e.started_at.is_some()),
        withdrawn: 0,
        crashes: Crashes::default(),
        deferred: None,
        phase,
        callback: None,
        erased_at: None,
    }
}
