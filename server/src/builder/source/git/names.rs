//! Checks a stranger's names of refs, folders and files, which Git must not mistake for something else.
//!
//! Knows texts only.

use std::path::{Path, PathBuf};

use crate::builder::{Error, files};

/// Size and path of a line of `ls-tree -l`: `mode type id size<tab>path`. The path is in quotes where it has to be.
pub(super) fn entry(line: &str) -> (u64, &str) {
    let (about, path) = line.split_once('\t').unwrap_or((line, ""));
    let size = about.split_whitespace().nth(3).and_then(|text| text.parse().ok());
    (size.unwrap_or(0), path)
}

/// Path and commit of a line of `ls-tree` that is a submodule.
pub(super) fn link(line: &str) -> Option<(String, String)> {
    let (about, path) = line.strip_prefix("160000 commit ")?.split_once('\t')?;
    let id = about.split_whitespace().next().filter(|id| is_id(id))?;
    Some((path.to_owned(), id.to_owned()))
}

/// Why a file of the repository cannot be taken.
pub(super) fn fault_of(path: &str) -> Option<String> {
    // In quotes, backslashes stand for quotes, backslashes, and control characters.
    let escaped = path.strip_prefix('"').is_some_and(|inner| {
        let mut rest = inner.chars();
        std::iter::from_fn(|| rest.by_ref().find(|c| *c == '\\').and_then(|_| rest.next())).any(|c| !"\\\"".contains(c))
    });
    match escaped {
        true => Some("its name has control characters".to_owned()),
        false => files::path_fault(Path::new(path)),
    }
}

/// The full id of an object.
pub(super) fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Git wants four digits at least.
pub(super) fn may_be_commit(git_ref: &str) -> bool {
    (4..=64).contains(&git_ref.len()) && git_ref.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A value as a file of Git's settings has it. It holds no control characters.
pub(super) fn setting(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The rules of `git check-ref-format`, and nothing that Git reads as a range, an option or a second ref.
pub(super) fn check_ref(git_ref: &str) -> Result<(), Error> {
    let bad = git_ref.starts_with(['-', '/', '+', '^'])
        || git_ref.ends_with(['/', '.'])
        || git_ref.contains("..")
        || git_ref.contains("//")
        || git_ref.contains("@{")
        || git_ref.contains(|c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c));
    match bad {
        true => Err(Error::Refused(format!(
            "`{}` cannot be a ref; name a branch, a tag or a commit",
            git_ref.escape_default()
        ))),
        false => Ok(()),
    }
}

/// The folder in the repository, as a path of names only.
pub(super) fn inner_folder(path: &str) -> Result<PathBuf, Error> {
    let refused = || {
        Error::Refused(format!(
            "`{}` cannot be the folder: write its path from the repository's root, such as functions/hello",
            path.escape_default()
        ))
    };
    let inner = files::inner_path(path.strip_prefix('/').unwrap_or(path)).ok_or_else(refused)?;
    let hidden = inner.components().any(|part| part.as_os_str() == ".git");
    match hidden || path.starts_with('-') || path.contains(|c: char| c.is_control()) {
        true => Err(refused()),
        false => Ok(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_that_are_options_or_more_than_one_are_refused() {
        for git_ref in [
            "-h",
            "--upload-pack=x",
            "+main",
            "a:b",
            "a..b",
            "main~1",
            "a b",
            "a\nb",
            "@{u}",
            "refs/heads/*",
            "^a",
            "a//b",
        ] {
            assert!(check_ref(git_ref).is_err(), "{git_ref}");
        }
        for git_ref in ["main", "feature/a-b", "v1.0.0", "refs/pull/7/head", "0123abc"] {
            check_ref(git_ref).unwrap();
        }
    }

    #[test]
    fn folders_stay_in_the_repository() {
        for path in ["..", "a/../..", "a/../../b", "-x", ".git", "a/.git/hooks", "a\nb"] {
            assert!(inner_folder(path).is_err(), "{path}");
        }
        for (path, expected) in [("", ""), (".", ""), ("/", ""), ("./a/b/", "a/b"), ("/a", "a"), ("a b", "a b")] {
            assert_eq!(inner_folder(path).unwrap(), PathBuf::from(expected), "{path}");
        }
    }

    #[test]
    fn a_listing_is_added_up_and_names_that_cannot_be_taken_are_found() {
        assert_eq!(entry("100644 blob 11 5\ta"), (5, "a"));
        assert_eq!(entry("120000 blob 22      7\tb c"), (7, "b c"));
        assert_eq!(entry("160000 commit 33 -\tsub"), (0, "sub"));
        let id = "3".repeat(40);
        assert_eq!(link(&format!("160000 commit {id}\tlib/x")), Some(("lib/x".into(), id.clone())));
        assert_eq!(link(&format!("160000 commit {id}       -\tx")), Some(("x".into(), id)));
        assert_eq!(link("100644 blob 33\tx"), None);
        for fine in ["a", "b c", "\u{e4}", "\"a\\\"b\"", "\"a\\\\b\""] {
            assert_eq!(fault_of(fine), None, "{fine}");
        }
        let deep = vec!["d"; files::MAX_DEPTH + 1].join("/");
        for bad in ["\"a\\nb\"", "\"\\033[2J\"", "\"a\\\\\\tb\"", deep.as_str()] {
            assert!(fault_of(bad).is_some(), "{bad}");
        }
    }
}
