//! A log that counts what it is asked, and can be away.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Recorded, Stream, event, function, run};
use parking_lot::Mutex;

use crate::store::feed::{Feed, LineFeed};
use crate::store::*;

/// A log that counts what it is asked, and can be away.
pub(super) struct Watched {
    inner: Store,
    calls: Mutex<BTreeMap<&'static str, usize>>,
    away: AtomicBool,
    /// A question that fails, while all others are answered.
    failing: Mutex<Option<&'static str>>,
}

impl Watched {
    pub(super) fn new(inner: Store) -> Self {
        Self { inner, calls: Mutex::default(), away: AtomicBool::new(false), failing: Mutex::new(None) }
    }

    /// Forgets what was counted, and returns it.
    pub(super) fn take(&self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut self.calls.lock())
    }

    pub(super) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// Lets one question fail, or none.
    pub(super) fn set_failing(&self, what: Option<&'static str>) {
        *self.failing.lock() = what;
    }

    /// How often it was asked.
    pub(super) fn count(&self, what: &'static str) -> usize {
        self.calls.lock().get(what).copied().unwrap_or(0)
    }

    fn asked(&self, what: &'static str) -> Result<(), Error> {
        *self.calls.lock().entry(what).or_default() += 1;
        match self.away.load(Ordering::SeqCst) || *self.failing.lock() == Some(what) {
            true => Err(Error::Unavailable("the disk is full".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Log for Watched {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn stats(&self) -> Arc<Stats> {
        self.inner.stats()
    }

    async fn append(&self, append: Append) -> Result<Appended, Error> {
        self.asked("append")?;
        self.inner.append(append).await
    }

    async fn append_each(&self, appends: Vec<Append>) -> Vec<Result<Appended, Error>> {
        match self.asked("append_each") {
            Ok(()) => self.inner.append_each(appends).await,
            Err(error) => appends.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn append_lines(&self, lines: Vec<NewLine>) -> Result<(), Error> {
        self.asked("append_lines")?;
        self.inner.append_lines(lines).await
    }

    async fn stream(&self, stream: &Stream, after: u64, limit: u32) -> Result<Vec<Recorded>, Error> {
        self.asked("stream")?;
        self.inner.stream(stream, after, limit).await
    }

    async fn log(&self, after: u64, limit: u32) -> Result<Vec<Recorded>, Error> {
        self.asked("log")?;
        self.inner.log(after, limit).await
    }

    async fn function_log(&self, after: u64, up_to: u64, limit: u32) -> Result<Vec<Recorded>, Error> {
        self.asked("function_log")?;
        self.inner.function_log(after, up_to, limit).await
    }

    async fn head(&self) -> Result<u64, Error> {
        self.asked("head")?;
        self.inner.head().await
    }

    async fn line_head(&self) -> Result<u64, Error> {
        self.asked("line_head")?;
        self.inner.line_head().await
    }

    fn follow(&self, after: u64) -> Feed {
        self.inner.follow(after)
    }

    fn follow_lines(&self, of: LinesOf, after: u64) -> LineFeed {
        self.inner.follow_lines(of, after)
    }

    async fn lines(&self, of: LinesOf, after: u64, limit: u32) -> Result<Vec<LineRow>, Error> {
        self.asked("lines")?;
        self.inner.lines(of, after, limit).await
    }

    async fn recent_lines(&self, of: LinesOf, which: Recent, limit: u32) -> Result<Vec<LineRow>, Error> {
        self.asked("recent_lines")?;
        self.inner.recent_lines(of, which, limit).await
    }

    async fn snapshot(&self, stream: &Stream) -> Result<Option<Snapshot>, Error> {
        self.asked("snapshot")?;
        self.inner.snapshot(stream).await
    }

    async fn save_snapshot(&self, stream: &Stream, snapshot: Snapshot) -> Result<(), Error> {
        self.asked("save_snapshot")?;
        self.inner.save_snapshot(stream, snapshot).await
    }

    async fn checkpoint(&self, follower: &str) -> Result<u64, Error> {
        self.asked("checkpoint")?;
        self.inner.checkpoint(follower).await
    }

    async fn needed(&self, versions: u32) -> Result<Needed, Error> {
        self.asked("needed")?;
        self.inner.needed(versions).await
    }

    async fn remove_lines(&self, run: run::Id) -> Result<(), Error> {
        self.asked("remove_lines")?;
        self.inner.remove_lines(run).await
    }

    async fn relayed(&self) -> Result<Relayed, Error> {
        self.asked("relayed")?;
        self.inner.relayed().await
    }

    async fn write_relayed(&self, seen: u64, behind: &BTreeMap<String, u64>) -> Result<(), Error> {
        self.asked("write_relayed")?;
        self.inner.write_relayed(seen, behind).await
    }

    async fn move_checkpoint(&self, follower: &str, from: u64, to: u64) -> Result<bool, Error> {
        self.asked("move_checkpoint")?;
        self.inner.move_checkpoint(follower, from, to).await
    }

    async fn cut(&self, what: Old, before: DateTime<Utc>, after: u64) -> Result<Cut, Error> {
        self.asked("cut")?;
        self.inner.cut(what, before, after).await
    }

    async fn lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<Option<u64>, Error> {
        self.asked("lease")?;
        self.inner.lease(name, holder, ttl).await
    }

    async fn release(&self, name: &str, holder: &str) -> Result<(), Error> {
        self.asked("release")?;
        self.inner.release(name, holder).await
    }

    async fn holders(&self, prefix: &str) -> Result<Vec<(String, String)>, Error> {
        self.asked("holders")?;
        self.inner.holders(prefix).await
    }

    async fn revoke(&self, session: &str, until: DateTime<Utc>) -> Result<(), Error> {
        self.asked("revoke")?;
        self.inner.revoke(session, until).await
    }

    async fn revocations(&self) -> Result<Vec<(String, DateTime<Utc>)>, Error> {
        self.asked("revocations")?;
        self.inner.revocations().await
    }

    async fn ready(&self) -> Result<(), Error> {
        self.asked("ready")?;
        self.inner.ready().await
    }

    async fn function(&self, id: function::Id) -> Result<Option<FunctionRow>, Error> {
        self.asked("function")?;
        self.inner.function(id).await
    }

    async fn functions_by_id(&self, ids: &[function::Id]) -> Result<Vec<FunctionRow>, Error> {
        self.asked("functions_by_id")?;
        self.inner.functions_by_id(ids).await
    }

    async fn function_named(&self, namespace: &str, name: &str) -> Result<Option<FunctionRow>, Error> {
        self.asked("function_named")?;
        self.inner.function_named(namespace, name).await
    }

    async fn names_taken(&self, namespace: &str, names: &[String]) -> Result<Vec<String>, Error> {
        self.asked("names_taken")?;
        self.inner.names_taken(namespace, names).await
    }

    async fn functions_from(
        &self,
        namespace: &str,
        sources: &[function::event::Source],
    ) -> Result<Vec<(function::event::Source, function::Id)>, Error> {
        self.asked("functions_from")?;
        self.inner.functions_from(namespace, sources).await
    }

    async fn namespaces_among(&self, names: &[String]) -> Result<Vec<String>, Error> {
        self.asked("namespaces_among")?;
        self.inner.namespaces_among(names).await
    }

    async fn functions(&self, filter: &FunctionFilter, page: &PageRequest) -> Result<Page<FunctionRow>, Error> {
        self.asked("functions")?;
        self.inner.functions(filter, page).await
    }

    async fn running_functions(&self) -> Result<Vec<RunningFunction>, Error> {
        self.asked("running_functions")?;
        self.inner.running_functions().await
    }

    async fn namespaces(&self) -> Result<Vec<String>, Error> {
        self.asked("namespaces")?;
        self.inner.namespaces().await
    }

    async fn secrets(&self, namespace: &str, names: &[String]) -> Result<Vec<SecretRow>, Error> {
        self.asked("secrets")?;
        self.inner.secrets(namespace, names).await
    }

    async fn secret_infos(&self, namespaces: Option<&[String]>) -> Result<Vec<SecretInfo>, Error> {
        self.asked("secret_infos")?;
        self.inner.secret_infos(namespaces).await
    }

    async fn version(&self, function: function::Id, number: u32) -> Result<Option<VersionRow>, Error> {
        self.asked("version")?;
        self.inner.version(function, number).await
    }

    async fn versions_by_key(&self, keys: &[(function::Id, u32)]) -> Result<Vec<VersionRow>, Error> {
        self.asked("versions_by_key")?;
        self.inner.versions_by_key(keys).await
    }

    async fn versions(&self, function: function::Id, page: &PageRequest) -> Result<Page<VersionRow>, Error> {
        self.asked("versions")?;
        self.inner.versions(function, page).await
    }

    async fn builds_by_id(&self, ids: &[function::BuildId]) -> Result<Vec<BuildRow>, Error> {
        self.asked("builds_by_id")?;
        self.inner.builds_by_id(ids).await
    }

    async fn builds(&self, function: function::Id, page: &PageRequest) -> Result<Page<BuildRow>, Error> {
        self.asked("builds")?;
        self.inner.builds(function, page).await
    }

    async fn open_builds(&self) -> Result<Vec<OpenBuild>, Error> {
        self.asked("open_builds")?;
        self.inner.open_builds().await
    }

    async fn runs_by_id(&self, ids: &[run::Id]) -> Result<Vec<RunRow>, Error> {
        self.asked("runs_by_id")?;
        self.inner.runs_by_id(ids).await
    }

    async fn runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<RunRow>, Error> {
        self.asked("runs")?;
        self.inner.runs(filter, page).await
    }

    async fn newest_runs(&self, functions: &[function::Id]) -> Result<Vec<RunRow>, Error> {
        self.asked("newest_runs")?;
        self.inner.newest_runs(functions).await
    }

    async fn run_counts(&self, filter: &RunFilter) -> Result<Vec<(run::Status, u64)>, Error> {
        self.asked("run_counts")?;
        self.inner.run_counts(filter).await
    }

    async fn newest_builds(&self, functions: &[function::Id]) -> Result<Vec<BuildRow>, Error> {
        self.asked("newest_builds")?;
        self.inner.newest_builds(functions).await
    }

    async fn open_runs(&self, after: u64, limit: u32) -> Result<Vec<RunRow>, Error> {
        self.asked("open_runs")?;
        self.inner.open_runs(after, limit).await
    }

    async fn due_callbacks(&self, before: DateTime<Utc>, limit: u32) -> Result<Vec<RunRow>, Error> {
        self.asked("due_callbacks")?;
        self.inner.due_callbacks(before, limit).await
    }

    async fn waiting_runs(&self) -> Result<Vec<WaitingRuns>, Error> {
        self.asked("waiting_runs")?;
        self.inner.waiting_runs().await
    }

    async fn oldest_queued(&self) -> Result<Vec<(function::Id, DateTime<Utc>)>, Error> {
        self.asked("oldest_queued")?;
        self.inner.oldest_queued().await
    }

    async fn secrets_by_key(&self) -> Result<Vec<(String, u64)>, Error> {
        self.asked("secrets_by_key")?;
        self.inner.secrets_by_key().await
    }

    async fn common(&self, name: &str) -> Result<Option<String>, Error> {
        self.asked("common")?;
        self.inner.common(name).await
    }

    async fn agree(&self, name: &str, value: &str) -> Result<String, Error> {
        self.asked("agree")?;
        self.inner.agree(name, value).await
    }

    async fn set_common(&self, name: &str, value: &str) -> Result<(), Error> {
        self.asked("set_common")?;
        self.inner.set_common(name, value).await
    }

    async fn failed_builds(&self) -> Result<u64, Error> {
        self.asked("failed_builds")?;
        self.inner.failed_builds().await
    }

    async fn events_by_id(&self, ids: &[event::Id]) -> Result<Vec<EventRow>, Error> {
        self.asked("events_by_id")?;
        self.inner.events_by_id(ids).await
    }

    async fn events(&self, filter: &EventFilter, page: &PageRequest) -> Result<Page<EventRow>, Error> {
        self.asked("events")?;
        self.inner.events(filter, page).await
    }

    async fn history(&self, filter: &HistoryFilter, page: &PageRequest) -> Result<Page<Recorded>, Error> {
        self.asked("history")?;
        self.inner.history(filter, page).await
    }

    async fn metrics(
        &self,
        function: Option<function::Id>,
        namespaces: Option<&[String]>,
        span: &Span,
    ) -> Result<Metrics, Error> {
        self.asked("metrics")?;
        self.inner.metrics(function, namespaces, span).await
    }

    async fn calls(&self, functions: &[function::Id], span: &Span) -> Result<HashMap<function::Id, Vec<Calls>>, Error> {
        self.asked("calls")?;
        self.inner.calls(functions, span).await
    }

    async fn rebuild(&self) -> Result<u64, Error> {
        self.asked("rebuild")?;
        self.inner.rebuild().await
    }

    async fn open_credentials(&self) -> Result<Vec<OpenCredentials>, Error> {
        self.inner.open_credentials().await
    }

    async fn mask_credentials(&self) -> Result<(), Error> {
        self.inner.mask_credentials().await
    }

    async fn log_key(&self) -> Result<Option<LogKeyRow>, Error> {
        self.inner.log_key().await
    }

    async fn keep_log_key(&self, row: LogKeyRow) -> Result<LogKeyRow, Error> {
        self.inner.keep_log_key(row).await
    }

    async fn change_keys(&self, log_key: Option<LogKeyRow>, secrets: Vec<SecretRow>) -> Result<(), Error> {
        self.inner.change_keys(log_key, secrets).await
    }

    fn seal_with(&self, key: SealKey) {
        self.inner.seal_with(key);
    }

    async fn seal(&self, now: DateTime<Utc>) -> Result<bool, Error> {
        self.inner.seal(now).await
    }

    async fn newest_seal(&self) -> Result<Option<Seal>, Error> {
        self.asked("newest_seal")?;
        self.inner.newest_seal().await
    }

    async fn has_anchor(&self, anchor: &Anchor) -> Result<bool, Error> {
        self.inner.has_anchor(anchor).await
    }

    async fn verify_against(&self, anchors: &[Anchor]) -> Result<Report, Error> {
        self.asked("verify")?;
        self.inner.verify_against(anchors).await
    }
}
