//! Builds of functions whose source is a Dockerfile: the files, the arguments and the logins that their image is built with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::manifest::Manifest;
use domain::text::{self, bytes};
use tokio::time::{Instant, timeout_at};

use super::image::ImageBuilds;
use super::journal::Journal;
use super::scratch::Scratch;
use super::{Built, Error, Order, files, install};
use crate::executor::images::{Context, Dockerfile, Extent, Recipe, Reference};
use crate::executor::{Image, Login};
use crate::vault::Secret;

/// The file that says how the image is built, where the manifest names none.
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
    /// The base image, if the Dockerfile is not the author's but was made here.
    pub(super) generated: Option<Base>,
}

/// The image that a Dockerfile of ours begins with.
pub(super) struct Base {
    /// Its name.
    pub(super) image: String,
    /// The setting that names it.
    pub(super) setting: &'static str,
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
            if source.generated.is_some() {
                return Err(Error::Refused(format!(
                    "functions of files become images on this server (EVENTFLOW_BUILD, EVENTFLOW_EXECUTOR), and it has no container engine to \
                     build the `{}` function by: see to it that one answers at DOCKER_HOST, and start the server again",
                    source.manifest.runtime.as_str()
                )));
            }
            return Err(Error::Refused(format!(
                "the runtime is `docker`, and nothing here makes an image out of a {FILE}: this server has no container engine. Start it with \
                 DOCKER_HOST set to that of one, or say another runtime in function.json, such as `command`"
            )));
        };
        let Source { folder, manifest, secrets, generated } = source;
        // Of files that become an image the Dockerfile is our own.
        let build = Some(&manifest.build).filter(|_| generated.is_none());
        let name = build.and_then(|build| build.dockerfile.clone()).unwrap_or_else(|| FILE.to_owned());
        let target = build.and_then(|build| build.target.clone());
        let dockerfile = read(&folder, &name, target.as_deref()).map_err(|error| in_file(error, &name))?;
        let until = Instant::now() + bounds.within;
        let too_long = |_| {
            let seconds = bounds.within.as_secs();
            Error::Refused(format!(
                "building the image took more than {seconds} s and was ended (the limit is EVENTFLOW_BUILD_TIMEOUT)"
            ))
        };
        let context = timeout_at(until, context(&folder, &name, bounds.context, generated.is_some(), scratch)).await;
        let (context, extent) = context.map_err(too_long)??;
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
            target,
            path: folder.join(&name),
            context,
            arguments: manifest.build.env.clone(),
            secrets: secrets.into_iter().map(|secret| (secret.name, secret.value.to_string())).collect(),
            logins,
            memory_mb: bounds.memory_mb,
            max_bytes: bounds.image,
            reproducible: generated.is_some(),
            scratch: scratch.path("image"),
        };
        // Dropping it ends the build where it runs.
        let build = journal.follow(|lines| builder.build(recipe, lines));
        let (image, tail): (Result<Image, _>, _) = timeout_at(until, build).await.map_err(too_long)?;
        let image = match (image.map_err(Error::from), &generated) {
            (Err(Error::Refused(why)), Some(base)) => return Err(Error::Refused(base.explained(&why, &tail))),
            (image, _) => image.map_err(|error| in_file(error, &name))?,
        };
        self.finished(order, image, manifest, journal).await
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

impl Base {
    /// Why an image could not be built, for an author who knows no Dockerfile.
    fn explained(&self, why: &str, tail: &[String]) -> String {
        if let Some(why) = why.strip_prefix("Dockerfile, line 1: ") {
            return format!("the base image {} ({}): {why}", self.image, self.setting);
        }
        // `--mount=…` of secrets comes first, which is no part of the command.
        let command =
            why.split_once("`RUN ").map(|(_, rest)| rest.split(' ').skip_while(|word| word.starts_with("--")));
        let command = command.map(|words| words.take(2).collect::<Vec<_>>().join(" "));
        let explained = command.and_then(|command| install::explained(&command, tail));
        explained.unwrap_or_else(|| why.replacen("Dockerfile, line", "the Dockerfile above, line", 1))
    }
}

