//! Unpacks bundles and detects what a source is, in a separate process.
//!
//! A stranger's files may be designed to be expensive: to be searched in quadratic time, or to take a hundred times
//! their size in memory. The process that reads them has limits on memory, CPU time and time, and ends at them or when
//! its build is cancelled; the server is not affected. It runs nothing of the source.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use domain::manifest::{Manifest, Runtime};
use nix::sys::resource::{Resource, setrlimit};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::detect::{self, Step, Toolchains};
use super::{Error, folders, install, source, survey};

/// What the program is called with to be that process.
pub const VERB: &str = "inspect";

/// Bytes of memory that it may have.
const MEMORY: u64 = 768 << 20;

/// Seconds of processor time, and of time.
const PROCESSOR_S: u64 = 20;
const DEADLINE: Duration = Duration::from_secs(60);

/// As these, for unpacking: it writes as much as a source may have.
const UNPACK_PROCESSOR_S: u64 = 120;
const UNPACK_DEADLINE: Duration = Duration::from_secs(300);

/// Bytes of an answer.
const MAX_ANSWER: u64 = 4 << 20;

/// A question about a folder.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Question {
    /// What it is: [`Found`].
    Detect {
        folder: PathBuf,
        tools: Toolchains,
        /// Of several handlers, the one that somebody has named.
        wanted: Option<String>,
    },
    /// What a manifest leaves open: [`Completed`].
    Complete { folder: PathBuf, runtime: Runtime, handler: Option<String> },
    /// What its files refer to outside of it: a list of [`detect::Outside`].
    Outside { folder: PathBuf },
    /// Which folders below it could be functions: a list of [`domain::function::OfferedFolder`].
    Offers { folder: PathBuf, tools: Toolchains },
    /// What is in a bundle, as files in `folder`, which must not be there: [`Unpacked`].
    Unpack { archive: PathBuf, folder: PathBuf, max_bytes: u64, max_files: usize },
    /// What a Python project asks for: an optional [`install::Asked`].
    Project { folder: PathBuf },
}

/// What a folder was recognized as.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Found {
    /// A manifest that says only what was found out.
    pub(super) manifest: serde_json::Value,
    pub(super) steps: Vec<Step>,
    pub(super) explanation: String,
}

/// The parts that a manifest leaves open.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Completed {
    pub(super) handler: Option<String>,
    pub(super) steps: Vec<Step>,
}

/// The result of unpacking.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Unpacked {
    /// Where the files are.
    Folder(PathBuf),
    /// The server could not, whatever is in the bundle.
    Failed(String),
}

impl Question {
    /// Seconds of processor time, and time, that the answer may take.
    fn limits(&self) -> (u64, Duration) {
        match self {
            Self::Unpack { .. } => (UNPACK_PROCESSOR_S, UNPACK_DEADLINE),
            _ => (PROCESSOR_S, DEADLINE),
        }
    }

    /// Why there is no answer within them.
    fn too_much(&self) -> String {
        let (processor_s, _) = self.limits();
        let limits = format!("takes more than {processor_s} s or {} MiB of memory", MEMORY >> 20);
        match self {
            Self::Unpack { .. } => {
                format!("unpacking the bundle {limits}: pack the function's files again, as they are")
            }
            _ => format!(
                "reading the files that say what this is {limits}: say `runtime`, and `handler` or `command`, in function.json, and \
                 keep generated files out of the source"
            ),
        }
    }
}

/// An answer, or an error message of one sentence.
type Answer = Result<serde_json::Value, String>;

/// Asks.
///
/// # Errors
/// [`Error::Refused`] when the files do not say it, or when reading them takes more than it may.
pub(super) async fn ask<T: DeserializeOwned>(question: Question) -> Result<T, Error> {
    let answer = match cfg!(test) {
        // A unit test is another program.
        true => tokio::task::spawn_blocking(move || answer(question)).await.map_err(std::io::Error::other),
        false => elsewhere(&question).await,
    };
    let failed = Error::failed("find out what the source is");
    match answer {
        Ok(Ok(value)) => serde_json::from_value(value).map_err(std::io::Error::other).map_err(failed),
        Ok(Err(why)) => Err(Error::Refused(why)),
        Err(error) => Err(failed(error)),
    }
}

