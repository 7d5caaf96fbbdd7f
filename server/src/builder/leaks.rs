//! Detects secrets in a build's result: a version is stored, copied and distributed, so it must not contain the build's
//! secrets.
//!
//! Knows bytes and files, but neither who made them nor what the secrets are for.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::Error;
use crate::tree::{self, Bounds, Kind, Next, When};
use crate::vault::Secret;

/// Shorter values are in many files by chance.
const MIN_BYTES: usize = 8;

/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;

/// Looks for the secrets in all files of a folder; `go_on` ends it.
///
/// # Errors
/// [`Error::Refused`] with the name of the secret and the file that it is in.
pub(super) fn look(folder: &Path, secrets: &[Secret], mut go_on: impl FnMut() -> io::Result<()>) -> Result<(), Error> {
    let wanted = secrets.iter().filter(|secret| secret.value.trim().len() >= MIN_BYTES);
    let wanted: Vec<_> =
        wanted.map(|secret| (secret.name.as_str(), memmem::Finder::new(secret.value.trim()))).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let longest = wanted.iter().map(|(_, finder)| finder.needle().len()).max().unwrap_or(0);
    let mut found: Option<(String, PathBuf)> = None;
    tree::walk(folder, Bounds::default(), When::Before, |entry| {
        go_on()?;
        if entry.kind != Kind::File {
            return Ok(Next::Go);
        }
        let name = holds(entry.open()?, &wanted, longest)?;
        found = name.map(|name| (name.to_owned(), entry.path.to_owned()));
        Ok(if found.is_some() { Next::Stop } else { Next::Go })
    })
    .map_err(Error::failed("look for secrets in what was built"))?;
    match found {
        None => Ok(()),
        Some((name, path)) => Err(Error::Refused(format!(
            "the build left the secret `{name}` in {}: a secret of the build must not be part of the version. Let the \
             build read it from its variable and write it nowhere",
            path.display()
        ))),
    }
}

/// The name of the first secret in a file.
fn holds<'n>(
    mut file: impl Read,
    wanted: &[(&'n str, memmem::Finder<'_>)],
    longest: usize,
) -> io::Result<Option<&'n str>> {
    let mut piece = vec![0; PIECE + longest];
    // What a secret may begin in is looked at again with the next piece.
    let mut kept = 0;
    loop {
        let read = file.read(&mut piece[kept..])?;
        if read == 0 {
            return Ok(None);
        }
        let end = kept + read;
        if let Some((name, _)) = wanted.iter().find(|(_, finder)| finder.find(&piece[..end]).is_some()) {
            return Ok(Some(name));
        }
        kept = (longest - 1).min(end);
        piece.copy_within(end - kept..end, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_it_is() {
        let secret = |name: &str, value: &str| Secret {
            name: name.into(),
            value: value.to_owned().into(),
            set_at: crate::clock::now(),
        };
        let secrets = [secret("SHORT", "1"), secret("TOKEN", "npm_0123456789")];
        let folder = tempfile::tempdir().unwrap();
        let look = || look(folder.path(), &secrets, || Ok(()));
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/plain"), "1 npm_012345678").unwrap();
        look().unwrap();
        // Across the border between two pieces.
        let mut text = vec![b'x'; PIECE + "npm_0123456789".len() - 3];
        text.extend_from_slice(b"npm_0123456789");
        std::fs::write(folder.path().join("a/held"), text).unwrap();
        let error = look().unwrap_err().to_string();
        assert!(error.contains("`TOKEN`") && error.contains("a/held") && !error.contains("npm_0"), "{error}");
        assert!(super::look(folder.path(), &secrets, || Err(io::ErrorKind::Interrupted.into())).is_err());
    }
}
