//! Parts of the guide and of deploy/ are made from the code, or name what is in it.
//!
//! `UPDATE_PAGES=1 cargo test -p server --test it pages::` writes the parts that are made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use server::edge::codes::CODES;
use server::telemetry::Metrics;

use crate::app::TestApp;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Holds the part of a page between `<!-- made: NAME -->` and `<!-- end -->` against what it should be.
fn made(page: &str, name: &str, should: &str) {
    let text = read(page);
    let mark = format!("<!-- made: {name} -->\n");
    let begin = text.find(&mark).unwrap_or_else(|| panic!("{page} has no `{}`", mark.trim())) + mark.len();
    let end = begin + text[begin..].find("<!-- end -->").unwrap_or_else(|| panic!("{page}: `{name}` has no end"));
    let should = format!("\n{}\n\n", should.trim());
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(repository(page), format!("{}{should}{}", &text[..begin], &text[end..])).unwrap();
        return;
    }
    assert_eq!(
        &text[begin..end],
        should,
        "{page} is not current: UPDATE_PAGES=1 cargo test -p server --test it pages::"
    );
}

#[test]
fn the_page_of_error_codes_is_current() {
    let mut table = "| code | status | meaning | what to do |\n| --- | --- | --- | --- |\n".to_owned();
    for code in CODES {
        let statuses: Vec<_> = code.statuses.iter().map(u16::to_string).collect();
        let status = if statuses.is_empty() { "GraphQL".to_owned() } else { statuses.join(", ") };
        writeln!(table, "| `{}` | {status} | {} | {} |", code.name, code.meaning, code.remedy).unwrap();
    }
    made("docs/guide/reference/errors.md", "errors", &table);
}

/// A metric's type, labels and help, by its name.
type Known = BTreeMap<String, (String, Vec<String>, String)>;

/// What there is, as far as a running server shows it or may come to show it.
async fn metrics() -> Known {
    let mut known: Known = BTreeMap::new();
    for metric in Metrics::new().described() {
        known.insert(metric.name, (metric.kind.to_owned(), metric.labels, metric.help));
    }
    let app = TestApp::start().await;
    app.call("hello").await;
    let text = app.get("/metrics").send().await.unwrap().text().await.unwrap();
    let mut help = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, words)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            help.insert(name.to_owned(), words.to_owned());
        }
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let words = help.get(name).cloned().unwrap_or_default();
            let found = known.entry(name.to_owned()).or_insert_with(|| (kind.to_owned(), Vec::new(), words));
            assert_eq!(found.0, kind, "{name}");
        }
    }
    assert!(known.contains_key("eventflow_append_seconds"), "the store's histogram is shown, too: {text}");
    known
}

#[tokio::test]
async fn the_page_of_metrics_lists_exactly_what_is_served() {
    let known = metrics().await;
    let mut table = "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for (name, (kind, labels, help)) in &known {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(table, "| `{name}` | {kind} | {} | {help} |", labels.join(", ")).unwrap();
    }
    made("docs/guide/reference/metrics.md", "metrics", &table);
    // Each has a line that says what to watch for.
    let page = read("docs/guide/monitoring.md") + &read("deploy/prometheus/eventflow.rules.yml");
    let silent: Vec<_> = known.keys().filter(|name| !page.contains(name.as_str())).collect();
    assert!(silent.is_empty(), "docs/guide/monitoring.md does not say what these are for: {silent:?}");
    let names: BTreeSet<_> = known.iter().flat_map(|(name, (kind, ..))| series(name, kind)).collect();
    for file in ["deploy/prometheus/eventflow.rules.yml", "deploy/grafana/eventflow.json", "docs/guide/monitoring.md"] {
        let unknown: Vec<_> = mentioned(&read(file)).into_iter().filter(|name| !names.contains(name)).collect();
        assert!(unknown.is_empty(), "{file} names metrics that are not served: {unknown:?}");
    }
}

/// The names of a metric's series.
fn series(name: &str, kind: &str) -> Vec<String> {
    let suffixes: &[&str] = if kind == "histogram" { &["", "_bucket", "_sum", "_count"] } else { &[""] };
    suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect()
}

/// Every word that may be a metric's name: not a file of this name, nor the name of a rule.
fn mentioned(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':' || c == '.'));
    words.filter(|word| word.starts_with("eventflow_") && !word.contains(['.', ':'])).map(str::to_owned).collect()
}

#[test]
fn the_alert_rules_are_valid_and_fire_when_they_should() {
    for arguments in [
        &["check", "rules", "eventflow.rules.yml"][..],
        &["test", "rules", "eventflow.test.yml"],
        &["check", "config", "--syntax-only", "prometheus.yml"],
    ] {
        let output = Command::new("promtool").args(arguments).current_dir(repository("deploy/prometheus")).output();
        let output = output.expect("promtool is there (Debian: apt-get install prometheus)");
        let output_text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "promtool {arguments:?}: {output_text}");
    }
}

#[test]
fn the_dashboard_is_one_and_each_panel_asks_something() {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/eventflow.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() >= 8);
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().unwrap();
        assert!(targets.iter().all(|target| target["expr"].as_str().is_some_and(|expr| !expr.is_empty())), "{panel}");
        assert!(panel["title"].is_string() && panel["description"].is_string(), "{panel}");
    }
}

#[tokio::test]
async fn the_guide_is_served_or_says_how_to_build_it() {
    let app = TestApp::start().await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let moved = client.get(format!("{}/docs", app.url)).send().await.unwrap();
    assert_eq!((moved.status().as_u16(), &moved.headers()["location"]), (308, &"/docs/".parse().unwrap()));
    let page = client.get(format!("{}/docs/", app.url)).send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let status = page.status().as_u16();
    let text = page.text().await.unwrap();
    if !repository("docs/dist/index.html").exists() {
        assert_eq!(status, 503);
        assert!(text.contains("make docs"), "{text}");
        return;
    }
    assert_eq!(status, 200);
    for path in ["guide/first-steps.html", "searchindex.js", "search.html", "_static/styles/furo.css"] {
        assert_eq!(client.get(format!("{}/docs/{path}", app.url)).send().await.unwrap().status(), 200, "{path}");
    }
    assert_eq!(client.get(format!("{}/docs/no-such-page.html", app.url)).send().await.unwrap().status(), 404);
    // The policy of all pages forbids scripts within them.
    for script in text.split("<script").skip(1) {
        let (tag, rest) = script.split_once('>').unwrap();
        assert!(tag.contains("src=") && rest.trim_start().starts_with("</script>"), "an inline script: <script{tag}>");
    }
}
