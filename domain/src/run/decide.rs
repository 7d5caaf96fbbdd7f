//! Decides commands: the table of a run's lifecycle, one arm for each transition.

use super::event::{
    AttemptFailed, CallbackDelivered, CallbackFailed, Cancelled, DeadLettered, Deferred, Delivery, Erased, Failed,
    Failure, Outcome, Purged, Redriven, Request, Requested, Started, Succeeded, TimedOut,
};
use super::state::{Callback, Letter};
use super::{Command, Error, Event, Phase, State};
use crate::text;

pub(super) fn decide(state: &State, mut command: Command) -> Result<Vec<Event>, Error> {
    bound(&mut command);
    let Some(run) = state else {
        return match command {
            Command::Request { request, delivery, at } => one(Event::Requested(Requested { request, delivery, at })),
            Command::Answer(answered) => one(Event::Answered(answered)),
            _ => Err(Error::NotFound),
        };
    };
    match (&run.phase, command) {
        // An existing run is compared with the request: only the same request again counts as done.
        (_, Command::Request { request, .. }) if is_same(&run.request, &request) => done(),
        (_, Command::Answer(answered)) if run.request == answered.request => done(),
        (_, Command::Request { .. } | Command::Answer(_)) => Err(Error::IdTaken),

        (Phase::Queued | Phase::Retrying { .. }, Command::Start { version, node, at, .. }) => {
            one(Event::Started(Started { attempt: run.attempts.saturating_add(1), version, node, at }))
        }
        // The same start again: the log had accepted it, but the reply was lost.
        (Phase::Running { node: taken, since, .. }, Command::Start { node, at, .. })
            if *taken == node && *since == at =>
        {
            done()
        }
        // A server that starts a run which it already runs was restarted in between. Nobody knows how far the earlier
        // attempt got, so it counts, like that of a server that is gone.
        (Phase::Running { node: taken, .. }, Command::Start { version, node, lost, at })
            if *taken == node || lost == Some(run.attempts) =>
        {
            one(Event::Started(Started { attempt: run.attempts.saturating_add(1), version, node, at }))
        }
        (Phase::Running { node, .. }, Command::Start { .. }) => Err(Error::Taken { node: node.clone() }),

        // One server could not begin the attempt, but another one has.
        (Phase::Running { node, .. }, Command::Fail { begun: false, .. }) => Err(Error::Taken { node: node.clone() }),

        // A server that was presumed dead reports its result, while another one has taken over.
        (
            Phase::Running { .. },
            Command::Succeed { attempt, .. }
            | Command::Fail { attempt, .. }
            | Command::Defer { attempt: Some(attempt), .. },
        ) if attempt != run.attempts => Err(Error::Superseded { attempt, newest: run.attempts }),
        (Phase::Running { .. }, Command::Succeed { outcome, at, .. }) => {
            one(Event::Succeeded(Succeeded { outcome, at }))
        }
        (Phase::Succeeded { .. }, Command::Succeed { .. }) => done(),

        // The same failure reported again: the next attempt is not due yet.
        (Phase::Queued | Phase::Retrying { .. }, Command::Fail { attempt, .. }) if attempt <= run.attempts => done(),
        // Only the next attempt can fail before it began. A later number would be counted every time it is reported.
        (phase @ (Phase::Queued | Phase::Retrying { .. }), Command::Fail { attempt, .. })
            if attempt > run.attempts.saturating_add(1) =>
        {
            Err(Error::NotRunning { state: phase.name() })
        }
        (
            phase @ (Phase::Queued | Phase::Running { .. } | Phase::Retrying { .. }),
            Command::Fail { failure, retryable, retry_after_s, jitter, at, .. },
        ) => {
            // An attempt that could not begin (because its function is gone, say) counts as well, or there would never
            // be a last one.
            let begun = matches!(phase, Phase::Running { .. });
            let attempt = if begun { run.attempts } else { run.attempts.saturating_add(1) };
            let event = match run.delivery {
                Delivery::Retried(policy) if retryable => {
                    let crash = failure.outcome.crash;
                    let counted = run.counted(attempt, crash);
                    let due = match run.spares(crash) {
                        true => Some(policy.due(counted.max(1), at, jitter, retry_after_s)),
                        false => policy.next(counted, at, jitter, retry_after_s),
                    };
                    match due {
                        Some(due) => Event::AttemptFailed(AttemptFailed { attempt, failure, due, at }),
                        None => Event::DeadLettered(DeadLettered { failure, at }),
                    }
                }
                _ if failure.timed_out => Event::TimedOut(TimedOut { failure, at }),
                _ => Event::Failed(Failed { failure, at }),
            };
            one(event)
        }
        (Phase::Failed { .. } | Phase::TimedOut { .. } | Phase::Dead { .. }, Command::Fail { .. }) => done(),

        // Already withdrawn, or over: the next attempt is a different one.
        (Phase::Queued | Phase::Retrying { .. }, Command::Defer { attempt: Some(attempt), .. })
            if attempt <= run.attempts =>
        {
            done()
        }
        // Recorded once, however often the run is offered.
        (Phase::Queued | Phase::Retrying { .. }, Command::Defer { attempt: None, .. }) if run.deferred.is_some() => {
            done()
        }
        (Phase::Queued | Phase::Retrying { .. }, Command::Defer { attempt: None, reason, at }) => {
            one(Event::Deferred(Deferred { attempt: None, reason, at }))
        }
        (Phase::Running { .. }, Command::Defer { attempt: Some(attempt), reason, at }) => {
            one(Event::Deferred(Deferred { attempt: Some(attempt), reason, at }))
        }
        // One server cannot offer the run, but another one has begun it.
        (Phase::Running { node, .. }, Command::Defer { attempt: None, .. } | Command::Expire { .. }) => {
            Err(Error::Taken { node: node.clone() })
        }
        (Phase::Queued | Phase::Retrying { .. }, Command::Expire { error, at }) => {
            let failure = Failure { error, timed_out: false, outcome: Outcome::default() };
            one(match run.delivery {
                Delivery::Retried(_) => Event::DeadLettered(DeadLettered { failure, at }),
                Delivery::Once => Event::Failed(Failed { failure, at }),
            })
        }
        (Phase::Failed { .. } | Phase::Dead { .. }, Command::Expire { .. }) => done(),

        (Phase::Queued | Phase::Running { .. } | Phase::Retrying { .. }, Command::Cancel { at }) => {
            one(Event::Cancelled(Cancelled { at }))
        }
        (Phase::Cancelled { .. }, Command::Cancel { .. }) => done(),

        (Phase::Dead { letter: Letter::Waiting, .. }, Command::Redrive { run, retry, at }) => {
            one(Event::Redriven(Redriven { run, retry, at }))
        }
        (Phase::Dead { letter: Letter::Waiting, .. }, Command::Purge { at }) => one(Event::Purged(Purged { at })),
        (Phase::Dead { letter: Letter::Redriven(_), .. }, Command::Redrive { .. } | Command::Purge { .. }) => done(),
        (Phase::Dead { letter: Letter::Purged, .. }, Command::Purge { .. }) => done(),
        (Phase::Dead { letter: Letter::Purged, .. }, Command::Redrive { .. }) => Err(Error::Purged),
        (phase, Command::Redrive { .. } | Command::Purge { .. }) => Err(Error::NotDead { state: phase.name() }),

        (_, Command::Erase { .. }) if run.erased_at.is_some() => done(),
        (phase, Command::Erase { .. }) if !phase.is_over() => Err(Error::NotOver { state: phase.name() }),
        (_, Command::Erase { .. }) if matches!(run.callback, Some(Callback::Waiting | Callback::Due { .. })) => {
            Err(Error::CallbackOpen)
        }
        (_, Command::Erase { payloads, at }) => one(Event::Erased(Erased { payloads, at })),

        (_, Command::CallBack { attempt, at }) => match run.callback {
            Some(Callback::Due { .. }) => one(Event::CallbackDelivered(CallbackDelivered { attempt, at })),
            Some(Callback::Delivered { .. } | Callback::GivenUp { .. }) => done(),
            Some(Callback::Waiting) | None => Err(Error::NoCallback),
        },
        (_, Command::FailCallback { attempt, error, due, at }) => match run.callback {
            Some(Callback::Due { attempts, .. }) if attempt > attempts => {
                one(Event::CallbackFailed(CallbackFailed { attempt, error, due, at }))
            }
            Some(Callback::Due { .. } | Callback::Delivered { .. } | Callback::GivenUp { .. }) => done(),
            Some(Callback::Waiting) | None => Err(Error::NoCallback),
        },

        (phase, _) if phase.is_over() => Err(Error::Over { state: phase.name() }),
        (phase, _) => Err(Error::NotRunning { state: phase.name() }),
    }
}

/// Truncates the texts of a failure to what the log keeps.
fn bound(command: &mut Command) {
    let error = match command {
        Command::Fail { failure, .. } => &mut failure.error,
        Command::Defer { reason: error, .. } | Command::Expire { error, .. } | Command::FailCallback { error, .. } => {
            error
        }
        Command::Answer(answered) => match &mut answered.error {
            Some(error) => error,
            None => return,
        },
        _ => return,
    };
    *error = text::bounded(std::mem::take(error));
}

/// Whether two requests ask for the same run. The second caller may know more or less than the first, so only what the
/// id is derived from is compared; a run without a causing event has to be the same in every respect.
fn is_same(first: &Request, second: &Request) -> bool {
    let cause = |request: &Request| (request.function, request.event, request.replayed_from);
    let is_caused = first.event.is_some() || first.replayed_from.is_some();
    cause(first) == cause(second) && (is_caused || first == second)
}

fn done() -> Result<Vec<Event>, Error> {
    Ok(Vec::new())
}

fn one(event: Event) -> Result<Vec<Event>, Error> {
    Ok(vec![event])
}
