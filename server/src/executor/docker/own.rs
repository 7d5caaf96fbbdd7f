//! The images that were pulled or built for functions, as the engine itself knows them: by a mark, which is one more name.
//! Another mark tells of each name that a pull has given an image: whatever somebody else has named keeps its name.
//!
//! So the engine says what is whose, also to other servers and to people (`docker images`), and keeps an image as long as another
//! installation has marked it. Removing by hand removes the mark as well, and `docker image prune` leaves marked images alone.

use std::collections::{HashMap, HashSet};

use bollard::errors::Error as Fault;
use bollard::models::{ImageInspect, ImageSummary};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptions, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

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
    if is_others(reference, before, id) {
        return;
    }
    // First, so that what is marked has its name told.
    if let Some(name) = reference.tag().filter(|_| !is_named_by_others(reference, before))
        && let Err(error) = tag(engine, id, &pull_of(&name)).await
    {
        tracing::warn!(image = id, %error, "an image that was pulled is not marked as such, and will not be removed");
    }
    mark_made(engine, id).await;
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

/// Whether the name of a pull was there `before`, and no pull had made it.
fn is_named_by_others(reference: &Reference, before: &[ImageSummary]) -> bool {
    let Some(pull) = reference.tag().map(|name| pull_of(&name)) else { return false };
    let is_it = |image: &&ImageSummary| image.repo_tags.iter().any(|tag| reference.is_tag(tag));
    before.iter().filter(is_it).any(|image| !Marks::of(&image.repo_tags, "").has(&pull))
}

/// Gives an image this installation's mark; the engine notes when.
pub(super) async fn mark(engine: &Engine, id: &str) -> Result<(), Fault> {
    tag(engine, id, hex_of(id)).await
}

async fn tag(engine: &Engine, id: &str, mark: &str) -> Result<(), Fault> {
    let options = TagImageOptionsBuilder::default().repo(&marks_of(engine)).tag(mark).build();
    engine.client.tag_image(id, Some(options)).await
}

/// The tag of the mark that says that a pull made this name. A name may be longer than a tag, and has other characters.
fn pull_of(name: &str) -> String {
    format!("pulled-{}", hex::encode(Sha256::digest(name)))
}

/// The marks of an image.
#[derive(Debug, Default)]
struct Marks<'a> {
    /// The tags of this installation's.
    own: HashSet<&'a str>,
    /// The tags of those of other installations.
    others: HashSet<&'a str>,
}

impl<'a> Marks<'a> {
    /// The marks among these names, where this is the repository of this installation's.
    fn of(names: &'a [String], repository: &str) -> Self {
        let mut marks = Self::default();
        let all = names.iter().filter(|name| is_mark(name)).filter_map(|mark| mark.rsplit_once(':'));
        for (whose, tag) in all {
            if whose == repository { &mut marks.own } else { &mut marks.others }.insert(tag);
        }
        marks
    }

    /// Whether any installation has a mark with this tag.
    fn has(&self, tag: &str) -> bool {
        self.own.contains(tag) || self.others.contains(tag)
    }
}

/// Who has given an image a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Giver {
    /// A pull of this installation alone.
    OwnPull,
    /// A build, or a pull of another installation.
    EventFlow,
    /// Somebody else.
    Another,
}

fn giver(name: &str, marks: &Marks<'_>, folders: &[String]) -> Giver {
    let Ok(reference) = Reference::parse(name) else { return Giver::Another };
    if folders.iter().any(|folder| reference.is_below(folder)) {
        return Giver::EventFlow;
    }
    let pull = reference.tag().map(|name| pull_of(&name)).unwrap_or_default();
    match (marks.own.contains(pull.as_str()), marks.others.contains(pull.as_str())) {
        (true, false) => Giver::OwnPull,
        (_, true) => Giver::EventFlow,
        (false, false) => Giver::Another,
    }
}

/// The folders of built images.
fn folders(engine: &Engine) -> [String; 2] {
    [folder(None), folder(engine.registry.as_ref())]
}

/// The names among an image's that are no marks. An image without a name has one that says so.
fn names_of(tags: &[String]) -> impl Iterator<Item = &String> {
    tags.iter().filter(|tag| !is_mark(tag) && !tag.starts_with("<none>"))
}

/// The repository of this installation's marks; the tag of each is the image's id, or tells of a pull.
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
    let own = marks_of(engine);
    let is_marked = |image: &ImageSummary| !Marks::of(&image.repo_tags, &own).own.is_empty();
    let marked: Vec<_> = all(engine).await?.into_iter().filter(is_marked).take(MAX_STORED).collect();
    if marked.is_empty() {
        return Ok(Vec::new());
    }
    let options = ListContainersOptionsBuilder::default().all(true).build();
    let mut containers: HashMap<String, usize> = HashMap::new();
    for container in engine.client.list_containers(Some(options)).await? {
        *containers.entry(container.image_id.unwrap_or_default()).or_default() += 1;
    }
    let folders = folders(engine);
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
    let marks = Marks::of(&image.repo_tags, own);
    let is_others = |tag: &&String| giver(tag, &marks, folders) == Giver::Another;
    let digests = image.repo_digests.iter().filter_map(|name| name.rsplit_once('@'));
    Stored {
        digests: digests.map(|(_, digest)| digest.to_owned()).collect(),
        id: image.id,
        tags: names_of(&image.repo_tags).cloned().collect(),
        others: names_of(&image.repo_tags).filter(is_others).cloned().collect(),
        size: u64::try_from(image.size).unwrap_or_default(),
        // An engine that does not tell has it needed now, and so for ever.
        needed_at: marked_at.filter(|at| *at > DateTime::<Utc>::UNIX_EPOCH).unwrap_or_else(clock::now),
        containers,
        is_shared: !marks.others.is_empty(),
    }
}

