//! Removes artifacts and bundles that nothing has needed for a while.
//!
//! When something was needed last is the time of change of its folder or file: it is set again while it is needed, and when
//! a build comes to the same content. So it survives restarts, and no other server has to know. What is needed is decided
//! elsewhere, and for one database alone: another one, such as an empty one that was started by mistake, needs nothing.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::folder::{Folder, INCOMING, mark_needed, name_of};
use super::stock::Stock;
use crate::tree;

/// What is on its way out: found again after a restart, and never taken for what it was.
const LEAVING: &str = ".removed-";

/// What is new stays so long in any case: between the upload of a bundle and the function that is made of it, and between the end
/// of a build and its record.
const SHORTEST_STAY: Duration = Duration::from_secs(600);

/// Names the database whose functions need what is here.
const OWNER: &str = "artifacts.database";

impl Folder {
    /// Whether this is the folder of a database. One that was nobody's is from now on, and everything in it counts as needed until
    /// now.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub(super) fn belong_to(&self, database: &str) -> io::Result<bool> {
        let root = self.folder().parent().unwrap_or(self.folder());
        match fs::read_to_string(root.join(OWNER)) {
            Ok(owner) => return Ok(owner.trim() == database),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        for folder in [self.folder(), self.bundles()] {
            for entry in fs::read_dir(folder)? {
                mark_needed(&entry?.path())?;
            }
        }
        let mut file = tempfile::NamedTempFile::new_in(root)?;
        writeln!(file, "{database}")?;
        file.persist(root.join(OWNER)).map_err(|error| error.error)?;
        Ok(true)
    }

    /// Removes the artifacts and bundles that are not among these and have not been needed for so long; and, where little room is
    /// left, those that have not been needed for longest. Returns how many went.
    /// Waits for the disk: call it where that may be.
    ///
    /// # Errors
    /// When a folder cannot be read. What cannot be removed is logged, and tried again next time.
    pub(super) fn remove_unneeded(
        &self,
        artifacts: &HashSet<String>,
        bundles: &HashSet<String>,
        kept: Duration,
    ) -> io::Result<u64> {
        let [own, uploaded] = self.stocks();
        Ok(sweep(own, artifacts, kept)? + sweep(uploaded, bundles, kept)?)
    }
}

/// What nothing needs.
struct Unneeded {
    path: PathBuf,
    since: SystemTime,
    bytes: u64,
}

fn sweep(stock: &Stock, needed: &HashSet<String>, kept: Duration) -> io::Result<u64> {
    let (mut unneeded, mut removed) = (Vec::new(), 0);
    let kept = kept.max(SHORTEST_STAY);
    let mut too_much = stock.too_much()?;
    for entry in fs::read_dir(&stock.folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let metadata = entry.metadata()?;
        let since = metadata.modified()?;
        // An upload that still comes in is written to all the while.
        if name.starts_with(LEAVING) || name.starts_with(INCOMING) && age(since) > SHORTEST_STAY {
            remove(&entry.path());
            continue;
        }
        let digest = format!("sha256:{name}");
        if name_of(&digest).is_none() {
            continue;
        }
        if !needed.contains(&digest) {
            unneeded.push(Unneeded { path: entry.path(), since, bytes: stock.size(&entry.file_name()) });
        } else if age(since) > kept / 4 {
            mark_needed(&entry.path())?;
        }
    }
    unneeded.sort_by_key(|unneeded| unneeded.since);
    for Unneeded { path, since, bytes } in unneeded {
        let is_in_the_way = too_much > 0 && age(since) > SHORTEST_STAY;
        if (is_in_the_way || age(since) > kept) && take_away(&path, since)? {
            too_much = too_much.saturating_sub(bytes);
            removed += 1;
        }
    }
    // What has gone has made room.
    stock.too_much()?;
    Ok(removed)
}

/// Removes something, unless it was needed again meanwhile.
fn take_away(path: &Path, since: SystemTime) -> io::Result<bool> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(false) };
    let away = folder.join(format!("{LEAVING}{}", name.to_string_lossy()));
    match fs::rename(path, &away) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        renamed => renamed?,
    }
    // A build may have come to the same content, and found it here, just before it was moved. One that did not find it any more
    // has put its own there.
    if fs::symlink_metadata(&away)?.modified()? != since && !path.try_exists()? {
        fs::rename(&away, path)?;
        return Ok(false);
    }
    remove(&away);
    Ok(true)
}

fn remove(path: &Path) {
    let removed = match path.is_dir() {
        true => tree::remove(path),
        false => fs::remove_file(path),
    };
    if let Err(error) = removed {
        tracing::warn!(path = %path.display(), %error, "what nothing needs any more is not removed yet");
    }
}

