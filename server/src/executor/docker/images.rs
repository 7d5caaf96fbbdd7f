//! Images: what they are, and how they come to the engine.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bollard::auth::DockerCredentials;
use bollard::errors::Error as Fault;
use bollard::models::{HealthConfig, ImageInspect};
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::StreamExt;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use super::super::images::{MAX_LAYERS, OWN_HOST, PULL_WITHIN, Reference};
use super::super::{Error, Image, Layer, Line, Lines, Login, Stream};
use super::engine::{Engine, is_full, message, status};
use super::own;
use crate::clock;

/// Images whose facts are kept. They do not change: an image is known by its digest.
const MAX_KNOWN: usize = 256;

/// What an executor needs to know of an image.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The engine's own name for it.
    pub(super) id: String,
    /// The user that it names; empty if none.
    pub(super) user: String,
    /// The lowest TCP port that it exposes.
    pub(super) port: Option<u16>,
    /// How it wants to be checked.
    pub(super) health: Option<HealthConfig>,
    /// The names of the variables that it sets.
    pub(super) variables: Vec<String>,
    /// Whether it says what is run.
    pub(super) runs_something: bool,
    /// Folders that it wants to be volumes.
    pub(super) volumes: Vec<String>,
}

/// The facts of images that were used lately.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<String, Arc<Facts>>>);

impl Known {
    /// The facts of an image by its digest; it is pulled, if the engine does not have it.
    pub(super) async fn facts(&self, engine: &Engine, name: &str) -> Result<Arc<Facts>, Error> {
        if let Some(facts) = self.0.lock().get(name) {
            return Ok(facts.clone());
        }
        let image = match on_engine(engine, name).await? {
            Some(image) => image,
            None => {
                // Another server built this version, or somebody has removed the image.
                let (lines, _) = tokio::sync::mpsc::channel(1);
                let reference = Reference::parse(name).map_err(Error::Refused)?;
                pull(engine, &reference, None, &lines).await?;
                on_engine(engine, name).await?.ok_or_else(|| Error::Refused(no_such(&reference)))?
            }
        };
        check_platform(engine, name, &image)?;
        let facts = Arc::new(facts(image));
        let mut known = self.0.lock();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(name.to_owned(), facts.clone());
        Ok(facts)
    }

    /// The image is not where it was.
    pub(super) fn forget(&self, name: &str) {
        self.0.lock().remove(name);
    }

    /// The image with this id is gone.
    pub(super) fn forget_id(&self, id: &str) {
        self.0.lock().retain(|_, facts| facts.id != id);
    }
}

/// What the engine has under a name. An image that no registry has is found by its id, which stands as its digest.
async fn on_engine(engine: &Engine, name: &str) -> Result<Option<ImageInspect>, Error> {
    let id = name.rsplit_once('@').map(|(_, digest)| digest);
    for name in [Some(name), id].into_iter().flatten() {
        match engine.client.inspect_image(name).await {
            Ok(image) => return Ok(Some(image)),
            Err(fault) if matches!(status(&fault), Some(404)) => {}
            Err(fault) if status(&fault) == Some(400) => return Err(Error::Refused(message(&fault))),
            Err(fault) => return Err(engine.error(format!("look at the image {name}"))(fault)),
        }
    }
    Ok(None)
}

fn facts(image: ImageInspect) -> Facts {
    let config = image.config.unwrap_or_default();
    let variables = config.env.unwrap_or_default();
    let some = |words: &Option<Vec<String>>| words.as_ref().is_some_and(|words| !words.is_empty());
    Facts {
        id: image.id.unwrap_or_default(),
        port: lowest_port(config.exposed_ports.as_deref().unwrap_or_default()),
        health: config.healthcheck.filter(checks_something),
        variables: variables.iter().map(|variable| variable.split('=').next().unwrap_or_default().to_owned()).collect(),
        runs_something: some(&config.entrypoint) || some(&config.cmd),
        user: config.user.unwrap_or_default(),
        volumes: config.volumes.unwrap_or_default(),
    }
}

