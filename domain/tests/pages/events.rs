//! Generates JSON Schemas of the log's events from the golden files, and from what the decoder accepts without a
//! member.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use domain::aggregate::Payload;
use domain::{event, function, namespace, run};
use serde_json::{Map, Value, json};

use crate::{made, reference};

type Decodes = fn(&str, &[u8]) -> bool;

fn decodes<E: Payload>(kind: &str, data: &[u8]) -> bool {
    E::decode(kind, data).is_ok()
}

const STREAMS: [(&str, Decodes); 4] = [
    ("function", decodes::<function::Event>),
    ("run", decodes::<run::Event>),
    ("event", decodes::<event::Event>),
    ("namespace", decodes::<namespace::Event>),
];

/// The newest golden files of each event of a stream, by event name: the one with all members first, then other
/// variants.
fn golden(stream: &str) -> BTreeMap<String, Vec<Value>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(stream);
    let mut all: BTreeMap<String, BTreeMap<(u64, String), Value>> = BTreeMap::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (kind, version) = name.trim_end_matches(".json").rsplit_once(".v").unwrap();
        let kind: String = kind.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        let (version, variant) = version.split_once('.').unwrap_or((version, ""));
        let value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        all.entry(kind).or_default().insert((version.parse().unwrap(), variant.to_owned()), value);
    }
    let newest = |files: BTreeMap<(u64, String), Value>| {
        let version = files.keys().map(|(version, _)| *version).max();
        let mut variants: BTreeMap<String, Value> = files
            .into_iter()
            .filter(|((of, _), _)| Some(*of) == version)
            .map(|((_, name), value)| (name, value))
            .collect();
        let extended = variants.remove("extended");
        let plain = variants.remove("");
        extended.or(plain).into_iter().chain(variants.into_values()).collect()
    };
    all.into_iter().map(|(kind, files)| (kind, newest(files))).collect()
}

/// As stored in the log, with the version of the schema first.
fn stored(payload: &Value) -> String {
    let mut rest = payload.clone();
    let version = rest.as_object_mut().unwrap().remove("v");
    let rest = rest.to_string();
    match version {
        Some(version) => format!("{{\"v\":{version},{}", &rest[1..]).replace(",}", "}"),
        None => rest,
    }
}

/// The schema of the value at `path` of a payload. A member is required if the payload cannot be decoded without it.
fn schema(whole: &Value, path: &str, reads: &dyn Fn(&Value) -> bool) -> Value {
    match whole.pointer(path).unwrap() {
        Value::Object(members) => {
            let mut properties = Map::new();
            let mut required = Vec::new();
            for name in members.keys() {
                let mut without = whole.clone();
                without.pointer_mut(path).unwrap().as_object_mut().unwrap().remove(name);
                if !reads(&without) {
                    required.push(name.clone());
                }
                let below = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                // These contain arbitrary data.
                let open = ["input", "output", "manifest", "env", "filter"].contains(&name.as_str())
                    || (name == "event" && whole.pointer(&below).unwrap().is_object());
                properties.insert(name.clone(), if open { json!({}) } else { schema(whole, &below, reads) });
            }
            json!({ "type": "object", "properties": properties, "required": required })
        }
        Value::Array(items) if items.is_empty() => json!({ "type": "array" }),
        Value::Array(_) => json!({ "type": "array", "items": schema(whole, &format!("{path}/0"), reads) }),
        Value::String(text) if text.parse::<uuid::Uuid>().is_ok() => json!({ "type": "string", "format": "uuid" }),
        Value::String(text) if chrono::DateTime::parse_from_rfc3339(text).is_ok() => {
            json!({ "type": "string", "format": "date-time" })
        }
        Value::String(_) => json!({ "type": "string" }),
        Value::Number(number) if number.is_f64() => json!({ "type": "number" }),
        Value::Number(_) => json!({ "type": "integer" }),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Null => json!({}),
    }
}

#[test]
fn the_events_of_the_log() {
    let mut definitions = Map::new();
    let mut page = String::new();
    for (stream, decodes) in STREAMS {
        writeln!(page, "### Stream `{stream}-…`\n\n| event | members (optional ones in parentheses) |\n| --- | --- |")
            .unwrap();
        for (kind, samples) in golden(stream) {
            let reads = |value: &Value| decodes(&kind, stored(value).as_bytes());
            assert!(samples.iter().all(reads), "{stream} {kind}");
            let mut schemas: Vec<_> = samples.iter().map(|sample| schema(sample, "", &reads)).collect();
            let schema = schemas[0].clone();
            let required = schema["required"].as_array().unwrap();
            let names: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
            let shown = names.iter().map(|name| match required.iter().any(|r| r == name.as_str()) {
                true => format!("`{name}`"),
                false => format!("(`{name}`)"),
            });
            writeln!(page, "| `{kind}` | {} |", shown.collect::<Vec<_>>().join(", ")).unwrap();
            let definition = if schemas.len() > 1 { json!({ "anyOf": schemas }) } else { schemas.remove(0) };
            definitions.insert(format!("{stream}.{kind}"), definition);
        }
        page.push('\n');
    }
    assert!(definitions.len() > 30, "{}", definitions.len());
    made("events.md", "events", &page);
    let document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Payloads of EventFlow's event log",
        "$defs": definitions,
    });
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    let path = reference("events.schema.json");
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let is = std::fs::read_to_string(&path).unwrap();
    assert_eq!(is, text, "events.schema.json is not current: UPDATE_PAGES=1 cargo test -p domain --test pages");
}
