//! Connections, as the Relay Cursor Connections Specification has them.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};

use super::*;

/// Every field of the schema that answers a connection, as `Type.field`, with the names and types of its arguments.
fn connections() -> Vec<(String, Vec<(String, String)>)> {
    let sdl = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql")).unwrap();
    let mut found = Vec::new();
    for definition in parse_schema(&sdl).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let name = definition.node.name.node.to_string();
        let TypeKind::Object(object) = definition.node.kind else { continue };
        for field in object.fields {
            if !field.node.ty.node.to_string().ends_with("Connection!") {
                continue;
            }
            let arguments = field.node.arguments.iter();
            let arguments =
                arguments.map(|one| (one.node.name.node.to_string(), one.node.ty.node.to_string())).collect();
            found.push((format!("{name}.{}", field.node.name.node), arguments));
        }
    }
    found
}

#[test]
fn every_connection_goes_both_ways() {
    let found = connections();
    assert!(found.len() >= 11, "{found:?}");
    let wanted = [("first", "Int"), ("after", "String"), ("last", "Int"), ("before", "String")];
    for (name, arguments) in found {
        for (argument, of) in wanted {
            assert!(arguments.iter().any(|(is, ty)| is == argument && ty == of), "{name} has no {argument}: {of}");
        }
    }
}

/// Names of functions `f0` … of a page, and its `pageInfo`.
async fn page(house: &House, arguments: Value) -> (Vec<String>, Value) {
    let query = "query($first: Int, $after: String, $last: Int, $before: String) {
        functions(first: $first, after: $after, last: $last, before: $before) {
            totalCount edges { cursor node { name } } pageInfo { hasPreviousPage hasNextPage startCursor endCursor } } }";
    let page = house.graphql(query, arguments).await["functions"].take();
    let edges = page["edges"].as_array().unwrap();
    assert_eq!(page["totalCount"], 7);
    let end = |edge: Option<&Value>| edge.map_or(Value::Null, |edge| edge["cursor"].clone());
    assert_eq!(page["pageInfo"]["startCursor"], end(edges.first()));
    assert_eq!(page["pageInfo"]["endCursor"], end(edges.last()));
    (edges.iter().map(|edge| edge["node"]["name"].as_str().unwrap().to_owned()).collect(), page["pageInfo"].clone())
}

#[actix_web::test]
async fn pages_go_back_as_they_go_on() {
    let house = House::new().await;
    for index in 0..7 {
        house.registered("default", &format!("f{index}")).await;
    }
    let (mut names, mut before, mut more) = (Vec::new(), Value::Null, true);
    while more {
        let (mut page, info) = page(&house, json!({ "last": 3, "before": before })).await;
        assert_eq!(info["hasNextPage"], !before.is_null());
        page.append(&mut names);
        (names, before) = (page, info["startCursor"].clone());
        more = info["hasPreviousPage"] == true;
    }
    assert_eq!(names, (0..7).map(|index| format!("f{index}")).collect::<Vec<_>>());

    // Between two cursors, from either end; and where only `before` is given, the page that ends there.
    let (_, info) = page(&house, json!({ "first": 1 })).await;
    let (of_f0, of_f6) = (info["startCursor"].clone(), page(&house, json!({ "last": 1 })).await.1["endCursor"].clone());
    let shown = |(names, info): (Vec<String>, Value)| {
        (names.join(" "), info["hasPreviousPage"] == true, info["hasNextPage"] == true)
    };
    for (arguments, expected) in [
        (json!({ "first": 2, "after": of_f0, "before": of_f6 }), ("f1 f2", true, true)),
        (json!({ "first": 5, "after": of_f0, "before": of_f6 }), ("f1 f2 f3 f4 f5", true, false)),
        (json!({ "last": 2, "after": of_f0, "before": of_f6 }), ("f4 f5", true, true)),
        (json!({ "last": 5, "after": of_f0, "before": of_f6 }), ("f1 f2 f3 f4 f5", false, true)),
        (json!({ "last": 100 }), ("f0 f1 f2 f3 f4 f5 f6", false, false)),
        (json!({ "before": of_f6 }), ("f0 f1 f2 f3 f4 f5", false, true)),
        (json!({ "first": null, "last": 1 }), ("f6", true, false)),
        (json!({ "first": 3, "before": of_f0 }), ("", false, false)),
        (json!({ "last": 3, "after": of_f6 }), ("", false, false)),
    ] {
        let (names, previous, next) = shown(page(&house, arguments.clone()).await);
        assert_eq!((names.as_str(), previous, next), expected, "{arguments}");
    }
    let both = house.answer_to("dev-token", "{ functions(first: 1, last: 1) { totalCount } }", json!({})).await;
    let error = &both["errors"][0];
    assert!(error["message"].as_str().unwrap().starts_with("first and last are both given"), "{error}");
    assert_eq!(error["extensions"]["code"], "bad_page");
}