fn checks_something(health: &HealthConfig) -> bool {
    health.test.as_deref().and_then(<[_]>::first).is_some_and(|word| word != "NONE")
}

fn lowest_port(exposed: &[String]) -> Option<u16> {
    let tcp = |port: &String| match port.split_once('/') {
        Some((number, "tcp")) => number.parse().ok(),
        Some(_) => None,
        None => port.parse().ok(),
    };
    exposed.iter().filter_map(tcp).filter(|port| *port != 0).min()
}

fn check_platform(engine: &Engine, name: &str, image: &ImageInspect) -> Result<(), Error> {
    let architecture = image.architecture.as_deref().unwrap_or_default();
    let os = image.os.as_deref().unwrap_or_default();
    let wrong = |is: &str, wanted: &str| !is.is_empty() && !wanted.is_empty() && is != wanted;
    if wrong(architecture, engine.architecture()) || wrong(os, engine.info.os_type.as_deref().unwrap_or_default()) {
        return Err(Error::Refused(format!(
            "the image {name} is made for {os}/{architecture}, and the engine runs {}/{}: build it for that platform",
            engine.info.os_type.as_deref().unwrap_or("linux"),
            engine.architecture()
        )));
    }
    Ok(())
}

/// Pulls an image and says what it is, as [`super::super::Images::pull`].
pub(super) async fn fetch(
    engine: &Engine,
    reference: &str,
    login: Option<Login>,
    lines: &Lines,
) -> Result<Image, Error> {
    let reference = Reference::parse(reference).map_err(Error::Refused)?;
    if reference.registry == OWN_HOST {
        return Err(Error::Refused(format!(
            "{} is a name that EventFlow itself gives to images: name the image by that of its registry",
            reference.whole
        )));
    }
    let began = Instant::now();
    let pulled = timeout(PULL_WITHIN, pull(engine, &reference, login, lines)).await.unwrap_or_else(|_| {
        let what = format!("pull {}", reference.whole);
        let minutes = PULL_WITHIN.as_secs() / 60;
        Err(Error::Io { what, source: io::Error::new(io::ErrorKind::TimedOut, format!("it took {minutes} minutes")) })
    })?;
    let took = began.elapsed();
    let image = on_engine(engine, &reference.whole).await?.ok_or_else(|| Error::Refused(no_such(&reference)))?;
    check_platform(engine, &reference.whole, &image)?;
    let at = pulled.is_some().then(clock::now);
    let digest = pulled.or_else(|| repository_digest(&image, &reference)).or_else(|| image.id.clone());
    let layers = layers(engine, &image).await;
    let facts = facts(image.clone());
    let config = image.config.unwrap_or_default();
    Ok(Image {
        reference: reference.whole.clone(),
        digest: digest.unwrap_or_default(),
        size: image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
        layers,
        architecture: image.architecture.unwrap_or_default(),
        os: image.os.unwrap_or_default(),
        port: facts.port,
        health: facts.health.is_some(),
        user: facts.user,
        command: config.entrypoint.into_iter().chain(config.cmd).flatten().collect(),
        pulled: at.map(|at| (at, took)),
    })
}

/// Has the engine pull an image, and marks it as ours if it was nobody's; returns its digest, or `None` where the engine's own
/// image is used instead.
async fn pull(
    engine: &Engine,
    reference: &Reference,
    login: Option<Login>,
    lines: &Lines,
) -> Result<Option<String>, Error> {
    let before = own::all(engine).await.map_err(engine.error("look at the engine's images"))?;
    let digest = pull_from_registry(engine, reference, login, lines).await?;
    if digest.is_some()
        && let Some(image) = on_engine(engine, &reference.whole).await?
    {
        own::mark_pulled(engine, reference, &before, &image.id.unwrap_or_default()).await;
    }
    Ok(digest)
}

