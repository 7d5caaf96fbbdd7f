//! Unpacks a stranger's zip or tar.gz.
//!
//! Nothing may end up outside the folder, exceed the limits, or be anything other than a file, a folder, or a link that
//! stays inside. Links are created after everything else, so nothing is ever written through one. Everything created
//! counts, including the parent folders in a path. Modes are reduced to "executable or not". `.git` folders and the
//! files that macOS adds to archives are skipped.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use domain::text::bytes;
use flate2::read::GzDecoder;

use crate::artifacts::archive::{Form, MAGIC_BYTES, form as form_of};
use crate::builder::{Error, files};
use crate::tree;

/// A link's target is not longer than a path can be.
const MAX_LINK_BYTES: u64 = 4096;

/// A tar's headers for one long name are not larger than this.
const MAX_EXTENSION_BYTES: u64 = 64 * 1024;

/// Characters of a name that is not taken that a message repeats.
const MAX_SHOWN: usize = 200;

/// What tar adds to the content of a file, at most, when it is counted against the limit.
const TAR_OVERHEAD_BYTES: u64 = 4096;

/// An entry of a zip's table of contents begins with this.
const ZIP_ENTRY: [u8; 4] = [b'P', b'K', 1, 2];

/// Unpacks into `folder`, which must not be there. Returns it, or the only folder in it when there is nothing else.
pub(in crate::builder) fn unpack(
    archive: &Path,
    folder: &Path,
    max_bytes: u64,
    max_files: usize,
    go_on: impl FnMut() -> io::Result<()>,
) -> Result<PathBuf, Error> {
    let open = || File::open(archive).map_err(Error::failed("open the bundle"));
    let mut magic = [0; MAGIC_BYTES];
    let mut file = open()?;
    let read = read_up_to(&mut file, &mut magic).map_err(Error::failed("read the bundle"))?;
    fs::create_dir(folder).map_err(Error::failed("make a folder for the bundle"))?;
    let mut unpacker = Unpacker {
        root: folder.to_owned(),
        bytes_left: max_bytes,
        files_left: max_files,
        max_bytes,
        max_files,
        links: BTreeMap::new(),
        go_on,
    };
    match form_of(&magic[..read])? {
        Form::Zip => {
            check_entries(BufReader::new(open()?), max_files, &mut unpacker.go_on)?;
            unpacker.zip(BufReader::new(open()?))?;
        }
        Form::TarGz => {
            let limit = max_bytes.saturating_add(max_files as u64 * TAR_OVERHEAD_BYTES);
            let reader = GzDecoder::new(BufReader::new(open()?)).take(limit);
            if check_headers(reader, &mut unpacker.go_on)? > max_bytes {
                return Err(unpacker.too_large());
            }
            unpacker.tar(GzDecoder::new(BufReader::new(open()?)).take(limit))?;
        }
    }
    unpacker.make_links()?;
    only_folder(folder).map_err(Error::failed("read the unpacked bundle"))
}

/// A bundle of one folder means that folder.
fn only_folder(folder: &Path) -> io::Result<PathBuf> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    match entries.pop() {
        Some(entry) if entries.is_empty() && entry.file_type()?.is_dir() => Ok(entry.path()),
        _ => Ok(folder.to_owned()),
    }
}

struct Unpacker<G> {
    root: PathBuf,
    bytes_left: u64,
    files_left: usize,
    max_bytes: u64,
    max_files: usize,
    /// Link and target, made last.
    links: BTreeMap<PathBuf, PathBuf>,
    go_on: G,
}

