//! Secrets: set, removed, listed by name. Values are never returned.

use domain::access::Action;
use domain::{address, function, namespace};

use super::{Caller, Fault, Problem, Refusal, Services, Viewer};
use crate::clock;
use crate::store::SecretInfo;
use crate::vault::{self, Value};

/// Sets a secret; it is on disk on return. Setting it always counts: instances with the old value are replaced.
///
/// # Errors
/// `forbidden`, `bad_namespace`, `bad_secret_name`, `bad_secret`, or if the log is not available.
pub async fn set_secret(
    services: &Services,
    caller: &Caller,
    namespace: &str,
    name: &str,
    value: Value,
) -> Result<SecretInfo, Refusal> {
    caller.viewer.may(Action::Deploy, namespace).map_err(|refusal| refusal.at(&["namespace"]))?;
    if !domain::name::fits_secret(name) {
        return Err(Refusal::from(namespace::Error::BadSecretName(name.to_owned())).at(&["name"]));
    }
    if function::is_reserved_secret(name) && !fits_credentials(&value) {
        let message = "this secret holds the credentials of a function's repository: give its address with them, \
                       https://USER:TOKEN@HOST/PATH";
        return Err(Problem::new("bad_secret", message).at(["value"]).into());
    }
    keep(services, caller, namespace, name, value).await
}

/// Seals a value and records that it was set.
pub(super) async fn keep(
    services: &Services,
    caller: &Caller,
    namespace: &str,
    name: &str,
    value: Value,
) -> Result<SecretInfo, Refusal> {
    let at = clock::now();
    let row = services.vault.seal(namespace, name, &value, at).map_err(|error| match error {
        vault::Error::BadValue(message) => Problem::new("bad_secret", message).at(["value"]).into(),
        error => Refusal::Failed(Fault::Internal(error.to_string())),
    })?;
    // The namespace may exist only as a part of functions' names so far.
    let create = namespace::Command::Create { name: namespace.to_owned(), at };
    let created = services.guarded.commands.namespace(namespace, create, caller.cause()).await;
    created.map_err(|error| Refusal::from(error).at(&["namespace"]))?;
    services.guarded.commands.set_secret(row, caller.cause()).await?;
    Ok(SecretInfo { namespace: namespace.to_owned(), name: name.to_owned(), set_at: at })
}

/// Removes a secret. Running instances keep its value; what refers to it can no longer start.
///
/// # Errors
/// `forbidden`, `secret_not_found`, or if the log is not available.
pub async fn remove_secret(services: &Services, caller: &Caller, namespace: &str, name: &str) -> Result<(), Refusal> {
    caller.viewer.may(Action::Deploy, namespace).map_err(|refusal| refusal.at(&["namespace"]))?;
    let removed = services.guarded.commands.remove_secret(namespace, name, clock::now(), caller.cause()).await;
    match removed.map_err(Refusal::from) {
        Ok(_) => Ok(()),
        // A namespace that was never created has no secrets either.
        Err(Refusal::Refused(problems)) if problems.iter().any(|problem| problem.code == "namespace_not_found") => {
            Err(Refusal::from(namespace::Error::NoSuchSecret(name.to_owned())).at(&["name"]))
        }
        Err(refusal) => Err(refusal.at(&["name"])),
    }
}

/// The secrets that are set, of a namespace or of all that the viewer sees.
///
/// # Errors
/// `forbidden`, or if the log is not available.
pub async fn secrets(
    services: &Services,
    viewer: &Viewer,
    namespace: Option<&str>,
) -> Result<Vec<SecretInfo>, Refusal> {
    Ok(services.view_of(viewer, namespace)?.secret_infos().await?)
}

/// Whether a value can be the credentials of a repository, which people may rotate by setting it.
fn fits_credentials(value: &str) -> bool {
    !value.contains(|c: char| c.is_control() || c.is_whitespace()) && address::credentials(value).is_some()
}
