//! The executor's wall, from outside: what every executor must do, and what the sandbox must hold.

mod adapters;
mod conformance;
mod contract;
pub mod docker;
mod guard;
mod hostile;
mod kernel;
mod network;
mod sandbox;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use server::executor::{Address, Code, Exit, Instance, JobCall, Limits, Line, Lines, Network, Runtime, Sandbox, Spec};
use tempfile::TempDir;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Longer than any start on a busy machine.
pub const READY_WITHIN: Duration = Duration::from_secs(30);
pub const GRACE: Duration = Duration::from_secs(10);

/// A sandbox with folders of its own.
pub struct Fixture {
    pub sandbox: Sandbox,
    pub data: TempDir,
    pub code: TempDir,
}

impl Fixture {
    pub fn new() -> Fixture {
        let data = tempfile::tempdir().unwrap();
        let sandbox = sandbox_in(data.path());
        Fixture { sandbox, data, code: tempfile::tempdir().unwrap() }
    }

    /// A spec of an artifact that consists of these files.
    pub fn spec(&self, runtime: Runtime, files: &[(&str, &str)]) -> Spec {
        let name = format!("f{}", Uuid::new_v4().simple());
        let artifact = self.code.path().join(&name);
        for (path, content) in files {
            let file = artifact.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
        std::fs::create_dir_all(&artifact).unwrap();
        spec(name, artifact, runtime)
    }

    pub fn node(&self, code: &str) -> Spec {
        self.spec(Runtime::Node { handler: "index.handler".into() }, &[("index.js", code)])
    }

    pub fn shell(&self, script: &str) -> Spec {
        self.spec(Runtime::Command(vec!["/bin/sh".into(), "-c".into(), script.into()]), &[])
    }

    pub fn python(&self, script: &str) -> Spec {
        self.spec(Runtime::Command(vec!["python3".into(), "-c".into(), script.into()]), &[])
    }
}

/// These tests are about bubblewrap's walls: without it they would show nothing.
pub fn sandbox_in(data: &Path) -> Sandbox {
    use server::executor::Executor;
    let sandbox = Sandbox::new(data).unwrap().with_bridge(Path::new(env!("CARGO_BIN_EXE_eventflow")));
    assert!(
        sandbox.describe().contains("bubblewrap"),
        "these tests need bubblewrap (Debian: apt-get install bubblewrap): {:?}",
        sandbox.warnings()
    );
    sandbox
}

pub fn spec(name: String, artifact: PathBuf, runtime: Runtime) -> Spec {
    Spec {
        instance: name.clone(),
        function: name,
        namespace: "default".into(),
        version: 1,
        code: Code::Folder(artifact),
        runtime,
        env: BTreeMap::new(),
        port: None,
        health: None,
        login: None,
        limits: Limits { memory_mb: 256, cpu: 2.0, pids: 64, network: Network::None },
    }
}

/// Where the files of a spec are.
pub fn files_of(spec: &Spec) -> &Path {
    match &spec.code {
        Code::Folder(folder) => folder,
        Code::Image(image) => panic!("{image} is an image"),
    }
}

pub fn call() -> JobCall {
    JobCall {
        run: Uuid::now_v7(),
        attempt: 1,
        event: Bytes::from_static(br#"{"id":"1","source":"/test","type":"test.happened","data":{"n":1}}"#),
        timeout: Duration::from_secs(30),
        trace: None,
    }
}

/// A channel of lines that somebody takes, and what was taken.
pub struct Log(tokio::task::JoinHandle<Vec<Line>>);

impl Log {
    pub fn new() -> (Lines, Log) {
        let (lines, mut received) = mpsc::channel(16);
        let taken = tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(line) = received.recv().await {
                all.push(line);
            }
            all
        });
        (lines, Log(taken))
    }

    /// All lines, once the process has ended.
    pub async fn all(self) -> Vec<Line> {
        tokio::time::timeout(READY_WITHIN, self.0).await.expect("the lines end with the process").unwrap()
    }
}

pub fn texts(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

pub struct Answer {
    pub status: u16,
    pub headers: hyper::HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }
}

pub async fn get(instance: &Arc<dyn Instance>, path: &str) -> Answer {
    ask(instance, Request::get(path).header("host", "test").body(Full::default()).unwrap()).await.unwrap()
}

pub async fn ask(
    instance: &Arc<dyn Instance>,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Box<dyn std::error::Error>> {
    match instance.address() {
        Address::Unix(path) => exchange(UnixStream::connect(path).await?, request).await,
        Address::Tcp { host, port } => exchange(TcpStream::connect((host.as_str(), *port)).await?, request).await,
    }
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, Box<dyn std::error::Error>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.collect().await?.to_bytes() })
}

/// Looks until it is so.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(std::time::Instant::now() < end, "it did not happen in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn clean(exit: &Exit) -> bool {
    exit.code == Some(0) && exit.signal.is_none() && !exit.timed_out && !exit.out_of_memory
}
