//! Collects the evidence in a source, see [`detect`].
//!
//! Knows files and their limits; decides nothing.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Error;
use super::detect::{self, Evidence, MAX_DEPTH, MAX_NAMES, MAX_TEXT_BYTES, MAX_TEXTS, Toolchains};
use crate::tree::{self, Bounds, Kind, Next, When};

/// Folders that no project's own code is in.
const SKIPPED: [&str; 6] = ["node_modules", ".git", ".python", "__pycache__", "venv", ".venv"];

/// Bytes of all texts together.
const MAX_TOTAL_BYTES: u64 = 16 << 20;

/// Names and texts of the folder. Links are left out: what they lead to may be anywhere.
///
/// # Errors
/// When the disk fails.
pub(super) fn look(folder: &Path) -> Result<Evidence, Error> {
    let mut names = Vec::new();
    let mut texts = Vec::new();
    let mut total = 0;
    tree::walk(folder, Bounds::default(), When::Before, |entry| {
        let Some(path) = entry.path.to_str() else { return Ok(Next::Go) };
        let depth = entry.path.components().count();
        match entry.kind {
            Kind::Folder => {
                let skipped = SKIPPED.iter().any(|name| entry.path.file_name() == Some(name.as_ref()));
                return Ok(if skipped || depth >= MAX_DEPTH { Next::Skip } else { Next::Go });
            }
            Kind::File => {}
            Kind::Link | Kind::Other => return Ok(Next::Go),
        }
        let size = u64::try_from(entry.stat()?.st_size).unwrap_or(u64::MAX);
        let is_small = size <= MAX_TEXT_BYTES && total + size <= MAX_TOTAL_BYTES;
        // What is at the root says most: it does not compete with what is below.
        let room = depth == 1 || texts.len() < MAX_TEXTS;
        if is_small && room && detect::is_wanted(path) && texts.len() < 2 * MAX_TEXTS {
            total += size;
            texts.extend(text(entry.open()?)?.map(|text| (path.to_owned(), text)));
        }
        names.push(path.to_owned());
        Ok(if names.len() >= MAX_NAMES { Next::Stop } else { Next::Go })
    })
    .map_err(Error::failed("look through the source"))?;
    Ok(Evidence::new(names, texts))
}

/// A program of the host's that a sandbox can see.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return None;
    }
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())?;
    found.canonicalize().ok().filter(|file| file.starts_with("/usr"))
}

/// What the host compiles and runs beside Node and Python; `images` is whether an executor runs images.
pub(super) fn toolchains(images: bool) -> Toolchains {
    let has = |name| program(name).is_some();
    Toolchains { go: has("go"), rust: has("cargo") && has("rustc"), deno: has("deno"), bun: has("bun"), images }
}

/// The text of a file; `None` when it is none.
fn text(file: File) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    file.take(MAX_TEXT_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    Ok(text.map(|text| text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn links_installed_packages_and_large_files_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("app.py", "from flask import Flask\napp = Flask(__name__)\n");
        write("node_modules/express/package.json", "{}");
        write("a/b/c/d/e/deep.py", "x = 1");
        write("large.py", &"#".repeat(MAX_TEXT_BYTES as usize + 1));
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("main.py")).unwrap();
        let texts = [("app.py".to_owned(), "from flask import Flask\napp = Flask(__name__)\n".to_owned())];
        assert_eq!(look(folder.path()).unwrap(), Evidence::new(["app.py".to_owned(), "large.py".to_owned()], texts));
    }
}