#[actix_web::test]
async fn the_newest_row_alone_is_not_taken_for_the_oldest() {
    let house = House::new().await;
    let function = house.running("default", "f").await;
    let runs = [house.queued(function, "default").await, house.queued(function, "default").await];
    let ask = async |arguments: &str| {
        let query = format!("{{ function(name: \"f\") {{ runs({arguments}) {{ nodes {{ id }} }} }} }}");
        house.graphql(&query, json!({})).await["function"]["runs"]["nodes"][0]["id"].clone()
    };
    assert_eq!(ask("first: 1").await, runs[1].to_string());
    assert_eq!(ask("last: 1").await, runs[0].to_string());
}

#[actix_web::test]
async fn a_function_as_it_was_has_pages_both_ways() {
    let house = House::new().await;
    let id = house.running("default", "f").await;
    for _ in 0..3 {
        house.built(id).await;
    }
    let head = house.store.head().await.unwrap();
    let query = "query($id: ID!, $at: Position, $first: Int, $after: String, $last: Int, $before: String) {
        function(id: $id, asOfLogPosition: $at) { versions(first: $first, after: $after, last: $last, before: $before) {
            nodes { number } pageInfo { hasPreviousPage hasNextPage startCursor endCursor } } } }";
    // The page as it was is the page as it is: newest first.
    let mut pages = Vec::new();
    for at in [json!(head), Value::Null] {
        let ask = async |mut arguments: Value| {
            arguments["id"] = json!(id);
            arguments["at"] = at.clone();
            house.graphql(query, arguments).await["function"]["versions"].take()
        };
        let numbers = |page: &Value| {
            let nodes = page["nodes"].as_array().unwrap();
            nodes.iter().map(|node| node["number"].as_u64().unwrap()).collect::<Vec<_>>()
        };
        let info =
            |page: &Value| (page["pageInfo"]["hasPreviousPage"] == true, page["pageInfo"]["hasNextPage"] == true);
        let last = ask(json!({ "last": 2 })).await;
        let middle = ask(json!({ "last": 1, "before": last["pageInfo"]["startCursor"] })).await;
        let first = ask(json!({ "first": 1 })).await;
        let rest = ask(json!({ "first": 9, "after": first["pageInfo"]["endCursor"] })).await;
        let seen = [&last, &middle, &first, &rest].map(|page| (numbers(page), info(page)));
        assert_eq!(
            seen,
            [
                (vec![2, 1], (true, false)),
                (vec![3], (true, true)),
                (vec![4], (false, true)),
                (vec![3, 2, 1], (true, false))
            ]
        );
        pages.push(seen);
    }
    assert_eq!(pages[0], pages[1]);
    let strange = json!({ "id": id, "at": head, "first": 1, "after": "18446744073709551615" });
    assert_eq!(house.graphql(query, strange).await["function"]["versions"]["nodes"], json!([]));
    let strange = json!({ "id": id, "at": head, "first": 1, "after": "nonsense" });
    assert_eq!(house.fault(query, strange).await, "bad_page");
}
