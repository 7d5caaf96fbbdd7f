//! Other users of the host, who look into the data folder.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::app::{Options, command};
use crate::victim::victim;

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().mode() & 0o777
}

/// What others could get at: they must pass every folder on the way.
fn open_to_others(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let meta = entry.metadata().unwrap();
        if !meta.is_symlink() && meta.mode() & 0o077 != 0 {
            found.push(entry.path());
        }
    }
}

#[tokio::test]
async fn the_data_folder_is_the_servers_users_alone() {
    let mut app = victim(Options::default()).await;
    app.running("guest", &[("index.js", "exports.handler = async () => 1;")]).await;
    assert_eq!(app.call("guest").await.status(), 200);
    let data = app.folder().join("data");
    assert_eq!(mode(&data), 0o700);
    let mut found = Vec::new();
    open_to_others(&data, &mut found);
    assert_eq!(found, Vec::<PathBuf>::new());

    // As an earlier version, or somebody's `chmod -R`, has left it.
    app.terminate().await;
    let files: Vec<_> = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
    for path in files.iter().chain([&data]) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode(path) | 0o055)).unwrap();
    }
    app.restart().await;
    assert_eq!(mode(&data), 0o700);
    open_to_others(&data, &mut found);
    assert_eq!(found, Vec::<PathBuf>::new());
    let log = std::fs::read_to_string(app.folder().join("server.log")).unwrap();
    assert!(log.contains("data folder was readable by other users"), "{log}");
    // Sandboxes, which are other users, still run what is in it.
    assert_eq!(app.call("guest").await.status(), 200);
}

#[tokio::test]
async fn somebody_elses_data_folder_is_refused() {
    let mut app = victim(Options::default()).await;
    app.terminate().await;
    let data = app.folder().join("data");
    if std::os::unix::fs::chown(&data, Some(12345), Some(12345)).is_err() {
        return eprintln!("skipped: only root can make somebody else's folder");
    }
    let why = app.try_restart().await.unwrap_err();
    // A server that is not root can not even look into it.
    assert!(why.contains("belongs to the user 12345") || why.contains("Permission denied"), "{why}");
}

#[tokio::test]
async fn a_folder_that_is_shared_or_used_for_something_else_is_refused_and_left_as_it_is() {
    for (permissions, file, why) in
        [(0o1777, None, "that users share"), (0o755, Some("somebody.txt"), "not EventFlow's")]
    {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        if let Some(file) = file {
            std::fs::write(data.join(file), "x").unwrap();
        }
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(permissions)).unwrap();
        let output = command(folder.path(), &Options::default()).arg("serve").output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(why) && text.contains("data/eventflow"), "{text}");
        assert_eq!(std::fs::metadata(&data).unwrap().mode() & 0o7777, permissions);
    }
}
