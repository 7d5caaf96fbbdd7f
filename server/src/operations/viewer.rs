//! The viewer: who is asking, and what they may do.

use std::sync::Arc;

use domain::access::{Action, Grants, Role, Sight};

use super::refusal::Refusal;
use crate::access::{Bounds, Standing};

/// Who is asking, and what they may do.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The name in the log: `user:admin`, `token:dev`.
    pub subject: Arc<str>,
    standing: Standing,
}

impl Viewer {
    /// Somebody, with what they may.
    pub fn new(subject: Arc<str>, standing: Standing) -> Self {
        Self { subject, standing }
    }

    /// One of the installation's own subjects: its administrator, its broker, a caller of one public function.
    pub fn of_installation(subject: &str, grants: &Grants) -> Self {
        Self::new(subject.into(), Standing::of_installation(grants, &Bounds::NONE))
    }

    /// Whether they look into a namespace.
    pub fn sees(&self, namespace: &str) -> bool {
        self.standing.role(namespace).is_some_and(|role| role.may(Action::View))
    }

    /// Waits until something may no longer be done in a namespace: their role there was removed or became less.
    pub async fn until_not(&self, action: Action, namespace: &str) {
        self.standing.until_not(action, namespace).await;
    }

    /// Whether something may be done in every namespace, and so with what belongs to none.
    pub fn may_everywhere(&self, action: Action) -> bool {
        self.standing.may_everywhere(action)
    }

    /// Whether something may be done in any namespace at all: asked where the namespace is not known yet.
    pub fn may_somewhere(&self, action: Action) -> bool {
        self.standing.may_somewhere(action)
    }

    /// Which namespaces they look into.
    pub fn sight(&self) -> Sight {
        self.standing.sight()
    }

    /// The same, of one namespace alone where one is named.
    ///
    /// # Errors
    /// `forbidden`, when it is not one that they look into.
    pub fn sight_of(&self, namespace: Option<&str>) -> Result<Sight, Refusal> {
        match namespace {
            None => Ok(self.sight()),
            Some(namespace) => self.sight().within(namespace).ok_or_else(|| no_member(namespace)),
        }
    }

    /// The one question whether something may be done in a namespace: every operation asks it before anything else, and the
    /// gateway before it calls a function.
    ///
    /// # Errors
    /// `forbidden`, with the role that is missing.
    pub fn may(&self, action: Action, namespace: &str) -> Result<(), Refusal> {
        match self.standing.role(namespace) {
            Some(role) if role.may(action) => Ok(()),
            Some(role) => Err(lacking(role, action, namespace)),
            None => Err(no_member(namespace)),
        }
    }
}

fn no_member(namespace: &str) -> Refusal {
    Refusal::problem("forbidden", format!("you do not belong to the namespace `{namespace}`"))
}

fn lacking(role: Role, action: Action, namespace: &str) -> Refusal {
    let (role, action, least) = (role.name(), action.name(), action.least_role().name());
    let message = format!("to {action} in the namespace `{namespace}` you need the role {least}; yours is {role}");
    Refusal::problem("forbidden", message)
}
