//! Computes the state after an event. An event that does not fit the state is ignored: replaying the log never fails.

use super::{Build, BuildId, BuildState, Event, Function, Life, State, Version};
use crate::aggregate::Payload;

pub(super) fn evolve(state: State, event: &Event) -> State {
    let Some(mut function) = state else {
        return match event {
            Event::Registered(e) => Some(Function {
                id: e.id,
                namespace: e.namespace.clone(),
                name: e.name.clone(),
                generation: e.generation,
                source: e.source.clone(),
                manifest: e.manifest.clone(),
                life: Life::Registered,
                reason: None,
                failed_instance: None,
                builds: Vec::new(),
                versions: Vec::new(),
                traffic: Vec::new(),
                created_at: e.at,
                updated_at: e.at,
            }),
            _ => None,
        };
    };
    if !fits(&function, event) {
        return Some(function);
    }
    function.updated_at = event.at();
    match event {
        Event::Registered(_) => {}
        Event::Updated(e) => {
            function.source = e.source.clone();
            function.manifest = e.manifest.clone();
        }
        Event::BuildRequested(e) => function.builds.push(Build {
            id: e.build,
            source: e.source.clone(),
            manifest: e.manifest.clone(),
            state: BuildState::Queued,
            requested_at: e.at,
        }),
        Event::BuildStarted(e) => {
            set_build(&mut function, e.build, |_| BuildState::Running { node: e.node.clone(), since: e.at });
        }
        Event::BuildSucceeded(e) => {
            set_build(&mut function, e.build, |old| BuildState::Succeeded {
                version: e.version,
                started_at: old.started_at().unwrap_or(e.at),
                at: e.at,
            });
            function.versions.push(Version {
                number: e.version,
                build: e.build,
                made: e.made.clone(),
                manifest: e.manifest.clone(),
                commit: e.commit.clone(),
                created_at: e.at,
            });
            if function.life == Life::Registered {
                function.life = Life::Built { version: e.version };
            }
        }
        Event::BuildFailed(e) => {
            set_build(&mut function, e.build, |old| BuildState::Failed {
                error: e.error.clone(),
                offered: e.offered.clone(),
                started_at: old.started_at(),
                at: e.at,
            });
        }
        Event::BuildCancelled(e) => {
            set_build(&mut function, e.build, |old| BuildState::Cancelled { started_at: old.started_at(), at: e.at });
        }
        Event::Started(e) => {
            function.life = Life::Running { version: e.version, since: e.at };
            function.reason = None;
        }
        Event::Stopped(e) => {
            if let Life::Running { version, .. } = function.life {
                function.life = Life::Stopped { version };
            }
            function.reason = e.reason.clone();
        }
        Event::VersionPromoted(e) => {
            match &mut function.life {
                Life::Built { version } | Life::Running { version, .. } | Life::Stopped { version } => {
                    *version = e.version
                }
                Life::Registered | Life::Deregistered { .. } => {}
            }
            function.reason = None;
            function.traffic.clear();
        }
        Event::TrafficShifted(e) => function.traffic = e.split.clone(),
        Event::InstanceFailed(e) => {
            function.reason = Some(e.error.clone());
            function.failed_instance = Some(e.instance.clone());
        }
        Event::InstanceRecovered(_) => function.reason = None,
        Event::Deregistered(_) => {
            function.life = Life::Deregistered { version: function.life.version() };
            function.reason = None;
        }
    }
    Some(function)
}

/// Whether an event is possible in this state. `decide` already ensures it; checking again guarantees independently
/// that a function never runs without a version and never returns after deregistration.
fn fits(function: &Function, event: &Event) -> bool {
    let build = |id| function.build(id).map(|build| &build.state);
    match (&function.life, event) {
        (Life::Deregistered { .. }, _) | (_, Event::Registered(_)) => false,
        (_, Event::Updated(_) | Event::BuildRequested(_) | Event::Deregistered(_)) => true,
        (_, Event::BuildStarted(e)) => build(e.build) == Some(&BuildState::Queued),
        (_, Event::BuildSucceeded(e)) => {
            matches!(build(e.build), Some(BuildState::Running { .. }))
                && function.versions.last().map_or(0, |last| last.number).checked_add(1) == Some(e.version)
        }
        (_, Event::BuildFailed(e)) => build(e.build).is_some_and(|state| !state.is_over()),
        (_, Event::BuildCancelled(e)) => build(e.build).is_some_and(|state| !state.is_over()),
        (Life::Built { .. } | Life::Stopped { .. }, Event::Started(e)) => function.version(e.version).is_some(),
        (Life::Built { .. } | Life::Running { .. } | Life::Stopped { .. }, Event::VersionPromoted(e)) => {
            function.version(e.version).is_some()
        }
        (_, Event::TrafficShifted(e)) => e.split.iter().all(|share| function.version(share.version).is_some()),
        (life, Event::Stopped(_) | Event::InstanceFailed(_) | Event::InstanceRecovered(_)) => {
            matches!(life, Life::Running { .. })
        }
        (_, Event::Started(_) | Event::VersionPromoted(_)) => false,
    }
}

fn set_build(function: &mut Function, id: BuildId, change: impl FnOnce(&BuildState) -> BuildState) {
    if let Some(build) = function.builds.iter_mut().rev().find(|build| build.id == id) {
        build.state = change(&build.state);
    }
}
