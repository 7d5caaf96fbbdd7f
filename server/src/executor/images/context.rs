//! What an image is built from: the files of a source, without those that its `.dockerignore` leaves out.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use domain::text::bytes;

use super::Ignored;
use crate::tree::{self, Bounds, Entry, Kind, Next, When};

/// The file that says what is left out.
pub const IGNORE_FILE: &str = ".dockerignore";

/// What follows a Dockerfile's name in that of the file which says the same for it alone; BuildKit takes it instead of [`IGNORE_FILE`].
const OWN_IGNORE_ENDING: &str = ".dockerignore";

/// The Dockerfile's name in the archive that an engine gets. No such file of the source's is in it.
pub const DOCKERFILE: &str = ".eventflow.Dockerfile";

/// The setting that limits a context.
pub const LIMIT: &str = "EVENTFLOW_MAX_BUILD_CONTEXT";

/// The longest [`IGNORE_FILE`].
const MAX_IGNORE_BYTES: u64 = 256 * 1024;

/// The most files, folders and links.
const MAX_FILES: u64 = 200_000;

/// The files that an image is built from.
#[derive(Debug, Clone)]
pub struct Context {
    /// The folder of the source.
    pub folder: PathBuf,
    /// The file below it that says what is left out for this Dockerfile alone, if there is one.
    own_ignore_file: PathBuf,
    ignored: Option<Ignored>,
}

/// How much that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Files.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

impl Context {
    /// The files of a folder, for a Dockerfile at this path below it.
    ///
    /// # Errors
    /// What is wrong with its `.dockerignore`, for people; or that the disk fails.
    pub fn of(folder: PathBuf, dockerfile: &str) -> io::Result<Result<Self, String>> {
        let own_ignore_file = PathBuf::from(format!("{dockerfile}{OWN_IGNORE_ENDING}"));
        let ignored = match ignore_text(&folder, &own_ignore_file)? {
            None => Ok(None),
            Some(Ok(text)) => Ignored::parse(&text).map(Some),
            Some(Err(why)) => Err(why),
        };
        Ok(ignored.map(|ignored| Self { folder, own_ignore_file, ignored }))
    }

    /// How much it is.
    ///
    /// # Errors
    /// That it has more than `most` bytes, for people; or that the disk fails.
    pub fn measure(&self, most: u64, mut go_on: impl FnMut() -> io::Result<()>) -> io::Result<Result<Extent, String>> {
        let mut extent = Extent { files: 0, bytes: 0 };
        self.walk(&mut go_on, &mut |entry: &Entry<'_>| {
            if entry.kind == Kind::File {
                extent.files += 1;
                extent.bytes += u64::try_from(entry.stat()?.st_size).unwrap_or(u64::MAX);
            }
            Ok(if extent.bytes > most { Next::Stop } else { Next::Go })
        })?;
        Ok(if extent.bytes > most {
            Err(format!(
                "the files that the image is built from have more than {}: list what the build does not need in {IGNORE_FILE} (the limit is {LIMIT})",
                bytes(most)
            ))
        } else {
            Ok(extent)
        })
    }

    /// Writes it as an archive, with this text as the Dockerfile [`DOCKERFILE`], which no instruction can see.
    ///
    /// # Errors
    /// That of `go_on`, which is asked before each file, or of the disk.
    pub fn write(
        &self,
        dockerfile: &str,
        out: impl Write,
        mut go_on: impl FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        let mut archive = tar::Builder::new(out);
        self.walk(&mut go_on, &mut |entry: &Entry<'_>| {
            append(&mut archive, entry)?;
            Ok(Next::Go)
        })?;
        // An engine takes both out of the context if this says so. The source's own stays, as other builders have it.
        let own = match self.leaves_out(Path::new(IGNORE_FILE)) {
            true => None,
            false => ignore_text(&self.folder, &self.own_ignore_file)?.and_then(Result::ok),
        };
        let ignore = match own {
            Some(text) => format!("{text}\n{DOCKERFILE}\n"),
            None => format!("{DOCKERFILE}\n{IGNORE_FILE}\n"),
        };
        for (name, text) in [(IGNORE_FILE, ignore.as_str()), (DOCKERFILE, dockerfile)] {
            let mut header = header(tar::EntryType::Regular, 0o644, text.len() as u64);
            archive.append_data(&mut header, name, text.as_bytes())?;
        }
        archive.into_inner()?.flush()
    }

    fn leaves_out(&self, path: &Path) -> bool {
        let Some(ignored) = &self.ignored else { return false };
        path.to_str().is_some_and(|path| ignored.leaves_out(path))
    }

    fn walk(
        &self,
        go_on: &mut dyn FnMut() -> io::Result<()>,
        visit: &mut dyn FnMut(&Entry<'_>) -> io::Result<Next>,
    ) -> io::Result<()> {
        let takes_back = self.ignored.as_ref().is_some_and(Ignored::takes_back);
        let bounds = Bounds { entries: MAX_FILES, ..Bounds::default() };
        tree::walk(&self.folder, bounds, When::Before, |entry| {
            if entry.path.starts_with(DOCKERFILE) {
                return Ok(Next::Skip);
            }
            // Also for what is left out: to find that out takes time.
            go_on()?;
            if self.leaves_out(entry.path) {
                let skips = entry.kind == Kind::Folder && !takes_back;
                return Ok(if skips { Next::Skip } else { Next::Go });
            }
            visit(entry)
        })
    }
}

