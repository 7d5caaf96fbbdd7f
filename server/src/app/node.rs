//! The server's name in the log: generated once and kept in the data folder, so that a restarted server recognizes its
//! own work.
//!
//! A copy of the data folder is another server: two with the same name would take each other's runs for their own. The
//! name is therefore valid only in the file that it was originally written to.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const FILE: &str = "node";

/// Identifies the file that the name was written to.
const IDENTITY: &str = "node.place";

/// The name, generated at the first start, also of a copy.
pub(super) fn name(data_dir: &Path) -> io::Result<String> {
    let (file, mark) = (data_dir.join(FILE), data_dir.join(IDENTITY));
    let known = match std::fs::read_to_string(&file) {
        Ok(name) => Some(name.trim().to_owned()).filter(|name| !name.is_empty()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if let Some(name) = known {
        let here = identity(&file)?;
        match std::fs::read_to_string(&mark) {
            Ok(there) if there.trim() == here => return Ok(name),
            // Created before there was such a file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::write(&mark, here)?;
                return Ok(name);
            }
            Err(error) => return Err(error),
            Ok(_) => tracing::warn!(
                former = name,
                "the data folder was copied or restored: this server gets a name of its own in the log"
            ),
        }
    }
    let name = uuid::Uuid::new_v4().simple().to_string()[..12].to_owned();
    std::fs::write(&file, &name)?;
    std::fs::write(&mark, identity(&file)?)?;
    Ok(name)
}

/// Identifies the file, whatever its path. Without the device, whose number may change at the next boot.
fn identity(file: &Path) -> io::Result<String> {
    let meta = std::fs::metadata(file)?;
    let born = meta.created().ok().and_then(|born| born.duration_since(std::time::UNIX_EPOCH).ok());
    Ok(format!("{} {}", meta.ino(), born.map_or(0, |born| born.as_nanos())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_server_keeps_its_name_and_a_copy_gets_another() {
        let (original, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = name(original.path()).unwrap();
        assert_eq!(name(original.path()).unwrap(), first);
        for file in [FILE, IDENTITY] {
            std::fs::copy(original.path().join(file), copy.path().join(file)).unwrap();
        }
        let other = name(copy.path()).unwrap();
        assert_ne!(other, first);
        assert_eq!((name(copy.path()).unwrap(), name(original.path()).unwrap()), (other, first));
    }

    #[test]
    fn a_name_of_an_earlier_version_stays() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "a1\n").unwrap();
        assert_eq!(name(folder.path()).unwrap(), "a1");
        assert_eq!(name(folder.path()).unwrap(), "a1");
    }
}
