//! Submodules, if a manifest asks for them.
//!
//! Their addresses are chosen by the repository's author, so they are more restricted than the address that the
//! function was registered with: the same rules apply, none of them may be on this server's disk or behind its SSH key
//! unless the repository itself is, and credentials are sent only to the address that they were given for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use domain::address;
use futures::future::BoxFuture;

use super::fetch::Found;
use super::listing::MAX_SUBMODULES;
use super::steps::Step;
use super::{Git, Limits, Remote, Repository, Wanted, inner_folder, is_wanted};
use crate::builder::scratch::Scratch;
use crate::builder::{Error, files};

/// Submodules of submodules of submodules.
const MAX_SUBMODULE_DEPTH: usize = 3;

/// Lines of `.gitmodules` that are read.
const MAX_LINES: usize = 1_000;

/// Submodules that a line of the log names.
const MAX_NAMED: usize = 10;

const READ: &str = "exec git config --blob \"$1:.gitmodules\" --get-regexp '^submodule\\..*\\.(path|url)$'";

/// The remaining limits for all submodules of a function.
struct Room {
    limits: Limits,
    number: usize,
    /// Whether their files of Git LFS are fetched.
    lfs: bool,
}

impl Git {
    /// Fetches the submodules of a folder, when the manifest says so; says which ones there are when it does not.
    pub(super) async fn follow(
        &self,
        repository: &Repository<'_>,
        found: &Found,
        folder: &Path,
        wanted: &Wanted<'_>,
        scratch: &Scratch,
    ) -> Result<(), Error> {
        if found.listing.links.is_empty() {
            return Ok(());
        }
        if !is_wanted(wanted.submodules, folder, "submodules") {
            let names: Vec<_> =
                found.listing.links.iter().take(MAX_NAMED).map(|(path, _)| format!("`{path}`")).collect();
            let more = if found.listing.links.len() > MAX_NAMED { " and more" } else { "" };
            let text = format!(
                "The repository has submodules: they are not followed. Say \"submodules\": true in function.json to fetch {}{more}.",
                names.join(", ")
            );
            repository.journal.log(text).await;
            return Ok(());
        }
        let limits = Limits {
            max_bytes: repository.limits.max_bytes.saturating_sub(found.listing.bytes),
            max_files: repository.limits.max_files.saturating_sub(found.listing.files),
            ..repository.limits
        };
        let mut room = Room { limits, number: 0, lfs: is_wanted(wanted.lfs, folder, "lfs") };
        let prefix = wanted.path.unwrap_or_default();
        self.follow_all(repository, found, (folder, prefix), wanted, scratch, &mut room, 1).await
    }

    #[allow(clippy::too_many_arguments, reason = "it calls itself, and each of them is another one each time")]
    fn follow_all<'f>(
        &'f self,
        parent: &'f Repository<'_>,
        found: &'f Found,
        (folder, prefix): (&'f Path, &'f str),
        wanted: &'f Wanted<'_>,
        scratch: &'f Scratch,
        room: &'f mut Room,
        depth: usize,
    ) -> BoxFuture<'f, Result<(), Error>> {
        Box::pin(async move {
            let addresses = parent.submodules(&found.commit).await?;
            let prefix = inner_folder(prefix)?;
            for (path, commit) in &found.listing.links {
                let inner = inner_folder(path)?;
                let whole = prefix.join(&inner).display().to_string();
                let refused = |why: String| Error::Refused(format!("the submodule `{whole}` of {}: {why}", parent.url));
                let given =
                    addresses.get(&whole).ok_or_else(|| refused("`.gitmodules` has no address for it".into()))?;
                let url = absolute(&parent.url, given).ok_or_else(|| refused("its address is none".into()))?;
                check(&parent.url, &url).map_err(refused)?;
                room.number += 1;
                if room.number > MAX_SUBMODULES || depth > MAX_SUBMODULE_DEPTH {
                    return Err(refused(format!(
                        "a function has {MAX_SUBMODULES} submodules at most, {MAX_SUBMODULE_DEPTH} within each other"
                    )));
                }
                let wanted = Wanted { url: &url, git_ref: Some(commit), path: None, ..*wanted };
                let home = scratch.path(&format!("git-{}", room.number));
                let in_it = |error: Error| match error {
                    Error::Refused(why) => refused(why),
                    other => other,
                };
                let limits = (room.limits, parent.deadline);
                let mut repository = self.repository(&wanted, home, limits, parent.journal).await.map_err(in_it)?;
                let below = repository.take(Some(commit), Path::new("")).await.map_err(in_it)?;
                room.limits.max_bytes = room.limits.max_bytes.saturating_sub(below.listing.bytes);
                room.limits.max_files = room.limits.max_files.saturating_sub(below.listing.files);
                // Git has left an empty folder there; nothing on the way to it is a link.
                let place = files::real_folder(folder, &inner).and_then(|place| {
                    fs::remove_dir(&place)?;
                    fs::rename(files::real_folder(&repository.home, Path::new("tree"))?, &place)?;
                    Ok(place)
                });
                let place = place.map_err(Error::failed(format!("put the submodule `{whole}` in its place")))?;
                let more =
                    self.lfs(&repository, &place, room.lfs, room.limits.max_bytes, scratch).await.map_err(in_it)?;
                room.limits.max_bytes = room.limits.max_bytes.saturating_sub(more);
                parent.journal.log(format!("Took the submodule `{whole}` at commit {}", below.commit)).await;
                if !below.listing.links.is_empty() {
                    self.follow_all(&repository, &below, (&place, ""), &wanted, scratch, room, depth + 1).await?;
                }
                // What was fetched for it may be much more than its files: it does not stay until the build is over.
                files::remove(&repository.home).map_err(Error::failed("remove what was fetched for a submodule"))?;
            }
            Ok(())
        })
    }
}