impl<G: FnMut() -> io::Result<()>> Unpacker<G> {
    fn zip(&mut self, reader: impl Read + Seek) -> Result<(), Error> {
        let mut archive = zip::ZipArchive::new(reader).map_err(damaged_zip)?;
        if archive.len() > self.max_files {
            return Err(self.too_many());
        }
        // What it says of itself need not be true, and is counted again: but when it is, nothing was written in vain.
        if archive.decompressed_size().is_some_and(|size| size > u128::from(self.max_bytes)) {
            return Err(self.too_large());
        }
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(damaged_zip)?;
            let name = entry.name().map_err(damaged_zip)?.into_owned();
            let Some(path) = self.entry(&name)? else {
                continue;
            };
            if entry.is_dir() {
                self.own_folder(&path)?;
            } else if entry.is_symlink() {
                let mut target = String::new();
                (&mut entry).take(MAX_LINK_BYTES).read_to_string(&mut target).map_err(damaged)?;
                self.link(path, PathBuf::from(target))?;
            } else {
                let mode = entry.unix_mode().unwrap_or(0o644);
                if !matches!(mode & 0o170_000, 0 | 0o100_000) {
                    return Err(strange(&path));
                }
                self.file(&path, mode, &mut entry)?;
            }
        }
        Ok(())
    }

    fn tar(&mut self, reader: impl Read) -> Result<(), Error> {
        let mut archive = tar::Archive::new(reader);
        for entry in archive.entries().map_err(damaged)? {
            let mut entry = entry.map_err(damaged)?;
            let kind = entry.header().entry_type();
            if kind == tar::EntryType::XGlobalHeader {
                continue;
            }
            let name = String::from_utf8(entry.path_bytes().into_owned())
                .map_err(|_| Error::Refused("the bundle has a file whose name is not UTF-8; rename it".into()))?;
            let Some(path) = self.entry(&name)? else {
                continue;
            };
            match kind {
                tar::EntryType::Directory => self.own_folder(&path)?,
                tar::EntryType::Regular | tar::EntryType::Continuous => {
                    let mode = entry.header().mode().map_err(damaged)?;
                    self.file(&path, mode, &mut entry)?;
                }
                tar::EntryType::Symlink => {
                    let target = entry.link_name().map_err(damaged)?.ok_or_else(|| strange(&path))?.into_owned();
                    self.link(path, target)?;
                }
                tar::EntryType::Link => {
                    let target = entry.link_name().map_err(damaged)?.ok_or_else(|| strange(&path))?;
                    let source = target.to_str().and_then(files::inner_path).ok_or_else(|| leaves(&path, &target))?;
                    self.hard_link(&path, &source)?;
                }
                _ => return Err(strange(&path)),
            }
        }
        Ok(())
    }

    /// The path of an entry, counted; `None` when it is to be left out.
    fn entry(&mut self, name: &str) -> Result<Option<PathBuf>, Error> {
        (self.go_on)().map_err(Error::failed("unpack the bundle"))?;
        self.files_left = self.files_left.checked_sub(1).ok_or_else(|| self.too_many())?;
        if name.contains('\\') {
            return Err(Error::Refused(format!(
                "the bundle has a file `{}`: pack it with `/` between folders",
                name.escape_default()
            )));
        }
        let path = files::inner_path(name).ok_or_else(|| {
            Error::Refused(format!(
                "the bundle has a file `{}`, which leaves the function's folder; pack paths relative to that folder, without `..`",
                name.escape_default()
            ))
        })?;
        if let Some(fault) = files::path_fault(&path) {
            let shown: String = name.chars().take(MAX_SHOWN).collect();
            return Err(Error::Refused(format!(
                "the bundle's `{}` cannot be taken: {fault}; rename it or leave it out",
                shown.escape_debug()
            )));
        }
        let left_out = |part: &std::ffi::OsStr| part.eq_ignore_ascii_case(".git") || part == "__MACOSX";
        let skip = path.as_os_str().is_empty() || path.components().any(|part| left_out(part.as_os_str()));
        Ok((!skip).then_some(path))
    }

    /// Makes a folder and all on the way to it. Each that is new counts: one entry may lead through many.
    fn folder(&mut self, path: &Path) -> Result<(), Error> {
        let mut made = self.root.clone();
        for part in path.components() {
            made.push(part);
            match fs::create_dir(&made) {
                Ok(()) => self.files_left = self.files_left.checked_sub(1).ok_or_else(|| self.too_many())?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_folder(&made) => {}
                Err(error) => return Err(written(path, error)),
            }
        }
        Ok(())
    }

    /// A folder with an entry of its own, which was counted already.
    fn own_folder(&mut self, path: &Path) -> Result<(), Error> {
        self.files_left += usize::from(!self.root.join(path).is_dir());
        self.folder(path)
    }

    fn file(&mut self, path: &Path, mode: u32, content: &mut impl Read) -> Result<(), Error> {
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
        let open = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(self.root.join(path));
        let mut file = open.map_err(|error| written(path, error))?;
        file.set_permissions(fs::Permissions::from_mode(mode)).map_err(|error| written(path, error))?;
        let mut piece = vec![0; 64 * 1024];
        loop {
            (self.go_on)().map_err(Error::failed("unpack the bundle"))?;
            let read = match content.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) => return Err(damaged(error)),
            };
            self.bytes_left = self.bytes_left.checked_sub(read as u64).ok_or_else(|| self.too_large())?;
            io::Write::write_all(&mut file, &piece[..read]).map_err(|error| written(path, error))?;
        }
    }

    /// A copy: two names for one file would be changed together.
    fn hard_link(&mut self, path: &Path, source: &Path) -> Result<(), Error> {
        let full = self.root.join(source);
        // No links are there yet, so nothing on the way can be one.
        let meta = fs::symlink_metadata(&full).ok().filter(fs::Metadata::is_file);
        let meta = meta.ok_or_else(|| {
            Error::Refused(format!(
                "the bundle's `{}` is a hard link to `{}`, which is no file before it",
                path.display(),
                source.display()
            ))
        })?;
        let mut content = File::open(&full).map_err(|error| written(source, error))?;
        self.file(path, meta.permissions().mode(), &mut content)
    }

    fn link(&mut self, path: PathBuf, target: PathBuf) -> Result<(), Error> {
        if target.as_os_str().is_empty() || !tree::link_stays(path.parent().unwrap_or(Path::new("")), &target) {
            return Err(leaves(&path, &target));
        }
        if let Some(fault) = files::path_fault(&target) {
            return Err(Error::Refused(format!("the bundle's link `{}` cannot be taken: {fault}", path.display())));
        }
        match self.links.insert(path.clone(), target) {
            None => Ok(()),
            Some(_) => Err(twice(&path)),
        }
    }

    fn make_links(&mut self) -> Result<(), Error> {
        let links = std::mem::take(&mut self.links);
        for path in links.keys() {
            if path.ancestors().skip(1).any(|parent| links.contains_key(parent)) {
                return Err(twice(path));
            }
            if let Some(parent) = path.parent() {
                self.folder(parent)?;
            }
        }
        for (path, target) in &links {
            std::os::unix::fs::symlink(target, self.root.join(path)).map_err(|error| written(path, error))?;
        }
        Ok(())
    }

    fn too_many(&self) -> Error {
        too_many(self.max_files)
    }

    fn too_large(&self) -> Error {
        Error::Refused(format!(
            "the bundle is larger than {} when it is unpacked, and at most that is allowed",
            bytes(self.max_bytes)
        ))
    }
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

