//! What starts a run.

use async_graphql::{ComplexObject, Enum, Result, SimpleObject};
use chrono::{DateTime, TimeDelta, Utc};
use domain::manifest::{self, HttpTrigger, Schedule, Trigger as Wanted};
use domain::schedule::Timetable;
use serde_json::Value;

use crate::clock;
use crate::ingress::graphql::OrFail;
use crate::operations::{Problem, Refusal};

/// The most due times that are answered at once.
const MAX_FIRE_TIMES: usize = 100;

/// How far due times are looked for: a 29th of February comes within eight years, one on a given weekday within forty.
const FORESEEN: TimeDelta = TimeDelta::days(40 * 366);

/// What happens to due times that passed while no server was running.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "manifest::CatchUp")]
enum CatchUp {
    /// They are skipped.
    None,
    /// Only the latest fires.
    Last,
    /// All fire, up to 100.
    All,
}

/// Whether a schedule fires while its previous run is not over.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "manifest::Overlap")]
enum Overlap {
    /// It fires.
    Allow,
    /// It skips that time.
    Forbid,
}

/// Who may call a function over HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "manifest::HttpAuth")]
enum HttpAuth {
    /// Callers with a token or a session.
    Token,
    /// Anybody.
    None,
}

/// The cross-origin pages that may call, by the CORS protocol.
#[derive(SimpleObject)]
struct Cors {
    /// Origins such as `https://shop.example.com`, or `*` for all.
    origins: Vec<String>,
    /// Allowed methods.
    methods: Vec<String>,
    /// Allowed request headers, or `*` for all.
    headers: Vec<String>,
    /// Whether browsers may send cookies.
    credentials: bool,
    /// Seconds for which a browser may cache a preflight response.
    max_age_s: u32,
}

impl From<&manifest::Cors> for Cors {
    fn from(cors: &manifest::Cors) -> Self {
        let manifest::Cors { origins, methods, headers, credentials, max_age_s } = cors.clone();
        Self { origins, methods, headers, credentials, max_age_s }
    }
}

/// A trigger. Fields that do not belong to its type are null.
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
    /// The cron pattern, for `schedule`.
    cron: Option<String>,
    /// The time zone of `cron`, for `schedule`.
    timezone: Option<String>,
    /// What happens to due times that passed while no server was running, for `schedule`.
    catch_up: Option<CatchUp>,
    /// Whether it fires while its previous run is not over, for `schedule`.
    overlap: Option<Overlap>,
    /// The last part of the address, for `webhook`.
    name: Option<String>,
    /// How deliveries are authenticated, for `webhook`.
    scheme: Option<String>,
    /// The name of the secret that deliveries are authenticated with, for `webhook`.
    secret: Option<String>,
    /// Its URL, for `http` and `webhook`.
    url: Option<String>,
    /// Who may call, for `http`.
    auth: Option<HttpAuth>,
    /// A custom path on the server, for `http`: `/shop`, or `/shop/*` including everything below.
    path: Option<String>,
    /// Its URL at that path, for `http`.
    path_url: Option<String>,
    /// The cross-origin pages that may call, for `http`.
    cors: Option<Cors>,
    /// Whether its function runs.
    #[graphql(skip)]
    running: bool,
}

impl Trigger {
    /// `filter` is the trigger's own, where it was asked for: it may be large. `base` is the server's URL. `running` says
    /// whether the function runs.
    pub(super) fn new(wanted: &Wanted, filter: Option<Value>, url: Option<String>, base: &str, running: bool) -> Self {
        match wanted {
            Wanted::Http(HttpTrigger { path, auth, cors }) => Self {
                kind: "http",
                url,
                auth: Some((*auth).into()),
                path_url: path.as_ref().map(|path| format!("{base}{}", path.strip_suffix("/*").unwrap_or(path))),
                path: path.clone(),
                cors: cors.as_ref().map(Cors::from),
                ..Self::default()
            },
            Wanted::Event { pattern, filter: _ } => {
                Self { kind: "event", pattern: Some(pattern.clone()), filter, ..Self::default() }
            }
            Wanted::Schedule(Schedule { cron, timezone, catch_up, overlap, data: _ }) => Self {
                kind: "schedule",
                cron: Some(cron.clone()),
                timezone: Some(timezone.clone()),
                catch_up: Some((*catch_up).into()),
                overlap: Some((*overlap).into()),
                running,
                ..Self::default()
            },
            Wanted::Webhook(webhook) => {
                let scheme = Some(webhook.scheme().as_str().to_owned());
                let (name, secret) = (Some(webhook.name.clone()), webhook.secret.clone());
                Self { kind: "webhook", name, scheme, secret, url, ..Self::default() }
            }
        }
    }
}

#[ComplexObject]
impl Trigger {
    /// When it is due next, for `schedule`: 100 times at most, and none while its function does not run. `fireTimes` says when
    /// it would be.
    async fn next_fire_times(&self, #[graphql(default = 5)] count: i32) -> Result<Option<Vec<DateTime<Utc>>>> {
        let (Some(cron), Some(timezone)) = (&self.cron, &self.timezone) else { return Ok(None) };
        let Ok(timetable) = Timetable::parse(cron, timezone) else { return Ok(None) };
        let times = fire_times(&timetable, count, clock::now()).or_fail()?;
        Ok(Some(if self.running { times } else { Vec::new() }))
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
    Ok(timetable.due_between(now, now + FORESEEN, count))
}
