//! The operations on runs: invoke, wait, cancel, replay.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::access::Action;
use domain::cloudevent::{Data, Event, with_other_data};
use domain::function::{self, Status};
use domain::run::event::{Delivery, Request};
use domain::run::{self, Run};
use domain::trace::{self, Context};
use domain::{Cause, Json, Recorded, Stream, event, retry};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::event::load_event;
use super::function::{allowed, is_kept};
use super::idempotency::{Claim, digest};
use super::{Caller, Fault, Problem, Refusal, Services, Viewer};
use crate::clock;
use crate::store::{FunctionRow, RunRow};

/// The data of an invocation.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The function.
    pub function: function::Id,
    /// The `data` of its event, unchanged.
    pub payload: Option<Json>,
    /// The `event.http` of its event; by default that of a plain POST.
    pub http: Option<Value>,
    /// The callback URL, already checked.
    pub callback: Option<String>,
    /// The idempotency key.
    pub key: Option<String>,
}

impl Invocation {
    /// An invocation without data.
    pub fn of(function: function::Id) -> Self {
        Self { function, payload: None, http: None, callback: None, key: None }
    }
}

/// An event for one function.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The event's id; that of its claim, if there is one.
    pub id: event::Id,
    /// The function.
    pub function: function::Id,
    /// The function's namespace.
    pub namespace: String,
    /// The CloudEvent's `source`.
    pub source: String,
    /// The CloudEvent's `id`.
    pub event_id: String,
    /// The whole CloudEvent.
    pub event: Json,
    /// Whether nobody waits, so that the run is retried by the function's policy.
    pub asynchronous: bool,
    /// That policy.
    pub retry: retry::Policy,
    /// The callback URL, already checked.
    pub callback: Option<String>,
    /// The idempotency key.
    pub claim: Option<Claim>,
    /// When it was received.
    pub at: DateTime<Utc>,
}

/// A requested run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestedRun {
    /// The run.
    pub run: run::Id,
    /// Whether it had been requested before with the same idempotency key.
    pub replayed: bool,
}

/// What is different in a repeated run.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// A version other than the current one.
    pub version: Option<u32>,
    /// Different `data`.
    pub payload: Option<Value>,
}

/// Waits for the end of a run. Created before the run is requested, so that nothing is missed.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    after: u64,
    deadline: Instant,
}

impl Wait {
    /// Starts waiting, for at most this long.
    ///
    /// # Errors
    /// If the log is not available.
    pub async fn at_most(services: &Services, time: Duration) -> Result<Self, Refusal> {
        Ok(Self { after: services.guarded.store.head().await?, deadline: Instant::now() + time })
    }
}

/// The run, if the viewer may see it.
///
/// # Errors
/// `run_not_found`, or if the log is not available.
pub async fn visible_run(services: &Services, viewer: &Viewer, id: run::Id) -> Result<RunRow, Refusal> {
    services.view(viewer).runs_by_id(&[id]).await?.pop().ok_or_else(Refusal::no_run)
}

/// The whole run including input and output, if the viewer may see it.
///
/// # Errors
/// `run_not_found`, or if the log is not available.
pub async fn load_run(services: &Services, viewer: &Viewer, id: run::Id) -> Result<Run, Refusal> {
    let loaded = services.guarded.commands.writer().load::<run::Aggregate>(&Stream::run(id)).await?;
    loaded.state.filter(|run| viewer.sees(&run.request.namespace)).ok_or_else(Refusal::no_run)
}

