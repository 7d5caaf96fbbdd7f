//! Who is asking, and what they may.

use std::sync::Arc;

use super::refusal::Refusal;

/// Who is asking, and what they may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// As the log names them: `user:admin`, `token:dev`.
    pub name: Arc<str>,
    /// The namespaces that they see; `None`: all.
    pub namespaces: Option<Vec<String>>,
    /// Whether they may change anything.
    pub may_write: bool,
}

impl Viewer {
    /// Sees and may do everything.
    pub fn all(name: &str) -> Self {
        Self { name: name.into(), namespaces: None, may_write: true }
    }

    /// Whether they see a namespace.
    pub fn sees(&self, namespace: &str) -> bool {
        self.namespaces.as_ref().is_none_or(|seen| seen.iter().any(|one| one == namespace))
    }

    /// The namespaces to look into: those asked for as far as they are seen.
    ///
    /// # Errors
    /// When one was asked for that is not seen.
    pub fn looks_into(&self, namespace: Option<&str>) -> Result<Option<Vec<String>>, Refusal> {
        match namespace {
            None => Ok(self.namespaces.clone()),
            Some(namespace) if self.sees(namespace) => Ok(Some(vec![namespace.to_owned()])),
            Some(namespace) => {
                Err(Refusal::problem("forbidden", format!("you do not belong to the namespace `{namespace}`")))
            }
        }
    }

    /// # Errors
    /// When they may not change anything there.
    pub fn may_change(&self, namespace: &str) -> Result<(), Refusal> {
        self.looks_into(Some(namespace))?;
        match self.may_write {
            true => Ok(()),
            false => Err(Refusal::problem("forbidden", "you may look, but not change anything")),
        }
    }
}
