//! What every store of artifacts promises, with copies on this server and without.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream;

use super::{Artifacts, Limits, Room};
use crate::tree;

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes of one artifact of these tests.
const ONE: u64 = 100_000;

const LIMITS: Limits = Limits { max_bytes: 10 * ONE, max_files: 10 };

struct Home {
    artifacts: Artifacts,
    data: tempfile::TempDir,
}

impl Home {
    fn in_place() -> Self {
        let data = tempfile::tempdir().unwrap();
        Self { artifacts: Artifacts::open(&data.path().join("far"), Room::default()).unwrap(), data }
    }

    /// With room for so many copies.
    fn copied(copies: u64) -> Self {
        let data = tempfile::tempdir().unwrap();
        let home = Self { artifacts: Artifacts::open(&data.path().join("far"), Room::default()).unwrap(), data };
        Self { artifacts: home.again(copies), ..home }
    }

    fn again(&self, copies: u64) -> Artifacts {
        let [far, near] = ["far", "near"].map(|name| self.data.path().join(name));
        Artifacts::open_with_cache(&far, Room::default(), &near, copies * ONE * 7 / 5).unwrap()
    }

    fn folder(&self, content: u8) -> PathBuf {
        let folder = self.data.path().join(format!("built-{content}"));
        fs::create_dir_all(folder.join("sub/.git")).unwrap();
        fs::create_dir_all(folder.join(".git")).unwrap();
        fs::write(folder.join("sub/run.sh"), [content; ONE as usize]).unwrap();
        fs::set_permissions(folder.join("sub/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    async fn put(&self, content: u8) -> String {
        let (digest, size) = self.artifacts.put(self.folder(content), LIMITS, || Ok(())).await.unwrap();
        assert_eq!(size, ONE);
        digest
    }

    async fn uses(&self, digest: &str) -> super::Files {
        self.artifacts.get(digest).await.unwrap().unwrap()
    }

    /// Folders of copies, whole or not.
    fn copies(&self) -> usize {
        fs::read_dir(self.data.path().join("near")).unwrap().count()
    }

    async fn copies_become(&self, count: usize) {
        let until = Instant::now() + PATIENCE;
        while self.copies() != count {
            assert!(Instant::now() < until, "{} copies instead of {count}", self.copies());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What nobody may change does not go with the temporary folder.
    fn clear(&self) {
        self.clear_far();
        tree::remove(&self.data.path().join("near")).unwrap();
    }

    fn clear_far(&self) {
        tree::remove(&self.data.path().join("far")).unwrap();
    }
}

fn is_whole(folder: &Path, content: u8) {
    assert_eq!(fs::read(folder.join("sub/run.sh")).unwrap(), [content; ONE as usize]);
    let mode = |inner: &str| fs::metadata(folder.join(inner)).unwrap().permissions().mode() & 0o777;
    assert_eq!(["", "sub", "sub/run.sh"].map(mode), [0o555, 0o555, 0o555], "nobody may change it");
    assert!(!folder.join(".git").exists());
}

async fn every_store_keeps_what_it_is_given(home: &Home) {
    let (first, second) = (home.put(1).await, home.put(2).await);
    assert_eq!(home.put(1).await, first, "what is the same is kept once");
    for (digest, content) in [(&first, 1), (&second, 2)] {
        assert!(home.artifacts.has(digest).await);
        is_whole(home.uses(digest).await.path(), content);
    }
    let mut both = [first.clone(), second.clone()];
    both.sort();
    assert_eq!(home.artifacts.all().await.unwrap(), (both.to_vec(), vec![]));
    let wrong = format!("sha256:{}", "0".repeat(64));
    for digest in [wrong.as_str(), "sha256:../built-1", "../built-1", "sha256:", "", &first.to_uppercase()] {
        assert!(!home.artifacts.has(digest).await, "{digest}");
        assert!(home.artifacts.get(digest).await.unwrap().is_none(), "{digest}");
        assert!(home.artifacts.bundle(digest).await.is_none(), "{digest}");
    }
}

async fn every_store_refuses_what_no_artifact_may_be(home: &Home) {
    let leaving = home.folder(3);
    std::os::unix::fs::symlink("../outside", leaving.join("link")).unwrap();
    let error = home.artifacts.put(leaving, LIMITS, || Ok(())).await.unwrap_err();
    assert!(error.is_refused() && error.to_string().contains("link to ../outside"), "{error}");
    let tight = Limits { max_bytes: ONE - 1, ..LIMITS };
    assert!(home.artifacts.put(home.folder(4), tight, || Ok(())).await.unwrap_err().is_refused());
    let called_off = || Err(std::io::Error::other("called off"));
    let error = home.artifacts.put(home.folder(5), LIMITS, called_off).await.unwrap_err();
    assert!(!error.is_refused() && error.to_string().contains("called off"), "{error}");
    assert_eq!(home.artifacts.all().await.unwrap(), (vec![], vec![]));
}

async fn every_store_keeps_bundles(home: &Home) {
    let upload = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"PK\x03\x04rest"))]);
    let digest = home.artifacts.put_bundle(upload).await.unwrap();
    let file = home.artifacts.bundle(&digest).await.unwrap();
    assert_eq!(fs::read(file).unwrap(), b"PK\x03\x04rest");
    let other = Home::in_place();
    let copy = home.data.path().join("copy");
    fs::write(&copy, b"PK\x03\x04rest").unwrap();
    other.artifacts.take_bundle(&digest, copy.clone()).await.unwrap();
    assert_eq!(other.artifacts.all().await.unwrap(), (vec![], vec![digest]));
    let wrong = format!("sha256:{}", "0".repeat(64));
    assert!(other.artifacts.take_bundle(&wrong, copy).await.unwrap_err().to_string().contains("was changed"));
    other.clear_far();
}

