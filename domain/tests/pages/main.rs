//! Parts of the guide that are generated from the domain: state transitions, and the log's events.
//!
//! `UPDATE_PAGES=1 cargo test -p domain --test pages` writes them; without it, an outdated page fails the test.

#![allow(clippy::unwrap_used, reason = "a test that cannot write its page has failed")]

mod events;
mod roles;
mod states;

use std::path::{Path, PathBuf};

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/reference").join(name)
}

/// Compares the part of a page between `<!-- made: NAME -->` and `<!-- end -->` with what it should be.
fn made(page: &str, name: &str, should: &str) {
    let path = reference(page);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mark = format!("<!-- made: {name} -->\n");
    let begin = text.find(&mark).unwrap_or_else(|| panic!("{page} has no `{}`", mark.trim())) + mark.len();
    let end = begin + text[begin..].find("<!-- end -->").unwrap_or_else(|| panic!("{page}: `{name}` has no end"));
    let should = format!("\n{}\n\n", should.trim());
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(&path, format!("{}{should}{}", &text[..begin], &text[end..])).expect("the page can be written");
        return;
    }
    assert_eq!(&text[begin..end], should, "{page} is not current: UPDATE_PAGES=1 cargo test -p domain --test pages");
}
