//! The operator's commands besides `serve`: maintain the log, back up, restore, and diagnose the machine.

mod admin;
mod backup;
mod doctor;
mod keys;
mod log;
mod manifest;
mod passphrase;
mod progress;
mod restore;

pub use admin::reset_password;
pub use backup::backup;
pub use doctor::{Finding, State, doctor};
pub use log::{callback_secret, change_key, forget_seals, migrate, rebuild, verify};
pub use passphrase::passphrase;
pub use restore::{Passphrase, restore};
