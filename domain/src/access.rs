//! Access control: roles, the actions each role allows, and the grants that give a subject its roles.
//!
//! What a subject may do follows from its [`Grants`]. People's grants are folded from the log, as the members of
//! namespaces; those of the installation itself (its administrator, its broker) come from the settings. A token can
//! narrow the grants of its owner but never widen them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// A subject's role in a namespace. Each role allows everything the one before it allows, and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May read.
    Viewer,
    /// May read, call functions, and manage runs.
    Operator,
    /// May also create and change functions.
    Developer,
    /// May do everything, including what cannot be undone and managing members. The log stores this role under its
    /// original name.
    #[serde(rename = "admin")]
    Owner,
}

/// An action on a namespace, as permissions see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read functions, builds, runs, events, log lines and metrics.
    View,
    /// Call functions, publish events, request runs.
    Invoke,
    /// Start and stop functions; cancel, replay and redrive runs; discard dead letters.
    Operate,
    /// Register, build, update, roll back and deregister functions; set secrets.
    Deploy,
    /// Erase payloads; manage the namespace's members and quotas.
    Administer,
}

/// Every action, for tables and tests.
pub const ACTIONS: [Action; 5] = [Action::View, Action::Invoke, Action::Operate, Action::Deploy, Action::Administer];

/// Every role, for tables and tests.
pub const ROLES: [Role; 4] = [Role::Viewer, Role::Operator, Role::Developer, Role::Owner];

impl Role {
    /// Whether this role allows an action in the namespace where it is held. This is the permission table.
    pub const fn may(self, action: Action) -> bool {
        match (self, action) {
            (_, Action::View) => true,
            (Self::Operator | Self::Developer | Self::Owner, Action::Invoke | Action::Operate) => true,
            (Self::Developer | Self::Owner, Action::Deploy) => true,
            (Self::Owner, Action::Administer) => true,
            (Self::Viewer | Self::Operator | Self::Developer, _) => false,
        }
    }

    /// The display name.
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
    /// The action as a phrase for the middle of a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::View => "look",
            Self::Invoke => "call functions and publish events",
            Self::Operate => "start, stop, cancel and replay",
            Self::Deploy => "change functions",
            Self::Administer => "erase, or change who belongs here",
        }
    }

    /// The lowest role that allows this action, for error messages that say what is missing.
    pub fn least_role(self) -> Role {
        ROLES.into_iter().find(|role| role.may(self)).unwrap_or(Role::Owner)
    }
}

/// The roles of a subject: one that holds in every namespace, and one for each of some namespaces. The higher one
/// applies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    everywhere: Option<Role>,
    within: BTreeMap<String, Role>,
}

impl Grants {
    /// A role in every namespace, including those created later.
    pub fn everywhere(role: Role) -> Self {
        Self { everywhere: Some(role), within: BTreeMap::new() }
    }

    /// A role in a single namespace.
    pub fn within(namespace: impl Into<String>, role: Role) -> Self {
        Self { everywhere: None, within: [(namespace.into(), role)].into() }
    }

    /// Sets the role in one namespace, or removes it with `None`.
    pub fn set(&mut self, namespace: &str, role: Option<Role>) {
        match role {
            Some(role) => _ = self.within.insert(namespace.to_owned(), role),
            None => _ = self.within.remove(namespace),
        }
    }

    /// Whether there are no grants at all.
    pub fn is_empty(&self) -> bool {
        self.everywhere.is_none() && self.within.is_empty()
    }

    /// The effective role in a namespace.
    pub fn role(&self, namespace: &str) -> Option<Role> {
        self.everywhere.max(self.within.get(namespace).copied())
    }

    /// Whether an action is allowed in a namespace.
    pub fn may(&self, action: Action, namespace: &str) -> bool {
        self.role(namespace).is_some_and(|role| role.may(action))
    }

    /// Whether an action is allowed in every namespace, and so on what belongs to no namespace.
    pub fn may_everywhere(&self, action: Action) -> bool {
        self.everywhere.is_some_and(|role| role.may(action))
    }

    /// Whether an action is allowed in at least one namespace.
    pub fn may_somewhere(&self, action: Action) -> bool {
        self.everywhere.into_iter().chain(self.within.values().copied()).any(|role| role.may(action))
    }

    /// The namespaces that may be read.
    pub fn sight(&self) -> Sight {
        match self.may_everywhere(Action::View) {
            true => Sight(None),
            false => Sight(Some(self.within.keys().cloned().collect())),
        }
    }

    /// These grants narrowed by a token: at most the role `most`, and only in `namespaces` if any are named.
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

/// The namespaces a viewer may read, as proof that access was checked. Reads of the log's tables take a `Sight` and
/// find nothing outside it, so a forgotten check does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight(Option<Arc<[String]>>);

impl Sight {
    /// Sight of every namespace, for the platform's own work. Must never be used on behalf of a caller.
    pub const fn of_platform() -> Self {
        Self(None)
    }

    /// Whether a namespace is in sight.
    pub fn sees(&self, namespace: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.iter().any(|name| name == namespace))
    }

    /// Whether every namespace is in sight.
    pub fn is_everything(&self) -> bool {
        self.0.is_none()
    }

    /// The namespaces in sight; `None` means all of them.
    pub fn namespaces(&self) -> Option<&[String]> {
        self.0.as_deref()
    }

    /// The same sight narrowed to one namespace; `None` if that namespace is not in sight.
    pub fn within(&self, namespace: &str) -> Option<Self> {
        self.sees(namespace).then(|| Self(Some([namespace.to_owned()].into())))
    }
}
