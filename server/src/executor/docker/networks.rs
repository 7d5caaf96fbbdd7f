//! The networks of containers: two for each namespace, with and without a way out.

use std::collections::HashMap;
use std::sync::Arc;

use bollard::errors::Error as Fault;
use bollard::models::NetworkCreateRequest;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::super::Error;
use super::engine::{Engine, is_interface, message, status};
use super::labels::Owner;

/// What the names of all bridges begin with. Those with a way out go on with [`OUTWARD`], the others with [`INWARD`].
const PREFIX: &str = "ef";
const OUTWARD: &str = "o";
const INWARD: &str = "x";

/// Hexadecimal digits of the server and of the namespace in the name of a bridge, which has at most 15 characters.
const SERVER_DIGITS: usize = 5;
const NAMESPACE_DIGITS: usize = 7;

/// What the engine says when its ranges of addresses are used up.
const NO_ADDRESSES: &str = "non-overlapping IPv4 address pool";

/// A network that an instance is in. The engine's network is kept as long as there are any.
pub(super) type Handle = Arc<Network>;

/// A network of a namespace.
#[derive(Debug)]
pub(super) struct Network {
    /// Its name on the engine.
    pub(super) name: String,
    /// Whether this server reaches its containers by their own addresses.
    pub(super) direct: bool,
}

/// The network of a container that has none.
pub(super) fn none() -> Handle {
    Arc::new(Network { name: "none".into(), direct: false })
}

/// The networks that there are, by namespace and whether they have a way out.
#[derive(Debug, Default)]
pub(super) struct Networks(Mutex<HashMap<(String, bool), Handle>>);

impl Networks {
    /// The network of a namespace, made if need be.
    pub(super) async fn of(
        &self,
        engine: &Engine,
        owner: &Owner,
        namespace: &str,
        outward: bool,
    ) -> Result<Handle, Error> {
        let mut all = self.0.lock().await;
        let key = (namespace.to_owned(), outward);
        if let Some(known) = all.get(&key) {
            return Ok(known.clone());
        }
        let request = request(owner, namespace, outward);
        let failed = || engine.error(format!("make a network for the namespace {namespace}"));
        let mut made = engine.client.create_network(request.clone()).await;
        if made.as_ref().is_err_and(|fault| message(fault).contains(NO_ADDRESSES)) {
            clear(engine, &mut all).await;
            made = engine.client.create_network(request.clone()).await;
        }
        match made {
            Ok(_) => {}
            // It is there: left by a server that died, or made by a start that was given up.
            Err(fault) if status(&fault) == Some(409) || is_there(&message(&fault)) => {}
            Err(fault) => return Err(failed()(fault)),
        }
        let direct = engine.local && is_interface(&bridge(owner, namespace, outward));
        let network = Arc::new(Network { name: request.name, direct });
        all.insert(key, network.clone());
        Ok(network)
    }

    /// A network is not there any more.
    pub(super) async fn forget(&self, network: &Handle) {
        self.0.lock().await.retain(|_, known| known.name != network.name);
    }

    /// Removes the networks that no instance is in.
    pub(super) async fn clear(&self, engine: &Engine) {
        clear(engine, &mut *self.0.lock().await).await;
    }
}

/// Whether a network is not made because there is one with its name, or with its bridge, which has the same owner.
fn is_there(says: &str) -> bool {
    says.contains("already exists") || says.contains("networks have same bridge name")
}

async fn clear(engine: &Engine, all: &mut HashMap<(String, bool), Handle>) {
    let unused: Vec<_> =
        all.iter().filter(|(_, network)| Arc::strong_count(network) == 1).map(|(key, _)| key.clone()).collect();
    for key in unused {
        if let Some(network) = all.remove(&key) {
            let _: Result<(), Fault> = engine.client.remove_network(&network.name).await;
        }
    }
}

fn request(owner: &Owner, namespace: &str, outward: bool) -> NetworkCreateRequest {
    let reach = if outward { "open" } else { "closed" };
    let bridge = bridge(owner, namespace, outward);
    NetworkCreateRequest {
        name: format!("eventflow-{}-{namespace}-{reach}", owner.server),
        driver: Some("bridge".into()),
        internal: Some(!outward),
        enable_ipv6: Some(false),
        options: Some(HashMap::from([("com.docker.network.bridge.name".to_owned(), bridge)])),
        labels: Some(owner.labels()),
        ..NetworkCreateRequest::default()
    }
}

/// What the names of a server's bridges begin with.
pub(super) fn bridges(owner: &Owner, outward: bool) -> String {
    let reach = if outward { OUTWARD } else { INWARD };
    format!("{PREFIX}{reach}{}", &digits(&owner.server)[..SERVER_DIGITS])
}

fn bridge(owner: &Owner, namespace: &str, outward: bool) -> String {
    format!("{}{}", bridges(owner, outward), &digits(namespace)[..NAMESPACE_DIGITS])
}

fn digits(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_has_a_name_that_the_kernel_takes() {
        let owner = Owner::new("0123456789ab");
        let (open, closed) = (bridge(&owner, "default", true), bridge(&owner, "default", false));
        assert_eq!((open.len(), closed.len()), (15, 15));
        assert!(open.starts_with(&bridges(&owner, true)) && closed.starts_with(&bridges(&owner, false)));
        assert_ne!(open, bridge(&owner, "another", true));
    }
}
