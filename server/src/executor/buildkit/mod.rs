//! Builds images by a BuildKit, wherever it runs: `EVENTFLOW_BUILDKIT`.
//!
//! BuildKit needs nothing of the host's engine, and may run without rights. It is called by its own program `buildctl`; the image
//! comes as an archive, which goes on to the engine while it is made, and from there to the registry. The build's session has
//! the namespace's logins alone, so that no Dockerfile reads with the server's what is another namespace's.
//!
//! Knows programs and their output; what an image becomes is the engine's.

mod progress;

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::text::bytes;
use futures::{Stream, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio_util::io::ReaderStream;

use super::images::{ImageBuilder, Recipe, Reference};
use super::{Docker, Error, Image, Lines, Login, MAX_LINE_BYTES};
use progress::Progress;

/// The program that talks to BuildKit.
const PROGRAM: &str = "buildctl";

/// What the names of arguments begin with that change how BuildKit works.
const RESERVED: &str = "BUILDKIT_";

/// What Docker's clients call the registry of names without a host.
const HUB: (&str, &str) = ("docker.io", "https://index.docker.io/v1/");

/// The argument that says which time everything has, in seconds since 1970.
const TIME: &str = "SOURCE_DATE_EPOCH";

/// The label of images that were built.
const LABEL: &str = "io.eventflow.built";

/// A BuildKit, and the engine that runs what it builds.
pub struct BuildKit {
    address: String,
    program: PathBuf,
    engine: Arc<Docker>,
}

impl BuildKit {
    /// That at this address.
    ///
    /// # Errors
    /// For people: what is missing on this host.
    pub fn new(address: &str, engine: Arc<Docker>) -> Result<Self, String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = std::env::split_paths(&path).map(|folder| folder.join(PROGRAM)).find(|program| program.is_file());
        let program = program.ok_or_else(|| {
            format!("EVENTFLOW_BUILDKIT is {address}, and there is no program `{PROGRAM}` in PATH: install that of BuildKit, or leave the setting out")
        })?;
        Ok(Self { address: address.to_owned(), program, engine })
    }

    /// The build as a process, which ends when it is dropped, and BuildKit's part with it.
    fn command(&self, recipe: &Recipe) -> io::Result<Command> {
        let config = recipe.scratch.join("docker");
        closed_folder(&recipe.scratch)?;
        closed_folder(&config)?;
        closed_file(&config.join("config.json"), docker_config(&recipe.logins).as_bytes())?;
        let name = recipe.path.file_name().unwrap_or_default().display();
        let folder = recipe.path.parent().unwrap_or(&recipe.context.folder);
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("DOCKER_CONFIG", &config)
            .env("HOME", &recipe.scratch)
            .current_dir(&recipe.scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.args(["--addr", &self.address, "build", "--progress=plain", "--frontend=dockerfile.v0"]);
        command.args(["--local", &format!("context={}", recipe.context.folder.display())]);
        command.args(["--local", &format!("dockerfile={}", folder.display())]);
        let mut option = |text: String| {
            command.args(["--opt", &text]);
        };
        option(format!("filename={name}"));
        if let Some(target) = &recipe.target {
            option(format!("target={target}"));
        }
        // Otherwise another program, which the Dockerfile names by `# syntax=`, would take the place of BuildKit's own, and all that
        // follows here would mean nothing to it.
        option("cmdline=eventflow".into());
        // Folders that commands share, and what is known of their results, are a namespace's own.
        option(format!("build-arg:BUILDKIT_CACHE_MOUNT_NS={}", recipe.namespace));
        option(format!("hostname={}", recipe.namespace));
        option(format!("label:{LABEL}={}", recipe.namespace));
        for (name, value) in &recipe.arguments {
            option(format!("build-arg:{name}={value}"));
        }
        if recipe.reproducible {
            option(format!("build-arg:{TIME}=0"));
        }
        for (number, (name, value)) in recipe.secrets.iter().enumerate() {
            let file = recipe.scratch.join(format!("secret-{number}"));
            closed_file(&file, value.as_bytes())?;
            command.args(["--secret", &format!("id={name},src={}", file.display())]);
        }
        let times = if recipe.reproducible { ",rewrite-timestamp=true" } else { "" };
        command.args(["--output", &format!("type=docker,dest=-{times}")]);
        Ok(command)
    }
}

/// What a build came to.
struct Outcome {
    succeeded: bool,
    progress: Progress,
    /// The id of the image, if the engine was given one.
    loaded: Option<Result<String, Error>>,
}

#[async_trait]
impl ImageBuilder for BuildKit {
    fn describe(&self) -> String {
        format!("BuildKit at {}", self.address)
    }

    async fn build(&self, recipe: Recipe, lines: Lines) -> Result<Image, Error> {
        if let Some(name) = recipe.arguments.keys().find(|name| name.starts_with(RESERVED)) {
            return Err(Error::Refused(format!("`env` of `build` has `{name}`, which is BuildKit's own: remove it")));
        }
        // Also those of stages that are not built: which these are is BuildKit's to say.
        for name in recipe.dockerfile.likely_images(&recipe.arguments) {
            let reference = Reference::parse(&name).map_err(Error::Refused)?;
            self.engine.check_name(&reference)?;
            // BuildKit asks no registry for what it has.
            self.engine.check_digest(&reference, recipe.logins.get(&reference.registry).cloned()).await?;
        }
        let too_large = Arc::new(AtomicBool::new(false));
        let outcome = self.run(&recipe, &lines, &too_large).await;
        if too_large.load(Ordering::Relaxed) {
            return Err(Error::Refused(format!(
                "the image has more than {} (the limit is EVENTFLOW_MAX_BUILD_DISK): build in one stage, and copy into another one only what is run",
                bytes(recipe.max_bytes)
            )));
        }
        let outcome = outcome.map_err(|source| Error::Io { what: format!("run {PROGRAM}"), source })?;
        match outcome {
            Outcome { succeeded: true, loaded: Some(id), .. } => self.engine.publish(&id?, &recipe, &lines).await,
            Outcome { progress, .. } if progress.is_away() => Err(Error::Io {
                what: "build the image".into(),
                source: io::Error::new(
                    io::ErrorKind::NotConnected,
                    format!("BuildKit at {} does not answer: start it, or change EVENTFLOW_BUILDKIT", self.address),
                ),
            }),
            Outcome { progress, .. } => Err(Error::Refused(progress.failure())),
        }
    }
}

impl BuildKit {
    async fn run(&self, recipe: &Recipe, lines: &Lines, too_large: &Arc<AtomicBool>) -> io::Result<Outcome> {
        let mut child = self.command(recipe)?.spawn()?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(io::Error::other("it has no output"));
        };
        let follow = follow(stderr, lines);
        let load = self.load(stdout, recipe.max_bytes, too_large.clone());
        let (progress, loaded) = tokio::join!(follow, async {
            let loaded = load.await;
            // Nobody takes the rest.
            if matches!(loaded, Ok(Some(Err(_))) | Err(_)) {
                let _ = child.start_kill();
            }
            loaded
        });
        let succeeded = child.wait().await?.success();
        Ok(Outcome { succeeded, progress: progress?, loaded: loaded? })
    }

    /// Gives the engine what comes, if something does.
    async fn load(
        &self,
        mut archive: ChildStdout,
        most: u64,
        too_large: Arc<AtomicBool>,
    ) -> io::Result<Option<Result<String, Error>>> {
        let mut first = [0];
        if archive.read(&mut first).await? == 0 {
            return Ok(None);
        }
        let rest = ReaderStream::new(io::Cursor::new(first.to_vec()).chain(archive));
        Ok(Some(self.engine.load(limited(rest, most, too_large)).await))
    }
}

