//! The Node version that a project needs, and its source: the host's if that is suitable, npm's registry otherwise.
//!
//! The registry provides Node as packages, one for each platform. npm verifies downloads by the registry's digest.

use nodejs_semver::{Range, Version};
use serde_json::Value;

use super::super::explain::last_words;
use super::super::site::Site;
use super::store::Node;
use crate::builder::{Error, files};

/// What is older is not brought: npm does not run on it. Such projects run on the host's.
const OLDEST: &str = ">=18.17.0";

/// Bytes of a range of versions, as npm has it (`MAX_LENGTH`). A range is expensive to read: each alternative is
/// taken apart and compared with all others.
const MAX_RANGE: usize = 256;

/// Names of lines with long-term support, as version managers know them.
const LINES: [(&str, &str); 8] = [
    ("argon", "4"),
    ("dubnium", "10"),
    ("erbium", "12"),
    ("fermium", "14"),
    ("gallium", "16"),
    ("hydrogen", "18"),
    ("iron", "20"),
    ("jod", "22"),
];

/// A file's requirement on the Node version.
#[derive(Debug, Clone, PartialEq)]
struct Wanted {
    /// Where it is written, for people.
    by: &'static str,
    /// As it is written.
    text: String,
    range: Range,
}

/// What a version manager's file and `engines` say, in this order; what cannot be read says nothing.
fn wanted(package: &Value, text: &dyn Fn(&str) -> Option<String>) -> Vec<Wanted> {
    let pin = [".nvmrc", ".node-version"].into_iter().find_map(|name| Some((name, text(name)?)));
    let pin = pin.and_then(|(by, text)| {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?.to_owned();
        Some((by, line))
    });
    let volta = package["volta"]["node"].as_str().map(|text| ("package.json (`volta`)", text.to_owned()));
    let engines = package["engines"]["node"].as_str().map(|text| ("package.json (`engines`)", text.to_owned()));
    let ranges = pin.or(volta).into_iter().chain(engines);
    ranges
        .filter(|(_, text)| text.len() <= MAX_RANGE)
        .filter_map(|(by, text)| {
            let range = Range::parse(plain(&text)?).ok()?;
            Some(Wanted { by, text, range })
        })
        .collect()
}

/// The range that a text means; `None` for whatever is newest.
fn plain(text: &str) -> Option<String> {
    let text = text.trim();
    let line = text.strip_prefix("lts/").unwrap_or(text).to_ascii_lowercase();
    if let Some((_, major)) = LINES.iter().find(|(name, _)| *name == line) {
        return Some((*major).to_owned());
    }
    // `v` stands in front of versions in `.nvmrc`.
    let range = line.strip_prefix('v').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let range = range.unwrap_or(&line);
    range.contains(|c: char| c.is_ascii_digit()).then(|| range.to_owned())
}

/// The Node that is brought for a project; `None` where the host's is the one.
pub(super) async fn choose(site: &Site<'_>, package: &Value) -> Result<Option<Node>, Error> {
    let wanted = wanted(package, &|name| files::text(&site.folder, name).ok().flatten());
    let Some(first) = wanted.first() else { return Ok(None) };
    let answer = site.ask(&["node", "-p", "process.version"]).await?;
    let Ok(here) = Version::parse(answer.trim_start_matches('v')) else { return Ok(None) };
    if wanted.iter().all(|wanted| wanted.range.satisfies(&here)) {
        return Ok(None);
    }
    let shown = format!("{} wants Node {}", first.by, short(&first.text));
    let oldest = Range::parse(OLDEST).expect("it is a range");
    let Some(range) = first.range.intersect(&oldest) else {
        site.journal
            .log(format!("{shown}. Nothing older than 18.17 is brought, so it runs on {answer}, which this server has"))
            .await;
        return Ok(None);
    };
    let _turn = site.tools.nodes.turn().await;
    let kept = site.tools.nodes.newest(&range);
    let (node, from) = match kept {
        Some(node) => (node, "as an earlier build has brought it"),
        None => {
            let node = fetch(site, &range).await?.map_err(|why| {
                Error::Refused(format!(
                    "{shown}, and there is {answer} on this server; {why}: widen the range, or have that Node installed"
                ))
            })?;
            (node, "fetched from npm's registry")
        }
    };
    site.journal.log(format!("{shown}: it is built and run with {}, {from}", node.version)).await;
    if let (Some(engines), Ok(version)) = (wanted.get(1), Version::parse(&node.version))
        && !engines.range.satisfies(&version)
    {
        let text = short(&engines.text);
        site.journal.log(format!("{} wants Node {text}, which that is not: the two do not agree", engines.by)).await;
    }
    Ok(Some(node))
}

