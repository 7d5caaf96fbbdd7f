//! The images that the engine of this server keeps for functions, and what becomes of them.

use std::time::Duration;

use domain::access::Action;

use super::{Fault, Refusal, Services, Viewer};
use crate::executor::images::{Fate, Stored, Wanted};
use crate::store::ImageUse;

/// An image on this server's engine.
#[derive(Debug, Clone)]
pub struct EngineImage {
    /// What the engine says of it.
    pub stored: Stored,
    /// What becomes of it.
    pub fate: Fate,
}

/// What versions need of an engine's images, where others are kept for so long.
pub fn wanted_images(uses: &[ImageUse], retain: Duration) -> Wanted {
    let needed = uses.iter().filter(|version| version.needed);
    Wanted { digests: needed.map(|version| version.digest.clone()).collect(), retain }
}

/// The images that were pulled for functions to the engine of this server, and what becomes of them; `None` without an engine.
/// Nothing is removed by asking.
///
/// # Errors
/// `forbidden` for whoever does not see all namespaces; when the engine or the log is away.
pub async fn engine_images(services: &Services, viewer: &Viewer) -> Result<Option<Vec<EngineImage>>, Refusal> {
    if !viewer.may_everywhere(Action::View) {
        let why = "an engine has the images of all namespaces, and you do not see all of them";
        return Err(Refusal::problem("forbidden", why));
    }
    let Some(images) = services.builder.images() else { return Ok(None) };
    let keep = services.settings.retention;
    let uses = services.guarded.store.image_uses(keep.versions).await?;
    let wanted = wanted_images(&uses, keep.artifacts);
    let stored = images.stored().await.map_err(|error| Refusal::Failed(Fault::Unavailable(error.to_string())))?;
    let judged = stored.into_iter().map(|stored| EngineImage { fate: wanted.fate(&stored), stored });
    Ok(Some(judged.collect()))
}
