//! Jobs: processes that get one event and run to their end.

use std::collections::BTreeMap;

use chrono::{SecondsFormat, Utc};
use tokio::time::timeout;

use super::super::wrapped::{as_job, out_of_memory_words};
use super::super::{Error, JobCall, JobOutcome, Lines, Spec};
use super::files::result_of;
use super::start::{OWN_PIDS, Plan};
use super::starts::JOB_TURN;
use super::{Sandbox, host};

impl Sandbox {
    /// Runs a job to its end. Dropping the future ends the process.
    pub(super) async fn run_job(&self, spec: Spec, call: JobCall, lines: Lines) -> Result<JobOutcome, Error> {
        let artifact = self.check(&spec)?;
        let owner = Self::owner(&spec);
        let turn = self.home.starts.take(&owner).await;
        let command = as_job(self.command(&spec, artifact)?, &spec)?;
        let mut limits = spec.limits.clone();
        limits.pids += OWN_PIDS;
        let folder = self.folder(&spec.instance, &limits)?;
        let mut env = self.env(&spec, artifact);
        let deadline = Utc::now() + call.timeout;
        env.insert("EVENTFLOW_RESULT".into(), self.own_path(&folder, "result"));
        env.insert("EVENTFLOW_RUN_ID".into(), call.run.to_string());
        env.insert("EVENTFLOW_ATTEMPT".into(), call.attempt.to_string());
        env.insert("EVENTFLOW_DEADLINE".into(), deadline.to_rfc3339_opts(SecondsFormat::Millis, true));
        if let Some(trace) = &call.trace {
            env.insert("TRACEPARENT".into(), trace.parent());
            env.extend(trace.state().map(|state| ("TRACESTATE".into(), state.to_owned())));
        }
        let plan = Plan {
            name: spec.instance.clone(),
            owner,
            command,
            env,
            app: artifact.to_owned(),
            app_writable: false,
            user: host::Number::Instance(self.number()),
            bridge: None,
            caches: BTreeMap::new(),
            readable: BTreeMap::new(),
            opened: None,
            limits,
            cpu_later: false,
            folder,
            stdin: call.event,
            run: Some(call.run),
            lines,
            out_of_memory_words: out_of_memory_words(&spec.runtime),
        };
        let (process, folder) = self.start(plan).await?;
        let ended = turn.during(JOB_TURN, process.handle.wait());
        let (mut exit, timed_out) = match timeout(call.timeout, ended).await {
            Ok(exit) => (exit, false),
            Err(_) => (process.handle.stop(self.grace).await, true),
        };
        exit.timed_out = timed_out;
        let stderr_tail = process.handle.stderr_tail();
        let result = result_of(&folder.join("own/result"))?;
        Ok(JobOutcome { exit, result, stderr_tail })
    }
}
