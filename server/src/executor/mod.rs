//! Runs the processes of functions, isolated from the server and from each other.
//!
//! Knows processes, sockets and limits, but neither the lifecycle of functions nor the log. Four traits are the
//! boundary: [`Executor`] runs functions, [`Workbench`] runs the builder's commands, [`Images`] fetches container
//! images for it, and [`ImageBuilder`] builds them. The sandbox implements the first two, a container engine all but the
//! second, and BuildKit the last.

mod address;
pub mod bridge;
mod buildkit;
pub mod capacity;
mod cause;
mod code;
pub mod docker;
mod executors;
mod exit;
#[doc(hidden)]
pub mod fuzz;
mod handle;
pub mod images;
mod lines;
mod login;
pub mod network;
mod polling;
mod rate;
mod sandbox;
mod spec;
mod usage;
mod workbench;
mod wrapped;
mod wrappers;

pub use address::Address;
pub use buildkit::BuildKit;
pub use cause::cause;
pub use code::{Code, Form};
pub use docker::Docker;
pub use executors::Executors;
pub use images::{Image, ImageBuilder, Images, Layer};
pub use login::Login;
pub use rate::Rate;
pub use sandbox::{Sandbox, isolate_mounts};
pub use usage::Reading;
pub use workbench::{Task, Workbench};
pub use wrapped::{IMAGE_APP, IMAGE_WRAPPERS, in_image};
pub use wrappers::copy as copy_wrappers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
pub use domain::manifest::Network;
use tokio::sync::mpsc;
use uuid::Uuid;

/// The output stream that a line was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The process wrote it to standard output.
    Stdout,
    /// The process wrote it to standard error.
    Stderr,
    /// EventFlow wrote it.
    System,
}

/// One line written by a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When the line was read.
    pub at: DateTime<Utc>,
    /// The output that it was written to.
    pub stream: Stream,
    /// The run that wrote it, if the wrapper marked it.
    pub run: Option<Uuid>,
    /// The text without its line end, at most [`MAX_LINE_BYTES`] long.
    pub text: String,
}

/// Longer lines are cut here, with a note.
pub const MAX_LINE_BYTES: usize = 16 * 1024;

/// Receives lines. Bounded: if nobody reads them, the process blocks instead of filling the memory.
pub type Lines = mpsc::Sender<Line>;

/// How the process is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runtime {
    /// `runtimes/node`: `exports.handler = async (event, context) => result`.
    Node {
        /// `file.export`, such as `index.handler`.
        handler: String,
    },
    /// `runtimes/python`: `def handler(event, context)`.
    Python {
        /// `module.function`, such as `main.handler`.
        handler: String,
    },
    /// `runtimes/python-flask`: a WSGI application, `app` of `app.py` unless the variable [`APPLICATION`] names another.
    PythonFlask,
    /// An unchanged program that listens on `$PORT`. Of an image, the arguments of its entry point, or its program if it
    /// has no entry point. Empty: the command that the image names.
    Command(Vec<String>),
}

/// The variable that selects the platform adapter of a wrapper.
pub const ADAPTER: &str = "EVENTFLOW_ADAPTER";

/// The variable that names the application for the WSGI server.
pub const APPLICATION: &str = "EVENTFLOW_APPLICATION";

/// The program of Node in an artifact that includes its own: it is used instead of the host's.
pub const OWN_NODE: &str = ".eventflow/node/bin/node";

/// Resource limits of a process.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Mebibytes of memory.
    pub memory_mb: u64,
    /// Processors; 0.5 is half of one.
    pub cpu: f64,
    /// Processes and threads together.
    pub pids: u64,
    /// Its access to the network.
    pub network: Network,
}

/// What to run.
#[derive(Clone, PartialEq)]
pub struct Spec {
    /// The instance's name in logs and folders; unique on this host.
    pub instance: String,
    /// The function's name, for `EVENTFLOW_FUNCTION`.
    pub function: String,
    /// The function's namespace, for `EVENTFLOW_NAMESPACE`.
    pub namespace: String,
    /// The version's number, for `EVENTFLOW_VERSION`.
    pub version: u32,
    /// The code to run.
    pub code: Code,
    /// How it is started.
    pub runtime: Runtime,
    /// The port that an image listens on; `None`, the lowest that it exposes. Others are told theirs.
    pub port: Option<u16>,
    /// The path that answers as soon as an image is ready; `None`, its own check or its port tells.
    pub health: Option<String>,
    /// The namespace's login for the registry of its image, should the engine not have it any more.
    pub login: Option<Login>,
    /// The variables that the function asks for; nothing of the server's own is added.
    pub env: BTreeMap<String, String>,
    /// Its limits.
    pub limits: Limits,
}

