//! Queries and mutations.

use super::*;

#[actix_web::test]
async fn a_list_of_fifty_runs_with_their_functions_asks_the_store_a_few_times() {
    let house = House::new().await;
    let mut functions = Vec::new();
    for name in ["a", "b", "c"] {
        functions.push(house.running("default", name).await);
    }
    for index in 0..50 {
        house.queued(functions[index % 3], "default").await;
    }
    house.asked.take();
    let query = "{ runs(first: 50) { nodes { id function { name currentVersion { number build { state } } } } } }";
    let data = house.graphql(query, json!({})).await;
    let runs = data["runs"]["nodes"].as_array().unwrap();
    assert_eq!(runs.len(), 50);
    assert!(runs.iter().all(|run| run["function"]["currentVersion"]["build"]["state"] == "SUCCEEDED"), "{runs:#?}");
    assert_eq!(house.asked.count("FROM runs "), 1);
    let asked = house.asked.take();
    assert!(asked.len() <= 8, "{asked:#?}");
}

#[actix_web::test]
async fn a_list_of_functions_with_their_newest_runs_and_builds_asks_the_store_a_few_times() {
    let house = House::new().await;
    let mut newest = Value::Null;
    for name in ["a", "b", "c"] {
        let id = house.running("default", name).await;
        house.queued(id, "default").await;
        newest = json!(house.queued(id, "default").await.to_string());
    }
    house.asked.take();
    let query = "{ functions { nodes { builds(first: 1) { nodes { state } } runs(first: 1) { nodes { id } } calls { calls } } } }";
    let data = house.graphql(query, json!({})).await;
    let last = &data["functions"]["nodes"][2];
    assert_eq!(
        (&last["runs"]["nodes"], &last["builds"]["nodes"]),
        (&json!([{ "id": newest }]), &json!([{ "state": "SUCCEEDED" }]))
    );
    // Where in the log the time of the calls begins is found by halving it.
    let asked: Vec<_> = house.asked.take().into_iter().filter(|sql| !sql.contains("SELECT at FROM log")).collect();
    assert!(asked.len() <= 6, "{asked:#?}");
    // Whoever wants to know more of the page gets a page.
    let query = "{ functions { nodes { runs(first: 1) { totalCount pageInfo { hasNextPage } } } } }";
    let data = house.graphql(query, json!({})).await;
    let runs = &data["functions"]["nodes"][2]["runs"];
    assert_eq!(runs, &json!({ "totalCount": 2, "pageInfo": { "hasNextPage": true } }));
}

#[actix_web::test]
async fn pages_follow_each_other_by_cursor() {
    let house = House::new().await;
    for index in 0..25 {
        house.registered("default", &format!("f{index:02}")).await;
    }
    let query = "query($after: String) { functions(first: 10, after: $after) { totalCount nodes { name } edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage endCursor } } }";
    let (mut names, mut after) = (Vec::new(), Value::Null);
    loop {
        let mut data = house.graphql(query, json!({ "after": after })).await;
        let page = data["functions"].take();
        assert_eq!(page["totalCount"], 25);
        assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null());
        names.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap().to_owned()));
        after = page["pageInfo"]["endCursor"].clone();
        assert_eq!(page["edges"].as_array().unwrap().last().unwrap()["cursor"], after);
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(names, (0..25).map(|index| format!("f{index:02}")).collect::<Vec<_>>());
}

