//! Dead letters, in REST and GraphQL.

use domain::run::event::Failure;

use super::*;

impl House {
    /// A run whose only attempt failed for good.
    async fn dead(&self, function: function::Id, namespace: &str, input_cut: bool) -> run::Id {
        let run = clock::new_id();
        let input = Json::parse(r#"{"specversion":"1.0","id":"1","source":"/","type":"a.b","data":{"n":1}}"#).unwrap();
        let request = Request {
            run,
            function,
            namespace: namespace.into(),
            trigger: "a.b".into(),
            event: None,
            input,
            input_cut,
            version: None,
            replayed_from: None,
            callback: Some("https://example.com/".into()),
        };
        let policy = domain::retry::Policy { max_attempts: 1, ..Default::default() };
        let command = run::Command::Request { request, delivery: Delivery::Retried(policy), at: clock::now() };
        self.commands.new_run(run, command, cause()).await.unwrap();
        let start = run::Command::Start { version: 1, node: "node-1".into(), lost: None, at: clock::now() };
        self.commands.run(run, start, cause()).await.unwrap();
        let failure = Failure { error: "it broke".into(), timed_out: false, outcome: Outcome::default() };
        let fail = run::Command::Fail {
            begun: true,
            attempt: 1,
            failure,
            retryable: true,
            retry_after_s: None,
            jitter: 0.0,
            at: clock::now(),
        };
        self.commands.run(run, fail, cause()).await.unwrap();
        run
    }

    async fn letters(&self, query: &str) -> Vec<String> {
        let answer = self.get(&format!("/v1/dead-letters{query}")).send().await.unwrap();
        let letters = json_of(answer, StatusCode::OK).await;
        letters.as_array().unwrap().iter().map(|letter| letter["id"].as_str().unwrap().to_owned()).collect()
    }
}

#[actix_web::test]
async fn dead_letters_are_listed_and_shown_with_their_whole_input() {
    let house = House::new().await;
    let (f, g) = (house.running("default", "f").await, house.running("team", "g").await);
    let (a, b) = (house.dead(f, "default", false).await, house.dead(g, "team", false).await);
    let alive = house.queued(f, "default").await;
    assert_eq!(house.letters("").await, [b.to_string(), a.to_string()]);
    assert_eq!(house.letters("?namespace=team").await, [b.to_string()]);
    assert_eq!(house.letters(&format!("?function={f}")).await, [a.to_string()]);
    assert_eq!(house.letters("?until=2020-01-01T00:00:00Z").await, [""; 0]);
    let answer = house.get("/v1/dead-letters?limit=1").send().await.unwrap();
    assert_eq!(answer.headers()["x-total-count"], "2");
    let link = answer.headers()["link"].to_str().unwrap().to_owned();
    let next = link.split(['<', '>']).nth(1).unwrap();
    assert_eq!(house.letters(next.strip_prefix("/v1/dead-letters").unwrap()).await, [a.to_string()]);

    let letter = json_of(house.get(&format!("/v1/dead-letters/{a}")).send().await.unwrap(), StatusCode::OK).await;
    assert_eq!((&letter["state"], &letter["reason"]), (&json!("WAITING"), &json!("it broke")));
    assert_eq!((&letter["input"]["data"]["n"], &letter["run"]["state"]), (&json!(1), &json!("DEAD")));
    let answer = house.get(&format!("/v1/dead-letters/{alive}")).send().await.unwrap();
    assert_eq!(code_of(answer, StatusCode::CONFLICT).await, "run_not_dead");

    let query = "query($ns: String, $f: ID) { deadLetters(namespace: $ns, function: $f) { totalCount nodes { id deadLetter error redrivenAs { id } } } }";
    let found = house.graphql(query, json!({ "ns": "team" })).await;
    let expected = json!({ "id": b, "deadLetter": "WAITING", "error": "it broke", "redrivenAs": null });
    assert_eq!(found["deadLetters"], json!({ "totalCount": 1, "nodes": [expected] }));
    assert_eq!(house.graphql(query, json!({ "f": f })).await["deadLetters"]["nodes"][0]["id"], json!(a));

    // Whoever names a namespace, in whatever way, means no other.
    let answer = house.get("/v1/dead-letters").header("x-namespace", "team").send().await.unwrap();
    assert_eq!(json_of(answer, StatusCode::OK).await.as_array().unwrap().len(), 1);
    let answer = house.post("/v1/dead-letters:purge").header("x-namespace", "nobodys").send().await.unwrap();
    assert_eq!(json_of(answer, StatusCode::OK).await["purged"], 0);

    // Who belongs to one namespace sees its letters alone.
    let ada = house.token(&["team"], true);
    let answer = house.request(Method::GET, "/v1/dead-letters").bearer_auth(&ada).send().await.unwrap();
    assert_eq!(json_of(answer, StatusCode::OK).await.as_array().unwrap().len(), 1);
    let answer =
        house.request(Method::GET, "/v1/dead-letters?namespace=default").bearer_auth(&ada).send().await.unwrap();
    assert_eq!(code_of(answer, StatusCode::FORBIDDEN).await, "forbidden");
    for (method, path) in [(Method::GET, ""), (Method::POST, ":redrive"), (Method::DELETE, "")] {
        let path = format!("/v1/dead-letters/{a}{path}");
        let answer = house.request(method, &path).bearer_auth(&ada).send().await.unwrap();
        assert_eq!(code_of(answer, StatusCode::NOT_FOUND).await, "run_not_found", "{path}");
    }
}

#[actix_web::test]
async fn redriving_makes_one_new_run_that_names_the_old_one() {
    let house = House::new().await;
    let f = house.running("default", "f").await;
    let old = house.dead(f, "default", false).await;
    let new = run::redriven(old);
    let redrive = || house.post(&format!("/v1/dead-letters/{old}:redrive")).send();
    for _ in 0..2 {
        let answer = redrive().await.unwrap();
        assert_eq!(answer.headers()["location"], format!("/v1/runs/{new}"));
        assert_eq!(json_of(answer, StatusCode::ACCEPTED).await["run_id"], json!(new));
    }
    let stream = domain::Stream::run(new);
    let run = house.commands.writer().load::<run::Aggregate>(&stream).await.unwrap().state.unwrap();
    assert_eq!((run.request.replayed_from, run.request.trigger.as_str()), (Some(old), "a.b"));
    // By the policy of the version that is current now, and nobody waits to be called back for it.
    assert_eq!((run.delivery, run.request.callback), (Delivery::Retried(Default::default()), None));
    assert_eq!(run.request.input.value()["data"]["n"], 1);
    let query = "query($id: ID!) { run(id: $id) { state deadLetter redrivenAs { id state replayedFrom { id } } } }";
    let found = house.graphql(query, json!({ "id": old })).await;
    let expected = json!({ "id": new, "state": "QUEUED", "replayedFrom": { "id": old } });
    assert_eq!(found["run"], json!({ "state": "DEAD", "deadLetter": "REDRIVEN", "redrivenAs": expected }));
    assert_eq!(house.letters("").await, [""; 0]);

    let other = house.dead(f, "default", false).await;
    let redrive = "mutation($id: ID!) { redriveRun(id: $id) { run { id replayedFrom { id } } userErrors { code } } }";
    let done = house.graphql(redrive, json!({ "id": other })).await;
    assert_eq!(done["redriveRun"]["run"], json!({ "id": run::redriven(other), "replayedFrom": { "id": other } }));
    let alive = house.queued(f, "default").await;
    let done = house.graphql(redrive, json!({ "id": alive })).await;
    assert_eq!(done["redriveRun"]["userErrors"][0]["code"], "run_not_dead");
}

#[actix_web::test]
async fn what_cannot_be_redriven_says_why() {
    let house = House::new().await;
    let (f, gone) = (house.running("default", "f").await, house.running("default", "gone").await);
    let (cut, left, purged) = (
        house.dead(f, "default", true).await,
        house.dead(gone, "default", false).await,
        house.dead(f, "default", false).await,
    );
    house.command(gone, Command::Deregister { at: clock::now() }).await;
    let redrive = |id: run::Id| house.post(&format!("/v1/dead-letters/{id}:redrive")).send();
    assert_eq!(code_of(redrive(cut).await.unwrap(), StatusCode::CONFLICT).await, "run_not_replayable");
    assert_eq!(code_of(redrive(left).await.unwrap(), StatusCode::GONE).await, "function_deregistered");
    for _ in 0..2 {
        let purge = house.request(Method::DELETE, &format!("/v1/dead-letters/{purged}")).bearer_auth("dev-token");
        assert_eq!(purge.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(code_of(redrive(purged).await.unwrap(), StatusCode::CONFLICT).await, "run_purged");

    let query = "mutation { redriveDeadLetters { redriven remaining userErrors { code field } } }";
    let done = house.graphql(query, json!({})).await["redriveDeadLetters"].take();
    assert_eq!((&done["redriven"], &done["remaining"]), (&json!(0), &json!(2)));
    let errors = json!([
        { "code": "function_deregistered", "field": [left] }, { "code": "run_not_replayable", "field": [cut] },
    ]);
    assert_eq!(done["userErrors"], errors);
    // They can be purged all the same; who may only look may not.
    let reader = house.token(&["default"], false);
    let answer = house.request(Method::DELETE, &format!("/v1/dead-letters/{cut}")).bearer_auth(&reader);
    assert_eq!(code_of(answer.send().await.unwrap(), StatusCode::FORBIDDEN).await, "forbidden");
    let purge = "mutation($id: ID!) { purgeRun(id: $id) { run { deadLetter } userErrors { code } } }";
    let done = house.graphql(purge, json!({ "id": left })).await;
    assert_eq!(done["purgeRun"], json!({ "run": { "deadLetter": "PURGED" }, "userErrors": [] }));
    let purge = "mutation($ids: [ID!]) { purgeDeadLetters(ids: $ids) { purged remaining userErrors { code } } }";
    let done = house.graphql(purge, json!({ "ids": [cut] })).await;
    assert_eq!(done["purgeDeadLetters"], json!({ "purged": 1, "remaining": 0, "userErrors": [] }));
}

#[actix_web::test]
async fn many_are_redriven_or_purged_at_once() {
    let house = House::new().await;
    let (f, g) = (house.running("default", "f").await, house.running("team", "g").await);
    for _ in 0..105 {
        house.dead(f, "default", false).await;
    }
    let kept = house.dead(g, "team", false).await;
    let post = |path: &str, body: Value| house.post(&format!("/v1/dead-letters:{path}")).json(&body).send();
    let done = json_of(post("redrive", json!({ "function": f, "limit": 3 })).await.unwrap(), StatusCode::OK).await;
    assert_eq!(done, json!({ "redriven": 3, "remaining": 102, "problems": [] }));
    // More than one page.
    let done = json_of(post("redrive", json!({ "namespace": "default" })).await.unwrap(), StatusCode::OK).await;
    assert_eq!(done, json!({ "redriven": 102, "remaining": 0, "problems": [] }));
    assert_eq!(house.letters("").await, [kept.to_string()]);
    let past = json!({ "until": "2020-01-01T00:00:00Z" });
    let done = json_of(post("purge", past).await.unwrap(), StatusCode::OK).await;
    assert_eq!(done, json!({ "purged": 0, "remaining": 0 }));
    let done = json_of(post("purge", json!({ "namespace": "team" })).await.unwrap(), StatusCode::OK).await;
    assert_eq!(done, json!({ "purged": 1, "remaining": 0 }));
    assert_eq!(
        code_of(post("purge", json!({ "limit": 0 })).await.unwrap(), StatusCode::BAD_REQUEST).await,
        "bad_limit"
    );
    let wrong = post("purge", json!({ "funktion": f })).await.unwrap();
    assert_eq!(code_of(wrong, StatusCode::BAD_REQUEST).await, "bad_json");
}
