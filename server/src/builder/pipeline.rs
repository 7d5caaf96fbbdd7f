//! One build from its order to its artifact.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::function::{Made, OfferedFolder, event::Source};
use domain::manifest::{Manifest, Runtime};
use domain::text::bytes;
use tokio::sync::Semaphore;

use super::cache::{Cache, Shelf};
use super::detect::{self, Step, Toolchains};
use super::dockerfile::{self, Bounds};
use super::image::ImageBuilds;
use super::inspect::{self, Completed, Found, Question};
use super::install::{self, Answers, Given, Nodes, Tools};
use super::journal::Journal;
use super::packed::{self, Files};
use super::scratch::{Scratch, Yard};
use super::source::{self, Git, Policy, Taken};
use super::trial::Trial;
use super::{Bases, Built, Error, Order, Settings, files, folders, leaks, manifest, survey};
use crate::artifacts::{Artifacts, Failure, Limits};
use crate::executor::{Code, Executors, ImageBuilder, Images, Lines, Workbench};
use crate::vault::{self, Secret, Vault};

/// Builds versions. Cheap to clone.
#[derive(Clone)]
pub struct Builder(Arc<Inner>);

struct Inner {
    artifacts: Artifacts,
    git: Git,
    cache: Cache,
    tools: Tools,
    /// What versions run in, later.
    executors: Executors,
    yard: Arc<Yard>,
    permits: Semaphore,
    settings: Settings,
    toolchains: Toolchains,
    /// Fetches images; absent where no engine runs them.
    images: Option<Arc<dyn Images>>,
    /// Builds images; absent where nothing does.
    image_builder: Option<Arc<dyn ImageBuilder>>,
    trial: Option<Trial>,
}