async fn pull_from_registry(
    engine: &Engine,
    reference: &Reference,
    login: Option<Login>,
    lines: &Lines,
) -> Result<Option<String>, Error> {
    let user = login.as_ref().map(|login| login.user.clone());
    let credentials = login.map(|login| DockerCredentials {
        username: Some(login.user),
        password: Some(login.password),
        serveraddress: Some(reference.registry.clone()),
        ..DockerCredentials::default()
    });
    let options = CreateImageOptionsBuilder::default().from_image(&reference.whole).build();
    let mut steps = engine.client.create_image(Some(options), None, credentials);
    let mut digest = None;
    while let Some(step) = steps.next().await {
        let step = match step {
            Ok(step) => step,
            Err(fault) => return instead(engine, reference, user.as_deref(), fault, lines).await,
        };
        let status = step.status.unwrap_or_default();
        if let Some(found) = status.strip_prefix("Digest: ") {
            digest = Some(found.to_owned());
        }
        if let Some(text) = line_of(step.id.as_deref(), &status) {
            say(lines, text).await;
        }
    }
    Ok(digest)
}

/// The line for a step of a pull: each layer's begin and end, and no percentages.
fn line_of(layer: Option<&str>, status: &str) -> Option<String> {
    match (layer, status) {
        (Some(layer), "Pulling fs layer") => Some(format!("layer {layer} is pulled")),
        (Some(layer), "Pull complete") => Some(format!("layer {layer} is there")),
        (Some(layer), "Already exists") => Some(format!("layer {layer} was there")),
        (None, digest) if digest.starts_with("Digest: ") => Some(digest.to_owned()),
        _ => None,
    }
}

async fn say(lines: &Lines, text: String) {
    let _ = lines.send(Line { at: clock::now(), stream: Stream::System, run: None, text }).await;
}

/// What becomes of a pull that failed: the engine's own image, or an error that says what to do.
async fn instead(
    engine: &Engine,
    reference: &Reference,
    user: Option<&str>,
    fault: Fault,
    lines: &Lines,
) -> Result<Option<String>, Error> {
    let Reference { whole, registry, .. } = reference;
    if status(&fault).is_none() || is_full(&fault) {
        return Err(engine.error(format!("pull {whole}"))(fault));
    }
    let says = message(&fault);
    let failure = Failure::of(&says);
    // What the engine has from this registry was let to somebody who could pull it, which may have been another namespace: nobody
    // gets it without the registry's word. What has no digest there was built or loaded on the engine.
    let own = match failure {
        Failure::Denied | Failure::Unknown if !reference.has_no_host => None,
        Failure::Away | Failure::Denied | Failure::Unknown => {
            on_engine(engine, whole).await?.filter(|image| repository_digest(image, reference).is_none())
        }
        _ => None,
    };
    if own.is_some() {
        let why = if failure == Failure::Away { "does not answer" } else { "does not have it" };
        say(lines, format!("{registry} {why}: the image {whole} of this engine is used")).await;
        return Ok(None);
    }
    let secret = format!("registry-{registry}");
    Err(match failure {
        Failure::Unknown => Error::Refused(no_such(reference)),
        Failure::Denied => Error::Refused(match user {
            Some(user) => format!(
                "{registry} does not let {user} pull {whole}, or has no such image: check the name, and the namespace's secret `{secret}`"
            ),
            None => format!(
                "{registry} does not let everybody pull {whole}, or has no such image: check the name, or set the namespace's secret `{secret}`"
            ),
        }),
        Failure::Platform => Error::Refused(format!(
            "there is no image {whole} for {}/{}, which the engine runs: build it for that platform",
            engine.info.os_type.as_deref().unwrap_or("linux"),
            engine.architecture()
        )),
        Failure::Away => Error::Io {
            what: format!("pull {whole}"),
            source: io::Error::new(
                io::ErrorKind::HostUnreachable,
                format!("{registry} does not answer ({says}): try again later"),
            ),
        },
        Failure::Other if status(&fault) == Some(400) => Error::Refused(format!("{whole} cannot be pulled: {says}")),
        Failure::Other => engine.error(format!("pull {whole}"))(fault),
    })
}

