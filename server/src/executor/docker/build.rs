//! Builds images by the engine's own builder.
//!
//! The engine gets a Dockerfile in which images are named by ids (see [`dockerfile`](super::super::images::dockerfile)): those that
//! their registries give this namespace, as for images that are run. Commands run in the namespace's network, behind the same
//! wall as its containers, and their results are reused within the namespace alone.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use async_trait::async_trait;
use bollard::errors::Error as Fault;
use bollard::query_parameters::{
    BuildImageOptions, BuildImageOptionsBuilder, PruneImagesOptionsBuilder, RemoveImageOptions,
};
use bytes::Bytes;
use domain::text;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;

use super::super::images::dockerfile::{Known, Rewritten, is_speaking};
use super::super::images::{Context, DOCKERFILE, ImageBuilder, Recipe, Reference};
use super::super::{Error, Image, Lines};
use super::commands::{Commands, TooMuch};
use super::containers::Docker;
use super::engine::{Engine, is_full, message, status};
use super::publish::{ANSWER_WITHIN, publish};
use super::pull;
use super::shared::Shared;
use super::steps::Steps;
use super::vetting;

/// The label of what builds leave behind, whose value is the namespace.
const LABEL: &str = "io.eventflow.built";

/// Steps of builds are kept so long for later ones, unless they are part of an image.
const KEPT: &str = "24h";

/// Processors that each command of a build may use.
const PROCESSORS: f64 = 2.0;

/// The period in which processor time is counted, in microseconds.
const CPU_PERIOD: i32 = 100_000;

/// What a proxy answers that does not pass on a call.
const FORBIDDEN: u16 = 403;

/// Pieces of a context that wait to be sent, and the size of each.
const PIECES: usize = 8;
const PIECE_BYTES: usize = 64 * 1024;

#[async_trait]
impl ImageBuilder for Docker {
    fn describe(&self) -> String {
        format!("the Docker engine's own builder ({})", self.shared.engine.version())
    }

    async fn build(&self, mut recipe: Recipe, lines: Lines) -> Result<Image, Error> {
        let shared = &self.shared;
        if let Some(name) = recipe.secrets.keys().next() {
            return Err(Error::Refused(format!(
                "`secrets` of `build` has `{name}`, and the Docker engine's own builder keeps none out of the image: have images built by \
                 BuildKit (EVENTFLOW_BUILDKIT)"
            )));
        }
        // The engine would build all stages that it is given.
        let needed = recipe.dockerfile.needed(recipe.target.as_deref(), &recipe.arguments);
        recipe.dockerfile = needed.map_err(|fault| Error::Refused(fault.to_string()))?;
        let (rewritten, base_bytes) = rewritten(shared, &recipe, &lines).await?;
        let mut built = run(shared, &recipe, &rewritten, &lines).await;
        if let Ok(id) = &built
            && let Err(error) = check_size(&shared.engine, id, base_bytes, recipe.max_bytes).await
        {
            built = Err(error);
        }
        tokio::spawn(prune(shared.engine.clone()));
        publish(&shared.engine, &built?, &recipe, &lines).await
    }
}

/// The Dockerfile for the engine, whose images are there, and the size of the largest of them.
async fn rewritten(shared: &Shared, recipe: &Recipe, lines: &Lines) -> Result<(Rewritten, u64), Error> {
    let engine = &shared.engine;
    let refused = |fault: super::super::images::dockerfile::Fault| Error::Refused(fault.to_string());
    let mut images = BTreeMap::new();
    let mut largest = 0;
    for (name, line) in recipe.dockerfile.images(&recipe.arguments).map_err(refused)? {
        let (base, bytes) = base(shared, &name, recipe, lines).await.map_err(|error| match error {
            Error::Refused(why) => Error::Refused(format!("Dockerfile, line {line}: {why}")),
            other => other,
        })?;
        images.insert(name, base);
        largest = bytes.max(largest);
    }
    let platform = format!("{}/{}", engine.info.os_type.as_deref().unwrap_or("linux"), engine.architecture());
    let label = (LABEL, recipe.namespace.as_str());
    let rewritten = recipe.dockerfile.rewritten(&images, &recipe.arguments, label, &platform);
    Ok((rewritten.map_err(refused)?, largest))
}

