//! Lists a version's own files, without those installed for it.
//!
//! Reads artifacts, which never change; knows nothing of versions.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::tree::{self, Bounds, Entry, Kind, Next, When};

/// Files that are listed; the rest is left out.
pub const MAX_LISTED: usize = 1_000;

/// A file's text is shown up to so many bytes.
pub const MAX_TEXT: u64 = 64 << 10;

/// Folders that a build fills.
const INSTALLED: &[&str] = &["node_modules", ".python", ".eventflow", ".git", "__pycache__"];

/// Bytes of a large file that are read at a time.
const PIECE: usize = 64 << 10;

/// A file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path below the function's folder.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// The SHA-256 of its content, in hexadecimal; empty when it was not read.
    pub sha256: String,
    /// Its text; `None` when it is not UTF-8, or too long, or was not read.
    pub text: Option<String>,
}

impl Listed {
    /// Bytes of memory that its text can take.
    pub fn text_bytes(&self) -> u64 {
        if self.size <= MAX_TEXT { self.size } else { 0 }
    }
}

/// The files of an artifact's folder by path, [`MAX_LISTED`] at most, without what is in them: see [`read`]. Links are
/// left out: what they lead to is listed where it is. With `only`, just the file at that path.
///
/// # Errors
/// When the disk fails.
pub fn list(folder: &Path, only: Option<&str>) -> io::Result<Vec<Listed>> {
    let mut found = Vec::new();
    visit(folder, |entry, path| {
        if only.is_none_or(|only| only == path) {
            let size = u64::try_from(entry.stat()?.st_size).unwrap_or(0);
            found.push(Listed { path, size, sha256: String::new(), text: None });
        }
        Ok(if found.len() == MAX_LISTED || only.is_some() && !found.is_empty() { Next::Stop } else { Next::Go })
    })?;
    Ok(found)
}

/// Reads what is in the files of a listing.
///
/// # Errors
/// When the disk fails.
pub fn read(folder: &Path, listed: &mut [Listed]) -> io::Result<()> {
    let mut rest: HashMap<String, &mut Listed> =
        listed.iter_mut().map(|listed| (listed.path.clone(), listed)).collect();
    visit(folder, |entry, path| {
        if let Some(listed) = rest.remove(&path) {
            read_one(entry.open()?, listed)?;
        }
        Ok(if rest.is_empty() { Next::Stop } else { Next::Go })
    })
}

/// Visits every file that is listed.
fn visit(folder: &Path, mut each: impl FnMut(&Entry<'_>, String) -> io::Result<Next>) -> io::Result<()> {
    tree::walk(folder, Bounds::default(), When::Before, |entry| match entry.kind {
        Kind::Folder if INSTALLED.iter().any(|name| entry.path.file_name() == Some(name.as_ref())) => Ok(Next::Skip),
        Kind::File => each(entry, entry.path.to_string_lossy().into_owned()),
        Kind::Folder | Kind::Link | Kind::Other => Ok(Next::Go),
    })
}

fn read_one(mut file: File, listed: &mut Listed) -> io::Result<()> {
    let mut hash = Sha256::new();
    if listed.size <= MAX_TEXT {
        let mut bytes = Vec::new();
        file.take(MAX_TEXT).read_to_end(&mut bytes)?;
        hash.update(&bytes);
        listed.text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    } else {
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece)? {
                0 => break,
                read => hash.update(&piece[..read]),
            }
        }
    }
    listed.sha256 = hex::encode(hash.finalize());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn own_files_are_listed_by_path_and_installed_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, content: &[u8]| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        write("index.js", b"exports.handler = 1;\n");
        write("lib/a.js", b"a");
        write("lib/picture.png", &[0x89, b'P', 0xff]);
        write("node_modules/left-pad/index.js", b"no");
        write("lib/node_modules/other.js", b"no");
        write(".python/flask.py", b"no");
        write("long.txt", &vec![b'x'; MAX_TEXT as usize + 1]);
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();

        let mut listed = list(folder.path(), None).unwrap();
        assert!(listed.iter().all(|file| file.sha256.is_empty() && file.text.is_none()));
        assert_eq!(listed.iter().map(Listed::text_bytes).sum::<u64>(), 21 + 1 + 3);
        read(folder.path(), &mut listed).unwrap();
        let paths: Vec<_> = listed.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["index.js", "lib/a.js", "lib/picture.png", "long.txt"]);
        assert_eq!(listed[1].sha256, hex::encode(Sha256::digest(b"a")));
        let texts: Vec<_> = listed.iter().map(|file| file.text.as_deref()).collect();
        assert_eq!(texts, [Some("exports.handler = 1;\n"), Some("a"), None, None]);
        assert_eq!(listed[3].size, MAX_TEXT + 1);

        let mut one = list(folder.path(), Some("lib/a.js")).unwrap();
        read(folder.path(), &mut one).unwrap();
        assert_eq!(one, [listed[1].clone()]);
        for path in ["link", "../index.js", "node_modules/left-pad/index.js", "none"] {
            assert_eq!(list(folder.path(), Some(path)).unwrap(), [], "{path}");
        }
    }
}