/// Asks the other process.
async fn elsewhere(question: &Question) -> std::io::Result<Answer> {
    // This very program, also when an upgrade has put another one in its place.
    let mut command = tokio::process::Command::new("/proc/self/exe");
    // Memory that it sets aside and does not use would count.
    command.arg(VERB).env_clear().env("MIMALLOC_ARENA_EAGER_COMMIT", "0").current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let (mut stdin, mut stdout) = (child.stdin.take(), child.stdout.take());
    let text = serde_json::to_vec(question)?;
    let talk = async {
        if let Some(mut stdin) = stdin.take() {
            stdin.write_all(&text).await?;
        }
        let mut answer = Vec::new();
        if let Some(stdout) = stdout.take() {
            stdout.take(MAX_ANSWER).read_to_end(&mut answer).await?;
        }
        let status = child.wait().await?;
        Ok::<_, std::io::Error>(status.success().then_some(answer))
    };
    match tokio::time::timeout(question.limits().1, talk).await {
        Ok(Ok(Some(answer))) => Ok(serde_json::from_slice(&answer)?),
        Ok(Err(error)) => Err(error),
        Ok(Ok(None)) | Err(_) => Ok(Err(question.too_much())),
    }
}

/// Is that process when the program was called as it; `None` when it was not, and `main` goes on.
pub fn entry() -> Option<ExitCode> {
    if std::env::args_os().nth(1)? != VERB {
        return None;
    }
    Some(match be_asked() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("eventflow {VERB}: {error}; the server calls it, nobody else needs to");
            ExitCode::FAILURE
        }
    })
}

fn be_asked() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text)?;
    let question: Question = serde_json::from_slice(&text)?;
    let (processor_s, _) = question.limits();
    for (resource, most) in
        [(Resource::RLIMIT_DATA, MEMORY), (Resource::RLIMIT_CPU, processor_s), (Resource::RLIMIT_CORE, 0)]
    {
        setrlimit(resource, most, most)?;
    }
    let answer = answer(question);
    std::io::stdout().write_all(&serde_json::to_vec(&answer)?)?;
    Ok(())
}

fn answer(question: Question) -> Answer {
    match question {
        Question::Detect { folder, tools, wanted } => {
            let evidence = look(&folder)?.wanting(wanted.as_deref());
            let found = detect::detect(&evidence, tools).map_err(|undecided| undecided.to_string())?;
            value(Found { manifest: declared(&found.manifest), steps: found.steps, explanation: found.explanation })
        }
        Question::Complete { folder, runtime, handler } => {
            let evidence = look(&folder)?;
            let handler = match handler {
                Some(handler) => Some(handler),
                None => detect::handler(&evidence, runtime).map_err(|undecided| undecided.to_string())?,
            };
            let manifest = Manifest { handler: handler.clone(), ..Manifest::of(runtime) };
            value(Completed { steps: detect::steps_for(&evidence, &manifest), handler })
        }
        Question::Outside { folder } => value(detect::outside(&look(&folder)?)),
        Question::Offers { folder, tools } => {
            value(folders::offers(&folder, tools).map_err(|error| error.to_string())?)
        }
        Question::Unpack { archive, folder, max_bytes, max_files } => {
            match source::unpack(&archive, &folder, max_bytes, max_files, || Ok(())) {
                Ok(folder) => value(Unpacked::Folder(folder)),
                Err(error) if error.is_refused() => Err(error.to_string()),
                Err(error) => value(Unpacked::Failed(error.to_string())),
            }
        }
        Question::Project { folder } => value(install::project_of(&folder).map_err(|error| error.to_string())?),
    }
}

fn look(folder: &Path) -> Result<detect::Evidence, String> {
    survey::look(folder).map_err(|error| error.to_string())
}

fn value(value: impl Serialize) -> Answer {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

/// What was found out, and no default.
fn declared(manifest: &Manifest) -> serde_json::Value {
    let mut declared = serde_json::json!({ "runtime": manifest.runtime.as_str() });
    if let Some(handler) = &manifest.handler {
        declared["handler"] = handler.as_str().into();
    }
    if let Some(adapter) = manifest.adapter {
        declared["adapter"] = adapter.as_str().into();
    }
    if let Some(command) = &manifest.command {
        declared["command"] = command.clone().into();
    }
    declared
}