/// The Dockerfile at this path below the folder.
fn read(folder: &Path, path: &str, target: Option<&str>) -> Result<Dockerfile, Error> {
    let no_file = || {
        let what = if path == FILE { "add one" } else { "correct `dockerfile` of `build`" };
        Error::Refused(format!(
            "the runtime is `docker`, and there is no {path} in the function's folder: {what}, or name an `image` in function.json"
        ))
    };
    let (above, name) = path.rsplit_once('/').map_or((None, path), |(above, name)| (Some(above), name));
    // A link on the way may lead out of the source.
    let holder = above.map_or_else(|| Ok(folder.to_owned()), |above| files::real_folder(folder, Path::new(above)));
    let text = files::text(&holder.map_err(|_| no_file())?, name)?.ok_or_else(no_file)?;
    let dockerfile = Dockerfile::parse(text.as_bytes()).map_err(|fault| Error::Refused(fault.to_string()))?;
    let stages = dockerfile.stages();
    match target.filter(|target| stages.iter().all(|stage| !stage.eq_ignore_ascii_case(target))) {
        None => Ok(dockerfile),
        Some(target) => Err(Error::Refused(format!(
            "`target` of `build` is `{target}`, and {path} has no stage of that name; {}",
            match stages.as_slice() {
                [] => "it names none: write `FROM … AS NAME`".to_owned(),
                stages => text::shown(&format!("those that it names are {}", stages.join(", "))),
            }
        ))),
    }
}

/// An error that names the Dockerfile as the author does.
fn in_file(error: Error, name: &str) -> Error {
    match error {
        Error::Refused(why) => Error::Refused(match why.strip_prefix("Dockerfile, line ") {
            Some(rest) => format!("{name}, line {rest}"),
            None => why,
        }),
        other => other,
    }
}

/// The files that the image is built from.
async fn context(
    folder: &Path,
    dockerfile: &str,
    most: u64,
    is_generated: bool,
    scratch: &Scratch,
) -> Result<(Context, Extent), Error> {
    let (folder, dockerfile) = (folder.to_owned(), dockerfile.to_owned());
    scratch
        .block(move |hold| {
            // It may say where the source is from, and with which password.
            files::remove(&folder.join(".git")).map_err(Error::failed("remove .git"))?;
            let failed = || Error::failed("read the files that the image is built from");
            let context = Context::of(folder, &dockerfile).map_err(failed())?.map_err(Error::Refused)?;
            let too_many = |why: String| match is_generated {
                true => format!(
                    "the function's files have more than {}: take out what it does not need (the limit is EVENTFLOW_MAX_BUILD_CONTEXT)",
                    bytes(most)
                ),
                false => why,
            };
            let extent = context.measure(most, || hold.go_on()).map_err(failed())?;
            let extent = extent.map_err(|why| Error::Refused(too_many(why)))?;
            Ok((context, extent))
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_what_was_made_here_are_told_in_the_words_of_the_author() {
        let base = Base { image: "node:22".into(), setting: "EVENTFLOW_IMAGE_NODE" };
        let told = base.explained("Dockerfile, line 1: there is no image node:22", &[]);
        assert_eq!(told, "the base image node:22 (EVENTFLOW_IMAGE_NODE): there is no image node:22");
        let why = "Dockerfile, line 5 (step 5/9, `RUN --mount=type=secret,id=A npm ci && rm -rf /tmp/build`): it ended with exit code 1";
        let tail = ["npm error ETARGET No matching version found for a@9.".to_owned()];
        assert!(base.explained(why, &tail).starts_with("`npm ci` failed: there is no version `a@9`"));
        assert!(base.explained(why, &[]).starts_with("the Dockerfile above, line 5 (step 5/9"));
    }
}
