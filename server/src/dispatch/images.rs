//! Removes images from this server's engine that no version needs any more: those that were pulled for functions, and that nobody
//! else has. A reconciler without input; every server does it for its own engine.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::text::bytes;

use super::tools::Tools;
use crate::clock;
use crate::executor::Stream;
use crate::executor::images::{Fate, Images, Stored, Wanted};
use crate::keeping::stored::{Origin, store_lines};
use crate::operations::wanted_images;
use crate::store::{ImageUse, NewLine};

/// How often it is looked for images that are not needed.
const EVERY: Duration = Duration::from_secs(600);

/// The most functions whose logs tell that an image was removed.
const MAX_TOLD: usize = 100;

/// Removes what is not needed, until dropped.
pub(super) async fn forever(tools: Tools) {
    let Some(images) = tools.builder.images().cloned() else { return };
    let mut timer = tokio::time::interval(EVERY);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        if let Err(error) = sweep(&tools, &images).await {
            tracing::warn!(%error, "images that nothing needs are not removed yet; retrying");
        }
    }
}

async fn sweep(tools: &Tools, images: &Arc<dyn Images>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let keep = tools.retention;
    // The engine first: a version that is made meanwhile counts.
    let stored = images.stored().await?;
    let uses = tools.store.image_uses(keep.versions).await?;
    let now = clock::now();
    let removed = remove_due(images.as_ref(), stored, &wanted_images(&uses, keep.artifacts), now).await;
    for image in removed {
        tracing::info!(image = name(&image), size_bytes = image.size, "image removed from the engine");
        store_lines(&tools.store, lines(&uses, &image, &tools.node, now)).await;
    }
    Ok(())
}

/// Removes those whose time is over; returns them. What the engine does not do now is tried again next time.
async fn remove_due(images: &dyn Images, stored: Vec<Stored>, wanted: &Wanted, now: DateTime<Utc>) -> Vec<Stored> {
    let mut removed = Vec::new();
    for image in stored {
        let done = match wanted.fate(&image) {
            Fate::Needed if is_old(image.needed_at, wanted.retain, now) => {
                images.mark_needed(&image).await.map(|()| false)
            }
            Fate::Goes(at) if at <= now => images.remove(&image).await,
            Fate::Needed | Fate::Used(_) | Fate::Goes(_) => Ok(false),
        };
        match done {
            Ok(true) => removed.push(image),
            Ok(false) => {}
            Err(error) => tracing::warn!(image = name(&image), %error, "image not removed, or not noted as needed"),
        }
    }
    removed
}

/// Whether it is worth noting again that an image is needed.
fn is_old(needed_at: DateTime<Utc>, kept: Duration, now: DateTime<Utc>) -> bool {
    TimeDelta::from_std(kept / 4).is_ok_and(|quarter| now - needed_at > quarter)
}

fn name(image: &Stored) -> &str {
    image.tags.first().unwrap_or(&image.id)
}

/// What the logs of those functions say whose versions were this image.
fn lines(uses: &[ImageUse], image: &Stored, node: &str, at: DateTime<Utc>) -> Vec<NewLine> {
    let is_it = |digest: &String| image.digests.contains(digest) || *digest == image.id;
    let mut lines: Vec<NewLine> = Vec::new();
    // They come by function, the newest version last.
    for version in uses.iter().filter(|version| is_it(&version.digest)).rev() {
        if lines.last().is_some_and(|line| line.function == version.function) {
            continue;
        }
        if lines.len() == MAX_TOLD {
            break;
        }
        let origin =
            Origin { function: version.function, namespace: version.namespace.clone(), build: None, instance: None };
        let text = format!(
            "The image {} of version {} ({}, {}) was removed from the engine of server {node}: no version that is kept needs it",
            version.reference,
            version.number,
            version.digest,
            bytes(image.size)
        );
        lines.push(origin.line(None, Stream::System, at, text));
    }
    lines
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use domain::function;
    use parking_lot::Mutex;

    use super::*;
    use crate::executor::{self, Image, Lines, Login};

    /// An engine that notes what it is asked.
    #[derive(Default)]
    struct Engine(Mutex<Vec<String>>);

    #[async_trait]
    impl Images for Engine {
        async fn pull(&self, _: &str, _: Option<Login>, _: Lines) -> Result<Image, executor::Error> {
            Err(executor::Error::Refused("nothing is pulled here".into()))
        }

        async fn stored(&self) -> Result<Vec<Stored>, executor::Error> {
            Ok(Vec::new())
        }

        async fn mark_needed(&self, image: &Stored) -> Result<(), executor::Error> {
            self.0.lock().push(format!("mark {}", image.id));
            Ok(())
        }

        async fn remove(&self, image: &Stored) -> Result<bool, executor::Error> {
            self.0.lock().push(format!("remove {}", image.id));
            Ok(image.id != "in use")
        }
    }

    fn stored(id: &str, needed_at: DateTime<Utc>) -> Stored {
        Stored {
            id: id.into(),
            tags: Vec::new(),
            others: Vec::new(),
            digests: vec![format!("digest of {id}")],
            size: 2048,
            needed_at,
            containers: 0,
            is_shared: false,
        }
    }

    #[tokio::test]
    async fn what_nothing_has_needed_for_its_time_goes_and_what_is_needed_is_noted() {
        let (engine, now) = (Engine::default(), clock::now());
        let retain = Duration::from_secs(24 * 3600);
        let long_ago = now - TimeDelta::days(2);
        let digests = ["digest of old and needed", "digest of needed"].map(str::to_owned).into();
        let wanted = Wanted { digests, retain };
        let all = vec![
            stored("old and needed", long_ago),
            stored("needed", now),
            stored("new", now - TimeDelta::hours(1)),
            stored("old", long_ago),
            stored("in use", long_ago),
            Stored { containers: 1, ..stored("of a container", long_ago) },
            Stored { others: vec!["prod:1".into()], ..stored("named by somebody", long_ago) },
        ];
        let removed = remove_due(&engine, all, &wanted, now).await;
        assert_eq!(removed.iter().map(|image| image.id.as_str()).collect::<Vec<_>>(), ["old"]);
        assert_eq!(*engine.0.lock(), ["mark old and needed", "remove old", "remove in use"]);
    }

    #[test]
    fn each_function_is_told_once_that_its_image_is_gone() {
        let version = |name: &str, number, digest: &str| ImageUse {
            function: function::id("default", name, 1),
            namespace: "default".into(),
            number,
            reference: "nginx:1".into(),
            digest: digest.into(),
            needed: false,
        };
        let versions = vec![
            version("a", 1, "sha256:d1"),
            version("a", 2, "sha256:d1"),
            version("a", 3, "sha256:d2"),
            version("b", 1, "sha256:d2"),
            version("c", 7, "sha256:d1"),
        ];
        let image = Stored { digests: vec!["sha256:d1".into()], ..stored("sha256:1d", clock::now()) };
        let told = lines(&versions, &image, "node-1", clock::now());
        let told: Vec<_> = told.iter().map(|line| (line.function, line.text.as_str())).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!((told[0].0, told[1].0), (function::id("default", "c", 1), function::id("default", "a", 1)));
        assert!(told[1].1.starts_with("The image nginx:1 of version 2 (sha256:d1, "), "{told:?}");
    }

    #[test]
    fn what_is_needed_is_noted_now_and_then() {
        let now = clock::now();
        let since = |seconds| is_old(now - TimeDelta::seconds(seconds), Duration::from_secs(400), now);
        assert_eq!((since(99), since(101)), (false, true));
    }
}
