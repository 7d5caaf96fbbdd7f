//! `function.json`: its schema, and parsing into a [`Manifest`], reporting all faults at once.
//!
//! Knows what a manifest may contain; knows nothing of what is built from it.

mod fault;
mod handler;
mod meaning;

use std::sync::LazyLock;

use domain::capacity::Capacity;
use domain::manifest::Manifest;
use domain::text::shown;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use serde_json::{Number, Value};

pub use fault::Fault;
use fault::escaped;
pub(super) use handler::check_handler;

const SCHEMA: &str = include_str!("../function.schema.json");

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(SCHEMA).expect("the schema is JSON, as a test says");
    jsonschema::draft202012::new(&schema).expect("the schema is one, as a test says")
});

/// A larger manifest is not looked at. What it means takes many times its size, in memory and in the log.
pub const MAX_BYTES: usize = 256 * 1024;

/// Values in a manifest, those of lists and objects included. Each version's manifest stays in memory, where a value takes up
/// to a hundred times as much as its text.
const MAX_VALUES: usize = 2_000;

/// Triggers of one function: each is looked at with every event, or has a timer.
const MAX_TRIGGERS: usize = 100;

/// Steps of paths and values in the filters of one function, all together: each event of its namespace may take them.
const MAX_FILTER_COST: usize = 1_000;

/// More faults than these are not listed.
const MAX_FAULTS: usize = 50;

/// The JSON Schema (draft 2020-12), as it is served.
pub fn schema() -> &'static str {
    SCHEMA
}

/// The manifest that a JSON value means, with every default filled in.
///
/// # Errors
/// All faults, in the order of the document where it is known; never an empty list.
pub fn parse(json: &Value) -> Result<Manifest, Vec<Fault>> {
    if !is_written_within(json, MAX_BYTES) {
        return Err(vec![too_large()]);
    }
    if has_more_values_than(MAX_VALUES, json) {
        return Err(vec![Fault::at(
            "",
            format!("the manifest has more than {MAX_VALUES} values, those in lists and objects included"),
        )]);
    }
    let triggers = json["triggers"].as_array().map_or(0, Vec::len);
    if triggers > MAX_TRIGGERS {
        let message = format!("there are {triggers} triggers, the most that a function may have is {MAX_TRIGGERS}");
        return Err(vec![Fault::at("/triggers", message)]);
    }
    let filters = json["triggers"].as_array().into_iter().flatten().filter_map(|trigger| trigger["filter"].as_object());
    let cost: usize = filters.map(domain::trigger::cost).sum();
    if cost > MAX_FILTER_COST {
        let message = format!(
            "the filters have {cost} segments of paths and values together, the most that a function may have is \
             {MAX_FILTER_COST}"
        );
        return Err(vec![Fault::at("/triggers", message)]);
    }
    let mut faults: Vec<Fault> =
        VALIDATOR.iter_errors(json).take(MAX_FAULTS).flat_map(|error| faults_of(&error)).collect();
    faults.extend(meaning::faults(json, &faults));
    faults.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    faults.dedup();
    faults.truncate(MAX_FAULTS);
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut json = json.clone();
    whole_numbers(&mut json);
    serde_json::from_value(json).map_err(|error| vec![Fault::at("", error.to_string())])
}

/// Whether a manifest names no runtime: then it changes the function's own only where it says something.
pub fn is_partial(json: &Value) -> bool {
    json.as_object().is_some_and(|members| !members.contains_key("runtime"))
}

/// The manifest that a partial one makes of the function's own.
///
/// # Errors
/// As [`parse`].
pub fn parse_over(own: Value, partial: &Value) -> Result<Manifest, Vec<Fault>> {
    let mut whole = own;
    merge(&mut whole, partial);
    parse(&whole)
}

/// Members of objects are merged, anything else is replaced; `null` takes a member away (RFC 7396). It goes no deeper than
/// the JSON that was parsed.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        match value {
            Value::Null => _ = members.remove(name),
            value => merge(members.entry(name.clone()).or_insert(Value::Null), value),
        }
    }
}

/// What a manifest asks for beyond what there is.
pub fn excesses(manifest: &Manifest, capacity: &Capacity) -> Vec<Fault> {
    capacity.excesses(manifest).into_iter().map(|excess| Fault::at(excess.pointer, excess.message)).collect()
}

