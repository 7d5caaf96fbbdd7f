//! GraphQL over HTTP to the letter, and what the schema owes to Relay and to large numbers.

use super::*;

const ACCEPTS: &str = "application/graphql-response+json";

async fn ask(house: &House, accept: Option<&str>, body: Value) -> (StatusCode, String, Value) {
    let mut request = house.post("/graphql").json(&body);
    if let Some(accept) = accept {
        request = request.header("accept", accept);
    }
    let answer = request.send().await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status(), kind, answer.json().await.unwrap())
}

#[actix_web::test]
async fn a_request_error_has_a_status_for_who_knows_it_and_never_data() {
    let house = House::new().await;
    let table = [
        json!({ "query": "{" }),
        json!({ "query": "{ nonsense }" }),
        json!({ "query": "query($id: ID!) { run(id: $id) { id } }" }),
        json!({ "query": "query($id: ID!) { run(id: $id) { id } }", "variables": { "id": null } }),
        json!({ "query": "query A { __typename } query B { __typename }" }),
        json!({ "query": "query A { __typename }", "operationName": "B" }),
        json!({ "query": "subscription { functionChanged { position } }" }),
    ];
    for body in table {
        for (accept, status, kind) in [
            (Some(ACCEPTS), 400, ACCEPTS),
            (Some("application/json"), 200, "application/json"),
            (None, 200, "application/json"),
        ] {
            let (found, its_kind, answer) = ask(&house, accept, body.clone()).await;
            assert_eq!((found.as_u16(), &*its_kind), (status, kind), "{body} {accept:?}");
            assert!(answer.get("data").is_none(), "{body}: {answer}");
            assert!(answer["errors"][0]["extensions"]["code"].is_string(), "{body}: {answer}");
        }
    }
    // What was executed has data, and 200, also when a field failed.
    let body = json!({ "query": "{ viewer { name } run(id: \"x\") { id } }" });
    let (status, _, answer) = ask(&house, Some(ACCEPTS), body).await;
    assert_eq!(status, 200);
    assert_eq!(answer["data"], json!({ "viewer": { "name": "token:dev" }, "run": null }));
    assert_eq!(answer["errors"][0]["path"], json!(["run"]));
}

#[actix_web::test]
async fn what_is_refused_before_the_schema_is_asked_has_both_shapes() {
    let house = House::new().await;
    let post = |kind: Option<&'static str>, body: &'static str| {
        let request = house.post("/graphql").header("accept", ACCEPTS).body(body);
        kind.map_or_else(
            || request.try_clone().unwrap(),
            |kind| request.try_clone().unwrap().header("content-type", kind),
        )
    };
    let table = [
        (Some("application/json"), "", 400, "bad_json"),
        (Some("application/json"), "{ \"not JSON", 400, "bad_json"),
        (Some("application/json"), "[{\"query\":\"{a}\"}]", 400, "bad_request"),
        (Some("application/json"), "{\"query\":7}", 400, "bad_request"),
        (Some("application/json"), "{\"query\":\"{__typename}\",\"extensions\":[]}", 400, "bad_request"),
        (Some("application/json"), "{\"query\":\"{__typename}\",\"variables\":\"\"}", 400, "bad_request"),
        (None, "{\"query\":\"{__typename}\"}", 415, "unsupported_media_type"),
        (Some("text/plain"), "{\"query\":\"{__typename}\"}", 415, "unsupported_media_type"),
        (Some("application/json; charset=utf-16"), "{\"query\":\"{__typename}\"}", 415, "unsupported_media_type"),
    ];
    for (kind, body, status, code) in table {
        let answer = post(kind, body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{kind:?} {body}");
        assert_eq!(answer.headers()["content-type"], ACCEPTS);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["request_id"], answer["error"]["request_id"]);
        assert!(answer["error"]["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{answer}");
    }
    let answer = house.request(Method::POST, "/graphql").json(&json!({ "query": "{a}" })).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.json::<Value>().await.unwrap()["errors"][0]["extensions"]["code"], "unauthenticated");
    let answer = house.request(Method::DELETE, "/graphql").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (405, "GET, POST, OPTIONS"));
}

#[actix_web::test]
async fn a_get_does_the_query_that_it_names_and_nothing_else() {
    let house = House::new().await;
    let get = |query: &str, name: Option<&str>, variables: Option<&str>| {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs.append_pair("query", query);
        for (key, value) in [("operationName", name), ("variables", variables)] {
            if let Some(value) = value {
                pairs.append_pair(key, value);
            }
        }
        house.get(&format!("/graphql?{}", pairs.finish())).header("accept", ACCEPTS).send()
    };
    let both = "query A { viewer { name } } mutation B { publishEvent(input: { type: \"a.b\" }) { duplicate } }";
    let table = [
        ("{ viewer { name } }", None, None, 200),
        (both, Some("A"), None, 200),
        (both, Some("B"), None, 405),
        // It does not say which: nothing is done.
        (both, None, None, 400),
        (both, Some("C"), None, 400),
        ("mutation { publishEvent(input: { type: \"a.b\" }) { duplicate } }", None, None, 405),
        ("subscription { functionChanged { position } }", None, None, 405),
        ("query($id: ID!) { run(id: $id) { id } }", None, Some("{\"id\":\"x\"}"), 200),
        ("query($id: ID!) { run(id: $id) { id } }", None, Some("[]"), 400),
        ("query($id: ID!) { run(id: $id) { id } }", None, Some("{"), 400),
    ];
    for (query, name, variables, status) in table {
        let answer = get(query, name, variables).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{query} {name:?} {variables:?}");
    }
    assert_eq!(house.graphql("{ events { totalCount } }", json!({})).await["events"]["totalCount"], 0);
}