#[actix_web::test]
async fn bad_input_of_a_query_has_a_code() {
    let house = House::new().await;
    let deep = format!(
        "{{ functions {{ nodes {} }} }}",
        "{ runs { nodes { function ".repeat(17) + "{ id }" + &"} } }".repeat(17)
    );
    let deeper = "{ a ".repeat(200) + &"}".repeat(200);
    let from_the_end = "{ functions(last: 100) { nodes { runs(last: 100) { nodes { log(first: 100) { text } } } } } }";
    let wide = "{ functions(first: 100) { nodes { runs(first: 100) { nodes { log(first: 100) { text } } } } } }";
    let table = [
        ("{ functions(first: 101) { totalCount } }", "page_too_large"),
        ("{ functions(first: 0) { totalCount } }", "bad_page"),
        ("{ functions(after: \"nonsense\") { totalCount } }", "bad_page"),
        ("{ functions(last: 101) { totalCount } }", "page_too_large"),
        ("{ functions(last: 0) { totalCount } }", "bad_page"),
        ("{ functions(last: 1, before: \"nonsense\") { totalCount } }", "bad_page"),
        ("{ functions(first: 1, last: 1) { totalCount } }", "bad_page"),
        ("{ run(id: \"7\") { id } }", "bad_id"),
        ("{ history(stream: \"build-7\") { totalCount } }", "bad_id"),
        ("{ function { id } }", "bad_request"),
        ("{ nonsense }", "bad_query"),
        ("{ functions(", "bad_query"),
        (&deep, "query_too_deep"),
        (&deeper, "query_too_deep"),
        (wide, "query_too_complex"),
        (from_the_end, "query_too_complex"),
    ];
    for (query, code) in table {
        assert_eq!(house.fault(query, json!({})).await, code, "{}", &query[..query.len().min(80)]);
    }
    let answer = house.answer_to("dev-token", &deep, json!({})).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("54 levels deep"), "{answer}");
}

#[actix_web::test]
async fn what_a_client_asks_to_know_the_schema_is_within_the_limits() {
    let house = House::new().await;
    let of_type = "ofType { kind name ".repeat(9) + &"}".repeat(9);
    let query = format!(
        "query Introspection {{ __schema {{ types {{ name fields {{ args {{ type {{ kind name {of_type} }} }} }} }} }} }}"
    );
    assert!(house.graphql(&query, json!({})).await["__schema"]["types"].is_array());
}

#[actix_web::test]
async fn the_largest_queries_that_are_let_through_are_done_in_a_moment() {
    // Whatever somebody sets: what the library walks over has a limit of its own.
    let house = House::with(|limits| (limits.complexity, limits.depth) = (1 << 30, 1 << 30)).await;
    let nested =
        (0..60).fold("__typename ".repeat(150), |inner, _| format!("{} ... {{ {inner} }}", "__typename ".repeat(80)));
    let chain: String =
        (0..60).map(|i| format!("fragment f{i} on Query {{ {} ...f{} }} ", "__typename ".repeat(3), i + 1)).collect();
    let used: String = (0..1800).map(|i| format!("a{i}:run(id:$v{}){{id}} ", i % 90)).collect();
    let defined: String = (0..90).map(|i| format!("$v{i}:ID! ")).collect();
    let values: serde_json::Map<_, _> = (0..90).map(|i| (format!("v{i}"), json!("0"))).collect();
    let table = [
        (format!("{{ {} }}", "nonsense ".repeat(5_000)), json!({})),
        (format!("{{ {} }}", "x ".repeat(9_900)), json!({})),
        (format!("{{ {} }} fragment f on Query {{ {} }}", "...f ".repeat(90), "__typename ".repeat(100)), json!({})),
        (format!("{{ {nested} }}"), json!({})),
        (format!("{{ ...f0 }} {chain} fragment f60 on Query {{ __typename }}"), json!({})),
        (format!("{{ {} }}", format!("viewer({}) {{ name }} ", "a: 1 ".repeat(30)).repeat(200)), json!({})),
        (format!("query({defined}) {{ {used} }}"), json!(values)),
        (format!("{{ {} }}", format!("viewer {} {{ name }} ", "@skip(if: true) ".repeat(8)).repeat(300)), json!({})),
    ];
    for (query, variables) in table {
        let since = std::time::Instant::now();
        let answer = house.answer_to("dev-token", &query, variables).await;
        let shown = &query[..80];
        let code = answer["errors"][0]["extensions"]["code"].as_str();
        assert!(!matches!(code, Some("query_too_complex" | "query_too_deep")), "{shown}: {answer:#}");
        assert!(answer.to_string().len() < 1 << 20, "{shown}");
        assert!(since.elapsed() < std::time::Duration::from_secs(10), "{shown}: {:?}", since.elapsed());
    }
}

