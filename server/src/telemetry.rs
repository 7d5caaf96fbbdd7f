//! The server's log and its metrics, whose names are part of the public contract.

mod logging;
mod repeats;
pub mod watchdog;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

pub use logging::{ACCESS, finish_logging, start_logging};
use parking_lot::Mutex;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricType;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

/// Maximum number of event types counted separately. Senders choose the types, and each is kept for the lifetime of the
/// server.
const MAX_TRIGGERS: usize = 200;

/// Maximum length of such a type, in bytes.
const MAX_TRIGGER: usize = 128;

/// The label for all other types.
const OTHER_TRIGGERS: &str = "other";

/// The description of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The name.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The labels of its series.
    pub labels: Vec<String>,
    /// The help text.
    pub help: String,
}

/// The registry, which also remembers metrics without any value; the library only shows the others.
#[derive(Clone)]
struct Shown {
    registry: Registry,
    described: Arc<Mutex<Vec<Described>>>,
}

impl Shown {
    fn new() -> Self {
        Self { registry: Registry::new(), described: Arc::default() }
    }

    fn register(&self, metric: Box<dyn Collector>) -> prometheus::Result<()> {
        let kind = match metric.collect().first().map(|family| family.get_field_type()) {
            Some(MetricType::COUNTER) => "counter",
            Some(MetricType::HISTOGRAM) => "histogram",
            _ => "gauge",
        };
        let described: Vec<_> = metric.desc().into_iter().map(|desc| described(desc, kind)).collect();
        self.registry.register(metric)?;
        self.described.lock().extend(described);
        Ok(())
    }

    fn gather(&self) -> Vec<prometheus::proto::MetricFamily> {
        self.registry.gather()
    }
}

fn described(desc: &Desc, kind: &'static str) -> Described {
    Described { name: desc.fq_name.clone(), kind, labels: desc.variable_labels.clone(), help: desc.help.clone() }
}

/// Removes all series of a function.
fn forget(
    vec: &dyn Collector,
    remove: impl Fn(&HashMap<&str, &str>) -> prometheus::Result<()>,
    namespace: &str,
    function: &str,
) {
    for family in vec.collect() {
        for metric in family.get_metric() {
            let labels: HashMap<_, _> = metric.get_label().iter().map(|label| (label.name(), label.value())).collect();
            if labels.get("namespace") == Some(&namespace) && labels.get("function") == Some(&function) {
                // Fails if another thread has removed it.
                let _ = remove(&labels);
            }
        }
    }
}

/// All metrics. Cheap to clone; clones share their values.
#[derive(Clone)]
#[allow(missing_docs)] // the names in `new` say it
pub struct Metrics {
    registry: Shown,
    triggers: Arc<Mutex<HashSet<String>>>,
    read_at: Arc<tokio::sync::Mutex<Option<Instant>>>,
    pub invocations: IntCounterVec,
    pub duration: HistogramVec,
    pub http_requests: IntCounterVec,
    pub active_functions: IntGauge,
    pub cold_starts: IntCounterVec,
    pub cold_start_seconds: HistogramVec,
    pub queue_depth: IntGaugeVec,
    pub log_position: IntGauge,
    pub relay_lag: IntGauge,
    /// `eventflow_event_log_sealed_position`.
    pub log_sealed: IntGauge,
    pub builds: IntCounterVec,
    pub failed_builds: IntGauge,
    pub dead_letters: IntGauge,
    pub leader: IntGauge,
    pub queue_oldest: IntGaugeVec,
    pub broker_dead: IntGauge,
    pub feed_gaps: IntGauge,
    pub connections: IntGauge,
    pub connections_refused: IntCounter,
}

