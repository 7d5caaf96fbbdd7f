//! The admin's password: made at the first start, kept as an Argon2 hash.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, io};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::keys::{self, Error};

/// Random bytes in a password.
const PASSWORD_BYTES: usize = 18;

/// Passwords that are hashed at a time: each takes 19 MiB and a processor.
const MAX_HASHING: usize = 2;

/// Passwords that wait to be hashed.
const MAX_WAITING: usize = 32;

/// Compares passwords with hashes, a few at a time.
pub(super) struct Comparing {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// Too many passwords wait to be compared.
#[derive(Debug)]
pub(super) struct Busy;

impl Default for Comparing {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MAX_HASHING)), waiting: AtomicUsize::new(0) }
    }
}

impl Comparing {
    /// Whether a hash is the password's.
    ///
    /// # Errors
    /// When too many wait already.
    pub(super) async fn fits(&self, hash: &Hash, password: String) -> Result<bool, Busy> {
        let _waiting = Waiting::begin(&self.waiting).ok_or(Busy)?;
        let place = self.places.clone().acquire_owned().await.map_err(|_| Busy)?;
        let hash = hash.clone();
        let compared = tokio::task::spawn_blocking(move || {
            // Held until the memory is free again, also when nobody waits for the answer any more.
            let _place = place;
            hash.fits(&password)
        });
        // It fails only when the server stops.
        compared.await.map_err(|_| Busy)
    }
}

/// A place among those that wait; free again when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::AcqRel) < MAX_HASHING + MAX_WAITING).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A password's hash, as text (PHC string format).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Hash {
    password_hash: String,
}

impl Hash {
    fn of(password: &str) -> Self {
        let hash = Argon2::default().hash_password(password.as_bytes()).expect("the default parameters are valid");
        Self { password_hash: hash.to_string() }
    }

    /// Whether it is the password's. Takes a moment on purpose.
    pub(super) fn fits(&self, password: &str) -> bool {
        PasswordHash::new(&self.password_hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    }
}

/// The hash in `admin.json`; when there is none, a new one, and the password to tell.
pub(super) fn read_or_make(data_dir: &Path) -> Result<(Hash, Option<String>), Error> {
    let path = data_dir.join("admin.json");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_few_passwords_are_compared_at_a_time_and_the_rest_is_refused() {
        let comparing = Comparing::default();
        let hash = Hash::of("right");
        let all = (0..100).map(|i| comparing.fits(&hash, if i == 0 { "right" } else { "wrong" }.to_owned()));
        let all = futures::future::join_all(all).await;
        assert!(matches!(all[0], Ok(true)));
        assert_eq!(all.iter().filter(|answer| matches!(answer, Ok(false))).count(), MAX_HASHING + MAX_WAITING - 1);
        assert_eq!(comparing.waiting.load(Ordering::Acquire), 0);
        assert!(matches!(comparing.fits(&hash, "right".into()).await, Ok(true)));
    }
}