/// Invokes a function once; the run is in the log on return.
///
/// # Errors
/// `function_not_running` with its state; `payload_too_large`; `idempotency_key_reused`.
pub async fn invoke(services: &Services, caller: &Caller, asked: Invocation) -> Result<RequestedRun, Refusal> {
    let row = allowed(services, caller, Action::Invoke, asked.function).await?;
    let claim = asked.key.map(|key| {
        // Independent of formatting, because digests date from before bodies were kept unchanged.
        let body = asked.payload.as_ref().map(|payload| payload.value().to_string()).unwrap_or_default();
        let digest = digest("POST", "/", "", asked.callback.as_deref(), body.as_bytes());
        Claim::new(row.id, &caller.viewer, &key, digest)
    });
    // A repeated request gets its answer whatever the function does now.
    let done_already = match &claim {
        Some(claim) if row.state != Status::Running => claim.is_made(services).await?,
        _ => false,
    };
    if row.state != Status::Running && !done_already {
        return Err(services.keeping.not_running(&row).await.into());
    }
    let at = clock::now();
    let (event_id, source) = (uuid::Uuid::now_v7().to_string(), format!("/v1/functions/{}", row.name));
    let http = asked.http.unwrap_or_else(|| json!({ "method": "POST", "path": "/", "query": {}, "headers": {} }));
    let trace = trace_of(&http["headers"]);
    let event = Event {
        time: Some(at),
        datacontenttype: Some("application/json"),
        data: asked.payload.map(Data::Json),
        traceparent: trace.as_ref().map(Context::parent),
        tracestate: trace.as_ref().and_then(Context::state),
        requestdigest: claim.as_ref().map(|claim| claim.digest.as_str()),
        http: Some(http),
        ..Event::new("http.invoke", &event_id, &source)
    };
    let event = event.json();
    let id = claim.as_ref().map_or_else(|| event::invoked(row.id, &event_id), |claim| claim.event);
    let asked = Ask {
        id,
        function: row.id,
        namespace: row.namespace,
        source,
        event_id,
        event,
        asynchronous: false,
        retry: retry::Policy::default(),
        callback: asked.callback,
        claim,
        at,
    };
    ask(services, caller, asked).await
}

/// The trace in the recorded headers, if it is valid.
fn trace_of(headers: &Value) -> Option<Context> {
    let [parent, state] = trace::HEADERS.map(|name| headers[name].as_str().map(str::as_bytes));
    Context::read(parent, state)
}

/// Records an event for one function, and requests its run. With the same claim, returns the first one's run.
///
/// # Errors
/// `payload_too_large`; `idempotency_key_reused`; or if the log is not available: nothing was accepted then.
pub async fn ask(services: &Services, caller: &Caller, asked: Ask) -> Result<RequestedRun, Refusal> {
    caller.viewer.may(Action::Invoke, &asked.namespace)?;
    fits(&asked.event, services.settings.limits.event, "payload")?;
    let received = event::Received {
        id: asked.id,
        namespace: asked.namespace,
        kind: "http.invoke".to_owned(),
        source: asked.source,
        event_id: asked.event_id,
        subject: None,
        event: asked.event,
        target: Some(asked.function),
        asynchronous: asked.asynchronous,
        retry: asked.asynchronous.then_some(asked.retry),
        callback: asked.callback,
        erased_at: None,
        at: asked.at,
    };
    let done = services.guarded.commands.receive(received, caller.cause()).await?;
    let replayed = done.position.is_none();
    let gone = || Refusal::Failed(Fault::Internal(format!("the event {} was taken and cannot be read", asked.id)));
    let received = done.state.ok_or_else(gone)?;
    if let Some(claim) = asked.claim
        && replayed
    {
        claim.fits(&received)?;
    }
    let taken = done.record.map(|record| (record, caller.cause()));
    let run = run_of(services, &received, taken, asked.function, asked.retry).await?;
    Ok(RequestedRun { run, replayed })
}

