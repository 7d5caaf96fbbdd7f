//! What people and programs may do: their grants, folded from the log and consulted on every request.
//!
//! The table of roles and actions is [`domain::access`]. The installation's own subjects have no roles in the log: its
//! administrator may do everything, and the settings say what its broker may do.

use std::collections::HashMap;
use std::sync::Arc;

use domain::access::{Action, Grants, Role, Sight};
use domain::namespace::Event;
use domain::recorded::Fact;

use crate::store::{self, Fold, Projection, Store};

/// The grants of every member of a namespace. Cheap to clone. The default is empty and does not follow the log.
#[derive(Clone, Default)]
pub struct Roster(Projection<Members>);

#[derive(Default)]
struct Members(HashMap<String, Grants>);

impl Fold for Members {
    const KIND: &'static str = "namespace";

    fn evolve(&mut self, fact: &Fact) {
        let Fact::Namespace(namespace, event) = fact else { return };
        let (member, role) = match event {
            Event::MemberAdded { member, role, .. } | Event::RoleChanged { member, role, .. } => (member, Some(*role)),
            Event::MemberRemoved { member, .. } => (member, None),
            _ => return,
        };
        let grants = self.0.entry(member.clone()).or_default();
        grants.set(namespace, role);
        if grants.is_empty() {
            self.0.remove(member);
        }
    }
}

impl Roster {
    /// Reads the members of all namespaces, and follows the log from then on. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the log is away.
    pub async fn open(store: Store) -> Result<Self, store::Error> {
        Projection::open(store).await.map(Self)
    }

    /// Waits until this server has taken in everything that is in the log now.
    ///
    /// # Errors
    /// When the log is away.
    pub async fn caught_up(&self, store: &Store) -> Result<(), store::Error> {
        self.0.caught_up(store).await
    }

    fn with<T>(&self, subject: &str, ask: impl FnOnce(&Grants) -> T) -> T {
        match self.0.read().0.get(subject) {
            Some(grants) => ask(grants),
            None => ask(&Grants::default()),
        }
    }
}

/// The bounds of a token. They narrow the grants of its subject and never widen them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// The highest role the token can use.
    pub most: Role,
    /// The namespaces it is valid for; `None` for all.
    pub namespaces: Option<Arc<[String]>>,
}

impl Bounds {
    /// No bounds.
    pub const NONE: Self = Self { most: Role::Owner, namespaces: None };

    fn of(&self, grants: &Grants) -> Grants {
        grants.bounded(self.most, self.namespaces.as_deref())
    }

    fn bind(&self, namespace: &str) -> bool {
        self.namespaces.as_deref().is_none_or(|names| names.iter().any(|name| name == namespace))
    }
}

/// What a subject may do at this moment. A handle, not a copy: a role that is removed is gone at the next check, on open
/// connections as well.
#[derive(Clone)]
pub struct Standing(Of);

#[derive(Clone)]
enum Of {
    /// One of the installation's own subjects.
    Installation(Arc<Grants>),
    /// Anyone else; the log may know them or not.
    Member { roster: Roster, subject: Arc<str>, bounds: Arc<Bounds> },
}

impl Standing {
    /// For one of the installation's own subjects, within the bounds of a token.
    pub fn of_installation(grants: &Grants, bounds: &Bounds) -> Self {
        Self(Of::Installation(Arc::new(bounds.of(grants))))
    }

    /// For a subject known to the log by this name, within the bounds of a token.
    pub fn of_member(roster: &Roster, subject: &Arc<str>, bounds: Bounds) -> Self {
        Self(Of::Member { roster: roster.clone(), subject: Arc::clone(subject), bounds: Arc::new(bounds) })
    }