/// An image that a Dockerfile names, as its registry has it for this namespace, and its size.
async fn base(shared: &Shared, name: &str, recipe: &Recipe, lines: &Lines) -> Result<(Known, u64), Error> {
    let reference = Reference::parse(name).map_err(Error::Refused)?;
    let login = recipe.logins.get(&reference.registry).cloned();
    let with = login.as_ref().map(|_| ", with the namespace's login for its registry").unwrap_or_default();
    pull::say(lines, format!("Pulling {}{with}", reference.whole)).await;
    let image = shared.known.obtain(&shared.engine, &reference, login, lines).await?.image;
    let config = image.config.unwrap_or_default();
    vetting::check_size(name, &config)?;
    if config.on_build.is_some_and(|triggers| !triggers.is_empty()) {
        // They run before the namespace's label is set: namespaces would have their results in common.
        return Err(Error::Refused(format!(
            "the image {name} has `ONBUILD` instructions, which the Docker engine's own builder does not run here: have images built by BuildKit \
             (EVENTFLOW_BUILDKIT), or write what they do in this Dockerfile and name the image that they are built on"
        )));
    }
    let speaking: Vec<String> =
        config.labels.unwrap_or_default().into_keys().filter(|name| name != LABEL && is_speaking(name)).collect();
    if let Some(label) =
        speaking.iter().find(|label| !label.bytes().all(|c| c.is_ascii_alphanumeric() || b"._-/".contains(&c)))
    {
        return Err(Error::Refused(format!(
            "the image {name} has the label {label:?}, which others act on: build it without"
        )));
    }
    let id = image.id.ok_or_else(|| {
        let source = io::Error::other("the Docker engine does not tell its id");
        Error::Io { what: format!("use the image {name}"), source }
    })?;
    let bytes = image.size.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
    let variables = config.env.unwrap_or_default();
    let variables = variables.iter().map(|line| line.split_once('=').unwrap_or((line, "")));
    let variables = variables.map(|(name, value)| (name.to_owned(), value.len())).collect();
    Ok((Known { id, speaking, variables }, bytes))
}

/// Refuses an image that is too large, however its commands wrote it, or that says too much of itself, and removes it.
async fn check_size(engine: &Engine, id: &str, base_bytes: u64, max_bytes: u64) -> Result<(), Error> {
    let found = engine.client.inspect_image(id).await.map_err(engine.error("look at the image that was built"))?;
    let bytes = found.size.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
    let added = bytes.saturating_sub(base_bytes);
    let says = vetting::check_size("that was built", &found.config.unwrap_or_default());
    let refusal = match says {
        Ok(()) if added <= max_bytes => return Ok(()),
        Ok(()) => too_much(added, max_bytes),
        Err(refusal) => refusal,
    };
    // Another build may have made it, when it was allowed.
    if found.repo_tags.unwrap_or_default().is_empty() {
        let removed = engine.client.remove_image(id, None::<RemoveImageOptions>, None).await;
        if let Err(fault) = removed {
            tracing::debug!(error = message(&fault), "an image that is too large could not be removed");
        }
    }
    Err(refusal)
}

fn too_much(bytes: u64, max_bytes: u64) -> Error {
    Error::Refused(format!(
        "the build wrote {} to the disk, and at most {} are allowed (EVENTFLOW_MAX_BUILD_DISK): remove what the image does not need in the command that makes it",
        text::bytes(bytes),
        text::bytes(max_bytes)
    ))
}

/// Has the engine build; the id of the image.
async fn run(shared: &Shared, recipe: &Recipe, rewritten: &Rewritten, lines: &Lines) -> Result<String, Error> {
    let engine = &shared.engine;
    // Both are held until the build is over.
    let what = format!("the build of {}", recipe.function);
    let (_part, memory_mb) = shared.together.take_for_build(&recipe.namespace, &what, recipe.memory_mb).await?;
    let network = shared.networks.of(engine, &shared.owner, &recipe.namespace, true).await?;
    let options = options(recipe, memory_mb, &network.name, engine.processors());
    let (pieces, writer) = archive(recipe.context.clone(), rewritten.text.clone());
    let body = bollard::body_try_stream(pieces);
    let client = engine.client.clone().with_timeout(ANSWER_WITHIN);
    // Dropping it closes the connection, at which the engine ends the build.
    let mut answer = Box::pin(client.build_image(options, None, Some(body)));
    let mut steps = Steps::new(&recipe.dockerfile, rewritten, memory_mb);
    let label = (LABEL, recipe.namespace.clone());
    let mut commands = Commands::watch(engine.clone(), label, recipe.max_bytes);
    let mut id = None;
    loop {
        let said = tokio::select! {
            said = answer.next() => said,
            why = commands.too_much() => {
                send(lines, steps.end(Instant::now())).await;
                return Err(match why {
                    TooMuch::Written(bytes) => too_much(bytes, recipe.max_bytes),
                    TooMuch::DiskFull(why) => {
                        let source = io::Error::new(io::ErrorKind::StorageFull, why);
                        Error::Io { what: format!("go on with {what}"), source }
                    }
                });
            }
        };
        let Some(said) = said else { break };
        let said = match said {
            Ok(said) => said,
            Err(fault) => {
                send(lines, steps.end(Instant::now())).await;
                return Err(failure(engine, &steps, fault, writer).await);
            }
        };
        id = said.aux.and_then(|aux| aux.id).or(id);
        if let Some(text) = said.stream {
            commands.hear(&text).await;
            send(lines, steps.take(&text, Instant::now())).await;
        }
    }
    send(lines, steps.end(Instant::now())).await;
    id.ok_or_else(|| {
        let source = io::Error::other("the Docker engine ended the build without saying what it built");
        Error::Io { what: "build the image".into(), source }
    })
}