/// The manifest that a text means.
///
/// # Errors
/// As [`parse`]; one fault with line and column when the text is not JSON.
pub fn parse_text(text: &str) -> Result<Manifest, Vec<Fault>> {
    // Before it is parsed: a list of nothing is 30 times larger in memory than as text.
    if text.len() > MAX_BYTES {
        return Err(vec![too_large()]);
    }
    match serde_json::from_str(text) {
        Ok(json) => parse(&json),
        Err(error) => Err(vec![Fault::at("", format!("it is not JSON: {error}"))]),
    }
}

fn too_large() -> Fault {
    Fault::at("", format!("the manifest is larger than {} KiB", MAX_BYTES >> 10))
}

/// Whether there are more than `limit` values in a value. It looks no further than that, and does not recurse.
fn has_more_values_than(limit: usize, json: &Value) -> bool {
    let mut rest = vec![json];
    let mut seen = 0;
    while let Some(value) = rest.pop() {
        seen += 1;
        match value {
            Value::Array(items) if items.len() <= limit => rest.extend(items),
            Value::Object(fields) if fields.len() <= limit => rest.extend(fields.values()),
            Value::Array(_) | Value::Object(_) => return true,
            _ => {}
        }
        if seen + rest.len() > limit {
            return true;
        }
    }
    false
}

/// Whether a value takes at most so many bytes as text; writes no more than that.
fn is_written_within(json: &Value, limit: usize) -> bool {
    struct Room(usize);
    impl std::io::Write for Room {
        fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(piece.len()).ok_or(std::io::ErrorKind::FileTooLarge)?;
            Ok(piece.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Room(limit), json).is_ok()
}

fn type_in_words(kind: &str) -> &str {
    match kind {
        "object" => "an object",
        "array" => "a list",
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        other => other,
    }
}

/// JSON Schema calls 256.0 an integer, Rust does not.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for section in ["resources", "scaling", "retry"] {
                if let Some(Value::Object(section)) = members.get_mut(section) {
                    section.values_mut().for_each(whole_number);
                }
            }
        }
        _ => whole_number(value),
    }
}

fn whole_number(value: &mut Value) {
    // Beyond 2^53 a float is no count any more; the schema's limits are far below.
    if let Some(float) =
        value.as_f64().filter(|float| value.is_f64() && float.fract() == 0.0 && (0.0..9e15).contains(float))
    {
        *value = Value::Number(Number::from(float as u64));
    }
}

fn faults_of(error: &ValidationError<'_>) -> Vec<Fault> {
    let pointer = error.instance_path().to_string();
    let one = |message: String| vec![Fault::at(pointer.clone(), message)];
    let instance = || shown(&error.instance().to_string());
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = known_names(error);
            let fault = |name: &String| {
                let hint = match nearest(name, &known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if known.is_empty() => "remove it".to_owned(),
                    None => format!("known are {}", known.join(", ")),
                };
                Fault::at(format!("{pointer}/{}", escaped(name)), format!("`{name}` is not known here; {hint}"))
            };
            unexpected.iter().map(fault).collect()
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            one(match name {
                "command" => {
                    "the runtime `command` needs `command`: the program and its arguments, such as [\"./server\"]"
                        .to_owned()
                }
                name => format!("`{name}` is missing"),
            })
        }
        ValidationErrorKind::Enum { options } => {
            let options: Vec<String> =
                options.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            let near = error.instance().as_str().and_then(|text| nearest(text, &options));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            one(format!("{} must be one of {}{hint}", instance(), options.join(", ")))
        }
        ValidationErrorKind::Type { kind } => {
            let wanted = match kind {
                TypeKind::Single(kind) => type_in_words(kind.as_str()).to_owned(),
                TypeKind::Multiple(kinds) => {
                    kinds.iter().map(|kind| type_in_words(kind.as_str())).collect::<Vec<_>>().join(" or ")
                }
            };
            let quoted = match error.instance().as_ref() {
                Value::Number(_) | Value::Bool(_) if wanted == "a text" => {
                    format!(": write \"{}\"", error.instance())
                }
                _ => String::new(),
            };
            one(format!("{} must be {wanted}{quoted}", instance()))
        }
        ValidationErrorKind::PropertyNames { error } => {
            let name = error.instance().as_str().unwrap_or_default();
            let message = format!(
                "`{}` cannot be a variable's name: letters, digits and `_`, not beginning with a digit, 128 at most",
                shown(name)
            );
            vec![Fault::at(format!("{pointer}/{}", escaped(name)), message)]
        }
        ValidationErrorKind::Pattern { .. } => {
            one(format!("{} does not fit: {}", instance(), pattern_in_words(&pointer)))
        }
        ValidationErrorKind::Minimum { limit } => one(format!("{} must be {limit} or more", instance())),
        ValidationErrorKind::ExclusiveMinimum { limit } => one(format!("{} must be more than {limit}", instance())),
        ValidationErrorKind::Maximum { limit } => one(format!("{} must be {limit} or less", instance())),
        ValidationErrorKind::MinLength { limit } => one(format!("{} must have {limit} letters or more", instance())),
        ValidationErrorKind::MaxLength { limit } => one(format!("the text must have {limit} letters or less")),
        ValidationErrorKind::MinItems { limit } => one(format!("the list must have {limit} entries or more")),
        ValidationErrorKind::MaxItems { limit } => one(format!("the list must have {limit} entries or less")),
        ValidationErrorKind::MaxProperties { limit } => one(format!("there must be {limit} entries or less")),
        ValidationErrorKind::UniqueItems => one("an entry is in the list twice".to_owned()),
        _ => one(shown(&error.to_string())),
    }
}

