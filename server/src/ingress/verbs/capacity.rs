//! How many functions a namespace may have. An event may reach all of them, and each run is a record of its own.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use tokio::sync::{Mutex, MutexGuard};

use crate::ingress::Services;
use crate::ingress::error::Refusal;
use crate::store::{FunctionFilter, PageRequest};

/// Namespaces take turns by these: a few share one.
const TURNS: usize = 64;

static REGISTERING: [Mutex<()>; TURNS] = [const { Mutex::const_new(()) }; TURNS];

/// Whoever has it is the only one who registers in the namespace on this server.
pub(super) async fn turn(namespace: &str) -> MutexGuard<'static, ()> {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(namespace);
    let index = usize::try_from(hash % TURNS as u64).unwrap_or(0);
    REGISTERING[index].lock().await
}

/// Whether there is room for one more function.
///
/// # Errors
/// `too_many_functions`, or when the log is away.
pub(super) async fn check(services: &Services, namespace: &str) -> Result<(), Refusal> {
    let limit = services.settings.limits.functions;
    let filter = FunctionFilter { namespaces: Some(vec![namespace.to_owned()]), ..FunctionFilter::default() };
    let there = services.store.functions(&filter, &PageRequest::first(1).counted()).await?.total;
    if usize::try_from(there).unwrap_or(usize::MAX) < limit {
        return Ok(());
    }
    let message = format!(
        "the namespace `{namespace}` has {there} functions, and {limit} is the limit (EVENTFLOW_MAX_FUNCTIONS): \
         deregister some, or use another namespace"
    );
    Err(Refusal::problem("too_many_functions", message).at(&["input", "namespace"]))
}
