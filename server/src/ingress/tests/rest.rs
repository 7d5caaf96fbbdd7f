//! The REST routes.

use actix_web::test::TestRequest;

use super::*;
use crate::ingress::middleware::lane_of;

pub(super) async fn error(response: Response, status: StatusCode) -> String {
    let body = json_of(response, status).await;
    assert!(
        body["error"]["message"].is_string() && body["error"]["request_id"].as_str().is_some_and(|id| !id.is_empty()),
        "{body}"
    );
    body["error"]["code"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn every_error_has_one_shape_and_the_requests_id() {
    let house = House::new().await;
    let answer = house.get("/no/such/thing").header("x-request-id", "abc-1").send().await.unwrap();
    assert_eq!(answer.headers()["x-request-id"], "abc-1");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(json_of(answer, StatusCode::NOT_FOUND).await["error"]["request_id"], "abc-1");
    for (method, path, status, code) in [
        (Method::GET, "/v1/functions/none", StatusCode::NOT_FOUND, "function_not_found"),
        (Method::DELETE, "/v1/functions/none", StatusCode::NOT_FOUND, "function_not_found"),
        (Method::POST, "/v1/functions/none:invoke", StatusCode::NOT_FOUND, "function_not_found"),
        (Method::GET, "/v1/functions/none/logs", StatusCode::NOT_FOUND, "function_not_found"),
        (Method::GET, "/v1/runs/x", StatusCode::BAD_REQUEST, "bad_id"),
        (Method::GET, "/v1/functions?limit=101", StatusCode::BAD_REQUEST, "page_too_large"),
        (Method::GET, "/v1/functions?limit=x", StatusCode::BAD_REQUEST, "bad_query"),
        (Method::PUT, "/v1/functions", StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
        (Method::GET, "/v1/events", StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
        (Method::PUT, "/graphql", StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
        (Method::GET, "/graphql?query=mutation%7Ba%7D", StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
        (Method::POST, "/v1/functions", StatusCode::BAD_REQUEST, "bad_json"),
        (Method::POST, "/graphql", StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
    ] {
        let answer = house.request(method.clone(), path).bearer_auth("dev-token").send().await.unwrap();
        assert_eq!(error(answer, status).await, code, "{method} {path}");
    }
}

#[actix_web::test]
async fn a_body_that_is_too_large_is_refused() {
    let house = House::new().await;
    for path in ["/v1/events", "/graphql", "/v1/functions"] {
        let answer =
            house.post(path).header("content-type", "application/json").body(vec![b' '; 7 << 20]).send().await.unwrap();
        assert_eq!(error(answer, StatusCode::PAYLOAD_TOO_LARGE).await, "payload_too_large", "{path}");
        // One that does not say how long it is, too.
        let parts = futures::stream::iter((0..7).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 20])));
        let kind = if path == "/graphql" { "application/json" } else { "application/cloudevents+json" };
        let answer = house.post(path).header("content-type", kind).body(reqwest::Body::wrap_stream(parts)).send().await;
        if let Ok(answer) = answer {
            assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        }
    }
    let large = json!({ "specversion": "1.0", "id": "1", "source": "/", "type": "a.b", "data": "x".repeat(300 << 10) });
    let answer = house
        .post("/v1/events")
        .header("content-type", "application/cloudevents+json")
        .json(&large)
        .send()
        .await
        .unwrap();
    assert_eq!(error(answer, StatusCode::PAYLOAD_TOO_LARGE).await, "payload_too_large");
    let batch = house.post("/v1/events").header("content-type", "application/cloudevents-batch+json");
    let answer = batch.body(json!([large]).to_string()).send().await.unwrap();
    assert_eq!(error(answer, StatusCode::PAYLOAD_TOO_LARGE).await, "payload_too_large");
    assert_eq!(house.store.head().await.unwrap(), 0);
}

#[actix_web::test]
async fn only_what_must_be_is_open_to_everybody() {
    let house = House::new().await;
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json", "/schemas/function.json"] {
        assert_eq!(house.request(Method::GET, path).send().await.unwrap().status(), StatusCode::OK, "{path}");
    }
    for (method, path) in [
        (Method::GET, "/v1/functions"),
        (Method::POST, "/v1/functions"),
        (Method::GET, "/v1/functions/f"),
        (Method::DELETE, "/v1/functions/f"),
        (Method::POST, "/v1/functions/f:invoke"),
        (Method::GET, "/v1/functions/f/logs"),
        (Method::POST, "/v1/bundles"),
        (Method::POST, "/v1/events"),
        (Method::GET, "/v1/runs/7"),
        (Method::DELETE, "/v1/runs/7"),
        (Method::POST, "/graphql"),
        (Method::GET, "/graphql?query=%7Bviewer%7Bname%7D%7D"),
    ] {
        let answer = house.request(method.clone(), path).send().await.unwrap();
        assert_eq!(
            answer.headers().get("www-authenticate").map(|value| value.to_str().unwrap()),
            Some("Bearer"),
            "{method} {path}"
        );
        assert_eq!(error(answer, StatusCode::UNAUTHORIZED).await, "unauthenticated");
    }
}

#[actix_web::test]
async fn a_browser_signs_in_by_cookie_and_strangers_cannot_use_it() {
    let house = House::new().await;
    let sign_in = |password: &str| {
        house
            .request(Method::POST, "/auth/token?cookie=true")
            .json(&json!({ "username": "admin", "password": password }))
    };
    assert_eq!(error(sign_in("wrong").send().await.unwrap(), StatusCode::UNAUTHORIZED).await, "unauthenticated");
    let answer = sign_in("admin").send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let body = json_of(answer, StatusCode::OK).await;
    assert!(body["expires_at"].is_string());
    let answer =
        house.request(Method::GET, "/v1/functions").bearer_auth(body["token"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);

    let session = cookie.split(';').next().unwrap().to_owned();
    let ask = |origin: Option<&str>| {
        let request = house
            .request(Method::POST, "/graphql")
            .header("cookie", &session)
            .json(&json!({ "query": "{ viewer { name } }" }));
        match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        }
    };
    assert_eq!(error(ask(None).send().await.unwrap(), StatusCode::FORBIDDEN).await, "cross_site");
    assert_eq!(
        error(ask(Some("https://evil.example")).send().await.unwrap(), StatusCode::FORBIDDEN).await,
        "cross_site"
    );
    let answer = json_of(ask(Some(&house.url)).send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(answer["data"]["viewer"]["name"], "user:admin");
    let out = house.request(Method::POST, "/auth/logout").send().await.unwrap();
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert!(out.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
}

#[actix_web::test]
async fn events_come_in_three_modes_and_duplicates_get_the_first_answer() {
    let house = House::new().await;
    let event = |id: &str| json!({ "specversion": "1.0", "id": id, "source": "/shop", "type": "order.placed", "data": { "n": 1 } });
    let send = |kind: &str, body: String| house.post("/v1/events").header("content-type", kind).body(body);
    let structured = send("application/cloudevents+json", event("1").to_string()).send().await.unwrap();
    let first = json_of(structured, StatusCode::ACCEPTED).await["events"][0].take();
    assert_eq!((&first["duplicate"], &first["position"]), (&json!(false), &json!(1)));
    let binary = send("application/json", r#"{"n":1}"#.into())
        .header("ce-specversion", "1.0")
        .header("ce-id", "1")
        .header("ce-source", "/shop")
        .header("ce-type", "order.placed");
    let again = json_of(binary.send().await.unwrap(), StatusCode::ACCEPTED).await["events"][0].take();
    assert_eq!((&again["duplicate"], &again["id"], &again["position"]), (&json!(true), &first["id"], &json!(1)));
    let batch =
        send("application/cloudevents-batch+json", json!([event("2"), event("1"), event("3"), event("3")]).to_string());
    let events = json_of(batch.send().await.unwrap(), StatusCode::ACCEPTED).await["events"].take();
    let duplicates: Vec<_> =
        events.as_array().unwrap().iter().map(|event| event["duplicate"].as_bool().unwrap()).collect();
    assert_eq!(
        (duplicates[0], duplicates[1], duplicates.iter().filter(|duplicate| **duplicate).count()),
        (false, true, 2)
    );
    let elsewhere = house
        .post("/v1/events?namespace=team")
        .header("content-type", "application/cloudevents+json")
        .body(event("1").to_string());
    assert_eq!(json_of(elsewhere.send().await.unwrap(), StatusCode::ACCEPTED).await["events"][0]["duplicate"], false);
    let head = house.store.head().await.unwrap();
    assert_eq!(head, 4);

    // Nothing of a batch with a fault is taken.
    let bad = send("application/cloudevents-batch+json", json!([event("9"), { "id": "10" }]).to_string());
    let body = json_of(bad.send().await.unwrap(), StatusCode::BAD_REQUEST).await;
    assert_eq!(body["error"]["code"], "bad_event");
    assert!(
        body["error"]["problems"].as_array().unwrap().iter().any(|problem| problem["field"] == json!(["1", "source"])),
        "{body}"
    );
    for (kind, text) in [
        ("application/cloudevents+json", "[1,2]"),
        ("application/cloudevents+json", "{"),
        ("text/plain", "hi"),
        ("application/cloudevents-batch+json", "{}"),
    ] {
        assert_eq!(
            error(send(kind, text.into()).send().await.unwrap(), StatusCode::BAD_REQUEST).await,
            "bad_event",
            "{kind}: {text}"
        );
    }
    let elsewhere = house
        .post("/v1/events?namespace=No!")
        .header("content-type", "application/cloudevents+json")
        .body(event("1").to_string());
    assert_eq!(error(elsewhere.send().await.unwrap(), StatusCode::BAD_REQUEST).await, "bad_namespace");
    assert_eq!(house.store.head().await.unwrap(), head);
}

#[actix_web::test]
async fn a_function_has_the_shape_that_older_programs_know() {
    let house = House::new().await;
    let new = json!({ "name": "web", "image": "ghcr.io/team/web:1", "replicas": 2, "env": { "A": "b" } });
    let answer = house.post("/v1/functions").json(&new).send().await.unwrap();
    assert_eq!(answer.headers()["location"], "/v1/functions/web");
    let body = json_of(answer, StatusCode::CREATED).await;
    assert_eq!(
        (&body["name"], &body["image"], &body["status"], &body["replicas"]),
        (&json!("web"), &json!("ghcr.io/team/web:1"), &json!("REGISTERED"), &json!(2))
    );
    for field in ["available_replicas", "ready_replicas", "updated_replicas", "created_at"] {
        assert!(body.get(field).is_some(), "{field}");
    }
    let query = "{ function(name: \"web\") { manifestOverride builds { nodes { state } } } }";
    let found = house.graphql(query, json!({})).await["function"].take();
    assert_eq!(
        found["manifestOverride"],
        json!({ "runtime": "docker", "env": { "A": "b" }, "scaling": { "min": 2, "max": 2 } })
    );
    assert_eq!(found["builds"]["nodes"], json!([{ "state": "QUEUED" }]));
    let other = json!({ "name": "web", "image": "ghcr.io/team/other:1" });
    assert_eq!(
        error(house.post("/v1/functions").json(&other).send().await.unwrap(), StatusCode::CONFLICT).await,
        "name_taken"
    );
    for (bad, code) in [
        (json!({ "name": "x" }), "bad_source"),
        (
            json!({ "name": "x", "source": { "git": { "url": "https://example.com/x" } }, "env": { "A": "b" } }),
            "bad_manifest",
        ),
        (json!({ "name": "x", "image": "x", "colour": "red" }), "bad_json"),
    ] {
        assert_eq!(
            error(house.post("/v1/functions").json(&bad).send().await.unwrap(), StatusCode::BAD_REQUEST).await,
            code,
            "{bad}"
        );
    }
    assert_eq!(
        house.request(Method::DELETE, "/v1/functions/web").bearer_auth("dev-token").send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        error(house.get("/v1/functions/web").send().await.unwrap(), StatusCode::NOT_FOUND).await,
        "function_not_found"
    );
}

#[actix_web::test]
async fn replicas_count_where_the_source_says_everything_else() {
    let house = House::new().await;
    let git = json!({ "git": { "url": "https://example.com/f" } });
    let register = |name: &str, replicas: Value| {
        house.post("/v1/functions").json(&json!({ "name": name, "source": git, "replicas": replicas })).send()
    };
    let body = json_of(register("two", json!(2)).await.unwrap(), StatusCode::CREATED).await;
    assert_eq!(
        (&body["status"], &body["replicas"], &body["ready_replicas"]),
        (&json!("REGISTERED"), &json!(2), &json!(0))
    );
    let query = "query($name: String!) { function(name: $name) { manifestOverride } }";
    let found = house.graphql(query, json!({ "name": "two" })).await["function"].take();
    assert_eq!(found["manifestOverride"], json!({ "scaling": { "min": 2, "max": 2 } }));
    assert_eq!(error(register("two", json!(3)).await.unwrap(), StatusCode::CONFLICT).await, "name_taken");
    for none in [json!(0), Value::Null] {
        let name = if none.is_null() { "unsaid" } else { "none" };
        let body = json_of(register(name, none).await.unwrap(), StatusCode::CREATED).await;
        assert_eq!(body["replicas"], 0, "{name}");
    }
    for (replicas, code) in [(json!(1001), "bad_manifest"), (json!(-1), "bad_json"), (json!("2"), "bad_json")] {
        assert_eq!(error(register("bad", replicas).await.unwrap(), StatusCode::BAD_REQUEST).await, code);
    }
}

#[actix_web::test]
async fn a_query_that_a_route_does_not_take_is_refused() {
    let house = House::new().await;
    let id = "018f0000-0000-7000-8000-000000000000";
    let refused = [
        (Method::GET, "/v1/functions?namespce=team"),
        (Method::POST, "/v1/functions?team=team"),
        (Method::GET, "/v1/functions/f?at=team"),
        (Method::DELETE, "/v1/functions/f?at=team"),
        (Method::DELETE, "/v1/functions/f/payloads?at=team"),
        (Method::POST, "/v1/functions/f:invoke?waits=1s"),
        (Method::GET, "/v1/functions/f/logs?at=team"),
        (Method::GET, &format!("/v1/runs/{id}?at=team")),
        (Method::DELETE, &format!("/v1/runs/{id}?namespace=team")),
        (Method::DELETE, &format!("/v1/runs/{id}/payload?namespace=team")),
        (Method::POST, "/v1/events?namspace=team"),
        (Method::DELETE, &format!("/v1/events/{id}/payload?namespace=team")),
        (Method::GET, "/v1/dead-letters?at=team"),
        // All that the caller sees would be tried again, or be gone.
        (Method::POST, "/v1/dead-letters:redrive?namespace=team"),
        (Method::POST, "/v1/dead-letters:purge?namespace=team"),
        (Method::GET, &format!("/v1/dead-letters/{id}?namespace=team")),
        (Method::DELETE, &format!("/v1/dead-letters/{id}?namespace=team")),
        (Method::POST, &format!("/v1/dead-letters/{id}:redrive?namespace=team")),
        (Method::POST, "/v1/bundles?namespace=team"),
        (Method::GET, "/v1/audit?at=1"),
        (Method::POST, "/auth/token?cookies=true"),
    ];
    for (method, path) in refused {
        let answer = house.request(method.clone(), path).bearer_auth("dev-token").send().await.unwrap();
        assert_eq!(error(answer, StatusCode::BAD_REQUEST).await, "bad_query", "{method} {path}");
    }
}

#[actix_web::test]
async fn a_function_is_registered_in_the_namespace_that_the_query_names() {
    let house = House::new().await;
    let source = json!({ "git": { "url": "https://example.com/f" } });
    let register = async |path: &str, body: serde_json::Value| house.post(path).json(&body).send().await.unwrap();
    let body = json!({ "name": "f", "source": source });
    let made = json_of(register("/v1/functions?namespace=team", body.clone()).await, StatusCode::CREATED).await;
    assert_eq!(made["namespace"], "team");
    let registration = json!({ "name": "g", "namespace": "team", "source": source });
    let made = json_of(register("/v1/functions?namespace=team", registration.clone()).await, StatusCode::CREATED).await;
    assert_eq!(made["namespace"], "team");
    let two = register("/v1/functions?namespace=other", registration).await;
    assert_eq!(error(two, StatusCode::BAD_REQUEST).await, "bad_query");
    let wrong = register("/v1/functions?namespace=No!", body).await;
    assert_eq!(error(wrong, StatusCode::BAD_REQUEST).await, "bad_namespace");
}

#[actix_web::test]
async fn what_is_no_namespace_is_never_taken_for_the_default_one() {
    let house = House::new().await;
    house.registered("default", "f").await;
    let bytes = reqwest::header::HeaderValue::from_bytes(b"t\xc3\xa9am").unwrap();
    for header in [reqwest::header::HeaderValue::from_static("No!"), bytes] {
        for path in [
            "/v1/functions",
            "/v1/dead-letters",
            "/v1/functions/f",
            "/v1/functions/f?namespace=default",
            "/v1/functions/f/logs",
        ] {
            let answer = house.get(path).header("x-namespace", header.clone()).send().await.unwrap();
            assert_eq!(error(answer, StatusCode::BAD_REQUEST).await, "bad_namespace", "{path}");
        }
    }
    for path in ["/v1/functions?namespace=No!", "/v1/dead-letters?namespace=No!", "/v1/functions/f?namespace="] {
        assert_eq!(
            error(house.get(path).send().await.unwrap(), StatusCode::BAD_REQUEST).await,
            "bad_namespace",
            "{path}"
        );
    }
    let found = house.get("/v1/functions/f?namespace=default").header("x-namespace", "other").send().await.unwrap();
    assert_eq!(found.status(), StatusCode::OK, "the query counts");
    assert_eq!(
        error(house.get("/v1/functions?status=asleep").send().await.unwrap(), StatusCode::BAD_REQUEST).await,
        "bad_query"
    );
    assert_eq!(house.get("/v1/functions?status=running").send().await.unwrap().status(), StatusCode::OK);
    let source = json!({ "git": { "url": "https://example.com/f", "branch": "main" } });
    let typo = json!({ "name": "g", "source": source });
    assert_eq!(
        error(house.post("/v1/functions").json(&typo).send().await.unwrap(), StatusCode::BAD_REQUEST).await,
        "bad_json"
    );
}

#[actix_web::test]
async fn a_token_needs_no_credentials_where_everybody_knows_them() {
    let house = House::new().await;
    let ask = || house.request(Method::POST, "/auth/token");
    let answer = ask().send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body = json_of(answer, StatusCode::OK).await;
    let bearer = body["token"].as_str().unwrap();
    let viewer = house.answer_to(bearer, "{ viewer { name } }", json!({})).await;
    assert_eq!(viewer["data"]["viewer"]["name"], "user:admin");
    // A body is taken for what it says.
    assert_eq!(error(ask().body("{}").send().await.unwrap(), StatusCode::BAD_REQUEST).await, "bad_json");
    // And no page of another site gets one.
    let elsewhere = ask().header("origin", "https://evil.example").send().await.unwrap();
    assert_eq!(error(elsewhere, StatusCode::FORBIDDEN).await, "cross_site");
}

#[actix_web::test]
async fn a_function_is_started_when_its_first_build_has_succeeded() {
    let house = House::new().await;
    let source = json!({ "git": { "url": "https://example.com/f" } });
    for (name, replicas) in [("up", None), ("down", Some(0))] {
        let new = json!({ "name": name, "source": source, "replicas": replicas });
        json_of(house.post("/v1/functions").json(&new).send().await.unwrap(), StatusCode::CREATED).await;
    }
    let mut feed = house.store.follow(0);
    for name in ["down", "up"] {
        let id = function::id("default", name, 1);
        let build = house.store.open_builds().await.unwrap().into_iter().find(|build| build.function == id).unwrap().id;
        house.command(id, Command::StartBuild { build, node: "node-1".into(), at: clock::now() }).await;
        house.finished(id, build).await;
    }
    let started = async {
        loop {
            let batch = feed.next().await.unwrap().unwrap();
            if let Some(record) = batch.iter().find(|record| &*record.kind == "Started") {
                return record.stream.to_string();
            }
        }
    };
    let started = tokio::time::timeout(PATIENCE, started).await.unwrap();
    assert!(started.ends_with(&function::id("default", "up", 1).to_string()));
    let down = json_of(house.get("/v1/functions/down").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(down["status"], "BUILT");
}

#[actix_web::test]
async fn functions_are_listed_page_by_page() {
    let house = House::new().await;
    for index in 0..5 {
        house.registered("default", &format!("f{index}")).await;
    }
    let (mut path, mut names) = ("/v1/functions?limit=2".to_owned(), Vec::new());
    loop {
        let answer = house.get(&path).send().await.unwrap();
        assert_eq!(answer.headers()["x-total-count"], "5");
        let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let page = json_of(answer, StatusCode::OK).await;
        names.extend(page.as_array().unwrap().iter().map(|function| function["name"].as_str().unwrap().to_owned()));
        match link {
            Some(link) => path = link.trim_start_matches('<').split('>').next().unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["f0", "f1", "f2", "f3", "f4"]);
}

#[actix_web::test]
async fn an_invocation_answers_its_run_and_waits_when_asked() {
    let house = House::new().await;
    let id = house.running("default", "f").await;
    let answer = house.post("/v1/functions/f:invoke").json(&json!({ "a": 1 })).send().await.unwrap();
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let run = json_of(answer, StatusCode::ACCEPTED).await["run_id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("/v1/runs/{run}"));
    assert_eq!(json_of(house.get(&location).send().await.unwrap(), StatusCode::OK).await["state"], "QUEUED");
    // Not over in time: the run is named, and goes on.
    let answer = house.post("/v1/functions/f:invoke?wait=50ms").send().await.unwrap();
    assert!(json_of(answer, StatusCode::ACCEPTED).await["run_id"].is_string());
    house.succeed(run.parse().unwrap(), json!({ "b": 2 })).await;
    let body = json_of(house.get(&location).send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(
        (&body["state"], &body["output"], &body["attempt"]),
        (&json!("SUCCEEDED"), &json!({ "b": 2 }), &json!(1))
    );
    let answer = house.request(Method::DELETE, &location).bearer_auth("dev-token").send().await.unwrap();
    assert_eq!(error(answer, StatusCode::CONFLICT).await, "run_over");
    for (path, kind, body, code) in [
        ("/v1/functions/f:invoke?wait=soon", "application/json", "1", "bad_query"),
        ("/v1/functions/f:invoke", "application/json", "{", "bad_json"),
        ("/v1/functions/f:invoke", "image/png", "x", "bad_body"),
    ] {
        let answer = house.post(path).header("content-type", kind).body(body).send().await.unwrap();
        assert_eq!(error(answer, StatusCode::BAD_REQUEST).await, code);
    }
    house.command(id, Command::Stop { reason: None, at: clock::now() }).await;
    let answer = house.post("/v1/functions/f:invoke").send().await.unwrap();
    assert_eq!(error(answer, StatusCode::CONFLICT).await, "function_not_running");
}

#[actix_web::test]
async fn logs_come_as_text_and_as_events_that_are_resumed() {
    let house = House::new().await;
    let (id, liar) = (house.running("default", "f").await, house.running("default", "g").await);
    let run = house.queued(id, "default").await;
    house.lines(id, None, None, &["one", "two"]).await;
    house.lines(liar, None, Some(run), &["not mine"]).await;
    house.lines(id, None, Some(run), &["three"]).await;
    let text = async |path: String| house.get(&path).send().await.unwrap().text().await.unwrap();
    assert_eq!(text("/v1/functions/f/logs".into()).await, "one\ntwo\nthree\n");
    assert_eq!(text("/v1/functions/f/logs?since=10m".into()).await, "one\ntwo\nthree\n");
    assert_eq!(text(format!("/v1/functions/f/logs?run={run}")).await, "three\n");
    let answer = house.get("/v1/functions/f/logs?since=yesterday").send().await.unwrap();
    assert_eq!(error(answer, StatusCode::BAD_REQUEST).await, "bad_query");

    let follow = |last: Option<&str>| {
        let request = house.get("/v1/functions/f/logs?follow=true").header("accept", "text/event-stream");
        match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        }
    };
    let answer = follow(None).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut first = Events::of(answer);
    assert_eq!(first.take(3).await, ["one", "two", "three"]);
    house.lines(id, None, None, &["four"]).await;
    assert_eq!(first.take(1).await, ["four"]);
    let last = first.last.clone();
    drop(first);
    house.lines(id, None, None, &["five"]).await;
    let mut second = Events::of(follow(Some(&last)).send().await.unwrap());
    house.lines(id, None, None, &["six"]).await;
    assert_eq!(second.take(2).await, ["five", "six"]);
}

/// Server-sent events as they come.
struct Events {
    body: futures::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
    last: String,
}

impl Events {
    fn of(response: Response) -> Self {
        Self { body: response.bytes_stream().boxed(), text: String::new(), last: String::new() }
    }

    async fn take(&mut self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        while texts.len() < count {
            let Some((event, rest)) =
                self.text.split_once("\n\n").map(|(event, rest)| (event.to_owned(), rest.to_owned()))
            else {
                let part = tokio::time::timeout(PATIENCE, self.body.next()).await.unwrap().unwrap().unwrap();
                self.text.push_str(std::str::from_utf8(&part).unwrap());
                continue;
            };
            self.text = rest;
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let (Some(id), Some(data)) = (field("id: "), field("data: ")) {
                self.last = id;
                let data: Value = serde_json::from_str(&data).unwrap();
                texts.push(data["text"].as_str().unwrap().to_owned());
            }
        }
        texts
    }
}

#[actix_web::test]
async fn a_bundle_is_taken_as_it_is_or_in_a_form() {
    let house = House::with(|limits| limits.bundle = 1 << 10).await;
    let zip = b"PK\x03\x04rest".to_vec();
    let raw =
        house.post("/v1/bundles").header("content-type", "application/zip").body(zip.clone()).send().await.unwrap();
    let digest = json_of(raw, StatusCode::CREATED).await["digest"].as_str().unwrap().to_owned();
    let form = reqwest::multipart::Form::new()
        .text("name", "f")
        .part("file", reqwest::multipart::Part::bytes(zip).file_name("f.zip"));
    let answer = house.post("/v1/bundles").multipart(form).send().await.unwrap();
    assert_eq!(json_of(answer, StatusCode::CREATED).await["digest"], digest);
    let answer = house.post("/v1/bundles").body("hello").send().await.unwrap();
    assert_eq!(error(answer, StatusCode::BAD_REQUEST).await, "bad_bundle");
    let answer =
        house.post("/v1/bundles").multipart(reqwest::multipart::Form::new().text("a", "b")).send().await.unwrap();
    assert_eq!(error(answer, StatusCode::BAD_REQUEST).await, "bad_bundle");
    let mut large = b"PK\x03\x04".to_vec();
    large.resize(2 << 10, 0);
    let answer = house.post("/v1/bundles").body(large).send().await.unwrap();
    assert_eq!(error(answer, StatusCode::PAYLOAD_TOO_LARGE).await, "payload_too_large");
    let looker = house.token(&["default"], false);
    let answer = house.request(Method::POST, "/v1/bundles").bearer_auth(looker).body("x").send().await.unwrap();
    assert_eq!(error(answer, StatusCode::FORBIDDEN).await, "forbidden");
}

#[actix_web::test]
async fn requests_are_counted_by_their_route() {
    let house = House::new().await;
    house.get("/v1/functions/a").send().await.unwrap();
    house.get("/v1/functions/b").send().await.unwrap();
    let text = house.get("/metrics").send().await.unwrap().text().await.unwrap();
    assert!(
        text.contains(r#"eventflow_http_requests_total{method="GET",path="/v1/functions/{name}",status="404"} 2"#),
        "{text}"
    );
    assert!(text.contains("eventflow_event_log_position 0"));
}

#[actix_web::test]
async fn whoever_asks_for_the_metrics_the_database_is_read_once_a_second() {
    let house = House::new().await;
    house.asked.take();
    let since = std::time::Instant::now();
    for _ in 0..50 {
        assert_eq!(house.get("/metrics").send().await.unwrap().status(), StatusCode::OK);
    }
    let reads = house.asked.count("min(queued_at)");
    assert!((1..=1 + since.elapsed().as_secs() as usize).contains(&reads), "{reads}");
}

#[actix_web::test]
async fn reads_over_rest_go_through_the_lane_of_who_asks() {
    let house = House::new().await;
    let of = |token: Option<&str>, pattern| {
        let bearer = token.map(|token| ("authorization", format!("Bearer {token}")));
        let request = bearer.into_iter().fold(TestRequest::default(), |request, header| request.insert_header(header));
        lane_of(&house.services, &request.to_http_request(), Some(pattern))
    };
    let token = house.token(&["default"], false);
    let own = of(Some(&token), "/v1/functions/{name}/logs").unwrap();
    assert!(!own.is_empty());
    assert_eq!(of(Some(&token), "/v1/functions/{name}"), Some(own));
    assert_eq!([of(None, "/metrics"), of(Some("x"), "/readyz")], [Some(String::new()), Some(String::new())]);
    assert_eq!([of(Some(&token), "/function/{name}"), of(Some(&token), "/graphql")], [None, None]);
}

#[actix_web::test]
async fn a_trace_goes_into_the_log() {
    let house = House::new().await;
    let id = house.running("default", "f").await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let traced = house.post("/v1/functions/f:invoke").header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"));
    let run = json_of(traced.send().await.unwrap(), StatusCode::ACCEPTED).await["run_id"].as_str().unwrap().to_owned();
    let query = format!("{{ history(stream: \"{run}\") {{ nodes {{ type actor correlationId }} }} }}");
    let record = house.graphql(&query, json!({})).await["history"]["nodes"][0].take();
    assert_eq!(
        record,
        json!({ "type": "Requested", "actor": "token:dev", "correlationId": "0af76519-16cd-43dd-8448-eb211c80319c" })
    );
    assert_ne!(json!(id), json!(run));
    let input = house.whole_run(&run).await.request.input.value();
    assert_eq!(input["traceparent"], format!("00-{trace}-b7ad6b7169203331-01"));

    // What is no trace is in neither.
    let nobody = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
    let traced = house.post("/v1/functions/f:invoke").header("traceparent", nobody).header("tracestate", "a=1");
    let run = json_of(traced.send().await.unwrap(), StatusCode::ACCEPTED).await["run_id"].as_str().unwrap().to_owned();
    let input = house.whole_run(&run).await.request.input.value();
    assert!(input.get("traceparent").is_none() && input.get("tracestate").is_none(), "{input}");
}

#[actix_web::test]
async fn numbers_and_the_order_of_keys_survive_events_and_invocations() {
    const ODD: &str = r#"{"z":123456789012345678901234567890,"a":18446744073709551616,"m":1.0,"l":[9007199254740993]}"#;
    let house = House::new().await;
    let function = house.running("default", "f").await;
    let text = async |id: &Value| {
        let stream = domain::Stream::event(id.as_str().unwrap().parse().unwrap());
        let loaded = house.commands.writer().load::<event::Aggregate>(&stream).await.unwrap();
        loaded.state.unwrap().event.get().to_owned()
    };
    let data = format!("\"data\":{ODD}");
    let one = |id: &str| format!(r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"a.b",{data}}}"#);
    for (kind, body) in
        [("application/cloudevents+json", one("1")), ("application/cloudevents-batch+json", format!("[{}]", one("2")))]
    {
        let sent = house.post("/v1/events").header("content-type", kind).body(body).send().await.unwrap();
        let taken = json_of(sent, StatusCode::ACCEPTED).await;
        assert!(text(&taken["events"][0]["id"]).await.contains(&data));
    }
    let binary = [("ce-specversion", "1.0"), ("ce-id", "3"), ("ce-source", "/s"), ("ce-type", "\"a.b\"")];
    let request = house.post("/v1/events").header("content-type", "application/json").body(ODD);
    let request = binary.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let taken = json_of(request.send().await.unwrap(), StatusCode::ACCEPTED).await;
    let event = text(&taken["events"][0]["id"]).await;
    assert!(event.contains(&data) && event.contains("\"type\":\"a.b\""), "{event}");

    let invoked = house.post("/v1/functions/f:invoke").header("content-type", "application/json").body(ODD);
    let invoked = json_of(invoked.send().await.unwrap(), StatusCode::ACCEPTED).await;
    let run: run::Id = invoked["run_id"].as_str().unwrap().parse().unwrap();
    let loaded = house.commands.writer().load::<run::Aggregate>(&domain::Stream::run(run)).await.unwrap();
    let input = loaded.state.unwrap().request.input;
    assert!(input.get().contains(&data), "{}", input.get());
    assert_eq!(function, function::id("default", "f", 1));

    // And back: what a function answered stands in the run as it was.
    let start = run::Command::Start { version: 1, node: "node-1".into(), lost: None, at: clock::now() };
    house.commands.run(run, start, cause()).await.unwrap();
    let outcome = Outcome { output: Some(Json::parse(ODD).unwrap()), http_status: Some(200), ..Outcome::default() };
    let done = run::Command::Succeed { attempt: 1, outcome, at: clock::now() };
    house.commands.run(run, done, cause()).await.unwrap();
    let shown = house.get(&format!("/v1/runs/{run}")).send().await.unwrap().text().await.unwrap();
    assert!(shown.contains(&format!("\"output\":{ODD}")), "{shown}");
}