/// The same, up to so many bytes; then an error.
fn limited(
    pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    most: u64,
    too_large: Arc<AtomicBool>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let mut seen = 0;
    pieces.map(move |piece| {
        let piece = piece?;
        seen += piece.len() as u64;
        if seen > most {
            too_large.store(true, Ordering::Relaxed);
            return Err(io::Error::other("the image is too large"));
        }
        Ok(piece)
    })
}

/// Passes on what the program says until it ends.
async fn follow(output: ChildStderr, lines: &Lines) -> io::Result<Progress> {
    let mut progress = Progress::default();
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        // The rest of a longer line is another one.
        let read = (&mut output).take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut line).await?;
        if read == 0 {
            return Ok(progress);
        }
        let text = String::from_utf8_lossy(&line);
        if let Some(line) = progress.take(text.trim_end_matches(['\n', '\r'])) {
            let _ = lines.send(line).await;
        }
    }
}

/// The logins as Docker's clients keep them.
fn docker_config(logins: &BTreeMap<String, Login>) -> String {
    let auths = logins.iter().map(|(host, Login { user, password })| {
        let host = if host == HUB.0 { HUB.1 } else { host };
        (host.to_owned(), serde_json::json!({ "auth": STANDARD.encode(format!("{user}:{password}")) }))
    });
    serde_json::json!({ "auths": auths.collect::<serde_json::Map<_, _>>() }).to_string()
}

fn closed_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

fn closed_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_written_as_dockers_clients_read_them() {
        let login = Login { user: "me".into(), password: "pa:ss".into() };
        let logins = BTreeMap::from([("docker.io".to_owned(), login.clone()), ("r.example:5000".to_owned(), login)]);
        let config: serde_json::Value = serde_json::from_str(&docker_config(&logins)).unwrap();
        let auth = STANDARD.encode("me:pa:ss");
        assert_eq!(config["auths"]["https://index.docker.io/v1/"]["auth"], auth.as_str());
        assert_eq!(config["auths"]["r.example:5000"]["auth"], auth.as_str());
    }

    #[tokio::test]
    async fn what_is_too_large_ends_with_an_error() {
        let too_large = Arc::new(AtomicBool::new(false));
        let pieces = || futures::stream::iter([Ok(Bytes::from_static(b"1234")), Ok(Bytes::from_static(b"5678"))]);
        let all: Vec<_> = limited(pieces(), 8, too_large.clone()).collect().await;
        assert!(all.iter().all(Result::is_ok) && !too_large.load(Ordering::Relaxed));
        let all: Vec<_> = limited(pieces(), 7, too_large.clone()).collect().await;
        assert!(all[0].is_ok() && all[1].is_err() && too_large.load(Ordering::Relaxed));
    }
}