/// What a pattern of the schema asks for, by where it stands.
fn pattern_in_words(pointer: &str) -> &'static str {
    if pointer.ends_with("/timezone") {
        "name an IANA time zone, such as Europe/Berlin"
    } else if pointer.starts_with("/secrets/") || pointer.starts_with("/build/secrets/") || pointer.ends_with("/secret")
    {
        "a secret's name has letters, digits and `_`, and does not begin with a digit"
    } else if pointer.ends_with("/header") {
        "a header's name has letters, digits and hyphens"
    } else if pointer == "/build/target" {
        "a stage's name begins with a letter, and has letters, digits and `._-`"
    } else if pointer == "/health" {
        "a path begins with / and has no spaces, such as /healthz"
    } else if pointer == "/name" {
        "a function's name has lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen"
    } else {
        "a webhook's name has lower-case letters, digits and hyphens, and neither begins nor ends with a hyphen"
    }
}

/// The names that the schema knows at the place of an `additionalProperties` fault.
fn known_names(error: &ValidationError<'_>) -> Vec<String> {
    static DOCUMENT: LazyLock<Value> =
        LazyLock::new(|| serde_json::from_str(SCHEMA).expect("the schema is JSON, as a test says"));
    let path = error.schema_path().to_string();
    let parent = path.strip_suffix("/additionalProperties").unwrap_or_default();
    let properties = DOCUMENT.pointer(&format!("{parent}/properties")).and_then(Value::as_object);
    properties.into_iter().flat_map(|names| names.keys().cloned()).filter(|name| name != "$schema").collect()
}

