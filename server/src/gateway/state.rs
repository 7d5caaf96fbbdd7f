//! The dependencies of the gateway.

use super::call_id::InUse;
use super::recorder::Recorder;
use super::sockets::Sockets;
use crate::doors::Doors;
use crate::edge::Services;
use crate::leasing::Leasing;

/// The dependencies of the gateway. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    pub(super) services: Services,
    pub(super) recorder: Recorder,
    pub(super) in_use: InUse,
    pub(super) doors: Doors,
    pub(super) is_taken: IsTaken,
    pub(super) sockets: Sockets,
}

/// Whether a path belongs to the platform.
pub(super) type IsTaken = fn(&str) -> bool;

impl Gateway {
    /// A gateway with this recorder.
    pub fn new(services: Services, recorder: Recorder) -> Self {
        let sockets = Sockets::new(&services.settings.edge);
        Self { services, recorder, in_use: InUse::default(), doors: Doors::default(), is_taken: |_| false, sockets }
    }

    /// Adds functions' paths and anonymous callers; `is_taken` identifies the platform's own paths.
    #[must_use]
    pub fn with_doors(self, doors: Doors, is_taken: fn(&str) -> bool) -> Self {
        Self { doors, is_taken, ..self }
    }

    pub(super) fn leasing(&self) -> &Leasing {
        &self.services.leasing
    }
}