/// Hides the values of variables, which may be secrets.
impl std::fmt::Debug for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spec")
            .field("instance", &self.instance)
            .field("function", &self.function)
            .field("namespace", &self.namespace)
            .field("version", &self.version)
            .field("code", &self.code)
            .field("runtime", &self.runtime)
            .field("port", &self.port)
            .field("health", &self.health)
            .field("login", &self.login)
            .field("env", &self.env.keys())
            .field("limits", &self.limits)
            .finish()
    }
}

/// How a process exited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exit {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether the memory limit ended it.
    pub out_of_memory: bool,
    /// Whether it was ended after its time limit.
    pub timed_out: bool,
    /// Why the server ended it, for people, where that was for something else.
    pub why: Option<String>,
}

/// The result of a job.
#[derive(Debug, Clone)]
pub struct JobOutcome {
    /// How it ended.
    pub exit: Exit,
    /// What it wrote to `$EVENTFLOW_RESULT`, if anything; at most [`MAX_RESULT_BYTES`].
    pub result: Option<Bytes>,
    /// The last lines of its standard error, oldest first.
    pub stderr_tail: Vec<String>,
}

/// The largest result of a job; a larger one is refused.
pub const MAX_RESULT_BYTES: usize = 6 * 1024 * 1024;

/// An error before or while a process runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The specification cannot be run here, by the caller's fault.
    #[error("{0}")]
    Refused(String),
    /// No executor here runs code of this form.
    #[error("{form} cannot be run here: {why}")]
    Unsupported {
        /// The form of the code.
        form: Form,
        /// What there is instead, or what is missing, for people.
        why: String,
    },
    /// The process was not ready in time, or ended before.
    #[error("{message}")]
    Unhealthy {
        /// What happened, for people.
        message: String,
        /// The last lines of its standard error, oldest first.
        stderr_tail: Vec<String>,
    },
    /// The process ran, but its result cannot be accepted.
    #[error("{0}")]
    Result(String),
    /// This host failed.
    #[error("cannot {what}: {source}")]
    Io {
        /// The operation.
        what: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// The boundary between EventFlow and whatever runs functions.
#[async_trait]
pub trait Executor: Send + Sync + 'static {
    /// Describes it, for people: `sandbox (bubblewrap, cgroup v2)`.
    fn describe(&self) -> String;

    /// Warnings for the start-up lines, such as missing isolation.
    fn warnings(&self) -> Vec<String>;

    /// Whether it runs code of this form.
    fn runs(&self, form: Form) -> bool;

    /// Checks that what processes need of this host is still there, and restores it if not. May block.
    ///
    /// # Errors
    /// What is missing and cannot be restored.
    fn prepare_host(&self) -> Result<(), String> {
        Ok(())
    }

    /// Why it cannot start anything at present, if what it needs for that is away: it comes back by itself, and what runs elsewhere goes on
    /// meanwhile.
    fn fault(&self) -> Option<String> {
        None
    }

    /// Starts a service and waits, at most `ready_within`, until it accepts connections.
    /// The process is ended when the last handle to the instance is dropped.
    async fn service(&self, spec: Spec, lines: Lines, ready_within: Duration) -> Result<Arc<dyn Instance>, Error>;

    /// Runs a job to its end, with `event` on standard input. Dropping the future ends the process.
    async fn job(&self, spec: Spec, call: JobCall, lines: Lines) -> Result<JobOutcome, Error>;
}

/// One run of a job.
#[derive(Debug, Clone)]
pub struct JobCall {
    /// The run's id, `EVENTFLOW_RUN_ID` inside the sandbox.
    pub run: Uuid,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The CloudEvent as JSON.
    pub event: Bytes,
    /// After this it is ended (SIGTERM, 10 s later SIGKILL).
    pub timeout: Duration,
    /// W3C trace context, `TRACEPARENT` and `TRACESTATE` inside.
    pub trace: Option<domain::trace::Context>,
}

/// A running service.
#[async_trait]
pub trait Instance: Send + Sync + std::fmt::Debug {
    /// Where it accepts connections.
    fn address(&self) -> &Address;
    /// How it ended, if it has; never blocks.
    fn exited(&self) -> Option<Exit>;
    /// Waits until the process has ended.
    async fn wait(&self) -> Exit;
    /// SIGTERM, then SIGKILL after `grace`; returns when the process is gone.
    async fn stop(&self, grace: Duration) -> Exit;
    /// The last lines of its standard error, oldest first.
    fn stderr_tail(&self) -> Vec<String>;
    /// The id of its container, if it is one.
    fn container(&self) -> Option<&str> {
        None
    }
    /// The name of the machine that it runs on, as whoever runs it says; `None` if that is the server's own.
    fn node(&self) -> Option<&str> {
        None
    }
    /// What it uses at this moment; `None` if nothing counts that, or it does not run any more.
    async fn reading(&self) -> Option<Reading> {
        None
    }
}
