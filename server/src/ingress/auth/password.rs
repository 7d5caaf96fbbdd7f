//! The admin's password: made at the first start, kept as an Argon2 hash.

use std::path::Path;
use std::{fs, io};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::keys::{self, Error};

/// Random bytes in a password.
const PASSWORD_BYTES: usize = 18;

/// A password's hash, as text (PHC string format).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Hash {
    password_hash: String,
}

impl Hash {
    pub(super) fn of(password: &str) -> Self {
        let hash = Argon2::default().hash_password(password.as_bytes()).expect("the default parameters are valid");
        Self { password_hash: hash.to_string() }
    }

    /// Whether it is the password's. Takes a moment on purpose.
    pub(super) fn fits(&self, password: &str) -> bool {
        PasswordHash::new(&self.password_hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    }
}

/// The file in the data folder.
pub(super) const FILE: &str = "admin.json";

/// The hash in `admin.json`; when there is none, a new one, and the password to tell.
pub(super) fn read_or_make(data_dir: &Path) -> Result<(Hash, Option<String>), Error> {
    let path = data_dir.join(FILE);
    match fs::read(&path) {
        Ok(text) => {
            let damaged = |message| Error::Damaged { path: path.clone(), message };
            let hash: Hash = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
            PasswordHash::new(&hash.password_hash).map_err(|error| damaged(error.to_string()))?;
            Ok((hash, None))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let password = URL_SAFE_NO_PAD.encode(keys::random::<PASSWORD_BYTES>());
            let hash = Hash::of(&password);
            let text = serde_json::to_vec(&hash).expect("a hash is text");
            keys::write_private(&path, &text)?;
            Ok((hash, Some(password)))
        }
        Err(source) => Err(Error::Io { what: "read", path, source }),
    }
}
