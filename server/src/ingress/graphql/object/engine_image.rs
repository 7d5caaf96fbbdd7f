//! An image on the engine of the server that answers.

use async_graphql::{Enum, SimpleObject};
use chrono::{DateTime, Utc};

use crate::executor::images::Fate;
use crate::operations;

/// What becomes of an image on the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::ingress::graphql) enum EngineImageFate {
    /// It stays: a version that can be run is made of it.
    Needed,
    /// It stays, for the reason given: somebody else uses it.
    Used,
    /// It is removed at the time given, if nothing needs it until then.
    Goes,
}

/// An image that was pulled for functions, on the engine of the server that answers.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct EngineImage {
    /// The engine's own name for it: `sha256:…`.
    id: String,
    /// Its names and tags.
    tags: Vec<String>,
    /// The digests by which registries know it.
    digests: Vec<String>,
    /// Bytes of its layers; other images may have some of them, too.
    size: f64,
    /// When it was last noticed that a version needs it, or when it was pulled.
    needed_at: DateTime<Utc>,
    /// What becomes of it.
    fate: EngineImageFate,
    /// Why it stays although no version needs it.
    reason: Option<String>,
    /// When it is removed, if nothing needs it until then.
    goes_at: Option<DateTime<Utc>>,
}

impl From<operations::EngineImage> for EngineImage {
    fn from(image: operations::EngineImage) -> Self {
        let (fate, reason, goes_at) = match image.fate {
            Fate::Needed => (EngineImageFate::Needed, None, None),
            Fate::Used(why) => (EngineImageFate::Used, Some(why), None),
            Fate::Goes(at) => (EngineImageFate::Goes, None, Some(at)),
        };
        let stored = image.stored;
        Self {
            id: stored.id,
            tags: stored.tags,
            digests: stored.digests,
            size: stored.size as f64,
            needed_at: stored.needed_at,
            fate,
            reason,
            goes_at,
        }
    }
}
