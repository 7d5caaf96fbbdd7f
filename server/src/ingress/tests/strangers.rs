//! What somebody learns of a namespace that they do not see: nothing, not even what is there.

use super::*;

/// What is asked about, in a namespace that the viewer does not see.
struct Foreign {
    function: String,
    build: String,
    run: String,
    event: String,
}

impl Foreign {
    fn nobody() -> Self {
        let id = || clock::new_id::<()>().to_string();
        Self { function: id(), build: id(), run: id(), event: id() }
    }
}

/// An answer in which an id that was asked with cannot be distinguished from others.
fn plain(text: String, of: &Foreign) -> String {
    let ids = [&of.function, &of.build, &of.run, &of.event];
    let text = ids.into_iter().fold(text, |text, id| text.replace(id.as_str(), "ID"));
    let mut value: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if let Some(error) = value.get_mut("error").and_then(Value::as_object_mut) {
        error.remove("request_id");
    }
    value.to_string()
}

/// Records an event of a namespace.
async fn received(house: &House, namespace: &str) -> event::Id {
    let event = event::id(namespace, "/shop", "1");
    let received = event::Received {
        id: event,
        namespace: namespace.into(),
        kind: "a.b".into(),
        source: "/shop".into(),
        event_id: "1".into(),
        subject: None,
        event: Json::of(&json!({ "specversion": "1.0" })).unwrap(),
        target: None,
        asynchronous: false,
        retry: None,
        callback: None,
        erased_at: None,
        at: clock::now(),
    };
    house.commands.receive(received, cause()).await.unwrap();
    event
}

async fn foreign(house: &House) -> Foreign {
    let function = house.registered("theirs", "f").await;
    let build = house.built(function).await;
    house.command(function, Command::Start { at: clock::now() }).await;
    let run = house.queued(function, "theirs").await;
    house.lines(function, None, Some(run), &["theirs"]).await;
    let event = received(house, "theirs").await;
    house.set_secret("theirs", "KEY", "x").await;
    Foreign { function: function.to_string(), build: build.to_string(), run: run.to_string(), event: event.to_string() }
}

