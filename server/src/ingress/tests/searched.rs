//! What would take many pages to find out is asked of the server.

use super::*;
use domain::manifest::Trigger;

impl House {
    /// A function that runs and waits for events of these types.
    async fn waiting(&self, namespace: &str, name: &str, patterns: &[&str]) -> function::Id {
        let id = self.registered(namespace, name).await;
        let build = clock::new_id();
        let mut manifest = Manifest::of(Runtime::Node);
        let trigger =
            |pattern: &&str| Trigger::Event { pattern: (*pattern).to_owned(), filter: serde_json::Map::new() };
        manifest.triggers = patterns.iter().map(trigger).collect();
        self.command(id, Command::RequestBuild { build, git_ref: None, at: clock::now() }).await;
        self.command(id, Command::StartBuild { build, node: "node-1".into(), at: clock::now() }).await;
        let (manifest, made) = (Box::new(manifest), Made::artifact(format!("sha256:{build}"), 1));
        self.command(id, Command::SucceedBuild { build, made, manifest, commit: None, at: clock::now() }).await;
        self.command(id, Command::Start { at: clock::now() }).await;
        id
    }

    /// A function whose newest build failed.
    async fn failed(&self, name: &str) -> function::Id {
        let id = self.registered("default", name).await;
        let build = clock::new_id();
        self.command(id, Command::RequestBuild { build, git_ref: None, at: clock::now() }).await;
        self.command(id, Command::StartBuild { build, node: "node-1".into(), at: clock::now() }).await;
        self.command(
            id,
            Command::FailBuild { build, error: "no handler".into(), offered: Vec::new(), at: clock::now() },
        )
        .await;
        id
    }

    /// The names that `GET /v1/functions` answers with.
    async fn listed(&self, query: &str) -> Vec<String> {
        let answer = self.get(&format!("/v1/functions?{query}")).send().await.unwrap();
        let total = answer.headers()["x-total-count"].to_str().unwrap().to_owned();
        let body = json_of(answer, StatusCode::OK).await;
        let names: Vec<_> =
            body.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(total, names.len().to_string(), "{query}");
        names
    }
}

#[actix_web::test]
async fn of_very_many_functions_those_that_wait_for_a_type_are_one_question() {
    let house = House::new().await;
    for index in 0..105 {
        house.registered("default", &format!("idle-{index:03}")).await;
    }
    for name in ["waits-a", "waits-b"] {
        house.waiting("default", name, &["order.placed", "file.*"]).await;
    }
    house.waiting("team", "elsewhere", &["**"]).await;
    let stopped = house.waiting("default", "waits-not", &["file.uploaded"]).await;
    house.command(stopped, Command::Stop { reason: None, at: clock::now() }).await;
    let query = "query($type: String, $state: FunctionState) { functions(namespace: \"default\", eventType: $type, state: $state, first: 1) { totalCount nodes { name } } }";
    house.asked.take();
    let found = house.graphql(query, json!({ "type": "file.uploaded", "state": "RUNNING" })).await;
    assert_eq!(found["functions"], json!({ "totalCount": 2, "nodes": [{ "name": "waits-a" }] }));
    assert_eq!(house.asked.take().len(), 2, "the page, and how many there are");
    let found = house.graphql(query, json!({ "type": "file.uploaded" })).await;
    assert_eq!(found["functions"]["totalCount"], 3, "the one that is stopped as well");
    let found = house.graphql(query, json!({ "type": "nothing.at.all" })).await;
    assert_eq!(found["functions"]["totalCount"], 0);
    // A type that none can have is the caller's mistake.
    let long = vec!["a"; 40].join(".");
    assert_eq!(house.fault(query, json!({ "type": long })).await, "bad_request");

    let query = "{ functions(trigger: EVENT, mode: SERVICE, runtime: \"node\", orderBy: NAME, descending: true) { nodes { name } } }";
    let found = house.graphql(query, json!({})).await["functions"]["nodes"].take();
    assert_eq!(
        found,
        json!([{ "name": "elsewhere" }, { "name": "waits-not" }, { "name": "waits-b" }, { "name": "waits-a" }])
    );
    assert_eq!(house.listed("event_type=file.uploaded&status=RUNNING").await, ["waits-a", "waits-b", "elsewhere"]);
    assert_eq!(house.listed("trigger=event&namespace=team").await, ["elsewhere"]);
    assert_eq!(house.listed("trigger=schedule&mode=service&runtime=node").await, [] as [&str; 0]);
    for bad in ["trigger=clock", "mode=SERVICES"] {
        let answer = house.get(&format!("/v1/functions?{bad}")).send().await.unwrap();
        assert_eq!(code_of(answer, StatusCode::BAD_REQUEST).await, "bad_query", "{bad}");
    }
}