    /// The subject's role in a namespace; `None` if it has none and sees nothing of the namespace.
    pub fn role(&self, namespace: &str) -> Option<Role> {
        match &self.0 {
            Of::Installation(grants) => grants.role(namespace),
            Of::Member { roster, subject, bounds } if bounds.bind(namespace) => {
                roster.with(subject, |grants| grants.role(namespace)).map(|role| role.min(bounds.most))
            }
            Of::Member { .. } => None,
        }
    }

    /// Waits until something may no longer be done in a namespace; for ever where no role in the log says whether it may.
    pub async fn until_not(&self, action: Action, namespace: &str) {
        match &self.0 {
            Of::Installation(_) => std::future::pending().await,
            Of::Member { roster, .. } => {
                let roster = roster.clone();
                roster.0.wait_for(|members| !self.may_among(members, action, namespace)).await;
            }
        }
    }

    fn may_among(&self, members: &Members, action: Action, namespace: &str) -> bool {
        match &self.0 {
            Of::Installation(grants) => grants.may(action, namespace),
            Of::Member { subject, bounds, .. } => {
                let role = members.0.get(subject.as_ref()).and_then(|grants| grants.role(namespace));
                bounds.bind(namespace) && role.is_some_and(|role| role.min(bounds.most).may(action))
            }
        }
    }

    /// Whether something may be done in every namespace, and so with what belongs to none.
    pub fn may_everywhere(&self, action: Action) -> bool {
        self.grants().may_everywhere(action)
    }

    /// Whether something may be done in any namespace at all.
    pub fn may_somewhere(&self, action: Action) -> bool {
        self.grants().may_somewhere(action)
    }

    /// Which namespaces may be looked into.
    pub fn sight(&self) -> Sight {
        self.grants().sight()
    }

    fn grants(&self) -> Arc<Grants> {
        match &self.0 {
            Of::Installation(grants) => Arc::clone(grants),
            Of::Member { roster, subject, bounds } => Arc::new(roster.with(subject, |grants| bounds.of(grants))),
        }
    }
}

impl std::fmt::Debug for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Standing").field(&self.grants()).finish()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn happened(members: &mut Members, namespace: &str, event: Event) {
        members.evolve(&Fact::Namespace(namespace.to_owned(), event));
    }

    #[test]
    fn the_log_says_who_belongs_where() {
        let at = DateTime::UNIX_EPOCH;
        let ada = || "user:ada".to_owned();
        let mut members = Members::default();
        happened(&mut members, "team", Event::MemberAdded { member: ada(), role: Role::Viewer, at });
        happened(&mut members, "shop", Event::MemberAdded { member: ada(), role: Role::Owner, at });
        assert!(members.0["user:ada"].may(Action::Deploy, "shop"));
        assert!(!members.0["user:ada"].may(Action::Invoke, "team"));
        happened(&mut members, "team", Event::RoleChanged { member: ada(), role: Role::Operator, at });
        assert!(members.0["user:ada"].may(Action::Invoke, "team"));
        happened(&mut members, "team", Event::MemberRemoved { member: ada(), at });
        assert_eq!(members.0["user:ada"].role("team"), None);
        happened(&mut members, "shop", Event::MemberRemoved { member: ada(), at });
        assert!(members.0.is_empty(), "whoever belongs nowhere takes no memory");
    }

    #[test]
    fn a_token_goes_no_further_than_whom_it_is_for() {
        let (roster, subject) = (Roster::default(), Arc::from("user:ada"));
        assert_eq!(Standing::of_member(&roster, &subject, Bounds::NONE).role("team"), None);
        let everything = Grants::everywhere(Role::Owner);
        let bounds = Bounds { most: Role::Viewer, namespaces: Some(Arc::from(["team".to_owned()])) };
        let bounded = Standing::of_installation(&everything, &bounds);
        assert_eq!((bounded.role("team"), bounded.role("shop")), (Some(Role::Viewer), None));
        assert!(!bounded.may_everywhere(Action::View) && bounded.may_somewhere(Action::View));
        assert_eq!(bounded.sight().namespaces(), Some(&["team".to_owned()][..]));
    }
}
