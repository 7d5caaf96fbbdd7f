//! Encrypts (seals) the secrets of namespaces, and decrypts (opens) them for those who need them.
//!
//! AES-256-GCM with a fresh nonce for each value, bound to its namespace and name, so that a value moved to another row
//! cannot be opened. Knows the key and the store, not what secrets are for. A sealed value is written by `actors`,
//! together with the event that records it.

mod error;
mod key;
mod log_key;
mod passphrase;

use std::path::Path;
use std::sync::Arc;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use chrono::{DateTime, Utc};
use domain::name;
use zeroize::Zeroizing;

pub use error::Error;
pub use log_key::{Changed, change_key, key_of_seals};
pub use passphrase::{Locked, MIN_PASSPHRASE, lock, unlock};

use crate::config::SecretKey;
use crate::executor::Login;
use crate::store::{Sealed, SecretRow, Store};

/// Maximum length of a value, in bytes.
pub const MAX_VALUE: usize = 64 << 10;

/// Length of a nonce, in bytes.
const NONCE: usize = 12;

/// A decrypted value, wiped from memory when dropped.
pub type Value = Zeroizing<String>;

/// A decrypted secret.
pub struct Secret {
    /// The name.
    pub name: String,
    /// The value.
    pub value: Value,
    /// When it was set.
    pub set_at: DateTime<Utc>,
}

/// Seals and opens secrets. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    cipher: Cipher,
    store: Store,
}

/// A key and its id.
struct Cipher {
    cipher: Aes256Gcm,
    key_id: String,
}

impl Cipher {
    fn new(key: &SecretKey) -> Self {
        Self { cipher: Aes256Gcm::new(&key.0.into()), key_id: key::id(key) }
    }

    fn seal(&self, value: &[u8], bound_to: &[u8]) -> Sealed {
        let nonce = key::random::<NONCE>();
        let payload = Payload { msg: value, aad: bound_to };
        let bytes = self.cipher.encrypt(&Nonce::from(nonce), payload).expect("64 KiB are far below what AES-GCM takes");
        Sealed { key_id: self.key_id.clone(), nonce: nonce.to_vec(), bytes }
    }

    /// Decrypts a value; `None` if it was sealed with another key or bound to something else.
    fn open(&self, sealed: &Sealed, bound_to: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let nonce = <[u8; NONCE]>::try_from(sealed.nonce.as_slice()).ok()?;
        let payload = Payload { msg: &sealed.bytes, aad: bound_to };
        self.cipher.decrypt(&Nonce::from(nonce), payload).ok().map(Zeroizing::new)
    }
}

impl Vault {
    /// Opens a vault with this key, or with the one in the data folder, which is created if necessary.
    ///
    /// # Errors
    /// If the data folder cannot be read or written, or the file does not contain a key.
    pub fn open(key: Option<SecretKey>, data_dir: &Path, store: Store) -> Result<Self, Error> {
        let key = match key {
            Some(key) => key,
            None => key::read_or_make(data_dir)?,
        };
        Ok(Self { inner: Arc::new(Inner { cipher: Cipher::new(&key), store }) })
    }

    /// Seals a secret's value and returns the row to be stored.
    ///
    /// # Errors
    /// [`Error::BadValue`] if it is empty, too long, or contains a zero byte, which no environment variable can.
    pub fn seal(&self, namespace: &str, name: &str, value: &str, at: DateTime<Utc>) -> Result<SecretRow, Error> {
        if value.is_empty() {
            return Err(Error::BadValue("a secret cannot be empty; removeSecret lets it be gone"));
        }
        if value.len() > MAX_VALUE {
            return Err(Error::BadValue("the value is longer than 65536 bytes, the most that a secret holds"));
        }
        if value.contains('\0') {
            return Err(Error::BadValue("there is a zero byte in the value, which no variable can hold"));
        }
        let sealed = self.inner.cipher.seal(value.as_bytes(), &bound_to(namespace, name));
        Ok(SecretRow { namespace: namespace.to_owned(), name: name.to_owned(), sealed: Some(sealed), set_at: at })
    }

