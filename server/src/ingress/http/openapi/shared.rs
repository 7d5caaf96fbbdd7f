//! What all operations have in common, added to the description generated from the handlers' attributes.

use serde_json::{Map, Value, json};

use crate::builder::manifest;

/// What attributes cannot express. It is merged over them (RFC 7396).
const OVERLAY: &str = include_str!("overlay.json");

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Statuses that no handler describes itself, and the names of their descriptions among the overlay's responses.
const ERRORS: [(u16, &str); 9] = [
    (400, "BadRequest"),
    (401, "Unauthenticated"),
    (403, "Forbidden"),
    (408, "RequestTimeout"),
    (413, "TooLarge"),
    (421, "WrongHost"),
    (429, "TooManyRequests"),
    (500, "Internal"),
    (503, "Unavailable"),
];

/// Routes that answer under every host name, because probes and scrapers call an address.
const UNDER_ANY_NAME: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Completes the description.
pub(super) fn complete(mut document: Value) -> Value {
    let overlay = serde_json::from_str(OVERLAY).expect("the overlay is JSON, as a test says");
    manifest::merge(&mut document, &overlay);
    add_manifest(&mut document);
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if METHODS.contains(&method.as_str()) {
                complete_operation(path, method, operation);
            }
        }
    }
    document
}

fn complete_operation(path: &str, method: &str, operation: &mut Value) {
    // Not by index, which would insert `null` for a missing member.
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        strip_null(&mut parameter["schema"]);
    }
    let bodies = operation.get_mut("requestBody").and_then(|body| body["content"].as_object_mut());
    let takes_body = bodies.is_some();
    for (_, content) in bodies.into_iter().flatten() {
        strip_null(&mut content["schema"]);
    }
    let is_open = operation["security"].as_array().is_some_and(|needs| needs.contains(&json!({})));
    let is_command = method != "get" && !is_open;
    let applies = |status: u16| match status {
        401 | 403 => !is_open,
        408 | 413 => takes_body,
        421 => !UNDER_ANY_NAME.contains(&path),
        // Too many commands on the same thing at once.
        429 => is_command,
        _ => true,
    };
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, name) in ERRORS.iter().filter(|(status, _)| applies(*status)) {
        let shared = || json!({ "$ref": format!("#/components/responses/{name}") });
        responses.entry(status.to_string()).or_insert_with(shared);
    }
    for (status, response) in responses.iter_mut() {
        for (_, header) in response.get_mut("headers").and_then(Value::as_object_mut).into_iter().flatten() {
            strip_null(&mut header["schema"]);
        }
        let is_error = status.as_str() >= "400";
        if is_error && response.get("$ref").is_none() && response.get("content").is_none() {
            response["content"] = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } });
        }
    }
}

/// A parameter, header or body is present or absent: `null` exists only for options in JSON.
fn strip_null(schema: &mut Value) {
    let is_null = |schema: &Value| schema["type"] == "null";
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    }
    for choice in ["oneOf", "anyOf"] {
        let Some(Value::Array(choices)) = schema.get_mut(choice) else { continue };
        choices.retain(|one| !is_null(one));
        if let [only] = choices.as_slice() {
            *schema = only.clone();
        }
    }
}

/// Adds the schema of `function.json` to the description: its definitions become components.
fn add_manifest(document: &mut Value) {
    let schema: Value = serde_json::from_str(manifest::schema()).expect("the schema is JSON, as a test says");
    let Value::Object(mut whole) = schema else { return };
    let parts = match whole.remove("$defs") {
        Some(Value::Object(parts)) => parts,
        _ => Map::new(),
    };
    whole.remove("$schema");
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    for (name, part) in parts
        .into_iter()
        .map(|(name, part)| (part_name(&name), part))
        .chain([("Manifest".to_owned(), Value::Object(whole))])
    {
        schemas.insert(name, moved(part));
    }
}

/// Renames `trigger` to `ManifestTrigger`, for example.
fn part_name(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map_or_else(String::new, |first| format!("Manifest{}{}", first.to_ascii_uppercase(), letters.as_str()))
}

/// Adjusts references to where the parts are now. The schema `true` is written in a form that every tool understands.
fn moved(schema: Value) -> Value {
    match schema {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| match (name.as_str(), value) {
                ("$ref", Value::String(at)) => {
                    let part = at.strip_prefix("#/$defs/").map(part_name);
                    (name, json!(part.map_or(at, |part| format!("#/components/schemas/{part}"))))
                }
                ("properties", Value::Object(properties)) => {
                    let plain = |schema: Value| if schema == Value::Bool(true) { json!({}) } else { moved(schema) };
                    (name, properties.into_iter().map(|(name, schema)| (name, plain(schema))).collect())
                }
                (_, value) => (name, moved(value)),
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(moved).collect(),
        value => value,
    }
}
