//! Images: what they are, and how they come to the engine.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::errors::Error as Fault;
use bollard::models::{HealthConfig, ImageInspect, ImageSummary};
use bollard::query_parameters::CreateImageOptionsBuilder;
use domain::text;
use futures::StreamExt;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::super::images::{MAX_LAYERS, OWN_HOST, PULL_WITHIN, Reference, folder};
use super::super::{Error, Image, Layer, Line, Lines, Login, Stream};
use super::engine::{Engine, is_full, message, status};
use super::labels::Owner;
use super::{own, vetting};
use crate::clock;
use crate::outbound::Registries;
use crate::outbound::registries::Closed;

/// So many bytes of a pull must come within [`PACE_WITHIN`].
const MIN_PACE: u64 = 1 << 20;

/// See [`MIN_PACE`].
const PACE_WITHIN: Duration = Duration::from_secs(60);

/// A pull that nobody waits for any more goes on for so long. One that was about to end does.
const LEFT_WITHIN: Duration = Duration::from_secs(5);

/// Images whose facts are kept. They do not change: an image is known by its digest.
const MAX_KNOWN: usize = 256;

/// What an executor needs to know of an image.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The engine's own name for it.
    pub(super) id: String,
    /// Whether it would run as root, be it under another name.
    pub(super) is_root: bool,
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
    /// The names of its labels.
    pub(super) labels: Vec<String>,
}

/// An image that a namespace may have.
pub(super) struct Obtained {
    /// What the engine has of it.
    pub(super) image: ImageInspect,
    pub(super) digest: String,
    /// Whether it came from its registry, rather than being the engine's own.
    pub(super) pulled: bool,
}

/// The facts of images that were used lately, and the way to others.
#[derive(Debug)]
pub(super) struct Known {
    facts: Mutex<HashMap<String, Arc<Facts>>>,
    registries: Registries,
    owner: Owner,
}

impl Known {
    /// Nothing known yet; pulls from these registries. What is made to look into an image is this owner's.
    pub(super) fn new(registries: Registries, owner: Owner) -> Self {
        Self { facts: Mutex::default(), registries, owner }
    }

    /// The facts of an image by its digest; it is pulled, with this login, if the engine does not have it.
    pub(super) async fn facts(
        &self,
        engine: &Arc<Engine>,
        name: &str,
        login: Option<Login>,
    ) -> Result<Arc<Facts>, Error> {
        if let Some(facts) = self.facts.lock().get(name) {
            return Ok(facts.clone());
        }
        let image = match on_engine(engine, name).await? {
            Some(image) => image,
            None => {
                // Another server built this version, or somebody has removed the image.
                let (lines, _) = tokio::sync::mpsc::channel(1);
                let reference = Reference::parse(name).map_err(Error::Refused)?;
                let login = own_login(engine, &reference)?.or(login);
                self.pull(engine, &reference, login, &lines).await?;
                on_engine(engine, name).await?.ok_or_else(|| Error::Refused(no_such(&reference)))?
            }
        };
        check_platform(engine, name, &image)?;
        let facts = Arc::new(self.facts_of(engine, name, image).await?);
        let mut known = self.facts.lock();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(name.to_owned(), facts.clone());
        Ok(facts)
    }

    /// Pulls an image and says what it is, as [`super::super::Images::pull`].
    pub(super) async fn fetch(
        &self,
        engine: &Arc<Engine>,
        reference: &str,
        login: Option<Login>,
        lines: &Lines,
    ) -> Result<Image, Error> {
        let reference = Reference::parse(reference).map_err(Error::Refused)?;
        let began = Instant::now();
        let found = self.obtain(engine, &reference, login, lines).await?;
        let pulled = found.pulled.then(|| (clock::now(), began.elapsed()));
        // Refused here, before anything is started of it.
        self.facts_of(engine, &reference.whole, found.image.clone()).await?;
        Ok(Image { pulled, ..described(engine, found.image, &reference.whole, found.digest).await })
    }

