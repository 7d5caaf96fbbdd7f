//! A client's request in JSON, the same over HTTP and over a socket.

use async_graphql::{Request, Variables};
use serde_json::{Map, Value};

/// The request that an object is: `query`, `operationName`, `variables`, `extensions`.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn read(asked: Value) -> Result<Request, String> {
    let Value::Object(mut asked) = asked else {
        return Err(format!("a GraphQL request is a JSON object, and this is {}", what(&asked)));
    };
    let query = match asked.remove("query") {
        Some(Value::String(query)) => query,
        None | Some(Value::Null) => return Err("`query` is missing".to_owned()),
        Some(other) => return Err(format!("`query` must be a string, and is {}", what(&other))),
    };
    let mut request = Request::new(query);
    match asked.remove("operationName") {
        None | Some(Value::Null) => {}
        // Forms send the empty one for none.
        Some(Value::String(name)) if name.is_empty() => {}
        Some(Value::String(name)) => request = request.operation_name(name),
        Some(other) => return Err(format!("`operationName` must be a string, and is {}", what(&other))),
    }
    if let Some(variables) = object(&mut asked, "variables")? {
        request = request.variables(Variables::from_json(variables.into()));
    }
    // There are none that mean anything here; what is no object is a mistake all the same.
    object(&mut asked, "extensions")?;
    Ok(request)
}

fn object(asked: &mut Map<String, Value>, name: &str) -> Result<Option<Map<String, Value>>, String> {
    match asked.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => Err(format!("`{name}` must be an object, and is {}", what(&other))),
    }
}

fn what(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_part_has_its_type() {
        for good in [
            json!({ "query": "{a}" }),
            json!({ "query": "{a}", "operationName": null, "variables": null, "extensions": null }),
            json!({ "query": "{a}", "operationName": "", "variables": {}, "extensions": { "a": 1 } }),
            json!({ "query": "{a}", "id": 7, "unknown": [] }),
        ] {
            assert!(read(good.clone()).is_ok(), "{good}");
        }
        for (bad, named) in [
            (json!([]), "a list"),
            (json!({}), "`query` is missing"),
            (json!({ "query": 1 }), "`query`"),
            (json!({ "query": "{a}", "operationName": 1 }), "`operationName`"),
            (json!({ "query": "{a}", "variables": [] }), "`variables`"),
            (json!({ "query": "{a}", "variables": "{}" }), "`variables`"),
            (json!({ "query": "{a}", "extensions": "x" }), "`extensions`"),
        ] {
            assert!(read(bad.clone()).unwrap_err().contains(named), "{bad}");
        }
    }
}
