//! What all containers of an executor share.

use std::sync::Arc;

use super::super::lines::Flood;
use super::engine::Engine;
use super::images::Known;
use super::labels::Owner;
use super::networks::Networks;
use super::shape::Ability;
use super::together::Together;
use super::wall::Wall;
use super::watch::Watch;
use crate::turns::Turns;

/// What all containers of an executor share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) engine: Arc<Engine>,
    pub(super) owner: Owner,
    pub(super) watch: Arc<Watch>,
    pub(super) networks: Networks,
    pub(super) known: Known,
    pub(super) ability: Ability,
    pub(super) together: Together,
    pub(super) wall: Result<Wall, String>,
    pub(super) lines_per_second: u32,
    pub(super) flood: Arc<Flood>,
    pub(super) starts: Turns,
}
