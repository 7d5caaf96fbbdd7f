//! What starts a run.

use async_graphql::{ComplexObject, Enum, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::manifest::{self, Schedule, Trigger as Wanted};
use domain::schedule::Timetable;
use serde_json::Value;

use crate::clock;
use crate::ingress::error::{Problem, Refusal};
use crate::ingress::graphql::OrFail;

/// The most due times that are told at once.
const MAX_FIRE_TIMES: usize = 100;

/// What is done about due times that no server was there for.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "manifest::CatchUp")]
enum CatchUp {
    /// They are left out.
    None,
    /// Of all that are due, the newest fires.
    Last,
    /// All fire, 100 at most.
    All,
}

/// Whether a schedule fires while the run of its last time is not over.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "manifest::Overlap")]
enum Overlap {
    /// It fires.
    Allow,
    /// It is left out.
    Forbid,
}

/// What starts a run. What does not belong to its type is null.
#[derive(Default, SimpleObject)]
#[graphql(complex)]
pub(in crate::ingress::graphql) struct Trigger {
    /// `http`, `event`, `schedule` or `webhook`.
    #[graphql(name = "type")]
    kind: &'static str,
    /// The types of events, for `event`.
    pattern: Option<String>,
    /// What an event must contain, for `event`.
    filter: Option<Value>,
    /// When, for `schedule`.
    cron: Option<String>,
    /// Where `cron` is read, for `schedule`.
    timezone: Option<String>,
    /// What is done about due times that no server was there for, for `schedule`.
    catch_up: Option<CatchUp>,
    /// Whether it fires while the run of its last time is not over, for `schedule`.
    overlap: Option<Overlap>,
    /// The last part of the address, for `webhook`.
    name: Option<String>,
    /// How a delivery proves where it is from, for `webhook`.
    scheme: Option<String>,
    /// The name of the secret that it is proved with, for `webhook`.
    secret: Option<String>,
    /// Where it is called, for `http` and `webhook`.
    url: Option<String>,
}

impl Trigger {
    pub(super) fn new(wanted: Wanted, url: Option<String>) -> Self {
        match wanted {
            Wanted::Http {} => Self { kind: "http", url, ..Self::default() },
            Wanted::Event { pattern, filter } => {
                let filter = (!filter.is_empty()).then_some(Value::Object(filter));
                Self { kind: "event", pattern: Some(pattern), filter, ..Self::default() }
            }
            Wanted::Schedule(Schedule { cron, timezone, catch_up, overlap, data: _ }) => Self {
                kind: "schedule",
                cron: Some(cron),
                timezone: Some(timezone),
                catch_up: Some(catch_up.into()),
                overlap: Some(overlap.into()),
                ..Self::default()
            },
            Wanted::Webhook(webhook) => {
                let scheme = Some(webhook.scheme().as_str().to_owned());
                Self {
                    kind: "webhook",
                    name: Some(webhook.name),
                    scheme,
                    secret: webhook.secret,
                    url,
                    ..Self::default()
                }
            }
        }
    }
}

#[ComplexObject]
impl Trigger {
    /// When it is due next, whether the function runs or not, for `schedule`: 100 times at most.
    async fn next_fire_times(&self, #[graphql(default = 5)] count: i32) -> Result<Option<Vec<DateTime<Utc>>>> {
        let (Some(cron), Some(timezone)) = (&self.cron, &self.timezone) else { return Ok(None) };
        let Ok(timetable) = Timetable::parse(cron, timezone) else { return Ok(None) };
        fire_times(&timetable, count, clock::now()).map(Some).or_fail()
    }
}

/// The next times at which a timetable is due.
///
/// # Errors
/// `bad_page` for a count beyond the limit.
pub(in crate::ingress::graphql) fn fire_times(
    timetable: &Timetable,
    count: i32,
    now: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, Refusal> {
    let Some(count) = usize::try_from(count).ok().filter(|count| *count <= MAX_FIRE_TIMES) else {
        let message = format!("count is {count}; it must be 0 to {MAX_FIRE_TIMES}");
        return Err(Problem::new("bad_page", message).at(["count"]).into());
    };
    Ok(timetable.due_between(now, DateTime::<Utc>::MAX_UTC, count))
}
