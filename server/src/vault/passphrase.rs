//! Encrypts a small text with a passphrase: Argon2id derives the key, AES-256-GCM encrypts.
//!
//! Everything needed for decryption except the passphrase is stored in the clear beside the ciphertext, so that any
//! program that implements the two can decrypt it.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{NONCE, key};

/// Minimum length of a passphrase, in characters.
pub const MIN_PASSPHRASE: usize = 12;

/// Length of a salt, in bytes.
const SALT: usize = 16;

/// The cost of deriving the key: KiB of memory, rounds, lanes. A guess takes up to about a second on one CPU.
const COST: Cost = Cost { memory_kib: 128 << 10, rounds: 4, lanes: 1 };

/// Files with a higher cost are refused: they may be meant to exhaust whoever opens them.
const MOST: Cost = Cost { memory_kib: 1 << 20, rounds: 64, lanes: 16 };

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Cost {
    memory_kib: u32,
    rounds: u32,
    lanes: u32,
}

/// An encrypted text.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Locked {
    /// Always `argon2id`.
    kdf: String,
    #[serde(flatten)]
    cost: Cost,
    /// In hexadecimal, like the next two.
    salt: String,
    /// Always `aes-256-gcm`.
    cipher: String,
    nonce: String,
    sealed: String,
}

const KDF: &str = "argon2id";
const CIPHER: &str = "aes-256-gcm";

/// The context that the ciphertext is bound to.
const PURPOSE: &[u8] = b"eventflow backup keys";

/// Encrypts a text.
///
/// # Errors
/// If the passphrase is too short, as a message.
pub fn lock(text: &[u8], passphrase: &str) -> Result<Locked, String> {
    if passphrase.chars().count() < MIN_PASSPHRASE {
        return Err(format!("the passphrase must have at least {MIN_PASSPHRASE} characters"));
    }
    let (salt, nonce) = (key::random::<SALT>(), key::random::<NONCE>());
    let payload = Payload { msg: text, aad: PURPOSE };
    let sealed = cipher(passphrase, &salt, COST)?
        .encrypt(&Nonce::from(nonce), payload)
        .map_err(|_| "the text is too long to be sealed".to_owned())?;
    Ok(Locked {
        kdf: KDF.to_owned(),
        cost: COST,
        salt: hex::encode(salt),
        cipher: CIPHER.to_owned(),
        nonce: hex::encode(nonce),
        sealed: hex::encode(sealed),
    })
}

/// Decrypts a text.
///
/// # Errors
/// If the passphrase is wrong or the file was changed, as a message.
pub fn unlock(locked: &Locked, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let Locked { kdf, cost, salt, cipher: name, nonce, sealed } = locked;
    if (kdf.as_str(), name.as_str()) != (KDF, CIPHER) {
        return Err(format!("{kdf} and {name} are not known; {KDF} and {CIPHER} are"));
    }
    if cost.memory_kib > MOST.memory_kib || cost.rounds > MOST.rounds || cost.lanes > MOST.lanes {
        return Err("it asks for more memory or time than is allowed: it was changed".to_owned());
    }
    let damaged = || "it is damaged".to_owned();
    let bytes = |text: &str| hex::decode(text).map_err(|_| damaged());
    let nonce = <[u8; NONCE]>::try_from(bytes(nonce)?).map_err(|_| damaged())?;
    let payload = Payload { msg: &bytes(sealed)?, aad: PURPOSE };
    let opened = cipher(passphrase, &bytes(salt)?, *cost)?.decrypt(&Nonce::from(nonce), payload);
    opened.map(Zeroizing::new).map_err(|_| "the passphrase is wrong, or the file was changed".to_owned())
}

fn cipher(passphrase: &str, salt: &[u8], cost: Cost) -> Result<Aes256Gcm, String> {
    let mut key = Zeroizing::new([0; 32]);
    let params = Params::new(cost.memory_kib, cost.rounds, cost.lanes, Some(key.len())).map_err(|e| e.to_string())?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *key)
        .map_err(|error| error.to_string())?;
    Ok(Aes256Gcm::new(&(*key).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_passphrase_opens_it_and_only_as_it_was() {
        let locked = lock(b"keys", "correct horse battery").unwrap();
        assert_eq!(**unlock(&locked, "correct horse battery").unwrap(), *b"keys");
        assert!(unlock(&locked, "correct horse batterx").unwrap_err().contains("passphrase is wrong"));
        let again = lock(b"keys", "correct horse battery").unwrap();
        assert_ne!((&locked.salt, &locked.sealed), (&again.salt, &again.sealed));
        let text = serde_json::to_string(&locked).unwrap();
        let read: Locked = serde_json::from_str(&text).unwrap();
        assert_eq!(**unlock(&read, "correct horse battery").unwrap(), *b"keys");
        let changed = Locked { sealed: locked.sealed.replace(|c: char| c.is_ascii_digit(), "0"), ..locked.clone() };
        assert!(unlock(&changed, "correct horse battery").is_err());
        assert!(lock(b"keys", "short").unwrap_err().contains("12 characters"));
    }

    #[test]
    fn a_file_that_asks_for_too_much_is_not_opened() {
        let locked = lock(b"keys", "correct horse battery").unwrap();
        let cost = Cost { memory_kib: u32::MAX, ..locked.cost };
        assert!(unlock(&Locked { cost, ..locked }, "correct horse battery").unwrap_err().contains("more memory"));
    }
}
