//! Checks everything that a server needs from its machine, and says how to fix what is missing. Changes nothing except
//! in a temporary folder of its own.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::statvfs;
use serde::Serialize;

use crate::app::data_dir;
use crate::config::Settings;
use crate::executor::{self, Executor, Sandbox};
use crate::queue::{Queue, rabbit::Rabbit};
use crate::store;
use crate::vault;

/// Free space on the data folder's disk that is too low, in bytes and as a fraction of the disk.
const ROOM: u64 = 1 << 30;
const PART: u64 = 20;

/// A limit on open files that is too low for a busy server.
const DESCRIPTORS: u64 = 4096;

/// A difference from the database's clock that is too large: leases, schedules and retention use both clocks.
const SKEW: Duration = Duration::from_secs(1);

/// The time limit for resolving a name.
const RESOLVED_WITHIN: Duration = Duration::from_secs(5);

/// The time limit for a program to print its version.
const VERSION_WITHIN: Duration = Duration::from_secs(5);

/// The state of what was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Fine.
    Good,
    /// It works, with restrictions.
    Warning,
    /// It prevents a server from working.
    Bad,
}

/// The result of a check.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What was checked.
    pub what: &'static str,
    /// Its state.
    pub state: State,
    /// What was found, and what to do.
    pub text: String,
}

/// Runs all checks.
pub async fn doctor(settings: &Settings) -> Vec<Finding> {
    let mut found = Findings::default();
    found.good("eventflow", format!("{} on {}", env!("CARGO_PKG_VERSION"), kernel()));
    found.folder(&settings.data_dir);
    if let Some(artifacts) = &settings.artifacts_dir {
        found.disk("artifacts", artifacts);
    }
    found.keys(settings);
    found.sandbox(settings.only_containers);
    found.tools(settings.only_containers);
    found.limits(settings);
    found.port(settings);
    found.database(settings).await;
    found.broker(settings).await;
    found.clock(settings).await;
    found.public_url(settings).await;
    found.all
}

