//! The admin's password: generated at the first start, stored as an Argon2 hash.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use super::keys::{self, Error};

/// Random bytes in a generated password.
const PASSWORD_BYTES: usize = 18;

/// A password hash, as text (PHC string format).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Hash {
    password_hash: String,
}

impl Hash {
    pub(super) fn of(password: &str) -> Self {
        let hash = Argon2::default().hash_password(password.as_bytes()).expect("the default parameters are valid");
        Self { password_hash: hash.to_string() }
    }

    /// Whether it is the hash of this password. Deliberately slow.
    pub(super) fn fits(&self, password: &str) -> bool {
        PasswordHash::new(&self.password_hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    }
}

/// The file in the data folder.
pub(super) const FILE: &str = "admin.json";

/// The admin's current password: `eventflow admin reset-password` replaces the file while the server is running.
pub(super) struct Admin {
    path: PathBuf,
    known: RwLock<(Stamp, Hash)>,
}

/// Identifies a version of the file.
type Stamp = Option<(u64, SystemTime)>;

fn stamp(path: &Path) -> Stamp {
    let meta = fs::metadata(path).ok()?;
    Some((meta.ino(), meta.modified().ok()?))
}

impl Admin {
    /// Reads the password's hash, or generates a password, which the caller must print.
    pub(super) fn open(data_dir: &Path) -> Result<(Self, Option<String>), Error> {
        let path = data_dir.join(FILE);
        let (hash, password) = match read(&path)? {
            Some(hash) => (hash, None),
            None => {
                let password = make(&path)?;
                (password.1, Some(password.0))
            }
        };
        let known = RwLock::new((stamp(&path), hash));
        Ok((Self { path, known }, password))
    }

    /// The hash. A replaced file is read again; if it cannot be read, the old password stays in force.
    pub(super) fn hash(&self) -> Hash {
        let now = stamp(&self.path);
        if now.is_some() && now != self.known.read().0 {
            match read(&self.path) {
                Ok(Some(hash)) => *self.known.write() = (now, hash),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "the admin's new password cannot be read"),
            }
        }
        self.known.read().1.clone()
    }
}

/// Whether the data folder has a password.
pub(super) fn is_in(data_dir: &Path) -> bool {
    data_dir.join(FILE).is_file()
}

/// Generates a new password and returns it.
pub(super) fn reset(data_dir: &Path) -> Result<String, Error> {
    make(&data_dir.join(FILE)).map(|(password, _)| password)
}

fn make(path: &Path) -> Result<(String, Hash), Error> {
    let password = URL_SAFE_NO_PAD.encode(keys::random::<PASSWORD_BYTES>());
    let hash = Hash::of(&password);
    let text = serde_json::to_vec(&hash).expect("a hash is text");
    keys::write_private(path, &text)?;
    Ok((password, hash))
}

/// The hash in the file; `None` when there is none.
fn read(path: &Path) -> Result<Option<Hash>, Error> {
    match fs::read(path) {
        Ok(text) => {
            let damaged = |message| Error::Damaged { path: path.to_owned(), message };
            let hash: Hash = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
            PasswordHash::new(&hash.password_hash).map_err(|error| damaged(error.to_string()))?;
            Ok(Some(hash))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { what: "read", path: path.to_owned(), source }),
    }
}
