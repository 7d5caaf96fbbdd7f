//! The engine that images run on, if one answers when the server starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Error;
use crate::builder::Bases;
use crate::config::Settings;
use crate::executor::docker::{DEFAULT_HOST, Options};
use crate::executor::{BuildKit, Docker, Executor, Executors, ImageBuilder, Sandbox};
use crate::store::Store;

/// Connects to the engine. Without one, functions of files run all the same: a warning says it where somebody wanted one.
///
/// # Errors
/// When a setting is wrong.
pub(super) async fn connect(
    settings: &Settings,
    node: &str,
    store: &Store,
) -> Result<(Option<Arc<Docker>>, Option<String>), Error> {
    if !settings.docker {
        return Ok((None, None));
    }
    let wanted = settings.docker_host.as_deref();
    let there = DEFAULT_HOST.strip_prefix("unix://").is_some_and(|socket| Path::new(socket).exists());
    let Some(host) = wanted.or(there.then_some(DEFAULT_HOST)) else { return Ok((None, None)) };
    let options = Options {
        installation: store.identity().await?,
        certificates: certificates(settings, host),
        runtime: settings.docker_runtime.clone(),
        reach: settings.network_allow.clone(),
        registries: settings.registry_allow.clone(),
        registry: settings.registry.clone(),
        memory: settings.limits.containers_memory.map(|bytes| bytes as u64),
        pids: settings.limits.containers_pids.map(|pids| pids as u64),
        lines_per_second: settings.limits.lines_per_second,
        ..Options::new(node)
    };
    match Docker::connect(host, options).await {
        Ok(docker) => Ok((Some(Arc::new(docker)), None)),
        Err(error @ crate::executor::Error::Refused(_)) => Err(Error::start("cannot use containers", error)),
        Err(error) => {
            let warning = format!("Images cannot be run: {error}. Start the server again once it answers.");
            Ok((None, wanted.map(|_| warning)))
        }
    }
}

/// What runs functions, the first choice first.
pub(super) fn executors(settings: &Settings, sandbox: &Arc<Sandbox>, docker: Option<&Arc<Docker>>) -> Executors {
    let of_files = (!settings.only_containers).then(|| sandbox.clone() as Arc<dyn Executor>);
    let of_images = docker.map(|docker| docker.clone() as Arc<dyn Executor>);
    Executors::new(of_files.into_iter().chain(of_images))
}

/// What has to be said at the start where nothing but containers runs functions.
pub(super) fn warnings(settings: &Settings, sandbox: &Sandbox, docker: Option<&Arc<Docker>>) -> Vec<String> {
    if !settings.only_containers {
        return Vec::new();
    }
    let no_engine = docker.is_none().then(|| {
        "EVENTFLOW_EXECUTOR is docker, and no engine is used: no function can be built or run. See to it that one answers at DOCKER_HOST, and start the \
         server again."
            .to_owned()
    });
    let no_sandbox = (!sandbox.isolated()).then(|| {
        "Git, by which repositories are fetched, runs as an ordinary process here: install bubblewrap, or give functions as bundles.".to_owned()
    });
    no_engine.into_iter().chain(no_sandbox).collect()
}

/// What functions of files become images on, where they do.
pub(super) fn bases(settings: &Settings) -> Option<Bases> {
    let (node, python) = (settings.node_image.clone(), settings.python_image.clone());
    settings.builds_images.then_some(Bases { node, python })
}

/// The folder of the certificates for an engine that is called by TLS: where Docker's own client looks, too.
fn certificates(settings: &Settings, host: &str) -> Option<PathBuf> {
    if !settings.docker_tls && !host.starts_with("https://") {
        return None;
    }
    let own = || std::env::home_dir().unwrap_or_default().join(".docker");
    Some(settings.docker_cert_path.clone().unwrap_or_else(own))
}

/// What builds images for the engine: the BuildKit that is set, or the engine itself.
///
/// # Errors
/// When a BuildKit is set and cannot be called.
pub(super) fn image_builder(settings: &Settings, docker: &Arc<Docker>) -> Result<Arc<dyn ImageBuilder>, Error> {
    let builder: Arc<dyn ImageBuilder> = match &settings.buildkit {
        Some(address) => {
            let buildkit = BuildKit::new(address, docker.clone());
            Arc::new(buildkit.map_err(|why| Error::start("cannot build images", why))?)
        }
        None => docker.clone(),
    };
    Ok(builder)
}