/// Requests the run of an event for one function. The relay requests the same run when it reaches the event; whoever
/// comes first wins, and the other one finds it done. `taken`: id and cause of the event's record, if it was just
/// written.
///
/// # Errors
/// If the log is not available.
pub(crate) async fn run_of(
    services: &Services,
    received: &event::Received,
    taken: Option<(Uuid, Cause)>,
    function: function::Id,
    retry: retry::Policy,
) -> Result<run::Id, Refusal> {
    let (record, cause) = match taken {
        Some(taken) => taken,
        None => {
            let first = services.guarded.commands.writer().first_of(&Stream::event(received.id), "Received").await?;
            let first = first.ok_or_else(|| Fault::Internal(format!("the event {} cannot be read", received.id)))?;
            (first.id, first.cause)
        }
    };
    let asked = run::RunRequest::by_event(received, record, &cause, function, retry);
    let run = asked.requested.request.run;
    services.guarded.commands.request_run(asked).await?;
    Ok(run)
}

/// Waits until a run is over; `None` if it is not in time.
///
/// # Errors
/// `run_not_found`, or if the log is not available.
pub async fn wait(services: &Services, viewer: &Viewer, id: run::Id, wait: Wait) -> Result<Option<Run>, Refusal> {
    let run = load_run(services, viewer, id).await?;
    if run.phase.is_over() {
        return Ok(Some(run));
    }
    let stream = Stream::run(id);
    let mut feed = services.guarded.store.follow(wait.after);
    loop {
        match timeout_at(wait.deadline, feed.next()).await {
            Err(_) => return Ok(None),
            Ok(None) => {
                return Err(Refusal::Failed(Fault::Unavailable(
                    "the log's feed has ended: the server is stopping".into(),
                )));
            }
            // The feed retries by itself.
            Ok(Some(Err(_))) => {}
            Ok(Some(Ok(records))) => {
                if !records.iter().any(|record: &Recorded| record.stream == stream) {
                    continue;
                }
                let run = load_run(services, viewer, id).await?;
                if run.phase.is_over() {
                    return Ok(Some(run));
                }
            }
        }
    }
}

/// Cancels a run.
///
/// # Errors
/// Refusals of the run.
pub async fn cancel(services: &Services, caller: &Caller, id: run::Id) -> Result<(), Refusal> {
    let row = visible_run(services, &caller.viewer, id).await?;
    caller.viewer.may(Action::Operate, &row.namespace)?;
    services.guarded.commands.run(id, run::Command::Cancel { at: clock::now() }, caller.cause()).await?;
    Ok(())
}

/// Replays a run, with the same input or other data, for the current version or another one. The new run refers to the
/// old one.
///
/// # Errors
/// `run_not_found`, `run_not_replayable`, `payload_erased`, `function_not_running`, `version_not_found`,
/// `payload_too_large`.
pub async fn replay(services: &Services, caller: &Caller, id: run::Id, asked: Replay) -> Result<run::Id, Refusal> {
    let old = load_run(services, &caller.viewer, id).await?;
    let row = runnable(services, caller, old.request.function, asked.version).await?;
    let input = match asked.payload {
        None if old.erased_at.is_some() => {
            let message = "what the run was asked with was erased, so that it cannot be sent again; give a payload";
            return Err(Problem::new("payload_erased", message).at(["payload"]).into());
        }
        Some(payload) => {
            let data = Json::from(&payload);
            let kept = (!old.request.input_cut).then(|| with_other_data(&old.request.input, payload));
            kept.flatten().unwrap_or_else(|| in_a_new_frame(&old, data))
        }
        None if old.request.input_cut => {
            let message =
                "the run's input was longer than what is kept, so that it cannot be sent again; give a payload";
            return Err(Problem::new("run_not_replayable", message).at(["payload"]).into());
        }
        None => old.request.input.clone(),
    };
    fits(&input, services.settings.limits.event.max(old.request.input.get().len()), "payload")?;
    let run = clock::new_id();
    let request = Request {
        run,
        function: row.id,
        namespace: row.namespace,
        trigger: old.request.trigger,
        event: old.request.event,
        input,
        input_cut: false,
        version: asked.version,
        replayed_from: Some(id),
        callback: None,
    };
    request_again(services, caller, request).await
}

