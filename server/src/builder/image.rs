//! Builds of container images: pulls what the reference points to now, and pins it by its digest. Those of a Dockerfile are in
//! [`dockerfile`](super::dockerfile).

use std::sync::Arc;

use domain::capacity::Capacity;
use domain::function::Made;
use domain::function::made::ImageFacts;
use domain::manifest::{Manifest, Runtime};
use domain::text::bytes;
use serde_json::json;

use super::journal::Journal;
use super::trial::Trial;
use super::{Built, Error, Order, manifest};
use crate::artifacts::Failure;
use crate::executor::images::Reference;
use crate::executor::{Code, Executors, Image, ImageBuilder, Images, Login};
use crate::vault;

/// What builds of images need.
pub(super) struct ImageBuilds<'a> {
    pub(super) images: Option<&'a Arc<dyn Images>>,
    pub(super) builder: Option<&'a Arc<dyn ImageBuilder>>,
    pub(super) executors: &'a Executors,
    pub(super) trial: Option<&'a Trial>,
    pub(super) capacity: Option<Capacity>,
}

impl ImageBuilds<'_> {
    /// Pulls the image of an order, and starts it once.
    ///
    /// # Errors
    /// [`Error::Refused`] when there is no such image, it cannot be pulled or does not start.
    pub(super) async fn build(
        &self,
        order: &Order,
        image: &str,
        command: Option<&[String]>,
        journal: &Journal,
    ) -> Result<Built, Error> {
        let manifest = manifest_of(order.manifest.as_ref(), command)?;
        self.pulled(order, image, manifest, journal).await
    }

    /// Pulls an image and starts it once, as this manifest says.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub(super) async fn pulled(
        &self,
        order: &Order,
        image: &str,
        manifest: Manifest,
        journal: &Journal,
    ) -> Result<Built, Error> {
        let reference = Reference::parse(image).map_err(Error::Refused)?;
        self.check(&manifest)?;
        let Some(images) = self.images else {
            return Err(Error::Refused(format!(
                "the image `{image}` cannot be run here: this server has no container engine. Start it with DOCKER_HOST set to that \
                 of one, or give the function's code as a Git repository or a bundle"
            )));
        };
        let login = self.login(order, &reference.registry).await?;
        let with = login.as_ref().map(|_| ", with the namespace's login for its registry").unwrap_or_default();
        journal.log(format!("Pulling {image}{with}")).await;
        let (pulled, _) = journal.follow(|lines| images.pull(image, login, lines)).await;
        let pulled = Image { reference: image.to_owned(), ..pulled? };
        self.finished(order, pulled, manifest, journal).await
    }

    /// Refuses a manifest that asks for more than this host has.
    pub(super) fn check(&self, manifest: &Manifest) -> Result<(), Error> {
        let faults = self.capacity.map_or_else(Vec::new, |capacity| manifest::excesses(manifest, &capacity));
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Error::Manifest { origin: "the manifest".into(), faults }),
        }
    }

    /// Says what an image is, starts it once, and makes it a version.
    pub(super) async fn finished(
        &self,
        order: &Order,
        image: Image,
        mut manifest: Manifest,
        journal: &Journal,
    ) -> Result<Built, Error> {
        journal.log(description(&image)).await;
        if manifest.runtime == Runtime::Docker {
            manifest.port = manifest.port.or(image.port);
        }
        let facts = Some(facts(&image));
        let made = Made::Image { reference: image.reference, digest: image.digest, facts };
        if let (Some(trial), Made::Image { reference, digest, .. }) = (self.trial, &made) {
            let code = Code::Image(domain::function::made::by_digest(reference, digest));
            trial.run(self.executors, order, &manifest, code, journal).await?;
        }
        Ok(Built { made, manifest, commit: None })
    }

    /// The namespace's login for the image's registry, if it has one.
    pub(super) async fn login(&self, order: &Order, registry: &str) -> Result<Option<Login>, Error> {
        let Some(vault) = self.trial.map(|trial| &trial.vault) else { return Ok(None) };
        vault.login(&order.namespace, registry).await.map_err(|error| match error {
            error @ vault::Error::NoLogin { .. } => Error::Refused(error.to_string()),
            error => Failure::other(&format!("read the login for {registry}"), error.to_string()).into(),
        })
    }
}

/// The manifest of an image: what was registered, over the runtime `docker` and the command of the source.
fn manifest_of(given: Option<&domain::Json>, command: Option<&[String]>) -> Result<Manifest, Error> {
    let origin = || "the manifest given at registration".to_owned();
    let mut whole = json!({ "runtime": Runtime::Docker.as_str() });
    if let Some(given) = given {
        manifest::merge(&mut whole, &given.value());
    }
    if let (Some(command), None) = (command, whole.get("command")) {
        whole["command"] = json!(command);
    }
    let manifest = manifest::parse(&whole).map_err(|faults| Error::Manifest { origin: origin(), faults })?;
    match manifest.runtime {
        Runtime::Docker => Ok(manifest),
        other => Err(Error::Refused(format!(
            "an image is run by the runtime `docker`, and {} names `{}`: leave `runtime` out",
            origin(),
            other.as_str()
        ))),
    }
}

/// What is recorded of an image.
fn facts(image: &Image) -> ImageFacts {
    ImageFacts {
        size: image.size,
        layers: u32::try_from(image.layers.len()).unwrap_or(u32::MAX),
        platform: format!("{}/{}", image.os, image.architecture),
        pulled_at: image.pulled.map(|(at, _)| at),
        pull_ms: image.pulled.and_then(|(_, took)| u64::try_from(took.as_millis()).ok()),
    }
}

/// What an image is, for the build's log.
fn description(image: &Image) -> String {
    let layers = image.layers.len();
    let mut text = format!(
        "It is {}: {} in {layers} {}, for {}/{}",
        image.digest,
        bytes(image.size),
        if layers == 1 { "layer" } else { "layers" },
        image.os,
        image.architecture
    );
    if !image.command.is_empty() {
        text += &format!(", starts `{}`", image.command.join(" "));
    }
    if !image.user.is_empty() {
        text += &format!(" as the user {}", image.user);
    }
    if let Some(port) = image.port {
        text += &format!(", listens on port {port}");
    }
    if image.health {
        text += ", says itself whether it is healthy";
    }
    text
}

#[cfg(test)]
mod tests {
    use domain::Json;

    use super::*;

    #[test]
    fn what_was_registered_stands_over_what_an_image_is_by_itself() {
        let of = |given: serde_json::Value, command: Option<&[String]>| manifest_of(Some(&Json::from(&given)), command);
        let command = ["serve".to_owned()];
        let manifest = of(json!({ "env": { "A": "1" } }), Some(&command)).unwrap();
        assert_eq!((manifest.runtime, manifest.command.as_deref()), (Runtime::Docker, Some(&command[..])));
        assert_eq!(manifest.env["A"], "1");
        let own = of(json!({ "runtime": "docker", "command": ["other"] }), Some(&command)).unwrap();
        assert_eq!(own.command, Some(vec!["other".to_owned()]));
        assert_eq!(manifest_of(None, None).unwrap(), Manifest::of(Runtime::Docker));
        let error = of(json!({ "runtime": "node" }), None).unwrap_err().to_string();
        assert!(
            error.contains("run by the runtime `docker`, and the manifest given at registration names `node`"),
            "{error}"
        );
        assert!(of(json!({ "handler": "index.handler" }), None).is_err());
    }
}