#[actix_web::test]
async fn what_is_not_theirs_looks_like_what_is_not_there() {
    let house = House::new().await;
    house.running("team", "own").await;
    let token = house.token(&["team"], true);
    let (there, nowhere) = (foreign(&house).await, Foreign::nobody());

    let by_id = |of: &Foreign| {
        let Foreign { function, build, run, event } = of;
        vec![
            (Method::GET, format!("/v1/runs/{run}")),
            (Method::DELETE, format!("/v1/runs/{run}")),
            (Method::GET, format!("/v1/functions/own/logs?namespace=team&run={run}")),
            (Method::GET, format!("/v1/dead-letters/{run}")),
            (Method::DELETE, format!("/v1/dead-letters/{run}")),
            (Method::POST, format!("/v1/dead-letters/{run}:redrive")),
            (Method::GET, format!("/v1/dead-letters?function={function}")),
            (Method::GET, format!("/v1/runs/{build}")),
            (Method::GET, format!("/v1/runs/{event}")),
        ]
    };
    let rest = async |method: Method, path: &str, of: &Foreign| {
        let answer = house.request(method, path).bearer_auth(&token).send().await.unwrap();
        (answer.status(), plain(answer.text().await.unwrap(), of))
    };
    for ((method, one), (_, other)) in by_id(&there).into_iter().zip(by_id(&nowhere)) {
        assert_eq!(rest(method.clone(), &one, &there).await, rest(method, &other, &nowhere).await, "{one}");
    }
    for (method, path) in [
        (Method::GET, "/v1/functions/f?namespace=NS"),
        (Method::DELETE, "/v1/functions/f?namespace=NS"),
        (Method::POST, "/v1/functions/f:invoke?namespace=NS"),
        (Method::GET, "/v1/functions/f/logs?namespace=NS"),
        (Method::GET, "/v1/functions?namespace=NS"),
        (Method::GET, "/v1/runs/x?function=f&namespace=NS"),
        (Method::GET, "/v1/dead-letters?namespace=NS"),
        (Method::POST, "/v1/events?namespace=NS"),
        (Method::GET, "/function/NS/f"),
        (Method::POST, "/async-function/NS/f"),
    ] {
        let ask = async |namespace: &str| {
            let (status, text) = rest(method.clone(), &path.replace("NS", namespace), &there).await;
            (status, text.replace(namespace, "NS"))
        };
        assert_eq!(ask("theirs").await, ask("nowhere").await, "{path}");
    }

    let queries = |of: &Foreign| {
        let Foreign { function, build, run, event } = of;
        let errors = "userErrors { code message field }";
        vec![
            format!("{{ function(id: \"{function}\") {{ id }} }}"),
            format!("{{ run(id: \"{run}\") {{ id }} }}"),
            format!("{{ event(id: \"{event}\") {{ id }} }}"),
            format!("{{ runs(function: \"{function}\") {{ totalCount nodes {{ id }} }} }}"),
            format!("{{ runCounts(function: \"{function}\") {{ count }} }}"),
            format!("{{ deadLetters(function: \"{function}\") {{ totalCount }} }}"),
            format!("{{ history(stream: \"{run}\") {{ totalCount nodes {{ id }} }} }}"),
            format!("{{ history(stream: \"event-{event}\") {{ totalCount nodes {{ id }} }} }}"),
            format!("{{ history(stream: \"function-{function}\") {{ totalCount nodes {{ id }} }} }}"),
            format!("{{ metrics(function: \"{function}\", window: HOUR) {{ invocations }} }}"),
            format!("mutation {{ startFunction(id: \"{function}\") {{ function {{ id }} {errors} }} }}"),
            format!("mutation {{ stopFunction(id: \"{function}\") {{ function {{ id }} {errors} }} }}"),
            format!("mutation {{ deregisterFunction(id: \"{function}\") {{ function {{ id }} {errors} }} }}"),
            format!("mutation {{ buildFunction(id: \"{function}\") {{ build {{ id }} {errors} }} }}"),
            format!("mutation {{ cancelBuild(id: \"{build}\") {{ build {{ id }} {errors} }} }}"),
            format!("mutation {{ rollbackFunction(id: \"{function}\") {{ function {{ id }} {errors} }} }}"),
            format!("mutation {{ invokeFunction(id: \"{function}\") {{ run {{ id }} {errors} }} }}"),
            format!("mutation {{ cancelRun(id: \"{run}\") {{ run {{ id }} {errors} }} }}"),
            format!("mutation {{ replayRun(id: \"{run}\") {{ run {{ id }} {errors} }} }}"),
            format!(
                "mutation {{ replayEvent(id: \"{event}\", function: \"{function}\") {{ run {{ id }} {errors} }} }}"
            ),
        ]
    };
    let graphql =
        async |query: String, of: &Foreign| plain(house.answer_to(&token, &query, json!({})).await.to_string(), of);
    for (one, other) in queries(&there).into_iter().zip(queries(&nowhere)) {
        let shown = one.clone();
        let (found, expected) = (graphql(one, &there).await, graphql(other, &nowhere).await);
        assert!(!found.contains("Unknown") && !found.contains("theirs"), "{shown}: {found}");
        assert_eq!(found, expected, "{shown}");
    }
    for query in [
        "{ functions(namespace: \"NS\") { totalCount } }",
        "{ events(namespace: \"NS\") { totalCount } }",
        "{ runs(namespace: \"NS\") { totalCount } }",
        "{ secrets(namespace: \"NS\") { name } }",
        "{ function(namespace: \"NS\", name: \"f\") { id } }",
        "mutation { setSecret(namespace: \"NS\", name: \"KEY\", value: \"x\") { userErrors { code message field } } }",
        "mutation { removeSecret(namespace: \"NS\", name: \"KEY\") { userErrors { code message field } } }",
        "mutation { publishEvent(input: { namespace: \"NS\", type: \"a.b\", source: \"/shop\", id: \"1\" }) { userErrors { code message field } } }",
        "mutation { registerFunction(input: { namespace: \"NS\", name: \"f\", source: { git: { url: \"https://example.com/f\" } } }) { userErrors { code message field } } }",
    ] {
        let ask = async |namespace: &str| {
            let query = query.replace("NS", namespace);
            graphql(query, &there).await.replace(namespace, "NS")
        };
        let found = ask("theirs").await;
        assert!(!found.contains("Unknown"), "{query}: {found}");
        assert_eq!(found, ask("nowhere").await, "{query}");
    }
    let all = "{ namespaces { name } functions { totalCount } events { totalCount } runs { totalCount } history { totalCount } secrets { name } }";
    let found = house.answer_to(&token, all, json!({})).await.to_string();
    assert!(!found.contains("theirs") && !found.contains("KEY"), "{found}");
}

