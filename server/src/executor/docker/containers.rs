//! Starts containers of images on the engine, and ends them: the executor itself.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::models::{ContainerInspectResponse, ContainerUpdateBody};
use chrono::{SecondsFormat, Utc};
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::super::images::Stored;
use super::super::wrapped::out_of_memory_words;
use super::super::{
    Address, Code, Error, Executor, Exit, Form, Image, Images, Instance, JobCall, JobOutcome, Lines, Login, Network,
    Reading, Spec,
};
use super::container::{Container, Created};
use super::engine::{Engine, status};
use super::images::{Facts, Known};
use super::labels::{self, Owner};
use super::networks::{self, Networks};
use super::own;
use super::ready::{Sign, ready};
use super::result;
use super::shape::{self, Ability, Purpose, RESULT_FILE, RESULT_FOLDER};
use super::shared::Shared;
use super::stats;
use super::together::{Part, Room, SERVICE_WAITS, Together};
use super::wall::Wall;
use super::watch::Watch;
use crate::config::{Reach, Registry};
use crate::outbound::Registries;
use crate::turns::Turns;

/// Where an engine listens unless `DOCKER_HOST` says otherwise.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// How long the engine may take to answer when the server starts.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Between SIGTERM and SIGKILL for a job past its time limit.
const GRACE: Duration = Duration::from_secs(10);

/// Lines a second accepted from one container.
const LINES_PER_SECOND: u32 = 1000;

/// The first version of the interface in which health is checked more often during a start.
const START_INTERVAL: (usize, usize) = (1, 44);

/// Containers that are started at a time; more wait.
const STARTS: usize = 8;

/// How the executor uses its engine.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's name in the log: it marks what is the server's own.
    pub server: String,
    /// The name of the installation, whose servers share a log: it marks the images that were pulled for its functions. Small
    /// letters, digits and `-`.
    pub installation: String,
    /// The folder with the certificates for an engine that is called by TLS, without which it is not: `DOCKER_TLS_VERIFY` and
    /// `DOCKER_CERT_PATH`.
    pub certificates: Option<PathBuf>,
    /// The engine's runtime for functions, its default one when absent: `EVENTFLOW_DOCKER_RUNTIME`.
    pub runtime: Option<String>,
    /// What containers with a network reach in addition to the Internet: `EVENTFLOW_NETWORK_ALLOW`.
    pub reach: Reach,
    /// Where images may be pulled from: `EVENTFLOW_REGISTRY_ALLOW`.
    pub registries: Registries,
    /// The registry that built images are pushed to: `EVENTFLOW_REGISTRY`.
    pub registry: Option<Registry>,
    /// Bytes of memory of all containers together, most of what the engine's host has when absent: `EVENTFLOW_CONTAINERS_MEMORY`.
    pub memory: Option<u64>,
    /// Processes of all containers together, most of what the engine's host allows when absent: `EVENTFLOW_CONTAINERS_PIDS`.
    pub pids: Option<u64>,
    /// Lines a second accepted from one container.
    pub lines_per_second: u32,
    /// Between SIGTERM and SIGKILL for a job past its time limit.
    pub grace: Duration,
}

impl Options {
    /// The defaults, for a server of this name.
    pub fn new(server: impl Into<String>) -> Self {
        let server = server.into();
        let installation = server.clone();
        let (certificates, runtime, reach, registries, registry, memory, pids) = Default::default();
        Self {
            server,
            installation,
            certificates,
            runtime,
            reach,
            registries,
            registry,
            memory,
            pids,
            lines_per_second: LINES_PER_SECOND,
            grace: GRACE,
        }
    }
}

/// The executor of containers.
#[derive(Debug)]
pub struct Docker {
    pub(super) shared: Arc<Shared>,
    grace: Duration,
}

