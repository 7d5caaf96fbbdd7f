//! Private files in the data folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rand::TryRng;
use rand::rngs::SysRng;

/// Length of the key that signs tokens, in bytes.
const KEY_BYTES: usize = 64;

/// Why a file of the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing a file failed.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// The operation.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file does not hold what it should.
    #[error("{path} does not hold what it should: {message}; remove the file to have it made anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

/// Whether there is a key in `jwt.key`.
pub(super) fn is_in(data_dir: &Path) -> bool {
    data_dir.join("jwt.key").is_file()
}

/// Reads the key in `jwt.key`, or creates it.
pub(super) fn read_or_make(data_dir: &Path) -> Result<Vec<u8>, Error> {
    let path = data_dir.join("jwt.key");
    match fs::read(&path) {
        Ok(key) if key.len() == KEY_BYTES => Ok(key),
        Ok(key) => Err(Error::Damaged { path, message: format!("{} bytes instead of {KEY_BYTES}", key.len()) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = random::<KEY_BYTES>();
            write_private(&path, &key)?;
            Ok(key.to_vec())
        }
        Err(source) => Err(Error::Io { what: "read", path, source }),
    }
}

/// Bytes from the system's random source.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system always has random bytes");
    bytes
}

/// Writes a file atomically, readable by its owner only.
pub(super) fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    let failed = |what| move |source| Error::Io { what, path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed("make the folder of"))?;
    let new = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new).map_err(failed("write"))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed("write"))?;
    fs::rename(&new, path).map_err(failed("write"))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("write"))
}