#[actix_web::test]
async fn credentials_of_an_invocation_are_not_recorded() {
    let house = House::new().await;
    let function = house.running("default", "f").await;
    let headers = [
        ("cookie", "eventflow=hush-1"),
        ("x-api-key", "hush-2"),
        ("x-amz-security-token", "hush-3"),
        ("proxy-authorization", "Basic hush-4"),
        ("x-auth-token", "hush-5"),
        ("cf-access-jwt-assertion", "hush-6"),
        ("ocp-apim-subscription-key", "hush-7"),
        ("x-own", "kept"),
        ("x-hub-signature-256", "sha256=kept"),
    ];
    for path in ["/v1/functions/f:invoke", "/async-function/f", "/function/f"] {
        let request = house.post(path).json(&json!({ "n": 1 }));
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap();
    }
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let page = store::PageRequest::first(9).counted();
    let runs = loop {
        let runs = house.store.runs(&store::RunFilter::default(), &page).await.unwrap().rows;
        if runs.len() == 3 {
            break runs;
        }
        assert!(tokio::time::Instant::now() < deadline, "{} runs", runs.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    for (_, run) in runs {
        assert_eq!(run.function, function);
        let input = house.whole_run(&run.id.to_string()).await.request.input;
        assert_eq!(input.value()["http"]["headers"]["x-own"], "kept", "{input:?}");
        assert_eq!(input.value()["http"]["headers"]["x-hub-signature-256"], "sha256=kept", "{input:?}");
        assert!(!input.get().contains("hush") && !input.get().contains("dev-token"), "{input:?}");
    }
    let query = "mutation($id: ID!) { invokeFunction(id: $id, http: { headers: [{ name: \"X-Auth-Token\", value: \"x\" }] }) { userErrors { code } } }";
    let answer = house.graphql(query, json!({ "id": function })).await;
    assert_eq!(answer["invokeFunction"]["userErrors"][0]["code"], "bad_request");
}

#[actix_web::test]
async fn calls_at_once_under_one_id_are_runs_of_their_own() {
    let house = House::new().await;
    let (function, other) = (house.running("default", "f").await, house.running("default", "g").await);
    let call = |name: &'static str| house.post(&format!("/function/{name}")).header("x-call-id", "order-7").send();
    let calls = futures::future::join_all((0..16).map(|n| call(if n % 2 == 0 { "f" } else { "g" }))).await;
    assert!(calls.iter().all(Result::is_ok));
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let page = store::PageRequest::first(99).counted();
    let ids = loop {
        let rows = house.store.runs(&store::RunFilter::default(), &page).await.unwrap().rows;
        if rows.len() == 16 {
            break rows.into_iter().map(|(_, row)| row.id).collect::<Vec<_>>();
        }
        assert!(tokio::time::Instant::now() < deadline && rows.len() < 16, "{} runs", rows.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    for function in [function, other] {
        assert_eq!(ids.iter().filter(|id| **id == run::called(function, "order-7")).count(), 1);
    }
    // What is known by now is not taken again.
    call("f").await.unwrap();
    let named = json_of(house.get("/v1/runs/order-7?function=f").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(named["id"], run::called(function, "order-7").to_string());
    assert_eq!(
        code_of(house.get("/v1/runs/order-8?function=f").send().await.unwrap(), StatusCode::NOT_FOUND).await,
        "run_not_found"
    );
}

#[actix_web::test]
async fn an_event_shows_nothing_of_its_runs_in_other_namespaces() {
    let house = House::new().await;
    house.registered("team", "own").await;
    let theirs = house.running("theirs", "f").await;
    let event = received(&house, "team").await;
    // Until it was refused, an event could be sent again to functions of other namespaces.
    house.queued_for(theirs, "theirs", Some(event)).await;
    let query = format!(
        "{{ event(id: \"{event}\") {{ reach {{ function {{ name }} run {{ id }} }} runs {{ totalCount }} reachTotals {{ functions }} }} }}"
    );
    let seen = house.answer_to(&house.token(&["team"], false), &query, json!({})).await;
    let expected = json!({
        "reach": [{ "function": { "name": "own" }, "run": null }], "runs": { "totalCount": 0 }, "reachTotals": { "functions": 1 },
    });
    assert_eq!(seen["data"]["event"], expected, "{seen}");

    let both = house.token(&["team", "theirs"], true);
    let again = format!(
        "mutation {{ replayEvent(id: \"{event}\", function: \"{theirs}\") {{ userErrors {{ code field }} }} }}"
    );
    let refused = house.answer_to(&both, &again, json!({})).await;
    let expected = json!([{ "code": "other_namespace", "field": ["function"] }]);
    assert_eq!(refused["data"]["replayEvent"]["userErrors"], expected, "{refused}");
}
