//! Previews of schedules: when they would fire.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use domain::schedule::{Fault, Timetable, cron_fault};

use crate::clock;
use crate::ingress::graphql::object::fire_times;
use crate::ingress::graphql::{OrFail, viewer};
use crate::operations::{Problem, Refusal};

#[derive(Default)]
pub(super) struct Query;

#[Object(name = "ScheduleQuery")]
impl Query {
    /// When a schedule would fire next, like `Trigger.nextFireTimes` for an existing one: 100 times at most.
    async fn fire_times(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Five fields, six with seconds in front, or a nickname such as `@daily`.")] cron: String,
        #[graphql(default_with = "\"UTC\".to_owned()", desc = "An IANA time zone.")] timezone: String,
        #[graphql(default = 5)] count: i32,
    ) -> Result<Vec<DateTime<Utc>>> {
        viewer(ctx)?;
        let timetable = Timetable::parse(&cron, &timezone).map_err(|fault| {
            let (code, field) = match fault {
                Fault::Cron(_) => ("bad_cron", "cron"),
                Fault::Timezone(_) => ("bad_timezone", "timezone"),
            };
            Refusal::from(Problem::new(code, fault.to_string()).at([field]))
        });
        let timetable = timetable.or_fail()?;
        if let Some(fault) = cron_fault(&cron) {
            return Err(Refusal::from(Problem::new("bad_cron", fault).at(["cron"]))).or_fail();
        }
        fire_times(&timetable, count, clock::now()).or_fail()
    }
}
