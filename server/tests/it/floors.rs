//! A room uses only the floors below it; rooms on one floor do not know each other.

use std::path::Path;

/// The floors, from the top; a room may use what stands below.
const FLOORS: &[&[&str]] = &[
    &["app"],
    &["ingress", "gateway", "dispatch", "operator"],
    &["edge"],
    &["operations"],
    &["keeping"],
    &["access", "builder", "doors", "leasing"],
    &["actors", "vault"],
    &["store", "queue", "executor", "artifacts"],
    &["config"],
    &["backoff", "clock", "mac", "outbound", "telemetry", "tree", "turns"],
];

/// Crates that only some rooms may use.
const KEEPERS: &[(&str, &[&str])] = &[
    ("actix_web", &["edge", "ingress", "gateway", "app"]),
    ("actix", &["actors", "app"]),
    ("sqlx", &["store"]),
    ("lapin", &["queue"]),
    ("async_graphql", &["ingress"]),
    ("aes_gcm", &["vault"]),
    ("hmac", &["mac"]),
    ("hyper", &["leasing", "dispatch", "edge", "executor", "gateway"]),
    ("bollard", &["executor"]),
];

#[test]
fn every_room_uses_only_the_floors_below_it() {
    let offenders = look(|room, text, line| {
        let mine = floor(room).filter(|_| !is_test(line))?;
        let mut used = text.split("crate::").skip(1).map(word).filter(|used| *used != room);
        let (used, theirs) = used.find_map(|used| Some((used, floor(used).filter(|theirs| *theirs <= mine)?)))?;
        Some(format!("{line}: `{room}` (floor {}) uses `{used}` (floor {})", height(mine), height(theirs)))
    });
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

#[test]
fn every_server_library_stays_in_its_room() {
    let offenders = look(|room, text, line| {
        // Tests compute a code by themselves, to hold it against ours.
        let is_oracle = |library: &str| library == "hmac" && is_test(line);
        KEEPERS
            .iter()
            .filter(|(library, rooms)| !rooms.contains(&room) && !is_oracle(library))
            .find(|(library, _)| uses(text, library))
            .map(|(library, rooms)| format!("{line}: `{room}` uses `{library}`, which belongs to {}", rooms.join(", ")))
    });
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

/// What says where a request is from, and may be forged by whoever sends it.
const CLAIMS: &[&str] = &[
    "connection_info(",
    ".peer_addr",
    "\"forwarded\"",
    "\"x-forwarded-for\"",
    "\"x-forwarded-host\"",
    "\"x-forwarded-proto\"",
    "\"x-real-ip\"",
];

#[test]
fn where_a_request_is_from_is_derived_in_one_place() {
    let offenders = look(|room, text, line| {
        // Requests of callers come in nowhere else.
        if !["ingress", "app"].contains(&room) {
            return None;
        }
        // The edge derives it; the gateway keeps what callers say of it from functions, and says it itself.
        let may = ["ingress/tests/"];
        let claim = CLAIMS
            .iter()
            .find(|claim| text.contains(**claim))
            .filter(|_| !may.iter().any(|file| line.starts_with(file)))?;
        Some(format!("{line}: {claim} is read here: use edge::origin"))
    });
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

/// The metrics of all namespaces, the loader (which shows each caller what they see), and webhooks (which look for what is not
/// there as long as for what is).
const UNGUARDED: &[&str] = &["ingress/graphql/loader.rs", "ingress/http/health.rs", "ingress/http/webhook.rs"];

#[test]
fn the_doors_read_what_their_callers_see() {
    let mut found = 0;
    let offenders = look(|room, text, line| {
        let names = [".unguarded()", "of_platform"];
        let name = names.iter().find(|name| text.contains(**name)).filter(|_| !is_test(line))?;
        found += 1;
        let may = room == "operations" || UNGUARDED.iter().any(|file| line.starts_with(&format!("{file}:")));
        (!may).then(|| format!("{line}: `{name}`; read through `services.view(&viewer)`"))
    });
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
    assert!(found >= UNGUARDED.len(), "the names have changed");
}

/// They recurse, follow paths that may be too long, or hold descriptors without a bound: not over what a stranger made.
#[test]
fn folders_are_removed_and_walked_through_only_where_it_is_bounded() {
    const UNBOUNDED: &[&str] = &["remove_dir_all", "walkdir", "WalkDir"];
    let offenders = look(|room, text, line| {
        let found = UNBOUNDED.iter().find(|name| text.contains(**name));
        let found = found.filter(|_| room != "tree" && !is_test(line));
        found.map(|name| format!("{line}: `{name}`; use `crate::tree`"))
    });
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

#[test]
fn the_domain_knows_no_clock_no_chance_and_no_world() {
    let domain = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/src");
    let mut offenders = Vec::new();
    walk(&domain, &mut |path, text| {
        for (number, line) in code(text) {
            for forbidden in [
                "Utc::now",
                "SystemTime",
                "Instant::now",
                "new_v4",
                "now_v7",
                "rand::",
                "tokio",
                "std::fs",
                "std::net",
                "async fn",
            ] {
                if line.contains(forbidden) {
                    offenders.push(format!("{}:{number}: {forbidden}", path.display()));
                }
            }
        }
    });
    // Golden files are read and written by the test that keeps them.
    offenders.retain(|offender| !offender.contains("golden"));
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

fn look(mut judge: impl FnMut(&str, &str, &str) -> Option<String>) -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut offenders, mut files) = (Vec::new(), 0);
    walk(&source, &mut |path, text| {
        let relative = path.strip_prefix(&source).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let room = first.trim_end_matches(".rs");
        if room == "lib" || room == "main" {
            return;
        }
        assert!(floor(room).is_some(), "`{room}` stands on no floor: give it one in tests/it/floors.rs");
        files += 1;
        for (number, line) in code(text) {
            offenders.extend(judge(room, line, &format!("{}:{number}", relative.display())));
        }
    });
    assert!(files > 30, "only {files} files were looked at");
    offenders
}

/// Lines of code: neither comments nor what stands in a test module at the end of a file.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, visit);
        } else if path.extension().is_some_and(|e| e == "rs") {
            visit(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// Whether a place is in a test, which may know neighbours.
fn is_test(place: &str) -> bool {
    ["/tests/", "/tests.rs", "/testing.rs", "/contract/"].iter().any(|part| place.contains(part))
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn height(floor: usize) -> usize {
    FLOORS.len() - floor
}

fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

fn uses(line: &str, library: &str) -> bool {
    line.match_indices(&format!("{library}::"))
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}
