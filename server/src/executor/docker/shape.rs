//! What a container may do: the request that makes one, from the specification of an instance.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType,
    MountVolumeOptions, NetworkingConfig, PortBinding, ResourcesUlimits,
};

use super::super::wrapped::{as_job, in_image};
use super::super::{Error, Limits, Runtime, Spec};
use super::images::Facts;
use super::labels::Owner;
use super::vetting;

/// The port of an image that names none.
pub(super) const DEFAULT_PORT: u16 = 8080;

/// The least memory that a container starts with.
const MIN_MEMORY_MB: u64 = 16;

/// The user of an image that names none, or root: nobody, whom nearly every base image lists. It owns no files.
const NOBODY: &str = "65534:65534";

/// The folder of a job's result.
pub(super) const RESULT_FOLDER: &str = "/eventflow";

/// The file in it.
pub(super) const RESULT_FILE: &str = "result";

/// Folders that can be written, in memory: nothing else can. The last ones are for web servers that insist on them.
const WRITABLE: [&str; 4] = ["/tmp", "/var/tmp", "/run", "/var/cache/nginx"];

/// File descriptors that each process may have.
const MAX_OPEN_FILES: i64 = 16_384;

/// Lines of a container that are kept on the engine's disk, by the size of a file and the number of files.
const LOG_FILE: &str = "8m";
const LOG_FILES: &str = "2";

/// Part of the memory that may be used as shared memory.
const SHARED_PART: u64 = 4;

/// Processes of the engine's own in a container: the first one, which passes signals on.
const OWN_PIDS: u64 = 2;

/// The processes of a container: those that its function may have, and the engine's.
pub(super) const fn pids(limits: &Limits) -> u64 {
    limits.pids.saturating_add(OWN_PIDS)
}

/// Processors that a service may use while it starts, whatever its limit later.
pub(super) const STARTING_CPU: f64 = 1.0;

/// An engine that knows no shorter interval for the start checks the health at least this often.
const HEALTH_INTERVAL: Duration = Duration::from_secs(2);

/// What a container is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose<'n> {
    /// It listens on a port, in a network.
    Service {
        /// The name of the network.
        network: &'n str,
        /// The address of the engine's host on which the port is published; `None`, the container's own is used.
        publish_on: Option<&'n str>,
    },
    /// It reads its event from standard input.
    Job {
        /// The name of the network, if it has a way out.
        network: Option<&'n str>,
    },
}

/// The port that a service listens on.
pub(super) fn port(spec: &Spec, facts: &Facts) -> u16 {
    spec.port.or(facts.port).unwrap_or(DEFAULT_PORT)
}

/// Refuses what cannot be run, whatever the image is.
pub(super) fn check(spec: &Spec) -> Result<(), Error> {
    if spec.limits.memory_mb < MIN_MEMORY_MB {
        return Err(Error::Refused(format!(
            "memory_mb is {}, and must be at least {MIN_MEMORY_MB}",
            spec.limits.memory_mb
        )));
    }
    if spec.limits.pids == 0 {
        return Err(Error::Refused("pids is 0, and must be at least 1".into()));
    }
    for (name, value) in &spec.env {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(Error::Refused(format!(
                "{name:?} cannot be a variable: its name is empty or holds '=', or there is a zero byte in it"
            )));
        }
    }
    Ok(())
}

/// What the engine can do.
#[derive(Debug, Clone, Default)]
pub(super) struct Ability {
    /// Its processors.
    pub(super) processors: f64,
    /// Whether it can check the health more often during a start.
    pub(super) start_interval: bool,
    /// `EVENTFLOW_DOCKER_RUNTIME`.
    pub(super) runtime: Option<String>,
}

