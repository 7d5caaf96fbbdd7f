//! The connection to the container engine, and what its answers mean for people.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use bollard::errors::Error as Fault;
use bollard::models::{ContainerInspectResponse, ContainerSummary, SystemInfo};
use bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
};

use super::super::Error;
use crate::config::Registry;

/// How long the engine may take for an answer to one call, in seconds.
const ANSWER_SECONDS: u64 = 120;

const LOCALHOST: &str = "localhost";

/// The name that the engine gives the bridge of its default network.
const DEFAULT_BRIDGE_OPTION: &str = "com.docker.network.bridge.name";

/// A container engine that has answered.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) client: bollard::Docker,
    /// Where it listens, as `DOCKER_HOST` has it.
    pub(super) host: String,
    /// Whether its bridges are in this server's own network namespace: containers can be reached by their own addresses.
    pub(super) local: bool,
    pub(super) info: SystemInfo,
    /// The registry that built images are pushed to.
    pub(super) registry: Option<Registry>,
    /// Whose images are told apart from those of others.
    pub(super) installation: String,
}

impl Engine {
    /// Connects, by TLS with the certificates of a folder if there is one, and agrees on a version of the interface.
    ///
    /// # Errors
    /// [`Error::Io`] when no engine answers, [`Error::Refused`] when the address is none or the certificates cannot be used.
    pub(super) async fn connect(
        host: &str,
        certificates: Option<&Path>,
        installation: &str,
        registry: Option<Registry>,
    ) -> Result<Self, Error> {
        let client = client(host, certificates)?;
        let client = client.negotiate_version().await.map_err(|fault| away(host, &fault))?;
        let info = client.info().await.map_err(|fault| away(host, &fault))?;
        let local = host.starts_with("unix://") && has_default_bridge(&client).await;
        Ok(Self { client, host: host.to_owned(), local, info, registry, installation: installation.to_owned() })
    }

    /// Turns a fault into an error that says what could not be done.
    pub(super) fn error(&self, what: impl Display) -> impl FnOnce(Fault) -> Error {
        let what = what.to_string();
        move |fault| match status(&fault) {
            Some(_) if is_full(&fault) => Error::Io {
                what,
                source: io::Error::new(
                    io::ErrorKind::StorageFull,
                    "the disk of the Docker engine is full: remove images and containers that nobody needs (`docker system df` shows them)",
                ),
            },
            Some(_) => {
                Error::Io { what, source: io::Error::other(format!("the Docker engine says: {}", message(&fault))) }
            }
            None => Error::Io { what, source: absent(&self.host, &fault) },
        }
    }

    /// What the engine knows of a container; `None` if there is no such container.
    pub(super) async fn inspect(&self, id: &str) -> Result<Option<ContainerInspectResponse>, Fault> {
        match self.client.inspect_container(id, None::<InspectContainerOptions>).await {
            Ok(found) => Ok(Some(found)),
            Err(fault) if status(&fault) == Some(404) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// All containers with a label, those that have ended, too.
    pub(super) async fn labelled(&self, label: &str) -> Result<Vec<ContainerSummary>, Fault> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        self.client.list_containers(Some(options)).await
    }

    /// Sends a signal. Does nothing if the container has ended or is gone.
    pub(super) async fn signal(&self, id: &str, signal: &str) -> Result<(), Fault> {
        let options = KillContainerOptionsBuilder::default().signal(signal).build();
        match self.client.kill_container(id, Some(options)).await {
            Err(fault) if matches!(status(&fault), Some(404)) => Ok(()),
            // One that was paused from outside takes no signal; one that has ended is no concern.
            Err(fault) if matches!(status(&fault), Some(409 | 500)) => {
                if message(&fault).contains("paused") {
                    self.client.unpause_container(id).await?;
                }
                Ok(())
            }
            other => other,
        }
    }

    /// Removes a container with everything that is only its own, whatever it is doing. Fine if there is none.
    pub(super) async fn remove(&self, id: &str) -> Result<(), Fault> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match self.client.remove_container(id, Some(options)).await {
            // Gone, or somebody else is at it.
            Err(fault) if matches!(status(&fault), Some(404 | 409)) => Ok(()),
            other => other,
        }
    }

    /// The architecture of images that it runs, in the words of images: `amd64`.
    pub(super) fn architecture(&self) -> &str {
        match self.info.architecture.as_deref().unwrap_or_default() {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "armv7l" | "armv6l" => "arm",
            "i686" | "i386" => "386",
            other => other,
        }
    }

    /// The version, for people.
    pub(super) fn version(&self) -> &str {
        self.info.server_version.as_deref().unwrap_or("of an unknown version")
    }