/// A table of contents is read into memory as a whole: not when somebody wrote a million entries. What looks like one
/// counts, which is at least as much as there are; a zip in the zip may add to it.
fn check_entries(
    mut reader: impl Read,
    max_files: usize,
    mut go_on: impl FnMut() -> io::Result<()>,
) -> Result<(), Error> {
    let mut piece = vec![0; 64 * 1024];
    let (mut kept, mut entries) = (0, 0);
    loop {
        go_on().map_err(Error::failed("unpack the bundle"))?;
        let read = reader.read(&mut piece[kept..]).map_err(Error::failed("read the bundle"))?;
        if read == 0 {
            return Ok(());
        }
        let filled = kept + read;
        entries += piece[..filled].windows(ZIP_ENTRY.len()).filter(|window| **window == ZIP_ENTRY).count();
        if entries > max_files {
            return Err(too_many(max_files));
        }
        // The beginning of one may be the end of this piece.
        let tail = filled.min(ZIP_ENTRY.len() - 1);
        piece.copy_within(filled - tail..filled, 0);
        kept = tail;
    }
}

/// The bytes of all files, as their headers say. Names in extension headers are read into memory as a whole: not when
/// somebody wrote gigabytes of them.
fn check_headers(reader: impl Read, mut go_on: impl FnMut() -> io::Result<()>) -> Result<u64, Error> {
    let mut archive = tar::Archive::new(reader);
    let mut bytes = 0_u64;
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        go_on().map_err(Error::failed("unpack the bundle"))?;
        let entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        // The list of its parts is read into memory as a whole, and may have any length.
        if kind.is_gnu_sparse() {
            return Err(Error::Refused("the bundle has a sparse file; pack it again without `--sparse`".into()));
        }
        let extends = kind.is_gnu_longname()
            || kind.is_gnu_longlink()
            || kind.is_pax_local_extensions()
            || kind.is_pax_global_extensions();
        if extends && entry.size() > MAX_EXTENSION_BYTES {
            return Err(Error::Refused(
                "the bundle has a file with a name or attributes of more than 64 KiB; pack it anew".into(),
            ));
        }
        bytes = bytes.saturating_add(if kind.is_file() { entry.size() } else { 0 });
    }
    Ok(bytes)
}