/// The request for a container.
pub(super) fn body(
    spec: &Spec,
    facts: &Facts,
    owner: &Owner,
    ability: &Ability,
    purpose: Purpose<'_>,
    more: BTreeMap<String, String>,
) -> Result<ContainerCreateBody, Error> {
    let is_job = matches!(purpose, Purpose::Job { .. });
    let Program { entrypoint, command } = program(spec, facts, is_job)?;
    let network = match purpose {
        Purpose::Service { network, .. } => Some(network),
        Purpose::Job { network } => network,
    };
    let port = port(spec, facts);
    let exposed = (!is_job).then(|| format!("{port}/tcp"));
    let published = match purpose {
        Purpose::Service { publish_on: Some(host), .. } => {
            let binding = PortBinding { host_ip: Some(host.to_owned()), host_port: None };
            Some(HashMap::from([(format!("{port}/tcp"), Some(vec![binding]))]))
        }
        _ => None,
    };
    let endpoints = network.map(|name| HashMap::from([(name.to_owned(), EndpointSettings::default())]));
    let host = HostConfig {
        network_mode: Some(network.unwrap_or("none").to_owned()),
        port_bindings: published,
        ..host_config(spec, facts, ability, is_job)
    };
    Ok(ContainerCreateBody {
        image: Some(facts.id.clone()),
        user: facts.is_root.then(|| NOBODY.to_owned()),
        entrypoint,
        cmd: command,
        env: Some(env(spec, facts, (!is_job).then_some(port), more)),
        labels: Some(labels(spec, facts, owner)),
        exposed_ports: exposed.map(|port| vec![port]),
        healthcheck: if is_job { Some(no_check()) } else { facts.health.clone().map(|health| sooner(health, ability)) },
        attach_stdin: Some(is_job),
        open_stdin: Some(is_job),
        stdin_once: Some(is_job),
        tty: Some(false),
        networking_config: Some(NetworkingConfig { endpoints_config: endpoints }),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    })
}

/// Its own labels, and those of its image without their values: a proxy, Compose or whatever else looks at the labels of an engine's
/// containers must not take one for what its image says.
fn labels(spec: &Spec, facts: &Facts, owner: &Owner) -> HashMap<String, String> {
    let of_image = facts.labels.iter().map(|name| (name.clone(), String::new()));
    of_image.chain(owner.labels_of(spec)).collect()
}

/// What is started, as far as it is not the image's own.
#[derive(Default)]
struct Program {
    entrypoint: Option<Vec<String>>,
    command: Option<Vec<String>>,
}

fn program(spec: &Spec, facts: &Facts, is_job: bool) -> Result<Program, Error> {
    if let Some(wrapper) = in_image(&spec.runtime, Some(spec.limits.memory_mb)) {
        let wrapper = if is_job { as_job(wrapper, spec)? } else { wrapper };
        return Ok(Program { entrypoint: Some(wrapper), command: None });
    }
    match &spec.runtime {
        Runtime::Command(command) if !command.is_empty() => {
            Ok(Program { entrypoint: None, command: Some(command.clone()) })
        }
        _ if facts.runs_something => Ok(Program::default()),
        _ => Err(Error::Refused(format!("the image of {} does not say what is run: set `command`", spec.function))),
    }
}

fn host_config(spec: &Spec, facts: &Facts, ability: &Ability, is_job: bool) -> HostConfig {
    let Limits { memory_mb, cpu, .. } = spec.limits;
    let memory = bytes(memory_mb);
    let mut ulimits = vec![limit("nofile", MAX_OPEN_FILES), limit("core", 0)];
    if is_job {
        // The result is on the engine's disk.
        ulimits.push(limit("fsize", memory));
    }
    let cpu = if is_job { cpu } else { cpu.max(STARTING_CPU) };
    // A volume of an image would be a folder on the engine's disk that has no limit.
    let writable =
        WRITABLE.into_iter().map(str::to_owned).chain(facts.volumes.iter().filter_map(|folder| vetting::clean(folder)));
    // "No space left" comes before the end by the memory limit.
    let options = format!("rw,exec,nosuid,nodev,size={},mode=1777", memory / 2);
    HostConfig {
        // When the host's memory is full, containers go before the server and the engine.
        oom_score_adj: Some(1000),
        mounts: is_job.then(|| vec![result_folder()]),
        memory: Some(memory),
        memory_swap: Some(memory),
        nano_cpus: Some(nano_cpus(cpu, ability.processors)),
        pids_limit: i64::try_from(pids(&spec.limits)).ok(),
        ulimits: Some(ulimits),
        shm_size: Some(memory / i64::try_from(SHARED_PART).unwrap_or(4)),
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges".into()]),
        readonly_rootfs: Some(true),
        tmpfs: Some(writable.map(|folder| (folder, options.clone())).collect()),
        init: Some(true),
        ipc_mode: Some("private".into()),
        runtime: ability.runtime.clone(),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".into()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), LOG_FILE.to_owned()),
                ("max-file".to_owned(), LOG_FILES.to_owned()),
            ])),
        }),
        ..HostConfig::default()
    }
}