#[actix_web::test]
async fn the_status_that_a_function_shows_finds_it() {
    let house = House::new().await;
    house.failed("fails").await;
    house.registered("default", "new").await;
    let mended = house.failed("mended").await;
    house.built(mended).await;
    for (status, names) in [("BUILD_FAILED", vec!["fails"]), ("REGISTERED", vec!["new"]), ("BUILT", vec!["mended"])] {
        assert_eq!(house.listed(&format!("status={status}")).await, names, "{status}");
        assert_eq!(house.listed(&format!("status={}", status.to_lowercase())).await, names, "{status}");
        for name in names {
            let answer = house.get(&format!("/v1/functions/{name}")).send().await.unwrap();
            assert_eq!(json_of(answer, StatusCode::OK).await["status"], status);
        }
    }
    let query = "{ functions(buildFailed: true) { totalCount nodes { name state stateReason } } }";
    let found = house.graphql(query, json!({})).await["functions"].take();
    let fails = json!({ "name": "fails", "state": "REGISTERED", "stateReason": "no handler" });
    assert_eq!(found, json!({ "totalCount": 1, "nodes": [fails] }));
}

#[actix_web::test]
async fn a_run_is_found_by_the_beginning_of_its_id_behind_hundreds_of_newer_ones() {
    let house = House::new().await;
    let id = house.running("default", "f").await;
    let wanted = house.queued(id, "default").await.to_string();
    for _ in 0..105 {
        house.queued(id, "default").await;
    }
    let query = "query($prefix: String) { runs(idPrefix: $prefix, first: 100) { totalCount nodes { id } } }";
    let found = async |prefix: &str| house.graphql(query, json!({ "prefix": prefix })).await["runs"].take();
    assert_eq!(found(&wanted).await, json!({ "totalCount": 1, "nodes": [{ "id": wanted }] }));
    let part = found(&wanted[..30].to_uppercase()).await;
    assert!(part["nodes"].as_array().unwrap().contains(&json!({ "id": wanted })), "{part}");
    assert_eq!(found(&wanted[..4]).await["totalCount"], 106);
    assert_eq!(found("ffff").await["totalCount"], 0);
    for bad in ["", "xyz", "0190f0f00", "%", "0190f0f0-0000-7000-8000-0000000000000"] {
        assert_eq!(house.fault(query, json!({ "prefix": bad })).await, "bad_id", "{bad}");
    }
    // Of somebody else's runs there are none.
    let token = house.token(&["team"], true);
    let answer = house.answer_to(&token, query, json!({ "prefix": wanted })).await;
    assert_eq!(answer["data"]["runs"]["totalCount"], 0);
}

#[actix_web::test]
async fn how_many_functions_an_event_reached_is_counted_and_not_read_off_a_page() {
    let house = House::new().await;
    let event = json!({ "specversion": "1.0", "id": "1", "source": "/t", "type": "file.uploaded" });
    let answer =
        house.post("/v1/events").header("content-type", "application/cloudevents+json").body(event.to_string());
    assert_eq!(answer.send().await.unwrap().status(), StatusCode::ACCEPTED);
    let found = house.graphql("{ events { nodes { id } } }", json!({})).await;
    let event: event::Id = found["events"]["nodes"][0]["id"].as_str().unwrap().parse().unwrap();
    // What the relay does: a run of each, with the id that follows from both. Then somebody sends it to one of them again.
    let mut functions = Vec::new();
    for index in 0..120 {
        let id = house.waiting("default", &format!("f-{index:03}"), &["file.*"]).await;
        house.caused(run::id(event, id), id, event).await;
        functions.push(id);
    }
    house.registered("default", "idle").await;
    house.caused(clock::new_id(), functions[7], event).await;
    let query = "query($id: ID!, $search: String) { event(id: $id) { reachTotals { reached functions settled } reach(search: $search) { function { name } reached run { id } } } }";
    let found = house.graphql(query, json!({ "id": event.to_string() })).await["event"].take();
    assert_eq!(found["reachTotals"], json!({ "reached": 120, "functions": 121, "settled": false }));
    // A function beyond the page is found by its name.
    let found = house.graphql(query, json!({ "id": event.to_string(), "search": "-119" })).await["event"].take();
    let reach = found["reach"].as_array().unwrap();
    assert_eq!(reach.len(), 1, "{reach:#?}");
    assert_eq!(reach[0]["function"]["name"], "f-119");
    assert_eq!(reach[0]["run"]["id"], run::id(event, functions[119]).to_string());
    // Its runs are a list of their own.
    let query = "query($id: ID!) { runs(event: $id) { totalCount } runCounts(event: $id) { state count } }";
    let found = house.graphql(query, json!({ "id": event.to_string() })).await;
    assert_eq!(found["runs"]["totalCount"], 121);
    assert_eq!(found["runCounts"], json!([{ "state": "QUEUED", "count": 121 }]));
}

