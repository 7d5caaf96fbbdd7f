//! The key that seals secrets, and its file in the data folder if none is configured.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::error::Error;
use crate::config::SecretKey;

/// The name of the key's file in the data folder.
pub(super) const FILE: &str = "secret.key";

/// Number of digits of a key's id.
const ID_DIGITS: usize = 8;

/// The id of a key, stored with every value sealed under it. It reveals nothing about the key.
pub(super) fn id(key: &SecretKey) -> String {
    hex::encode(Sha256::digest(key.0))[..ID_DIGITS].to_owned()
}

/// Cryptographically random bytes.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system always has random bytes");
    bytes
}

/// The key in the data folder; `None` if there is none.
pub(super) fn read(data_dir: &Path) -> Result<Option<SecretKey>, Error> {
    let path = data_dir.join(FILE);
    match fs::read_to_string(&path).map(Zeroizing::new) {
        Ok(text) => SecretKey::read(&text).map(Some).ok_or(Error::BadKeyFile { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { what: "read", path, source }),
    }
}

/// The key in the data folder, created if there is none.
pub(super) fn read_or_make(data_dir: &Path) -> Result<SecretKey, Error> {
    let path = data_dir.join(FILE);
    let failed = |what: &'static str| {
        let path = path.clone();
        move |source| Error::Io { what, path, source }
    };
    match fs::read_to_string(&path).map(Zeroizing::new) {
        Ok(text) => SecretKey::read(&text).ok_or_else(|| Error::BadKeyFile { path: path.clone() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(data_dir, &path).map_err(failed("write"))?;
            // Another server was first and has created it.
            let text = fs::read_to_string(&path).map(Zeroizing::new).map_err(failed("read"))?;
            SecretKey::read(&text).ok_or(Error::BadKeyFile { path })
        }
        Err(source) => Err(failed("read")(source)),
    }
}

/// Creates the file atomically, readable by its owner only, and never overwrites another one.
fn make(data_dir: &Path, path: &Path) -> io::Result<()> {
    fs::create_dir_all(data_dir)?;
    let new = data_dir.join(format!("{FILE}.{}", hex::encode(random::<8>())));
    let text = Zeroizing::new(hex::encode(random::<32>()) + "\n");
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match fs::hard_link(&new, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    });
    let _ = fs::remove_file(&new);
    made?;
    File::open(data_dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let data = tempfile::tempdir().unwrap();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| read_or_make(data.path()).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]) && keys[0] != SecretKey([0; 32]));
        let file = data.path().join(FILE);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_file_that_holds_something_else_is_told_without_what_it_holds() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(FILE), "hunter2").unwrap();
        let error = read_or_make(data.path()).unwrap_err().to_string();
        assert!(error.contains(FILE) && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_keys_name_tells_nothing_of_it() {
        assert_eq!(id(&SecretKey([0; 32])), "66687aad");
        assert_ne!(id(&SecretKey([0; 32])), id(&SecretKey([1; 32])));
    }
}