impl Builder {
    /// Prepares the folders below `data_dir`, and removes what builds of a killed server left there.
    ///
    /// # Errors
    /// [`Error::Failed`] when the folders cannot be written.
    pub fn new(
        workbench: Arc<dyn Workbench>,
        executors: Executors,
        data_dir: &Path,
        settings: Settings,
    ) -> Result<Self, Error> {
        let failed = |what: &str| Error::failed(format!("{what} in {}", data_dir.display()));
        std::fs::create_dir_all(data_dir).map_err(failed("make the data folder"))?;
        let data_dir = data_dir.canonicalize().map_err(failed("find the data folder"))?;
        let artifacts_dir = settings.artifacts_dir.clone().unwrap_or_else(|| data_dir.clone());
        let unusable = |error| Error::failed(format!("use the folder {}", artifacts_dir.display()))(error);
        std::fs::create_dir_all(&artifacts_dir).map_err(unusable)?;
        let artifacts_dir = artifacts_dir.canonicalize().map_err(unusable)?;
        let artifacts = match settings.artifact_cache {
            None => Artifacts::open(&artifacts_dir, settings.room)?,
            Some(most) => Artifacts::open_with_cache(&artifacts_dir, settings.room, &data_dir.join("copies"), most)?,
        };
        let yard = Yard::claim(&data_dir.join("builds")).map_err(failed("make a folder for builds"))?;
        let policy = Policy { outward: settings.git_allow.clone(), local: settings.local_repositories };
        let git = Git::new(workbench.clone(), settings.memory_mb, policy);
        let cache_dir = settings.cache_dir.clone().unwrap_or_else(|| data_dir.join("cache"));
        let cache = Cache::new(&cache_dir, settings.max_cache_bytes);
        let cache = cache.map_err(Error::failed(format!("make the folder {}", cache_dir.display())))?;
        let nodes = Nodes::new(&cache_dir.join("node")).map_err(Error::failed("make a folder for versions of Node"))?;
        let tools = Tools {
            workbench,
            answers: Answers::default(),
            nodes: Arc::new(nodes),
            env: settings.install_env.clone(),
            timeout: settings.install_timeout,
            memory_mb: settings.memory_mb,
            max_bytes: settings.max_disk_bytes,
            max_files: settings.max_files as u64,
        };
        let permits = Semaphore::new(settings.parallel.max(1));
        let yard = Arc::new(yard);
        let inner = Inner {
            artifacts,
            git,
            cache,
            tools,
            executors,
            yard,
            permits,
            settings,
            toolchains: survey::toolchains(false),
            images: None,
            image_builder: None,
            trial: None,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// As [`Self::new`], with another program for SSH.
    #[cfg(test)]
    pub(super) fn with_ssh(
        workbench: Arc<dyn Workbench>,
        executors: Executors,
        data_dir: &Path,
        settings: Settings,
        ssh: PathBuf,
    ) -> Result<Self, Error> {
        let Self(inner) = Self::new(workbench, executors, data_dir, settings)?;
        let inner = Arc::into_inner(inner).expect("nobody else has it yet");
        Ok(Self(Arc::new(Inner { git: inner.git.with_ssh(ssh), ..inner })))
    }

    /// Starts what was built once, with its secrets, before it counts as a version. It must answer within `ready_within`.
    #[must_use]
    pub fn with_trials(self, vault: Vault, ready_within: Duration) -> Self {
        let Self(inner) = self;
        let inner = Arc::into_inner(inner).expect("it is set up before it is shared");
        Self(Arc::new(Inner { trial: Some(Trial { vault, ready_within }), ..inner }))
    }

    /// Builds functions that are images, too, which are fetched by this.
    #[must_use]
    pub fn with_images(self, images: Arc<dyn Images>) -> Self {
        let Self(inner) = self;
        let inner = Arc::into_inner(inner).expect("it is set up before it is shared");
        Self(Arc::new(Inner { images: Some(images), ..inner }))
    }

    /// Builds images out of a Dockerfile, too, by this.
    #[must_use]
    pub fn with_image_builder(self, builder: Arc<dyn ImageBuilder>) -> Self {
        let Self(inner) = self;
        let inner = Arc::into_inner(inner).expect("it is set up before it is shared");
        let toolchains = Toolchains { images: true, ..inner.toolchains };
        Self(Arc::new(Inner { image_builder: Some(builder), toolchains, ..inner }))
    }

    /// Whether a repository's address may be a function's source, as far as that is known without resolving names.
    ///
    /// # Errors
    /// For people: why not.
    pub fn check_repository(&self, url: &str) -> Result<(), String> {
        self.0.git.check(url)
    }

    /// What was made and what was uploaded.
    pub fn artifacts(&self) -> &Artifacts {
        &self.0.artifacts
    }

    /// What fetches images, where an engine runs them.
    pub fn images(&self) -> Option<&Arc<dyn Images>> {
        self.0.images.as_ref()
    }

    /// What is too much in a manifest, for this host.
    pub fn excesses(&self, manifest: &Manifest) -> Vec<manifest::Fault> {
        self.0.settings.capacity.map_or_else(Vec::new, |capacity| manifest::excesses(manifest, &capacity))
    }

    /// Makes a version; waits while as many builds run as may. Its log goes to `lines`, and is complete when this returns;
    /// a reader that is gone holds up nothing. Dropping the future calls the build off: all that it started ends, and
    /// its folder goes.
    ///
    /// # Errors
    /// [`Error::is_refused`] distinguishes the author's faults from this host's.
    pub async fn build(&self, order: Order, lines: Lines) -> Result<Built, Error> {
        let inner = &*self.0;
        let journal = Journal::new(lines, inner.settings.max_log_bytes);
        let permit = match inner.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                journal.log("Waiting for another build to end").await;
                inner.permits.acquire().await.expect("the semaphore is never closed")
            }
        };
        let result = inner.build(&order, &journal).await.map_err(Error::plain);
        drop(permit);
        match &result {
            Ok(built) => {
                let size = built.made.size().map(|size| format!(" ({})", bytes(size))).unwrap_or_default();
                journal.log(format!("Built {}{size}", built.made.digest())).await;
            }
            Err(error) => journal.log(format!("Build failed: {error}")).await,
        }
        result
    }
}

impl Inner {
    async fn build(&self, order: &Order, journal: &Journal) -> Result<Built, Error> {
        journal.log(format!("Building {}/{}", order.namespace, order.name)).await;
        if let Source::Image { image, command } = &order.source {
            return self.image_builds().build(order, image, command.as_deref(), journal).await;
        }
        let build = order.build.to_string();
        let scratch = Scratch::new(&self.yard, &build).map_err(Error::failed("make a folder for the build"))?;
        let (cache, function) = (self.cache.clone(), order.function);
        let shelf = scratch.block(move |_| Ok(cache.open(function))).await?;
        // A cache that cannot be written makes builds slow, not wrong.
        let shelf =
            shelf.map_err(|error| tracing::warn!(%error, "a function's cache cannot be used")).ok().map(Arc::new);
        let made = self.make(order, (shelf, &build), &scratch, journal).await;
        let cache = self.cache.clone();
        if let Err(error) = scratch.block(move |_| Ok(cache.make_room())).await? {
            tracing::warn!(%error, "the caches of functions could not be kept within their limits");
        }
        made
    }

