//! The server's name in the log: made once, kept in the data folder, so that a server that starts again knows its own work.

use std::io;
use std::path::Path;

/// The name; made at the first start.
pub(super) fn name(data_dir: &Path) -> io::Result<String> {
    let file = data_dir.join("node");
    match std::fs::read_to_string(&file) {
        Ok(name) if !name.trim().is_empty() => return Ok(name.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let name = uuid::Uuid::new_v4().simple().to_string()[..12].to_owned();
    std::fs::write(&file, &name)?;
    Ok(name)
}
