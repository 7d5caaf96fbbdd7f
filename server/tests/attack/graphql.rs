//! Queries that cost more than they say, and whatever else is work before a limit.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{Options, TestApp};
use crate::people::{Socket, known_key, token};
use crate::victim::victim;

/// A fragment whose text spreads the next one, so many levels deep.
fn levels(count: usize, body: impl Fn(usize) -> String) -> String {
    let mut query = "{...f0}".to_owned();
    for level in 0..count {
        query.push_str(&format!("fragment f{level} on Query{{{}}}", body(level + 1)));
    }
    query + &format!("fragment f{count} on Query{{__typename}}")
}

/// Queries of a few kilobytes that a library which walks along fragments never comes back from.
fn bombs() -> Vec<String> {
    let deep = |open: &str| open.repeat(20_000);
    vec![
        levels(40, |i| format!("...f{i} ...f{i}")),
        levels(40, |i| format!("...{{...f{i}}}...@skip(if:false){{...f{i}}}")),
        levels(8, |i| format!("...f{i} ").repeat(40)),
        levels(40, |i| format!("...f{i} ...f{i}")).replacen("{...f0}", "{__typename}", 1),
        "{...a}fragment a on Query{...a ...a}".to_owned(),
        format!("{{{}}}fragment f on Query{{{}}}", "...f ".repeat(2000), "__typename ".repeat(2000)),
        deep("{a"),
        deep("{a(b:["),
        deep("query($a:["),
        format!("{{a {}}}", "@skip(if:true)".repeat(4000)),
        format!("{{viewer{{{}}}}}", "x ".repeat(20_000)),
    ]
}

fn is_refused(answer: &Value) -> bool {
    let code = answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default();
    matches!(code, "query_too_complex" | "query_too_deep" | "bad_query")
}

#[tokio::test]
async fn large_rows_under_a_thousand_names_are_not_all_loaded() {
    let app = victim(Options::default()).await;
    // A value has a length; a manifest has many of them.
    let values: serde_json::Map<_, _> =
        (0..6).map(|number| (format!("V{number}"), json!("x".repeat(32_000)))).collect();
    for number in 0..40 {
        let manifest = json!({ "runtime": "node", "env": values });
        let source = json!({ "git": { "url": "https://example.com/nothing.git" } });
        let input = json!({ "name": format!("f{number}"), "source": source, "manifest": manifest });
        let variables = json!({ "input": input });
        let types = "$input: RegisterFunctionInput!";
        app.mutate("registerFunction", "input: $input", "function { id }", variables, types).await;
    }
    let before = status(&app, "VmRSS:");
    for generation in ["", ", asOf: \"2100-01-01T00:00:00Z\""] {
        let field = |number: usize| format!("a{number}: function(name: \"f{}\"{generation}) {{ id }}", number % 40);
        let query = |fields| format!("{{ {} }}", (0..fields).map(field).collect::<Vec<_>>().join(" "));
        app.graphql(&query(100), Value::Null).await;
        let answer = app.try_graphql(&query(900), Value::Null).await;
        let errors = answer["errors"].as_array().expect("not all of them are answered");
        assert!(errors.iter().all(|error| error["extensions"]["code"] == "answer_too_large"), "{:?}", errors[0]);
        // 128 MiB have room for some 700 of them.
        assert!(errors.len() >= 200, "{} of 900 were refused", errors.len());
    }
    let grew = status(&app, "VmHWM:").saturating_sub(before);
    assert!(grew < 400 << 10, "the memory grew by {grew} KiB");
}