impl Docker {
    /// Connects to the engine at `host`, removes what servers that are gone have left there, and closes what containers
    /// must not reach.
    ///
    /// # Errors
    /// [`Error::Io`] when no engine answers, [`Error::Refused`] when `host` or an option is wrong.
    pub async fn connect(host: &str, options: Options) -> Result<Self, Error> {
        let engine = Engine::connect(host, options.certificates.as_deref(), &options.installation, options.registry);
        let engine = timeout(ANSWER_WITHIN, engine).await.unwrap_or_else(|_| {
            let seconds = ANSWER_WITHIN.as_secs();
            let source = io::Error::other(format!("the Docker engine at {host} did not answer within {seconds} s"));
            Err(Error::Io { what: "use containers".into(), source })
        })?;
        if let (Some(wanted), Some(known)) = (&options.runtime, &engine.info.runtimes)
            && !known.contains_key(wanted)
        {
            let mut names: Vec<_> = known.keys().map(String::as_str).collect();
            names.sort_unstable();
            return Err(Error::Refused(format!(
                "EVENTFLOW_DOCKER_RUNTIME is {wanted}, and the engine has only {}",
                names.join(", ")
            )));
        }
        let owner = Owner::new(&options.server);
        let removed =
            labels::clear(&engine, &owner).await.map_err(engine.error("remove what is left of containers"))?;
        if removed > 0 {
            tracing::info!(containers = removed, "removed the containers of servers that are gone");
        }
        let wall = Wall::raise(&engine, &owner, &options.reach).await;
        let engine = Arc::new(engine);
        let version = engine.client.client_version();
        let ability = Ability {
            processors: engine.processors(),
            start_interval: (version.major_version, version.minor_version) >= START_INTERVAL,
            runtime: options.runtime,
        };
        let known = Known::new(options.registries, owner.clone());
        let shared = Shared {
            watch: Watch::start(engine.clone(), &owner),
            together: Together::new((options.memory, options.pids), engine.info.mem_total, engine.local),
            engine,
            owner,
            networks: Networks::default(),
            known,
            ability,
            wall,
            lines_per_second: options.lines_per_second,
            flood: Arc::default(),
            starts: Turns::with_shares(STARTS, STARTS / 2, STARTS / 4),
        };
        Ok(Self { shared: Arc::new(shared), grace: options.grace })
    }

    /// Removes the networks that no instance is in. Called when the server ends; what is left is removed at its next start.
    pub async fn clear(&self) {
        self.shared.networks.clear(&self.shared.engine).await;
    }
}

impl Shared {
    /// The facts of the image that a specification names.
    async fn facts(&self, spec: &Spec) -> Result<(Arc<Facts>, String), Error> {
        let Code::Image(image) = &spec.code else {
            let why = "containers are made of images".to_owned();
            return Err(Error::Unsupported { form: Form::Folder, why });
        };
        shape::check(spec)?;
        if let Network::Only(_) = spec.limits.network {
            return Err(Error::Refused(format!(
                "{} lists the hosts that it may reach, and for containers there is no such wall: set `network` to true or false",
                spec.function
            )));
        }
        Ok((self.known.facts(&self.engine, image, spec.login.clone()).await?, image.clone()))
    }

    /// Makes and starts the container of a service, and finds its address.
    async fn start_service(self: Arc<Self>, spec: Spec, part: Part, lines: Lines) -> Result<Started, Error> {
        let (facts, image) = self.facts(&spec).await?;
        let outward = spec.limits.network.is_some();
        let words = out_of_memory_words(&spec.runtime);
        // What was known may have been removed from outside meanwhile: once more, then.
        let mut second_try = false;
        loop {
            let network = self.networks.of(&self.engine, &self.owner, &spec.namespace, outward).await?;
            if !network.direct && !outward {
                return Err(Error::Refused(format!(
                    "{} asks for no network, and such a container can be called only where the Docker engine is on the server's own host: set `network` to true",
                    spec.function
                )));
            }
            let publish_on = (!network.direct).then(|| self.engine.published_on());
            let purpose = Purpose::Service { network: &network.name, publish_on: publish_on.as_deref() };
            let body = shape::body(&spec, &facts, &self.owner, &self.ability, purpose, BTreeMap::new())?;
            let created = match Created::new(&self, &spec.instance, body, part.clone()).await {
                Err(fault) if status(&fault) == Some(404) && !second_try => {
                    second_try = true;
                    self.known.forget(&image);
                    self.networks.forget(&network).await;
                    self.facts(&spec).await?;
                    continue;
                }
                created => created.map_err(self.engine.error(format!("make a container for {}", spec.function)))?,
            };
            let container = match created.start((None, words), lines.clone()).await {
                Err(Error::Io { source, .. }) if !second_try && is_missing_network(&source) => {
                    second_try = true;
                    self.networks.forget(&network).await;
                    continue;
                }
                started => started?,
            };
            let port = shape::port(&spec, &facts);
            let found = self.engine.inspect(&container.id).await.map_err(self.engine.error("look at a container"))?;
            let address = found.and_then(|found| address(&found, &network, port, &self.engine));
            return Ok(Started { container, network, address, facts });
        }
    }

