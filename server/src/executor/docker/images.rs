//! Images: what they are, and who may have them.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bollard::models::{HealthConfig, ImageInspect};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::images::{MAX_LAYERS, OWN_HOST, Reference, folder};
use super::super::{Error, Image, Layer, Lines, Login};
use super::engine::Engine;
use super::found::{named, on_engine, repository_digest};
use super::labels::Owner;
use super::pull::{Pull, no_such};
use super::vetting;
use crate::clock;
use crate::outbound::Registries;
use crate::turns::Turns;

/// Images whose facts are kept. They do not change: an image is known by its digest.
const MAX_KNOWN: usize = 256;

/// Pulls at a time; the engine itself has few places for their layers.
const MAX_PULLS: usize = 1024;

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
    /// Each image is pulled once at a time: otherwise what was there before could not be distinguished from what came.
    pulls: Turns,
    registries: Registries,
    owner: Owner,
}

impl Known {
    /// Nothing known yet; pulls from these registries. What is made to look into an image is this owner's.
    pub(super) fn new(registries: Registries, owner: Owner) -> Self {
        Self { facts: Mutex::default(), pulls: Turns::with_shares(MAX_PULLS, MAX_PULLS, 1), registries, owner }
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
        let turns = self.pulls.clone();
        tokio::spawn(async move {
            let _turn = tokio::select! {
                turn = turns.take("", &pull.reference.whole) => turn,
                () = done.closed() => return,
            };
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
}
