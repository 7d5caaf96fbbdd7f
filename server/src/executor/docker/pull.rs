//! Pulls of images: how one goes on, when it is given up, and what a registry that does not give an image has said.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::errors::Error as Fault;
use bollard::models::{ImageInspect, ImageSummary};
use bollard::query_parameters::{CreateImageOptionsBuilder, RemoveImageOptions};
use domain::text;
use futures::StreamExt;
use tokio::time::{Instant, sleep, timeout};

use super::super::images::{PULL_WITHIN, Reference, folder};
use super::super::{Error, Line, Lines, Login, Stream};
use super::engine::{Engine, is_full, message, status};
use super::found::{named, on_engine, repository_digest};
use super::own;
use super::vetting;
use crate::clock;
use crate::outbound::Registries;
use crate::outbound::registries::Closed;

/// So many bytes of a pull must come within [`PACE_WITHIN`].
const MIN_PACE: u64 = 1 << 20;

/// See [`MIN_PACE`].
const PACE_WITHIN: Duration = Duration::from_secs(60);

/// A pull that nobody waits for any more goes on for so long. One that was about to end does.
const LEFT_WITHIN: Duration = Duration::from_secs(5);

/// A pull, which goes on without whoever asked for it.
pub(super) struct Pull {
    pub(super) engine: Arc<Engine>,
    pub(super) registries: Registries,
    pub(super) reference: Reference,
    pub(super) lines: Lines,
}

impl Pull {
    /// Pulls and marks, not much longer than until the caller has `left`.
    pub(super) async fn run(
        self,
        login: Option<Login>,
        left: impl Future<Output = ()>,
    ) -> Result<Option<String>, Error> {
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
            self.look_at_it(&before, pulled.is_ok()).await?;
        }
        pulled
    }

    /// Marks the image if it came, or removes it if it says too much of itself: the engine repeats that whenever it lists its images. The
    /// engine may have it even if it did not say so.
    ///
    /// # Errors
    /// [`Error::Refused`] if it says too much.
    async fn look_at_it(&self, before: &[ImageSummary], is_done: bool) -> Result<(), Error> {
        let Self { engine, reference, .. } = self;
        let image = match on_engine(engine, &reference.whole).await {
            Ok(Some(image)) => image,
            Ok(None) => return Ok(()),
            Err(error) => {
                tracing::warn!(image = %reference.whole, %error, "an image that was pulled is not marked, and will not be removed");
                return Ok(());
            }
        };
        let is_of_it = repository_digest(&image, reference).is_some();
        let id = image.id.unwrap_or_default();
        let is_new = !before.iter().any(|before| before.id == id);
        let is_ours = is_done || is_of_it && is_new;
        if !is_ours {
            return Ok(());
        }
        let says = vetting::check_size(&reference.whole, &image.config.unwrap_or_default());
        match says {
            Err(_) if is_new => {
                if let Err(fault) = engine.client.remove_image(&id, None::<RemoveImageOptions>, None).await {
                    tracing::warn!(image = %reference.whole, error = message(&fault), "an image that says too much of itself could not be removed");
                }
            }
            _ => own::mark_pulled(engine, reference, before, &id).await,
        }
        says
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
        check_digest(engine, reference, login.clone()).await?;
        let credentials = login.map(|login| credentials_of(login, reference));
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

pub(super) fn no_such(reference: &Reference) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

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
