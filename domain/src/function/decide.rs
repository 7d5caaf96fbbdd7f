//! Decides commands: the table of a function's lifecycle, one arm for each transition.

use super::event::{
    BuildCancelled, BuildFailed, BuildRequested, BuildStarted, BuildSucceeded, Deregistered, InstanceFailed,
    InstanceRecovered, Registered, Share, Source, Started, Stopped, TrafficShifted, Updated, VersionPromoted,
};
use super::{BuildState, Command, Error, Event, Function, Life, Override, State, texts};
use crate::name;

/// Builds of one function that may be queued or running. Each is a permanent record in the log, and competes with all
/// other builds.
pub(super) const MAX_OPEN_BUILDS: usize = 16;

/// Bytes that the builds and versions of one function may take: about ten thousand with ordinary manifests, sixty with
/// the largest ones.
pub(super) const MAX_STORED_BYTES: usize = 16 << 20;

pub(super) fn decide(state: &State, command: Command) -> Result<Vec<Event>, Error> {
    texts::check(&command)?;
    let command = texts::bounded(command);
    let Some(function) = state else {
        return register(command);
    };
    if let Life::Deregistered { .. } = function.life {
        return match command {
            Command::Deregister { .. } => done(),
            _ => Err(Error::Deregistered),
        };
    }
    match (&function.life, command) {
        (_, Command::Register { source, manifest, .. }) => {
            if function.builds.is_empty() && function.source == source && function.manifest == manifest {
                return done();
            }
            Err(Error::NameTaken { namespace: function.namespace.clone(), name: function.name.clone() })
        }
        (_, Command::Update { source, manifest, at }) => {
            let source = source.unwrap_or_else(|| function.source.clone());
            let manifest = match manifest {
                Override::Keep => function.manifest.clone(),
                Override::Set(manifest) => Some(manifest),
                Override::Drop => None,
            };
            if source == function.source && manifest == function.manifest {
                return done();
            }
            one(Event::Updated(Updated { source, manifest, at }))
        }

        (_, Command::RequestBuild { build, .. }) if function.build(build).is_some() => done(),
        (_, Command::RequestBuild { .. }) if open_builds(function) >= MAX_OPEN_BUILDS => {
            Err(Error::TooManyBuilds { most: MAX_OPEN_BUILDS })
        }
        (_, Command::RequestBuild { .. }) if function.stored_bytes() >= MAX_STORED_BYTES => {
            Err(Error::HistoryFull { bytes: function.stored_bytes(), most: MAX_STORED_BYTES })
        }
        (_, Command::RequestBuild { build, git_ref, at }) => {
            let mut source = function.source.clone();
            if let (Source::Git { git_ref: wanted, .. }, Some(asked)) = (&mut source, git_ref) {
                *wanted = Some(asked);
            }
            one(Event::BuildRequested(BuildRequested { build, source, manifest: function.manifest.clone(), at }))
        }
        (_, Command::StartBuild { build, node, at }) => match build_state(function, build)? {
            BuildState::Queued => one(Event::BuildStarted(BuildStarted { build, node, at })),
            BuildState::Running { node: taken, .. } if *taken == node => done(),
            BuildState::Running { node, .. } => Err(Error::BuildTaken { node: node.clone() }),
            over => Err(Error::BuildOver { state: over.name() }),
        },
        (life, Command::SucceedBuild { build, made, manifest, commit, at }) => {
            match build_state(function, build)? {
                BuildState::Queued => Err(Error::BuildNotStarted),
                BuildState::Running { .. } => {
                    let version = next_version(function);
                    let succeeded = BuildSucceeded { build, version, made, manifest, commit, at };
                    let mut events = vec![Event::BuildSucceeded(succeeded)];
                    // A running version keeps running until the new one has proved healthy.
                    if let Life::Built { version: previous } | Life::Stopped { version: previous } = *life {
                        let reason = Some("built while nothing ran".to_owned());
                        events.push(Event::VersionPromoted(VersionPromoted { version, previous, reason, at }));
                    }
                    Ok(events)
                }
                BuildState::Succeeded { .. } => done(),
                over => Err(Error::BuildOver { state: over.name() }),
            }
        }
        (_, Command::FailBuild { build, error, offered, at }) => match build_state(function, build)? {
            BuildState::Queued | BuildState::Running { .. } => {
                let offered = texts::of_offered(offered);
                one(Event::BuildFailed(BuildFailed { build, error, offered, at }))
            }
            BuildState::Failed { .. } => done(),
            over => Err(Error::BuildOver { state: over.name() }),
        },
        (_, Command::CancelBuild { build, at }) => match build_state(function, build)? {
            BuildState::Queued | BuildState::Running { .. } => one(Event::BuildCancelled(BuildCancelled { build, at })),
            BuildState::Cancelled { .. } => done(),
            over => Err(Error::BuildOver { state: over.name() }),
        },

        (Life::Registered, Command::Start { .. }) => Err(Error::NotBuilt),
        (Life::Running { .. }, Command::Start { .. }) => done(),
        (Life::Built { version } | Life::Stopped { version }, Command::Start { at }) => {
            one(Event::Started(Started { version: *version, at }))
        }
        (Life::Running { .. }, Command::Stop { reason, at }) => one(Event::Stopped(Stopped { reason, at })),
        (Life::Stopped { .. }, Command::Stop { .. }) => done(),
        (life, Command::Stop { .. }) => Err(Error::NotRunning { state: life.name() }),

        (Life::Registered, Command::Promote { .. }) => Err(Error::NotBuilt),
        (life, Command::Promote { version, reason, at }) => {
            existing(function, version)?;
            match life.version() {
                Some(previous) if previous != version => {
                    one(Event::VersionPromoted(VersionPromoted { version, previous, reason, at }))
                }
                _ => done(),
            }
        }
        (_, Command::ShiftTraffic { split, at }) => {
            check_split(function, &split)?;
            if split == function.traffic {
                return done();
            }
            one(Event::TrafficShifted(TrafficShifted { split, at }))
        }
        (Life::Running { .. }, Command::ReportInstanceFailure { version, instance, error, at }) => {
            existing(function, version)?;
            if function.failed_instance.as_deref() == Some(&*instance) {
                return done();
            }
            one(Event::InstanceFailed(InstanceFailed { version, instance, error, at }))
        }
        (Life::Running { .. }, Command::ReportInstanceRecovery { version, instance, at }) => {
            existing(function, version)?;
            match function.reason {
                Some(_) => one(Event::InstanceRecovered(InstanceRecovered { version, instance, at })),
                None => done(),
            }
        }
        // Reports about instances may be late: a function that no longer runs cannot break.
        (_, Command::ReportInstanceFailure { .. } | Command::ReportInstanceRecovery { .. }) => done(),

        (_, Command::Deregister { at }) => {
            let open = function.builds.iter().filter(|build| !build.state.is_over());
            let mut events: Vec<_> =
                open.map(|build| Event::BuildCancelled(BuildCancelled { build: build.id, at })).collect();
            events.push(Event::Deregistered(Deregistered { at }));
            Ok(events)
        }
        (Life::Deregistered { .. }, _) => Err(Error::Deregistered),
    }
}

