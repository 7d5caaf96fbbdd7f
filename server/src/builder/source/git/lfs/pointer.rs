//! Pointers: the small texts that a repository contains instead of files in Git LFS.
//!
//! Knows their format; queries no server.

use std::io::{self, Read};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::tree::{self, Bounds, Kind, Next, When};

/// Bytes of a pointer: its three lines, and less than the 1,024 that its own rules allow.
const SIZES: RangeInclusive<u64> = 100..=1023;

const BEGINNING: &str = "version https://git-lfs.github.com/spec/v1\n";

/// Digits of a SHA-256.
const DIGITS: usize = 64;

/// The expected content of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Content {
    /// Its SHA-256, in hexadecimal digits.
    pub(super) oid: String,
    pub(super) size: u64,
}

/// A file that is a pointer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    /// In the folder.
    pub(super) path: PathBuf,
    pub(super) content: Content,
}

impl Content {
    /// What its file is called until it has its place. Two pointers may say different sizes of one hash.
    pub(super) fn file(&self) -> String {
        format!("{}-{}", self.oid, self.size)
    }

    /// What a text points to; `None` when it is no pointer.
    fn of(text: &[u8]) -> Option<Self> {
        let lines = std::str::from_utf8(text).ok()?.strip_prefix(BEGINNING)?;
        let value = |key: &str| lines.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        let oid = value("oid")?.strip_prefix("sha256:")?;
        let is_hash = oid.len() == DIGITS && oid.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let size = value("size")?.parse().ok()?;
        is_hash.then(|| Self { oid: oid.to_owned(), size })
    }
}

/// The pointers in a folder, in the order of their names; no more than one more than `most`. May block.
pub(super) fn find(folder: &Path, most: usize, mut go_on: impl FnMut() -> io::Result<()>) -> io::Result<Vec<Pointer>> {
    let mut pointers = Vec::new();
    tree::walk(folder, Bounds::default(), When::Before, |entry| {
        go_on()?;
        let size = match entry.kind {
            Kind::File => u64::try_from(entry.stat()?.st_size).unwrap_or(0),
            _ => return Ok(Next::Go),
        };
        if !SIZES.contains(&size) {
            return Ok(Next::Go);
        }
        let mut text = Vec::new();
        entry.open()?.take(*SIZES.end()).read_to_end(&mut text)?;
        if let Some(content) = Content::of(&text) {
            pointers.push(Pointer { path: entry.path.to_owned(), content });
        }
        Ok(if pointers.len() > most { Next::Stop } else { Next::Go })
    })?;
    Ok(pointers)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn text(oid: &str, size: &str) -> String {
        format!("{BEGINNING}oid {oid}\nsize {size}\n")
    }

    #[test]
    fn a_pointer_says_what_its_file_holds() {
        let oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393".to_owned();
        let plain = text(&format!("sha256:{oid}"), "12345");
        let extended = plain.replace("oid", &format!("ext-0-foo sha256:{}\noid", "a".repeat(64)));
        for text in [&plain, &extended] {
            assert_eq!(Content::of(text.as_bytes()), Some(Content { oid: oid.clone(), size: 12_345 }), "{text}");
        }
        for none in [
            text(&format!("sha256:{}", &oid[1..]), "1"),
            text(&format!("sha256:{}", oid.to_uppercase()), "1"),
            text(&format!("sha256:../../{}", &oid[6..]), "1"),
            text(&format!("md5:{oid}"), "1"),
            text(&format!("sha256:{oid}"), "-1"),
            text(&format!("sha256:{oid}"), "99999999999999999999999"),
            format!("x{plain}"),
            BEGINNING.to_owned(),
        ] {
            assert_eq!(Content::of(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn pointers_are_found_in_folders_and_not_behind_links() {
        let folder = tempfile::tempdir().unwrap();
        let pointer = text(&format!("sha256:{}", "a".repeat(64)), "1");
        fs::create_dir(folder.path().join("a")).unwrap();
        for name in ["a/1", "2", "3"] {
            fs::write(folder.path().join(name), &pointer).unwrap();
        }
        fs::write(folder.path().join("text"), "x".repeat(pointer.len())).unwrap();
        std::os::unix::fs::symlink("2", folder.path().join("link")).unwrap();
        let found = |most| find(folder.path(), most, || Ok(())).unwrap();
        let paths: Vec<_> = found(9).into_iter().map(|pointer| pointer.path).collect();
        assert_eq!(paths, ["2", "3", "a/1"].map(PathBuf::from));
        assert_eq!(found(1).len(), 2);
    }
}
