//! Repositories as people have them, unmodified: `conformance/places` has one folder for each, in the shape that its framework
//! or platform documents. Each is registered without a word, and must answer its request, or say in one sentence what is missing.
//!
//! Those that need no packages run with all tests; `PLACES=all` (`make test-compatibility`) runs all of them, and writes the
//! table of docs/compatibility.md.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use serde::Deserialize;

use crate::app::{Options, TestApp};

/// Nothing takes longer to build, also on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(900);

/// Places at a time.
const AT_ONCE: usize = 2;

/// Where the table is put.
const TABLE: (&str, &str) = ("<!-- the table begins -->\n", "<!-- the table ends -->");

#[derive(Deserialize)]
struct Place {
    #[serde(default)]
    name: String,
    /// What it is, for people.
    what: String,
    /// The framework or platform whose shape it has.
    of: String,
    /// It needs no packages.
    #[serde(default)]
    short: bool,
    /// The sentence that its author sees at build time.
    refused: Option<String>,
    request: Option<Request>,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    contains: String,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/places")
}

fn places() -> Vec<Place> {
    let mut all: Vec<Place> = std::fs::read_dir(folder())
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let text = std::fs::read_to_string(entry.path().join("place.json")).ok()?;
            let mut place: Place =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{:?}: {error}", entry.path()));
            place.name = entry.file_name().into_string().unwrap();
            Some(place)
        })
        .collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

fn files(folder: &Path, below: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(below).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(folder, &path, found);
        } else {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The sentence that the author sees; what went wrong otherwise.
async fn try_out(app: &TestApp, place: &Place) -> Result<String, String> {
    let own = folder().join(&place.name).join("files");
    let mut found = Vec::new();
    files(&own, &own, &mut found);
    let files: Vec<_> = found.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let repository = app.repository(&place.name, &files).await;
    let id = app.register_git(&place.name, &repository, None).await;
    let build = app.try_build_within(PATIENCE, &id).await;
    let log = build["log"].as_array().into_iter().flatten().filter_map(|line| line["text"].as_str());
    let log = log.collect::<Vec<_>>().join("\n");
    let error = build["error"].as_str().unwrap_or_default().to_owned();
    let Some(request) = &place.request else {
        let wanted = place.refused.as_deref().unwrap_or_default();
        let is_explained =
            build["state"] == "FAILED" && error.contains(wanted) && !error.contains('\n') && !error.contains("/data/");
        return if is_explained {
            Ok(error)
        } else {
            Err(format!("its author does not see {wanted:?}: {error}\n{log}"))
        };
    };
    if build["state"] != "SUCCEEDED" {
        return Err(format!("{error}\n{log}"));
    }
    app.start_function(&id).await;
    let method = request.method.parse().unwrap();
    let asked = app.request(method, &format!("/function/{}{}", place.name, request.path)).bearer_auth("dev-token");
    let asked = request.headers.iter().fold(asked, |asked, (name, value)| asked.header(name, value));
    let answer = asked.body(request.body.clone()).send().await.map_err(|error| error.to_string())?;
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap_or_default());
    if status != place.status || !text.contains(&place.contains) {
        return Err(format!("it answered {status}: {text}\n{log}"));
    }
    if !place.short {
        // From the cache: what is restored is to be found by a function's own user, too.
        let again = app.try_build_within(PATIENCE, &id).await;
        if again["state"] != "SUCCEEDED" {
            return Err(format!("its second build: {}", again["error"]));
        }
    }
    let explained = log.lines().find(|line| line.contains("Found "));
    Ok(explained.map(|line| line[line.find("Found ").unwrap_or(0)..].to_owned()).unwrap_or_default())
}

#[tokio::test]
async fn repositories_as_people_have_them_answer_unmodified_or_say_what_is_missing() {
    let all = std::env::var("PLACES").is_ok_and(|places| places == "all");
    let app = TestApp::start_with(Options::default().env("EVENTFLOW_READY_TIMEOUT", "20")).await;
    let only = std::env::var("PLACE").ok();
    let places: Vec<_> = places()
        .into_iter()
        .filter(|place| (all || place.short) && only.as_ref().is_none_or(|only| place.name.contains(only.as_str())))
        .collect();
    let app = &app;
    let tried = futures::stream::iter(&places).map(|place| async move {
        let outcome = try_out(app, place).await;
        match &outcome {
            Ok(_) => eprintln!("{}: as it should", place.name),
            Err(error) => eprintln!("{}: {error}", place.name),
        }
        (place, outcome)
    });
    let tried: Vec<_> = tried.buffered(AT_ONCE).collect().await;
    if all && only.is_none() {
        write_table(&tried);
    }
    let failed: Vec<_> =
        tried.iter().filter(|(_, outcome)| outcome.is_err()).map(|(place, _)| place.name.as_str()).collect();
    assert!(failed.is_empty(), "{} of {} places: {}", failed.len(), places.len(), failed.join(", "));
}

/// The page has every place, so that it is written again when one is added.
#[test]
fn the_table_of_the_page_has_every_place() {
    let page = std::fs::read_to_string(page()).unwrap();
    let missing: Vec<_> =
        places().into_iter().map(|place| place.name).filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(
        missing.is_empty(),
        "make test-compatibility writes the table of docs/compatibility.md; missing: {missing:?}"
    );
    assert!(places().len() >= 40);
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md")
}

fn write_table(tried: &[(&Place, Result<String, String>)]) {
    let mut rows =
        String::from("| place | of | what it is | | what its author sees |\n| --- | --- | --- | --- | --- |\n");
    for (place, outcome) in tried {
        let (mark, text) = match outcome {
            Ok(text) if place.request.is_some() => ("answers", text.as_str()),
            Ok(text) => ("told", text.as_str()),
            Err(error) => ("fails", error.lines().next().unwrap_or_default()),
        };
        let text = text.replace('|', "\\|");
        let _ = writeln!(
            rows,
            "| `{}` | {} | {} | {mark} | {text} |",
            place.name,
            place.of,
            place.what.replace('|', "\\|")
        );
    }
    let answers = tried.iter().filter(|(place, outcome)| place.request.is_some() && outcome.is_ok()).count();
    let _ = write!(rows, "\n{answers} of {} places answer unmodified.\n\n", tried.len());
    let text = std::fs::read_to_string(page()).unwrap();
    let (before, rest) = text.split_once(TABLE.0).expect("the page has a place for the table");
    let (_, after) = rest.split_once(TABLE.1).expect("the page has a place for the table");
    std::fs::write(page(), format!("{before}{}{rows}{}{after}", TABLE.0, TABLE.1)).unwrap();
}
