//! The images that were pulled or built for functions, as the engine itself knows them: by a mark, which is one more name.
//!
//! So the engine says what is whose, also to other servers and to people (`docker images`), and keeps an image as long as another
//! installation has marked it. Removing by hand removes the mark as well, and `docker image prune` leaves marked images alone.

use std::collections::HashMap;

use bollard::errors::Error as Fault;
use bollard::models::{ImageInspect, ImageSummary};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptions, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use chrono::{DateTime, Utc};

use super::super::images::{OWN_HOST, Reference, Stored, folder};
use super::engine::{Engine, status};
use crate::clock;

/// Images of one installation that are looked at; an engine with more has them removed bit by bit.
const MAX_STORED: usize = 10_000;

/// The images of the engine, whoever has them.
pub(super) async fn all(engine: &Engine) -> Result<Vec<ImageSummary>, Fault> {
    engine.client.list_images(None::<ListImagesOptions>).await
}

/// Marks an image that was just pulled, unless it or the name that it was pulled by was somebody else's `before`.
pub(super) async fn mark_pulled(engine: &Engine, reference: &Reference, before: &[ImageSummary], id: &str) {
    if !is_others(reference, before, id) {
        mark_made(engine, id).await;
    }
}

/// Marks an image that was just built, unless it was somebody else's `before` it got its name: a Dockerfile that changes nothing
/// builds the image that it begins with.
pub(super) async fn mark_built(engine: &Engine, before: &[ImageSummary], id: &str) {
    let is_named = |image: &ImageSummary| image.repo_tags.iter().any(|tag| !tag.starts_with("<none>"));
    let is_others =
        |image: &ImageSummary| image.id == id && is_named(image) && !image.repo_tags.iter().any(|tag| is_mark(tag));
    if !before.iter().any(is_others) {
        mark_made(engine, id).await;
    }
}

async fn mark_made(engine: &Engine, id: &str) {
    if let Err(error) = mark(engine, id).await {
        tracing::warn!(image = id, %error, "an image that was made for a function is not marked, and will not be removed");
    }
}

fn is_others(reference: &Reference, before: &[ImageSummary], id: &str) -> bool {
    let unmarked = |image: &&ImageSummary| !image.repo_tags.iter().any(|tag| is_mark(tag));
    let is_it = |image: &ImageSummary| image.id == id || image.repo_tags.iter().any(|tag| reference.is_tag(tag));
    before.iter().filter(unmarked).any(is_it)
}

/// Gives an image this installation's mark; the engine notes when.
pub(super) async fn mark(engine: &Engine, id: &str) -> Result<(), Fault> {
    let options = TagImageOptionsBuilder::default().repo(&marks_of(engine)).tag(hex_of(id)).build();
    engine.client.tag_image(id, Some(options)).await
}

/// The repository of this installation's marks; the tag of each is the image's id.
fn marks_of(engine: &Engine) -> String {
    format!("{OWN_HOST}/{}", engine.installation)
}

/// Whether a name is the mark of any installation.
fn is_mark(tag: &str) -> bool {
    let below = tag.strip_prefix(OWN_HOST).and_then(|tag| tag.strip_prefix('/'));
    below.is_some_and(|below| !below.contains('/'))
}

