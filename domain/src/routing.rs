//! Routing: which functions a trigger event reaches, namely the running functions of its namespace with a matching
//! trigger.
//!
//! The table is folded from the log, so that at each position it is as it was when the event was received.

mod explain;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::event::Received;
use crate::function::{self, Event};
use crate::manifest::{Manifest, Trigger};
use crate::versions::Versions;
use crate::{retry, trigger};

pub use explain::{Why, explain};

/// The routing table.
#[derive(Debug, Clone, Default)]
pub struct Table {
    functions: HashMap<function::Id, Route>,
    /// The functions of each namespace; routing an event looks at no others.
    members: HashMap<Arc<str>, BTreeSet<function::Id>>,
}

#[derive(Debug, Clone)]
struct Route {
    namespace: Arc<str>,
    /// Only what the routing needs of each version.
    versions: Versions<Arc<Version>>,
}

#[derive(Debug)]
struct Version {
    triggers: Vec<(String, trigger::Filter)>,
    retry: retry::Policy,
}

/// A function that an event reaches.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The function.
    pub function: function::Id,
    /// The retry policy of its runs.
    pub retry: retry::Policy,
}

impl Table {
    /// Applies an event of a function.
    pub fn evolve(&mut self, id: function::Id, event: &Event) {
        match event {
            Event::Registered(e) => {
                let namespace: Arc<str> = e.namespace.as_str().into();
                self.members.entry(namespace.clone()).or_default().insert(id);
                self.functions.insert(id, Route { namespace, versions: Versions::default() });
            }
            Event::Deregistered(_) => {
                let Some(route) = self.functions.remove(&id) else { return };
                if let Some(members) = self.members.get_mut(&route.namespace) {
                    members.remove(&id);
                    if members.is_empty() {
                        self.members.remove(&route.namespace);
                    }
                }
            }
            other => {
                if let Some(route) = self.functions.get_mut(&id) {
                    route.versions.evolve(other, |manifest| Arc::new(Version::of(manifest)));
                }
            }
        }
    }

    /// Whether the table has no functions.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// The functions that an event reaches, ordered by id.
    pub fn targets(&self, event: &Received) -> Vec<Target> {
        if let Some(function) = event.target {
            let retry =
                self.functions.get(&function).and_then(|route| route.versions.current()).map(|version| version.retry);
            return vec![Target { function, retry: retry.unwrap_or_default() }];
        }
        // Most events meet no filter, so the content is parsed only when the first filter needs it.
        let mut content: Option<Value> = None;
        self.candidates(&event.namespace)
            .filter_map(|(id, route)| Some((id, route.versions.current()?)))
            .filter(|(_, version)| {
                version.triggers.iter().any(|(pattern, filter)| {
                    trigger::matches(pattern, &event.kind)
                        && (filter.is_empty() || filter.passes(content.get_or_insert_with(|| event.event.value())))
                })
            })
            .map(|(function, version)| Target { function, retry: version.retry })
            .collect()
    }

    /// The functions that an event of a namespace might reach, ordered by id.
    fn candidates(&self, namespace: &str) -> impl Iterator<Item = (function::Id, &Route)> {
        let members = self.members.get(namespace).into_iter().flatten();
        members.filter_map(|id| Some((*id, self.functions.get(id)?))).filter(|(_, route)| route.versions.are_running())
    }
}

impl Version {
    fn of(manifest: &Manifest) -> Self {
        let triggers = manifest.triggers.iter().filter_map(|trigger| match trigger {
            Trigger::Event { pattern, filter } => Some((pattern.clone(), trigger::Filter::of(filter))),
            Trigger::Http(_) | Trigger::Schedule(_) | Trigger::Webhook(_) => None,
        });
        Self { triggers: triggers.collect(), retry: manifest.retry }
    }
}

#[cfg(test)]
mod tests;