#[actix_web::test]
async fn what_is_not_there_is_null() {
    let house = House::new().await;
    let id = clock::new_id::<()>();
    let query = format!(
        "{{ run(id: \"{id}\") {{ id }} event(id: \"{id}\") {{ id }} a: function(id: \"{id}\") {{ id }} b: function(name: \"x\") {{ id }} }}"
    );
    assert_eq!(house.graphql(&query, json!({})).await, json!({ "run": null, "event": null, "a": null, "b": null }));
}

const REGISTER: &str = "mutation($input: RegisterFunctionInput!) { registerFunction(input: $input) { function { id state generation runtime mode url } userErrors { code field } } }";

#[actix_web::test]
async fn the_same_registration_again_is_done_already_and_another_is_refused() {
    let house = House::new().await;
    let input = |url: &str| json!({ "input": { "name": "thumbs", "source": { "git": { "url": url } }, "manifest": { "runtime": "python", "mode": "job" } } });
    let first = house.graphql(REGISTER, input("https://example.com/a")).await["registerFunction"]["function"].take();
    assert_eq!(
        (&first["state"], &first["generation"], &first["runtime"], &first["mode"]),
        (&json!("REGISTERED"), &json!(1), &json!("python"), &json!("JOB"))
    );
    assert_eq!(first["url"], format!("{}/function/thumbs", house.url));
    let head = house.store.head().await.unwrap();
    let again = house.graphql(REGISTER, input("https://example.com/a")).await["registerFunction"]["function"].take();
    assert_eq!((again, house.store.head().await.unwrap()), (first.clone(), head));
    let other = house.graphql(REGISTER, input("https://example.com/b")).await;
    assert_eq!(other["registerFunction"]["userErrors"], json!([{ "code": "name_taken", "field": ["input", "name"] }]));

    let gone = "mutation($id: ID!) { deregisterFunction(id: $id) { function { state url } userErrors { code } } }";
    let gone = house.graphql(gone, json!({ "id": first["id"] })).await;
    assert_eq!(gone["deregisterFunction"]["function"], json!({ "state": "DEREGISTERED", "url": null }));
    let next = house.graphql(REGISTER, input("https://example.com/b")).await;
    assert_eq!(next["registerFunction"]["function"]["generation"], 2);
}

#[actix_web::test]
async fn every_fault_of_a_registration_is_told_with_its_field() {
    let house = House::new().await;
    let manifest = json!({ "runtime": "cobol", "resources": { "memory_mb": -1 }, "triggers": [{ "type": "event", "pattern": "a..b" }] });
    let input =
        json!({ "namespace": "No", "name": "-", "source": { "bundle": { "digest": "../x" } }, "manifest": manifest });
    let data = house.graphql(REGISTER, json!({ "input": input })).await;
    let errors = data["registerFunction"]["userErrors"].as_array().unwrap();
    for field in [
        json!(["input", "namespace"]),
        json!(["input", "name"]),
        json!(["input", "source", "bundle", "digest"]),
        json!(["input", "manifest", "runtime"]),
        json!(["input", "manifest", "resources", "memory_mb"]),
        json!(["input", "manifest", "triggers", "0", "pattern"]),
    ] {
        assert!(errors.iter().any(|error| error["field"] == field), "{field}: {errors:#?}");
    }
    assert_eq!(house.store.head().await.unwrap(), 0);
}

