//! Services: processes that listen, until they are stopped.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout};

use super::super::polling::pause_after;
use super::super::wrapped::out_of_memory_words;
use super::super::{Address, Error, Exit, Instance, Lines, Reading, Runtime, Spec};
use super::arguments::BRIDGE;
use super::error::io_error;
use super::files::publish;
use super::folder::Folder;
use super::process::Process;
use super::start::{OWN_PIDS, Plan};
use super::starts::LONGEST_TURN;
use super::{Sandbox, host};

/// The port of a command in a network of its own.
const COMMAND_PORT: u16 = 8080;

impl Sandbox {
    /// Starts a service and waits, at most `ready_within`, until it accepts connections.
    pub(super) async fn start_service(
        &self,
        spec: Spec,
        lines: Lines,
        ready_within: Duration,
    ) -> Result<Arc<dyn Instance>, Error> {
        let artifact = self.check(&spec)?;
        let owner = Self::owner(&spec);
        let turn = self.home.starts.take(&owner).await;
        let mut env = self.env(&spec, artifact);
        let mut command = self.command(&spec, artifact)?;
        let mut limits = spec.limits.clone();
        limits.pids += OWN_PIDS;
        let folder = self.folder(&spec.instance, &limits)?;
        let socket = Address::Unix(folder.join("socket"));
        let own_socket = self.own_path(&folder, "socket");
        let mut bridge = None;
        let address = match &spec.runtime {
            Runtime::Command(_) if self.isolated() && !self.networks.is_hosts(&limits.network) => {
                let around = [BRIDGE, super::super::bridge::VERB, &own_socket, &COMMAND_PORT.to_string(), "--"];
                command.splice(0..0, around.map(str::to_owned));
                env.insert("PORT".into(), COMMAND_PORT.to_string());
                bridge = Some(self.bridge.clone());
                socket
            }
            Runtime::Command(_) => {
                let free = free_port().map_err(io_error("find a free port".into()))?;
                env.insert("PORT".into(), free.port().to_string());
                free.into()
            }
            _ => {
                env.insert("EVENTFLOW_SOCKET".into(), own_socket);
                socket
            }
        };
        let plan = Plan {
            name: spec.instance.clone(),
            owner,
            command,
            env,
            app: artifact.to_owned(),
            app_writable: false,
            user: host::Number::Instance(self.number()),
            bridge,
            caches: BTreeMap::new(),
            readable: BTreeMap::new(),
            opened: None,
            limits: limits.clone(),
            cpu_later: true,
            folder,
            stdin: Bytes::new(),
            run: None,
            lines,
            out_of_memory_words: out_of_memory_words(&spec.runtime),
        };
        let started = async {
            let (process, folder) = self.start(plan).await?;
            self.ready(&process, &folder, &address, ready_within).await?;
            Ok::<_, Error>((process, folder))
        };
        let (process, folder) = turn.during(LONGEST_TURN, started).await?;
        self.home.weights.is_ready(process.cgroup());
        // They have been read, and hold variables that may be secrets.
        for name in ["inner", "outer", "script"] {
            let _ = fs::remove_file(folder.join(name));
        }
        self.limit_cpu(process.cgroup(), &limits);
        Ok(Arc::new(Service { name: spec.instance, process, address }))
    }

    /// Waits until the address accepts connections.
    async fn ready(
        &self,
        process: &Process,
        folder: &Folder,
        address: &Address,
        within: Duration,
    ) -> Result<(), Error> {
        let began = Instant::now();
        loop {
            let reached = match address {
                Address::Unix(path) => {
                    publish(&folder.join("own/socket"), path) && UnixStream::connect(path).await.is_ok()
                }
                Address::Tcp { host, port } => TcpStream::connect((host.as_str(), *port)).await.is_ok(),
            };
            if let Some(exit) = process.handle.exited() {
                let message = format!("the process ended before it answered: it {exit}");
                return Err(Error::Unhealthy { message, stderr_tail: process.handle.stderr_tail() });
            }
            if reached {
                return Ok(());
            }
            if began.elapsed() >= within {
                process.handle.kill();
                process.handle.wait().await;
                let message = format!("the process did not listen within {} s", within.as_secs_f64());
                return Err(Error::Unhealthy { message, stderr_tail: process.handle.stderr_tail() });
            }
            // An end is noticed at once, not at the next check, and no check takes place long after the time limit.
            let pause = pause_after(began.elapsed()).min(within.saturating_sub(began.elapsed()));
            let _ = timeout(pause, process.handle.wait()).await;
        }
    }
}

/// A service running in the sandbox.
#[derive(Debug)]
struct Service {
    #[allow(dead_code, reason = "for Debug: it names the instance in logs")]
    name: String,
    process: Process,
    address: Address,
}

#[async_trait]
impl Instance for Service {
    fn address(&self) -> &Address {
        &self.address
    }

    fn exited(&self) -> Option<Exit> {
        self.process.handle.exited()
    }

    async fn wait(&self) -> Exit {
        self.process.handle.wait().await
    }

    async fn stop(&self, grace: Duration) -> Exit {
        self.process.handle.stop(grace).await
    }

    fn stderr_tail(&self) -> Vec<String> {
        self.process.handle.stderr_tail()
    }

    async fn reading(&self) -> Option<Reading> {
        let cgroup = self.process.cgroup().clone();
        tokio::task::spawn_blocking(move || cgroup.reading()).await.ok().flatten()
    }
}

fn free_port() -> io::Result<SocketAddr> {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
