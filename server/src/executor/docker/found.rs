//! What the engine has of an image.

use bollard::models::ImageInspect;

use super::super::Error;
use super::super::images::Reference;
use super::engine::{Engine, message, status};

/// What the engine has under the name of a version. An image that no registry has is found by its id, which stands as its digest.
pub(super) async fn on_engine(engine: &Engine, name: &str) -> Result<Option<ImageInspect>, Error> {
    match (named(engine, name).await?, name.rsplit_once('@')) {
        (None, Some((_, id))) => named(engine, id).await,
        (found, _) => Ok(found),
    }
}

/// What the engine has under exactly this name, or id.
pub(super) async fn named(engine: &Engine, name: &str) -> Result<Option<ImageInspect>, Error> {
    match engine.client.inspect_image(name).await {
        Ok(image) => Ok(Some(image)),
        Err(fault) if matches!(status(&fault), Some(404)) => Ok(None),
        Err(fault) if status(&fault) == Some(400) => Err(Error::Refused(message(&fault))),
        Err(fault) => Err(engine.error(format!("look at the image {name}"))(fault)),
    }
}

/// The digest under which a repository knows the image.
pub(super) fn repository_digest(image: &ImageInspect, reference: &Reference) -> Option<String> {
    let digests = image.repo_digests.as_deref().unwrap_or_default().iter();
    let mut known = digests.filter_map(|name| name.split_once('@'));
    known.find(|(repository, _)| reference.is_of(repository)).map(|(_, digest)| digest.to_owned())
}
