//! The keys in a backup: a separate file, encrypted with a passphrase.
//!
//! Whoever has the log of a backup but not this file cannot read its secrets.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::app::Error;
use crate::config::Settings;
use crate::vault;

/// Files of the data folder that contain keys or credentials.
const FILES: &[&str] = &["secret.key", "jwt.key", "admin.json"];

/// The name of the file in a backup.
pub(super) const LOCKED: &str = "keys.json";

/// None of these files is larger.
const MAX_FILE: u64 = 64 << 10;

/// What a backup's manifest says about the keys. None of it helps to guess them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyInventory {
    /// The files that are encrypted in [`LOCKED`].
    pub files: Vec<String>,
    /// Settings that provided keys, which are not in the backup.
    pub settings: Vec<String>,
    /// The id of the key that secrets are sealed with.
    pub secret_key: Option<String>,
}

/// The settings with keys that are set.
fn set(settings: &Settings) -> Vec<String> {
    let keys = [("JWT_SECRET", settings.jwt_secret.is_some()), ("EVENTFLOW_SECRET_KEY", settings.secret_key.is_some())];
    keys.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name.to_owned()).collect()
}

/// The keys of this server.
pub(super) fn of(settings: &Settings) -> Result<KeyInventory, Error> {
    let there = |name: &&&str| settings.data_dir.join(name).is_file();
    let secret_key = vault::key_name(settings.secret_key.as_ref(), &settings.data_dir)
        .map_err(|error| Error::start("cannot read the key of secrets", error))?;
    let files = FILES.iter().filter(there).map(|name| (*name).to_owned()).collect();
    Ok(KeyInventory { files, settings: set(settings), secret_key })
}

/// Encrypts the files.
pub(super) fn lock(kept: &KeyInventory, data_dir: &Path, passphrase: &str) -> Result<Vec<u8>, Error> {
    let mut contents = BTreeMap::new();
    for name in &kept.files {
        let content = fs::read(data_dir.join(name))
            .map(Zeroizing::new)
            .map_err(|error| Error::start(format_args!("cannot read {name} in the data folder"), error))?;
        contents.insert(name.as_str(), STANDARD.encode(&*content));
    }
    let text = Zeroizing::new(serde_json::to_vec(&contents).expect("texts serialise"));
    let locked = vault::lock(&text, passphrase).map_err(|why| Error::start("cannot lock the keys", why))?;
    Ok(serde_json::to_vec_pretty(&locked).expect("texts serialise"))
}

/// Decrypted files of keys.
pub(super) type Files = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// Decrypts the files.
pub(super) fn unlock(file: &Path, passphrase: &str) -> Result<Files, Error> {
    let failed =
        |why: &dyn std::fmt::Display| Error::start(format_args!("cannot open the keys in {}", file.display()), why);
    if fs::metadata(file).map_err(|e| failed(&e))?.len() > MAX_FILE * 8 {
        return Err(failed(&"the file is too large to be one of keys"));
    }
    let text = fs::read(file).map_err(|e| failed(&e))?;
    let locked: vault::Locked = serde_json::from_slice(&text).map_err(|e| failed(&e))?;
    let opened = vault::unlock(&locked, passphrase).map_err(|e| failed(&e))?;
    let contents: BTreeMap<String, String> = serde_json::from_slice(&opened).map_err(|e| failed(&e))?;
    let decoded = contents.into_iter().map(|(name, content)| {
        // Only known names: a path would be written to.
        if !FILES.contains(&name.as_str()) {
            return Err(failed(&format_args!("`{name}` is not the name of a key")));
        }
        let content = STANDARD.decode(content.as_bytes()).map_err(|e| failed(&e))?;
        Ok((name, Zeroizing::new(content)))
    });
    decoded.collect()
}

/// Checks whether the keys of a backup can be used here, before anything is restored.
pub(super) fn check(kept: &KeyInventory, settings: &Settings, files: Option<&Files>) -> Result<(), Error> {
    let set = set(settings);
    if let Some(missing) = kept.settings.iter().find(|name| !set.contains(name)) {
        return Err(Error::Start(format!(
            "the server of this backup had {missing} set, and its value is not in the backup: set it to the same"
        )));
    }
    for (name, content) in files.into_iter().flatten() {
        match fs::read(settings.data_dir.join(name)).map(Zeroizing::new) {
            Ok(there) if *there != **content => {
                return Err(Error::Start(format!(
                    "there is another {name} in the data folder {}: restore into an empty one",
                    settings.data_dir.display()
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Writes the files, each atomically and for its owner only.
pub(super) fn restore(files: &Files, data_dir: &Path) -> Result<(), Error> {
    let write = |name: &str, content: &[u8]| -> io::Result<()> {
        let new = data_dir.join(format!("{name}.restored"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, data_dir.join(name))?;
        fs::File::open(data_dir)?.sync_all()
    };
    for (name, content) in files {
        write(name, content).map_err(|error| Error::start(format_args!("cannot write {name}"), error))?;
    }
    Ok(())
}