    /// Makes and starts the container of a job, and gives it its event.
    async fn start_job(self: Arc<Self>, spec: Spec, part: Part, call: JobCall, lines: Lines) -> Result<Started, Error> {
        let (facts, _) = self.facts(&spec).await?;
        let network = match spec.limits.network.is_some() {
            true => Some(self.networks.of(&self.engine, &self.owner, &spec.namespace, true).await?),
            false => None,
        };
        let deadline = Utc::now() + call.timeout;
        let mut env = BTreeMap::from([
            ("EVENTFLOW_RESULT".to_owned(), format!("{RESULT_FOLDER}/{RESULT_FILE}")),
            ("EVENTFLOW_RUN_ID".to_owned(), call.run.to_string()),
            ("EVENTFLOW_ATTEMPT".to_owned(), call.attempt.to_string()),
            ("EVENTFLOW_DEADLINE".to_owned(), deadline.to_rfc3339_opts(SecondsFormat::Millis, true)),
        ]);
        if let Some(trace) = &call.trace {
            env.insert("TRACEPARENT".into(), trace.parent());
            env.extend(trace.state().map(|state| ("TRACESTATE".into(), state.to_owned())));
        }
        let purpose = Purpose::Job { network: network.as_ref().map(|network| network.name.as_str()) };
        let body = shape::body(&spec, &facts, &self.owner, &self.ability, purpose, env)?;
        let made = || self.engine.error(format!("make a container for {}", spec.function));
        let created = Created::new(&self, &spec.instance, body, part).await.map_err(made())?;
        result::prepare(&self.engine, created.id()).await.map_err(made())?;
        let options =
            bollard::query_parameters::AttachContainerOptionsBuilder::default().stdin(true).stream(true).build();
        let attached = self.engine.client.attach_container(created.id(), Some(options)).await.map_err(made())?;
        let words = out_of_memory_words(&spec.runtime);
        let container = created.start((Some(call.run), words), lines).await?;
        tokio::spawn(async move {
            let mut input = attached.input;
            // A job need not read its event.
            if input.write_all(&call.event).await.is_ok() {
                let _ = input.shutdown().await;
            }
        });
        Ok(Started { container, network: network.unwrap_or_else(networks::none), address: None, facts })
    }
}

/// A container that was started.
struct Started {
    container: Container,
    network: networks::Handle,
    /// Where it listens; `None` if it has ended already.
    address: Option<Address>,
    facts: Arc<Facts>,
}

fn is_missing_network(error: &io::Error) -> bool {
    let text = error.to_string();
    text.contains("network") && text.contains("not found")
}

/// Where a container is reached.
fn address(
    found: &ContainerInspectResponse,
    network: &networks::Network,
    port: u16,
    engine: &Engine,
) -> Option<Address> {
    let settings = found.network_settings.as_ref()?;
    if network.direct {
        let host = settings.networks.as_ref()?.get(&network.name)?.ip_address.clone()?;
        return (!host.is_empty()).then_some(Address::Tcp { host, port });
    }
    let bindings = settings.ports.as_ref()?.get(&format!("{port}/tcp"))?.as_ref()?;
    let binding = bindings.iter().find(|binding| binding.host_port.is_some())?;
    let everywhere = |host: &String| host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_unspecified());
    let host = binding.host_ip.clone().filter(|host| !host.is_empty() && !everywhere(host));
    let host = host.unwrap_or_else(|| engine.host_name());
    Some(Address::Tcp { host, port: binding.host_port.as_ref()?.parse().ok()? })
}

#[async_trait]
impl Executor for Docker {
    fn describe(&self) -> String {
        let Shared { engine, ability, .. } = &*self.shared;
        let runtime = ability.runtime.as_deref().or(engine.info.default_runtime.as_deref()).unwrap_or("runc");
        format!("docker ({}, {runtime})", engine.version())
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let Shared { engine, wall, .. } = &*self.shared;
        if let Err(why) = wall {
            warnings.push(format!(
                "Containers with a network reach private networks and the metadata services of clouds, and all containers reach what listens on the engine's host: nothing closes them, as {why}."
            ));
        }
        if !engine.local {
            warnings.push(
                "The networks of the Docker engine are not this server's: containers are called through published ports, and must have a network.".into(),
            );
        }
        for (there, what) in [
            (engine.info.memory_limit, "memory"),
            (engine.info.swap_limit, "swap"),
            (engine.info.cpu_cfs_quota, "processor time"),
            (engine.info.pids_limit, "the number of processes"),
        ] {
            if there == Some(false) {
                warnings.push(format!("The Docker engine cannot limit {what}: containers take what they like."));
            }
        }
        warnings
    }

    fn runs(&self, form: Form) -> bool {
        form == Form::Image
    }

    fn fault(&self) -> Option<String> {
        self.shared.watch.fault()
    }