/// The text that says what is left out of a folder, or what is wrong with it.
fn ignore_text(folder: &Path, own: &Path) -> io::Result<Option<Result<String, String>>> {
    match text_of(folder, own)? {
        None => text_of(folder, Path::new(IGNORE_FILE)),
        own => Ok(own),
    }
}

fn text_of(folder: &Path, path: &Path) -> io::Result<Option<Result<String, String>>> {
    let mut text = None;
    tree::walk(folder, Bounds::default(), When::Before, |entry| {
        if entry.path == path && entry.kind == Kind::File {
            let mut bytes = Vec::new();
            entry.open()?.take(MAX_IGNORE_BYTES + 1).read_to_end(&mut bytes)?;
            let whole = bytes.len() as u64 <= MAX_IGNORE_BYTES;
            let read = String::from_utf8(bytes).ok().filter(|_| whole);
            text = Some(
                read.ok_or_else(|| format!("{} is no UTF-8 text of at most {MAX_IGNORE_BYTES} bytes", path.display())),
            );
            return Ok(Next::Stop);
        }
        let leads_there = path.starts_with(entry.path);
        Ok(if entry.kind == Kind::Folder && !leads_there { Next::Skip } else { Next::Go })
    })?;
    Ok(text)
}

fn append(archive: &mut tar::Builder<impl Write>, entry: &Entry<'_>) -> io::Result<()> {
    // Written at the end.
    if entry.path == Path::new(IGNORE_FILE) {
        return Ok(());
    }
    match entry.kind {
        Kind::Folder => archive.append_data(&mut header(tar::EntryType::Directory, 0o755, 0), entry.path, io::empty()),
        Kind::Link => archive.append_link(&mut header(tar::EntryType::Symlink, 0o777, 0), entry.path, entry.target()?),
        Kind::File => {
            let file: File = entry.open()?;
            let metadata = file.metadata()?;
            let mode = if metadata.permissions().mode() & 0o111 != 0 { 0o755 } else { 0o644 };
            let mut header = header(tar::EntryType::Regular, mode, metadata.len());
            archive.append_data(&mut header, entry.path, file.take(metadata.len()))
        }
        Kind::Other => Ok(()),
    }
}