/// The known name that differs in the fewest letters, when they are few.
fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    const MAX_NAME: usize = 64;
    if name.len() > MAX_NAME {
        return None;
    }
    let by_distance = known.iter().map(|candidate| (distance(name, candidate), candidate.as_str()));
    by_distance
        .filter(|(distance, candidate)| *distance <= 2.min(candidate.len() / 2))
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, taken out or changed to make one word of the other (Levenshtein, row by row).
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let columns: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=columns.len()).collect();
    for (line, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in columns.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[columns.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// The example of the product's contract.
    const EXAMPLE: &str = r#"{
      "$schema": "http://localhost:8080/schemas/function.json",
      "name": "thumbnails",
      "runtime": "node",
      "mode": "service",
      "handler": "index.handler",
      "triggers": [
        { "type": "http" },
        { "type": "event", "pattern": "file.uploaded", "filter": { "data.kind": "image" } },
        { "type": "schedule", "cron": "*/5 * * * *", "timezone": "Europe/Berlin" },
        { "type": "webhook", "name": "github", "scheme": "github", "secret": "GITHUB_WEBHOOK_SECRET" }
      ],
      "env": { "LEVEL": "info" },
      "secrets": ["API_KEY"],
      "resources": { "memory_mb": 256, "cpu": 0.5, "timeout_s": 30 },
      "scaling": { "min": 0, "max": 4, "concurrency": 10, "idle_s": 300 },
      "retry": { "max_attempts": 5, "backoff_s": 1, "backoff_max_s": 300 },
      "watch_paths": ["functions/thumbnails/**"]
    }"#;

    fn faults(json: Value) -> Vec<(String, String)> {
        let faults = parse(&json).unwrap_err();
        faults.into_iter().map(|fault| (fault.pointer, fault.message)).collect()
    }

    #[test]
    fn a_manifest_that_is_too_large_or_too_deep_is_refused_before_it_is_looked_at() {
        let large = json!({"runtime": "node", "env": {"A": "x".repeat(MAX_BYTES)}});
        for faults in [parse(&large).unwrap_err(), parse_text(&large.to_string()).unwrap_err()] {
            assert_eq!(faults, [too_large()]);
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse_text(&deep).unwrap_err()[0].message.contains("it is not JSON"));
    }

    #[test]
    fn the_schema_is_one() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        assert!(jsonschema::draft202012::meta::is_valid(&schema));
        LazyLock::force(&VALIDATOR);
    }

    #[test]
    fn the_example_of_the_contract_fits_unchanged() {
        let manifest = parse_text(EXAMPLE).unwrap();
        assert_eq!(manifest.name.as_deref(), Some("thumbnails"));
        assert_eq!(manifest.triggers.len(), 4);
        assert_eq!(manifest.resources.cpu, 0.5);
    }

    #[test]
    fn what_is_not_said_has_the_default_that_the_schema_names() {
        let manifest = parse(&json!({"runtime": "node"})).unwrap();
        assert_eq!(manifest, Manifest::of(domain::manifest::Runtime::Node));
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let manifest = serde_json::to_value(manifest).unwrap();
        for (name, value) in manifest.as_object().unwrap() {
            let about = &schema["properties"][name];
            match about.get("properties").and_then(Value::as_object) {
                Some(inner) => inner.iter().for_each(|(key, about)| {
                    // What is written only where it says something is 0 elsewhere.
                    let value = value.get(key).map_or(Some(0.0), Value::as_f64);
                    assert_eq!(about["default"].as_f64(), value, "{name}.{key}")
                }),
                None if name != "runtime" => assert_eq!(&about["default"], value, "{name}"),
                None => {}
            }
        }
    }

    #[test]
    fn all_faults_are_named_at_once_each_at_its_place() {
        let found = faults(json!({
            "runtime": "nodejs",
            "mod": "job",
            "triggers": [
                {"type": "event", "pattern": "a..b", "filtr": {}},
                {"type": "schedule", "cron": "* * *"},
                {"type": "clock"},
                {"type": "webhook"},
                {"type": "http", "paths": "/x"},
                "http"
            ],
            "env": {"A": 1, "1A": "x", "PORT": "80", "EVENTFLOW_X": "y"},
            "secrets": ["a-b"],
            "resources": {"memory_mb": 20.5, "cpu": 0, "memory": 1},
            "scaling": {"min": 5, "max": 2},
            "retry": {"max_attempts": 0}
        }));
        let expected = [
            ("/env/1A", "cannot be a variable's name"),
            ("/env/A", "1 must be a text: write \"1\""),
            ("/env/EVENTFLOW_X", "EventFlow's own"),
            ("/env/PORT", "EventFlow's own"),
            ("/mod", "did you mean `mode`?"),
            ("/resources/cpu", "must be 0.01 or more"),
            ("/resources/memory", "is not known here"),
            ("/resources/memory_mb", "20.5 must be a whole number"),
            ("/retry/max_attempts", "must be 1 or more"),
            ("/runtime", "did you mean `node`?"),
            ("/scaling/min", "more than `max`"),
            ("/secrets/0", "a secret's name has"),
            ("/triggers/0/filtr", "did you mean `filter`?"),
            ("/triggers/0/pattern", "a segment is empty"),
            ("/triggers/1/cron", "5 fields"),
            ("/triggers/2/type", "must be one of http, event, schedule, webhook"),
            ("/triggers/3", "`name` is missing"),
            ("/triggers/4/paths", "did you mean `path`?"),
            ("/triggers/5", "must be an object"),
        ];
        let pointers: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, expected.map(|(pointer, _)| pointer), "{found:#?}");
        for ((pointer, part), (_, message)) in expected.iter().zip(&found) {
            assert!(message.contains(part), "{pointer}: {message}");
        }
    }

    #[test]
    fn each_meaning_that_cannot_be_is_named() {
        let table = [
            (json!({}), "", "`runtime` is missing"),
            (json!([]), "", "must be an object"),
            (json!({"runtime": "command"}), "", "needs `command`"),
            (json!({"runtime": "command", "command": []}), "/command", "1 entries or more"),
            (json!({"runtime": "command", "command": [""]}), "/command/0", "names no program"),
            (json!({"runtime": "command", "command": ["a\u{0}"]}), "/command/0", "zero byte"),
            (json!({"runtime": "node", "command": ["a"]}), "/command", "only for"),
            (json!({"runtime": "node", "image": "nginx"}), "/image", "only for the runtime docker"),
            (json!({"runtime": "command", "command": ["a"], "port": 80}), "/port", "only for the runtime docker"),
            (
                json!({"runtime": "node", "build": {"dockerfile": "x"}}),
                "/build/dockerfile",
                "only for the runtime docker",
            ),
            (json!({"runtime": "docker", "image": "a", "build": {"target": "x"}}), "/build/target", "built already"),
            (
                json!({"runtime": "docker", "build": {"dockerfile": "../x"}}),
                "/build/dockerfile",
                "in the function's folder",
            ),
            (
                json!({"runtime": "docker", "build": {"dockerfile": "/x"}}),
                "/build/dockerfile",
                "in the function's folder",
            ),
            (
                json!({"runtime": "docker", "build": {"dockerfile": "a//x"}}),
                "/build/dockerfile",
                "in the function's folder",
            ),
            (
                json!({"runtime": "docker", "build": {"dockerfile": "a,b=c"}}),
                "/build/dockerfile",
                "in the function's folder",
            ),
            (json!({"runtime": "docker", "build": {"target": "-x"}}), "/build/target", "a stage's name"),
            (json!({"runtime": "docker", "image": "Not a name"}), "/image", "is no name of an image"),
            (json!({"runtime": "docker", "image": ""}), "/image", "1 letters or more"),
            (json!({"runtime": "docker", "port": 0}), "/port", "1 or more"),
            (json!({"runtime": "docker", "port": 65_536}), "/port", "65535 or less"),
            (json!({"runtime": "docker", "health": "healthz"}), "/health", "begins with /"),
            (json!({"runtime": "docker", "health": "/a b"}), "/health", "no spaces"),
            (json!({"runtime": "docker", "mode": "job", "health": "/"}), "/health", "a job"),
            (json!({"runtime": "command", "command": ["a"], "handler": "a.b"}), "/handler", "only for"),
            (json!({"runtime": "command", "command": ["a"], "adapter": "vercel"}), "/adapter", "only for"),
            (json!({"runtime": "node", "adapter": "heroku"}), "/adapter", "aws-lambda"),
            (json!({"runtime": "python-flask", "handler": "app"}), "/handler", "app.app"),
            (json!({"runtime": "node", "handler": "handler"}), "/handler", "FILE.EXPORT"),
            (json!({"runtime": "node", "handler": "../x.handler"}), "/handler", "FILE.EXPORT"),
            (json!({"runtime": "node", "handler": "/etc/x.handler"}), "/handler", "FILE.EXPORT"),
            (json!({"runtime": "python", "handler": "main.py.1"}), "/handler", "FILE.EXPORT"),
            (json!({"runtime": "python-flask", "mode": "job"}), "/mode", "a service"),
            (json!({"runtime": "node", "env": {"A": "x"}, "secrets": ["A"]}), "/secrets/0", "also in `env`"),
            (json!({"runtime": "node", "env": {"A": "x\u{0}"}}), "/env/A", "zero byte"),
            (json!({"runtime": "node", "secrets": ["PORT"]}), "/secrets/0", "EventFlow's own"),
            (json!({"runtime": "node", "secrets": ["A", "A"]}), "/secrets", "twice"),
            (
                json!({"runtime": "node", "retry": {"backoff_s": 9, "backoff_max_s": 3}}),
                "/retry/backoff_s",
                "more than `backoff_max_s`",
            ),
            (json!({"runtime": "node", "scaling": {"min": 9}}), "/scaling/min", "more than `max`"),
            (
                json!({"runtime": "node", "triggers": [{"type": "webhook", "name": "a", "scheme": "github"}]}),
                "/triggers/0",
                "needs `secret`",
            ),
            (
                json!({"runtime": "node", "triggers": [{"type": "webhook", "name": "a", "scheme": "github", "secret": "S", "header": "X-A"}]}),
                "/triggers/0/header",
                "only for hmac-sha256 and token",
            ),
            (
                json!({"runtime": "node", "triggers": [{"type": "webhook", "name": "a", "prefix": "v1="}]}),
                "/triggers/0/prefix",
                "only for hmac-sha256",
            ),
            (
                json!({"runtime": "node", "triggers": [{"type": "webhook", "name": "a", "scheme": "token", "secret": "S", "encoding": "hex"}]}),
                "/triggers/0/encoding",
                "only for hmac-sha256",
            ),
            (
                json!({"runtime": "node", "triggers": [{"type": "webhook", "name": "a", "scheme": "token", "secret": "S", "header": "a b"}]}),
                "/triggers/0/header",
                "a header's name",
            ),
            (
                json!({"runtime": "node", "triggers": [{"type": "webhook", "name": "a"}, {"type": "webhook", "name": "a"}]}),
                "/triggers/1/name",
                "twice",
            ),
            (
                json!({"runtime": "node", "triggers": [{"type": "schedule", "cron": "x * * * * * *"}]}),
                "/triggers/0/cron",
                "5 fields",
            ),
            (
                json!({"runtime": "node", "triggers": [{"type": "schedule", "cron": "* * * * *", "timezone": "a b"}]}),
                "/triggers/0/timezone",
                "IANA",
            ),
            (
                json!({"runtime": "node", "triggers": [{"type": "schedule", "cron": "@daily", "timezone": "europe/berlin"}]}),
                "/triggers/0/timezone",
                "did you mean `Europe/Berlin`?",
            ),
            (
                json!({"runtime": "node", "triggers": [{"type": "http"}, {"type": "schedule", "cron": "0 25 * * *"}]}),
                "/triggers/1/cron",
                "`0 25 * * *` cannot be read: the hour `25`",
            ),
            (
                json!({"runtime": "node", "triggers": [{"type": "schedule", "cron": "0 0 31 2 *"}]}),
                "/triggers/0/cron",
                "never fires",
            ),
            (
                json!({"runtime": "node", "triggers": [{"type": "schedule", "cron": "@daily", "catch_up": "some"}]}),
                "/triggers/0/catch_up",
                "must be one of none, last, all",
            ),
            (
                json!({"runtime": "node", "triggers": vec![json!({"type": "schedule", "cron": "* * * * * *"}); 6]}),
                "/triggers",
                "360 times in one minute together, the most is 300",
            ),
            (
                json!({"runtime": "node", "triggers": [{"type": "schedule", "cron": "@daily", "data": "x".repeat(70_000)}]}),
                "/triggers/0/data",
                "the most is 65536",
            ),
        ];
        for (json, pointer, part) in table {
            let found = faults(json.clone());
            assert_eq!(found.len(), 1, "{json}: {found:?}");
            assert_eq!(found[0].0, pointer, "{json}: {found:?}");
            assert!(found[0].1.contains(part), "{json}: {found:?}");
        }
    }

    #[test]
    fn the_network_is_everything_nothing_or_a_list_of_hosts() {
        use domain::manifest::{MAX_HOSTS, Network};
        let document = |network: Value| json!({"runtime": "node", "resources": {"network": network}});
        let hosts = vec!["api.example.com".to_owned(); MAX_HOSTS];
        for (network, means) in [
            (json!(true), Network::Open),
            (json!(false), Network::None),
            (
                json!(["10.1.2.0/24", "db.example.com"]),
                Network::Only(vec!["10.1.2.0/24".into(), "db.example.com".into()]),
            ),
            (json!(hosts), Network::Only(hosts.clone())),
        ] {
            assert_eq!(parse(&document(network)).unwrap().resources.network, means);
        }
        for (network, pointer, part) in [
            (json!("example.com"), "", "must be true or false or a list"),
            (json!([]), "", "1 entries or more"),
            (json!([1]), "/0", "must be a text"),
            (json!(["a", "https://example.com"]), "/1", "without scheme and port"),
            (json!(["10.0.0.0/33"]), "/0", "number of bits"),
            (json!(vec!["a"; MAX_HOSTS + 1]), "", "64 entries or less"),
        ] {
            let found = faults(document(network.clone()));
            assert_eq!(found.len(), 1, "{network}: {found:?}");
            assert_eq!(found[0].0, format!("/resources/network{pointer}"), "{found:?}");
            assert!(found[0].1.contains(part), "{network}: {found:?}");
        }
    }

    #[test]
    fn a_docker_function_is_no_fault_of_the_manifest() {
        parse(&json!({"runtime": "docker"})).unwrap();
        let image =
            json!({"runtime": "docker", "image": "nginx:alpine", "port": 80, "health": "/", "command": ["nginx"]});
        let manifest = parse(&image).unwrap();
        assert_eq!((manifest.port, manifest.health.as_deref()), (Some(80), Some("/")));
        assert_eq!(manifest.image.as_deref(), Some("nginx:alpine"));
    }

    #[test]
    fn text_that_is_no_json_is_named_with_line_and_column() {
        let faults = parse_text("{\n  \"runtime\": node\n}").unwrap_err();
        assert_eq!(faults.len(), 1);
        assert!(faults[0].message.contains("line 2 column"), "{}", faults[0]);
    }

    #[test]
    fn a_thousand_faults_are_cut_to_a_readable_number() {
        let names: serde_json::Map<String, Value> = (0..1000).map(|n| (format!("unknown{n}"), json!(1))).collect();
        assert_eq!(parse(&Value::Object(names)).unwrap_err().len(), MAX_FAULTS);
    }

    fn number(float: bool, value: u32) -> Value {
        if float { json!(f64::from(value)) } else { json!(value) }
    }

    prop_compose! {
        fn documents()(
            runtime in prop::sample::select(vec!["node", "python", "python-flask", "docker"]),
            float in any::<bool>(),
            memory in 0u32..2_000_000, cpu in 0.0..2000.0f64, pids in 0u32..40_000, network in any::<bool>(),
            min in 0u32..1100, max in 0u32..1100, concurrency in 0u32..11_000, idle in 0u32..700_000,
            attempts in 0u32..110, backoff in -1.0..10.0f64,
            pattern in "[a-z.*]{0,8}", cron in "[0-9*/ ]{0,12}", key in "[A-Z_0-9]{0,4}",
            scheme in prop::sample::select(vec!["github", "standard-webhooks", "hmac-sha256", "token", "none", "other"]),
        ) -> Value {
            json!({
                "runtime": runtime,
                "triggers": [
                    {"type": "event", "pattern": pattern, "filter": {"data.x": null}},
                    {"type": "schedule", "cron": cron},
                    {"type": "webhook", "name": "a", "scheme": scheme, "secret": "S"},
                ],
                "env": {key: "x"},
                "resources": {"memory_mb": number(float, memory), "cpu": cpu, "pids": number(float, pids), "network": network},
                "scaling": {"min": number(float, min), "max": number(float, max), "concurrency": number(float, concurrency), "idle_s": number(float, idle)},
                "retry": {"max_attempts": number(float, attempts), "backoff_s": backoff},
            })
        }
    }

    #[test]
    fn filters_that_every_event_would_pay_for_have_a_limit() {
        let manifest = |depth: usize, keys: usize| {
            let path = |key: usize| format!("data.k{key}{}", ".a".repeat(depth - 2));
            let filter: serde_json::Map<_, _> = (0..keys).map(|key| (path(key), json!(1))).collect();
            let trigger = json!({ "type": "event", "pattern": "**", "filter": filter });
            json!({ "runtime": "node", "triggers": vec![trigger; 4] })
        };
        assert_eq!(parse(&manifest(4, 50)).map(drop), Ok(()));
        let faults = parse(&manifest(58, 34)).unwrap_err();
        assert!(faults[0].message.contains("1000"), "{faults:?}");
    }

    proptest! {
        #[test]
        fn whatever_the_schema_accepts_is_a_manifest(document in documents()) {
            if VALIDATOR.is_valid(&document) {
                let mut document = document;
                whole_numbers(&mut document);
                serde_json::from_value::<Manifest>(document).unwrap();
            } else {
                prop_assert!(!parse(&document).unwrap_err().is_empty());
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = parse_text(&text);
        }
    }
}
