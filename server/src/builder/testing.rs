//! A workbench without isolation, and repositories, for the builder's tests.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::Utc;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use crate::executor::{
    Error, Executor, Executors, Exit, Form, Instance, JobCall, JobOutcome, Line, Lines, Spec, Stream, Task, Workbench,
};

/// Runs tasks as plain processes in their folder. The first of `programs` that it finds replaces a program of that
/// name.
pub(super) struct Plain {
    /// Looked at before the host's `PATH`.
    pub(super) bin: PathBuf,
    /// Tasks that run now, and the most that ran at once.
    pub(super) running: AtomicUsize,
    pub(super) most: AtomicUsize,
    /// Tasks of Git's that there were.
    pub(super) fetches: AtomicUsize,
}

impl Plain {
    pub(super) fn new(bin: &Path) -> Arc<Self> {
        let [running, most, fetches] = [0; 3].map(AtomicUsize::new);
        Arc::new(Self { bin: bin.to_owned(), running, most, fetches })
    }
}

struct Counted<'a>(&'a Plain);

impl<'a> Counted<'a> {
    fn new(plain: &'a Plain) -> Self {
        let now = plain.running.fetch_add(1, Ordering::SeqCst) + 1;
        plain.most.fetch_max(now, Ordering::SeqCst);
        Self(plain)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What would run files, in tests that start nothing.
pub(super) fn executors() -> Executors {
    Executors::new([Arc::new(Idle) as Arc<dyn Executor>])
}

struct Idle;

#[async_trait]
impl Executor for Idle {
    fn describe(&self) -> String {
        "plain processes".into()
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn runs(&self, form: Form) -> bool {
        form == Form::Folder
    }

    async fn service(&self, _: Spec, _: Lines, _: Duration) -> Result<Arc<dyn Instance>, Error> {
        Err(Error::Refused("nothing is started here".into()))
    }

    async fn job(&self, _: Spec, _: JobCall, _: Lines) -> Result<JobOutcome, Error> {
        Err(Error::Refused("nothing is started here".into()))
    }
}

#[async_trait]
impl Workbench for Plain {
    async fn task(&self, task: Task, lines: Lines) -> Result<Exit, Error> {
        let _counted = Counted::new(self);
        self.fetches.fetch_add(usize::from(task.name.starts_with("git-")), Ordering::SeqCst);
        let path = format!("{}:{}", self.bin.display(), std::env::var("PATH").unwrap_or_default());
        let io = |source| Error::Io { what: "run a task".into(), source };
        // Looked up by hand: the tests' programs are not in the tests' own PATH.
        let own = self.bin.join(&task.command[0]);
        let program = if own.exists() { own.into_os_string() } else { (&task.command[0]).into() };
        let mut child = tokio::process::Command::new(program)
            .args(&task.command[1..])
            .current_dir(&task.folder)
            .env_clear()
            .env("PATH", path)
            .envs(&task.env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(io)?;
        let stdout = pump(child.stdout.take().unwrap(), Stream::Stdout, lines.clone());
        let stderr = pump(child.stderr.take().unwrap(), Stream::Stderr, lines);
        let work = async {
            let (status, ..) = tokio::join!(child.wait(), stdout, stderr);
            status
        };
        let ended = tokio::time::timeout(task.timeout, work).await;
        match ended {
            Ok(status) => Ok(Exit { code: status.map_err(io)?.code(), ..Exit::default() }),
            Err(_) => Ok(Exit { signal: Some(9), timed_out: true, ..Exit::default() }),
        }
    }
}

async fn pump(source: impl AsyncRead + Unpin, stream: Stream, lines: Lines) {
    let mut source = BufReader::new(source).lines();
    while let Ok(Some(text)) = source.next_line().await {
        let _ = lines.send(Line { at: Utc::now(), stream, run: None, text }).await;
    }
}