    /// The address on which ports are published: one that this server reaches, and as few others as can be.
    pub(super) fn published_on(&self) -> String {
        let host = self.host_name();
        match host.parse::<IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) if host == LOCALHOST => Ipv4Addr::LOCALHOST.to_string(),
            // The name stands for an address that the engine's host may not have itself.
            Err(_) => Ipv4Addr::UNSPECIFIED.to_string(),
        }
    }

    /// The host on which published ports are reached.
    pub(super) fn host_name(&self) -> String {
        let address = ["tcp://", "http://", "https://"].iter().find_map(|scheme| self.host.strip_prefix(scheme));
        let url = address.and_then(|address| url::Url::parse(&format!("http://{address}")).ok());
        let host = url.as_ref().and_then(url::Url::host_str).unwrap_or(LOCALHOST);
        host.trim_matches(['[', ']']).to_owned()
    }

    /// Its processors.
    pub(super) fn processors(&self) -> f64 {
        self.info.ncpu.map_or(f64::MAX, |number| number as f64)
    }
}

/// What calls the engine. As in Docker's own client, TLS is for engines that are reached by TCP.
fn client(host: &str, certificates: Option<&Path>) -> Result<bollard::Docker, Error> {
    let is_tcp = ["tcp://", "http://", "https://"].iter().any(|scheme| host.starts_with(scheme));
    let client = match certificates.filter(|_| is_tcp) {
        Some(folder) => {
            let [key, cert, ca] = ["key.pem", "cert.pem", "ca.pem"].map(|name| folder.join(name));
            for file in [&key, &cert, &ca] {
                fs::File::open(file).map_err(|error| {
                    Error::Refused(format!(
                        "the Docker engine is called by TLS, and {} cannot be read ({error}): DOCKER_CERT_PATH is a folder with ca.pem, cert.pem and key.pem",
                        file.display()
                    ))
                })?;
            }
            bollard::Docker::connect_with_ssl(host, &key, &cert, &ca, ANSWER_SECONDS, bollard::API_DEFAULT_VERSION)
        }
        None if is_tcp => bollard::Docker::connect_with_http(host, ANSWER_SECONDS, bollard::API_DEFAULT_VERSION),
        None => bollard::Docker::connect_with_host(host),
    };
    client.map_err(|fault| match fault {
        Fault::UnsupportedURISchemeError { .. } => {
            Error::Refused(format!("`{host}` is no address of a Docker engine: unix://PATH or tcp://HOST:PORT"))
        }
        Fault::CertParseError { path } | Fault::CertPathError { path } => {
            Error::Refused(format!("{} is no certificate that the Docker engine could be called with", path.display()))
        }
        fault => away(host, &fault),
    })
}

async fn has_default_bridge(client: &bollard::Docker) -> bool {
    let Ok(network) = client.inspect_network("bridge", None).await else { return false };
    let name = network.options.and_then(|mut options| options.remove(DEFAULT_BRIDGE_OPTION));
    name.is_some_and(|name| is_interface(&name))
}

/// Whether this server's network namespace has an interface of this name.
pub(super) fn is_interface(name: &str) -> bool {
    Path::new("/sys/class/net").join(name).exists()
}

/// The status of the engine's answer; `None` if it did not answer.
pub(super) fn status(fault: &Fault) -> Option<u16> {
    match fault {
        Fault::DockerResponseServerError { status_code, .. } => Some(*status_code),
        // What it says in the middle of an answer.
        Fault::DockerStreamError { .. } => Some(500),
        _ => None,
    }
}

/// The engine's own words.
pub(super) fn message(fault: &Fault) -> String {
    match fault {
        Fault::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Fault::DockerStreamError { error } => error.trim().to_owned(),
        other => innermost(other),
    }
}

/// Whether it failed for lack of space.
pub(super) fn is_full(fault: &Fault) -> bool {
    message(fault).contains("no space left on device")
}

fn away(host: &str, fault: &Fault) -> Error {
    Error::Io { what: "use containers".into(), source: absent(host, fault) }
}

/// The error of an engine that does not answer.
pub(super) fn absent(host: &str, fault: &Fault) -> io::Error {
    let why = match fault {
        Fault::SocketNotFoundError(path) => format!("there is no socket {path}"),
        other => innermost(other),
    };
    let advice = advice(&why);
    io::Error::new(
        io::ErrorKind::NotConnected,
        format!("the Docker engine at {host} does not answer ({why}): {advice}"),
    )
}

/// What to do about it.
fn advice(why: &str) -> &'static str {
    if why.contains("peer certificate") {
        "nothing in ca.pem, in DOCKER_CERT_PATH, proves the engine's certificate for this address"
    } else if why.contains("received fatal alert") {
        "it does not accept cert.pem, in DOCKER_CERT_PATH"
    } else if why.contains("HTTP request to an HTTPS server") {
        "it is called by TLS, for which DOCKER_TLS_VERIFY and DOCKER_CERT_PATH are set"
    } else {
        "start it, or set DOCKER_HOST to one that runs"
    }
}

/// What an error is in the end.
fn innermost(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => error.to_string(),
    }
}
