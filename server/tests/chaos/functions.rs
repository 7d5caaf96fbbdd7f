//! What runs: functions that are quick, slow, or fail.

use futures::future::join_all;
use serde_json::json;

use crate::app::{PATIENCE, TestApp, json_of};
use crate::cluster::Cluster;

pub const FUNCTIONS: usize = 20;

/// Every so many-th event of a function that fails does fail: for good, or in its first attempt.
pub const FAILS_EVERY: usize = 4;

/// The type of the events that two functions take.
pub const SHARED: &str = "chaos.shared";

const CODE: &str = "exports.handler = async (event, context) => {
  const { n } = event.data;
  const { PACE, FAILS } = process.env;
  if (PACE) await new Promise((done) => setTimeout(done, Number(PACE)));
  const fails = n % 4 === 0 && (FAILS === 'always' || (FAILS === 'once' && context.attempt === 1));
  if (fails) throw new Error(`${n} fails ${FAILS}`);
  return { n };
};
";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Quick,
    Slow,
    FailsOnce,
    FailsAlways,
}

pub struct Function {
    pub id: domain::function::Id,
    pub kind: Kind,
}

pub fn kind_of(index: usize) -> Kind {
    match index {
        0..12 => Kind::Quick,
        12..16 => Kind::Slow,
        16..18 => Kind::FailsOnce,
        _ => Kind::FailsAlways,
    }
}

pub async fn deploy(cluster: &Cluster) -> Vec<Function> {
    let app = cluster.nodes[0].app.lock().await;
    let uploaded = app.post("/v1/bundles").body(bundle()).send().await.unwrap();
    let digest = json_of(uploaded, reqwest::StatusCode::CREATED).await["digest"].as_str().unwrap().to_owned();
    join_all((0..FUNCTIONS).map(|index| deploy_one(&app, index, &digest))).await
}

async fn deploy_one(app: &TestApp, index: usize, digest: &str) -> Function {
    let (name, kind) = (format!("f{index}"), kind_of(index));
    let mut triggers = vec![json!({ "type": "event", "pattern": format!("chaos.{name}") })];
    if index < 2 {
        triggers.push(json!({ "type": "event", "pattern": SHARED }));
    }
    let env = match kind {
        Kind::Quick => json!({}),
        Kind::Slow => json!({ "PACE": "300" }),
        Kind::FailsOnce => json!({ "FAILS": "once" }),
        Kind::FailsAlways => json!({ "FAILS": "always" }),
    };
    // Enough attempts for whatever breaks meanwhile: what is dead at the end has to be dead.
    let retry = json!({ "max_attempts": 12, "backoff_s": 0.2, "backoff_max_s": 2 });
    let scaling = json!({ "min": 0, "max": 1, "concurrency": 20, "idle_s": 600 });
    let manifest = json!({
        "name": name, "runtime": "node", "triggers": triggers, "env": env, "retry": retry, "scaling": scaling,
        "resources": { "memory_mb": 128, "timeout_s": 20 },
    });
    let input = json!({ "name": name, "source": { "bundle": { "digest": digest } }, "manifest": manifest });
    let input = json!({ "input": input });
    let registered =
        app.mutate("registerFunction", "input: $input", "function { id }", input, "$input: RegisterFunctionInput!");
    let id = registered.await["function"]["id"].as_str().unwrap().to_owned();
    tokio::time::timeout(PATIENCE, app.build(&id)).await.expect("it is built within a minute");
    app.start_function(&id).await;
    Function { id: id.parse::<uuid::Uuid>().unwrap().into(), kind }
}

fn bundle() -> Vec<u8> {
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default()));
    let mut header = tar::Header::new_gnu();
    header.set_size(CODE.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "index.js", CODE.as_bytes()).unwrap();
    archive.into_inner().unwrap().finish().unwrap()
}
