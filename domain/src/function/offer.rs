//! Folders of a source that could be functions of their own, with suggested names.
//!
//! A build that fails because its source is not itself a function lists them. The folders are facts of that build;
//! which names are free changes over time, so names are suggested when somebody looks.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::name;

/// The highest number that is tried as a suffix of a taken name, beginning with 2.
const MAX_NUMBER: usize = 20;

/// The name suggested for a folder whose path contains no letter.
const NAMELESS: &str = "function";

/// A folder of a repository that could be registered as a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedFolder {
    /// The path relative to the root of the repository, usable as a source's `path`.
    pub path: String,
    /// A short description of what was recognized there.
    pub recognized_as: String,
    /// The name that the repository itself gives it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl OfferedFolder {
    /// Total bytes of its texts.
    pub fn bytes(&self) -> usize {
        self.path.len() + self.recognized_as.len() + self.name.as_ref().map_or(0, String::len)
    }

    /// Valid names for the folder, best first.
    pub fn names(&self) -> Vec<String> {
        let own = self.name.clone().filter(|own| name::fits(own));
        let parts: Vec<_> = self.path.split('/').filter(|part| !part.is_empty()).collect();
        let last = |count: usize| name::from_text(&parts[parts.len().saturating_sub(count)..].join("-"));
        let base = own.clone().or_else(|| last(1)).or_else(|| last(2));
        let base = base.unwrap_or_else(|| NAMELESS.to_owned());
        let numbered = (2..=MAX_NUMBER).map(|number| {
            let end = format!("-{number}");
            let begin = base[..base.len().min(name::MAX - end.len())].trim_end_matches('-');
            format!("{begin}{end}")
        });
        let mut names = vec![base.clone()];
        names.extend(own.is_none().then(|| last(2)).flatten());
        names.extend(numbered);
        names
    }
}

/// One name for each folder, none of them taken or used twice; `None` if no name is left.
pub fn suggested(offered: &[OfferedFolder], taken: &HashSet<String>) -> Vec<Option<String>> {
    let mut given = HashSet::new();
    let mut suggest = |offer: &OfferedFolder| {
        let name = offer.names().into_iter().find(|name| !taken.contains(name) && !given.contains(name))?;
        given.insert(name.clone());
        Some(name)
    };
    offered.iter().map(&mut suggest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(path: &str, name: Option<&str>) -> OfferedFolder {
        OfferedFolder { path: path.into(), recognized_as: "a handler".into(), name: name.map(str::to_owned) }
    }

    fn suggestions(offered: &[OfferedFolder], taken: &[&str]) -> Vec<String> {
        let taken = taken.iter().map(|name| (*name).to_owned()).collect();
        suggested(offered, &taken).into_iter().map(|name| name.unwrap_or_default()).collect()
    }

    #[test]
    fn a_folder_is_called_as_its_repository_says_or_as_the_folder() {
        let offered = [
            offer("functions/Send Mail", None),
            offer("functions/a", Some("alpha")),
            offer("functions/b", Some("Not A Name")),
            offer("functions/01", None),
            offer("7", None),
        ];
        assert_eq!(suggestions(&offered, &[]), ["send-mail", "alpha", "b", "functions-01", "function"]);
    }

    #[test]
    fn a_name_is_suggested_that_nobody_has() {
        let offered = [offer("api/hello", None), offer("web/hello", None), offer("x/web/hello", None)];
        assert_eq!(suggestions(&offered, &[]), ["hello", "web-hello", "hello-2"]);
        assert_eq!(suggestions(&offered, &["hello", "api-hello"]), ["hello-2", "web-hello", "hello-3"]);
        assert_eq!(suggestions(&[offer("b", Some("mail"))], &["mail"]), ["mail-2"]);
        let all = offered[0].names();
        let taken: Vec<_> = all.iter().map(String::as_str).collect();
        assert_eq!(suggested(&offered[..1], &taken.iter().map(|name| (*name).to_owned()).collect()), [None]);
    }

    #[test]
    fn every_name_that_is_tried_is_valid() {
        let long = "x".repeat(200);
        let hyphens = format!("{}-", "y".repeat(name::MAX - 1));
        for path in ["a", "", "/", "ä/ö", "../..", "-/-", "1/2/3", &long, &hyphens, "A_b/C.d"] {
            for name in offer(path, None).names() {
                assert!(name::fits(&name), "{path}: {name}");
            }
        }
        let own = "z".repeat(name::MAX);
        assert!(offer("a", Some(&own)).names().iter().all(|name| name::fits(name)));
    }
}