    fn image_builds(&self) -> ImageBuilds<'_> {
        ImageBuilds {
            images: self.images.as_ref(),
            builder: self.image_builder.as_ref(),
            executors: &self.executors,
            trial: self.trial.as_ref(),
            capacity: self.settings.capacity,
        }
    }

    async fn make(
        &self,
        order: &Order,
        (shelf, build): (Option<Arc<Shelf>>, &str),
        scratch: &Scratch,
        journal: &Journal,
    ) -> Result<Built, Error> {
        let limits = source::Limits {
            max_bytes: self.settings.max_source_bytes,
            max_files: self.settings.max_files,
            git_timeout: self.settings.git_timeout,
        };
        let taken = source::take(order, &self.git, &self.artifacts, shelf.as_deref(), scratch, limits, journal).await?;
        let source_folder = taken.folder.clone();
        let Taken { folder, commit } = match self.chosen(taken, order, scratch, journal).await {
            Ok(chosen) => chosen,
            Err(error) => return Err(self.with_offers(error, order, source_folder).await),
        };
        let read = read_manifest(&folder, self.toolchains, order.manifest.as_ref(), journal).await;
        let (manifest, steps) = match read {
            Ok(read) => read,
            Err(error) => return Err(self.with_offers(error, order, folder).await),
        };
        if manifest.runtime == Runtime::Docker {
            let made = match manifest.image.clone() {
                Some(image) => self.image_builds().pulled(order, &image, manifest, journal).await,
                None => self.of_dockerfile(order, folder, manifest, scratch, journal).await,
            };
            return made.map(|built| Built { commit, ..built });
        }
        if let Some(capacity) = self.settings.capacity {
            let faults = manifest::excesses(&manifest, &capacity);
            if !faults.is_empty() {
                return Err(Error::Manifest { origin: "the manifest".into(), faults });
            }
        }
        let bases = self.settings.bases.as_ref().filter(|_| manifest.runtime != Runtime::Command);
        if let (None, Err(error)) = (bases, self.executors.for_manifest(&manifest)) {
            return Err(Error::Refused(format!(
                "the runtime is `{}`, and {error}; {}",
                manifest.runtime.as_str(),
                match manifest.runtime {
                    Runtime::Command => "add a Dockerfile that starts it, and say the runtime `docker`",
                    _ => "say another runtime in function.json, such as `command`",
                }
            )));
        }
        // What cannot be found out gives no hint.
        let outside: Vec<detect::Outside> =
            inspect::ask(Question::Outside { folder: folder.clone() }).await.unwrap_or_default();
        let hint = outside_text(&outside, order);
        if let Some(hint) = &hint {
            journal.log(hint.clone()).await;
        }
        let explained = |error| with_hint(error, hint.as_deref());
        if let Some(bases) = bases {
            let files = Files { folder, manifest, steps, build };
            let built = self.of_files(order, bases, files, scratch, journal).await.map_err(explained);
            return built.map(|built| Built { commit, ..built });
        }
        let (given, secrets) = self.given(order, &manifest, &folder, scratch, journal).await?;
        let what = (manifest.runtime, steps.as_slice(), given);
        install::install(&self.tools, &folder, what, (shelf, build, order.function.uuid()), scratch, journal)
            .await
            .map_err(explained)?;
        if !secrets.is_empty() {
            let folder = folder.clone();
            scratch.block(move |hold| leaks::look(&folder, &secrets, || hold.go_on())).await?;
        }
        manifest::check_handler(&folder, &manifest)?;
        if let Some(trial) = &self.trial {
            // No part of the artifact either; it may say where the source is from.
            let git = folder.join(".git");
            scratch.block(move |_| files::remove(&git).map_err(Error::failed("remove .git"))).await?;
            let code = Code::Folder(folder.clone());
            trial.run(&self.executors, order, &manifest, code, journal).await.map_err(explained)?;
        }
        let limits = Limits { max_bytes: self.settings.max_artifact_bytes, max_files: self.settings.max_files };
        let hold = scratch.hold();
        let (digest, size) = self.artifacts.put(folder, limits, move || hold.go_on()).await?;
        Ok(Built { made: Made::Artifact { digest, size }, manifest, commit })
    }

    /// Builds the image of a source with a Dockerfile.
    async fn of_dockerfile(
        &self,
        order: &Order,
        folder: PathBuf,
        manifest: Manifest,
        scratch: &Scratch,
        journal: &Journal,
    ) -> Result<Built, Error> {
        let secrets = self.build_secrets(order, &manifest, journal).await?;
        let source = dockerfile::Source { folder, manifest, secrets, generated: None };
        self.image_builds().built(order, source, self.bounds(), scratch, journal).await
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            context: self.settings.max_context_bytes,
            image: self.settings.max_disk_bytes,
            memory_mb: self.settings.memory_mb,
            within: self.settings.install_timeout,
        }
    }

    /// Builds the image of a source without a Dockerfile.
    async fn of_files(
        &self,
        order: &Order,
        bases: &Bases,
        files: Files<'_>,
        scratch: &Scratch,
        journal: &Journal,
    ) -> Result<Built, Error> {
        let secrets = self.build_secrets(order, &files.manifest, journal).await?;
        let source = packed::source(&self.tools, bases, order, files, scratch, journal).await?;
        let source = dockerfile::Source { secrets, ..source };
        self.image_builds().built(order, source, self.bounds(), scratch, journal).await
    }

    /// The folder of the source that the function is: where a list names several, the one with its name. A `path` has chosen already.
    async fn chosen(&self, taken: Taken, order: &Order, scratch: &Scratch, journal: &Journal) -> Result<Taken, Error> {
        if path_of(order).is_some() {
            return Ok(taken);
        }
        let (folder, name) = (taken.folder.clone(), order.name.clone());
        let Some(inner) = scratch.block(move |_| folders::listed(&folder, &name)).await? else { return Ok(taken) };
        journal.log(format!("{} says that {} is in `{}`", folders::LIST, order.name, inner.display())).await;
        let folder = files::real_folder(&taken.folder, &inner).map_err(Error::failed("find the function's folder"))?;
        Ok(Taken { folder, ..taken })
    }

    /// Why a folder is no function, with those below it that are.
    async fn with_offers(&self, error: Error, order: &Order, folder: PathBuf) -> Error {
        // Only a repository is registered by a folder in it.
        if !matches!((&error, &order.source), (Error::Refused(_), Source::Git { .. })) {
            return error;
        }
        let question = Question::Offers { folder, tools: self.toolchains };
        let mut offers: Vec<OfferedFolder> = inspect::ask(question).await.unwrap_or_default();
        if let Some(path) = path_of(order) {
            offers.iter_mut().for_each(|offer| offer.path = format!("{}/{}", path.trim_matches('/'), offer.path));
        }
        folders::with_offers(error, offers)
    }
}

