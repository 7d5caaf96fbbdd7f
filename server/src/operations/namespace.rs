//! Namespaces.

use domain::access::Action;
use domain::namespace;

use super::{Caller, Refusal, Services, Viewer};
use crate::clock;

/// Creates a namespace without members. One that is there already stays as it is.
///
/// # Errors
/// `forbidden`, `bad_namespace`, or if the log is not available.
pub async fn create_namespace(services: &Services, caller: &Caller, name: &str) -> Result<(), Refusal> {
    caller.viewer.may(Action::Administer, name).map_err(|refusal| refusal.at(&["name"]))?;
    if !domain::name::fits(name) {
        return Err(Refusal::from(namespace::Error::BadName(name.to_owned())).at(&["name"]));
    }
    let create = namespace::Command::Create { name: name.to_owned(), at: clock::now() };
    services.guarded.commands.namespace(name, create, caller.cause()).await?;
    Ok(())
}

/// The namespaces that a viewer sees, sorted; the default one among them, even if nothing is in it yet.
///
/// # Errors
/// If the log is not available.
pub async fn namespaces(services: &Services, viewer: &Viewer) -> Result<Vec<String>, Refusal> {
    let mut names = services.view(viewer).namespaces_seen().await?;
    let default = &services.settings.namespace;
    names.extend(viewer.sees(default).then(|| default.clone()));
    names.sort();
    names.dedup();
    Ok(names)
}
