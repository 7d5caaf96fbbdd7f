//! Callbacks: notifies the URLs given as `X-Callback-Url` of the outcomes of runs.
//!
//! What is due is stored in the log and read from the tables, so no state here has to survive a restart. Requests are
//! signed as Standard Webhooks (v1) defines. A stranger chose the URL, so [`caller`] checks where it leads; redirects
//! are answers like any other.

mod caller;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::retry::Policy;
use domain::run::{self, Callback, Command, Run};
use domain::{Cause, Json, Stream};
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Request};
use serde::Serialize;
use tokio::task::JoinSet;
use url::Url;

use super::call;
use super::callbacks::Callbacks;
use super::tools::Tools;
use crate::actors::{self, Writer};
use crate::clock;
use crate::mac;
use crate::store::{self, Store};
use caller::Caller;

/// How often due callbacks are searched for.
const EVERY: Duration = Duration::from_secs(1);

/// The search takes at most one part in this many of the time, but happens at least every [`AT_LEAST_EVERY`]: a
/// stranger may have caused millions of due callbacks.
const SHARE: u32 = 20;
const AT_LEAST_EVERY: Duration = Duration::from_secs(10);

/// Maximum number of concurrent callbacks.
const AT_ONCE: usize = 32;

/// Of these, the maximum for one namespace: its receivers may take the full [`TIMEOUT`] each time without answering.
const OF_ONE_NAMESPACE: usize = 8;

/// Runs read at a time; more than the concurrent ones, so that there are always others among them.
const PAGE: u32 = 100;

/// The time limit of a callback, from resolving the name to the head of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The retry policy: the last attempt is made about an hour after the first at the latest.
const POLICY: Policy = Policy { max_attempts: 8, backoff_s: 30.0, backoff_max_s: 3600.0 };

/// Decodes a secret as people write it: `whsec_` and Base64, or any other text literally.
pub fn key_of(secret: &str) -> Vec<u8> {
    let encoded = secret.strip_prefix("whsec_").map(|text| text.trim_end_matches('='));
    encoded.and_then(|text| STANDARD_NO_PAD.decode(text).ok()).unwrap_or_else(|| secret.as_bytes().to_vec())
}

/// Sends callbacks as they become due, until dropped. Only one server should do so; with two, some callbacks would be
/// sent twice.
pub(super) async fn forever(tools: Tools) {
    let cause = tools.own_cause();
    let Tools { store, commands, callbacks, .. } = tools;
    let writer = commands.writer().clone();
    let notifier = Notifier { store, writer, callbacks, cause, policy: POLICY, caller: Arc::default() };
    notifier.forever().await;
}

#[derive(Clone)]
struct Notifier {
    store: Store,
    writer: Writer,
    callbacks: Callbacks,
    cause: Cause,
    policy: Policy,
    /// Created at the first call: it reads the certificates of the system.
    caller: Arc<std::sync::OnceLock<Result<Caller, String>>>,
}

/// Runs whose callbacks are in progress, with their namespaces.
type OnTheirWay = HashMap<tokio::task::Id, (run::Id, String)>;

/// Why a callback failed.
struct CallbackError {
    error: String,
    retry_after_s: Option<f64>,
}

impl From<String> for CallbackError {
    fn from(error: String) -> Self {
        Self { error, retry_after_s: None }
    }
}

impl Notifier {
    async fn forever(self) {
        let mut sending = JoinSet::new();
        let mut on_their_way = OnTheirWay::default();
        loop {
            let began = Instant::now();
            let room = match self.store.due_callbacks(clock::now(), PAGE).await {
                Ok(rows) => {
                    for row in rows {
                        let theirs = on_their_way.values().filter(|(_, namespace)| *namespace == row.namespace).count();
                        let has_begun = on_their_way.values().any(|(id, _)| *id == row.id);
                        if sending.len() < AT_ONCE && theirs < OF_ONE_NAMESPACE && !has_begun {
                            let this = self.clone();
                            let task = sending.spawn(async move { this.notify(row.id).await });
                            on_their_way.insert(task.id(), (row.id, row.namespace));
                        }
                    }
                    sending.len() < AT_ONCE
                }
                Err(error) => {
                    tracing::warn!(%error, "due callbacks not read; retrying");
                    true
                }
            };
            let pause = (began.elapsed() * SHARE).clamp(EVERY, AT_LEAST_EVERY);
            tokio::select! {
                Some(ended) = sending.join_next_with_id(), if !room => forget(&mut on_their_way, ended),
                () = tokio::time::sleep(pause) => {}
            }
            while let Some(ended) = sending.try_join_next_with_id() {
                forget(&mut on_their_way, ended);
            }
        }
    }

    /// Sends a run's callback if it is still due, and records the result.
    async fn notify(&self, id: run::Id) {
        match self.try_to_notify(id).await {
            Ok(()) => {}
            Err(actors::Error::Refused(error)) => tracing::info!(run = %id, %error, "callback not recorded"),
            // It stays due.
            Err(error) => tracing::warn!(run = %id, %error, "callback not recorded yet; retrying"),
        }
    }

