//! Watching over a socket.

use super::*;

#[actix_web::test]
async fn a_client_that_comes_back_misses_nothing_and_sees_nothing_twice() {
    let house = House::new().await;
    let id = house.registered("default", "f").await;
    let query =
        "subscription { functionChanged(afterPosition: 0) { position event { type version } function { id } } }";
    let mut first = house.subscribe(query).await;
    let mut seen = first.take(1).await;
    let writing = async {
        for _ in 0..20 {
            house.built(id).await;
        }
    };
    let reading = async {
        seen.extend(first.take(17).await);
        // It goes away in the middle, and comes back after the last position that it saw.
        drop(first);
        let last = seen.last().unwrap()["position"].as_u64().unwrap();
        let mut second = house.subscribe(&query.replace("afterPosition: 0", &format!("afterPosition: {last}"))).await;
        while seen.last().unwrap()["event"]["version"].as_u64().unwrap() < 1 + 20 * 3 {
            seen.extend(second.take(1).await);
        }
    };
    tokio::join!(writing, reading);
    // 20 builds of 3 events, and 19 promotions of versions that were built while nothing ran.
    let versions: Vec<_> = seen.iter().map(|change| change["event"]["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>());
    assert!(seen.iter().all(|change| change["function"]["id"] == json!(id)));
}

#[actix_web::test]
async fn each_change_brings_the_entity_as_it_is_now() {
    let house = House::new().await;
    let id = house.running("default", "f").await;
    let other = house.running("default", "g").await;
    let mut socket = house.subscribe(&format!("subscription {{ runChanged(function: \"{id}\", afterPosition: 0) {{ position event {{ type }} run {{ state output function {{ name }} }} }} }}")).await;
    house.queued(other, "default").await;
    let run = house.queued(id, "default").await;
    let change = socket.next().await.unwrap();
    assert_eq!((&change["event"]["type"], &change["run"]["function"]["name"]), (&json!("Requested"), &json!("f")));
    house.succeed(run, json!({ "ok": true })).await;
    let changes = socket.take(2).await;
    assert_eq!((&changes[0]["event"]["type"], &changes[1]["event"]["type"]), (&json!("Started"), &json!("Succeeded")));
    assert_eq!(
        changes[1]["run"],
        json!({ "state": "SUCCEEDED", "output": { "ok": true }, "function": { "name": "f" } })
    );
}

#[actix_web::test]
async fn two_viewers_see_each_their_own_namespace() {
    let house = House::new().await;
    let (mine, theirs) = (house.registered("team", "a").await, house.registered("other", "b").await);
    let token = house.token(&["team"], true);
    let mut changes = house
        .subscribe_as(&token, "subscription { functionChanged(afterPosition: 0) { event { type } function { id } } }")
        .await;
    let mut history = house.subscribe_as(&token, "subscription { history(afterPosition: 0) { stream type } }").await;
    let mut events = house
        .subscribe_as(
            &token,
            "subscription { eventReceived(type: \"file.*\", afterPosition: 0) { event { type namespace } } }",
        )
        .await;
    let mut all = house.subscribe("subscription { history(afterPosition: 0) { stream } }").await;
    house.built(theirs).await;
    for (namespace, kind) in [("other", "file.uploaded"), ("team", "other.kind"), ("team", "file.uploaded")] {
        let event = json!({ "specversion": "1.0", "id": kind, "source": "/", "type": kind });
        let path = format!("/v1/events?namespace={namespace}");
        let answer = house
            .post(&path)
            .header("content-type", "application/cloudevents+json")
            .body(event.to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
    house.command(mine, Command::RequestBuild { build: clock::new_id(), git_ref: None, at: clock::now() }).await;
    let seen: Vec<_> = changes
        .take(2)
        .await
        .into_iter()
        .map(|change| (change["event"]["type"].clone(), change["function"]["id"].clone()))
        .collect();
    assert_eq!(seen, [(json!("Registered"), json!(mine)), (json!("BuildRequested"), json!(mine))]);
    assert_eq!(events.next().await.unwrap()["event"], json!({ "type": "file.uploaded", "namespace": "team" }));
    let kinds: Vec<_> = history.take(4).await.into_iter().map(|record| record["type"].clone()).collect();
    assert_eq!(kinds, ["Registered", "Received", "Received", "BuildRequested"]);
    assert_eq!(all.take(9).await.len(), 9);
    let mut refused =
        house.subscribe_as(&token, "subscription { functionChanged(namespace: \"other\") { position } }").await;
    assert_eq!(refused.message().await["payload"][0]["extensions"]["code"], "forbidden");
}

#[actix_web::test]
async fn a_builds_log_ends_with_the_build() {
    let house = House::new().await;
    let id = house.registered("default", "f").await;
    let build: BuildId = clock::new_id();
    house.command(id, Command::RequestBuild { build, git_ref: None, at: clock::now() }).await;
    house.command(id, Command::StartBuild { build, node: "node-1".into(), at: clock::now() }).await;
    house.lines(id, Some(build), None, &["one", "two"]).await;
    let query = format!("subscription {{ buildLog(build: \"{build}\") {{ position text }} }}");
    let mut live = house.subscribe(&query).await;
    assert_eq!(live.take(2).await[1]["text"], "two");
    house.lines(id, Some(build), None, &["three"]).await;
    assert_eq!(live.next().await.unwrap()["text"], "three");
    house.lines(id, Some(build), None, &["four"]).await;
    house.finished(id, build).await;
    assert_eq!(live.next().await.unwrap()["text"], "four");
    assert_eq!(live.next().await, None);
    let mut late = house.subscribe(&query).await;
    let lines = late.take(4).await;
    assert_eq!(late.next().await, None);
    let after = lines[2]["position"].as_u64().unwrap();
    let mut rest = house.subscribe(&query.replace("\")", &format!("\", after: {after})"))).await;
    assert_eq!(rest.next().await.unwrap()["text"], "four");
    assert_eq!(rest.next().await, None);
}

#[actix_web::test]
async fn a_function_puts_no_lines_into_anothers_run() {
    let house = House::new().await;
    let (id, liar) = (house.running("default", "f").await, house.running("default", "liar").await);
    let run = house.queued(id, "default").await;
    let mut socket =
        house.subscribe(&format!("subscription {{ logs(run: \"{run}\", after: 0) {{ text run }} }}")).await;
    house.lines(liar, None, Some(run), &["I am not of this run"]).await;
    house.lines(id, None, Some(run), &["mine"]).await;
    assert_eq!(socket.next().await.unwrap(), json!({ "text": "mine", "run": run }));
    let query = format!("{{ run(id: \"{run}\") {{ log {{ text }} }} }}");
    assert_eq!(house.graphql(&query, json!({})).await["run"]["log"], json!([{ "text": "mine" }]));
}

#[actix_web::test]
async fn a_socket_needs_a_good_token() {
    let house = House::new().await;
    for (payload, expected) in [
        (json!({}), "needs a token"),
        (json!({ "Authorization": "Bearer nonsense" }), "is broken"),
        (json!({ "token": "" }), "is broken"),
    ] {
        let mut socket = house.socket(payload).await;
        let Message::Close(Some(frame)) = socket.frame().await else { panic!("it was not closed") };
        assert_eq!(u16::from(frame.code), 4403);
        assert!(frame.reason.contains(expected), "{}", frame.reason);
    }
    for payload in [
        json!({ "authorization": "bearer dev-token" }),
        json!({ "token": "dev-token" }),
        json!({ "headers": { "Authorization": "Bearer dev-token" } }),
    ] {
        assert_eq!(house.socket(payload).await.message().await["type"], "connection_ack");
    }
    let mut hasty = house.socket(json!({ "token": "dev-token" })).await;
    hasty.message().await;
    hasty.send(json!({ "nonsense": true })).await;
    let Message::Close(Some(frame)) = hasty.frame().await else { panic!("it was not closed") };
    assert_eq!(u16::from(frame.code), 4400);
}

#[actix_web::test]
async fn a_connection_has_so_many_subscriptions_and_no_more() {
    let house = House::with(|limits| limits.subscriptions = 2).await;
    let mut socket = house.socket(json!({ "token": "dev-token" })).await;
    assert_eq!(socket.message().await["type"], "connection_ack");
    let subscribe = |id: &str| json!({ "id": id, "type": "subscribe", "payload": { "query": "subscription { functionChanged(afterPosition: 0) { position } }" } });
    for id in ["1", "2", "3"] {
        socket.send(subscribe(id)).await;
    }
    let refused = socket.message().await;
    assert_eq!(
        (&refused["id"], &refused["type"], &refused["payload"][0]["extensions"]["code"]),
        (&json!("3"), &json!("error"), &json!("too_many_subscriptions"))
    );
    // One that ends makes room.
    socket.send(json!({ "id": "1", "type": "complete" })).await;
    socket.send(subscribe("4")).await;
    house.registered("default", "f").await;
    let mut ids = [socket.message().await["id"].clone(), socket.message().await["id"].clone()];
    ids.sort_by_key(Value::to_string);
    assert_eq!(ids, ["2", "4"]);
}

#[actix_web::test]
async fn a_subscription_goes_on_when_the_log_was_away() {
    let house = House::new().await;
    let id = house.registered("default", "f").await;
    let mut socket = house.subscribe("subscription { functionChanged(afterPosition: 0) { event { type } } }").await;
    assert_eq!(socket.next().await.unwrap()["event"]["type"], "Registered");
    let by_id = "FROM functions WHERE id IN";
    house.asked.set_failing(Some(by_id));
    house.asked.take();
    house.command(id, Command::RequestBuild { build: clock::new_id(), git_ref: None, at: clock::now() }).await;
    let failed = async {
        while house.asked.count(by_id) < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, failed).await.unwrap();
    house.asked.set_failing(None);
    assert_eq!(socket.next().await.unwrap()["event"]["type"], "BuildRequested");
}

#[actix_web::test]
async fn a_ping_is_answered() {
    let house = House::new().await;
    let mut socket = house.socket(json!({ "token": "dev-token" })).await;
    socket.message().await;
    socket.inner.send(Message::Ping("x".into())).await.unwrap();
    assert_eq!(socket.frame().await, Message::Pong("x".into()));
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.message().await["type"], "pong");
    socket.send(json!({ "id": "1", "type": "subscribe", "payload": { "query": "{ viewer { name } }" } })).await;
    assert_eq!(socket.next().await.unwrap(), json!({ "name": "token:dev" }));
}
