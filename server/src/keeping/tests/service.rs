//! Instances that listen, and a fake host that runs them as its processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;

use crate::executor::{self, Executor, Exit, Form, Instance, JobCall, JobOutcome, Lines, Spec};

/// Listens, and answers every request in the same way, until dropped.
#[derive(Debug)]
pub(super) struct Listener {
    address: executor::Address,
    task: AbortHandle,
}

impl Listener {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = executor::Address::from(listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            // Closed together with the listener.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.spawn(async move {
                    let mut buffer = [0; 4096];
                    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                    }
                });
            }
        });
        Self { address, task: task.abort_handle() }
    }

    /// Stops listening.
    pub(super) fn silence(&self) {
        self.task.abort();
    }

    pub(super) fn address(&self) -> executor::Address {
        self.address.clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A fake host that runs instances as processes, and jobs that end when permitted.
pub(super) struct Host {
    alive: Arc<AtomicUsize>,
    started: AtomicUsize,
    /// Each permit lets one job end.
    pub(super) jobs: Semaphore,
}

impl Default for Host {
    fn default() -> Self {
        Self { alive: Arc::default(), started: AtomicUsize::new(0), jobs: Semaphore::new(0) }
    }
}

impl Host {
    /// Running services.
    pub(super) fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    /// Services and jobs ever started.
    pub(super) fn started(&self) -> usize {
        self.started.load(Ordering::SeqCst)
    }
}

/// An instance of a host, which lives as long as there is a handle.
#[derive(Debug)]
struct Process {
    address: executor::Address,
    listener: parking_lot::Mutex<Option<Listener>>,
    exit: watch::Sender<Option<Exit>>,
    alive: Arc<AtomicUsize>,
}

fn exited() -> Exit {
    Exit { code: Some(0), ..Exit::default() }
}

impl Process {
    fn end(&self) {
        if self.listener.lock().take().is_some() {
            self.alive.fetch_sub(1, Ordering::SeqCst);
            self.exit.send_replace(Some(exited()));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

#[async_trait]
impl Instance for Process {
    fn address(&self) -> &executor::Address {
        &self.address
    }

    fn exited(&self) -> Option<Exit> {
        self.exit.borrow().clone()
    }

    async fn wait(&self) -> Exit {
        let mut exit = self.exit.subscribe();
        exit.wait_for(Option::is_some).await.unwrap().clone().unwrap()
    }

    async fn stop(&self, _: Duration) -> Exit {
        self.end();
        self.wait().await
    }

    fn stderr_tail(&self) -> Vec<String> {
        Vec::new()
    }
}

#[async_trait]
impl Executor for Host {
    fn describe(&self) -> String {
        "listeners".into()
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn runs(&self, form: Form) -> bool {
        form == Form::Folder
    }

    async fn service(&self, _: Spec, _: Lines, _: Duration) -> Result<Arc<dyn Instance>, executor::Error> {
        let listener = Listener::start().await;
        self.started.fetch_add(1, Ordering::SeqCst);
        self.alive.fetch_add(1, Ordering::SeqCst);
        let (address, alive) = (listener.address(), self.alive.clone());
        Ok(Arc::new(Process { address, listener: Some(listener).into(), exit: watch::Sender::new(None), alive }))
    }

    async fn job(&self, _: Spec, _: JobCall, _: Lines) -> Result<JobOutcome, executor::Error> {
        self.started.fetch_add(1, Ordering::SeqCst);
        self.jobs.acquire().await.unwrap().forget();
        Ok(JobOutcome { exit: exited(), result: None, stderr_tail: Vec::new() })
    }
}