async fn every_store_has_one_name_and_one_owner(home: &Home) {
    let name = home.artifacts.identity().await.unwrap();
    let again = Artifacts::open(&home.data.path().join("far"), Room::default()).unwrap();
    assert_eq!(again.identity().await.unwrap(), name);
    assert_ne!(Home::in_place().artifacts.identity().await.unwrap(), name);
    assert!(home.artifacts.belong_to("one").await.unwrap());
    assert_eq!([again.belong_to("other").await.unwrap(), again.belong_to("one").await.unwrap()], [false, true]);
}

#[tokio::test]
async fn a_folder_keeps_what_it_promises() {
    for home in [Home::in_place(), Home::copied(1), Home::copied(100)] {
        every_store_refuses_what_no_artifact_may_be(&home).await;
        every_store_keeps_what_it_is_given(&home).await;
        every_store_keeps_bundles(&home).await;
        every_store_has_one_name_and_one_owner(&home).await;
        home.clear();
    }
}

#[tokio::test]
async fn what_has_not_been_used_for_longest_goes_and_never_what_is_in_use() {
    let home = Home::copied(2);
    let [first, second, third] = [home.put(1).await, home.put(2).await, home.put(3).await];
    drop((home.uses(&first).await, home.uses(&second).await));
    // The first one is the last that was used.
    drop(home.uses(&first).await);
    let held = home.uses(&third).await;
    let there = || [&first, &second, &third].map(|digest| home.artifacts.has_copy(digest));
    assert_eq!(there(), [true, false, true]);
    home.copies_become(2).await;
    // All are in use: there are more than may be, as long as that lasts.
    let all = [home.uses(&first).await, home.uses(&second).await];
    assert_eq!(there(), [true, true, true]);
    is_whole(held.path(), 3);
    is_whole(all[1].path(), 2);
    drop(held);
    assert_eq!(there(), [true, true, false], "nobody has it any more");
    drop(all);
    home.copies_become(2).await;
    home.clear();
}

#[tokio::test]
async fn copies_outlive_the_server_and_what_it_left_unfinished_does_not() {
    let home = Home::copied(2);
    let [first, second] = [home.put(1).await, home.put(2).await];
    drop((home.uses(&first).await, home.uses(&second).await));
    fs::create_dir(home.data.path().join("near/.unfinished-x")).unwrap();
    let again = home.again(2);
    assert_eq!([&first, &second].map(|digest| again.has_copy(digest)), [true, true]);
    home.copies_become(2).await;
    // They are used although what they are copies of is away.
    home.clear_far();
    is_whole(again.get(&first).await.unwrap().unwrap().path(), 1);
    let smaller = home.again(1);
    assert_eq!([&first, &second].iter().filter(|digest| smaller.has_copy(digest)).count(), 1);
    home.copies_become(1).await;
    home.clear();
}

#[tokio::test]
async fn many_that_want_one_artifact_fetch_it_once() {
    let home = Home::copied(2);
    let digest = home.put(1).await;
    let uses = (0..20).map(|_| home.uses(&digest));
    let held = futures::future::join_all(uses).await;
    assert_eq!(home.copies(), 1);
    held.iter().for_each(|held| is_whole(held.path(), 1));
    home.clear();
}

#[tokio::test]
async fn a_copy_of_what_was_changed_is_not_used() {
    let home = Home::copied(2);
    let digest = home.put(1).await;
    let file = home.data.path().join("far/artifacts").join(digest.trim_start_matches("sha256:")).join("sub/run.sh");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(&file, [9; ONE as usize]).unwrap();
    let error = home.artifacts.get(&digest).await.unwrap_err();
    assert!(!error.is_refused() && error.to_string().contains("it was changed"), "{error}");
    home.copies_become(0).await;
    home.clear();
}

#[tokio::test]
async fn an_artifact_that_goes_while_it_is_fetched_is_none() {
    let home = Home::copied(2);
    let digest = home.put(1).await;
    home.clear_far();
    assert!(home.artifacts.get(&digest).await.unwrap().is_none());
    home.copies_become(0).await;
    tree::remove(&home.data.path().join("near")).unwrap();
}