impl Inner {
    /// The secrets that the manifest has the build given, which no log shows from here on.
    async fn build_secrets(&self, order: &Order, manifest: &Manifest, journal: &Journal) -> Result<Vec<Secret>, Error> {
        let secrets = match &self.trial {
            Some(trial) => match trial.vault.secrets(&order.namespace, &manifest.build.secrets).await {
                Ok(secrets) => secrets,
                Err(vault::Error::Store(error)) => {
                    return Err(Failure::other("read the build's secrets", error.to_string()).into());
                }
                Err(error) => return Err(Error::Refused(format!("`secrets` of `build`: {error}"))),
            },
            None => Vec::new(),
        };
        secrets.iter().for_each(|secret| journal.conceal(&secret.value));
        Ok(secrets)
    }

    /// What the manifest has the build given, and the secrets among it, which no log shows from here on.
    async fn given(
        &self,
        order: &Order,
        manifest: &Manifest,
        folder: &Path,
        scratch: &Scratch,
        journal: &Journal,
    ) -> Result<(Given, Vec<Secret>), Error> {
        let secrets = self.build_secrets(order, manifest, journal).await?;
        let npmrc = files::text(folder, ".npmrc")?;
        let given = Given::new(&manifest.build.env, &secrets, npmrc.as_deref(), &scratch.path("given"));
        Ok((given.map_err(Error::failed("write the secrets of a build"))?, secrets))
    }
}

