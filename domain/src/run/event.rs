//! Events in the life of a run, as the log stores them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Id;
use crate::aggregate::Payload;
use crate::cloudevent::{Data, Sender};
use crate::json::{self, Json};
use crate::{erasure, event, function, retry, upcast};

/// An event in the life of a run.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // each payload says it
pub enum Event {
    Requested(Requested),
    Started(Started),
    AttemptFailed(AttemptFailed),
    Succeeded(Succeeded),
    Failed(Failed),
    TimedOut(TimedOut),
    Cancelled(Cancelled),
    DeadLettered(DeadLettered),
    Deferred(Deferred),
    Answered(Box<Answered>),
    Redriven(Redriven),
    Purged(Purged),
    CallbackFailed(CallbackFailed),
    CallbackDelivered(CallbackDelivered),
    Erased(Erased),
}

/// The request of a run: what `Requested` and `Answered` have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The run's id.
    pub run: Id,
    /// The function to run.
    pub function: function::Id,
    /// The function's namespace.
    pub namespace: String,
    /// The type of the trigger event: `http.invoke`, `schedule.triggered`, `file.uploaded` …
    pub trigger: String,
    /// The recorded trigger event, if there is one: a synchronous call has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<event::Id>,
    /// The CloudEvent passed to the function, up to a size limit.
    pub input: Json,
    /// The input exceeded the limit and was truncated: the run cannot be replayed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub input_cut: bool,
    /// The requested version; the current one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The run that this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_from: Option<Id>,
    /// The URL that is notified of the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<String>,
}

impl Request {
    /// The same request as another run, for the version that is current then, and without the callback, which was
    /// already notified.
    pub fn again(&self, run: Id) -> Self {
        Self { run, version: None, replayed_from: Some(self.run), callback: None, ..self.clone() }
    }
}

/// How often a run is tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Once; a caller waits for the answer.
    Once,
    /// By a retry policy; the run is dead after the last attempt.
    Retried(retry::Policy),
}

/// A run was requested.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requested {
    /// The request.
    pub request: Request,
    /// How often it is tried.
    pub delivery: Delivery,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// An attempt began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The version that runs.
    pub version: u32,
    /// The server that runs it.
    pub node: String,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The result, up to a size limit.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "json::present")]
    pub output: Option<Json>,
    /// The result exceeded the limit and was truncated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub output_cut: bool,
    /// How `output` represents the result.
    #[serde(default, skip_serializing_if = "Encoding::is_json")]
    pub encoding: Encoding,
    /// The media type of a service's answer, if it may be needed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The HTTP status of a service's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The exit code of a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The instance that ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The instance was started for this run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cold_start: bool,
    /// How the instance crashed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash: Option<Crash>,
}

impl Outcome {
    /// Stores a result: completely, or, with `cut`, only its beginning within `limit` bytes.
    pub fn keep(&mut self, kind: Option<&str>, result: &[u8], cut: bool, limit: usize) {
        if cut {
            (self.output, self.output_cut, self.encoding) =
                (Some(Json::beginning(result, limit)), true, Encoding::Text);
            return;
        }
        let Ok(Some(data)) = Data::of(Sender::Function, kind, result) else { return };
        let (output, encoding) = match data {
            Data::Json(json) => (json, Encoding::Json),
            Data::Text(text) => (Json::text(&text), Encoding::Text),
            Data::Bytes(bytes) => (Json::text(&STANDARD.encode(bytes)), Encoding::Base64),
        };
        (self.output, self.encoding) = (Some(output), encoding);
    }
}

/// An instance's crash while it had a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crash {
    /// The run was the only call, so it must be the cause.
    Alone,
    /// There were other calls: any of them may be the cause.
    Shared,
}

/// How a result is represented in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// As JSON, or of unknown origin.
    #[default]
    Json,
    /// Text, as a string.
    Text,
    /// Bytes, as a Base64 string.
    Base64,
}

impl Encoding {
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde asks so
    fn is_json(&self) -> bool {
        *self == Self::Json
    }
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The error message.
    pub error: String,
    /// It exceeded its time limit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
    /// The outcome of the attempt.
    #[serde(default)]
    pub outcome: Outcome,
}