#[actix_web::test]
async fn a_refusal_names_the_state() {
    let house = House::new().await;
    let id = house.registered("default", "f").await;
    let ask = async |mutation: &str| {
        let data = house
            .graphql(&format!("mutation {{ m: {mutation} {{ userErrors {{ code message field }} }} }}"), json!({}))
            .await;
        data["m"]["userErrors"][0].clone()
    };
    let unknown = clock::new_id::<()>();
    for (mutation, code, part) in [
        (format!("startFunction(id: \"{id}\")"), "function_not_built", "REGISTERED"),
        (format!("stopFunction(id: \"{id}\")"), "function_not_running", "REGISTERED"),
        (format!("invokeFunction(id: \"{id}\")"), "function_not_running", "REGISTERED"),
        (format!("rollbackFunction(id: \"{id}\")"), "function_not_built", "REGISTERED"),
        (format!("startFunction(id: \"{unknown}\")"), "function_not_found", ""),
        (format!("cancelRun(id: \"{unknown}\")"), "run_not_found", ""),
        ("buildFunction(id: \"x\")".to_owned(), "bad_id", "UUID"),
        (format!("buildFunction(id: \"{id}\", ref: \"--upload-pack=x\")"), "bad_ref", "branch"),
    ] {
        let error = ask(&mutation).await;
        assert_eq!(error["code"], code, "{mutation}");
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
    }
}