/// The order's manifest beats the file, or changes it where it is partial, and the file beats what is found out. With it
/// comes what has to be done before it can be started.
async fn read_manifest(
    folder: &Path,
    toolchains: Toolchains,
    given: Option<&domain::Json>,
    journal: &Journal,
) -> Result<(Manifest, Vec<Step>), Error> {
    let faults = |origin: &str| {
        let origin = origin.to_owned();
        move |faults| Error::Manifest { origin, faults }
    };
    let given_partial = given.map(domain::Json::value).filter(manifest::is_partial);
    let whole = given.filter(|_| given_partial.is_none());
    let file = match whole {
        Some(_) => None,
        None => files::json_text(folder, "function.json")?,
    };
    // A file that names no runtime changes what is found out where it says something, as a registration does.
    let file_partial = file.as_deref().filter(|text| text.len() <= manifest::MAX_BYTES);
    let file_partial = file_partial.and_then(|text| serde_json::from_str(text).ok()).filter(manifest::is_partial);
    let mut manifest = match (whole, file) {
        (Some(given), _) => manifest::parse_text(given.get()).map_err(faults("the manifest given at registration"))?,
        (None, Some(text)) if file_partial.is_none() => {
            let own = manifest::parse_text(&text).map_err(faults("function.json"))?;
            match &given_partial {
                None => own,
                Some(partial) => {
                    let text = serde_json::from_str(&text).unwrap_or_default();
                    manifest::parse_over(text, partial).map_err(faults("function.json with what was registered"))?
                }
            }
        }
        (None, file) => {
            let origin = if file_partial.is_some() { "function.json" } else { "what was registered" };
            let mut declared = serde_json::json!({});
            file_partial.iter().chain(&given_partial).for_each(|partial| manifest::merge(&mut declared, partial));
            let there = if file.is_some() { "function.json names no runtime" } else { "There is no function.json" };
            let (mut own, steps) = found_out(folder, toolchains, &declared, there, journal).await?;
            manifest::merge(&mut own, &declared);
            return Ok((manifest::parse(&own).map_err(faults(origin))?, steps));
        }
    };
    if !detect::leaves_open(&manifest) {
        return Ok((manifest, Vec::new()));
    }
    let question =
        Question::Complete { folder: folder.to_owned(), runtime: manifest.runtime, handler: manifest.handler.take() };
    let Completed { handler, steps } = inspect::ask(question).await?;
    manifest.handler = handler;
    Ok((manifest, steps))
}

/// What is found out, as a manifest that `declared` is put over.
async fn found_out(
    folder: &Path,
    tools: Toolchains,
    declared: &serde_json::Value,
    there: &str,
    journal: &Journal,
) -> Result<(serde_json::Value, Vec<Step>), Error> {
    // A command in the manifest is how it is started, whatever else there is.
    if declared["command"].is_array() {
        journal.log(format!("{there}: it is started by the command in the manifest")).await;
        return Ok((serde_json::json!({ "runtime": "command" }), Vec::new()));
    }
    let wanted = declared["handler"].as_str().map(str::to_owned);
    let Found { manifest, steps, explanation } =
        inspect::ask(Question::Detect { folder: folder.to_owned(), tools, wanted }).await?;
    let runtime = manifest["runtime"].as_str().unwrap_or_default();
    journal.log(format!("{there}: this looks like {runtime}. {explanation}")).await;
    Ok((manifest, steps))
}

/// The folder that was asked for; `None` for the whole source.
fn path_of(order: &Order) -> Option<&str> {
    match &order.source {
        Source::Git { path, .. } => path.as_deref().filter(|path| !matches!(path.trim_matches('/'), "" | ".")),
        Source::Bundle { .. } | Source::Image { .. } => None,
    }
}

/// What the function's files refer to outside of its folder, for people; `None` when there is no such thing.
fn outside_text(outside: &[detect::Outside], order: &Order) -> Option<String> {
    const SHOWN: usize = 5;
    let path: Vec<_> = path_of(order).unwrap_or_default().split('/').filter(|part| !part.is_empty()).collect();
    let shown = outside.iter().take(SHOWN).map(|outside| {
        let place = outside.place.as_ref().filter(|(above, _)| *above <= path.len());
        let place = place.map(|(above, inner)| {
            let parts = path[..path.len() - above].iter().copied().chain([inner.as_str()]);
            format!(" ({} in the repository)", parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/"))
        });
        format!("{} refers to `{}`{}", outside.file, outside.reference, place.unwrap_or_default())
    });
    let shown: Vec<_> = shown.collect();
    let more = if outside.len() > SHOWN { ", and there is more" } else { "" };
    (!shown.is_empty()).then(|| {
        format!(
            "A version holds the function's folder alone, and its files refer to what is outside of it: {}{more}. Give a `path` that holds both, or put what \
             is needed into the folder",
            shown.join("; ")
        )
    })
}

/// A refusal with what may be its cause.
fn with_hint(error: Error, hint: Option<&str>) -> Error {
    match (error, hint) {
        (Error::Refused(why), Some(hint)) => Error::Refused(format!("{why}. {hint}")),
        (error, _) => error,
    }
}
