//! Entry points for fuzzing: a stranger's manifest, archive, and files to detect. See `fuzz/` and
//! `tests/it/corpora.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use super::{detect, manifest, source};
use crate::tree;

/// A small function's worth: what a fuzzer finds within it, it would find beyond it.
const MAX_BYTES: u64 = 256 * 1024;
const MAX_FILES: usize = 64;

/// The text of a `function.json`.
pub fn manifest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match manifest::parse_text(text) {
        Ok(parsed) => {
            let again = serde_json::to_value(&parsed).expect("a manifest can be written");
            let again: domain::manifest::Manifest =
                serde_json::from_value(again).expect("what was written can be read");
            assert_eq!(again, parsed, "a manifest is the same when it is read again");
        }
        Err(faults) => assert!(!faults.is_empty(), "a manifest that is refused has a fault"),
    }
}

/// Files, each as a line `=== NAME` and the text below it: whatever they say, there is an answer of one line, and what is
/// found can be written as a manifest and read again.
pub fn detect(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut texts: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        match (line.strip_prefix("=== "), texts.last_mut()) {
            (Some(name), _) => texts.push((name.trim_end().to_owned(), String::new())),
            (None, Some((_, text))) => text.push_str(line),
            (None, None) => {}
        }
    }
    let names: Vec<_> = texts.iter().map(|(name, _)| name.clone()).collect();
    let evidence = detect::Evidence::new(names, texts.into_iter().filter(|(name, _)| detect::is_wanted(name)));
    assert!(detect::outside(&evidence).len() <= detect::MAX_OUTSIDE, "what lies outside is listed up to a limit");
    let tools = detect::Toolchains { go: true, rust: true, deno: true, bun: true, images: false };
    if let Ok(found) = detect::detect(&evidence, tools) {
        assert!(!found.explanation.is_empty(), "what is found is explained");
        let written = serde_json::to_value(&found.manifest).expect("a manifest can be written");
        let read: domain::manifest::Manifest = serde_json::from_value(written).expect("what was written can be read");
        assert_eq!(read, found.manifest);
        detect::steps_for(&evidence, &found.manifest);
    }
}

/// An archive, unpacked below `scratch`: whatever it says, nothing lies outside its folder, nothing is a device, no link
/// leads out, and the limits hold.
pub fn bundle(data: &[u8], scratch: &Path) {
    let archive = scratch.join("archive");
    let (room, outside) = (scratch.join("room"), scratch.join("outside"));
    for folder in [&room, &outside] {
        tree::remove(folder).expect("the scratch folder can be emptied");
        fs::create_dir(folder).expect("the scratch folder can be written");
    }
    fs::write(&archive, data).expect("the scratch folder can be written");
    let inside = room.join("inside");
    let unpacked = source::unpack(&archive, &inside, MAX_BYTES, MAX_FILES, || Ok(()));
    let names = |folder: &Path| fs::read_dir(folder).expect("it is there").count();
    assert_eq!(names(&outside), 0, "something was written beside the folder");
    assert!(names(&room) <= 1, "something was written beside the folder");
    assert_eq!(names(scratch), 3, "something was written above the folder");
    if unpacked.is_ok() {
        let (mut bytes, mut files) = (0, 0);
        walk(&inside, &inside, &mut bytes, &mut files);
        assert!(bytes <= MAX_BYTES, "{bytes} bytes were unpacked");
        assert!(files <= MAX_FILES, "{files} files were unpacked");
    }
}

fn walk(root: &Path, folder: &Path, bytes: &mut u64, files: &mut usize) {
    for entry in fs::read_dir(folder).expect("it was unpacked") {
        let path = entry.expect("it was unpacked").path();
        let meta = fs::symlink_metadata(&path).expect("it was unpacked");
        if meta.is_dir() {
            walk(root, &path, bytes, files);
        } else if meta.is_symlink() {
            *files += 1;
            stays(root, &path);
        } else {
            assert!(meta.is_file(), "{} is neither a file nor a folder nor a link", path.display());
            *files += 1;
            *bytes += meta.len();
        }
    }
}

/// Where a link leads, as far as it leads anywhere.
fn stays(root: &Path, link: &Path) {
    let root = root.canonicalize().expect("it was unpacked");
    if let Ok(target) = link.canonicalize() {
        assert!(target.starts_with(&root), "{} leads to {}", link.display(), target.display());
    }
    let target: PathBuf = fs::read_link(link).expect("it is a link");
    assert!(target.is_relative(), "{} leads to {}", link.display(), target.display());
}
