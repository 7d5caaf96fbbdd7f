//! The result of a job: a file that it finds in a folder of its own, and that is read when it has ended.
//!
//! The file is there before the job starts, and the folder is root's, which no container is: the job can write this one
//! file, whose size has a limit, and make no others, which would fill the engine's disk.

use std::io::Read;

use bollard::query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use super::super::MAX_RESULT_BYTES;
use super::engine::{Engine, message, status};
use super::shape::{RESULT_FILE, RESULT_FOLDER};

/// What an archive of one file has around its content.
const AROUND: usize = 16 * 1024;

/// Puts the empty file into a container that was not started yet.
pub(super) async fn prepare(engine: &Engine, id: &str) -> Result<(), bollard::errors::Error> {
    let options = UploadToContainerOptionsBuilder::default().path(RESULT_FOLDER).build();
    engine.client.upload_to_container(id, Some(options), bollard::body_full(archive()?.into())).await
}

fn archive() -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o666);
    header.set_size(0);
    archive.append_data(&mut header, RESULT_FILE, std::io::empty())?;
    archive.into_inner()
}

/// What a job left there, if anything.
///
/// # Errors
/// Why it is refused, for people.
pub(super) async fn read(engine: &Engine, id: &str, path: &str) -> Result<Option<Bytes>, String> {
    let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
    let mut pieces = Box::pin(engine.client.download_from_container(id, Some(options)));
    let mut archive = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => archive.extend_from_slice(&piece),
            Err(fault) if status(&fault) == Some(404) => return Ok(None),
            Err(fault) => return Err(format!("cannot read the job's result: {}", message(&fault))),
        }
        if archive.len() > MAX_RESULT_BYTES + AROUND {
            break;
        }
    }
    content(&archive)
}

fn content(archive: &[u8]) -> Result<Option<Bytes>, String> {
    let failed = |error: std::io::Error| format!("cannot read the job's result: {error}");
    let mut archive = tar::Archive::new(archive);
    let Some(file) = archive.entries().map_err(failed)?.next() else { return Ok(None) };
    let file = file.map_err(failed)?;
    if file.header().entry_type() != tar::EntryType::Regular || file.size() == 0 {
        return Ok(None);
    }
    if file.size() > MAX_RESULT_BYTES as u64 {
        return Err(format!(
            "the result in $EVENTFLOW_RESULT has {} bytes, and at most {MAX_RESULT_BYTES} are taken",
            file.size()
        ));
    }
    let mut content = Vec::new();
    file.take(MAX_RESULT_BYTES as u64).read_to_end(&mut content).map_err(failed)?;
    Ok(Some(content.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive_of(kind: tar::EntryType, size: u64) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_path("result").unwrap();
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.resize(512 + usize::try_from(size).unwrap().next_multiple_of(512), b'x');
        bytes
    }

    #[test]
    fn only_a_file_that_is_not_too_large_is_a_result() {
        assert_eq!(content(&archive().unwrap()).unwrap(), None);
        assert_eq!(content(&archive_of(tar::EntryType::Regular, 3)).unwrap().unwrap(), "xxx");
        assert_eq!(content(&archive_of(tar::EntryType::Symlink, 0)).unwrap(), None);
        // The rest of it was not even read.
        let large = archive_of(tar::EntryType::Regular, MAX_RESULT_BYTES as u64 + 1);
        assert!(content(&large[..1024]).unwrap_err().contains("at most"));
    }
}
