//! What operations need of the rooms below, and what of it the doors may use.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::{StreamExt, future};

use super::refusal::Refusal;
use super::unguarded::Unguarded;
use super::viewer::Viewer;
use crate::access::Roster;
use crate::actors::Commands;
use crate::builder::Builder;
use crate::config::Settings;
use crate::keeping::Keeping;
use crate::leasing::Leasing;
use crate::store::{self, Feed, LineFeed, LineRow, LinesOf, OfNamespace, Store, View, Vitals};
use crate::vault::Vault;

/// The log and the actors, which are for operations alone: whoever has no [`Viewer`] finds no row, and a command that nobody
/// asked the policy about does not compile.
#[derive(Clone)]
pub struct Guarded {
    pub(super) store: Store,
    pub(super) commands: Commands,
}

impl Guarded {
    /// Puts them out of the doors' reach.
    pub fn new(store: Store, commands: Commands) -> Self {
        Self { store, commands }
    }
}

/// What operations need of the rooms below. Cloning it is cheap.
#[derive(Clone)]
pub struct Services {
    /// The log and its tables, and what executes commands.
    pub guarded: Guarded,
    /// Knows who belongs to which namespace.
    pub roster: Roster,
    /// Hands instances to calls.
    pub leasing: Leasing,
    /// Keeps instances.
    pub keeping: Keeping,
    /// Encrypts and decrypts secrets.
    pub vault: Vault,
    /// Stores bundles, and builds.
    pub builder: Builder,
    /// All settings.
    pub settings: Arc<Settings>,
}

impl Services {
    /// The tables as far as a viewer looks into them.
    pub fn view(&self, viewer: &Viewer) -> View {
        View::new(self.guarded.store.clone(), viewer.sight())
    }

    /// The same, of one namespace alone where one is named.
    ///
    /// # Errors
    /// `forbidden`, when it is not one that they look into.
    pub fn view_of(&self, viewer: &Viewer, namespace: Option<&str>) -> Result<View, Refusal> {
        Ok(View::new(self.guarded.store.clone(), viewer.sight_of(namespace)?))
    }

    /// The log lines after a position, as they are written, for as long as the viewer sees their namespace: it ends at the first
    /// line that they no longer see.
    pub fn follow_lines(&self, viewer: &Viewer, of: LinesOf, after: u64) -> LineFeed {
        let viewer = viewer.clone();
        let seen = move |lines: &Result<Vec<LineRow>, store::Error>| {
            let shown = lines.as_ref().map_or(true, |lines| lines.iter().all(|row| viewer.sees(row.namespace())));
            future::ready(shown)
        };
        Box::pin(self.guarded.store.follow_lines(of, after).take_while(seen))
    }

    /// The tables in full, for the few who show nothing of them to a caller, or see to that themselves. A test knows who they are.
    pub fn unguarded(&self) -> Unguarded {
        Unguarded::new(self.guarded.store.clone(), self.guarded.commands.writer().clone())
    }

    /// Ends a session before its token expires, on all servers and for good.
    ///
    /// # Errors
    /// When the log is away: then the other servers do not learn of it.
    pub async fn revoke(&self, token: &str, until: DateTime<Utc>) -> Result<(), store::Error> {
        self.guarded.store.revoke(token, until).await
    }

    /// How far the log is, and how the database does: what belongs to no namespace.
    pub fn vitals(&self) -> Vitals {
        Vitals::new(self.guarded.store.clone())
    }

    /// The records of all namespaces after a position: they say *that* something happened. What is shown of it is read
    /// through [`Self::view`].
    pub fn follow(&self, after: u64) -> Feed {
        self.guarded.store.follow(after)
    }
}
