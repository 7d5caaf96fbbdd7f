//! Ambiguous names below `/function/`: a first segment that is a function of the default namespace takes precedence
//! over one that is a namespace. Whoever may write to one of the two must not receive the calls of the other.
//!
//! A registration is checked before it is recorded, which refuses nearly all of them, and once more afterwards: of two
//! recorded at the same moment, on any servers, the later one in the log is withdrawn. The log has the same order for
//! all servers, and whoever checks after recording sees everything recorded before, so one of them does so.

use domain::function::{self, Command, Status};

use super::{Caller, Problem, Refusal, Services, first_position};
use crate::clock;
use crate::store::{FunctionFilter, FunctionRow, PageRequest};

/// Maximum number of functions that are compared individually. A namespace with more of them is older than any
/// newcomer.
const COMPARED: u32 = 50;

/// Why a function cannot be registered with this name.
///
/// # Errors
/// If the log is not available.
pub(super) async fn problem(
    services: &Services,
    caller: &Caller,
    namespace: &str,
    name: &str,
) -> Result<Option<Problem>, Refusal> {
    if !rivals(services, namespace, name, 1).await?.0.is_empty() {
        return Ok(Some(ambiguous(services, caller, namespace, name)));
    }
    let kept = namespace == services.settings.namespace && services.settings.edge.reserved_names.contain(name);
    if !kept {
        return Ok(None);
    }
    // An existing function may be registered again.
    let newest = services.guarded.store.function_named(namespace, name).await?;
    let is_new = newest.is_none_or(|row| row.state == Status::Deregistered);
    Ok(is_new.then(|| reserved(name, "name")))
}

/// Which of these names a new function of the namespace could not have, apart from names of existing functions.
///
/// # Errors
/// If the log is not available.
pub(super) async fn unusable(services: &Services, namespace: &str, names: &[String]) -> Result<Vec<String>, Refusal> {
    let default = services.settings.namespace.as_str();
    if namespace != default {
        return Ok(Vec::new());
    }
    let mut found = services.guarded.store.namespaces_among(names).await?;
    found.retain(|name| name != default);
    let reserved = &services.settings.edge.reserved_names;
    found.extend(names.iter().filter(|name| reserved.contain(name)).cloned());
    Ok(found)
}

/// Withdraws a function that was just registered if an older one's name means the same.
///
/// # Errors
/// The problem, if it was withdrawn; or if the log is not available.
pub(super) async fn settle(
    services: &Services,
    caller: &Caller,
    id: function::Id,
    namespace: &str,
    name: &str,
) -> Result<(), Refusal> {
    let (rivals, more) = rivals(services, namespace, name, COMPARED).await?;
    if rivals.is_empty() {
        return Ok(());
    }
    let own = first_position(services, id).await?;
    let mut is_later = more;
    for rival in rivals {
        is_later |= first_position(services, rival.id).await? < own;
    }
    if !is_later {
        return Ok(());
    }
    services.guarded.commands.function(id, Command::Deregister { at: clock::now() }, caller.cause()).await?;
    Err(ambiguous(services, caller, namespace, name).into())
}

/// The functions that make a name ambiguous, and whether there are more.
async fn rivals(
    services: &Services,
    namespace: &str,
    name: &str,
    most: u32,
) -> Result<(Vec<FunctionRow>, bool), Refusal> {
    let default = services.settings.namespace.as_str();
    if namespace != default {
        let row = services.guarded.store.function_named(default, namespace).await?;
        return Ok((row.into_iter().filter(|row| row.state != Status::Deregistered).collect(), false));
    }
    if name == default {
        return Ok((Vec::new(), false));
    }
    let filter = FunctionFilter { namespaces: Some(vec![name.to_owned()]), ..FunctionFilter::default() };
    let page = PageRequest::first(most);
    let found = services.guarded.store.functions(&filter, &page).await?;
    Ok((found.rows.into_iter().map(|(_, row)| row).collect(), found.has_next))
}

/// Explains what the name already means to viewers who may see that; to all others only that it is not available.
fn ambiguous(services: &Services, caller: &Caller, namespace: &str, name: &str) -> Problem {
    let default = services.settings.namespace.as_str();
    if namespace == default {
        if !caller.viewer.sees(name) {
            return reserved(name, "name");
        }
        let message = format!(
            "`{name}` is the name of a namespace, whose functions are called below /function/{name}; choose another name"
        );
        return Problem::new("name_is_a_namespace", message).at(["input", "name"]);
    }
    if !caller.viewer.sees(default) {
        return reserved(namespace, "namespace");
    }
    let message = format!(
        "the namespace `{namespace}` cannot be used: `{default}` has a function of that name, which is called below \
         /function/{namespace}"
    );
    Problem::new("namespace_is_a_function", message).at(["input", "namespace"])
}

fn reserved(name: &str, field: &'static str) -> Problem {
    Problem::new("name_reserved", format!("`{name}` cannot be used as a {field} here; choose another one"))
        .at(["input", field])
}
