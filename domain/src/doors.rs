//! Which functions have doors of their own: paths on the server, callers without a token, pages of other origins.
//!
//! The table is folded from the log. A path belongs to one function: a build that claims what is another's is refused, and
//! where two have it nevertheless (built at once, or rolled back), it belongs to the one that had it first.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::function::{self, Event};
use crate::manifest::http::{Pattern, RESERVED};
use crate::manifest::{HttpAuth, HttpTrigger, Manifest};

/// What every function says of its doors.
#[derive(Debug, Clone, Default)]
pub struct Table {
    functions: BTreeMap<function::Id, Door>,
    /// How often a function has changed its paths.
    changes: u64,
}

#[derive(Debug, Clone)]
struct Door {
    namespace: Arc<str>,
    name: Arc<str>,
    running: bool,
    current: u32,
    /// The change that brought its paths.
    since: u64,
    /// The http triggers of each version.
    versions: Vec<Arc<[HttpTrigger]>>,
}

/// A path that two functions claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The path that is claimed.
    pub path: String,
    /// The path of the other function.
    pub other: String,
    /// The other function.
    pub namespace: String,
    /// The other function's name.
    pub name: String,
}

impl Table {
    /// Takes in what happened to a function; whether anything changed.
    pub fn evolve(&mut self, id: function::Id, event: &Event) -> bool {
        match event {
            Event::Registered(e) => {
                let door = Door {
                    namespace: e.namespace.as_str().into(),
                    name: e.name.as_str().into(),
                    running: false,
                    current: 0,
                    since: 0,
                    versions: Vec::new(),
                };
                self.functions.insert(id, door);
            }
            Event::Deregistered(_) => _ = self.functions.remove(&id),
            other => {
                let Some(door) = self.functions.get_mut(&id) else { return false };
                let before: Vec<_> = door.paths().map(str::to_owned).collect();
                if !door.evolve(other) {
                    return false;
                }
                if !door.paths().eq(before.iter().map(String::as_str)) {
                    self.changes += 1;
                    door.since = self.changes;
                }
            }
        }
        true
    }

    /// The first path that a manifest of a function claims, though it is another's: of one that is registered and whose
    /// current version has it, whether it runs or not.
    pub fn conflict(&self, id: function::Id, manifest: &Manifest) -> Option<Conflict> {
        let claimed = manifest.http_triggers().filter_map(|http| http.path.as_deref());
        let patterns: Vec<_> = claimed.filter_map(|path| Some((path, Pattern::of(path)?))).collect();
        if patterns.is_empty() {
            return None;
        }
        let others = self.functions.iter().filter(|(other, _)| **other != id);
        let mut theirs = others.flat_map(|(_, door)| door.paths().map(move |path| (door, path)));
        theirs.find_map(|(door, other)| {
            let pattern = Pattern::of(other)?;
            let (path, _) = patterns.iter().find(|(_, own)| own.overlaps(&pattern))?;
            Some(Conflict {
                path: (*path).to_owned(),
                other: other.to_owned(),
                namespace: door.namespace.to_string(),
                name: door.name.to_string(),
            })
        })
    }

    /// What a caller may find now.
    pub fn index(&self) -> Index {
        let mut index = Index::default();
        let mut running: Vec<_> = self.functions.values().filter(|door| door.running).collect();
        running.sort_by_key(|door| door.since);
        for door in running {
            let (namespace, name) = (&door.namespace, &door.name);
            door.paths().for_each(|path| index.add(path, namespace, name));
            if door.triggers().iter().any(|http| http.auth == HttpAuth::None || http.cors.is_some()) {
                index.open.entry(namespace.clone()).or_default().insert(name.clone());
            }
        }
        index
    }
}

impl Door {
    fn evolve(&mut self, event: &Event) -> bool {
        match event {
            Event::BuildSucceeded(e) => {
                self.versions.push(e.manifest.http_triggers().cloned().collect());
                if self.current == 0 {
                    self.current = e.version;
                }
            }
            Event::VersionPromoted(e) => self.current = e.version,
            Event::Started(e) => {
                self.running = true;
                self.current = e.version;
            }
            Event::Stopped(_) => self.running = false,
            _ => return false,
        }
        true
    }

    fn paths(&self) -> impl Iterator<Item = &str> {
        self.triggers().iter().filter_map(|http| http.path.as_deref())
    }

    fn triggers(&self) -> &[HttpTrigger] {
        let index = self.current.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.versions.get(index)).map_or(&[], |triggers| triggers)
    }
}

/// The doors of running functions, to be found quickly.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// By the first segment of the path.
    paths: HashMap<String, Vec<Path>>,
    open: HashMap<Arc<str>, HashSet<Arc<str>>>,
}

#[derive(Debug, Clone)]
struct Path {
    pattern: String,
    namespace: Arc<str>,
    name: Arc<str>,
}

/// A function that a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The path of the trigger.
    pub pattern: String,
    /// The function's namespace.
    pub namespace: Arc<str>,
    /// The function's name.
    pub name: Arc<str>,
}

impl Index {
    fn add(&mut self, path: &str, namespace: &Arc<str>, name: &Arc<str>) {
        let Some(pattern) = Pattern::of(path) else { return };
        let first = first_of(pattern.base());
        // A version that was built before a path became the platform's own has it no more.
        if RESERVED.iter().any(|reserved| first.eq_ignore_ascii_case(reserved)) {
            return;
        }
        let paths = self.paths.entry(first.to_owned()).or_default();
        let taken = paths.iter().any(|other| {
            (&other.namespace, &other.name) != (namespace, name)
                && Pattern::of(&other.pattern).is_some_and(|other| other.overlaps(&pattern))
        });
        if !taken {
            let path = Path { pattern: path.to_owned(), namespace: namespace.clone(), name: name.clone() };
            paths.push(path);
        }
    }

    /// The function that a path leads to: that with the longest pattern.
    pub fn at(&self, path: &str) -> Option<Found> {
        if self.paths.is_empty() {
            return None;
        }
        let paths = self.paths.get(first_of(path))?.iter();
        let fitting = paths.filter_map(|entry| {
            let pattern = Pattern::of(&entry.pattern).filter(|pattern| pattern.rest(path).is_some())?;
            Some((pattern.base().len(), entry))
        });
        let (_, found) = fitting.max_by_key(|(length, _)| *length)?;
        let Path { pattern, namespace, name } = found.clone();
        Some(Found { pattern, namespace, name })
    }

    /// Whether a function may have callers without a token, or on pages of other origins.
    pub fn is_open(&self, namespace: &str, name: &str) -> bool {
        self.open.get(namespace).is_some_and(|names| names.contains(name))
    }
}

fn first_of(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests;