/// Times and owners are not of the source: the same files are the same archive.
fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn context(folder: &tempfile::TempDir) -> Context {
        Context::of(folder.path().to_owned(), "Dockerfile").unwrap().unwrap()
    }

    fn written(context: &Context) -> BTreeMap<String, String> {
        let mut out = Vec::new();
        context.write("FROM x\n", &mut out, || Ok(())).unwrap();
        let mut archive = tar::Archive::new(out.as_slice());
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let mut text = entry.link_name().unwrap().map(|link| format!("-> {}", link.display())).unwrap_or_default();
            entry.read_to_string(&mut text).unwrap();
            (name.trim_end_matches('/').to_owned(), text)
        });
        entries.collect()
    }

    #[test]
    fn what_is_left_out_is_neither_counted_nor_written() {
        let folder = folder(&[
            (".dockerignore", "big\n.dockerignore\n"),
            ("big/x", "0123456789"),
            ("a/b", "ab"),
            (DOCKERFILE, "not this"),
        ]);
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        let context = context(&folder);
        assert_eq!(context.measure(5, || Ok(())).unwrap(), Ok(Extent { files: 1, bytes: 2 }));
        let written = written(&context);
        let names: Vec<&str> = written.keys().map(String::as_str).collect();
        assert_eq!(names, [".dockerignore", DOCKERFILE, "a", "a/b", "link"]);
        assert_eq!((written["link"].as_str(), written[DOCKERFILE].as_str()), ("-> /etc/passwd", "FROM x\n"));
        assert_eq!(written[IGNORE_FILE], format!("{DOCKERFILE}\n{IGNORE_FILE}\n"));
    }

    #[test]
    fn a_source_that_keeps_its_own_list_keeps_it() {
        let folder = folder(&[(".dockerignore", "big\n"), ("big", "x"), ("a", "ab")]);
        assert_eq!(written(&context(&folder))[IGNORE_FILE], format!("big\n\n{DOCKERFILE}\n"));
    }

    #[test]
    fn more_than_the_limit_is_refused_with_what_to_do() {
        let folder = folder(&[("a", "0123456789")]);
        let context = context(&folder);
        assert_eq!(context.measure(10, || Ok(())).unwrap(), Ok(Extent { files: 1, bytes: 10 }));
        let why = context.measure(9, || Ok(())).unwrap().unwrap_err();
        assert!(why.contains("9 bytes") && why.contains(".dockerignore") && why.contains(LIMIT), "{why}");
        assert!(context.measure(10, || Err(io::Error::other("called off"))).is_err());
    }

    #[test]
    fn the_list_of_one_dockerfile_takes_the_place_of_the_other() {
        let folder = folder(&[(".dockerignore", "*\n"), ("Dockerfile.dockerignore", "b\n"), ("a", "x"), ("b", "x")]);
        let context = context(&folder);
        let written = written(&context);
        assert!(written.contains_key("a") && !written.contains_key("b") && written[IGNORE_FILE].starts_with("b\n"));
        let below = self::folder(&[("docker/run.dockerignore", "a\n"), ("docker/a", "x"), ("a", "x"), ("b", "x")]);
        let context = Context::of(below.path().to_owned(), "docker/run").unwrap().unwrap();
        let names: Vec<String> = self::written(&context).into_keys().collect();
        assert_eq!(names, [IGNORE_FILE, DOCKERFILE, "b", "docker", "docker/a", "docker/run.dockerignore"]);
    }

    #[test]
    fn what_is_left_out_is_looked_at_no_longer_than_wanted() {
        let folder = folder(&[(".dockerignore", "*\n"), ("a", "x"), ("b", "x")]);
        let context = context(&folder);
        let stop = || Err(io::Error::other("called off"));
        assert!(context.measure(10, stop).is_err() && context.write("FROM x\n", Vec::new(), stop).is_err());
    }

    #[test]
    fn a_list_that_is_none_is_refused() {
        let folder = folder(&[(".dockerignore", "[")]);
        assert!(Context::of(folder.path().to_owned(), "Dockerfile").unwrap().unwrap_err().contains("line 1"));
    }
}