    async fn try_to_notify(&self, id: run::Id) -> Result<(), actors::Error<run::Error>> {
        let stream = Stream::run(id);
        let loaded = self.writer.load::<run::Aggregate>(&stream).await?;
        let Some(run) = loaded.state.clone() else { return Ok(()) };
        let (Some(Callback::Due { attempts, due }), Some(url)) = (&run.callback, &run.request.callback) else {
            return Ok(());
        };
        if *due > clock::now() {
            return Ok(());
        }
        let attempt = attempts + 1;
        let body = self.body(&run).await?;
        let sent = match tokio::time::timeout(TIMEOUT, self.post(url, &run, body)).await {
            Ok(sent) => sent,
            Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs()).into()),
        };
        let at = clock::now();
        let command = match sent {
            Ok(()) => Command::CallBack { attempt, at },
            Err(CallbackError { error, retry_after_s }) => {
                let due = self.policy.next(attempt, at, clock::chance(), retry_after_s);
                tracing::info!(run = %id, attempt, error, is_last = due.is_none(), "not called back");
                Command::FailCallback { attempt, error, due, at }
            }
        };
        self.writer.execute(&stream, loaded, command, self.cause.clone()).await?;
        Ok(())
    }

    async fn body(&self, run: &Run) -> Result<Bytes, store::Error> {
        let function = self.store.function(run.request.function).await?;
        let outcome = run.phase.outcome();
        let notification = Notification {
            run_id: run.request.run,
            function: function.map_or_else(|| run.request.function.to_string(), |function| function.name),
            namespace: &run.request.namespace,
            state: run.phase.name(),
            http_status: outcome.and_then(|outcome| outcome.http_status),
            exit_code: outcome.and_then(|outcome| outcome.exit_code),
            output: outcome.and_then(|outcome| outcome.output.as_ref()),
            output_cut: outcome.is_some_and(|outcome| outcome.output_cut),
            error: run.phase.failure().map(|failure| failure.error.as_str()),
            attempts: run.attempts,
            queued_at: run.queued_at,
            started_at: run.phase.attempt().map(|attempt| attempt.started_at),
            finished_at: run.phase.finished_at(),
        };
        Ok(Bytes::from(serde_json::to_vec(&notification).expect("an outcome can always be serialised")))
    }

    async fn post(&self, url: &str, run: &Run, body: Bytes) -> Result<(), CallbackError> {
        // The URL was checked when the call came in, but the rules may have changed since.
        let url = self.callbacks.outward.check(url)?;
        let key = (self.callbacks.secret)(&run.request.namespace).await;
        let key = key.map_err(|error| format!("the secret that it is to be signed with cannot be read: {error}"))?;
        let answer = self.caller()?.call(request(url, run.request.run, &key, clock::now(), body)?).await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let error = match status.is_redirection() {
            true => format!("the answer is {status}; redirects are not followed"),
            false => format!("the answer is {status}"),
        };
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Err(CallbackError { error, retry_after_s: retry_after.and_then(|text| call::retry_after(text, clock::now())) })
    }

    fn caller(&self) -> Result<&Caller, String> {
        self.caller.get_or_init(|| Caller::new(self.callbacks.outward.clone())).as_ref().map_err(Clone::clone)
    }
}

/// The body of a callback.
#[derive(Serialize)]
struct Notification<'a> {
    run_id: run::Id,
    function: String,
    namespace: &'a str,
    state: &'static str,
    http_status: Option<u16>,
    exit_code: Option<i32>,
    output: Option<&'a Json>,
    output_cut: bool,
    error: Option<&'a str>,
    attempts: u32,
    queued_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

fn forget<T>(on_their_way: &mut OnTheirWay, ended: Result<(tokio::task::Id, T), tokio::task::JoinError>) {
    on_their_way.remove(&ended.map_or_else(|error| error.id(), |(id, _)| id));
}

/// The callback's request, signed over its id, the time and the body (Standard Webhooks, "Signature scheme").
fn request(url: Url, run: run::Id, key: &[u8], at: DateTime<Utc>, body: Bytes) -> Result<Request, String> {
    let timestamp = at.timestamp();
    let signature = signature(&run.to_string(), timestamp, &body, key);
    let mut request = Request::new(Method::POST, url);
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in [
        ("webhook-id", run.to_string()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signature),
    ] {
        headers.insert(name, HeaderValue::try_from(value).map_err(|error| format!("{name}: {error}"))?);
    }
    *request.body_mut() = Some(body.into());
    Ok(request)
}

fn signature(id: &str, timestamp: i64, body: &[u8], key: &[u8]) -> String {
    let mac = mac::sha256(key, &[format!("{id}.{timestamp}.").as_bytes(), body]);
    format!("v1,{}", STANDARD.encode(mac))
}

#[cfg(test)]
mod tests;