/// The processor limit as the engine takes it: not more than it has.
pub(super) fn nano_cpus(cpu: f64, processors: f64) -> i64 {
    (cpu.clamp(0.01, processors.max(0.01)) * 1e9) as i64
}

/// An empty folder of root's. What the image has in its place, with whatever rights, is not copied.
fn result_folder() -> Mount {
    let options = MountVolumeOptions { no_copy: Some(true), ..MountVolumeOptions::default() };
    Mount {
        target: Some(RESULT_FOLDER.to_owned()),
        typ: Some(MountType::VOLUME),
        volume_options: Some(options),
        ..Mount::default()
    }
}

fn bytes(mebibytes: u64) -> i64 {
    i64::try_from(mebibytes.saturating_mul(1 << 20)).unwrap_or(i64::MAX)
}

fn limit(name: &str, value: i64) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.into()), soft: Some(value), hard: Some(value) }
}

fn env(spec: &Spec, facts: &Facts, port: Option<u16>, more: BTreeMap<String, String>) -> Vec<String> {
    let mut env = BTreeMap::new();
    if !facts.variables.iter().any(|name| name == "HOME") {
        env.insert("HOME".to_owned(), "/tmp".to_owned());
    }
    env.extend(spec.env.clone());
    env.extend(port.map(|port| ("PORT".to_owned(), port.to_string())));
    env.insert("EVENTFLOW_FUNCTION".into(), spec.function.clone());
    env.insert("EVENTFLOW_NAMESPACE".into(), spec.namespace.clone());
    env.insert("EVENTFLOW_VERSION".into(), spec.version.to_string());
    env.insert("EVENTFLOW_MEMORY_MB".into(), spec.limits.memory_mb.to_string());
    env.extend(more);
    env.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn no_check() -> HealthConfig {
    HealthConfig { test: Some(vec!["NONE".into()]), ..HealthConfig::default() }
}

/// The image's own check, done often enough that a start is noticed.
fn sooner(health: HealthConfig, ability: &Ability) -> HealthConfig {
    let interval = i64::try_from(HEALTH_INTERVAL.as_nanos()).unwrap_or_default();
    if ability.start_interval {
        let period = health.start_period.unwrap_or_default().max(30 * interval);
        let own = health.interval.map(|own| if own > 0 { own.max(interval) } else { own });
        return HealthConfig {
            interval: own,
            start_interval: Some(interval / 4),
            start_period: Some(period),
            ..health
        };
    }
    HealthConfig { interval: Some(interval), ..health }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Code, Network};
    use super::*;

    fn facts() -> Facts {
        Facts {
            id: "sha256:00".into(),
            is_root: true,
            port: None,
            health: None,
            variables: Vec::new(),
            runs_something: true,
            volumes: vec!["//data/".into(), "/".into()],
            labels: vec!["com.docker.compose.service".into(), "io.eventflow.server".into()],
        }
    }

    fn spec() -> Spec {
        Spec {
            instance: "f-1".into(),
            function: "f".into(),
            namespace: "default".into(),
            version: 3,
            code: Code::Image("app@sha256:00".into()),
            runtime: Runtime::Command(Vec::new()),
            port: None,
            health: None,
            login: None,
            env: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
            limits: Limits { memory_mb: 64, cpu: 0.5, pids: 10, network: Network::None },
        }
    }

    fn made(spec: &Spec, facts: &Facts, purpose: Purpose<'_>) -> ContainerCreateBody {
        let ability = Ability { processors: 2.0, ..Ability::default() };
        body(spec, facts, &Owner::new("here"), &ability, purpose, BTreeMap::new()).unwrap()
    }

    #[test]
    fn a_container_has_no_rights_and_all_limits() {
        let service = Purpose::Service { network: "n", publish_on: None };
        let body = made(&spec(), &facts(), service);
        let host = body.host_config.unwrap();
        assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
        assert_eq!(host.security_opt, Some(vec!["no-new-privileges".to_owned()]));
        assert_eq!((host.readonly_rootfs, host.privileged, host.binds), (Some(true), None, None));
        assert_eq!((host.oom_score_adj, host.mounts), (Some(1000), None));
        assert_eq!((host.memory, host.memory_swap), (Some(64 << 20), Some(64 << 20)));
        assert_eq!((host.pids_limit, host.nano_cpus), (Some(12), Some(1_000_000_000)));
        assert_eq!(body.user.as_deref(), Some(NOBODY));
        let labels = body.labels.unwrap();
        assert_eq!(
            (labels["com.docker.compose.service"].as_str(), labels["io.eventflow.server"].as_str()),
            ("", "here")
        );
        let tmpfs = host.tmpfs.unwrap();
        assert!(!tmpfs.contains_key("/data/"));
        assert!(tmpfs["/data"].contains("size=33554432") && tmpfs.contains_key("/tmp"));
        assert!(body.env.unwrap().contains(&"PORT=8080".to_owned()));
        assert_eq!(host.port_bindings, None);
    }

    #[test]
    fn an_image_that_names_a_user_a_port_and_a_home_keeps_them() {
        let facts = Facts { is_root: false, port: Some(80), variables: vec!["HOME".into(), "PATH".into()], ..facts() };
        let body = made(&spec(), &facts, Purpose::Service { network: "n", publish_on: Some("127.0.0.1") });
        assert_eq!(body.user, None);
        let env = body.env.unwrap();
        assert!(env.contains(&"PORT=80".to_owned()) && !env.iter().any(|line| line.starts_with("HOME=")));
        let published = body.host_config.unwrap().port_bindings.unwrap();
        assert_eq!(published["80/tcp"].as_ref().unwrap()[0].host_ip.as_deref(), Some("127.0.0.1"));
        assert_eq!(port(&Spec { port: Some(9000), ..spec() }, &facts), 9000);
    }

    #[test]
    fn a_job_has_no_network_unless_it_asks_and_may_write_its_result() {
        let body = made(&spec(), &facts(), Purpose::Job { network: None });
        let host = body.host_config.unwrap();
        assert_eq!(host.network_mode.as_deref(), Some("none"));
        assert_eq!(host.nano_cpus, Some(500_000_000));
        assert!(host.ulimits.unwrap().iter().any(|limit| limit.name.as_deref() == Some("fsize")));
        let mounts = host.mounts.unwrap();
        assert_eq!((body.open_stdin, mounts[0].target.as_deref()), (Some(true), Some(RESULT_FOLDER)));
        let options = mounts[0].volume_options.as_ref().unwrap();
        assert_eq!(options.no_copy, Some(true), "the image decides nothing about it");
        assert!(!body.env.unwrap().iter().any(|line| line.starts_with("PORT=")));
    }

    #[test]
    fn what_was_made_of_files_is_started_by_its_wrapper() {
        let spec = Spec { runtime: Runtime::Node { handler: "index.handler".into() }, ..spec() };
        let service = made(&spec, &facts(), Purpose::Service { network: "n", publish_on: None });
        let program = ["node", "--max-old-space-size=48", "/opt/eventflow/node/wrapper.cjs", "index.handler"];
        assert_eq!((service.entrypoint.unwrap(), service.cmd), (program.map(str::to_owned).to_vec(), None));
        let job = made(&spec, &facts(), Purpose::Job { network: None });
        assert_eq!(job.entrypoint.unwrap().last().unwrap(), "--job");
    }

    #[test]
    fn what_cannot_run_is_refused() {
        let limits = |limits| check(&Spec { limits, ..spec() });
        assert!(limits(Limits { memory_mb: 4, ..spec().limits }).is_err());
        assert!(limits(Limits { pids: 0, ..spec().limits }).is_err());
        let facts = Facts { runs_something: false, ..facts() };
        let job = Purpose::Job { network: None };
        let refused = body(&spec(), &facts, &Owner::new("here"), &Ability::default(), job, BTreeMap::new());
        assert!(refused.unwrap_err().to_string().contains("set `command`"));
    }
}