fn no_such(reference: &Reference) -> String {
    format!("there is no image {}: {} has no such name or tag; check both", reference.whole, reference.registry)
}

/// Why a registry did not give an image, as far as the engine's words tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Unknown,
    Denied,
    Platform,
    Away,
    Other,
}

impl Failure {
    fn of(says: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| says.contains(word));
        if has(&["no matching manifest for", "does not match the specified platform"]) {
            Self::Platform
        } else if has(&["unauthorized", "denied", "no basic auth credentials", "authentication required", "forbidden"])
        {
            Self::Denied
        } else if has(&["manifest unknown", "manifest for", "name unknown", "repository name not known", "not found"])
            && !has(&["no such host", "lookup "])
        {
            Self::Unknown
        } else if has(&[
            "dial tcp",
            "no such host",
            "connection refused",
            "i/o timeout",
            "Client.Timeout",
            "deadline exceeded",
            "network is unreachable",
            "connection reset",
            "proxyconnect",
            "EOF",
            "TLS handshake",
            "x509",
            "server gave HTTP response",
            "502 Bad Gateway",
            "503 Service Unavailable",
        ]) {
            Self::Away
        } else {
            Self::Other
        }
    }
}

/// The digest under which a repository knows the image.
fn repository_digest(image: &ImageInspect, reference: &Reference) -> Option<String> {
    let digests = image.repo_digests.as_deref().unwrap_or_default().iter();
    let mut known = digests.filter_map(|name| name.split_once('@'));
    known.find(|(repository, _)| reference.is_of(repository)).map(|(_, digest)| digest.to_owned())
}

/// The layers with their sizes. The engine has sizes by the steps of the build, of which some made no layer.
async fn layers(engine: &Engine, image: &ImageInspect) -> Vec<Layer> {
    let digests = image.root_fs.as_ref().and_then(|files| files.layers.clone()).unwrap_or_default();
    let steps = match &image.id {
        Some(id) => engine.client.image_history(id).await.unwrap_or_default(),
        None => Vec::new(),
    };
    // The newest step comes first.
    let mut sizes: Vec<u64> =
        steps.iter().rev().filter_map(|step| u64::try_from(step.size).ok()).filter(|size| *size > 0).collect();
    if sizes.len() != digests.len() {
        sizes.clear();
    }
    let sizes = sizes.into_iter().chain(std::iter::repeat(0));
    digests.into_iter().zip(sizes).map(|(digest, size)| Layer { digest, size }).take(MAX_LAYERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_tcp_port_is_taken() {
        let exposed = ["9090/tcp", "53/udp", "8080/tcp", "0/tcp"].map(str::to_owned);
        assert_eq!(lowest_port(&exposed), Some(8080));
        assert_eq!(lowest_port(&["53/udp".to_owned()]), None);
    }

    #[test]
    fn what_an_engine_says_of_a_registry_is_understood() {
        for (says, failure) in [
            ("manifest for 127.0.0.1:5000/a:1 not found: manifest unknown: manifest unknown", Failure::Unknown),
            ("Head \"http://127.0.0.1:5000/v2/a/manifests/1\": no basic auth credentials", Failure::Denied),
            (
                "pull access denied for a, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
                Failure::Denied,
            ),
            (
                "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io on 192.0.2.1:53: no such host",
                Failure::Away,
            ),
            ("Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused", Failure::Away),
            ("no matching manifest for linux/amd64 in the manifest list entries", Failure::Platform),
            ("received unexpected HTTP status: 500 Internal Server Error", Failure::Other),
        ] {
            assert_eq!(Failure::of(says), failure, "{says}");
        }
    }

    #[test]
    fn a_layer_has_two_lines_and_none_for_each_percent() {
        assert!(line_of(Some("ab12"), "Pulling fs layer").is_some());
        assert_eq!(line_of(Some("ab12"), "Downloading"), None);
        assert!(line_of(Some("ab12"), "Pull complete").is_some());
    }
}
