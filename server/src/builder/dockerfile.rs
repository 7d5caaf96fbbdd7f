//! Builds of functions whose source is a Dockerfile: the files, the arguments and the logins that their image is built with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::manifest::Manifest;
use domain::text::bytes;
use tokio::time::timeout;

use super::image::ImageBuilds;
use super::journal::Journal;
use super::scratch::Scratch;
use super::{Built, Error, Order, files};
use crate::executor::images::{Context, Dockerfile, Extent, Recipe, Reference};
use crate::executor::{Image, Login};
use crate::vault::Secret;

/// The file that says how the image is built.
pub(super) const FILE: &str = "Dockerfile";

/// What bounds the build of an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Bytes of the files that it is built from.
    pub(super) context: u64,
    /// Bytes of the image, where it passes through this host.
    pub(super) image: u64,
    /// Mebibytes of memory for each command.
    pub(super) memory_mb: u64,
    /// For all of it.
    pub(super) within: Duration,
}

/// A source with a Dockerfile.
pub(super) struct Source {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
    /// The secrets that its commands may read.
    pub(super) secrets: Vec<Secret>,
}

impl ImageBuilds<'_> {
    /// Builds an image, and starts it once.
    ///
    /// # Errors
    /// [`Error::Refused`] for what the author can change, with the line of the Dockerfile.
    pub(super) async fn built(
        &self,
        order: &Order,
        source: Source,
        bounds: Bounds,
        scratch: &Scratch,
        journal: &Journal,
    ) -> Result<Built, Error> {
        self.check(&source.manifest)?;
        let Some(builder) = self.builder else {
            return Err(Error::Refused(format!(
                "the runtime is `docker`, and nothing here makes an image out of a {FILE}: this server has no container engine. Start it with \
                 DOCKER_HOST set to that of one, or say another runtime in function.json, such as `command`"
            )));
        };
        let Source { folder, manifest, secrets } = source;
        let Some(text) = files::text(&folder, FILE)? else {
            return Err(Error::Refused(format!(
                "the runtime is `docker`, and there is no {FILE} in the function's folder: add one, or name an `image` in function.json"
            )));
        };
        let dockerfile = Dockerfile::parse(text.as_bytes()).map_err(|fault| Error::Refused(fault.to_string()))?;
        let (context, extent) = context(&folder, bounds.context, scratch).await?;
        let logins = self.logins(order, &dockerfile, &manifest.build.env).await?;
        journal
            .log(format!(
                "Building the image by {}, from {} files with {}",
                builder.describe(),
                extent.files,
                bytes(extent.bytes)
            ))
            .await;
        let recipe = Recipe {
            build: order.build.to_string(),
            namespace: order.namespace.clone(),
            function: order.name.clone(),
            dockerfile,
            path: folder.join(FILE),
            context,
            arguments: manifest.build.env.clone(),
            secrets: secrets.into_iter().map(|secret| (secret.name, secret.value.to_string())).collect(),
            logins,
            memory_mb: bounds.memory_mb,
            max_bytes: bounds.image,
            reproducible: false,
            scratch: scratch.path("image"),
        };
        // Dropping it ends the build where it runs.
        let build = journal.follow(|lines| builder.build(recipe, lines));
        let (image, _): (Result<Image, _>, _) = timeout(bounds.within, build).await.map_err(|_| {
            let seconds = bounds.within.as_secs();
            Error::Refused(format!(
                "building the image took more than {seconds} s and was ended (the limit is EVENTFLOW_BUILD_TIMEOUT)"
            ))
        })?;
        self.finished(order, image?, manifest, journal).await
    }

    /// The namespace's logins for the registries that the Dockerfile seems to use.
    async fn logins(
        &self,
        order: &Order,
        dockerfile: &Dockerfile,
        arguments: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Login>, Error> {
        let names = dockerfile.likely_images(arguments);
        let registries: BTreeSet<String> =
            names.iter().filter_map(|name| Reference::parse(name).ok()).map(|reference| reference.registry).collect();
        let mut logins = BTreeMap::new();
        for registry in registries {
            if let Some(login) = self.login(order, &registry).await? {
                logins.insert(registry, login);
            }
        }
        Ok(logins)
    }
}

/// The files that the image is built from.
async fn context(folder: &Path, most: u64, scratch: &Scratch) -> Result<(Context, Extent), Error> {
    let folder = folder.to_owned();
    scratch
        .block(move |hold| {
            // It may say where the source is from, and with which password.
            files::remove(&folder.join(".git")).map_err(Error::failed("remove .git"))?;
            let failed = || Error::failed("read the files that the image is built from");
            let context = Context::of(folder).map_err(failed())?.map_err(Error::Refused)?;
            let extent = context.measure(most, || hold.go_on()).map_err(failed())?.map_err(Error::Refused)?;
            Ok((context, extent))
        })
        .await
}
