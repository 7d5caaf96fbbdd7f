//! Who may do what, and where: one table of roles and actions.
//!
//! What a subject may follows from its [`Grants`]. Those of people are folded from the log, as the namespaces' members;
//! those of the installation itself (its administrator, its broker) come from its settings. A token may narrow them and
//! never widens them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// What somebody is in a namespace. Each role may what the one before it may, and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Looks, calls, and handles what runs.
    Operator,
    /// All that makes and changes functions, too.
    Developer,
    /// Everything, what cannot be undone and who belongs to the namespace included. The log knows it by its first name.
    #[serde(rename = "admin")]
    Owner,
}

/// What can be done in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read functions, builds, runs, events, lines and metrics.
    View,
    /// Call functions, publish events, ask for runs.
    Invoke,
    /// Start and stop functions, cancel, replay and redrive runs, give up dead letters.
    Operate,
    /// Register, build, update, roll back and deregister functions; set secrets.
    Deploy,
    /// Erase payloads; say who belongs to the namespace and what it may use.
    Administer,
}

/// All actions, for tables and tests.
pub const ACTIONS: [Action; 5] = [Action::View, Action::Invoke, Action::Operate, Action::Deploy, Action::Administer];

/// All roles, for tables and tests.
pub const ROLES: [Role; 4] = [Role::Viewer, Role::Operator, Role::Developer, Role::Owner];

impl Role {
    /// The table: whether a role may do something where it is held.
    pub const fn may(self, action: Action) -> bool {
        match (self, action) {
            (_, Action::View) => true,
            (Self::Operator | Self::Developer | Self::Owner, Action::Invoke | Action::Operate) => true,
            (Self::Developer | Self::Owner, Action::Deploy) => true,
            (Self::Owner, Action::Administer) => true,
            (Self::Viewer | Self::Operator | Self::Developer, _) => false,
        }
    }

    /// As people read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Developer => "developer",
            Self::Owner => "owner",
        }
    }
}

impl Action {
    /// What somebody does, in the middle of a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::View => "look",
            Self::Invoke => "call functions and publish events",
            Self::Operate => "start, stop, cancel and replay",
            Self::Deploy => "change functions",
            Self::Administer => "erase, or change who belongs here",
        }
    }

    /// The least role that may do it, for people who are told what they lack.
    pub fn least_role(self) -> Role {
        ROLES.into_iter().find(|role| role.may(self)).unwrap_or(Role::Owner)
    }
}

/// The roles of a subject: one everywhere, and one in each of some namespaces. The greater counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    everywhere: Option<Role>,
    within: BTreeMap<String, Role>,
}

impl Grants {
    /// A role in every namespace, those that are made later included.
    pub fn everywhere(role: Role) -> Self {
        Self { everywhere: Some(role), within: BTreeMap::new() }
    }

    /// A role in one namespace.
    pub fn within(namespace: impl Into<String>, role: Role) -> Self {
        Self { everywhere: None, within: [(namespace.into(), role)].into() }
    }

    /// Sets or, with `None`, takes away the role in one namespace.
    pub fn set(&mut self, namespace: &str, role: Option<Role>) {
        match role {
            Some(role) => _ = self.within.insert(namespace.to_owned(), role),
            None => _ = self.within.remove(namespace),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.everywhere.is_none() && self.within.is_empty()
    }

    /// The role in a namespace.
    pub fn role(&self, namespace: &str) -> Option<Role> {
        self.everywhere.max(self.within.get(namespace).copied())
    }

    /// Whether something may be done in a namespace.
    pub fn may(&self, action: Action, namespace: &str) -> bool {
        self.role(namespace).is_some_and(|role| role.may(action))
    }

    /// Whether something may be done in every namespace, and so with what belongs to none.
    pub fn may_everywhere(&self, action: Action) -> bool {
        self.everywhere.is_some_and(|role| role.may(action))
    }

    /// Whether something may be done in any namespace at all.
    pub fn may_somewhere(&self, action: Action) -> bool {
        self.everywhere.into_iter().chain(self.within.values().copied()).any(|role| role.may(action))
    }

    /// Which namespaces may be looked into.
    pub fn sight(&self) -> Sight {
        match self.may_everywhere(Action::View) {
            true => Sight(None),
            false => Sight(Some(self.within.keys().cloned().collect())),
        }
    }

    /// These, as far as a token's bounds go: at most `most`, and in `namespaces` alone where some are named.
    #[must_use]
    pub fn bounded(&self, most: Role, namespaces: Option<&[String]>) -> Self {
        let is_in = |name: &str| namespaces.is_none_or(|names| names.iter().any(|one| one == name));
        let kept = self.within.iter().filter(|(name, _)| is_in(name)).map(|(name, role)| (name.clone(), *role));
        let everywhere = self.everywhere.map(|role| role.min(most));
        let mut bounded = Self { everywhere, within: kept.map(|(name, role)| (name, role.min(most))).collect() };
        if let (Some(names), Some(role)) = (namespaces, bounded.everywhere.take_if(|_| namespaces.is_some())) {
            for name in names {
                bounded.set(name, bounded.role(name).max(Some(role)));
            }
        }
        bounded
    }
}

/// Which namespaces may be looked into: the proof that was asked for before anything was read. Reads of the log's tables
/// take one and find nothing outside of it, so that a check that was forgotten does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight(Option<Arc<[String]>>);

impl Sight {
    /// That of the platform at its own work, which looks into every namespace. No door uses it for a caller.
    pub const fn of_platform() -> Self {
        Self(None)
    }

    /// Whether a namespace is within it.
    pub fn sees(&self, namespace: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.iter().any(|name| name == namespace))
    }

    /// Whether it has no bounds.
    pub fn is_everything(&self) -> bool {
        self.0.is_none()
    }

    /// The namespaces; `None`: all there are.
    pub fn namespaces(&self) -> Option<&[String]> {
        self.0.as_deref()
    }

    /// The same, of one namespace alone; `None` when that is not within it.
    pub fn within(&self, namespace: &str) -> Option<Self> {
        self.sees(namespace).then(|| Self(Some([namespace.to_owned()].into())))
    }
}