#[tokio::test]
async fn hundreds_of_costly_queries_of_one_viewer_hold_up_nobody_else() {
    const COSTLY: usize = 120;
    let app = victim(known_key()).await;
    let reader = token(false, Duration::from_secs(600), true);
    let source = json!({ "image": { "image": "nowhere.invalid/x:1", "command": vec!["y".repeat(163); 100] } });
    let variables = json!({ "input": { "name": "big", "source": source } });
    let types = "$input: RegisterFunctionInput!";
    app.mutate("registerFunction", "input: $input", "function { id }", variables, types).await;
    let texts: String = (0..800).map(|number| format!("c{number}: command ")).collect();
    let more = "runs(first: 1) { nodes { id } } builds(first: 5) { nodes { id } }";
    let query = json!({ "query": format!("{{ function(name: \"big\") {{ source {{ {texts} }} {more} }} }}") });
    let answered = std::sync::atomic::AtomicUsize::new(0);
    let costly = (0..COSTLY).map(async |_| {
        let request = app.request(reqwest::Method::POST, "/graphql").bearer_auth(&reader);
        let answer = request.json(&query).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap();
        answered.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    });
    let others = async {
        app.eventually("the first of them is answered", async || {
            (answered.load(std::sync::atomic::Ordering::Relaxed) > 0).then_some(())
        })
        .await;
        let before = answered.load(std::sync::atomic::Ordering::Relaxed);
        for _ in 0..5 {
            app.graphql("{ viewer { name } }", Value::Null).await;
            assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
        }
        answered.load(std::sync::atomic::Ordering::Relaxed) - before
    };
    let (_, meanwhile) = tokio::join!(futures::future::join_all(costly), others);
    assert!(meanwhile < COSTLY / 2, "{meanwhile} of {COSTLY} costly queries were answered before ten small requests");
}

#[tokio::test]
async fn a_query_that_multiplies_is_refused_while_everybody_else_is_served() {
    let app = victim(known_key()).await;
    let reader = token(false, Duration::from_secs(600), true);
    // By whoever may only look, more of them than the server has workers, at once and through each door.
    let mut posts = Vec::new();
    for bomb in bombs() {
        for _ in 0..2 {
            let request = app.request(reqwest::Method::POST, "/graphql").bearer_auth(&reader);
            posts.push(request.json(&json!({ "query": bomb })).send());
        }
    }
    let answers = async {
        for answer in futures::future::join_all(posts).await {
            let answer: Value = answer.unwrap().json().await.unwrap();
            assert!(is_refused(&answer), "{answer:#}");
            assert!(answer.to_string().len() < 32 << 10, "the answer is no longer than what was asked");
        }
    };
    let health = async {
        assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
    };
    tokio::join!(answers, health);

    let query: String = url::form_urlencoded::byte_serialize(bombs()[0].as_bytes()).collect();
    let request = app.request(reqwest::Method::GET, &format!("/graphql?query={query}"));
    let answer: Value = request.bearer_auth(&reader).send().await.unwrap().json().await.unwrap();
    assert!(is_refused(&answer), "{answer:#}");

    let mut socket = Socket::open(&app, &reader).await;
    for bomb in bombs() {
        socket.subscribe("1", &bomb).await;
        let answer = socket.message().await.unwrap();
        assert_eq!(answer["type"], "error", "{answer:#}");
        assert!(is_refused(&json!({ "errors": answer["payload"] })), "{answer:#}");
    }
    assert_eq!(app.get("/readyz").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_server_that_was_asked_too_much_ends_when_it_is_told_to() {
    let mut app = victim(Options::default().env("EVENTFLOW_STOP_GRACE", "2")).await;
    for _ in 0..8 {
        // Nobody waits for the answers.
        let asked = app.post("/graphql").json(&json!({ "query": bombs()[0] })).send();
        tokio::spawn(asked);
    }
    app.terminate().await;
}

/// What tools ask to know all of a schema.
fn introspection() -> String {
    let mut of_type = "kind name".to_owned();
    for _ in 0..7 {
        of_type = format!("kind name ofType {{ {of_type} }}");
    }
    format!(
        "fragment F on __Type {{ kind name description fields(includeDeprecated: true) {{ name description args {{ ...I }}
           type {{ ...R }} isDeprecated deprecationReason }} inputFields {{ ...I }} interfaces {{ ...R }}
           enumValues(includeDeprecated: true) {{ name description }} possibleTypes {{ ...R }} }}
         fragment I on __InputValue {{ name description type {{ ...R }} defaultValue }}
         fragment R on __Type {{ {of_type} }}"
    )
}

#[tokio::test]
async fn the_schema_is_answered_once_and_not_many_times_over() {
    let app = victim(Options::default()).await;
    let ask = async |times: usize| -> (Value, usize) {
        let fields: String = (0..times).map(|i| format!("s{i}: __schema {{ types {{ ...F }} }} ")).collect();
        let query = format!("{{ {fields} }} {}", introspection());
        let answer = app.post("/graphql").json(&json!({ "query": query })).send().await.unwrap();
        let text = answer.text().await.unwrap();
        (serde_json::from_str(&text).unwrap(), text.len())
    };
    let (answer, length) = ask(1).await;
    assert!(answer.get("errors").is_none(), "{}", &answer.to_string()[..500]);
    assert!(length < 2 << 20, "{length} bytes");
    for times in [10, 100] {
        let (answer, _) = ask(times).await;
        assert!(is_refused(&answer), "{times} times");
    }
    let chain = "fields { type { ".repeat(4) + "name" + &" } }".repeat(4);
    let answer = app.try_graphql(&format!("{{ __schema {{ types {{ {chain} }} }} }}"), Value::Null).await;
    assert!(is_refused(&answer), "{answer:#}");
}