/// An attempt failed, and another one will follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptFailed {
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// Why it failed.
    pub failure: Failure,
    /// When the next attempt is due.
    pub due: DateTime<Utc>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The run succeeded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Succeeded {
    /// The outcome.
    pub outcome: Outcome,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The run failed and will not be retried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// Why it failed.
    pub failure: Failure,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The run exceeded its time limit and will not be retried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimedOut {
    /// The details.
    pub failure: Failure,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The run was cancelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cancelled {
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The last attempt failed: the run is dead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLettered {
    /// Why the last attempt failed.
    pub failure: Failure,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The function could not be given the input. The run keeps waiting; this does not count as an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deferred {
    /// The attempt that had begun and does not count; absent if none had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The reason, as a message.
    pub reason: String,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The dead run was redriven, as another run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Redriven {
    /// The run that follows it.
    pub run: Id,
    /// The retry policy of that run, which was the function's at that time. If absent, that of the dead run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<retry::Policy>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The dead run was discarded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Purged {
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The callback could not be notified of the outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallbackFailed {
    /// The number of the callback attempt, from 1.
    pub attempt: u32,
    /// The error message.
    pub error: String,
    /// When the next attempt is due; absent after the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<DateTime<Utc>>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The callback was notified of the outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallbackDelivered {
    /// The number of the callback attempt, from 1.
    pub attempt: u32,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The run's input, results and error messages were erased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Erased {
    /// The overwritten records.
    pub payloads: Vec<erasure::Payload>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// A synchronous call, recorded after its answer: the whole life of the run as one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The request.
    pub request: Request,
    /// The version that answered, or should have.
    pub ran: u32,
    /// How it ended.
    pub ending: Ending,
    /// The error message, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The outcome.
    pub outcome: Outcome,
    /// When the call was received.
    pub queued_at: DateTime<Utc>,
    /// When an instance took it; absent if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When the answer was complete.
    pub at: DateTime<Utc>,
}

/// How a synchronous call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With a status below 500.
    Succeeded,
    /// With a status of 500 or above, or without an answer.
    Failed,
    /// It exceeded its time limit.
    TimedOut,
    /// The caller disconnected.
    Cancelled,
}

impl Payload for Event {
    fn kind(&self) -> &'static str {
        match self {
            Self::Requested(_) => "Requested",
            Self::Started(_) => "Started",
            Self::AttemptFailed(_) => "AttemptFailed",
            Self::Succeeded(_) => "Succeeded",
            Self::Failed(_) => "Failed",
            Self::TimedOut(_) => "TimedOut",
            Self::Cancelled(_) => "Cancelled",
            Self::DeadLettered(_) => "DeadLettered",
            Self::Deferred(_) => "Deferred",
            Self::Answered(_) => "Answered",
            Self::Redriven(_) => "Redriven",
            Self::Purged(_) => "Purged",
            Self::CallbackFailed(_) => "CallbackFailed",
            Self::CallbackDelivered(_) => "CallbackDelivered",
            Self::Erased(_) => "Erased",
        }
    }

    fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Requested(e) => e.at,
            Self::Started(e) => e.at,
            Self::AttemptFailed(e) => e.at,
            Self::Succeeded(e) => e.at,
            Self::Failed(e) => e.at,
            Self::TimedOut(e) => e.at,
            Self::Cancelled(e) => e.at,
            Self::DeadLettered(e) => e.at,
            Self::Deferred(e) => e.at,
            Self::Answered(e) => e.at,
            Self::Redriven(e) => e.at,
            Self::Purged(e) => e.at,
            Self::CallbackFailed(e) => e.at,
            Self::CallbackDelivered(e) => e.at,
            Self::Erased(e) => e.at,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Requested(e) => upcast::encode(e, &[]),
            Self::Started(e) => upcast::encode(e, &[]),
            Self::AttemptFailed(e) => upcast::encode(e, &[]),
            Self::Succeeded(e) => upcast::encode(e, &[]),
            Self::Failed(e) => upcast::encode(e, &[]),
            Self::TimedOut(e) => upcast::encode(e, &[]),
            Self::Cancelled(e) => upcast::encode(e, &[]),
            Self::DeadLettered(e) => upcast::encode(e, &[]),
            Self::Deferred(e) => upcast::encode(e, &[]),
            Self::Answered(e) => upcast::encode(e, &[]),
            Self::Redriven(e) => upcast::encode(e, &[]),
            Self::Purged(e) => upcast::encode(e, &[]),
            Self::CallbackFailed(e) => upcast::encode(e, &[]),
            Self::CallbackDelivered(e) => upcast::encode(e, &[]),
            Self::Erased(e) => upcast::encode(e, &[]),
        }
    }

    fn decode(kind: &str, data: &[u8]) -> Result<Self, upcast::Error> {
        Ok(match kind {
            "Requested" => Self::Requested(upcast::decode(kind, data, &[])?),
            "Started" => Self::Started(upcast::decode(kind, data, &[])?),
            "AttemptFailed" => Self::AttemptFailed(upcast::decode(kind, data, &[])?),
            "Succeeded" => Self::Succeeded(upcast::decode(kind, data, &[])?),
            "Failed" => Self::Failed(upcast::decode(kind, data, &[])?),
            "TimedOut" => Self::TimedOut(upcast::decode(kind, data, &[])?),
            "Cancelled" => Self::Cancelled(upcast::decode(kind, data, &[])?),
            "DeadLettered" => Self::DeadLettered(upcast::decode(kind, data, &[])?),
            "Deferred" => Self::Deferred(upcast::decode(kind, data, &[])?),
            "Answered" => Self::Answered(upcast::decode(kind, data, &[])?),
            "Redriven" => Self::Redriven(upcast::decode(kind, data, &[])?),
            "Purged" => Self::Purged(upcast::decode(kind, data, &[])?),
            "CallbackFailed" => Self::CallbackFailed(upcast::decode(kind, data, &[])?),
            "CallbackDelivered" => Self::CallbackDelivered(upcast::decode(kind, data, &[])?),
            "Erased" => Self::Erased(upcast::decode(kind, data, &[])?),
            _ => return Err(upcast::Error::Unknown { kind: kind.to_owned() }),
        })
    }
}
