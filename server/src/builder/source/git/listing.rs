//! The contents of a folder: the list that Git wrote in the sandbox, parsed and checked before anything is checked out.
//!
//! It is a file and not output, because lines of output are rate-limited and dropped beyond that. Knows the list only.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::names::{entry, fault_of, link};
use crate::builder::Error;

/// Submodules of one function, those of submodules among them.
pub(super) const MAX_SUBMODULES: usize = 20;

/// Bytes of a line that are read. No path that is taken comes near it.
const MAX_LINE_BYTES: u64 = 16 * 1024;

/// The last line, when Git has listed everything.
const END: &str = "end 0";

/// The files of a folder.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: usize,
    pub(super) bytes: u64,
    /// Where the folder has submodules, and the commits that they are at: the first ones, and one more than may be followed.
    pub(super) links: Vec<(String, String)>,
    /// Whether it has its last line.
    pub(super) is_whole: bool,
}

impl Listing {
    /// Reads the lines of `git ls-tree -l` from a file that whoever wrote it may have replaced by anything. May block.
    ///
    /// # Errors
    /// [`Error::Refused`] when there are more files than that, or one that cannot be taken.
    pub(super) fn read(path: &Path, max_files: usize) -> Result<Self, Error> {
        let flags = (nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK).bits();
        let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path);
        let file = file.and_then(|file| match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::Error::other("it is no file")),
        });
        let failed = || Error::failed("read the list of the folder's files");
        let mut reader = BufReader::new(file.map_err(failed())?);
        let (mut listing, mut line) = (Self::default(), Vec::new());
        while !listing.is_whole {
            line.clear();
            if (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).map_err(failed())? == 0 {
                break;
            }
            listing.add(String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line)).as_ref(), max_files)?;
        }
        Ok(listing)
    }

    fn add(&mut self, line: &str, max_files: usize) -> Result<(), Error> {
        if !line.contains('\t') {
            self.is_whole = line == END;
            return Ok(());
        }
        self.files += 1;
        if self.files > max_files {
            return Err(too_many(max_files));
        }
        let (size, file) = entry(line);
        if let Some(fault) = fault_of(file) {
            return Err(Error::Refused(format!("the folder's file {file} cannot be taken: {fault}; rename it")));
        }
        self.bytes = self.bytes.saturating_add(size);
        if self.links.len() <= MAX_SUBMODULES {
            self.links.extend(link(line));
        }
        Ok(())
    }
}

/// The refusal of a folder that has more files.
pub(super) fn too_many(max_files: usize) -> Error {
    Error::Refused(format!("the folder has more than {max_files} files; name a smaller one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, max_files: usize) -> Result<Listing, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("listing");
        fs::write(&path, text).unwrap();
        Listing::read(&path, max_files).map_err(|error| error.to_string())
    }

    #[test]
    fn files_are_counted_and_their_sizes_added_up() {
        let id = "3".repeat(40);
        let text = format!(
            "100644 blob {id}       5\ta\n100755 blob {id} 200\tb/c d\n160000 commit {id}       -\tlib/x\nend 0\n"
        );
        let listing = read(&text, 3).unwrap();
        assert_eq!((listing.files, listing.bytes, listing.is_whole), (3, 205, true));
        assert_eq!(listing.links, [("lib/x".to_owned(), id)]);
        assert!(read(&text, 2).unwrap_err().contains("more than 2 files"));
    }

    #[test]
    fn a_listing_that_git_has_not_finished_is_not_whole() {
        let line = format!("100644 blob {} 5\ta\n", "3".repeat(40));
        for text in [String::new(), line.clone(), format!("{line}end 128\n"), format!("{line}end 0 \n")] {
            assert!(!read(&text, 9).unwrap().is_whole, "{text}");
        }
    }

    #[test]
    fn names_that_cannot_be_taken_are_refused() {
        let long = "x".repeat(100_000);
        for name in [r#""a\nb""#, &long, r#""\033[2J""#] {
            let text = format!("100644 blob {} 5\t{name}\nend 0\n", "3".repeat(40));
            assert!(read(&text, 9).unwrap_err().contains("cannot be taken"), "{name}");
        }
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        nix::unistd::mkfifo(&folder.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for name in ["link", "pipe", "missing"] {
            assert!(Listing::read(&folder.path().join(name), 9).is_err(), "{name}");
        }
    }
}