#[actix_web::test]
async fn a_log_that_is_away_is_a_fault_and_nothing_is_accepted() {
    let house = House::new().await;
    let id = house.running("default", "f").await;
    house.set_log_away(true).await;
    assert_eq!(house.fault("{ functions { totalCount } }", json!({})).await, "unavailable");
    assert_eq!(
        house.fault(&format!("mutation {{ stopFunction(id: \"{id}\") {{ userErrors {{ code }} }} }}"), json!({})).await,
        "unavailable"
    );
    let event = r#"{"specversion":"1.0","id":"1","source":"/","type":"a.b"}"#;
    let answer = house
        .post("/v1/events")
        .header("content-type", "application/cloudevents+json")
        .body(event)
        .send()
        .await
        .unwrap();
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(json_of(answer, StatusCode::SERVICE_UNAVAILABLE).await["error"]["code"], "unavailable");
    let answer = house.get("/readyz").send().await.unwrap();
    let ready = json_of(answer, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(ready["reasons"][0].as_str().unwrap().contains("database"), "{ready}");
    let stranger = house.request(Method::GET, "/readyz").send().await.unwrap();
    let ready = json_of(stranger, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(ready["reasons"], json!(["the store is away; the log says why"]));
    assert_eq!(house.get("/healthz").send().await.unwrap().status(), StatusCode::OK);
    house.set_log_away(false).await;
    assert_eq!(house.get("/readyz").send().await.unwrap().status(), StatusCode::OK);
}

#[actix_web::test]
async fn a_function_is_shown_as_it_was() {
    let house = House::new().await;
    let id = house.running("default", "f").await;
    house.built(id).await;
    let query = format!("{{ history(stream: \"{id}\", first: 100) {{ nodes {{ position type at actor }} }} }}");
    let history = house.graphql(&query, json!({})).await["history"]["nodes"].take();
    assert!(history.as_array().unwrap().iter().all(|record| record["actor"] == "user:test"));
    let position = |kind: &str| {
        history.as_array().unwrap().iter().find(|record| record["type"] == kind).unwrap()["position"].clone()
    };
    let then = async |position: Value| {
        let query = "query($id: ID!, $position: Int) { function(id: $id, asOfPosition: $position) { state position currentVersion { number } versions { totalCount nodes { number } } builds { nodes { state } } } }";
        house.graphql(query, json!({ "id": id, "position": position })).await["function"].take()
    };
    assert_eq!(then(json!(0)).await, Value::Null);
    let registered = then(position("Registered")).await;
    assert_eq!((&registered["state"], &registered["builds"]["nodes"]), (&json!("REGISTERED"), &json!([])));
    let building = then(position("BuildStarted")).await;
    assert_eq!(building["builds"]["nodes"], json!([{ "state": "RUNNING" }]));
    let built = then(position("BuildSucceeded")).await;
    assert_eq!(
        (&built["state"], &built["currentVersion"]["number"], &built["versions"]["totalCount"]),
        (&json!("BUILT"), &json!(1), &json!(1))
    );
    assert_eq!(built["position"], position("BuildSucceeded"));
    let now = then(Value::Null).await;
    assert_eq!((&now["state"], &now["versions"]["totalCount"]), (&json!("RUNNING"), &json!(2)));
    let at = history[0]["at"].as_str().unwrap();
    let query = format!("{{ function(name: \"f\", asOf: \"{at}\") {{ id state }} }}");
    assert_eq!(house.graphql(&query, json!({})).await["function"], json!({ "id": id, "state": "REGISTERED" }));
}

#[actix_web::test]
async fn a_name_is_shown_as_the_function_that_had_it_then_however_many_had() {
    const GENERATIONS: u32 = 40;
    let house = House::new().await;
    for generation in 1..=GENERATIONS {
        let id = function::id("default", "f", generation);
        let source = Source::Git { url: "https://example.com/f".into(), git_ref: None, path: None };
        let (namespace, name) = ("default".to_owned(), "f".to_owned());
        let register = Command::Register { id, namespace, name, generation, source, manifest: None, at: clock::now() };
        house.command(id, register).await;
        house.command(id, Command::Deregister { at: clock::now() }).await;
    }
    let then = async |position: u64| {
        let query = "query($position: Int) { function(name: \"f\", asOfPosition: $position) { id state } }";
        house.asked.take();
        let found = house.graphql(query, json!({ "position": position })).await["function"].take();
        let reads = house.asked.count("FROM log WHERE stream = ");
        assert!(reads <= 7, "{reads} reads for one function");
        found
    };
    assert_eq!(then(0).await, Value::Null);
    let mut seen = 0;
    for (kind, state) in [("Registered", "REGISTERED"), ("Deregistered", "DEREGISTERED")] {
        let query = "query($type: String) { history(first: 100, type: $type) { nodes { position stream } } }";
        let history = house.graphql(query, json!({ "type": kind })).await["history"]["nodes"].take();
        for record in history.as_array().unwrap() {
            let id = record["stream"].as_str().unwrap().trim_start_matches("function-");
            assert_eq!(then(record["position"].as_u64().unwrap()).await, json!({ "id": id, "state": state }));
            seen += 1;
        }
    }
    assert_eq!(seen, 2 * GENERATIONS);
}

#[actix_web::test]
async fn rolling_back_makes_the_version_before_the_current_one() {
    let house = House::new().await;
    let id = house.running("default", "f").await;
    house.built(id).await;
    house.command(id, Command::Promote { version: 2, reason: None, at: clock::now() }).await;
    let roll = |arguments: &str| {
        format!(
            "mutation {{ rollbackFunction(id: \"{id}\"{arguments}) {{ function {{ currentVersion {{ number }} }} userErrors {{ code field }} }} }}"
        )
    };
    let data = house.graphql(&roll(", reason: \"it is slow\""), json!({})).await;
    assert_eq!(data["rollbackFunction"]["function"]["currentVersion"]["number"], 1);
    let data = house.graphql(&roll(""), json!({})).await;
    assert_eq!(data["rollbackFunction"]["userErrors"][0]["code"], "no_earlier_version");
    let data = house.graphql(&roll(", version: 9"), json!({})).await;
    assert_eq!(data["rollbackFunction"]["userErrors"][0], json!({ "code": "version_not_found", "field": ["version"] }));
    let query =
        format!("{{ history(stream: \"{id}\", type: \"VersionPromoted\", first: 10) {{ nodes {{ actor data }} }} }}");
    let data = house.graphql(&query, json!({})).await;
    let last = data["history"]["nodes"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["actor"], &last["data"]["reason"]), (&json!("token:dev"), &json!("it is slow")));
}

#[actix_web::test]
async fn a_run_is_there_when_the_invocation_is_answered_and_can_be_waited_for() {
    let house = House::new().await;
    let id = house.running("default", "f").await;
    let invoke = format!(
        "mutation {{ invokeFunction(id: \"{id}\", payload: {{ a: 1 }}) {{ run {{ id state trigger input event {{ type data }} }} userErrors {{ code }} }} }}"
    );
    let data = house.graphql(&invoke, json!({})).await;
    let run = &data["invokeFunction"]["run"];
    assert_eq!(
        (&run["state"], &run["trigger"], &run["input"]["data"]),
        (&json!("QUEUED"), &json!("http.invoke"), &json!({ "a": 1 }))
    );
    assert_eq!(run["event"], json!({ "type": "http.invoke", "data": { "a": 1 } }));

    let waiting = format!(
        "mutation {{ invokeFunction(id: \"{id}\", wait: true) {{ run {{ id state output durationMs coldStart }} }} }}"
    );
    let worker = async {
        let mut feed = house.store.follow(house.store.head().await.unwrap());
        loop {
            let batch = feed.next().await.unwrap().unwrap();
            if let Some(record) = batch.iter().find(|record| &*record.kind == "Requested") {
                let run = record.stream.as_str().trim_start_matches("run-").parse().unwrap();
                house.succeed(run, json!({ "done": true })).await;
                return run;
            }
        }
    };
    let (data, run): (Value, run::Id) = tokio::join!(house.graphql(&waiting, json!({})), worker);
    let answered = &data["invokeFunction"]["run"];
    assert_eq!(
        (&answered["id"], &answered["state"], &answered["output"]),
        (&json!(run), &json!("SUCCEEDED"), &json!({ "done": true }))
    );
    assert_eq!(answered["coldStart"], false);
}

#[actix_web::test]
async fn a_run_is_replayed_with_its_lineage_and_another_payload() {
    let house = House::new().await;
    let id = house.running("default", "f").await;
    let old = house.queued(id, "default").await;
    house.succeed(old, json!(1)).await;
    let replay = |arguments: &str| {
        format!(
            "mutation {{ replayRun(id: \"{old}\"{arguments}) {{ run {{ id state version input replayedFrom {{ id }} }} userErrors {{ code field }} }} }}"
        )
    };
    let data = house.graphql(&replay(""), json!({})).await;
    let run = &data["replayRun"]["run"];
    assert_eq!((&run["replayedFrom"]["id"], &run["input"]["data"]), (&json!(old), &json!({ "n": 1 })));
    assert_ne!(run["id"], json!(old));
    let data = house.graphql(&replay(", version: 1, payload: \"other\""), json!({})).await;
    let run = &data["replayRun"]["run"];
    assert_eq!(
        (&run["version"], &run["input"]["data"], &run["input"]["type"]),
        (&json!(1), &json!("other"), &json!("a.b"))
    );
    let data = house.graphql(&replay(", version: 7"), json!({})).await;
    assert_eq!(data["replayRun"]["userErrors"][0], json!({ "code": "version_not_found", "field": ["version"] }));

    let cancel =
        |id: &Value| format!("mutation {{ cancelRun(id: {id}) {{ run {{ state }} userErrors {{ code message }} }} }}");
    let data = house.graphql(&cancel(&run["id"]), json!({})).await;
    assert_eq!(data["cancelRun"]["run"]["state"], "CANCELLED");
    let data = house.graphql(&cancel(&json!(old)), json!({})).await;
    assert_eq!(
        data["cancelRun"]["userErrors"][0],
        json!({ "code": "run_over", "message": "the run is SUCCEEDED already" })
    );
}

#[actix_web::test]
async fn an_event_is_taken_once() {
    let house = House::new().await;
    let publish = "mutation($input: PublishEventInput!) { publishEvent(input: $input) { event { id eventId type data time namespace } duplicate userErrors { code field } } }";
    let input = json!({ "input": { "type": "file.uploaded", "source": "/shop", "id": "1", "data": { "a": [1] } } });
    let first = house.graphql(publish, input.clone()).await["publishEvent"].take();
    assert_eq!(
        (&first["duplicate"], &first["event"]["data"], &first["event"]["namespace"]),
        (&json!(false), &json!({ "a": [1] }), &json!("default"))
    );
    let mut other = input;
    other["input"]["data"] = json!("other");
    let second = house.graphql(publish, other).await["publishEvent"].take();
    assert_eq!((&second["duplicate"], &second["event"]), (&json!(true), &first["event"]));
    let bad = house.graphql(publish, json!({ "input": { "type": "", "source": "no uri" } })).await;
    let fields: Vec<_> =
        bad["publishEvent"]["userErrors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, [json!(["input", "source"]), json!(["input", "type"])]);
    let data = house.graphql("{ events { totalCount nodes { eventId } } }", json!({})).await;
    assert_eq!(data["events"], json!({ "totalCount": 1, "nodes": [{ "eventId": "1" }] }));
}

#[actix_web::test]
async fn a_viewer_sees_only_its_namespaces() {
    let house = House::new().await;
    let (mine, theirs) = (house.running("team", "mine").await, house.running("other", "theirs").await);
    let (my_run, their_run) = (house.queued(mine, "team").await, house.queued(theirs, "other").await);
    let token = house.token(&["team"], true);
    let query = format!(
        "{{ viewer {{ name namespaces }} namespaces {{ name }} functions {{ nodes {{ name }} }} runs {{ nodes {{ id }} }} history(first: 100) {{ nodes {{ stream }} }} \
         a: function(id: \"{theirs}\") {{ id }} b: function(namespace: \"other\", name: \"theirs\") {{ id }} c: run(id: \"{their_run}\") {{ id }} d: run(id: \"{my_run}\") {{ id }} }}"
    );
    let data = house.answer_to(&token, &query, json!({})).await["data"].take();
    assert_eq!(data["viewer"], json!({ "name": "user:admin", "namespaces": ["team"] }));
    assert_eq!(data["namespaces"], json!([{ "name": "team" }]));
    assert_eq!(data["functions"]["nodes"], json!([{ "name": "mine" }]));
    assert_eq!(data["runs"]["nodes"], json!([{ "id": my_run }]));
    let streams: Vec<_> =
        data["history"]["nodes"].as_array().unwrap().iter().map(|node| node["stream"].as_str().unwrap()).collect();
    assert!(
        !streams.is_empty()
            && streams
                .iter()
                .all(|stream| stream.ends_with(&mine.to_string()) || stream.ends_with(&my_run.to_string())),
        "{streams:?}"
    );
    assert_eq!(
        (&data["a"], &data["b"], &data["c"], &data["d"]["id"]),
        (&Value::Null, &Value::Null, &Value::Null, &json!(my_run))
    );

    let stop =
        |id| format!("mutation {{ stopFunction(id: \"{id}\") {{ function {{ state }} userErrors {{ code }} }} }}");
    let data = house.answer_to(&token, &stop(theirs), json!({})).await;
    assert_eq!(data["data"]["stopFunction"]["userErrors"][0]["code"], "function_not_found");
    let looker = house.token(&["team"], false);
    let data = house.answer_to(&looker, &stop(mine), json!({})).await;
    assert_eq!(data["data"]["stopFunction"]["userErrors"][0]["code"], "forbidden");
    let data = house.answer_to(&token, "{ functions(namespace: \"other\") { totalCount } }", json!({})).await;
    assert_eq!(data["errors"][0]["extensions"]["code"], "forbidden");
    let data = house.answer_to(&token, &stop(mine), json!({})).await;
    assert_eq!(data["data"]["stopFunction"]["function"]["state"], "STOPPED");
}

#[actix_web::test]
async fn numbers_are_there_for_every_window() {
    let house = House::new().await;
    let id = house.running("default", "f").await;
    let run = house.queued(id, "default").await;
    house.succeed(run, json!(null)).await;
    house.queued(id, "default").await;
    let query = format!(
        "{{ a: metrics(function: \"{id}\", window: HOUR) {{ invocations errors open p99Ms }} b: metrics(window: WEEK) {{ invocations coldStarts }} }}"
    );
    let data = house.graphql(&query, json!({})).await;
    assert_eq!(
        (&data["a"]["invocations"], &data["a"]["errors"], &data["a"]["open"]),
        (&json!(1), &json!(0), &json!(1))
    );
    assert!(data["a"]["p99Ms"].is_number() && data["b"]["invocations"] == 1, "{data}");
}
