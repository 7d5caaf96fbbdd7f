//! What can happen to a run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Id;
use crate::aggregate::Payload;
use crate::cloudevent::{Data, Sender};
use crate::json::{self, Json};
use crate::{erasure, event, function, retry, upcast};

/// Something that happened to a run.
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

/// What a run is asked for: the part that `Requested` and `Answered` have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Names the run.
    pub run: Id,
    /// Whose run it is.
    pub function: function::Id,
    /// The function's namespace.
    pub namespace: String,
    /// The type of the trigger event: `http.invoke`, `schedule.triggered`, `file.uploaded` …
    pub trigger: String,
    /// The recorded trigger event, when there is one: a synchronous call has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<event::Id>,
    /// The CloudEvent that the function gets; bounded.
    pub input: Json,
    /// The input was longer than what is kept: it cannot be replayed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub input_cut: bool,
    /// The version that was asked for; the current one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The run that this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_from: Option<Id>,
    /// Where the outcome is to be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<String>,
}

impl Request {
    /// The same asked for again, as another run: of the version that is current then. Who wanted to hear of the first one
    /// was told.
    pub fn again(&self, run: Id) -> Self {
        Self { run, version: None, replayed_from: Some(self.run), callback: None, ..self.clone() }
    }
}

/// How often a run is tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// One attempt; a person waits for it.
    Once,
    /// By a policy; dead after the last attempt.
    Retried(retry::Policy),
}

/// A run was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requested {
    /// What is asked for.
    pub request: Request,
    /// How often it is tried.
    pub delivery: Delivery,
    /// When.
    pub at: DateTime<Utc>,
}

/// An attempt began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The version that runs.
    pub version: u32,
    /// The server that runs it.
    pub node: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What an attempt left behind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The result; bounded.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "json::present")]
    pub output: Option<Json>,
    /// The result was longer than what is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub output_cut: bool,
    /// How the result stands in `output`.
    #[serde(default, skip_serializing_if = "Encoding::is_json")]
    pub encoding: Encoding,
    /// The media type of a service's answer, where somebody may want it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The status of a service's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The exit code of a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The instance that ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The instance was started for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cold_start: bool,
    /// The instance ended by itself meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash: Option<Crash>,
}

impl Outcome {
    /// Keeps what a run keeps of a result: all of it, or where it is to be `cut`, its beginning within `limit`.
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

/// An instance that ended by itself while it had a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crash {
    /// The run was the only call: nothing else can have caused it.
    Alone,
    /// There were other calls: any of them may have caused it.
    Shared,
}

/// How a result stands in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// It is JSON, or it is not known how it came to be JSON.
    #[default]
    Json,
    /// It is text, as a string.
    Text,
    /// It is neither: its bytes are base64 in a string.
    Base64,
}

impl Encoding {
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde asks so
    fn is_json(&self) -> bool {
        *self == Self::Json
    }
}

/// What went wrong in an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// For people.
    pub error: String,
    /// Its time was over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
    /// What the attempt left behind.
    #[serde(default)]
    pub outcome: Outcome,
}

/// An attempt failed, and another one follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptFailed {
    /// Which attempt, from 1.
    pub attempt: u32,
    /// What went wrong.
    pub failure: Failure,
    /// When the next attempt is due.
    pub due: DateTime<Utc>,
    /// When.
    pub at: DateTime<Utc>,
}

/// It is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Succeeded {
    /// What it left behind.
    pub outcome: Outcome,
    /// When.
    pub at: DateTime<Utc>,
}

/// It failed, and is not tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// What went wrong.
    pub failure: Failure,
    /// When.
    pub at: DateTime<Utc>,
}

/// It took too long, and is not tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimedOut {
    /// What went wrong.
    pub failure: Failure,
    /// When.
    pub at: DateTime<Utc>,
}

/// It was called off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cancelled {
    /// When.
    pub at: DateTime<Utc>,
}

/// The last attempt failed, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLettered {
    /// What went wrong in the last attempt.
    pub failure: Failure,
    /// When.
    pub at: DateTime<Utc>,
}

/// The function could not be given the input: the run waits, and this uses up no attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deferred {
    /// The attempt that had begun, and does not count; absent when none had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Why it could not, for people.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The dead run is tried again, as another run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Redriven {
    /// The run that follows it.
    pub run: Id,
    /// How often that one is tried: the policy that was the function's then. As the dead one was, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<retry::Policy>,
    /// When.
    pub at: DateTime<Utc>,
}

/// The dead run is of no interest any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Purged {
    /// When.
    pub at: DateTime<Utc>,
}

/// Who asked for the outcome could not be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallbackFailed {
    /// Which attempt to tell it, from 1.
    pub attempt: u32,
    /// For people.
    pub error: String,
    /// When the next attempt is due; absent after the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<DateTime<Utc>>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Who asked for the outcome was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallbackDelivered {
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// When.
    pub at: DateTime<Utc>,
}

/// Its input, its results and what was said of its failures were erased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Erased {
    /// The records that were written over.
    pub payloads: Vec<erasure::Payload>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A synchronous call, told after its answer: all of its life as one fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// What was asked for.
    pub request: Request,
    /// The version that answered, or should have.
    pub ran: u32,
    /// How it ended.
    pub ending: Ending,
    /// What went wrong, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it left behind.
    pub outcome: Outcome,
    /// When the call came in.
    pub queued_at: DateTime<Utc>,
    /// When an instance took it; absent when none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When the answer was complete.
    pub at: DateTime<Utc>,
}

/// How a synchronous call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With an answer below 500.
    Succeeded,
    /// With an answer of 500 or above, or with none.
    Failed,
    /// Its time was over.
    TimedOut,
    /// The caller went away.
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
