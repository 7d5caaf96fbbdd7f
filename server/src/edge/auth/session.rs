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

/// How the log names an unauthenticated caller.
const NOBODY: &str = "anonymous";

/// The longest sleep of a timer: the wall clock may be changed meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// The user and expiry of a token.
#[derive(Debug, Clone)]
pub struct Session {
    /// The signed-in person or program.
    pub viewer: Viewer,
    /// The token that ends it; `None` for the session of the development token, which never ends.
    pub(super) token: Option<TokenId>,
}

/// The id of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenId {
    pub id: Arc<str>,
    /// When it expires, including the leeway for clocks.
    pub until: DateTime<Utc>,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Its token has expired.
    Expired,
    /// It was signed out.
    SignedOut,
    /// Its viewer's role no longer allows what is going on.
    RoleRemoved,
}

impl Session {
    /// That of the development token, which never ends.
    pub(super) fn of_developer() -> Self {
        Self { viewer: Viewer::of_installation("token:dev", &Grants::everywhere(Role::Owner)), token: None }
    }

    /// The session of an unauthenticated caller, for one call of a public function. It never ends.
    pub(crate) fn of_nobody(namespace: &str) -> Self {
        Self { viewer: Viewer::of_installation(NOBODY, &Grants::within(namespace, Role::Operator)), token: None }
    }
}

impl Over {
    /// For people to read.
    pub fn message(self) -> &'static str {
        match self {
            Self::Expired => "the session has expired; sign in again",
            Self::SignedOut => "the session was signed out; sign in again",
            Self::RoleRemoved => "your role in the namespace no longer allows this",
        }
    }

    /// The error code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Expired | Self::SignedOut => "unauthenticated",
            Self::RoleRemoved => "forbidden",
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
    /// Whether any session has ended; read by every request.
    any: AtomicBool,
    /// Wakes those who wait for the end of a session.
    changed: watch::Sender<()>,
}

impl Ended {
    /// Adds sessions, and drops those whose tokens have expired.
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
