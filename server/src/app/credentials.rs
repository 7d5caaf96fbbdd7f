//! Credentials that earlier versions left in the addresses of repositories: at the start of the server they are moved
//! from the tables into sealed secrets. Those of deregistered functions are deleted.

use domain::function::{self, Status, event::Source};

use super::error::Error;
use crate::actors::Commands;
use crate::clock;
use crate::store::Store;
use crate::vault::Vault;

/// Seals credentials found in the tables, then removes them there. Idempotent.
pub(super) async fn seal(store: &Store, commands: &Commands, vault: &Vault) -> Result<(), Error> {
    let cause = domain::Cause { actor: Some("server:start".into()), ..domain::Cause::default() };
    for open in store.open_credentials().await? {
        tracing::info!(function = %open.function, "credentials in its address sealed");
        let failed = |why: &dyn std::fmt::Display| {
            Error::start(format_args!("cannot seal the credentials of function {}", open.function), why)
        };
        let name = function::credentials_secret(open.function);
        let row = vault.seal(&open.namespace, &name, &open.url, clock::now()).map_err(|e| failed(&e))?;
        let create = domain::namespace::Command::Create { name: open.namespace.clone(), at: clock::now() };
        commands.namespace(&open.namespace, create, cause.clone()).await.map_err(|e| failed(&e))?;
        commands.set_secret(row, cause.clone()).await.map_err(|e| failed(&e))?;
    }
    store.mask_credentials().await?;
    // A server that crashed between the two steps deregistered the function but kept its credentials.
    for secret in store.secret_infos(None).await?.iter().filter(|info| function::is_reserved_secret(&info.name)) {
        let Some(id) = function::credentials_owner(&secret.name) else { continue };
        let row = store.function(id).await?;
        let needed =
            row.is_some_and(|row| row.state != Status::Deregistered && matches!(row.source, Source::Git { .. }));
        if !needed
            && let Err(error) =
                commands.remove_secret(&secret.namespace, &secret.name, clock::now(), cause.clone()).await
        {
            tracing::warn!(function = %id, %error, "credentials of a deregistered function not removed");
        }
    }
    Ok(())
}
