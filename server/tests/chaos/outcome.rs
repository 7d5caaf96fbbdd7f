//! What came of it, read from PostgreSQL itself, and over the API.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use domain::run;
use serde_json::json;
use sqlx::{Connection, PgConnection, Row};

use crate::cluster::Cluster;
use crate::functions::Function;
use crate::load::Expected;

/// A run as the table has it, and the types of its records.
#[derive(Debug)]
pub struct Found {
    state: String,
    event: Option<String>,
    function: String,
    /// The server on which it runs.
    node: Option<String>,
    records: Vec<String>,
}

const ENDS: [&str; 6] = ["Succeeded", "Failed", "TimedOut", "Cancelled", "DeadLettered", "Answered"];

/// Waits until every run that is expected is over and no other one is open; why that does not come true.
pub async fn quiet(
    cluster: &Cluster,
    expected: &Expected,
    patience: Duration,
) -> Result<BTreeMap<run::Id, Found>, String> {
    let deadline = Instant::now() + patience;
    loop {
        let runs = runs(cluster).await?;
        let missing = expected.runs.keys().filter(|id| !runs.contains_key(id)).count();
        let open: Vec<_> = runs.iter().filter(|(_, run)| is_open(run)).collect();
        if missing == 0 && open.is_empty() {
            return Ok(runs);
        }
        if Instant::now() > deadline {
            let first: Vec<_> = open.iter().take(3).collect();
            let mut places = BTreeMap::<_, usize>::new();
            for (_, run) in &open {
                *places.entry((run.state.as_str(), run.node.as_deref().unwrap_or("no server"))).or_default() += 1;
            }
            let all = expected.runs.len();
            return Err(format!(
                "{missing} of {all} runs are missing, {} are stuck: {places:?}, {first:#?}",
                open.len()
            ));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn is_open(run: &Found) -> bool {
    matches!(&*run.state, "QUEUED" | "RUNNING" | "RETRYING")
}

/// The runs of the events that were sent.
pub async fn runs(cluster: &Cluster) -> Result<BTreeMap<run::Id, Found>, String> {
    let read = async {
        let mut conn = PgConnection::connect(&cluster.database).await?;
        let runs = sqlx::query("SELECT id, state, event, function, node FROM runs WHERE trigger LIKE 'chaos.%'");
        let runs = runs.fetch_all(&mut conn).await?;
        let records = sqlx::query("SELECT stream, type FROM log WHERE stream LIKE 'run-%' ORDER BY stream, version");
        let records = records.fetch_all(&mut conn).await?;
        conn.close().await?;
        Ok::<_, sqlx::Error>((runs, records))
    };
    let (runs, records) = read.await.map_err(|error| format!("the log cannot be read: {error}"))?;
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in records {
        types.entry(record.get("stream")).or_default().push(record.get("type"));
    }
    let found = runs.into_iter().map(|row| {
        let id: String = row.get("id");
        let records = types.remove(&format!("run-{id}")).unwrap_or_default();
        let run = Found {
            state: row.get("state"),
            event: row.get("event"),
            function: row.get("function"),
            node: row.get("node"),
            records,
        };
        (id.parse::<uuid::Uuid>().expect("an id").into(), run)
    });
    Ok(found.collect())
}

/// The counts, for people; or what is wrong.
pub fn check(runs: &BTreeMap<run::Id, Found>, expected: &Expected) -> Result<Vec<String>, String> {
    let wanted: BTreeSet<_> = expected.runs.keys().collect();
    let strangers: Vec<_> = runs.iter().filter(|(id, _)| !wanted.contains(id)).take(10).collect();
    if !strangers.is_empty() {
        return Err(format!("nobody asked for these runs: {strangers:#?}"));
    }
    let (mut states, mut started, mut failed, mut lost) = (BTreeMap::<&str, usize>::new(), 0, 0, 0);
    for (id, wanted) in &expected.runs {
        let run = runs.get(id).ok_or_else(|| format!("run {id} is missing"))?;
        let is = |kind: &str| kind == run.records[0];
        if !is("Requested") || *run.event.as_ref().unwrap_or(&String::new()) != wanted.event.to_string() {
            return Err(format!("run {id} does not begin with what its event asks for: {run:#?}"));
        }
        if run.function != wanted.function.to_string() {
            return Err(format!("run {id} is of another function: {run:#?}"));
        }
        let ends = run.records.iter().filter(|kind| ENDS.contains(&kind.as_str())).count();
        if ends != 1 || !run.records.last().is_some_and(|kind| ENDS.contains(&kind.as_str())) {
            return Err(format!("run {id} did not end once: {run:#?}"));
        }
        let state = if wanted.dead { "DEAD" } else { "SUCCEEDED" };
        if run.state != state {
            return Err(format!("run {id} should be {state}: {run:#?}"));
        }
        *states.entry(&run.state).or_default() += 1;
        started += run.records.iter().filter(|kind| *kind == "Started").count();
        failed += run.records.iter().filter(|kind| *kind == "AttemptFailed").count();
        lost += run.records.windows(2).filter(|pair| pair[0] == "Started" && pair[1] == "Started").count();
    }
    let states: Vec<_> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    Ok(vec![
        format!(
            "runs      {} expected, {} found, each with one end: {}",
            expected.runs.len(),
            runs.len(),
            states.join(", ")
        ),
        format!(
            "attempts  {started} begun, {failed} failed and tried again, {lost} lost with their server and taken over"
        ),
    ])
}

/// The same seen from outside.
pub async fn check_over_graphql(cluster: &Cluster, functions: &[Function], expected: &Expected) {
    let app = cluster.nodes.last().expect("there is a server").app.lock().await;
    for function in functions {
        let wanted = expected.runs.values().filter(|run| run.function == function.id).count();
        let dead = expected.runs.values().filter(|run| run.function == function.id && run.dead).count();
        let query = "query($id: ID!) { all: runs(function: $id) { totalCount } dead: runs(function: $id, state: DEAD) { totalCount } }";
        let data = app.graphql(query, json!({ "id": function.id.to_string() })).await;
        assert_eq!(data["all"]["totalCount"], wanted, "{data}");
        assert_eq!(data["dead"]["totalCount"], dead, "{data}");
    }
}