#[tokio::test]
async fn a_large_variable_is_not_copied_a_thousand_times() {
    let app = victim(Options::default()).await;
    let uses: String = (0..1500).map(|i| format!("a{i}: functions(search: $v) {{ totalCount }} ")).collect();
    let query = format!("query($v: String) {{ {uses} }}");
    let answer = app.try_graphql(&query, json!({ "v": "x".repeat(5 << 20) })).await;
    assert!(is_refused(&answer), "{}", &answer.to_string()[..200]);
}

#[tokio::test]
async fn what_is_repeated_in_a_message_costs_no_more_than_its_length() {
    let app = victim(known_key()).await;
    let reader = token(false, Duration::from_secs(600), true);
    // The beginnings of addresses, and far behind them what may end the credentials of each.
    let cursor = "://".repeat(1_500_000) + "@";
    let query = "query($c: String) { functions(first: 1, after: $c) { pageInfo { hasNextPage } } }";
    let request = app.request(reqwest::Method::POST, "/graphql").bearer_auth(&reader).timeout(Duration::from_secs(60));
    let answer = request.json(&json!({ "query": query, "variables": { "c": cursor } })).send().await.unwrap();
    let answer = answer.text().await.unwrap();
    assert!(answer.contains("is not a cursor"), "{}", &answer[..answer.len().min(500)]);
    assert!(answer.len() < 4 << 10, "{} bytes", answer.len());
}

#[tokio::test]
async fn an_answer_is_not_long_because_its_fields_are_called_so() {
    let app = victim(known_key()).await;
    let reader = token(false, Duration::from_secs(600), true);
    let types: String = (0..50).map(|i| format!("a{i}: types {{ ...T }} ")).collect();
    for length in [100, 10_000] {
        let name = "n".repeat(length);
        let query = format!("{{ __schema {{ {types} }} }} fragment T on __Type {{ fields {{ {name}: name }} }}");
        let request = app.request(reqwest::Method::POST, "/graphql").bearer_auth(&reader);
        let answer = request.json(&json!({ "query": query })).send().await.unwrap().text().await.unwrap();
        assert!(answer.len() < 4 << 20, "{} bytes for {}", answer.len(), query.len());
        assert_eq!(is_refused(&serde_json::from_str(&answer).unwrap()), length > 1000);
    }
}

#[tokio::test]
async fn payloads_take_so_much_memory_and_no_more() {
    let app = victim(Options::default()).await;
    for number in 0..10 {
        let data = format!("[{}{{}}]", "{\"\":0},".repeat(32_000));
        let event =
            format!("{{\"specversion\":\"1.0\",\"id\":\"{number}\",\"source\":\"/a\",\"type\":\"a\",\"data\":{data}}}");
        let sent = app.post("/v1/events").header("content-type", "application/cloudevents+json").body(event);
        assert_eq!(sent.send().await.unwrap().status(), 202);
    }
    let before = resident(&app);
    let fields: String = (0..4).map(|i| format!("a{i}: events(first: 10) {{ nodes {{ data }} }} ")).collect();
    let answer = app.try_graphql(&format!("{{ {fields} }}"), Value::Null).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "answer_too_large", "{}", &answer.to_string()[..500]);
    let grew = peak(&app).saturating_sub(before);
    assert!(grew < 400 << 10, "the memory grew by {grew} KiB");
    let answer = app.try_graphql("{ events(first: 1) { nodes { data } } }", Value::Null).await;
    assert!(answer.get("errors").is_none());
}