fn age(since: SystemTime) -> Duration {
    since.elapsed().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::super::stock::Room;
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn digest(number: u8) -> String {
        format!("sha256:{}", format!("{number:02x}").repeat(32))
    }

    /// An artifact and a bundle of this digest that were needed so long ago.
    fn made(artifacts: &Folder, number: u8, ago: Duration) {
        let name = digest(number);
        let name = name_of(&name).unwrap();
        let folder = artifacts.folder().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("index.js"), "1").unwrap();
        fs::write(artifacts.bundles().join(name), "1").unwrap();
        for path in [folder, artifacts.bundles().join(name)] {
            File::open(path).unwrap().set_modified(SystemTime::now() - ago).unwrap();
        }
    }

    fn left(artifacts: &Folder) -> [usize; 2] {
        [artifacts.folder(), artifacts.bundles()].map(|folder| fs::read_dir(folder).unwrap().count())
    }

    #[test]
    fn what_nothing_has_needed_for_a_while_goes() {
        let data = tempfile::tempdir().unwrap();
        let artifacts = Folder::new(data.path(), Room::default()).unwrap();
        made(&artifacts, 1, 2 * DAY);
        made(&artifacts, 2, DAY / 2);
        made(&artifacts, 3, 2 * DAY);
        let needed = HashSet::from([digest(3)]);
        assert_eq!(artifacts.remove_unneeded(&needed, &needed, DAY).unwrap(), 2);
        assert_eq!(left(&artifacts), [2, 2]);
        assert!(artifacts.artifact(&digest(1)).is_none() && artifacts.bundle(&digest(1)).is_none());
        // What was needed until now has its time from now on.
        assert_eq!(artifacts.remove_unneeded(&HashSet::new(), &HashSet::new(), DAY).unwrap(), 0);
        assert_eq!(artifacts.remove_unneeded(&HashSet::new(), &HashSet::new(), Duration::ZERO).unwrap(), 2);
        assert_eq!(left(&artifacts), [1, 1], "what is new stays");
    }

    #[test]
    fn a_folder_belongs_to_one_database_and_what_was_there_before_has_its_time() {
        let data = tempfile::tempdir().unwrap();
        let artifacts = Folder::new(data.path(), Room::default()).unwrap();
        made(&artifacts, 1, 2 * DAY);
        assert!(artifacts.belong_to("one").unwrap());
        assert_eq!(artifacts.remove_unneeded(&HashSet::new(), &HashSet::new(), DAY).unwrap(), 0);
        assert_eq!([artifacts.belong_to("another").unwrap(), artifacts.belong_to("one").unwrap()], [false, true]);
        assert_eq!(left(&artifacts), [1, 1]);
    }

    #[test]
    fn what_is_needed_again_while_it_is_taken_away_stays() {
        let data = tempfile::tempdir().unwrap();
        let artifacts = Folder::new(data.path(), Room::default()).unwrap();
        made(&artifacts, 1, 2 * DAY);
        let folder = artifacts.artifact(&digest(1)).unwrap();
        let since = fs::metadata(&folder).unwrap().modified().unwrap();
        assert!(mark_needed(&folder).unwrap());
        assert!(!take_away(&folder, since).unwrap());
        assert!(artifacts.artifact(&digest(1)).is_some());
        assert!(!mark_needed(&data.path().join("gone")).unwrap());
    }

    #[test]
    fn what_was_on_its_way_out_at_a_restart_goes() {
        let data = tempfile::tempdir().unwrap();
        let artifacts = Folder::new(data.path(), Room::default()).unwrap();
        fs::create_dir(artifacts.folder().join(format!("{LEAVING}x"))).unwrap();
        artifacts.remove_unneeded(&HashSet::new(), &HashSet::new(), DAY).unwrap();
        assert_eq!(left(&artifacts), [0, 0]);
    }

    #[test]
    fn an_upload_that_broke_off_with_its_server_goes() {
        let data = tempfile::tempdir().unwrap();
        let artifacts = Folder::new(data.path(), Room::default()).unwrap();
        for (name, ago) in [("old", 2), ("new", 0)] {
            let path = artifacts.bundles().join(format!("{INCOMING}{name}"));
            File::create(&path).unwrap().set_modified(SystemTime::now() - SHORTEST_STAY * ago).unwrap();
        }
        artifacts.remove_unneeded(&HashSet::new(), &HashSet::new(), DAY).unwrap();
        assert_eq!(left(&artifacts), [0, 1]);
    }

    #[test]
    fn where_there_is_little_room_the_oldest_go_but_none_that_has_just_come_or_is_needed() {
        let data = tempfile::tempdir().unwrap();
        // Of one byte each, and what a file takes. Three of four parts may be taken.
        let within = |bundles: u64| {
            Folder::new(data.path(), Room { bundles: bundles * 4100 / 3 * 4, ..Room::default() }).unwrap()
        };
        let artifacts = within(3);
        for (number, ago) in [(1, 5), (2, 4), (3, 3), (4, 0)] {
            made(&artifacts, number, SHORTEST_STAY * ago);
        }
        let needed = HashSet::from([digest(1)]);
        let sweep = |artifacts: &Folder| artifacts.remove_unneeded(&needed, &needed, DAY).unwrap();
        assert_eq!(sweep(&artifacts), 1);
        let there = || [1, 2, 3, 4].map(|number| artifacts.bundle(&digest(number)).is_some());
        assert_eq!(there(), [true, false, true, true]);
        assert_eq!(sweep(&within(0)), 1);
        assert_eq!(there(), [true, false, false, true]);
    }
}