    async fn service(&self, spec: Spec, lines: Lines, ready_within: Duration) -> Result<Arc<dyn Instance>, Error> {
        let cpu = spec.limits.cpu;
        let health = spec.health.clone();
        let shared = self.shared.clone();
        let part = shared.together.take(&spec.namespace, &spec.function, room(&spec), SERVICE_WAITS).await?;
        let turn = shared.starts.take(&spec.namespace, &spec.function).await;
        let Started { container, network, address, facts } =
            to_its_end(shared.clone().start_service(spec, part, lines)).await?;
        drop(turn);
        let sign = match health {
            Some(path) => Sign::Path(path),
            None if facts.health.is_some() => Sign::Check,
            None => Sign::Port,
        };
        // Without an address it has ended, which is seen there.
        let address = address.unwrap_or(Address::Tcp { host: String::new(), port: 0 });
        ready(&container, &address, &sign, network.direct, ready_within).await?;
        if cpu < shape::STARTING_CPU {
            let nano_cpus = Some(shape::nano_cpus(cpu, shared.ability.processors));
            let update = ContainerUpdateBody { nano_cpus, ..ContainerUpdateBody::default() };
            if let Err(error) = shared.engine.client.update_container(&container.id, update).await {
                tracing::warn!(%error, "a processor limit could not be set");
            }
        }
        Ok(Arc::new(Service { container, address, shared, _network: network }))
    }

    async fn job(&self, spec: Spec, call: JobCall, lines: Lines) -> Result<JobOutcome, Error> {
        let time_limit = call.timeout;
        // It waits as long as it might run.
        let part = self.shared.together.take(&spec.namespace, &spec.function, room(&spec), time_limit).await?;
        let turn = self.shared.starts.take(&spec.namespace, &spec.function).await;
        let started = to_its_end(self.shared.clone().start_job(spec, part, call, lines)).await?;
        drop(turn);
        let container = &started.container;
        let (mut exit, timed_out) = match timeout(time_limit, container.handle.wait()).await {
            Ok(exit) => (exit, false),
            Err(_) => (container.handle.stop(self.grace).await, true),
        };
        exit.timed_out = timed_out;
        Ok(JobOutcome { exit, result: container.take_result()?, stderr_tail: container.handle.stderr_tail() })
    }
}

/// What a container takes of what all of them have together.
fn room(spec: &Spec) -> Room {
    Room { mebibytes: spec.limits.memory_mb, pids: shape::pids(&spec.limits) }
}

#[async_trait]
impl Images for Docker {
    async fn pull(&self, reference: &str, login: Option<Login>, lines: Lines) -> Result<Image, Error> {
        self.shared.known.fetch(&self.shared.engine, reference, login, &lines).await
    }

    async fn stored(&self) -> Result<Vec<Stored>, Error> {
        let engine = &self.shared.engine;
        own::stored(engine).await.map_err(engine.error("look at the images that were pulled"))
    }

    async fn mark_needed(&self, image: &Stored) -> Result<(), Error> {
        let engine = &self.shared.engine;
        own::mark(engine, &image.id).await.map_err(engine.error("mark an image"))
    }

    async fn remove(&self, image: &Stored) -> Result<bool, Error> {
        let engine = &self.shared.engine;
        let removed = own::remove(engine, image).await.map_err(engine.error("remove an image"))?;
        if removed {
            self.shared.known.forget_id(&image.id);
        }
        Ok(removed)
    }
}

/// Lets a start go on to its end, whoever still waits for it: the engine might make the container of a request that was
/// given up. If nobody waits, what was started is dropped, and removed with that.
async fn to_its_end(start: impl Future<Output = Result<Started, Error>> + Send + 'static) -> Result<Started, Error> {
    let (done, started) = oneshot::channel();
    tokio::spawn(async move {
        let _ = done.send(start.await);
    });
    started.await.unwrap_or_else(|_| {
        let source = io::Error::other("the server ends");
        Err(Error::Io { what: "start a container".into(), source })
    })
}

/// A running service.
#[derive(Debug)]
struct Service {
    container: Container,
    address: Address,
    shared: Arc<Shared>,
    _network: networks::Handle,
}

#[async_trait]
impl Instance for Service {
    fn address(&self) -> &Address {
        &self.address
    }

    fn exited(&self) -> Option<Exit> {
        self.container.handle.exited()
    }

    async fn wait(&self) -> Exit {
        self.container.handle.wait().await
    }

    async fn stop(&self, grace: Duration) -> Exit {
        self.container.handle.stop(grace).await
    }

    fn stderr_tail(&self) -> Vec<String> {
        self.container.handle.stderr_tail()
    }

    fn container(&self) -> Option<&str> {
        Some(&self.container.id)
    }

    fn node(&self) -> Option<&str> {
        self.shared.engine.info.name.as_deref()
    }

    async fn reading(&self) -> Option<Reading> {
        stats::reading(&self.shared.engine, &self.container.id).await
    }
}
