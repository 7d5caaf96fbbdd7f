//! A fake cluster keeper: its instances belong to no server, like pods.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::manifest::{Manifest, Mode};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::service::Listener;
use crate::keeping::{Found, Keeper, Key, Need, Order};

#[derive(Default)]
pub(super) struct Cluster {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    instances: BTreeMap<Key, Vec<(String, Listener)>>,
    needs: Vec<(Need, Instant)>,
    /// Number of instances ever started.
    started: usize,
    /// How often the number of instances was set.
    orders: usize,
    /// How often a request failed.
    refused: usize,
    /// Whether the keeper is unavailable.
    away: bool,
}

impl Cluster {
    /// The names of the existing instances.
    pub(super) fn all(&self) -> Vec<String> {
        let state = self.state.lock();
        state.instances.values().flatten().map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn started(&self) -> usize {
        self.state.lock().started
    }

    pub(super) fn orders(&self) -> usize {
        self.state.lock().orders
    }

    pub(super) fn refused(&self) -> usize {
        self.state.lock().refused
    }

    pub(super) fn set_away(&self, away: bool) {
        self.state.lock().away = away;
    }

    /// An instance stops listening without being reported as gone.
    pub(super) fn silence(&self, instance: &str) {
        let mut state = self.state.lock();
        let mut all = state.instances.values_mut().flatten();
        let (_, listener) = all.find(|(id, _)| id == instance).expect("it is there");
        listener.silence();
    }

    fn there(&self) -> Result<(), String> {
        let mut state = self.state.lock();
        if state.away {
            state.refused += 1;
            return Err("the cluster is away".into());
        }
        Ok(())
    }

    async fn start(&self, key: Key) {
        let listener = Listener::start().await;
        let mut state = self.state.lock();
        state.started += 1;
        let id = format!("pod-{}", state.started);
        state.instances.entry(key).or_default().push((id, listener));
    }
}

#[async_trait]
impl Keeper for Cluster {
    fn keeps(&self, manifest: &Manifest) -> bool {
        manifest.mode == Mode::Service
    }

    async fn keep(&self, order: &Order, many: u32) -> Result<(), String> {
        self.there()?;
        loop {
            let there = {
                let mut state = self.state.lock();
                let instances = state.instances.entry(order.key).or_default();
                instances.truncate(many as usize);
                instances.len()
            };
            if there == many as usize {
                self.state.lock().orders += 1;
                return Ok(());
            }
            self.start(order.key).await;
        }
    }

    async fn end(&self, key: Key) -> Result<(), String> {
        self.there()?;
        self.state.lock().instances.remove(&key);
        Ok(())
    }

    async fn versions(&self) -> Result<Vec<Key>, String> {
        self.there()?;
        Ok(self.state.lock().instances.keys().copied().collect())
    }

    async fn find(&self, key: Key) -> Result<Vec<Found>, String> {
        self.there()?;
        let state = self.state.lock();
        let found = state.instances.get(&key).into_iter().flatten();
        Ok(found.map(|(id, listener)| Found { id: id.clone(), address: listener.address() }).collect())
    }

    async fn need(&self, need: Need) -> Result<(), String> {
        self.there()?;
        self.state.lock().needs.push((need, Instant::now() + need.lasts));
        Ok(())
    }

    async fn needs(&self) -> Result<Vec<(Key, u32)>, String> {
        self.there()?;
        let mut state = self.state.lock();
        state.needs.retain(|(_, until)| Instant::now() < *until);
        let mut needs = BTreeMap::<Key, u32>::new();
        for (need, _) in &state.needs {
            let many = needs.entry(need.key).or_default();
            *many = need.many.max(*many);
        }
        Ok(needs.into_iter().collect())
    }

    async fn replace(&self, instance: &str) -> Result<(), String> {
        self.there()?;
        let key = {
            let mut state = self.state.lock();
            let of = |all: &[(String, Listener)]| all.iter().any(|(id, _)| id == instance);
            let Some(key) = state.instances.iter().find(|(_, all)| of(all)).map(|(key, _)| *key) else { return Ok(()) };
            state.instances.entry(key).or_default().retain(|(id, _)| id != instance);
            key
        };
        self.start(key).await;
        Ok(())
    }
}
