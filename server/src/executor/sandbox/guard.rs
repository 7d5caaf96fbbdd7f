//! Ends the instances that take what no control group keeps from them: memory of sockets that is counted for nobody, and
//! more than others of the memory that all have together.
//!
//! The kernel, when that memory is full, ends the largest process, whosever it is. So somebody is ended a little earlier: the
//! largest instance of the namespace that uses most. Knows control groups, tables of the kernel's and names of namespaces.

mod rounds;
mod sockets;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::WeakSender;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::Line;
use super::cgroup::{Cgroup, Cgroups};
use super::leash::Leash;
use super::weights::Owner;

/// Somebody who was ended gives back what they had before anybody else is ended: they are waited for no longer than this, and no
/// shorter, because what was in `/tmp` goes a little later.
const GONE_WITHIN: Duration = Duration::from_secs(5);
const GONE_AFTER: Duration = Duration::from_millis(500);

/// While the host is short of memory for connections, one that holds more than this part of its own memory in them is ended.
const PART_WHILE_SHORT: u64 = 4;

/// Why the kernel ended a process that was within its own limit.
pub(super) const HOST_IS_FULL: &str = "functions and builds had used up the memory that they may use together on this host; \
    give them less `memory_mb` or fewer instances, or the host more memory";

/// All processes that are watched.
#[derive(Debug, Default)]
pub(super) struct Guard {
    members: Mutex<Vec<Arc<Member>>>,
    /// Who was ended last for the memory of all, and when.
    leaving: Mutex<Option<(Arc<Member>, Instant)>>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) owner: Owner,
    pub(super) cgroup: Weak<Cgroup>,
    pub(super) leash: Leash,
    /// Bytes that it may use.
    pub(super) memory: u64,
    /// Its sockets are in a namespace of its own, if it has any.
    pub(super) has_own_network: bool,
    /// The run that its lines belong to, for a job.
    pub(super) run: Option<Uuid>,
    pub(super) lines: WeakSender<Line>,
}

impl Member {
    /// The kernel's tables of its sockets.
    fn tables(&self) -> Option<PathBuf> {
        let pid = self.leash.inside().filter(|_| self.has_own_network)?;
        Some(format!("/proc/{pid}/net").into())
    }
}

/// Whom to end, and why.
type Found = (Arc<Member>, String);

impl Guard {
    /// Watches one more, until it ends.
    pub(super) fn takes(&self, member: Member) {
        self.members.lock().push(Arc::new(member));
    }

    fn members(&self) -> Vec<Arc<Member>> {
        let mut members = self.members.lock();
        members.retain(|member| !member.leash.is_over());
        members.clone()
    }

    /// Who holds more in sockets than it may have of memory.
    fn look_at_sockets(&self) -> Vec<Found> {
        let (host, mut found) = (sockets::Host::look(), Vec::new());
        let mut most_while_short = None;
        for member in self.members() {
            let Some(tables) = member.tables().filter(|tables| host.is_worth_a_look(tables, member.memory)) else {
                continue;
            };
            let held = host.held(&tables, member.memory);
            if held.at_least > member.memory {
                found.push((member, held));
            } else if host.is_short && held.at_most > member.memory / PART_WHILE_SHORT {
                let most = most_while_short.get_or_insert_with(|| (member.clone(), held));
                if held.at_most > most.1.at_most {
                    *most = (member, held);
                }
            }
        }
        if found.is_empty() {
            found.extend(most_while_short);
        }
        found.into_iter().map(|(member, held)| (member, too_much_in_sockets(held))).collect()
    }

    /// Who is to go before the memory of all together is full.
    fn look_at_memory(&self, cgroups: &Cgroups) -> Option<Found> {
        let (used, most) = cgroups.memory_together()?;
        if used <= most - most / 16 {
            return None;
        }
        let mut leaving = self.leaving.lock();
        if let Some((last, since)) = &*leaving {
            let within = if last.leash.is_over() { GONE_AFTER } else { GONE_WITHIN };
            if since.elapsed() < within {
                return None;
            }
        }
        let members = self.members();
        let used = |member: &Arc<Member>| member.cgroup.upgrade().and_then(|cgroup| cgroup.memory_held()).unwrap_or(0);
        let used: Vec<_> = members.iter().enumerate().map(|(at, member)| (at, &member.owner, used(member))).collect();
        let member = &members[largest(&used)?];
        *leaving = Some((member.clone(), Instant::now()));
        let whose = match &member.owner {
            Owner::Function(namespace, function) => {
                tracing::warn!(%namespace, name = %function, "functions have used up their memory together: an instance is ended");
                format!("Namespace `{namespace}` used most of it, and this was its largest process")
            }
            Owner::Build => {
                tracing::warn!("functions and builds have used up their memory together: a build is ended");
                "This build used most of it".to_owned()
            }
        };
        Some((member.clone(), format!("{HOST_IS_FULL}. {whose}")))
    }
}

/// Of those that use so much each, the largest one of the namespace that uses most. A build is by itself.
fn largest(used: &[(usize, &Owner, u64)]) -> Option<usize> {
    let group = |at: usize, owner: &Owner| match owner {
        Owner::Function(namespace, _) => Ok(namespace.clone()),
        Owner::Build => Err(at),
    };
    let mut together: HashMap<_, u64> = HashMap::new();
    for (at, owner, bytes) in used {
        *together.entry(group(*at, owner)).or_default() += bytes;
    }
    let (most, _) = together.iter().max_by_key(|(_, bytes)| **bytes)?;
    let own = used.iter().filter(|(at, owner, _)| group(*at, owner) == *most);
    own.max_by_key(|(_, _, bytes)| *bytes).map(|(at, _, _)| *at)
}

fn too_much_in_sockets(held: sockets::Held) -> String {
    match held.connections {
        0 => format!("it held {} MiB in sockets that it did not read", held.at_least >> 20),
        connections => format!(
            "it held {} MiB or more in {connections} connections that it did not accept; accept them, or listen with a shorter queue",
            held.at_least >> 20
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_of_the_namespace_that_uses_most_goes() {
        let of = |namespace: &str, name: &str| Owner::Function(namespace.into(), name.into());
        let (quiet, one, two) = (of("quiet", "a"), of("loud", "a"), of("loud", "b"));
        assert_eq!(largest(&[(0, &quiet, 150), (1, &one, 80), (2, &two, 90), (3, &one, 70)]), Some(2));
        assert_eq!(largest(&[(0, &quiet, 150), (1, &Owner::Build, 100), (2, &Owner::Build, 100)]), Some(0));
        assert_eq!(largest(&[(0, &quiet, 150), (1, &Owner::Build, 160)]), Some(1));
        assert_eq!(largest(&[]), None);
    }
}
