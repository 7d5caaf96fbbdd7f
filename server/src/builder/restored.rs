//! Artifacts that come back from a backup. They are unpacked as what strangers send is: nothing in an archive leaves its place.

use std::path::Path;

use super::{Error, Settings, source};
use crate::artifacts::{Artifacts, Limits};

/// Takes an artifact in that was packed, unless it is there.
///
/// # Errors
/// When it does not have this digest, holds what no artifact may, or the disk fails.
pub async fn take_in(artifacts: &Artifacts, digest: &str, archive: &Path) -> Result<(), Error> {
    if artifacts.has(digest).await {
        return Ok(());
    }
    let failed = || Error::failed(format!("take in the artifact {digest}"));
    let Settings { max_artifact_bytes: max_bytes, max_files, .. } = Settings::default();
    let scratch = tempfile::Builder::new().prefix(".restoring-").tempdir_in(artifacts.porch()).map_err(failed())?;
    let (from, to) = (archive.to_owned(), scratch.path().join("in"));
    let unpacked = tokio::task::spawn_blocking(move || source::unpack(&from, &to, max_bytes, max_files, || Ok(())));
    let folder = unpacked.await.map_err(|error| failed()(std::io::Error::other(error)))??;
    let (found, _) = artifacts.put(folder, Limits { max_bytes, max_files }, || Ok(())).await?;
    match found == digest {
        true => Ok(()),
        false => Err(Error::Refused(format!("{} is not the artifact {digest}: it was changed", archive.display()))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::artifacts::Room;
    use crate::artifacts::pack;
    use crate::tree;

    #[tokio::test]
    async fn an_artifact_comes_back_as_it_was_and_a_changed_one_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let [here, there] =
            ["here", "there"].map(|name| Artifacts::open(&data.path().join(name), Room::default()).unwrap());
        let folder = data.path().join("folder");
        fs::create_dir_all(folder.join("only/empty")).unwrap();
        fs::write(folder.join("only/run.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(folder.join("only/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        let long = "x".repeat(200);
        fs::write(folder.join("only").join(&long), "long").unwrap();
        symlink("run.sh", folder.join("only/link")).unwrap();
        let (digest, _) = here.put(folder, Limits { max_bytes: 1 << 20, max_files: 100 }, || Ok(())).await.unwrap();
        let archive = data.path().join("packed.tar.gz");
        pack(here.get(&digest).await.unwrap().unwrap().path(), File::create(&archive).unwrap()).unwrap();
        take_in(&there, &digest, &archive).await.unwrap();
        let back = there.get(&digest).await.unwrap().unwrap();
        let back = back.path();
        assert!(back.join("only/empty").is_dir() && back.join("only").join(&long).is_file());
        assert_eq!(fs::read_link(back.join("only/link")).unwrap(), Path::new("run.sh"));
        assert_eq!(here.all().await.unwrap(), there.all().await.unwrap());
        let other = format!("sha256:{}", "0".repeat(64));
        assert!(take_in(&there, &other, &archive).await.unwrap_err().to_string().contains("was changed"));
        assert!(!there.has(&other).await);
        for artifacts in [here, there] {
            tree::remove(artifacts.get(&digest).await.unwrap().unwrap().path()).unwrap();
        }
    }
}
