//! Commands for an administrator who cannot sign in.

use crate::app::{Error, data_dir};
use crate::config::Settings;
use crate::edge::auth;
use crate::store;

/// Sets a new password for the admin and returns it; it is not stored in readable form. A running server accepts it
/// immediately.
///
/// # Errors
/// If the folder is not a server's data folder, or cannot be written.
pub fn reset_password(settings: &Settings) -> Result<String, Error> {
    let folder = settings.data_dir.display();
    if !auth::has_password(&settings.data_dir) && !store::is_in(&settings.data_dir) {
        return Err(Error::Start(format!(
            "no server has run on the data folder {folder}: name the right one with --data-dir or EVENTFLOW_DATA_DIR"
        )));
    }
    data_dir::check_owner(&settings.data_dir)
        .map_err(|e| Error::start(format_args!("cannot use the data folder {folder}"), e))?;
    auth::reset_password(&settings.data_dir).map_err(|e| Error::start("cannot write the password", e))
}