/// Removes an image that nobody else has, with its names; the mark goes last, so that what is left of it is found again.
/// Returns false when the engine keeps it, because a container was made of it meanwhile, or it got a name from somebody else.
pub(super) async fn remove(engine: &Engine, image: &Stored) -> Result<bool, Fault> {
    let found = match engine.client.inspect_image(&image.id).await {
        Ok(found) => found,
        Err(fault) if status(&fault) == Some(404) => return Ok(true),
        Err(fault) => return Err(fault),
    };
    let tags = found.repo_tags.unwrap_or_default();
    let digests = found.repo_digests.unwrap_or_default();
    let Some(names) = to_remove(&image.id, &tags, digests, &marks_of(engine), &folders(engine)) else {
        return Ok(false);
    };
    for name in names {
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

/// The names that this installation takes from an image, in order; `None` if somebody else has named it.
fn to_remove(id: &str, tags: &[String], digests: Vec<String>, own: &str, folders: &[String]) -> Option<Vec<String>> {
    let marks = Marks::of(tags, own);
    let given: Vec<_> = names_of(tags).map(|tag| (tag, giver(tag, &marks, folders))).collect();
    if given.iter().any(|(_, giver)| *giver == Giver::Another) {
        return None;
    }
    let is_shared = !marks.others.is_empty();
    // What another installation has pulled, or may have built, is left to it.
    let goes = |giver: &Giver| !is_shared || *giver == Giver::OwnPull;
    let names = given.iter().filter(|(_, giver)| goes(giver)).map(|(tag, _)| (*tag).clone());
    let digests = digests.into_iter().filter(|_| !is_shared);
    let last = hex_of(id);
    let mut told: Vec<_> = marks.own.iter().filter(|tag| **tag != last).collect();
    told.sort_unstable();
    let told = told.into_iter().map(|tag| format!("{own}:{tag}"));
    Some(names.chain(digests).chain(told).chain([format!("{own}:{last}")]).collect())
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
        let own = "eventflow.invalid/mine";
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
        let pulled = format!("{own}:{}", pull_of("nginx:1"));
        let names = ["eventflow.invalid/mine:1d", "nginx:1", "<none>:<none>", &pulled];
        let alone = of(&found, summary(&names), own, &folders, 0);
        assert_eq!(
            (alone.tags, alone.others, alone.digests, alone.size),
            (vec!["nginx:1".to_owned()], Vec::new(), vec!["sha256:d1".to_owned()], 5)
        );
        assert!(!alone.is_shared);
        assert_eq!(alone.needed_at.to_rfc3339(), "2026-09-21T14:13:20.500+00:00");
        let of = |names: &[&str]| of(&found, summary(names), own, &folders, 0);
        assert!(of(&["eventflow.invalid/mine:1d", "eventflow.invalid/other:1d"]).is_shared);
        let built = of(&["eventflow.invalid/mine:1d", "eventflow.invalid/default/f:b"]);
        assert!(!built.is_shared && built.others.is_empty() && built.tags == ["eventflow.invalid/default/f:b"]);
        let names = ["eventflow.invalid/mine:1d", "registry.example/built/default/f:b", "registry.example/other:b"];
        assert_eq!(of(&names).others, names[2..], "neither built nor pulled");
        let named = ["eventflow.invalid/mine:1d", "nginx:1", "prod:1", &pulled];
        assert_eq!(of(&named).others, ["prod:1"]);
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_name_is_a_pulls_if_the_pull_made_it() {
        let reference = Reference::parse("docker.io/library/nginx:1").unwrap();
        let is = |before: &[ImageSummary]| is_named_by_others(&reference, before);
        let mark = format!("eventflow.invalid/another:{}", pull_of("nginx:1"));
        assert!(!is(&[]) && !is(&[image("sha256:old", &["other:1"])]));
        assert!(!is(&[image("sha256:old", &["nginx:1", &mark])]), "a pull made it before");
        assert!(is(&[image("sha256:old", &["nginx:1", "eventflow.invalid/mine:old"])]), "somebody named it so");
        assert!(is(&[image("sha256:old", &["nginx:1"]), image("sha256:b", &[&mark])]), "the pull's name is gone");
        let longest = Reference::parse(&format!("registry.example/{}:1", "a".repeat(400))).unwrap();
        assert!(pull_of(&longest.tag().unwrap()).len() <= 128);
    }

    #[test]
    fn names_go_before_the_mark_and_those_of_others_keep_the_image() {
        let (own, folders) = ("eventflow.invalid/mine", [folder(None)]);
        let take = |tags: &[&str]| to_remove("sha256:1d", &strings(tags), strings(&["a@sha256:d"]), own, &folders);
        let mine = |name: &str| format!("{own}:{}", pull_of(name));
        let theirs = |name: &str| format!("eventflow.invalid/other:{}", pull_of(name));
        let (a, b) = (mine("a:1"), mine("b:1"));
        let mark = "eventflow.invalid/mine:1d";
        let built = "eventflow.invalid/default/f:b";
        assert_eq!(take(&[mark, &a, "a:1", built]).unwrap(), ["a:1", built, "a@sha256:d", &a, mark]);
        assert_eq!(take(&[mark, &a, "a:1", "prod:1"]), None);
        let others = [theirs("b:1"), theirs("c:1")];
        let shared = [mark, &a, &b, "a:1", "b:1", "c:1", "eventflow.invalid/other:1d", &others[0], &others[1]];
        let taken = take(&shared).unwrap();
        assert_eq!((&taken[0], taken.last().unwrap().as_str(), taken.len()), (&"a:1".to_owned(), mark, 4), "{taken:?}");
    }
}
