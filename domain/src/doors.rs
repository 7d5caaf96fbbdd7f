//! Public access to functions: their own paths on the server, anonymous callers, and cross-origin pages.
//!
//! The table is folded from the log. A path belongs to the first function that claimed it, as long as that function is
//! registered and its current version has the path, whether it runs or not. A version that claims another function's
//! path is refused when it is built, promoted or started. If two functions nevertheless claim the same path (promoted
//! at the same moment on two servers), the older claim wins, and the younger one takes nothing from it.

mod claims;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::Json;
use crate::function::{self, Event};
use crate::manifest::http::{Pattern, RESERVED};
use crate::manifest::{HttpAuth, HttpTrigger};
use crate::versions::Versions;
use claims::Claims;

/// The maximum number of custom paths in a namespace, over all its functions.
pub const MAX_PATHS_PER_NAMESPACE: usize = 1_000;

/// The public paths and access rules of every function. Updated in place: an event costs as much as its function's own
/// paths.
#[derive(Debug, Clone, Default)]
pub struct Table {
    functions: HashMap<function::Id, Door>,
    claims: Claims,
    /// Number of paths in each namespace.
    counts: HashMap<Arc<str>, usize>,
    /// Functions that allow anonymous callers or cross-origin pages, or will, by namespace.
    open: HashMap<Arc<str>, HashMap<Arc<str>, Access>>,
    /// Number of changes of paths so far; orders the claims by age.
    changes: u64,
}

/// Whether somebody may come in who is nobody here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// It runs, and lets them.
    Open,
    /// It has not run yet, and was registered to let anonymous callers in.
    Awaited,
}

#[derive(Debug, Clone)]
struct Door {
    namespace: Arc<str>,
    name: Arc<str>,
    /// The http triggers of each version.
    versions: Versions<Arc<[HttpTrigger]>>,
    /// The paths of the current version, each with the change that brought it.
    paths: BTreeMap<Arc<str>, u64>,
    /// Whether it has not run yet, and its registration and all updates since ask for anonymous callers.
    awaited: bool,
}

/// Why a version may not have the paths of its http triggers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A path belongs to another function.
    Taken(Conflict),
    /// The namespace would have more than [`MAX_PATHS_PER_NAMESPACE`] paths.
    TooMany,
}

/// A path claimed by two functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The path claimed.
    pub path: String,
    /// The conflicting path of the other function.
    pub other: String,
    /// The other function's namespace.
    pub namespace: String,
    /// The other function's name.
    pub name: String,
}

/// The function that a request path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The path pattern of its trigger.
    pub pattern: String,
    /// The function's namespace.
    pub namespace: Arc<str>,
    /// The function's name.
    pub name: Arc<str>,
}

impl Table {
    /// Applies an event of a function. Returns whether the table changed.
    pub fn evolve(&mut self, id: function::Id, event: &Event) -> bool {
        match event {
            Event::Registered(e) => {
                self.remove(id);
                let door = Door {
                    namespace: e.namespace.as_str().into(),
                    name: e.name.as_str().into(),
                    versions: Versions::default(),
                    paths: BTreeMap::new(),
                    awaited: asks_for_anybody(e.manifest.as_ref()),
                };
                self.functions.insert(id, door);
                self.open(id);
                true
            }
            Event::Deregistered(_) => self.remove(id),
            other => {
                let Some(door) = self.functions.get_mut(&id) else { return false };
                let was_awaited = door.awaited;
                door.awaited &= match other {
                    Event::Started(_) => false,
                    Event::Updated(e) => asks_for_anybody(e.manifest.as_ref()),
                    _ => true,
                };
                let is_awaited = door.awaited;
                if !door.versions.evolve(other, |manifest| manifest.http_triggers().cloned().collect())
                    && was_awaited == is_awaited
                {
                    return false;
                }
                self.claim(id);
                self.open(id);
                true
            }
        }
    }

    fn remove(&mut self, id: function::Id) -> bool {
        let Some(door) = self.functions.get_mut(&id) else { return false };
        door.versions = Versions::default();
        door.awaited = false;
        self.claim(id);
        self.open(id);
        self.functions.remove(&id).is_some()
    }

    /// Replaces the claims of a function with those of its current version. Paths that it had before keep their age.
    fn claim(&mut self, id: function::Id) {
        let Some(door) = self.functions.get_mut(&id) else { return };
        let wanted: HashSet<&str> = door.wanted().collect();
        if wanted.len() == door.paths.len() && wanted.iter().all(|path| door.paths.contains_key(*path)) {
            return;
        }
        self.changes += 1;
        let now = wanted.into_iter().map(|path| (Arc::from(path), door.since(path).unwrap_or(self.changes))).collect();
        let before = std::mem::replace(&mut door.paths, now);
        for path in before.keys() {
            self.claims.remove(id, path);
        }
        for (path, since) in &door.paths {
            self.claims.add(id, path, *since);
        }
        let count = self.counts.entry(door.namespace.clone()).or_default();
        *count = (*count + door.paths.len()).saturating_sub(before.len());
        if *count == 0 {
            self.counts.remove(&door.namespace);
        }
    }