    /// Pulls an image that a namespace may have.
    pub(super) async fn obtain(
        &self,
        engine: &Arc<Engine>,
        reference: &Reference,
        login: Option<Login>,
        lines: &Lines,
    ) -> Result<Obtained, Error> {
        check_name(engine, reference)?;
        let pulled = self.pull(engine, reference, login, lines).await?;
        let image = named(engine, &reference.whole).await?.ok_or_else(|| Error::Refused(no_such(reference)))?;
        check_platform(engine, &reference.whole, &image)?;
        let is_pulled = pulled.is_some();
        let digest = pulled.or_else(|| repository_digest(&image, reference)).or_else(|| image.id.clone());
        Ok(Obtained { image, digest: digest.unwrap_or_default(), pulled: is_pulled })
    }

    /// Has the engine pull an image, and marks it as ours if it was nobody's; returns its digest, or `None` where the engine's own
    /// image is used instead. Whoever stops waiting ends the pull, but not before what came is marked.
    async fn pull(
        &self,
        engine: &Arc<Engine>,
        reference: &Reference,
        login: Option<Login>,
        lines: &Lines,
    ) -> Result<Option<String>, Error> {
        let pull = Pull {
            engine: engine.clone(),
            registries: self.registries.clone(),
            reference: reference.clone(),
            lines: lines.clone(),
        };
        let (mut done, pulled) = oneshot::channel();
        tokio::spawn(async move {
            let result = pull.run(login, done.closed()).await;
            let _ = done.send(result);
        });
        pulled.await.unwrap_or_else(|_| {
            let what = format!("pull {}", reference.whole);
            Err(Error::Io { what, source: io::Error::other("the server ends") })
        })
    }

    /// What an image is, if containers may be made of it.
    async fn facts_of(&self, engine: &Engine, name: &str, image: ImageInspect) -> Result<Facts, Error> {
        let id = image.id.unwrap_or_default();
        let config = image.config.unwrap_or_default();
        vetting::check_size(name, &config)?;
        let user = config.user.unwrap_or_default();
        let labels: Vec<String> = config.labels.unwrap_or_default().into_keys().collect();
        let is_root = vetting::is_root(engine, &self.owner, &id, name, &user).await?;
        let variables = config.env.unwrap_or_default();
        let some = |words: &Option<Vec<String>>| words.as_ref().is_some_and(|words| !words.is_empty());
        Ok(Facts {
            id,
            port: lowest_port(config.exposed_ports.as_deref().unwrap_or_default()),
            health: config.healthcheck.filter(checks_something),
            variables: variables.iter().map(|line| line.split('=').next().unwrap_or_default().to_owned()).collect(),
            runs_something: some(&config.entrypoint) || some(&config.cmd),
            is_root,
            volumes: config.volumes.unwrap_or_default(),
            labels,
        })
    }

    /// The image is not where it was.
    pub(super) fn forget(&self, name: &str) {
        self.facts.lock().remove(name);
    }

    /// The image with this id is gone.
    pub(super) fn forget_id(&self, id: &str) {
        self.facts.lock().retain(|_, facts| facts.id != id);
    }
}

/// A pull, which goes on without whoever asked for it.
struct Pull {
    engine: Arc<Engine>,
    registries: Registries,
    reference: Reference,
    lines: Lines,
}

impl Pull {
    /// Pulls and marks, not much longer than until the caller has `left`.
    async fn run(self, login: Option<Login>, left: impl Future<Output = ()>) -> Result<Option<String>, Error> {
        let engine = &self.engine;
        let before = own::all(engine).await.map_err(engine.error("look at the engine's images"))?;
        let given_up = async {
            left.await;
            sleep(LEFT_WITHIN).await;
        };
        let pulled = tokio::select! {
            pulled = timeout(PULL_WITHIN, self.download(login)) => pulled.unwrap_or_else(|_| {
                let minutes = PULL_WITHIN.as_secs() / 60;
                Err(self.not_done(io::ErrorKind::TimedOut, format!("it took {minutes} minutes")))
            }),
            () = given_up => Err(self.not_done(io::ErrorKind::Interrupted, "nobody waits for it any more".into())),
        };
        if !matches!(pulled, Ok(None)) {
            self.mark(&before, pulled.is_ok()).await;
        }
        pulled
    }