/// Sends a recorded event to a function of its namespace again, whether it reached it or not, for the current version or another
/// one.
/// The run refers to the first run caused by the event, if there was one.
///
/// # Errors
/// `event_not_found`, `payload_erased`, `function_not_found`, `other_namespace`, `function_not_running`, `version_not_found`,
/// `payload_too_large`.
pub async fn replay_event(
    services: &Services,
    caller: &Caller,
    event: event::Id,
    function: function::Id,
    version: Option<u32>,
) -> Result<run::Id, Refusal> {
    let received = load_event(services, &caller.viewer, event).await?;
    let received = received.ok_or_else(|| Refusal::problem("event_not_found", "there is no such event"))?;
    if received.erased_at.is_some() {
        return Err(Refusal::problem(
            "payload_erased",
            "the content of the event was erased, so that it cannot be sent again",
        ));
    }
    let row = runnable(services, caller, function, version).await?;
    // Who may see and erase an event's runs follows from its namespace.
    if row.namespace != received.namespace {
        let message = format!(
            "the event is of the namespace `{}`, and the function of `{}`: an event is sent again to functions of its own",
            received.namespace, row.namespace
        );
        return Err(Problem::new("other_namespace", message).at(["function"]).into());
    }
    let first = run::id(event, function);
    let is_there = !services.guarded.store.runs_by_id(&[first]).await?.is_empty();
    let run = clock::new_id();
    let request = Request {
        run,
        function,
        namespace: row.namespace,
        trigger: received.kind,
        event: Some(event),
        input: received.event,
        input_cut: false,
        version,
        replayed_from: is_there.then_some(first),
        callback: None,
    };
    request_again(services, caller, request).await
}

/// Requests a run that repeats another one.
///
/// # Errors
/// If too many runs of the namespace are waiting, or the log is not available.
async fn request_again(services: &Services, caller: &Caller, request: Request) -> Result<run::Id, Refusal> {
    services.guarded.commands.backlog().admit(&request.namespace)?;
    let run = request.run;
    let command = run::Command::Request { request, delivery: Delivery::Once, at: clock::now() };
    services.guarded.commands.new_run(run, command, caller.cause()).await?;
    Ok(run)
}

/// The function, if the caller may have runs of it again and it can run the version, or the current one.
async fn runnable(
    services: &Services,
    caller: &Caller,
    function: function::Id,
    version: Option<u32>,
) -> Result<FunctionRow, Refusal> {
    let row = allowed(services, caller, Action::Operate, function).await?;
    match version {
        _ if row.state == Status::Deregistered => Err(function::Error::Deregistered.into()),
        None if row.state != Status::Running => Err(services.keeping.not_running(&row).await.into()),
        Some(version) if services.guarded.store.version(row.id, version).await?.is_none() => {
            let message = format!("the function has no version {version}");
            Err(Problem::new("version_not_found", message).at(["version"]).into())
        }
        Some(version) => is_kept(services, row.id, version).await.map(|()| row),
        _ => Ok(row),
    }
}

/// Wraps data in a new event, because the original one was truncated.
fn in_a_new_frame(old: &Run, data: Json) -> Json {
    let (id, source) = (Uuid::now_v7().to_string(), format!("/v1/runs/{}", old.request.run));
    let event = Event {
        time: Some(clock::now()),
        datacontenttype: Some("application/json"),
        data: Some(Data::Json(data)),
        ..Event::<()>::new(&old.request.trigger, &id, &source)
    };
    event.json()
}

pub(super) fn fits(input: &Json, limit: usize, field: &'static str) -> Result<(), Refusal> {
    match input.get().len() > limit {
        true => {
            let message = format!(
                "the event of {} bytes is larger than {limit} bytes, the most that is taken",
                input.get().len()
            );
            Err(Problem::new("payload_too_large", message).at([field]).into())
        }
        false => Ok(()),
    }
}