fn register(command: Command) -> Result<Vec<Event>, Error> {
    match command {
        Command::Register { id, namespace, name, generation, source, manifest, at } => {
            if !name::fits(&namespace) {
                return Err(Error::BadNamespace { namespace });
            }
            if !name::fits(&name) {
                return Err(Error::BadName { name });
            }
            one(Event::Registered(Registered { id, namespace, name, generation, source, manifest, at }))
        }
        _ => Err(Error::NotFound),
    }
}

fn open_builds(function: &Function) -> usize {
    function.builds.iter().filter(|build| !build.state.is_over()).count()
}

fn build_state(function: &Function, build: super::BuildId) -> Result<&BuildState, Error> {
    function.build(build).map(|build| &build.state).ok_or(Error::NoSuchBuild { build })
}

fn next_version(function: &Function) -> u32 {
    u32::try_from(function.versions.len()).unwrap_or(u32::MAX - 1) + 1
}

fn existing(function: &Function, version: u32) -> Result<(), Error> {
    if function.version(version).is_some() {
        return Ok(());
    }
    let available = match function.versions.len() {
        0 => "none".to_owned(),
        n => format!("1 to {n}"),
    };
    Err(Error::NoSuchVersion { version, available })
}

fn check_split(function: &Function, split: &[Share]) -> Result<(), Error> {
    for share in split {
        existing(function, share.version)?;
    }
    let mut versions: Vec<_> = split.iter().map(|share| share.version).collect();
    versions.sort_unstable();
    versions.dedup();
    let whole = split.iter().map(|share| u64::from(share.percent)).sum::<u64>() == 100;
    let positive = split.iter().all(|share| share.percent > 0);
    // An empty split gives all calls back to the current version.
    if split.is_empty() || (whole && positive && versions.len() == split.len()) {
        return Ok(());
    }
    Err(Error::BadSplit)
}

fn done() -> Result<Vec<Event>, Error> {
    Ok(Vec::new())
}

fn one(event: Event) -> Result<Vec<Event>, Error> {
    Ok(vec![event])
}