impl House {
    async fn caused(&self, run: run::Id, function: function::Id, event: event::Id) {
        let request = Request {
            run,
            function,
            namespace: "default".into(),
            trigger: "file.uploaded".into(),
            event: Some(event),
            input: Json::of(&json!({})).unwrap(),
            input_cut: false,
            version: None,
            replayed_from: None,
            callback: None,
        };
        let command = run::Command::Request { request, delivery: Delivery::Once, at: clock::now() };
        self.commands.new_run(run, command, cause()).await.unwrap();
    }
}

#[actix_web::test]
async fn what_names_no_namespace_is_in_the_one_of_the_header_over_http_and_over_a_socket() {
    let house = House::new().await;
    house.registered("default", "f").await;
    house.registered("team", "f").await;
    let query = "{ viewer { defaultNamespace } function(name: \"f\") { namespace } }";
    let publish = "mutation { publishEvent(input: { type: \"a.b\", source: \"/t\", id: \"1\" }) { event { namespace } userErrors { message } } }";
    for (header, namespace) in [(None, "default"), (Some("team"), "team")] {
        let named = json!({ "viewer": { "defaultNamespace": namespace }, "function": { "namespace": namespace } });
        let request = house.post("/graphql").json(&json!({ "query": query }));
        let request = header.iter().fold(request, |request, header| request.header("x-namespace", *header));
        assert_eq!(json_of(request.send().await.unwrap(), StatusCode::OK).await["data"], named);

        let mut request = format!("{}/graphql", house.url.replace("http", "ws")).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        if let Some(header) = header {
            request.headers_mut().insert("x-namespace", header.parse().unwrap());
        }
        let (inner, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut socket = Socket { inner };
        socket.send(json!({ "type": "connection_init", "payload": { "Authorization": "Bearer dev-token" } })).await;
        assert_eq!(socket.message().await["type"], "connection_ack");
        let mut ask = async |query: &str| {
            socket.send(json!({ "id": "1", "type": "subscribe", "payload": { "query": query } })).await;
            let answer = socket.message().await["payload"].take();
            assert_eq!(socket.message().await["type"], "complete");
            answer["data"].clone()
        };
        assert_eq!(ask(query).await, named);
        assert_eq!(ask(publish).await["publishEvent"]["event"]["namespace"], namespace);
    }
    let mut request = format!("{}/graphql", house.url.replace("http", "ws")).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
    request.headers_mut().insert("x-namespace", "No!".parse().unwrap());
    let refused = tokio_tungstenite::connect_async(request).await.unwrap_err();
    assert!(refused.to_string().contains("400"), "{refused}");
}

#[actix_web::test]
async fn a_schedule_has_no_next_time_while_its_function_does_not_run() {
    let house = House::new().await;
    let id = house.registered("default", "nightly").await;
    let build = clock::new_id();
    let mut manifest = Manifest::of(Runtime::Node);
    manifest.triggers = serde_json::from_value(json!([{ "type": "schedule", "cron": "@daily" }])).unwrap();
    house.command(id, Command::RequestBuild { build, git_ref: None, at: clock::now() }).await;
    house.command(id, Command::StartBuild { build, node: "node-1".into(), at: clock::now() }).await;
    let (manifest, made) = (Box::new(manifest), Made::artifact("sha256:1", 1));
    house.command(id, Command::SucceedBuild { build, made, manifest, commit: None, at: clock::now() }).await;
    let times = async || {
        let query = "{ function(name: \"nightly\") { triggers { nextFireTimes(count: 3) } } }";
        let found = house.graphql(query, json!({})).await;
        found["function"]["triggers"][0]["nextFireTimes"].as_array().unwrap().len()
    };
    assert_eq!(times().await, 0, "it was never started");
    house.command(id, Command::Start { at: clock::now() }).await;
    assert_eq!(times().await, 3);
    house.command(id, Command::Stop { reason: None, at: clock::now() }).await;
    assert_eq!(times().await, 0);
}
