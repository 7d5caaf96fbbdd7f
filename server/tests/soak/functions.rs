//! What runs: functions that answer, and functions that try to take everything.

use futures::StreamExt;
use serde_json::{Value, json};

use crate::app::{PATIENCE, TestApp, json_of};

/// Builds at a time, so that deploying does not time out on a small machine.
const AT_ONCE: usize = 4;

const GOOD: &str = "exports.handler = async (event) => ({ hello: event.id });\n";

/// One bundle for every kind of hostility; `KIND` chooses.
const HOSTILE: &str = r#"
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const kind = process.env.KIND;

if (kind === 'crash at start') process.exit(3);

const attacks = {
  fork() {
    const fork = () => { const child = spawn('/bin/sh', ['-c', 'while :; do sleep 60 & done'], { detached: true, stdio: 'ignore' }); child.on('error', () => {}); };
    for (let i = 0; i < 50; i++) fork();
    return 'forked';
  },
  memory() {
    const held = [];
    for (;;) held.push(Buffer.alloc(1 << 20, 1));
  },
  disk() {
    const chunk = Buffer.alloc(1 << 20, 1);
    let written = 0;
    for (const folder of ['/tmp', '/run/eventflow', '/dev/shm']) {
      try {
        for (let i = 0; i < 4096; i++) { fs.writeFileSync(`${folder}/f${i}`, chunk); written++; }
      } catch (error) {}
    }
    return written;
  },
  files() {
    let made = 0;
    try {
      for (let i = 0; i < 200000; i++) { fs.writeFileSync(`/run/eventflow/n${i}`, ''); made++; }
    } catch (error) {}
    return made;
  },
  lines() {
    const line = 'x'.repeat(1000) + '\n';
    const until = Date.now() + 3000;
    while (Date.now() < until) { try { fs.writeSync(1, line.repeat(64)); } catch (error) {} }
    return 'printed';
  },
  folders() {
    process.chdir('/run/eventflow');
    try {
      for (let i = 0; i < 20000; i++) { fs.mkdirSync('d'); process.chdir('d'); }
    } catch (error) {}
    process.chdir('/');
    return 'nested';
  },
  never() { return new Promise(() => {}); },
  busy() { for (;;); },
  'crash when called'() { process.abort(); },
};

exports.handler = async () => attacks[kind]();
"#;

const KINDS: [&str; 10] =
    ["fork", "memory", "disk", "files", "lines", "folders", "never", "busy", "crash when called", "crash at start"];

/// A function of this test.
#[derive(Debug, Clone)]
pub struct Function {
    pub id: String,
    pub name: String,
}

pub async fn deploy_good(app: &TestApp, count: usize) -> Vec<Function> {
    let digest = upload(app, GOOD).await;
    let deploys = (0..count).map(|index| {
        let name = format!("good-{index}");
        deploy(
            app,
            digest.clone(),
            name,
            json!({}),
            json!({ "min": 1, "max": 2, "concurrency": 20, "idle_s": 3600 }),
            10,
        )
    });
    futures::stream::iter(deploys).buffered(AT_ONCE).collect().await
}

pub async fn deploy_hostile(app: &TestApp, count: usize) -> Vec<Function> {
    let digest = upload(app, HOSTILE).await;
    let deploys = (0..count).map(|index| {
        let kind = KINDS[index % KINDS.len()];
        let name = format!("hostile-{index}");
        deploy(
            app,
            digest.clone(),
            name,
            json!({ "KIND": kind }),
            json!({ "min": 0, "max": 1, "concurrency": 5, "idle_s": 5 }),
            5,
        )
    });
    futures::stream::iter(deploys).buffered(AT_ONCE).collect().await
}

async fn upload(app: &TestApp, code: &str) -> String {
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default()));
    let mut header = tar::Header::new_gnu();
    header.set_size(code.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "index.js", code.as_bytes()).unwrap();
    let bundle = archive.into_inner().unwrap().finish().unwrap();
    let uploaded = app.post("/v1/bundles").body(bundle).send().await.unwrap();
    json_of(uploaded, reqwest::StatusCode::CREATED).await["digest"].as_str().unwrap().to_owned()
}

async fn deploy(app: &TestApp, digest: String, name: String, env: Value, scaling: Value, timeout_s: u32) -> Function {
    let manifest = json!({
        "name": name, "runtime": "node", "triggers": [{ "type": "http" }], "env": env, "scaling": scaling,
        "resources": { "memory_mb": 64, "timeout_s": timeout_s },
        // One kind of hostility is not to start.
        "start_test": false,
    });
    let input = json!({ "name": name, "source": { "bundle": { "digest": digest } }, "manifest": manifest });
    let input = json!({ "input": input });
    let registered =
        app.mutate("registerFunction", "input: $input", "function { id }", input, "$input: RegisterFunctionInput!");
    let id = registered.await["function"]["id"].as_str().unwrap().to_owned();
    tokio::time::timeout(PATIENCE, app.build(&id)).await.expect("it is built within a minute");
    app.start_function(&id).await;
    Function { id, name }
}

pub async fn remove(app: &TestApp, functions: &[Function]) {
    for function in functions {
        let id = json!({ "id": function.id });
        app.mutate("deregisterFunction", "id: $id", "function { state }", id, "$id: ID!").await;
    }
}