/// Seconds: from a tenth of a millisecond to half a minute.
const SECONDS: &[f64] =
    &[0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

impl Metrics {
    /// With every metric at zero.
    pub fn new() -> Self {
        let registry = Shown::new();
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let made = IntCounterVec::new(Opts::new(name, help), labels).expect("a constant name is valid");
            registry.register(Box::new(made.clone())).expect("each name is registered once");
            made
        };
        let gauge = |name: &str, help: &str| {
            let made = IntGauge::new(name, help).expect("a constant name is valid");
            registry.register(Box::new(made.clone())).expect("each name is registered once");
            made
        };
        let histograms = |name: &str, help: &str, labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
            let made = HistogramVec::new(options, labels).expect("a constant name is valid");
            registry.register(Box::new(made.clone())).expect("each name is registered once");
            made
        };
        let connections_refused =
            IntCounter::new("eventflow_connections_refused_total", "Connections for which there was no place.")
                .expect("a constant name is valid");
        registry.register(Box::new(connections_refused.clone())).expect("each name is registered once");
        let queue_depth =
            IntGaugeVec::new(Opts::new("eventflow_queue_depth", "Runs that wait for a worker."), &["function"])
                .expect("a constant name is valid");
        registry.register(Box::new(queue_depth.clone())).expect("each name is registered once");
        let queue_oldest = IntGaugeVec::new(
            Opts::new("eventflow_queue_oldest_seconds", "Age of the oldest run that waits for a worker."),
            &["namespace", "function"],
        )
        .expect("a constant name is valid");
        registry.register(Box::new(queue_oldest.clone())).expect("each name is registered once");
        Self {
            invocations: counters(
                "eventflow_function_invocations_total",
                "Runs that ended.",
                &["namespace", "function", "trigger", "outcome"],
            ),
            duration: histograms(
                "eventflow_function_duration_seconds",
                "Time that runs took.",
                &["namespace", "function"],
            ),
            http_requests: counters(
                "eventflow_http_requests_total",
                "Requests that were answered.",
                &["method", "path", "status"],
            ),
            active_functions: gauge("eventflow_active_functions", "Functions that are RUNNING."),
            cold_starts: counters(
                "eventflow_cold_starts_total",
                "Instances started because a call waited.",
                &["namespace", "function"],
            ),
            cold_start_seconds: histograms(
                "eventflow_cold_start_seconds",
                "Time from the wish for an instance to its first answer.",
                &["namespace", "function"],
            ),
            log_position: gauge("eventflow_event_log_position", "Position of the newest record of the log."),
            relay_lag: gauge("eventflow_relay_lag", "Records of the log that the relay has not passed."),
            log_sealed: gauge(
                "eventflow_event_log_sealed_position",
                "Up to which position the event log is sealed under its key.",
            ),
            builds: counters("eventflow_builds_total", "Builds that ended.", &["outcome"]),
            failed_builds: gauge("eventflow_functions_build_failed", "Functions whose newest build failed."),
            dead_letters: gauge(
                "eventflow_dead_letters",
                "Dead letters that wait for somebody to redrive or purge them.",
            ),
            leader: gauge("eventflow_leader", "1 on the server that leads, 0 on the others."),
            queue_oldest,
            broker_dead: gauge(
                "eventflow_broker_dead_messages",
                "Messages in the queue eventflow.dead of the broker: refused, or delivered too often.",
            ),
            feed_gaps: gauge("eventflow_feed_gaps", "Gaps that followers of the log met; must stay 0."),
            connections: gauge("eventflow_connections", "Connections that are open."),
            connections_refused,
            queue_depth,
            registry,
            triggers: Arc::default(),
            read_at: Arc::default(),
        }
    }

    /// Stops exporting a deregistered function.
    pub fn forget(&self, namespace: &str, function: &str) {
        let counters = [&self.invocations, &self.cold_starts];
        counters.into_iter().for_each(|vec| forget(vec, |labels| vec.remove(labels), namespace, function));
        let histograms = [&self.duration, &self.cold_start_seconds];
        histograms.into_iter().for_each(|vec| forget(vec, |labels| vec.remove(labels), namespace, function));
    }

    /// When the metrics that come from the database were last read. Whoever holds the lock may read them now.
    pub fn read_at(&self) -> &tokio::sync::Mutex<Option<Instant>> {
        &self.read_at
    }

    /// The label for runs caused by an event of this type.
    pub fn trigger<'k>(&self, kind: &'k str) -> &'k str {
        if domain::event::is_platforms(kind) {
            return kind;
        }
        let mut triggers = self.triggers.lock();
        if triggers.contains(kind) {
            return kind;
        }
        if triggers.len() >= MAX_TRIGGERS || kind.len() > MAX_TRIGGER {
            return OTHER_TRIGGERS;
        }
        triggers.insert(kind.to_owned());
        kind
    }

    /// Also exports a histogram of another room. A second one with the same name is ignored.
    pub fn show(&self, histogram: prometheus::Histogram) {
        if let Err(error) = self.registry.register(Box::new(histogram)) {
            tracing::warn!(%error, "a metric is not shown");
        }
    }

    /// Every metric, by name.
    pub fn described(&self) -> Vec<Described> {
        let mut described = self.registry.described.lock().clone();
        described.sort_by(|one, other| one.name.cmp(&other.name));
        described
    }

    /// The text format of Prometheus, version 0.0.4.
    pub fn render(&self) -> String {
        let mut out = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            tracing::error!(%error, "metrics not rendered");
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_is_gone_leaves_no_numbers() {
        let metrics = Metrics::new();
        for (namespace, function) in [("team", "gone"), ("team", "here"), ("other", "gone")] {
            for outcome in ["success", "failure"] {
                metrics.invocations.with_label_values(&[namespace, function, "http", outcome]).inc();
            }
            metrics.cold_starts.with_label_values(&[namespace, function]).inc();
            metrics.duration.with_label_values(&[namespace, function]).observe(1.0);
            metrics.cold_start_seconds.with_label_values(&[namespace, function]).observe(1.0);
        }
        metrics.forget("team", "gone");
        let text = metrics.render();
        let of = |namespace: &str, function: &str| {
            let labels = [format!("namespace=\"{namespace}\""), format!("function=\"{function}\"")];
            text.lines().filter(|line| labels.iter().all(|label| line.contains(label))).count()
        };
        assert_eq!((of("team", "gone"), of("team", "here")), (0, of("other", "gone")), "{text}");
        assert!(of("team", "here") > 4);
    }

    #[test]
    fn types_that_senders_make_up_do_not_make_up_metrics() {
        let metrics = Metrics::new();
        assert_eq!(metrics.trigger("user.created"), "user.created");
        for number in 0..10_000 {
            metrics
                .invocations
                .with_label_values(&["ns", "f", metrics.trigger(&format!("t{number}")), "succeeded"])
                .inc();
        }
        assert!(metrics.render().lines().count() < 2 * MAX_TRIGGERS);
        assert_eq!(metrics.trigger("user.created"), "user.created");
        assert_eq!(metrics.trigger("later"), OTHER_TRIGGERS);
        assert_eq!(Metrics::new().trigger(&"x".repeat(MAX_TRIGGER + 1)), OTHER_TRIGGERS);
        assert_eq!(metrics.trigger("webhook.received"), "webhook.received");
    }
}
