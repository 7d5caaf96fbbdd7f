//! What follows from a command: the table of a run's life, one arm an edge.

use super::event::{AttemptFailed, Cancelled, DeadLettered, Delivery, Failed, Requested, Started, Succeeded, TimedOut};
use super::{Command, Error, Event, Phase, State};

pub(super) fn decide(state: &State, command: Command) -> Result<Vec<Event>, Error> {
    let Some(run) = state else {
        return match command {
            Command::Request { request, delivery, at } => one(Event::Requested(Requested { request, delivery, at })),
            Command::Answer(answered) => one(Event::Answered(answered)),
            _ => Err(Error::NotFound),
        };
    };
    match (&run.phase, command) {
        (_, Command::Request { .. } | Command::Answer(_)) => done(),

        (Phase::Queued | Phase::Retrying { .. }, Command::Start { version, node, at }) => {
            one(Event::Started(Started { attempt: run.attempts.saturating_add(1), version, node, at }))
        }
        (Phase::Running { node: taken, .. }, Command::Start { node, .. }) if *taken == node => done(),
        (Phase::Running { node, .. }, Command::Start { .. }) => Err(Error::Taken { node: node.clone() }),

        (Phase::Running { .. }, Command::Succeed { outcome, at }) => one(Event::Succeeded(Succeeded { outcome, at })),
        (Phase::Succeeded { .. }, Command::Succeed { .. }) => done(),

        // The failure that made it wait, told again: the next attempt is not due yet.
        (Phase::Retrying { due, .. }, Command::Fail { at, .. }) if at <= *due => done(),
        (
            phase @ (Phase::Queued | Phase::Running { .. } | Phase::Retrying { .. }),
            Command::Fail { failure, retryable, retry_after_s, jitter, at },
        ) => {
            // An attempt that could not begin (its function is gone, say) counts all the same, or none would be the last.
            let begun = matches!(phase, Phase::Running { .. });
            let attempt = if begun { run.attempts } else { run.attempts.saturating_add(1) };
            let event = match run.delivery {
                Delivery::Retried(policy) if retryable => match policy.next(attempt, at, jitter, retry_after_s) {
                    Some(due) => Event::AttemptFailed(AttemptFailed { attempt, failure, due, at }),
                    None => Event::DeadLettered(DeadLettered { failure, at }),
                },
                _ if failure.timed_out => Event::TimedOut(TimedOut { failure, at }),
                _ => Event::Failed(Failed { failure, at }),
            };
            one(event)
        }
        (Phase::Failed { .. } | Phase::TimedOut { .. } | Phase::Dead { .. }, Command::Fail { .. }) => done(),

        (Phase::Queued | Phase::Running { .. } | Phase::Retrying { .. }, Command::Cancel { at }) => {
            one(Event::Cancelled(Cancelled { at }))
        }
        (Phase::Cancelled { .. }, Command::Cancel { .. }) => done(),

        (phase, _) if phase.is_over() => Err(Error::Over { state: phase.name() }),
        (phase, _) => Err(Error::NotRunning { state: phase.name() }),
    }
}

fn done() -> Result<Vec<Event>, Error> {
    Ok(Vec::new())
}

fn one(event: Event) -> Result<Vec<Event>, Error> {
    Ok(vec![event])
}