fn too_many(max_files: usize) -> Error {
    Error::Refused(format!("the bundle has more than {max_files} files; leave out what can be installed"))
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read(&mut buffer[read..])? {
            0 => break,
            count => read += count,
        }
    }
    Ok(read)
}

fn damaged(error: io::Error) -> Error {
    Error::Refused(format!("the bundle is damaged: {error}; pack and send it again"))
}

fn damaged_zip(error: zip::result::ZipError) -> Error {
    Error::Refused(format!("the bundle cannot be read: {error}; pack it again, without a password"))
}

fn strange(path: &Path) -> Error {
    Error::Refused(format!("the bundle's `{}` is neither a file nor a folder nor a link; leave it out", path.display()))
}

fn leaves(path: &Path, target: &Path) -> Error {
    Error::Refused(format!(
        "the bundle's `{}` is a link to `{}`, which leaves the function's folder; put the file itself there",
        path.display(),
        target.to_string_lossy().escape_debug()
    ))
}

fn twice(path: &Path) -> Error {
    Error::Refused(format!("the bundle has `{}` twice, or as a file and as a folder; pack it again", path.display()))
}

fn written(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => twice(path),
        io::ErrorKind::InvalidFilename => {
            Error::Refused(format!("the bundle's `{}` has too long a name; shorten it", path.display()))
        }
        _ => Error::failed(format!("write {}", path.display()))(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use zip::write::SimpleFileOptions;

    use super::*;

    const LIMIT: u64 = 1 << 20;

    /// Unpacks the archive and hands the result to `look`.
    fn unpacked<T>(archive: &[u8], look: impl FnOnce(Result<PathBuf, Error>) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("archive");
        fs::write(&file, archive).unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let result = unpack(&file, &inner.join("out"), LIMIT, 20, || Ok(()));
        let around: Vec<_> = fs::read_dir(&inner).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(around.iter().all(|name| name == "out"), "something was written outside: {around:?}");
        look(result)
    }

    fn refusal(archive: &[u8]) -> String {
        unpacked(archive, |result| {
            let error = result.unwrap_err();
            assert!(error.is_refused(), "{error}");
            error.to_string()
        })
    }

    fn tar_gz(make: impl FnOnce(&mut tar::Builder<GzEncoder<Vec<u8>>>)) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        make(&mut builder);
        builder.into_inner().unwrap().finish().unwrap()
    }

    /// Writes the name as it is: the crate itself would refuse it.
    fn raw(
        builder: &mut tar::Builder<GzEncoder<Vec<u8>>>,
        kind: tar::EntryType,
        name: &str,
        target: &str,
        mode: u32,
        content: &[u8],
    ) {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }

    fn file(builder: &mut tar::Builder<GzEncoder<Vec<u8>>>, name: &str, content: &[u8]) {
        raw(builder, tar::EntryType::Regular, name, "", 0o644, content);
    }

    fn zipped(make: impl FnOnce(&mut zip::ZipWriter<io::Cursor<Vec<u8>>>)) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        make(&mut writer);
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn files_links_and_the_right_to_execute_are_kept_and_setuid_is_not() {
        let archive = tar_gz(|tar| {
            file(tar, "./a/data", b"x");
            raw(tar, tar::EntryType::Regular, "a/tool", "", 0o4755, b"#!/bin/sh");
            raw(tar, tar::EntryType::Symlink, "a/link", "../b/data", 0o777, b"");
            raw(tar, tar::EntryType::Link, "b/data", "a/data", 0o644, b"");
            file(tar, ".git/config", b"x");
        });
        unpacked(&archive, |result| {
            let folder = result.unwrap();
            assert_eq!(fs::read(folder.join("a/link")).unwrap(), b"x");
            let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o7777;
            assert_eq!((mode("a/tool"), mode("a/data")), (0o755, 0o644));
            assert!(!folder.join(".git").exists());
        });
    }

    #[test]
    fn the_only_folder_is_entered() {
        let zip = zipped(|zip| {
            zip.start_file("hello/index.js", SimpleFileOptions::default().unix_permissions(0o755)).unwrap();
            zip.write_all(b"x").unwrap();
            zip.start_file("__MACOSX/hello/._index.js", SimpleFileOptions::default()).unwrap();
        });
        unpacked(&zip, |result| {
            let folder = result.unwrap();
            assert!(folder.ends_with("out/hello"));
            assert_eq!(fs::metadata(folder.join("index.js")).unwrap().permissions().mode() & 0o777, 0o755);
        });
    }

    #[test]
    fn paths_that_leave_the_folder_are_refused() {
        for name in ["../evil", "a/../../evil", "/tmp/evil"] {
            assert!(refusal(&tar_gz(|tar| file(tar, name, b"x"))).contains("leaves the function's folder"), "{name}");
            let zip = zipped(|zip| zip.start_file(name, SimpleFileOptions::default()).unwrap());
            assert!(refusal(&zip).contains("leaves the function's folder"), "{name}");
        }
        let zip = zipped(|zip| zip.start_file("..\\evil", SimpleFileOptions::default()).unwrap());
        assert!(refusal(&zip).contains("with `/` between folders"));
    }

    #[test]
    fn links_that_leave_the_folder_are_refused() {
        for target in ["../evil", "/etc/passwd", "x/../../evil"] {
            for kind in [tar::EntryType::Symlink, tar::EntryType::Link] {
                let text = refusal(&tar_gz(|tar| raw(tar, kind, "link", target, 0o777, b"")));
                assert!(text.contains("leaves the function's folder"), "{target} {kind:?}: {text}");
            }
            let zip = zipped(|zip| zip.add_symlink("link", target, SimpleFileOptions::default()).unwrap());
            assert!(refusal(&zip).contains("leaves the function's folder"), "{target}");
        }
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let text = refusal(&tar_gz(|tar| {
            raw(tar, tar::EntryType::Symlink, "link", "inside", 0o777, b"");
            file(tar, "link/evil", b"x");
        }));
        assert!(text.contains("twice"), "{text}");
        let text = refusal(&tar_gz(|tar| {
            raw(tar, tar::EntryType::Symlink, "a", "b", 0o777, b"");
            raw(tar, tar::EntryType::Symlink, "a/c", "d", 0o777, b"");
        }));
        assert!(text.contains("twice"), "{text}");
    }

    #[test]
    fn devices_and_pipes_are_refused() {
        for kind in [tar::EntryType::Char, tar::EntryType::Block, tar::EntryType::Fifo] {
            let text = refusal(&tar_gz(|tar| raw(tar, kind, "strange", "", 0o644, b"")));
            assert!(text.contains("neither a file nor a folder nor a link"), "{text}");
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        let zeros = vec![0; LIMIT as usize + 1];
        assert!(refusal(&tar_gz(|tar| file(tar, "zeros", &zeros))).contains("larger than 1 MiB"));
        let zip = zipped(|zip| {
            zip.start_file("zeros", SimpleFileOptions::default()).unwrap();
            zip.write_all(&zeros).unwrap();
        });
        assert!(zip.len() < 10_000);
        assert!(refusal(&zip).contains("larger than 1 MiB"));
    }

    #[test]
    fn too_many_files_are_refused() {
        let names: Vec<_> = (0..21).map(|number| number.to_string()).collect();
        assert!(
            refusal(&tar_gz(|tar| names.iter().for_each(|name| file(tar, name, b"")))).contains("more than 20 files")
        );
        let zip = zipped(|zip| {
            names.iter().for_each(|name| zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap())
        });
        assert!(refusal(&zip).contains("more than 20 files"));
    }

    #[test]
    fn the_folders_that_a_path_leads_through_count_as_well() {
        let path = |number: usize| format!("{}/f", vec![number.to_string(); 10].join("/"));
        let archive = tar_gz(|tar| (0..3).for_each(|number| file(tar, &path(number), b"")));
        assert!(refusal(&archive).contains("more than 20 files"));
        let zip =
            zipped(|zip| (0..3).for_each(|number| zip.start_file(path(number), SimpleFileOptions::default()).unwrap()));
        assert!(refusal(&zip).contains("more than 20 files"));
        // A folder that has an entry of its own counts once.
        unpacked(&zipped(|zip| zip.add_directory("a", SimpleFileOptions::default()).unwrap()), |result| {
            assert!(result.unwrap().ends_with("out/a"));
        });
    }

    #[test]
    fn a_table_of_contents_that_is_too_long_is_not_read_into_memory() {
        // What looks like entries, a reader's buffer apart, in a file that is no zip otherwise: it is not even tried.
        let mut archive = b"PK\x03\x04".to_vec();
        for _ in 0..21 {
            archive.extend(vec![0; 64 * 1024 - 5]);
            archive.extend(ZIP_ENTRY);
        }
        assert!(refusal(&archive).contains("more than 20 files"));
    }

    #[test]
    fn names_that_are_too_deep_too_long_or_not_to_be_seen_are_refused() {
        let zip = |name: &str| zipped(|zip| zip.start_file(name, SimpleFileOptions::default()).unwrap());
        let deep = vec!["d"; files::MAX_DEPTH + 1].join("/");
        assert!(refusal(&zip(&deep)).contains("nested deeper than 64 folders"));
        let long = vec!["x".repeat(200); 6].join("/");
        let text = refusal(&zip(&long));
        assert!(text.contains("longer than 1024 bytes") && text.len() < 500, "{text}");
        for name in ["a\nBuilt sha256:0", "a\u{1b}[2J", "a\u{7f}"] {
            let text = refusal(&zip(name));
            assert!(text.contains("control characters") && !text.contains(char::is_control), "{text}");
        }
        let text = refusal(&tar_gz(|tar| raw(tar, tar::EntryType::Symlink, "link", "a\x1b[2J", 0o777, b"")));
        assert!(text.contains("control characters") && !text.contains(char::is_control), "{text}");
    }

    #[test]
    fn a_git_folder_in_any_spelling_is_left_out() {
        let archive = tar_gz(|tar| {
            file(tar, ".GIT/config", b"x");
            file(tar, "a/.Git/config", b"x");
            file(tar, "index.js", b"x");
        });
        unpacked(&archive, |result| {
            let names: Vec<_> =
                fs::read_dir(result.unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(names, ["index.js"]);
        });
    }

    #[test]
    fn a_sparse_file_is_refused_whatever_it_says_of_its_parts() {
        let archive = tar_gz(|tar| {
            let mut header = tar::Header::new_gnu();
            header.set_path("holes").unwrap();
            header.set_entry_type(tar::EntryType::GNUSparse);
            header.set_size(0);
            header.set_mode(0o644);
            header.set_cksum();
            tar.append(&header, io::empty()).unwrap();
        });
        assert!(refusal(&archive).contains("sparse file"));
    }

    #[test]
    fn a_name_of_megabytes_is_not_read_into_memory() {
        let archive =
            tar_gz(|tar| raw(tar, tar::EntryType::GNULongName, "././@LongLink", "", 0o644, &vec![b'a'; 100_000]));
        assert!(refusal(&archive).contains("more than 64 KiB"));
    }

    #[test]
    fn a_file_that_is_there_twice_is_refused() {
        assert!(refusal(&tar_gz(|tar| ["a", "a"].iter().for_each(|name| file(tar, name, b"x")))).contains("twice"));
        assert!(refusal(&tar_gz(|tar| ["a", "a/b"].iter().for_each(|name| file(tar, name, b"x")))).contains("twice"));
    }

    #[test]
    fn damaged_archives_are_refused() {
        let whole = tar_gz(|tar| file(tar, "a", &[7; 5000]));
        assert!(refusal(&whole[..whole.len() / 2]).contains("damaged"));
        assert!(refusal(b"PK\x03\x04nothing").contains("cannot be read"));
        assert!(refusal(b"hello").contains("neither a zip nor a tar.gz"));
        assert!(refusal(b"").contains("is empty"));
    }

    #[test]
    fn unpacking_stops_when_it_is_called_off() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        fs::write(&archive, tar_gz(|tar| file(tar, "a", b"x"))).unwrap();
        let stop = || Err(io::Error::from(io::ErrorKind::Interrupted));
        assert!(unpack(&archive, &folder.path().join("out"), LIMIT, 20, stop).is_err());
    }
}
