//! Sessions: the user and expiry of a token, and which sessions ended early.
//!
//! A token proves itself, so an ended session must be remembered until its token expires. Each server keeps all of
//! these in memory, and periodically reads those of other servers from the database.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::access::{Grants, Role};
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::clock;
use crate::edge::HttpError;
use crate::operations::Viewer;

/// A caller whom nobody knows, as the log names them.
const NOBODY: &str = "anonymous";

/// A timer sleeps no longer at a time: the clock on the wall may be set.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// The user and expiry of a token.
#[derive(Debug, Clone)]
pub struct Session {
    /// Who.
    pub viewer: Viewer,
    /// What ends it; `None` for one that never does, which is that of the development token.
    pub(super) token: Option<TokenId>,
}

/// The id of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenId {
    pub id: Arc<str>,
    /// When it is not good any more, the leeway for clocks included.
    pub until: DateTime<Utc>,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Its token is too old.
    Expired,
    /// It was signed out.
    SignedOut,
}

impl Session {
    /// That of the development token, which never ends.
    pub(super) fn of_developer() -> Self {
        Self { viewer: Viewer::of_installation("token:dev", &Grants::everywhere(Role::Owner)), token: None }
    }

    /// That of a caller whom nobody knows, for one call of a function that everybody may call. It never ends.
    pub(crate) fn of_nobody(namespace: &str) -> Self {
        Self { viewer: Viewer::of_installation(NOBODY, &Grants::within(namespace, Role::Operator)), token: None }
    }
}

impl Over {
    /// For people.
    pub fn message(self) -> &'static str {
        match self {
            Self::Expired => "the session has expired; sign in again",
            Self::SignedOut => "the session was signed out; sign in again",
        }
    }

    pub(super) fn error(self) -> HttpError {
        HttpError::unauthenticated(self.message())
    }
}

/// Sessions that ended before their tokens expire.
#[derive(Default)]
pub(super) struct Ended {
    until: RwLock<HashMap<Arc<str>, DateTime<Utc>>>,
    /// Whether there is any: asked with every request.
    any: AtomicBool,
    /// Wakes those that follow something.
    changed: watch::Sender<()>,
}

impl Ended {
    /// Adds sessions, and forgets those whose tokens have expired.
    pub(super) fn add(&self, sessions: impl IntoIterator<Item = (Arc<str>, DateTime<Utc>)>) {
        let now = clock::now();
        let mut until = self.until.write();
        until.retain(|_, until| *until > now);
        let mut grew = false;
        for (id, end) in sessions {
            grew |= until.insert(id, end).is_none();
        }
        self.any.store(!until.is_empty(), Ordering::Release);
        drop(until);
        if grew {
            self.changed.send_replace(());
        }
    }

    /// Why a session is over; `None` when it is not.
    pub(super) fn why(&self, session: &Session) -> Option<Over> {
        let token = session.token.as_ref()?;
        if token.until <= clock::now() {
            return Some(Over::Expired);
        }
        let ended = self.any.load(Ordering::Acquire) && self.until.read().contains_key(&token.id);
        ended.then_some(Over::SignedOut)
    }

    /// Waits until a session is over.
    pub(super) async fn wait(&self, session: &Session) -> Over {
        let Some(token) = &session.token else { return std::future::pending().await };
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(over) = self.why(session) {
                return over;
            }
            let left = (token.until - clock::now()).to_std().unwrap_or_default();
            tokio::select! {
                _ = changed.changed() => {}
                () = tokio::time::sleep(left.min(LONGEST_SLEEP)) => {}
            }
        }
    }
}
