//! Instances that are stuck: after a timeout they are replaced, with all that they have started.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{TestApp, json_of};

fn manifest(runtime: &str, timeout_s: u32) -> String {
    format!(r#"{{ "runtime": "{runtime}", "scaling": {{ "max": 1 }}, "resources": {{ "timeout_s": {timeout_s} }} }}"#)
}

impl TestApp {
    async fn ask(&self, function: &str, what: &str) -> reqwest::Response {
        let request = self.post(&format!("/function/{function}")).header("content-type", "text/plain");
        request.body(what.to_owned()).send().await.unwrap()
    }

    async fn answer(&self, function: &str, what: &str) -> Value {
        json_of(self.ask(function, what).await, StatusCode::OK).await
    }
}

/// Whether a process of this machine has such an argument.
fn runs(argument: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.any(|line| line.split(|byte| *byte == 0).any(|word| word == argument.as_bytes()))
}

#[tokio::test]
async fn an_endless_loop_costs_one_call_and_not_the_function() {
    let app = TestApp::start().await;
    let code = "const id = Math.random();
        exports.handler = async (event) => { if (event.data === 'loop') for (;;); return id; };";
    let id = app.running("looper", &[("function.json", &manifest("node", 2)), ("index.js", code)]).await;
    let before = app.answer("looper", "who").await;
    assert_eq!(app.ask("looper", "loop").await.status(), StatusCode::GATEWAY_TIMEOUT);
    // The very next call has an answer, of another instance.
    let after = app.answer("looper", "who").await;
    assert_ne!(before, after);
    app.eventually("the function says why", async || {
        let query = "query($id: ID!) { function(id: $id) { stateReason instances { id } } }";
        let found = app.graphql(query, json!({ "id": id })).await["function"].clone();
        let is_reported =
            found["stateReason"].as_str().is_some_and(|reason| reason.contains("not answered within 2 s"));
        (is_reported && found["instances"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn hung_threads_of_python_and_the_children_they_started_are_ended() {
    let app = TestApp::start().await;
    let mark = format!("7{}", uuid::Uuid::new_v4().as_u128() % 100_000_000);
    let code = format!(
        "import random, subprocess, time
ID = random.random()
def handler(event, context):
    if event['data'] == 'hang':
        subprocess.Popen(['sleep', '{mark}'])
        time.sleep(100000)
    return ID
"
    );
    app.running("hanger", &[("function.json", &manifest("python", 2)), ("main.py", &code)]).await;
    let before = app.answer("hanger", "who").await;
    let hung = futures::future::join_all((0..3).map(|_| app.ask("hanger", "hang"))).await;
    assert!(hung.iter().all(|answer| answer.status() == StatusCode::GATEWAY_TIMEOUT));
    assert_ne!(before, app.answer("hanger", "who").await);
    app.eventually("the children are gone", async || (!runs(&mark)).then_some(())).await;
}

#[tokio::test]
async fn what_a_stuck_instance_has_besides_gets_its_grace() {
    let app = TestApp::start().await;
    let code = "const id = Math.random();
        let hung;
        const later = (ms) => new Promise((done) => setTimeout(done, ms));
        exports.handler = async (event, context) => {
            if (event.data === 'hang') { hung = { signal: context.signal, at: Date.now() }; await new Promise(() => {}); }
            while (event.data !== 'who' && !(hung && Date.now() > hung.at + 1500)) await later(20);
            if (event.data === 'besides') { while (!hung.signal.aborted) await later(20); await later(300); }
            return id;
        };";
    app.running("besides", &[("function.json", &manifest("node", 3)), ("index.js", code)]).await;
    let first = app.answer("besides", "who").await;
    let (hung, besides) = tokio::join!(app.ask("besides", "hang"), async {
        // The one that hangs is halfway through its time.
        app.answer("besides", "halfway").await;
        app.answer("besides", "besides").await
    });
    assert_eq!(hung.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(besides, first);
    assert_ne!(app.answer("besides", "who").await, first);
}

#[tokio::test]
async fn a_caller_with_little_patience_ends_no_instance_that_answers_and_one_that_does_not() {
    let app = TestApp::start().await;
    let code = "const id = Math.random();
        exports.handler = async (event) => {
            if (event.data === 'loop') for (;;);
            if (event.data === 'slow') await new Promise((done) => setTimeout(done, 3000));
            return id;
        };";
    app.running("patient", &[("function.json", &manifest("node", 6)), ("index.js", code)]).await;
    let impatient = async |what: &'static str| {
        let request = app.post("/function/patient").header("content-type", "text/plain").header("x-timeout", "300ms");
        assert_eq!(request.body(what).send().await.unwrap().status(), StatusCode::GATEWAY_TIMEOUT);
    };
    let id = app.answer("patient", "who").await;
    for _ in 0..3 {
        impatient("slow").await;
    }
    assert_eq!(app.answer("patient", "slow").await, id);
    impatient("loop").await;
    // It is asked whether it still answers; nobody has to wait for as long as a call may take.
    app.eventually("another instance answers", async || {
        let request = app.post("/function/patient").header("content-type", "text/plain").header("x-timeout", "2s");
        let answer = request.body("who").send().await.unwrap();
        (answer.status() == StatusCode::OK).then_some(())
    })
    .await;
}
