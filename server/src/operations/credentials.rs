//! Credentials in the address of a repository: split off on registration, sealed as a secret of the namespace, and from
//! then on available to builds only. They are removed when the address changes and when the function is deregistered.

use domain::address;
use domain::function::{self, event::Source};
use domain::namespace;

use super::{Caller, Fault, Problem, Refusal, Services, secret};
use crate::vault::{self, Value};
use crate::{actors, clock};

/// Splits a source: without credentials, and the complete address if it had some.
pub(super) fn split(source: Source) -> (Source, Option<Value>) {
    match source {
        Source::Git { url, git_ref, path } if address::credentials(&url).is_some() => {
            let whole = Value::new(url);
            (Source::Git { url: address::masked(&whole).into_owned(), git_ref, path }, Some(whole))
        }
        source => (source, None),
    }
}

/// Stores the credentials of a function, replacing earlier ones.
///
/// # Errors
/// If they cannot be stored, or the log is not available.
pub(super) async fn keep(
    services: &Services,
    caller: &Caller,
    namespace: &str,
    id: function::Id,
    whole: Value,
) -> Result<(), Refusal> {
    let kept = secret::keep(services, caller, namespace, &function::credentials_secret(id), whole).await;
    kept.map(|_| ()).map_err(|refusal| refusal.at(&["input", "source", "git", "url"]))
}

/// Why a function cannot get the credentials of another one: they are for one address, and only for callers who may
/// change the other function.
///
/// # Errors
/// If the log is not available.
pub(super) async fn problem(
    services: &Services,
    caller: &Caller,
    namespace: &str,
    source: &Source,
    other: function::Id,
) -> Result<Option<Problem>, Refusal> {
    let row = services.view(&caller.viewer).function(other).await?;
    let fits = row.is_some_and(|row| {
        row.namespace == namespace && url_of(&row.source).is_some() && url_of(&row.source) == url_of(source)
    });
    Ok((!fits).then(|| {
        let message = format!(
            "`{other}` is no function of the namespace `{namespace}` with this repository: name one that is, or give the address with its \
             credentials"
        );
        Problem::new("bad_source", message).at(["input", "credentialsOf"])
    }))
}

/// Copies the credentials of another function, if it has any.
///
/// # Errors
/// If they cannot be stored, or the log is not available.
pub(super) async fn copy(
    services: &Services,
    caller: &Caller,
    namespace: &str,
    other: function::Id,
    id: function::Id,
) -> Result<(), Refusal> {
    if other == id {
        return Ok(());
    }
    match services.vault.secret(namespace, &function::credentials_secret(other)).await {
        Ok(secret) => keep(services, caller, namespace, id, secret.value).await,
        Err(vault::Error::NotSet { .. }) => Ok(()),
        Err(vault::Error::Store(error)) => Err(error.into()),
        Err(error) => Err(Refusal::Failed(Fault::Internal(error.to_string()))),
    }
}

/// Removes the credentials of a function, if it has any.
///
/// # Errors
/// If the log is not available.
pub(super) async fn forget(
    services: &Services,
    caller: &Caller,
    namespace: &str,
    id: function::Id,
) -> Result<(), Refusal> {
    let name = function::credentials_secret(id);
    match services.guarded.commands.remove_secret(namespace, &name, clock::now(), caller.cause()).await {
        Ok(_) | Err(actors::Error::Refused(namespace::Error::NotFound | namespace::Error::NoSuchSecret(_))) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The address of a source, if it has one.
pub(super) fn url_of(source: &Source) -> Option<&str> {
    match source {
        Source::Git { url, .. } => Some(url),
        Source::Bundle { .. } | Source::Image { .. } => None,
    }
}