#[actix_web::test]
async fn a_mutation_whose_variables_do_not_fit_runs_nothing() {
    let house = House::new().await;
    let first = "a: publishEvent(input: { type: \"a.b\" }) { duplicate }";
    let table = [
        (format!("mutation($id: ID!) {{ {first} b: cancelRun(id: $id) {{ run {{ id }} }} }}"), json!({})),
        (
            format!("mutation($i: PublishEventInput!) {{ {first} b: publishEvent(input: $i) {{ duplicate }} }}"),
            json!({ "i": { "type": 7 } }),
        ),
        (
            format!("mutation($at: DateTime) {{ {first} b: purgeDeadLetters(since: $at) {{ purged }} }}"),
            json!({ "at": "yesterday" }),
        ),
        (format!("mutation {{ {first} b: purgeDeadLetters(since: \"yesterday\") {{ purged }} }}"), json!({})),
    ];
    for (query, variables) in table {
        let answer = house.answer_to("dev-token", &query, variables).await;
        assert!(answer.get("data").is_none() && answer["errors"][0]["extensions"]["code"].is_string(), "{answer}");
    }
    assert_eq!(house.graphql("{ events { totalCount } }", json!({})).await["events"]["totalCount"], 0);
    // One that asks twice for the same publishes once.
    let query = "mutation { publishEvent(input: { type: \"a.b\" }) { duplicate } publishEvent(input: { type: \"a.b\" }) { event { type } } }";
    let data = house.graphql(query, json!({})).await;
    assert_eq!(data["publishEvent"], json!({ "duplicate": false, "event": { "type": "a.b" } }));
    assert_eq!(house.graphql("{ events { totalCount } }", json!({})).await["events"]["totalCount"], 1);
}

#[actix_web::test]
async fn anything_is_found_by_its_id() {
    let house = House::new().await;
    let function = house.running("default", "f").await;
    let build = house.built(function).await;
    let run = house.queued(function, "default").await;
    let query = "mutation { publishEvent(input: { type: \"a.b\" }) { event { id } } }";
    let event = house.graphql(query, json!({})).await["publishEvent"]["event"]["id"].take();
    let query = "query($id: ID!) { node(id: $id) { __typename id ... on Function { name } ... on Run { trigger } ... on Build { state } ... on Event { type } } }";
    for (id, found) in [
        (json!(function), json!({ "__typename": "Function", "id": function, "name": "f" })),
        (json!(build), json!({ "__typename": "Build", "id": build, "state": "SUCCEEDED" })),
        (json!(run), json!({ "__typename": "Run", "id": run, "trigger": "a.b" })),
        (event.clone(), json!({ "__typename": "Event", "id": event, "type": "a.b" })),
        (json!(clock::new_id::<()>()), Value::Null),
    ] {
        assert_eq!(house.graphql(query, json!({ "id": id })).await["node"], found, "{id}");
        // Who sees another namespace finds nothing there.
        let token = house.token(&["other"], true);
        let answer = house.answer_to(&token, query, json!({ "id": id })).await;
        assert_eq!(answer, json!({ "data": { "node": null } }), "{id}");
    }
    assert_eq!(house.fault("{ node(id: \"7\") { id } }", json!({})).await, "bad_id");
    let nodes = house.graphql("{ __type(name: \"Node\") { kind possibleTypes { name } } }", json!({})).await;
    assert_eq!(nodes["__type"]["kind"], "INTERFACE");
    assert_eq!(nodes["__type"]["possibleTypes"].as_array().unwrap().len(), 4);
}

#[actix_web::test]
async fn positions_have_a_type_that_holds_them() {
    let house = House::new().await;
    let id = house.registered("default", "f").await;
    let query =
        "query($id: ID!, $at: Position) { function(id: $id, asOfLogPosition: $at) { name position logPosition } }";
    for at in [json!(1u64 << 40), json!("1099511627776")] {
        let data = house.graphql(query, json!({ "id": id, "at": at })).await;
        assert_eq!(data["function"]["name"], "f");
        assert!(data["function"]["logPosition"].is_u64(), "{data}");
        assert_eq!(data["function"]["logPosition"], data["function"]["position"]);
    }
    assert_eq!(house.graphql(query, json!({ "id": id, "at": 0 })).await["function"], Value::Null);
    let old = "query($id: ID!, $at: Int) { function(id: $id, asOfPosition: $at) { name } }";
    let answer = house.answer_to("dev-token", old, json!({ "id": id, "at": 1u64 << 40 })).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("`Position`"), "{answer}");
    assert_eq!(house.graphql(old, json!({ "id": id, "at": 1 })).await["function"]["name"], "f");
    // The old fields stay, and say what to use.
    let fields =
        "{ __type(name: \"Function\") { fields(includeDeprecated: true) { name isDeprecated deprecationReason } } }";
    let fields = house.graphql(fields, json!({})).await["__type"]["fields"].take();
    let old = fields.as_array().unwrap().iter().find(|field| field["name"] == "position").unwrap();
    assert!(old["isDeprecated"] == true && old["deprecationReason"].as_str().unwrap().contains("logPosition"), "{old}");
}