/// The newest that the registry has; or, for people, why there is none.
async fn fetch(site: &Site<'_>, range: &Range) -> Result<Result<Node, String>, Error> {
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        _ => return Ok(Err("npm's registry has none for this kind of machine".into())),
    };
    let package = format!("node-linux-{machine}");
    let folder = site.scratch.path("node");
    std::fs::create_dir(&folder).map_err(Error::failed("make a folder for Node"))?;
    let asked = format!("{package}@{range}");
    let command = [
        "npm",
        "install",
        "--prefix",
        ".",
        "--no-save",
        "--no-package-lock",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-progress",
        "--no-update-notifier",
        &asked,
    ];
    if let Err(tail) = site.run_apart(&command, &folder).await? {
        let none = tail.iter().any(|line| line.contains("ETARGET") || line.contains("notarget"));
        return Ok(Err(match none {
            true => "npm's registry has no such version".into(),
            false => format!("it could not be fetched from npm's registry{}", last_words(&tail)),
        }));
    }
    let own = folder.join("node_modules").join(&package);
    let version = files::json_text(&own, "package.json")?.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let version = version.and_then(|package| Version::parse(package["version"].as_str()?).ok());
    let Some(version) = version.filter(|version| range.satisfies(version)) else {
        return Ok(Err("npm's registry gave something else".into()));
    };
    let nodes = site.tools.nodes.clone();
    let kept = site.scratch.block(move |_| Ok(nodes.keep(&version, &own.join("bin/node")))).await?;
    kept.map(Ok).map_err(Error::failed("keep a version of Node"))
}

/// As much of what a file says as a message repeats.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_projects_say_about_node_is_read_as_version_managers_read_it() {
        let first = |package: Value, name: &str, text: &str| {
            let wanted = wanted(&package, &|file| (file == name).then(|| text.to_owned()));
            wanted.first().map(|wanted| format!("{}: {}", wanted.by, wanted.range))
        };
        let pin = |text: &str| first(json!({}), ".nvmrc", text);
        let of = |range: &str| Some(format!(".nvmrc: {}", Range::parse(range).unwrap()));
        for (text, range) in [
            ("v20.11.1\n", "20.11.1"),
            ("18", "18"),
            ("# why\n\n22.3\n", "22.3"),
            ("lts/iron", "20"),
            ("lts/Jod", "22"),
            ("hydrogen", "18"),
        ] {
            assert_eq!(pin(text), of(range), "{text}");
        }
        for text in ["lts/*", "node", "stable", "", "v", "garbage\0"] {
            assert_eq!(pin(text), None, "{text}");
        }
        let long = "22||".repeat(MAX_RANGE / 4) + "22";
        assert_eq!(pin(&long), None);
        assert_eq!(first(json!({ "engines": { "node": long } }), "", ""), None);
        let engines = json!({ "engines": { "node": "20.x || >=22" } });
        let wanted = wanted(&engines, &|name| (name == ".node-version").then(|| "18".to_owned()));
        let by: Vec<_> = wanted.iter().map(|wanted| wanted.by).collect();
        assert_eq!(by, [".node-version", "package.json (`engines`)"]);
        let satisfied = |text: &str| wanted[1].range.satisfies(&Version::parse(text).unwrap());
        assert!(satisfied("20.20.2") && !satisfied("21.0.0") && satisfied("26.1.0"));
    }

    #[test]
    fn a_range_is_written_as_npm_reads_it() {
        let oldest = Range::parse(OLDEST).unwrap();
        let range = |text: &str| Range::parse(text).unwrap().intersect(&oldest);
        assert_eq!(range("16"), None);
        for text in ["16 || 18", ">=22", "^20.1", "20.11.1"] {
            let made = range(text).unwrap();
            assert_eq!(Range::parse(made.to_string()).unwrap(), made, "{text}: {made}");
        }
    }
}