async fn send(lines: &Lines, all: Vec<super::super::Line>) {
    for line in all {
        let _ = lines.send(line).await;
    }
}

/// Why the build failed.
async fn failure(engine: &Engine, steps: &Steps<'_>, fault: Fault, writer: JoinHandle<io::Result<()>>) -> Error {
    // The engine hears only that nothing more comes.
    if let Ok(Err(source)) = writer.await
        && source.kind() != io::ErrorKind::BrokenPipe
    {
        return Error::Io { what: "read the files that the image is built from".into(), source };
    }
    if status(&fault).is_none() || is_full(&fault) {
        return engine.error("build the image")(fault);
    }
    if status(&fault) == Some(FORBIDDEN) {
        return Error::Refused(format!(
            "the Docker engine builds nothing for this server ({}): have images built by BuildKit (EVENTFLOW_BUILDKIT)",
            message(&fault)
        ));
    }
    Error::Refused(steps.failure(&message(&fault)))
}

fn options(recipe: &Recipe, memory_mb: u64, network: &str, processors: f64) -> BuildImageOptions {
    let memory = i32::try_from(memory_mb.saturating_mul(1 << 20)).unwrap_or(i32::MAX);
    let arguments: HashMap<&str, &str> =
        recipe.arguments.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    BuildImageOptionsBuilder::default()
        .dockerfile(DOCKERFILE)
        .buildargs(&arguments)
        .networkmode(network)
        .memory(memory)
        // No swap.
        .memswap(memory)
        .cpuperiod(CPU_PERIOD)
        .cpuquota((PROCESSORS.min(processors) * f64::from(CPU_PERIOD)) as i32)
        .rm(true)
        .forcerm(true)
        .build()
}

/// The context as the pieces of an archive, written on a thread of its own as they are taken.
fn archive(context: Context, dockerfile: String) -> (ReceiverStream<io::Result<Bytes>>, JoinHandle<io::Result<()>>) {
    let (pieces, taken) = mpsc::channel(PIECES);
    let writer = tokio::task::spawn_blocking(move || {
        let out = BufWriter::with_capacity(PIECE_BYTES, Pieces(pieces.clone()));
        let go_on = || if pieces.is_closed() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) };
        let written = context.write(&dockerfile, out, go_on);
        if written.is_err() {
            // Without it, what is there would be taken for all.
            let _ = pieces.blocking_send(Err(io::Error::other("the context could not be read")));
        }
        written
    });
    (ReceiverStream::new(taken), writer)
}

/// Passes on what is written.
struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(piece)));
        sent.map(|()| piece.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Removes what builds of the last day have not used and is part of no image.
async fn prune(engine: Arc<Engine>) {
    let filters = HashMap::from([("dangling", vec!["true"]), ("label", vec![LABEL]), ("until", vec![KEPT])]);
    let options = PruneImagesOptionsBuilder::default().filters(&filters).build();
    if let Err(fault) = engine.client.prune_images(Some(options)).await {
        tracing::debug!(error = message(&fault), "what builds left on the Docker engine could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_context_is_sent_while_it_is_read_and_given_up_when_nobody_takes_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("big"), vec![7_u8; 4 << 20]).unwrap();
        let context = Context::of(folder.path().to_owned(), "Dockerfile").unwrap().unwrap();
        let (pieces, writer) = archive(context.clone(), "FROM x\n".into());
        let sent: Vec<Bytes> = pieces.map(Result::unwrap).collect().await;
        writer.await.unwrap().unwrap();
        let sent = sent.concat();
        let mut read = tar::Archive::new(&sent[..]);
        assert!(read.entries().unwrap().any(|entry| entry.unwrap().size() == 4 << 20));
        let (pieces, writer) = archive(context, "FROM x\n".into());
        drop(pieces);
        assert_eq!(writer.await.unwrap().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