fn hex_of(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

/// The images with this installation's mark.
pub(super) async fn stored(engine: &Engine) -> Result<Vec<Stored>, Fault> {
    let own = format!("{}:", marks_of(engine));
    let is_marked = |image: &ImageSummary| image.repo_tags.iter().any(|tag| tag.starts_with(&own));
    let marked: Vec<_> = all(engine).await?.into_iter().filter(is_marked).take(MAX_STORED).collect();
    if marked.is_empty() {
        return Ok(Vec::new());
    }
    let options = ListContainersOptionsBuilder::default().all(true).build();
    let mut containers: HashMap<String, usize> = HashMap::new();
    for container in engine.client.list_containers(Some(options)).await? {
        *containers.entry(container.image_id.unwrap_or_default()).or_default() += 1;
    }
    let folders = [folder(None), folder(engine.registry.as_ref())];
    let mut stored = Vec::with_capacity(marked.len());
    for image in marked {
        match engine.client.inspect_image(&image.id).await {
            Ok(found) => {
                let containers = containers.get(&image.id).copied().unwrap_or_default();
                stored.push(of(&found, image, &own, &folders, containers));
            }
            Err(fault) if status(&fault) == Some(404) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(stored)
}

fn of(found: &ImageInspect, image: ImageSummary, own: &str, folders: &[String], containers: usize) -> Stored {
    let marked_at = found.metadata.as_ref().and_then(|known| known.last_tag_time.as_deref());
    let marked_at = marked_at.and_then(|at| DateTime::parse_from_rfc3339(at).ok()).map(|at| at.to_utc());
    let (marks, tags): (Vec<_>, Vec<_>) = image.repo_tags.into_iter().partition(|tag| is_mark(tag));
    // An image without a name has one that says so.
    let tags: Vec<_> = tags.into_iter().filter(|tag| !tag.starts_with("<none>")).collect();
    let is_below = |name: Reference| folders.iter().any(|folder| name.is_below(folder));
    let is_built = |tag: &&String| Reference::parse(tag).is_ok_and(is_below);
    let digests = image.repo_digests.iter().filter_map(|name| name.rsplit_once('@'));
    Stored {
        digests: digests.map(|(_, digest)| digest.to_owned()).collect(),
        id: image.id,
        built_as: tags.iter().filter(is_built).cloned().collect(),
        tags,
        size: u64::try_from(image.size).unwrap_or_default(),
        // An engine that does not tell has it needed now, and so for ever.
        needed_at: marked_at.filter(|at| *at > DateTime::<Utc>::UNIX_EPOCH).unwrap_or_else(clock::now),
        containers,
        is_shared: marks.iter().any(|mark| !mark.starts_with(own)),
    }
}

/// Removes an image that nobody else has, with its names; the mark goes last, so that what is left of it is found again.
/// Returns false when the engine keeps it, because a container was made of it meanwhile.
pub(super) async fn remove(engine: &Engine, image: &Stored) -> Result<bool, Fault> {
    let mark = format!("{}:{}", marks_of(engine), hex_of(&image.id));
    let mut names = Vec::new();
    if !image.is_shared {
        let found = match engine.client.inspect_image(&image.id).await {
            Ok(found) => found,
            Err(fault) if status(&fault) == Some(404) => return Ok(true),
            Err(fault) => return Err(fault),
        };
        names.extend(image.tags.iter().cloned());
        names.extend(found.repo_digests.unwrap_or_default());
    }
    for name in names.into_iter().chain([mark]) {
        let options = RemoveImageOptionsBuilder::default().force(false).build();
        match engine.client.remove_image(&name, Some(options), None).await {
            Ok(_) => {}
            // The engine forgets digests with the last tag of their repository.
            Err(fault) if status(&fault) == Some(404) => {}
            Err(fault) if status(&fault) == Some(409) => return Ok(false),
            Err(fault) => return Err(fault),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: &str, tags: &[&str]) -> ImageSummary {
        let repo_tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        ImageSummary { id: id.into(), repo_tags, ..ImageSummary::default() }
    }

    #[test]
    fn what_was_there_or_had_the_name_before_is_somebody_elses() {
        let reference = Reference::parse("nginx:1").unwrap();
        let is = |before: &[ImageSummary]| is_others(&reference, before, "sha256:new");
        assert!(!is(&[]) && !is(&[image("sha256:old", &["other:1"])]));
        assert!(is(&[image("sha256:new", &["other:1"])]), "the image");
        assert!(is(&[image("sha256:old", &["nginx:1"])]), "the name");
        let mark = "eventflow.invalid/another:00";
        assert!(!is(&[image("sha256:new", &[mark]), image("sha256:old", &["nginx:1", mark])]), "pulled by EventFlow");
    }

    #[test]
    fn an_image_says_whose_it_is() {
        let own = "eventflow.invalid/mine:";
        let folders = [folder(None), "registry.example/built".to_owned()];
        let summary = |tags: &[&str]| ImageSummary {
            repo_digests: vec!["nginx@sha256:d1".into()],
            size: 5,
            ..image("sha256:1d", tags)
        };
        let found = ImageInspect {
            metadata: Some(bollard::models::ImageInspectMetadata {
                last_tag_time: Some("2026-09-21T14:13:20.5Z".into()),
            }),
            ..ImageInspect::default()
        };
        let alone = of(&found, summary(&["eventflow.invalid/mine:1d", "nginx:1", "<none>:<none>"]), own, &folders, 0);
        assert_eq!(
            (alone.tags, alone.digests, alone.size),
            (vec!["nginx:1".to_owned()], vec!["sha256:d1".to_owned()], 5)
        );
        assert!(!alone.is_shared);
        assert_eq!(alone.needed_at.to_rfc3339(), "2026-09-21T14:13:20.500+00:00");
        assert!(
            of(&found, summary(&["eventflow.invalid/mine:1d", "eventflow.invalid/other:1d"]), own, &folders, 0)
                .is_shared
        );
        let built =
            of(&found, summary(&["eventflow.invalid/mine:1d", "eventflow.invalid/default/f:b"]), own, &folders, 0);
        assert!(!built.is_shared && built.tags == built.built_as && built.tags == ["eventflow.invalid/default/f:b"]);
        let names = ["eventflow.invalid/mine:1d", "registry.example/built/default/f:b", "registry.example/other:b"];
        assert_eq!(of(&found, summary(&names), own, &folders, 0).built_as, names[1..2]);
    }
}