#[derive(Default)]
struct Findings {
    all: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, what: &'static str, state: State, text: impl Into<String>) {
        self.all.push(Finding { what, state, text: domain::address::masked(&text.into()).into_owned() });
    }

    fn good(&mut self, what: &'static str, text: impl Into<String>) {
        self.add(what, State::Good, text);
    }

    fn warn(&mut self, what: &'static str, text: impl Into<String>) {
        self.add(what, State::Warning, text);
    }

    fn bad(&mut self, what: &'static str, text: impl Into<String>) {
        self.add(what, State::Bad, text);
    }

    fn folder(&mut self, folder: &Path) {
        let shown = folder.display();
        if !folder.exists() {
            return self.good("data folder", format!("{shown} does not exist yet; the first start makes it"));
        }
        match data_dir::check(folder) {
            Ok(()) => self.good("data folder", format!("{shown} is this user's")),
            Err(why) => self.bad("data folder", format!("{shown} cannot be used: {why}")),
        }
        self.disk("disk", folder);
    }

    fn disk(&mut self, what: &'static str, folder: &Path) {
        let shown = folder.display();
        match statvfs(folder) {
            Ok(disk) => {
                let (free, all) =
                    (disk.blocks_available() * disk.fragment_size(), disk.blocks() * disk.fragment_size());
                let (files, most) = (disk.files_available(), disk.files());
                let text = format!("{} of {} are free at {shown}", gib(free), gib(all));
                if free < ROOM || free < all / PART {
                    self.warn(what, format!("{text}: make room, or shorten the retention (EVENTFLOW_RETAIN_…)"));
                } else if most > 0 && files < most / PART {
                    self.warn(
                        what,
                        format!("{files} of {most} files are left at {shown}: remove some, or use a larger disk"),
                    );
                } else {
                    self.good(what, text);
                }
            }
            Err(error) => self.warn(what, format!("{shown}: {error}")),
        }
    }

    fn keys(&mut self, settings: &Settings) {
        match vault::key_name(settings.secret_key.as_ref(), &settings.data_dir) {
            Ok(Some(name)) => {
                let from = if settings.secret_key.is_some() { "EVENTFLOW_SECRET_KEY" } else { "the data folder" };
                self.good("key of secrets", format!("{name}, from {from}"));
            }
            Ok(None) => self.good("key of secrets", "none yet; the first start makes it"),
            Err(error) => self.bad("key of secrets", error.to_string()),
        }
        if settings.database_url.is_some() && (settings.secret_key.is_none() || settings.jwt_secret.is_none()) {
            self.warn(
                "keys of several servers",
                "servers on one database need the same EVENTFLOW_SECRET_KEY and JWT_SECRET: set both, if there is more than one",
            );
        }
    }

    /// Creates a sandbox in a temporary folder, as the server does at its start. Of no function, where `only_containers` run them.
    fn sandbox(&mut self, only_containers: bool) {
        let made = tempfile::tempdir().map_err(|error| error.to_string());
        let made = made.and_then(|folder| {
            let sandbox = Sandbox::new(folder.path()).map_err(|error| error.to_string())?;
            let warnings = if only_containers { Vec::new() } else { sandbox.warnings() };
            let described = (sandbox.describe(), warnings);
            drop(sandbox);
            Ok(described)
        });
        match made {
            Ok((description, warnings)) => {
                let state = if warnings.is_empty() { State::Good } else { State::Warning };
                self.add("sandbox", state, description);
                for warning in warnings {
                    self.warn("sandbox", warning);
                }
            }
            Err(why) => self.bad("sandbox", format!("it cannot be prepared: {why}")),
        }
        let memory = executor::capacity::memory().map_or("unknown".to_owned(), gib);
        let cpu = std::thread::available_parallelism().map_or(1, |count| count.get());
        self.good("capacity", format!("{memory} of memory, {cpu} processors"));
    }

    fn tools(&mut self, only_containers: bool) {
        let all = [
            ("node", "functions in Node.js are refused"),
            ("npm", "functions in Node.js that have dependencies are refused"),
            ("python3", "functions in Python are refused"),
            ("git", "functions from Git repositories are refused"),
            ("ssh", "repositories over SSH are refused"),
        ];
        // The others are in the images.
        let used = all.into_iter().filter(|(program, _)| !only_containers || ["git", "ssh"].contains(program));
        for (program, needed) in used {
            let flag = if program == "ssh" { "-V" } else { "--version" };
            match version(program, flag) {
                Some(version) => self.good(program, version),
                None => self.warn(program, format!("it is not installed, or does not say its version: {needed}")),
            }
        }
    }

    fn limits(&mut self, settings: &Settings) {
        match getrlimit(Resource::RLIMIT_NOFILE) {
            Ok((_, hard)) if hard < DESCRIPTORS => self.warn(
                "open files",
                format!("{hard} at most: raise the limit (`ulimit -Hn`, LimitNOFILE= of the systemd unit) to 65536"),
            ),
            Ok((_, hard)) => self.good("open files", format!("{hard} at most")),
            Err(error) => self.warn("open files", error.to_string()),
        }
        if let Some(most) = settings.edge.connections
            && let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
            && (most as u64) > hard / 2
        {
            self.warn(
                "connections",
                format!("EVENTFLOW_MAX_CONNECTIONS is {most}, and half of the open files is {}", hard / 2),
            );
        }
        if let Some(pids) = executor::capacity::pids() {
            self.good("processes", format!("{pids} at most"));
        }
    }

    fn port(&mut self, settings: &Settings) {
        let ports = [("PORT", Some(settings.listen.port())), ("METRICS_PORT", settings.metrics_port)];
        for (name, port) in ports.into_iter().filter_map(|(name, port)| Some((name, port?))) {
            let address = std::net::SocketAddr::new(settings.listen.ip(), port);
            match TcpListener::bind(address) {
                Ok(_) => self.good("port", format!("{address} ({name}) is free")),
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                    self.warn(
                        "port",
                        format!("{address} ({name}) is in use: by the server that runs, or by another program"),
                    );
                }
                Err(error) => self.bad("port", format!("{address} ({name}): {error}")),
            }
        }
    }

    async fn database(&mut self, settings: &Settings) {
        if settings.database_url.is_none() && !store::is_in(&settings.data_dir) {
            return self.good("database", "SQLite; there is no log yet, the first start makes it");
        }
        let opened = store::open_read_only(settings.database_url.as_deref(), &settings.data_dir).await;
        let looked = async {
            let store = opened?;
            let head = store.head().await?;
            let servers = store.holders(store::NODE_LEASE).await?;
            Ok::<_, store::Error>((store.describe(), head, servers.len()))
        };
        match looked.await {
            Ok((description, head, servers)) => {
                // On SQLite the lease of the only server never expires, so it proves nothing.
                let servers = match settings.database_url {
                    Some(_) => format!(", servers: {servers}"),
                    None => String::new(),
                };
                self.good("database", format!("{description}, {head} records{servers}"));
            }
            // A database that no server has used yet has no tables.
            Err(error) if settings.database_url.is_some() && error.to_string().contains("does not exist") => {
                self.good("database", format!("it answers, and has no log yet ({error})"));
            }
            Err(error) => self.bad("database", error.to_string()),
        }
    }

    async fn broker(&mut self, settings: &Settings) {
        let Some(url) = &settings.amqp_url else { return self.good("broker", "none: delivery in process") };
        match Rabbit::connect(url, "doctor").await {
            Ok(rabbit) => match rabbit.fault() {
                None => self.good("broker", rabbit.describe()),
                // The message names the broker.
                Some(fault) => self.bad("broker", fault),
            },
            Err(error) => self.bad("broker", error.to_string()),
        }
    }

    async fn public_url(&mut self, settings: &Settings) {
        let Some(url) = &settings.edge.public_url else { return };
        let host = url.host.trim_matches(['[', ']']);
        match tokio::time::timeout(RESOLVED_WITHIN, tokio::net::lookup_host((host, 0))).await {
            Ok(Ok(addresses)) => {
                let addresses: Vec<_> = addresses.map(|address| address.ip().to_string()).collect();
                self.good("public URL", format!("{url} is at {}", addresses.join(", ")));
            }
            Ok(Err(error)) => self.warn("public URL", format!("{url}: {error}: add the name to the DNS")),
            Err(_) => self.warn("public URL", format!("{url}: the DNS does not answer")),
        }
    }

    async fn clock(&mut self, settings: &Settings) {
        let Some(url) = &settings.database_url else { return };
        // A slow answer would look like a wrong clock.
        let before = chrono::Utc::now();
        let Ok(theirs) = store::clock_of(url).await else { return };
        let after = chrono::Utc::now();
        let (early, late) = ((before - theirs).to_std(), (theirs - after).to_std());
        match early.or(late) {
            Ok(skew) if skew > SKEW => self.warn(
                "clock",
                format!(
                    "it differs from the database's by {:.1} s: have both follow a time server",
                    skew.as_secs_f64()
                ),
            ),
            _ => self.good("clock", "as the database's"),
        }
    }
}

fn kernel() -> String {
    let read = |name| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    format!("{} {}", read("ostype").trim(), read("osrelease").trim())
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

/// The first line of a program's version output.
fn version(program: &str, flag: &str) -> Option<String> {
    let mut child = Command::new(program)
        .arg(flag)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let began = std::time::Instant::now();
    while child.try_wait().ok()?.is_none() {
        if began.elapsed() > VERSION_WITHIN {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().ok().filter(|output| output.status.success())?;
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    Some(String::from_utf8_lossy(&text).lines().next()?.trim().to_owned())
}