    fn open(&mut self, id: function::Id) {
        let Some(door) = self.functions.get(&id) else { return };
        let is_open = |http: &HttpTrigger| http.auth == HttpAuth::None || http.cors.is_some();
        let is_open = door.versions.are_running() && door.triggers().iter().any(is_open);
        let access = is_open.then_some(Access::Open).or(door.awaited.then_some(Access::Awaited));
        if let Some(access) = access {
            self.open.entry(door.namespace.clone()).or_default().insert(door.name.clone(), access);
        } else if let Some(names) = self.open.get_mut(&door.namespace) {
            names.remove(&door.name);
            if names.is_empty() {
                self.open.remove(&door.namespace);
            }
        }
    }

    /// Why a version with these http triggers would be refused, if it would be.
    pub fn refusal(&self, id: function::Id, namespace: &str, triggers: &[HttpTrigger]) -> Option<Refusal> {
        let paths: HashSet<&str> = triggers.iter().filter_map(|http| http.path.as_deref()).collect();
        let own = self.functions.get(&id).map_or(0, |door| door.paths.len());
        let all = self.counts.get(namespace).copied().unwrap_or(0);
        if !paths.is_empty() && all.saturating_sub(own) + paths.len() > MAX_PATHS_PER_NAMESPACE {
            return Some(Refusal::TooMany);
        }
        self.conflict(id, triggers).map(Refusal::Taken)
    }

    /// The first path of these http triggers on which another function has an older claim.
    pub fn conflict(&self, id: function::Id, triggers: &[HttpTrigger]) -> Option<Conflict> {
        triggers.iter().filter_map(|http| http.path.as_deref()).find_map(|path| {
            let pattern = Pattern::of(path)?;
            let since = self.functions.get(&id).and_then(|door| door.since(path)).unwrap_or(u64::MAX);
            let mut others = self.claims.overlapping(pattern).filter(|claim| claim.function != id);
            let claim = others.find(|claim| claim.since < since)?;
            let other = self.functions.get(&claim.function)?;
            Some(Conflict {
                path: path.to_owned(),
                other: claim.path.to_string(),
                namespace: other.namespace.to_string(),
                name: other.name.to_string(),
            })
        })
    }

    /// The http triggers of a version of a function, or of its current version.
    pub fn triggers(&self, id: function::Id, version: Option<u32>) -> Option<(Arc<str>, Arc<[HttpTrigger]>)> {
        let door = self.functions.get(&id)?;
        let triggers = version.map_or_else(|| door.versions.current(), |number| door.versions.of(number));
        Some((door.namespace.clone(), triggers?.clone()))
    }

    /// The function that serves a path now: the first that claimed it, if it runs. Of its own patterns, the longest
    /// matches.
    pub fn at(&self, path: &str) -> Option<Found> {
        let claim = self.claims.at(path)?;
        let door = self.functions.get(&claim.function).filter(|door| door.versions.are_running())?;
        Some(Found { pattern: claim.path.to_string(), namespace: door.namespace.clone(), name: door.name.clone() })
    }

    /// Whether a function allows anonymous callers or cross-origin pages.
    pub fn is_open(&self, namespace: &str, name: &str) -> bool {
        self.access(namespace, name) == Some(Access::Open)
    }

    /// Whether a function that has not run yet was registered to allow anonymous callers.
    pub fn is_awaited(&self, namespace: &str, name: &str) -> bool {
        self.access(namespace, name) == Some(Access::Awaited)
    }

    fn access(&self, namespace: &str, name: &str) -> Option<Access> {
        self.open.get(namespace)?.get(name).copied()
    }
}

impl Door {
    /// The paths of the current version.
    fn wanted(&self) -> impl Iterator<Item = &str> {
        self.triggers().iter().filter_map(|http| http.path.as_deref()).filter(|path| is_free(path))
    }

    /// The change that brought a path: either that path itself or a wider one of the same function.
    fn since(&self, path: &str) -> Option<u64> {
        let base = Pattern::of(path)?.base();
        let ends = base.match_indices('/').map(|(at, _)| at).skip(1).chain([base.len()]);
        let wider = ends.filter_map(|end| self.paths.get(format!("{}/*", base.get(..end)?).as_str()));
        wider.chain(self.paths.get(path)).min().copied()
    }

    fn triggers(&self) -> &[HttpTrigger] {
        self.versions.current().map_or(&[], |triggers| triggers)
    }
}

/// Whether a registration asks for anonymous callers of `/function/…`, before anything is built.
fn asks_for_anybody(manifest: Option<&Json>) -> bool {
    let manifest = manifest.map(Json::value).unwrap_or_default();
    let mut triggers = manifest["triggers"].as_array().into_iter().flatten();
    let plain = triggers.find(|trigger| trigger["type"] == "http" && trigger.get("path").is_none());
    plain.is_some_and(|trigger| trigger["auth"] == "none")
}

/// Whether a path is valid and not reserved for the platform. A version built before a path became reserved loses it.
fn is_free(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    Pattern::of(path).is_some() && !RESERVED.iter().any(|reserved| first.eq_ignore_ascii_case(reserved))
}

#[cfg(test)]
mod tests;
