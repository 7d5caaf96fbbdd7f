//! Limits the number of functions in a namespace, since an event may reach all of them, and each run is a separate
//! record.
//!
//! A registration is checked before it is recorded, which refuses nearly all of them, and on a single server all. If
//! several servers register at the same moment, those beyond the limit in the log's order are withdrawn.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use domain::function::{self, Command};
use tokio::sync::{Mutex, MutexGuard};

use super::{Caller, Refusal, Services, first_position};
use crate::clock;
use crate::store::{FunctionFilter, PageRequest};

/// Number of locks shared by namespaces.
const TURNS: usize = 64;

static REGISTERING: [Mutex<()>; TURNS] = [const { Mutex::const_new(()) }; TURNS];

/// Serializes registrations in a namespace on this server.
pub(super) async fn turn(namespace: &str) -> MutexGuard<'static, ()> {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(namespace);
    let index = usize::try_from(hash % TURNS as u64).unwrap_or(0);
    REGISTERING[index].lock().await
}

/// Checks whether there is room for one more function.
///
/// # Errors
/// `too_many_functions`, or if the log is not available.
pub(super) async fn check(services: &Services, namespace: &str) -> Result<(), Refusal> {
    let there = count(services, namespace, None).await?;
    match there < services.settings.limits.functions {
        true => Ok(()),
        false => Err(full(services, namespace, there)),
    }
}

/// Withdraws a function that was just registered if the limit was already reached before it.
///
/// # Errors
/// `too_many_functions` if it was withdrawn; or if the log is not available.
pub(super) async fn settle(
    services: &Services,
    caller: &Caller,
    id: function::Id,
    namespace: &str,
) -> Result<(), Refusal> {
    let own = first_position(services, id).await?;
    let before = count(services, namespace, Some(own)).await?;
    if before < services.settings.limits.functions {
        return Ok(());
    }
    services.guarded.commands.function(id, Command::Deregister { at: clock::now() }, caller.cause()).await?;
    Err(full(services, namespace, before))
}

/// The number of functions in a namespace, optionally only those registered before a position.
async fn count(services: &Services, namespace: &str, before: Option<u64>) -> Result<usize, Refusal> {
    let namespaces = Some(vec![namespace.to_owned()]);
    let filter = FunctionFilter { namespaces, registered_before: before, ..FunctionFilter::default() };
    let there = services.guarded.store.functions(&filter, &PageRequest::first(1).counted()).await?.total;
    Ok(usize::try_from(there).unwrap_or(usize::MAX))
}

fn full(services: &Services, namespace: &str, there: usize) -> Refusal {
    let limit = services.settings.limits.functions;
    let message = format!(
        "the namespace `{namespace}` has {there} functions, and {limit} is the limit (EVENTFLOW_MAX_FUNCTIONS): \
         deregister some, or use another namespace"
    );
    Refusal::problem("too_many_functions", message).at(&["input", "namespace"])
}
