//! The description by itself. That it fits what the server does is for the tests of the whole door to say.

use std::collections::HashSet;

use super::*;

/// Each operation with its method and its path.
fn operations() -> Vec<(String, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.collect()
}

fn resolved(value: &'static Value) -> &'static Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(at) => DOCUMENT.pointer(at.trim_start_matches('#')).unwrap_or_else(|| panic!("{at} leads nowhere")),
        None => value,
    }
}

fn is_described(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let tags: HashSet<_> =
        DOCUMENT["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut names = HashSet::new();
    let all = operations();
    assert!(all.len() >= 25, "{}", all.len());
    for (place, operation) in all {
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{place} has no operation id"));
        assert!(names.insert(name), "{place}: another operation is called {name}, too");
        assert!(
            name.bytes().all(|b| b.is_ascii_alphanumeric()) && name.starts_with(|c: char| c.is_ascii_lowercase()),
            "{name}"
        );
        assert!(
            is_described(&operation["summary"]) && is_described(&operation["description"]),
            "{place} does not say what it does"
        );
        for tag in operation["tags"].as_array().unwrap() {
            assert!(tags.contains(tag.as_str().unwrap()), "{place}: the tag {tag} is not described");
        }
    }
}

#[test]
fn parameters_are_where_they_are_read() {
    for (place, operation) in operations() {
        let in_path: HashSet<_> = place.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        let mut described = HashSet::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let is_header = name.starts_with("X-")
                || name.starts_with("ce-")
                || ["Idempotency-Key", "Last-Event-ID"].contains(&name);
            let expected = match in_path.contains(name) {
                true => "path",
                false if is_header => "header",
                false => "query",
            };
            assert_eq!(parameter["in"], expected, "{place}: {name}");
            assert_eq!(parameter["required"], expected == "path", "{place}: {name}");
            assert!(is_described(&parameter["description"]), "{place}: {name} is not described");
            assert!(
                !parameter["schema"].to_string().contains("null"),
                "{place}: {name} cannot be null: {}",
                parameter["schema"]
            );
            if expected == "path" {
                described.insert(name);
            }
        }
        assert_eq!(described, in_path, "{place}");
    }
}

#[test]
fn every_answer_has_a_description_and_says_what_its_body_is() {
    for (place, operation) in operations() {
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{place} never succeeds");
        for (status, response) in responses {
            let response = resolved(response);
            assert!(is_described(&response["description"]), "{place}: {status} has no description");
            let content = response.get("content").and_then(Value::as_object);
            if status == "204" {
                assert!(content.is_none(), "{place}: 204 has no body");
                continue;
            }
            let content = content.unwrap_or_else(|| panic!("{place}: {status} does not say what its body is"));
            assert!(
                !content.is_empty() && content.values().all(|body| body["schema"].is_object()),
                "{place}: {status}"
            );
            let is_error = status.as_str() >= "400" && !(place == "get /readyz" && status == "503");
            if is_error {
                let schema = &content["application/json"]["schema"];
                assert_eq!(schema["$ref"], "#/components/schemas/Error", "{place}: {status}");
            }
        }
    }
}

#[test]
fn every_body_says_what_it_is() {
    for (place, operation) in operations() {
        let Some(body) = operation.get("requestBody") else { continue };
        let content = body["content"].as_object().unwrap();
        assert!(!content.is_empty() && content.values().all(|body| body["schema"].is_object()), "{place}");
    }
    let kinds = |path: &str| -> HashSet<_> {
        DOCUMENT["paths"][path]["post"]["requestBody"]["content"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect()
    };
    assert_eq!(
        kinds("/v1/events"),
        HashSet::from(["application/cloudevents+json", "application/cloudevents-batch+json", "*/*"])
    );
    assert_eq!(
        kinds("/v1/bundles"),
        HashSet::from(["application/gzip", "application/zip", "application/octet-stream", "multipart/form-data"])
    );
}

#[test]
fn nothing_is_null_but_values_that_may_be() {
    fn walk(place: &str, value: &Value) {
        match value {
            Value::Null => assert!(place.contains("/enum/"), "{place} is null"),
            Value::Object(members) => members.iter().for_each(|(name, value)| walk(&format!("{place}/{name}"), value)),
            Value::Array(items) => items.iter().for_each(|item| walk(&format!("{place}/"), item)),
            _ => {}
        }
    }
    walk("", &DOCUMENT);
}

#[test]
fn references_lead_somewhere() {
    fn walk(value: &'static Value) {
        match value {
            Value::Object(members) => {
                resolved(value);
                members.values().for_each(walk);
            }
            Value::Array(items) => items.iter().for_each(walk),
            _ => {}
        }
    }
    walk(&DOCUMENT);
}

#[test]
fn who_needs_no_token_is_described() {
    assert_eq!(DOCUMENT["security"][0]["bearer"], serde_json::json!([]));
    for (place, operation) in operations() {
        let is_open = operation.get("security").is_some_and(|needs| *needs == serde_json::json!([{}]));
        assert_eq!(is_open, !place.contains(" /v1/"), "{place}");
        assert!(is_open || operation["responses"].get("401").is_some(), "{place}");
    }
}
