//! Runs the processes of functions, isolated from the server and from each other.
//!
//! Knows processes, sockets and limits, but neither the lifecycle of functions nor the log. Two traits are the
//! boundary: [`Executor`] runs functions, and [`Workbench`] runs the builder's commands. The sandbox implements both;
//! containers will, too.

mod address;
pub mod bridge;
pub mod capacity;
mod cause;
mod code;
mod executors;
mod exit;
#[doc(hidden)]
pub mod fuzz;
pub mod network;
mod polling;
mod rate;
mod sandbox;
mod spec;
mod workbench;

pub use address::Address;
pub use cause::cause;
pub use code::{Code, Form};
pub use executors::Executors;
pub use rate::Rate;
pub use sandbox::{Sandbox, isolate_mounts};
pub use workbench::{Task, Workbench};

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
    /// Where it was written to.
    pub stream: Stream,
    /// The run that wrote it, where the wrapper tells.
    pub run: Option<Uuid>,
    /// The text without its line end, at most [`MAX_LINE_BYTES`] long.
    pub text: String,
}

/// A longer line is cut here, and says that it was.
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
    /// A program that listens on `$PORT`, unchanged. Empty: the one that an image names itself.
    Command(Vec<String>),
}

/// The variable that tells a wrapper which platform's handler it calls.
pub const ADAPTER: &str = "EVENTFLOW_ADAPTER";

/// The variable that tells the WSGI server which application it serves.
pub const APPLICATION: &str = "EVENTFLOW_APPLICATION";

/// The program of Node in an artifact that brings its own: it is taken in place of the host's.
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
    /// What it may reach of the network.
    pub network: Network,
}

/// What to run.
#[derive(Clone, PartialEq)]
pub struct Spec {
    /// Names the instance in logs and folders; unique on this host.
    pub instance: String,
    /// The function's name, for `EVENTFLOW_FUNCTION`.
    pub function: String,
    /// The function's namespace, for `EVENTFLOW_NAMESPACE`.
    pub namespace: String,
    /// The version's number, for `EVENTFLOW_VERSION`.
    pub version: u32,
    /// What is run.
    pub code: Code,
    /// How it is started.
    pub runtime: Runtime,
    /// The variables that the function asked for; nothing of the server's own is added.
    pub env: BTreeMap<String, String>,
    /// What it may use.
    pub limits: Limits,
}

/// Variables may be secrets: they are shown without their values.
impl std::fmt::Debug for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spec")
            .field("instance", &self.instance)
            .field("function", &self.function)
            .field("namespace", &self.namespace)
            .field("version", &self.version)
            .field("code", &self.code)
            .field("runtime", &self.runtime)
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
    /// The memory limit ended it.
    pub out_of_memory: bool,
    /// Its time was over.
    pub timed_out: bool,
    /// Why the server ended it, for people, where that was for something else.
    pub why: Option<String>,
}

/// The result of a job.
#[derive(Debug, Clone)]
pub struct JobOutcome {
    /// How it ended.
    pub exit: Exit,
    /// What it wrote to `$EVENTFLOW_RESULT`, when it wrote anything; at most [`MAX_RESULT_BYTES`].
    pub result: Option<Bytes>,
    /// The last lines of its standard error, oldest first.
    pub stderr_tail: Vec<String>,
}

/// A larger result of a job is refused.
pub const MAX_RESULT_BYTES: usize = 6 * 1024 * 1024;

/// An error before or while a process runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The specification cannot be run here: the caller's fault.
    #[error("{0}")]
    Refused(String),
    /// Nothing here runs code of this form.
    #[error("{form} cannot be run here: {why}")]
    Unsupported {
        /// What the code is.
        form: Form,
        /// What is there instead, or missing, for people.
        why: String,
    },
    /// The process was not ready in time or ended before it was.
    #[error("{message}")]
    Unhealthy {
        /// What happened, for people.
        message: String,
        /// The last lines of its standard error, oldest first.
        stderr_tail: Vec<String>,
    },
    /// The process ran, and what it left behind cannot be taken.
    #[error("{0}")]
    Result(String),
    /// This host failed.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

/// The boundary between EventFlow and whatever runs functions.
#[async_trait]
pub trait Executor: Send + Sync + 'static {
    /// What it is, for people: `sandbox (bubblewrap, cgroup v2)`.
    fn describe(&self) -> String;

    /// What a reader of the start-up lines should be warned of, such as missing isolation.
    fn warnings(&self) -> Vec<String>;

    /// Whether it runs code of this form.
    fn runs(&self, form: Form) -> bool;

    /// Looks whether what processes need of this host is still there, and makes it again where it is not. May block.
    ///
    /// # Errors
    /// What is missing, when it cannot be made again.
    fn prepare_host(&self) -> Result<(), String> {
        Ok(())
    }

    /// Starts a service and waits until it answers, at most `ready_within`.
    /// The process ends when the last handle to the instance is dropped.
    async fn service(&self, spec: Spec, lines: Lines, ready_within: Duration) -> Result<Arc<dyn Instance>, Error>;

    /// Runs a job to its end: `event` on standard input. Dropping the future ends the process.
    async fn job(&self, spec: Spec, call: JobCall, lines: Lines) -> Result<JobOutcome, Error>;
}

/// One run of a job.
#[derive(Debug, Clone)]
pub struct JobCall {
    /// The run's id, `EVENTFLOW_RUN_ID` inside.
    pub run: Uuid,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The CloudEvent as JSON.
    pub event: Bytes,
    /// It is ended (SIGTERM, 10 s, SIGKILL) after this.
    pub timeout: Duration,
    /// W3C trace context, `TRACEPARENT` and `TRACESTATE` inside.
    pub trace: Option<domain::trace::Context>,
}

/// A running service.
#[async_trait]
pub trait Instance: Send + Sync + std::fmt::Debug {
    /// Where it answers.
    fn address(&self) -> &Address;
    /// How it ended, once it has; never blocks.
    fn exited(&self) -> Option<Exit>;
    /// Waits until the process has ended.
    async fn wait(&self) -> Exit;
    /// SIGTERM, then SIGKILL after `grace`; returns when the process is gone.
    async fn stop(&self, grace: Duration) -> Exit;
    /// The last lines of its standard error, oldest first.
    fn stderr_tail(&self) -> Vec<String>;
}
