//! What becomes of the containers, as the engine's stream of events tells it: one stream for all of them, and after each
//! interruption one look at the list.
//!
//! Knows containers by their ids, not what runs in them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum, EventMessage};
use bollard::query_parameters::EventsOptionsBuilder;
use chrono::Utc;
use futures::StreamExt;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::engine::{Engine, absent};
use super::labels::{self, Owner};
use crate::backoff::Backoff;

/// Pauses between attempts to reach an engine that is away.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// After the stream was opened, the list is looked at once more: what happened while it was opened may be in neither.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A stream that was cut without a word is noticed by this look at the list, one for all containers.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// A container of this server that nobody watches, and that has not ended, is left over after this: the answer to the request that made
/// it never came.
const LEFT_AFTER: Duration = Duration::from_secs(120);

/// What is known of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// What its health check found last.
    pub(super) healthy: Option<bool>,
    /// Whether it met its memory limit.
    pub(super) out_of_memory: bool,
    /// Whether it has ended.
    pub(super) ended: bool,
    /// With which code, if the engine told.
    pub(super) code: Option<i64>,
}

/// The containers that are watched.
#[derive(Debug, Default)]
pub(super) struct Watch {
    members: Mutex<HashMap<String, watch::Sender<State>>>,
    /// Containers that nobody watches, and since when they are known.
    unwatched: Mutex<HashMap<String, Instant>>,
    /// Why the engine does not answer, if it does not.
    fault: RwLock<Option<String>>,
}

impl Watch {
    /// Begins to watch the containers with this server's label, until nobody has the watch any more.
    pub(super) fn start(engine: Arc<Engine>, owner: &Owner) -> Arc<Self> {
        let watch = Arc::new(Self::default());
        let seen = Arc::downgrade(&watch);
        let label = format!("{}={}", labels::SERVER, owner.server);
        let owner = owner.clone();
        tokio::spawn(async move {
            let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
            let mut since = Utc::now().timestamp();
            while seen.strong_count() > 0 {
                let filters = HashMap::from([("type", vec!["container"]), ("label", vec![label.as_str()])]);
                let options = EventsOptionsBuilder::default().since(&since.to_string()).filters(&filters).build();
                let mut events = engine.client.events(Some(options));
                let mut look_at = Instant::now();
                let fault = loop {
                    let event = tokio::select! {
                        event = events.next() => event,
                        () = sleep_until(look_at) => {
                            let Some(watch) = seen.upgrade() else { return };
                            match watch.look(&engine, &owner, &label).await {
                                Ok(()) => backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
                                Err(fault) => break Some(fault),
                            }
                            let again = if watch.answers() { LOOK_EVERY } else { LOOK_AGAIN };
                            watch.heard(None);
                            look_at = Instant::now() + again;
                            continue;
                        }
                    };
                    let Some(watch) = seen.upgrade() else { return };
                    match event {
                        Some(Ok(event)) => {
                            since = event.time.unwrap_or(since);
                            watch.tell(event);
                        }
                        Some(Err(fault)) => break Some(fault),
                        None => break None,
                    }
                };
                if let Some(watch) = seen.upgrade() {
                    let why = fault.map(|fault| absent(&engine.host, &fault).to_string());
                    watch.heard(Some(why.unwrap_or_else(|| format!("the Docker engine at {} has ended", engine.host))));
                }
                backoff.pause().await;
            }
        });
        watch
    }

    /// Watches one more container, from before it is started.
    pub(super) fn add(&self, id: &str) -> watch::Receiver<State> {
        let (state, seen) = watch::channel(State::default());
        self.members.lock().insert(id.to_owned(), state);
        seen
    }

    /// Forgets a container.
    pub(super) fn remove(&self, id: &str) {
        self.members.lock().remove(id);
    }

    /// Why the engine does not answer, if it does not.
    pub(super) fn fault(&self) -> Option<String> {
        self.fault.read().clone()
    }

    fn answers(&self) -> bool {
        self.fault.read().is_none()
    }