    /// Reads and opens a secret.
    ///
    /// # Errors
    /// If it is not set, cannot be opened, or the log is not available.
    pub async fn secret(&self, namespace: &str, name: &str) -> Result<Secret, Error> {
        let mut found = self.secrets(namespace, &[name.to_owned()]).await?;
        found.pop().ok_or_else(|| Error::NotSet { namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// The namespace's login for a registry, if it has one.
    ///
    /// # Errors
    /// If the secret that holds it is no login or cannot be opened, or the log is not available.
    pub async fn login(&self, namespace: &str, registry: &str) -> Result<Option<Login>, Error> {
        let name = name::registry_secret(registry);
        let secret = match self.secret(namespace, &name).await {
            Ok(secret) => secret,
            Err(Error::NotSet { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        match secret.value.split_once(':') {
            Some((user, password)) if !user.is_empty() && !password.trim_end().is_empty() => {
                Ok(Some(Login { user: user.to_owned(), password: password.trim_end().to_owned() }))
            }
            _ => Err(Error::NoLogin { name }),
        }
    }

    /// Reads and opens secrets, ordered by name: all of them or none.
    ///
    /// # Errors
    /// If one is not set or cannot be opened, or the log is not available.
    pub async fn secrets(&self, namespace: &str, names: &[String]) -> Result<Vec<Secret>, Error> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.inner.store.secrets(namespace, names).await?;
        if let Some(name) = names.iter().find(|name| rows.iter().all(|row| row.name != **name)) {
            return Err(Error::NotSet { namespace: namespace.to_owned(), name: name.clone() });
        }
        rows.into_iter().map(|row| self.unseal(row)).collect()
    }

    /// The id of this server's key.
    pub fn key_id(&self) -> &str {
        &self.inner.cipher.key_id
    }

    /// A warning if secrets were sealed under keys other than this server's.
    ///
    /// # Errors
    /// If the log is not available.
    pub async fn foreign(&self) -> Result<Option<String>, Error> {
        let sealed = self.inner.store.secrets_by_key().await?;
        let others: Vec<_> = sealed.iter().filter(|(id, _)| *id != self.inner.cipher.key_id).collect();
        let Some((id, _)) = others.first() else { return Ok(None) };
        let count: u64 = others.iter().map(|(_, count)| count).sum();
        let own = &self.inner.cipher.key_id;
        Ok(Some(format!(
            "{count} secrets were sealed under another key ({id}; this server's is {own}) and do not open here: set \
             EVENTFLOW_SECRET_KEY to that key, or set the secrets again"
        )))
    }

    fn unseal(&self, row: SecretRow) -> Result<Secret, Error> {
        unseal(&self.inner.cipher, row)
    }
}

fn unseal(cipher: &Cipher, row: SecretRow) -> Result<Secret, Error> {
    let SecretRow { namespace, name, sealed, set_at } = row;
    let Some(sealed) = sealed else { return Err(Error::NotSet { namespace, name }) };
    if sealed.key_id != cipher.key_id {
        let own = cipher.key_id.clone();
        return Err(Error::OtherKey { namespace, name, key_id: sealed.key_id, own });
    }
    let opened = cipher.open(&sealed, &bound_to(&namespace, &name));
    match opened.and_then(|mut bytes| String::from_utf8(std::mem::take(&mut *bytes)).ok()) {
        Some(value) => Ok(Secret { name, value: Zeroizing::new(value), set_at }),
        None => Err(Error::Damaged { namespace, name }),
    }
}

/// The id of the key that this server seals secrets with, without creating one; it reveals nothing about the key.
/// `None` if there is no key yet.
///
/// # Errors
/// If the data folder cannot be read, or the file does not contain a key.
pub fn key_name(key: Option<&SecretKey>, data_dir: &Path) -> Result<Option<String>, Error> {
    match key {
        Some(key) => Ok(Some(key::id(key))),
        None => Ok(key::read(data_dir)?.as_ref().map(key::id)),
    }
}

/// The key that this server seals secrets with, without creating one.
///
/// # Errors
/// If the data folder cannot be read, or the file does not contain a key.
pub fn own_key(key: Option<&SecretKey>, data_dir: &Path) -> Result<Option<SecretKey>, Error> {
    key.map_or_else(|| key::read(data_dir), |key| Ok(Some(key.clone())))
}

/// The context that a value is bound to. Neither part contains a zero byte.
fn bound_to(namespace: &str, name: &str) -> Vec<u8> {
    [namespace.as_bytes(), b"\0", name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use domain::aggregate::Payload;
    use tempfile::TempDir;

    use super::*;
    use crate::clock;
    use crate::store;

    async fn vault(key: u8) -> (Vault, TempDir) {
        let data = TempDir::new().unwrap();
        let store = store::open(None, data.path()).await.unwrap();
        (Vault::open(Some(SecretKey([key; 32])), data.path(), store).unwrap(), data)
    }

    #[tokio::test]
    async fn a_value_opens_where_it_was_sealed_and_nowhere_else() {
        let (vault, _data) = vault(1).await;
        let row = vault.seal("team", "API_KEY", "hunter2 ä", clock::now()).unwrap();
        assert_eq!(*vault.unseal(row.clone()).unwrap().value, "hunter2 ä");
        for moved in [
            SecretRow { namespace: "other".into(), ..row.clone() },
            SecretRow { name: "OTHER".into(), ..row.clone() },
            SecretRow { sealed: row.sealed.clone().map(|s| Sealed { nonce: vec![0; 12], ..s }), ..row.clone() },
            SecretRow { sealed: row.sealed.clone().map(|s| Sealed { nonce: vec![], ..s }), ..row.clone() },
            SecretRow { sealed: row.sealed.clone().map(|s| Sealed { bytes: vec![1; 30], ..s }), ..row.clone() },
        ] {
            assert!(matches!(vault.unseal(moved.clone()), Err(Error::Damaged { .. })), "{moved:?}");
        }
    }

    #[tokio::test]
    async fn the_same_value_never_looks_the_same() {
        let (vault, _data) = vault(1).await;
        let seal = || vault.seal("team", "API_KEY", "hunter2", clock::now()).unwrap().sealed.unwrap();
        let (one, two) = (seal(), seal());
        assert!(one.nonce != two.nonce && one.bytes != two.bytes);
        assert!(!String::from_utf8_lossy(&one.bytes).contains("hunter2"));
    }

    #[tokio::test]
    async fn a_value_under_another_key_says_which_one_is_missing() {
        let (sealer, _one) = vault(1).await;
        let (other, _two) = vault(2).await;
        let row = sealer.seal("team", "API_KEY", "hunter2", clock::now()).unwrap();
        let error = other.unseal(row).err().unwrap().to_string();
        assert!(error.contains("was sealed under another key") && error.contains("EVENTFLOW_SECRET_KEY"), "{error}");
        assert!(error.contains(&key::id(&SecretKey([1; 32]))), "{error}");
    }

    #[tokio::test]
    async fn under_a_new_key_everything_opens_that_was_sealed_under_the_old_one() {
        let [old, new, other] = [1, 2, 3].map(|byte| SecretKey([byte; 32]));
        let (before, data) = vault(1).await;
        let store = before.inner.store.clone();
        let log_key = *before.key_of_seals(clock::now()).await.unwrap().bytes();
        assert_eq!(*before.key_of_seals(clock::now()).await.unwrap().bytes(), log_key, "it is made once");
        let row = before.seal("team", "API_KEY", "hunter2", clock::now()).unwrap();
        let (event, at) =
            (domain::namespace::Event::SecretSet { secret: "API_KEY".into(), at: clock::now() }, clock::now());
        let event = store::NewEvent { id: uuid::Uuid::now_v7(), kind: event.kind(), data: event.encode(), at };
        let append = store::Append {
            stream: domain::Stream::namespace("team"),
            expected: 0,
            events: vec![event],
            cause: domain::Cause::default(),
            rows: vec![store::Row::Secret(Box::new(row))],
        };
        store.append(append).await.unwrap();

        let after = Vault::open(Some(new.clone()), data.path(), store.clone()).unwrap();
        let error = after.key_of_seals(clock::now()).await.err().unwrap().to_string();
        assert!(error.contains("change-key") && error.contains(&key::id(&old)), "{error}");
        assert!(change_key(&other, &new, &store).await.is_err());
        assert!(before.secret("team", "API_KEY").await.is_ok(), "a wrong key changes nothing");
        let changed = change_key(&old, &new, &store).await.unwrap();
        assert_eq!(changed, Changed { secrets: 1, log_key: true });
        assert_eq!(*after.secret("team", "API_KEY").await.unwrap().value, "hunter2");
        assert_eq!(*after.key_of_seals(clock::now()).await.unwrap().bytes(), log_key);
        assert!(before.secret("team", "API_KEY").await.is_err());
        assert_eq!(change_key(&old, &new, &store).await.unwrap(), Changed { secrets: 0, log_key: false });
        assert!(key_of_seals(Some(&new), data.path(), &store).await.unwrap().is_some());
        assert!(key_of_seals(Some(&old), data.path(), &store).await.is_err());
    }

    #[tokio::test]
    async fn a_row_that_says_something_else_of_when_sealing_began_does_not_open() {
        let (vault, _data) = vault(1).await;
        vault.key_of_seals(clock::now()).await.unwrap();
        let store = vault.inner.store.clone();
        let row = store.log_key().await.unwrap().unwrap();
        store.change_keys(Some(store::LogKeyRow { since: row.since + 1, ..row }), Vec::new()).await.unwrap();
        assert!(matches!(vault.key_of_seals(clock::now()).await, Err(Error::OtherLogKey { .. })));
    }

    #[tokio::test]
    async fn what_no_variable_can_hold_is_no_secret() {
        let (vault, _data) = vault(1).await;
        let seal = |value: &str| vault.seal("team", "API_KEY", value, clock::now());
        assert!(seal(&"x".repeat(MAX_VALUE)).is_ok());
        for value in ["", "a\0b", &"x".repeat(MAX_VALUE + 1)] {
            assert!(matches!(seal(value), Err(Error::BadValue(_))));
        }
        assert!(seal(&"x".repeat(MAX_VALUE + 1)).err().unwrap().to_string().contains(&MAX_VALUE.to_string()));
    }

    #[tokio::test]
    async fn a_secret_that_is_not_set_is_named_with_what_to_do() {
        let (vault, _data) = vault(1).await;
        let error = vault.secret("team", "API_KEY").await.err().unwrap().to_string();
        assert!(error.contains("`API_KEY`") && error.contains("`team`") && error.contains("setSecret"), "{error}");
        assert!(vault.secrets("team", &[]).await.unwrap().is_empty());
    }
}
