//! What an administrator does who cannot sign in.

use crate::app::{Error, data_dir};
use crate::config::Settings;
use crate::edge::auth;
use crate::store;

/// Gives the admin a new password, which is returned: it stands nowhere else. A server that runs takes it at once.
///
/// # Errors
/// When there is no server's data in the folder, or it cannot be written.
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