    fn heard(&self, fault: Option<String>) {
        let mut known = self.fault.write();
        match (&*known, &fault) {
            (None, Some(fault)) => tracing::warn!(%fault, "containers are not watched: their engine is away"),
            (Some(_), None) => tracing::info!("the engine of containers answers again"),
            _ => {}
        }
        *known = fault;
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut State)) {
        if let Some(state) = self.members.lock().get(id) {
            state.send_modify(change);
        }
    }

    fn tell(&self, event: EventMessage) {
        let (Some(action), Some(actor)) = (event.action, event.actor) else { return };
        let Some(id) = actor.id else { return };
        match action.as_str() {
            "die" => {
                let code = actor.attributes.as_ref().and_then(|known| known.get("exitCode")?.parse().ok());
                self.change(&id, |state| (state.ended, state.code) = (true, code));
            }
            "destroy" => self.change(&id, |state| state.ended = true),
            "oom" => self.change(&id, |state| state.out_of_memory = true),
            "health_status: healthy" => self.change(&id, |state| state.healthy = Some(true)),
            "health_status: unhealthy" => self.change(&id, |state| state.healthy = Some(false)),
            _ => {}
        }
    }

    /// Compares what is watched with the engine's list.
    async fn look(&self, engine: &Arc<Engine>, owner: &Owner, label: &str) -> Result<(), bollard::errors::Error> {
        // One that is started meanwhile is not in the list, and has not ended.
        let watched: HashSet<String> = self.members.lock().keys().cloned().collect();
        let mut all: HashMap<String, ContainerSummary> = HashMap::new();
        for container in engine.labelled(label).await? {
            if let Some(id) = container.id.clone() {
                all.insert(id, container);
            }
        }
        let left = self.left(owner, &all, Instant::now());
        if !left.is_empty() {
            tokio::spawn(remove(engine.clone(), left));
        }
        for id in watched {
            match all.get(&id) {
                None => self.change(&id, |state| state.ended = true),
                Some(container) if has_ended(container) => self.change(&id, |state| state.ended = true),
                Some(container) if container.status.as_deref().unwrap_or_default().contains("(healthy)") => {
                    self.change(&id, |state| state.healthy = Some(true));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// The containers that this executor has made and nobody watches any more: their engine was away when they should have gone.
    fn left(&self, owner: &Owner, all: &HashMap<String, ContainerSummary>, now: Instant) -> Vec<String> {
        let members = self.members.lock();
        let mut unwatched = self.unwatched.lock();
        unwatched.retain(|id, _| all.contains_key(id) && !members.contains_key(id));
        let is_own =
            |container: &ContainerSummary| container.labels.as_ref().is_some_and(|labels| owner.has_made(labels));
        let mut left = Vec::new();
        for (id, container) in all.iter().filter(|(id, container)| is_own(container) && !members.contains_key(*id)) {
            // Whoever made it may not know its id yet; one that has run and ended was watched before.
            let known = unwatched.entry(id.clone()).or_insert(now);
            if has_ended(container) || now.saturating_duration_since(*known) >= LEFT_AFTER {
                left.push(id.clone());
            }
        }
        left
    }
}

/// Removes containers that are left over; those that cannot be removed now are found again.
async fn remove(engine: Arc<Engine>, left: Vec<String>) {
    for id in left {
        match engine.remove(&id).await {
            Ok(()) => tracing::debug!(container = id, "removed a container that was left over"),
            Err(error) => tracing::debug!(container = id, %error, "a container that is left over could not be removed"),
        }
    }
}

fn has_ended(container: &ContainerSummary) -> bool {
    use ContainerSummaryStateEnum::{DEAD, EXITED, REMOVING};
    matches!(container.state, Some(EXITED | DEAD | REMOVING))
}

#[cfg(test)]
mod tests {
    use bollard::models::EventActor;

    use super::*;

    fn event(action: &str, id: &str, code: Option<&str>) -> EventMessage {
        let attributes = code.map(|code| HashMap::from([("exitCode".to_owned(), code.to_owned())]));
        let actor = EventActor { id: Some(id.into()), attributes };
        EventMessage { action: Some(action.into()), actor: Some(actor), ..EventMessage::default() }
    }

    #[test]
    fn an_event_changes_its_container_alone() {
        let watch = Watch::default();
        let (one, other) = (watch.add("one"), watch.add("other"));
        watch.tell(event("oom", "one", None));
        watch.tell(event("die", "one", Some("137")));
        watch.tell(event("die", "nobody", Some("1")));
        watch.tell(event("exec_start: true", "other", None));
        let state = State { out_of_memory: true, ended: true, code: Some(137), healthy: None };
        assert_eq!(*one.borrow(), state);
        assert_eq!(*other.borrow(), State::default());
        watch.tell(event("health_status: healthy", "other", None));
        assert_eq!(other.borrow().healthy, Some(true));
    }

    #[test]
    fn what_nobody_watches_any_more_is_left_over_and_others_containers_are_not() {
        use ContainerSummaryStateEnum::{CREATED, EXITED};
        let (watch, owner) = (Watch::default(), Owner::new("here"));
        let watched = watch.add("watched");
        let container = |labels: HashMap<String, String>, state| ContainerSummary {
            labels: Some(labels),
            state: Some(state),
            ..ContainerSummary::default()
        };
        let all = HashMap::from([
            ("watched".to_owned(), container(owner.labels(), EXITED)),
            ("ended".to_owned(), container(owner.labels(), EXITED)),
            ("new".to_owned(), container(owner.labels(), CREATED)),
            ("others".to_owned(), container(Owner::new("here").labels(), EXITED)),
        ]);
        let now = Instant::now();
        assert_eq!(watch.left(&owner, &all, now), ["ended"]);
        let mut left = watch.left(&owner, &all, now + LEFT_AFTER);
        left.sort();
        assert_eq!(left, ["ended", "new"]);
        assert!(!watched.borrow().ended);
    }
}
