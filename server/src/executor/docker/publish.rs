//! Gives built images their names, and puts them where functions are run from: the registry for built images, or the engine alone.

use std::io;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::query_parameters::{ImportImageOptionsBuilder, PushImageOptionsBuilder, TagImageOptionsBuilder};
use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::super::images::{Recipe, Reference};
use super::super::{Error, Image, Lines, Login};
use super::containers::Docker;
use super::engine::{Engine, is_full, message, status};
use super::found::{on_engine, repository_digest};
use super::images::{check_name, described};
use super::own;
use super::pull::{Failure, check_digest, say};
use crate::config::Registry;

/// The engine's answer may begin when it has all that it was sent.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(3600);

/// What an engine says of an image without a name that it was given.
const LOADED: &str = "Loaded image ID: ";

impl Docker {
    /// Takes in the archive of an image that was built elsewhere; its id.
    pub(in crate::executor) async fn load(
        &self,
        archive: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<String, Error> {
        let engine = &self.shared.engine;
        let client = engine.client.clone().with_timeout(ANSWER_WITHIN);
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        let mut said = Box::pin(client.import_image_stream(options, archive, None));
        let mut id = None;
        while let Some(said) = said.next().await {
            let said = said.map_err(engine.error("take in the image that was built"))?.stream.unwrap_or_default();
            id = said.trim().strip_prefix(LOADED).map(str::to_owned).or(id);
        }
        id.ok_or_else(|| {
            let source = io::Error::other("the Docker engine does not tell its id");
            Error::Io { what: "take in the image that was built".into(), source }
        })
    }

    /// Refuses the names of images that are built here.
    pub(in crate::executor) fn check_name(&self, reference: &Reference) -> Result<(), Error> {
        check_name(&self.shared.engine, reference)
    }

    /// Refuses an image by its digest that the registry does not give to this login.
    pub(in crate::executor) async fn check_digest(
        &self,
        reference: &Reference,
        login: Option<Login>,
    ) -> Result<(), Error> {
        check_digest(&self.shared.engine, reference, login).await
    }

    /// Names an image by its id and puts it where functions are run from.
    pub(in crate::executor) async fn publish(&self, id: &str, recipe: &Recipe, lines: &Lines) -> Result<Image, Error> {
        publish(&self.shared.engine, id, recipe, lines).await
    }
}

/// Names the image with this id, pushes it if there is a registry, and says what it is.
pub(super) async fn publish(engine: &Engine, id: &str, recipe: &Recipe, lines: &Lines) -> Result<Image, Error> {
    let registry = engine.registry.as_ref();
    let repository = recipe.repository(registry);
    let name = format!("{repository}:{}", recipe.build);
    let options = TagImageOptionsBuilder::default().repo(&repository).tag(&recipe.build).build();
    let before = own::all(engine).await.map_err(engine.error("look at the engine's images"))?;
    engine.client.tag_image(id, Some(options)).await.map_err(engine.error(format!("name the image {name}")))?;
    own::mark_built(engine, &before, id).await;
    if let Some(registry) = registry {
        push(engine, registry, &repository, &recipe.build, lines).await?;
    }
    let lost = || Error::Io {
        what: format!("use the image {name}"),
        source: io::Error::other("the Docker engine has lost it"),
    };
    let image = on_engine(engine, &name).await?.ok_or_else(lost)?;
    let digest = match registry {
        Some(_) => repository_digest(&image, &Reference::parse(&name).map_err(Error::Refused)?).ok_or_else(lost)?,
        None => image.id.clone().ok_or_else(lost)?,
    };
    Ok(described(engine, image, &name, digest).await)
}

async fn push(engine: &Engine, registry: &Registry, repository: &str, tag: &str, lines: &Lines) -> Result<(), Error> {
    say(lines, format!("Pushing {repository}:{tag}")).await;
    let credentials = registry.login.clone().map(|(user, password)| DockerCredentials {
        username: Some(user),
        password: Some(password),
        serveraddress: Some(registry.host.clone()),
        ..DockerCredentials::default()
    });
    let options = PushImageOptionsBuilder::default().tag(tag).build();
    let mut steps = Box::pin(engine.client.push_image(repository, Some(options), credentials));
    while let Some(step) = steps.next().await {
        let Err(fault) = step else { continue };
        let what = format!("push {repository}:{tag}");
        if status(&fault).is_none() || is_full(&fault) {
            return Err(engine.error(what)(fault));
        }
        let says = message(&fault);
        let why = match Failure::of(&says) {
            Failure::Denied => {
                format!(
                    "{} does not let the server push: check the login in EVENTFLOW_REGISTRY ({says})",
                    registry.host
                )
            }
            Failure::Away => format!("{} does not answer ({says}): try again later", registry.host),
            _ => format!("{} says: {says}", registry.host),
        };
        return Err(Error::Io { what, source: io::Error::other(why) });
    }
    Ok(())
}