    /// Marks the image if it came. The engine may have it even if it did not say so.
    async fn mark(&self, before: &[ImageSummary], is_done: bool) {
        let Self { engine, reference, .. } = self;
        match on_engine(engine, &reference.whole).await {
            Ok(Some(image)) => {
                let is_of_it = repository_digest(&image, reference).is_some();
                let id = image.id.unwrap_or_default();
                if is_done || is_of_it && !before.iter().any(|before| before.id == id) {
                    own::mark_pulled(engine, reference, before, &id).await;
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(image = %reference.whole, %error, "an image that was pulled is not marked, and will not be removed");
            }
        }
    }

    fn not_done(&self, kind: io::ErrorKind, why: String) -> Error {
        Error::Io { what: format!("pull {}", self.reference.whole), source: io::Error::new(kind, why) }
    }

    async fn download(&self, login: Option<Login>) -> Result<Option<String>, Error> {
        let Self { engine, reference, lines, .. } = self;
        // The operator chose these.
        let is_known = reference.is_of_hub() || reference.is_below(&folder(engine.registry.as_ref()));
        let checked = if is_known { Ok(()) } else { self.registries.check(&reference.registry).await };
        match checked {
            Ok(()) => {}
            Err(Closed::Refused(why)) => return Err(Error::Refused(why)),
            Err(Closed::NotFound(why)) => {
                return match engines_own(engine, reference, Failure::Away, lines).await? {
                    true => Ok(None),
                    false => Err(away(reference, &why)),
                };
            }
        }
        let user = login.as_ref().map(|login| login.user.clone());
        let credentials = login.map(|login| credentials_of(login, reference));
        if reference.whole.contains('@') {
            // The engine asks no registry for an image by its digest if it has it, whoever pulled it.
            let asked = engine.client.inspect_registry_image(&reference.whole, credentials.clone()).await;
            if let Err(fault) = asked {
                return instead(engine, reference, user.as_deref(), fault, lines).await;
            }
        }
        let options = CreateImageOptionsBuilder::default().from_image(&reference.whole).build();
        let mut steps = engine.client.create_image(Some(options), None, credentials);
        let mut digest = None;
        let mut pace = Pace::default();
        while let Some(step) = steps.next().await {
            let step = match step {
                Ok(step) => step,
                Err(fault) => return instead(engine, reference, user.as_deref(), fault, lines).await,
            };
            let status = step.status.unwrap_or_default();
            let bytes = step.progress_detail.and_then(|detail| detail.current).unwrap_or_default();
            if pace.is_too_slow(step.id.as_deref().unwrap_or_default(), &status, bytes, Instant::now()) {
                return Err(Error::Refused(format!(
                    "{} sends {} too slowly, less than {} in a minute: try again later, or pull it from another registry",
                    reference.registry,
                    reference.whole,
                    text::bytes(MIN_PACE)
                )));
            }
            if let Some(found) = status.strip_prefix("Digest: ") {
                digest = Some(found.to_owned());
            }
            if let Some(text) = line_of(step.id.as_deref(), &status) {
                say(lines, text).await;
            }
        }
        Ok(digest)
    }
}

fn credentials_of(login: Login, reference: &Reference) -> DockerCredentials {
    DockerCredentials {
        username: Some(login.user),
        password: Some(login.password),
        serveraddress: Some(reference.registry.clone()),
        ..DockerCredentials::default()
    }
}

/// Asks the registry whether this login gets an image by its digest: whoever keeps images gives those that it has to everybody who
/// knows their digests.
///
/// # Errors
/// [`Error::Refused`] when it does not, [`Error::Io`] when the registry or the engine is away.
pub(super) async fn check_digest(engine: &Engine, reference: &Reference, login: Option<Login>) -> Result<(), Error> {
    if !reference.whole.contains('@') {
        return Ok(());
    }
    let user = login.as_ref().map(|login| login.user.clone());
    let credentials = login.map(|login| credentials_of(login, reference));
    match engine.client.inspect_registry_image(&reference.whole, credentials).await {
        Ok(_) => Ok(()),
        Err(fault) if status(&fault).is_none() => Err(engine.error(format!("pull {}", reference.whole))(fault)),
        Err(fault) => Err(refusal(engine, reference, user.as_deref(), &message(&fault))),
    }
}

/// The server's own login, for an image that it built and pushed.
fn own_login(engine: &Engine, reference: &Reference) -> Result<Option<Login>, Error> {
    if reference.registry == OWN_HOST {
        return Err(Error::Refused(
            "the image was built here and is not on the Docker engine any more: build the function again, or set EVENTFLOW_REGISTRY to a registry that \
             keeps built images and gives them to other servers"
                .to_owned(),
        ));
    }
    let registry = engine.registry.as_ref().filter(|registry| reference.is_below(&folder(Some(registry))));
    Ok(registry.and_then(|registry| registry.login.clone()).map(|(user, password)| Login { user, password }))
}

/// What the engine has under the name of a version. An image that no registry has is found by its id, which stands as its digest.
pub(super) async fn on_engine(engine: &Engine, name: &str) -> Result<Option<ImageInspect>, Error> {
    match (named(engine, name).await?, name.rsplit_once('@')) {
        (None, Some((_, id))) => named(engine, id).await,
        (found, _) => Ok(found),
    }
}

/// What the engine has under exactly this name, or id.
async fn named(engine: &Engine, name: &str) -> Result<Option<ImageInspect>, Error> {
    match engine.client.inspect_image(name).await {
        Ok(image) => Ok(Some(image)),
        Err(fault) if matches!(status(&fault), Some(404)) => Ok(None),
        Err(fault) if status(&fault) == Some(400) => Err(Error::Refused(message(&fault))),
        Err(fault) => Err(engine.error(format!("look at the image {name}"))(fault)),
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

/// Refuses the names of images that are built here: whose they are, nobody asks the registry.
pub(super) fn check_name(engine: &Engine, reference: &Reference) -> Result<(), Error> {
    let is_ours = [folder(None), folder(engine.registry.as_ref())].iter().any(|folder| reference.is_below(folder));
    if !is_ours {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "{} is the name of an image that EventFlow builds, which only its function may use: name the image that it is built from, or its source",
        reference.whole
    )))
}

/// What an image is, by a name and a digest under which it is run.
pub(super) async fn described(engine: &Engine, image: ImageInspect, reference: &str, digest: String) -> Image {
    let layers = layers(engine, &image).await;
    let config = image.config.unwrap_or_default();
    Image {
        reference: reference.to_owned(),
        digest,
        size: image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
        layers,
        architecture: image.architecture.unwrap_or_default(),
        os: image.os.unwrap_or_default(),
        port: lowest_port(config.exposed_ports.as_deref().unwrap_or_default()),
        health: config.healthcheck.is_some_and(|health| checks_something(&health)),
        user: config.user.unwrap_or_default(),
        command: config.entrypoint.into_iter().chain(config.cmd).flatten().collect(),
        pulled: None,
    }
}

/// How fast the layers of an image come. An engine pulls few layers at a time, for everybody.
#[derive(Debug, Default)]
struct Pace {
    layers: HashMap<String, i64>,
    since: Option<Instant>,
    bytes: u64,
}

impl Pace {
    /// Notes a step; whether too little has come lately.
    fn is_too_slow(&mut self, layer: &str, status: &str, bytes: i64, now: Instant) -> bool {
        if status != "Downloading" {
            // A layer that waits for others says so once.
            (self.since, self.bytes) = (None, 0);
            return false;
        }
        let known = self.layers.entry(layer.to_owned()).or_default();
        self.bytes += u64::try_from(bytes - *known).unwrap_or_default();
        *known = bytes;
        let since = *self.since.get_or_insert(now);
        if now.duration_since(since) < PACE_WITHIN {
            return false;
        }
        let is_too_slow = self.bytes < MIN_PACE;
        (self.since, self.bytes) = (Some(now), 0);
        is_too_slow
    }
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

/// A line of the server's own.
pub(super) async fn say(lines: &Lines, text: String) {
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
    let whole = &reference.whole;
    if status(&fault).is_none() || is_full(&fault) {
        return Err(engine.error(format!("pull {whole}"))(fault));
    }
    let says = message(&fault);
    let failure = Failure::of(&says);
    if engines_own(engine, reference, failure, lines).await? {
        return Ok(None);
    }
    Err(refusal(engine, reference, user, &says))
}

/// Why an image is not had from its registry, for what that said.
fn refusal(engine: &Engine, reference: &Reference, user: Option<&str>, says: &str) -> Error {
    let Reference { whole, registry, .. } = reference;
    let secret = format!("registry-{registry}");
    match Failure::of(says) {
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
        Failure::Away => away(reference, says),
        Failure::Other => {
            tracing::warn!(image = %whole, error = says, "an image could not be pulled");
            // A registry may have sent the engine somewhere else, whose answer is nobody's business.
            Error::Refused(format!(
                "{whole} cannot be pulled: {registry} does not answer as a registry does. The server's log says more"
            ))
        }
    }
}

/// Whether the engine's own image is used after such a failure; a line says so.
///
/// What the engine has from this registry was let to somebody who could pull it, which may have been another namespace: nobody
/// gets it without the registry's word. What has no digest of any repository was built or loaded on the engine; what has one came
/// from a registry, or went to one, whatever it is named here.
async fn engines_own(engine: &Engine, reference: &Reference, failure: Failure, lines: &Lines) -> Result<bool, Error> {
    let Reference { whole, registry, .. } = reference;
    let own = match failure {
        Failure::Denied | Failure::Unknown if !reference.has_no_host => None,
        // Whoever knows a digest has not shown by that that they may have the image.
        _ if whole.contains('@') => None,
        Failure::Away | Failure::Denied | Failure::Unknown => {
            let is_of_none = |image: &ImageInspect| image.repo_digests.as_ref().is_none_or(Vec::is_empty);
            named(engine, whole).await?.filter(is_of_none)
        }
        _ => None,
    };
    if own.is_some() {
        let why = if failure == Failure::Away { "does not answer" } else { "does not have it" };
        say(lines, format!("{registry} {why}: the image {whole} of this engine is used")).await;
    }
    Ok(own.is_some())
}

fn away(reference: &Reference, says: &str) -> Error {
    let Reference { whole, registry, .. } = reference;
    let why = format!("{registry} does not answer ({says}): try again later");
    Error::Io { what: format!("pull {whole}"), source: io::Error::new(io::ErrorKind::HostUnreachable, why) }
}

fn no_such(reference: &Reference) -> String {
    format!("there is no image {}: {} has no such name or tag; check both", reference.whole, reference.registry)
}

/// Why a registry did not give or take an image, as far as the engine's words tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Unknown,
    Denied,
    Platform,
    Away,
    Other,
}

impl Failure {
    pub(super) fn of(says: &str) -> Self {
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
pub(super) fn repository_digest(image: &ImageInspect, reference: &Reference) -> Option<String> {
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
    fn a_pull_that_trickles_is_too_slow_and_one_that_waits_is_not() {
        let (mut pace, begin) = (Pace::default(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert!(!pace.is_too_slow("a", "Downloading", 1, at(0)));
        assert!(!pace.is_too_slow("a", "Downloading", 2 << 20, at(61)), "enough has come");
        assert!(!pace.is_too_slow("a", "Downloading", (2 << 20) + 1000, at(100)));
        assert!(pace.is_too_slow("a", "Downloading", (2 << 20) + 2000, at(122)));
        let mut pace = Pace::default();
        assert!(!pace.is_too_slow("a", "Downloading", 1, at(0)));
        assert!(!pace.is_too_slow("b", "Extracting", 7, at(59)));
        assert!(!pace.is_too_slow("a", "Downloading", 2, at(100)), "its time begins again");
    }

    #[test]
    fn a_layer_has_two_lines_and_none_for_each_percent() {
        assert!(line_of(Some("ab12"), "Pulling fs layer").is_some());
        assert_eq!(line_of(Some("ab12"), "Downloading"), None);
        assert!(line_of(Some("ab12"), "Pull complete").is_some());
    }
}
