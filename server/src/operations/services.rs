//! What operations need of the rooms below.

use std::sync::Arc;

use crate::actors::Commands;
use crate::builder::Workshop;
use crate::config::Settings;
use crate::keeping::Keeping;
use crate::leasing::Leasing;
use crate::store::Store;
use crate::vault::Vault;

/// What operations need of the rooms below. Cloning it is cheap.
#[derive(Clone)]
pub struct Services {
    /// The log and its tables.
    pub store: Store,
    /// Takes commands.
    pub commands: Commands,
    /// Gives calls their places.
    pub leasing: Leasing,
    /// Keeps instances.
    pub keeping: Keeping,
    /// Seals secrets and opens them.
    pub vault: Vault,
    /// Takes bundles.
    pub workshop: Workshop,
    /// Everything that can be set.
    pub settings: Arc<Settings>,
}