impl Repository<'_> {
    /// The addresses of submodules by their paths, as `.gitmodules` has them.
    async fn submodules(&self, commit: &str) -> Result<BTreeMap<String, String>, Error> {
        let mut declared = BTreeMap::<String, [Option<String>; 2]>::new();
        let mut lines = 0;
        let arguments = [commit];
        let step = Step::new(READ, &arguments);
        let each = |line: &str| {
            lines += 1;
            if lines > MAX_LINES {
                return Err(Error::Refused(format!("`.gitmodules` of {} is longer than {MAX_LINES} lines", self.url)));
            }
            if let Some((key, value)) = line.split_once(' ')
                && let Some((name, field)) = key.rsplit_once('.')
            {
                declared.entry(name.to_owned()).or_default()[usize::from(field == "url")] = Some(value.to_owned());
            }
            Ok(())
        };
        // One that is missing, or none that Git can read, has no addresses.
        self.run(&step, each).await?;
        Ok(declared.into_values().filter_map(|[path, url]| Some((path?, url?))).collect())
    }
}

/// Where an address in `.gitmodules` leads: those that begin with a point are counted from the repository's own.
fn absolute(parent: &str, given: &str) -> Option<String> {
    if !given.starts_with("./") && !given.starts_with("../") {
        return Some(address::masked(given).into_owned());
    }
    // What stays: the host, or the root of the disk.
    let floor = match parent.find("://") {
        Some(scheme) => scheme + 3 + parent[scheme + 3..].find('/')? + 1,
        None if parent.starts_with('/') => 1,
        None => parent.find("]:").map(|end| end + 2).or_else(|| parent.find(':').map(|end| end + 1))?,
    };
    let (front, path) = parent.split_at_checked(floor)?;
    let mut parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    for part in given.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            name => parts.push(name),
        }
    }
    (!parts.is_empty()).then(|| format!("{front}{}", parts.join("/")))
}

/// Whether a repository may name this address.
fn check(parent: &str, url: &str) -> Result<(), String> {
    let own = Remote::parse(parent)?;
    match (own, Remote::parse(url)?) {
        (_, Remote::Web { .. }) | (Remote::Local(_), Remote::Local(_)) | (Remote::Ssh { .. }, Remote::Ssh { .. }) => {
            Ok(())
        }
        (_, Remote::Local(_)) => {
            Err(format!("`{url}` is on the server's disk, which only a repository that is there may name"))
        }
        (_, Remote::Ssh { .. }) => Err(format!(
            "`{url}` would be fetched with this server's SSH key, which only a repository that is itself fetched over SSH may ask for; \
             write an https address in .gitmodules"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_counted_from_the_repositorys_own() {
        for (parent, given, expected) in [
            ("https://host/a/b", "../c", Some("https://host/a/c")),
            ("https://host/a/b.git/", "../../x/y.git", Some("https://host/x/y.git")),
            ("https://host/a/b", "./c", Some("https://host/a/b/c")),
            ("https://host/a/b", "../../../c", None),
            ("https://host:8443/a", "../../c", None),
            ("https://host/a/b", "../c/../../d", Some("https://host/d")),
            ("https://host", "../c", None),
            ("git@host:a/b", "../c", Some("git@host:a/c")),
            ("git@[::1]:a", "../c", Some("git@[::1]:c")),
            ("git@host:a", "../../c", None),
            ("/srv/a", "../b", Some("/srv/b")),
            ("/srv", "../../b", None),
            ("https://host/a", "https://user:token@other/b", Some("https://other/b")),
        ] {
            assert_eq!(absolute(parent, given).as_deref(), expected, "{parent} {given}");
        }
    }

    #[test]
    fn a_repository_names_no_disk_and_no_key_that_it_was_not_fetched_with() {
        for (parent, url, fine) in [
            ("https://host/a", "http://other/b", true),
            ("/srv/a", "/srv/b", true),
            ("git@host:a", "git@host:b", true),
            ("/srv/a", "https://host/b", true),
            ("https://host/a", "/srv/b", false),
            ("https://host/a", "file:///srv/b", false),
            ("https://host/a", "git@host:b", false),
            ("/srv/a", "ssh://host/b", false),
            ("git@host:a", "/srv/b", false),
            ("https://host/a", "ext::sh -c true", false),
            ("https://host/a", "--upload-pack=x", false),
        ] {
            assert_eq!(check(parent, url).is_ok(), fine, "{parent} {url}");
        }
    }
}