#[tokio::test]
async fn json_that_takes_a_hundred_times_its_length_is_not_parsed() {
    let app = victim(Options::default()).await;
    let item = "{\"\":0},".repeat(800_000);
    let list = format!("[{}{{}}]", item);
    let graphql = format!("{{\"query\":\"{{__typename}}\",\"variables\":{{\"v\":{list}}}}}");
    let nested = format!("{{\"query\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let doors = [
        ("/graphql", "application/json", graphql.clone()),
        ("/graphql", "application/json", nested),
        ("/v1/functions", "application/json", list.clone()),
        ("/v1/events", "application/cloudevents-batch+json", list.clone()),
        ("/v1/events", "application/cloudevents-batch+json", format!("[{}1]", "1,".repeat(2_900_000))),
    ];
    let before = resident(&app);
    for (path, kind, body) in doors {
        let answer = app.post(path).header("content-type", kind).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{path}");
        assert!(answer.text().await.unwrap().len() < 64 << 10, "{path}");
    }
    let grew = peak(&app).saturating_sub(before);
    assert!(grew < 300 << 10, "the memory grew by {grew} KiB");
}

#[tokio::test]
async fn a_batch_of_nonsense_has_an_answer_of_bounded_length() {
    let app = victim(Options::default()).await;
    let answer = app
        .post("/v1/events")
        .header("content-type", "application/cloudevents-batch+json")
        .body(format!("[{}1]", "1,".repeat(9_000)))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().len() < 64 << 10);
}

#[tokio::test]
async fn a_manifest_and_a_schedule_cost_what_they_say() {
    let app = victim(Options::default()).await;
    let register = async |name: &str, manifest: Value| {
        let input =
            json!({ "name": name, "source": { "git": { "url": "https://example.com/x.git" } }, "manifest": manifest });
        let query = "mutation($input: RegisterFunctionInput!) { registerFunction(input: $input) { function { id } userErrors { code message field } } }";
        app.graphql(query, json!({ "input": input })).await["registerFunction"].clone()
    };
    let never = json!({ "type": "schedule", "cron": "* * * 30 2 *" });
    for (name, manifest) in [
        ("many", json!({ "runtime": "node", "triggers": vec![never.clone(); 5_000] })),
        ("hundred", json!({ "runtime": "node", "triggers": vec![never; 100] })),
        ("long", json!({ "runtime": "node", "env": { "A": "x".repeat(1 << 20) } })),
        (
            "list",
            json!({ "runtime": "node", "triggers": [{ "type": "schedule", "cron": format!("{} * * * *", vec!["1"; 100_000].join(",")) }] }),
        ),
        ("unknown", json!({ "runtime": "node", "triggers": vec![json!({ "type": "nonsense" }); 90] })),
    ] {
        let payload = register(name, manifest).await;
        assert!(payload["function"].is_null(), "{name}: {payload}");
        assert!(!payload["userErrors"].as_array().unwrap().is_empty(), "{name}");
    }
    let times = app
        .try_graphql(
            "query($cron: String!) { fireTimes(cron: $cron, count: 100) }",
            json!({ "cron": format!("{} * * * *", vec!["1"; 100_000].join(",")) }),
        )
        .await;
    assert_eq!(times["errors"][0]["extensions"]["code"], "bad_cron", "{times}");
    assert_eq!(app.get("/readyz").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_schedule_that_never_or_hardly_ever_fires_holds_nobody_up() {
    let app = victim(known_key()).await;
    let reader = token(false, Duration::from_secs(600), true);
    let ask = async |cron: &str, aliases: usize| -> Value {
        let fields: String = (0..aliases).map(|i| format!("a{i}:fireTimes(cron:$c,count:100) ")).collect();
        let query = format!("query($c:String!){{{fields}}}");
        let request = app.request(reqwest::Method::POST, "/graphql").bearer_auth(&reader);
        let request =
            request.json(&json!({ "query": query, "variables": { "c": cron } })).timeout(Duration::from_secs(30));
        request.send().await.unwrap().json().await.unwrap()
    };
    let answer = ask("0 0 8-31 * +MON#1", 1_990).await;
    assert!(is_refused(&answer), "{answer}");
    let answer = ask("0 0 8-31 * +MON#1", 90).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "bad_cron", "{answer}");
    // The 29th of February on a Monday: twice in the time that is looked at.
    let answer = ask("0 0 29 2 +MON", 90).await;
    assert!((1..=2).contains(&answer["data"]["a0"].as_array().unwrap().len()), "{answer}");
    assert_eq!(app.get("/readyz").send().await.unwrap().status(), 200);
}

/// Kibibytes of memory that the server has now.
fn resident(app: &TestApp) -> u64 {
    status(app, "VmRSS:")
}

/// Kibibytes of memory that the server had at most.
fn peak(app: &TestApp) -> u64 {
    status(app, "VmHWM:")
}

pub fn status(app: &TestApp, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", app.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}
