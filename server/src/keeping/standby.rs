//! Instances that stand by: started before a call needs them (`scaling.prewarm`). They take no calls until they are taken.

use std::sync::Arc;

use super::member::Member;
use super::pool::Revision;

/// The instances of a version that stand by, and those that will.
#[derive(Default)]
pub(super) struct Standby {
    ready: Vec<Arc<Member>>,
    preparing: u32,
    /// Of what was being prepared, so many are needed as soon as they are ready.
    claimed: u32,
}

/// What there was to take.
pub(super) enum Taken {
    /// An instance that is ready.
    Ready(Arc<Member>),
    /// One that is still being prepared; it takes calls when it is ready.
    Coming,
}

impl Standby {
    /// How many stand by, or will.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.ready.len()).unwrap_or(u32::MAX).saturating_add(self.preparing)
    }

    pub(super) fn preparing(&self) -> u32 {
        self.preparing
    }

    /// Another one is being prepared.
    pub(super) fn begins(&mut self) {
        self.preparing += 1;
    }

    /// The preparation of one has ended, whatever came of it. Returns whether it is needed at once.
    pub(super) fn is_claimed(&mut self) -> bool {
        match self.claimed.checked_sub(1) {
            Some(left) => {
                self.claimed = left;
                true
            }
            None => {
                self.preparing -= 1;
                false
            }
        }
    }

    /// Lets an instance stand by.
    pub(super) fn put(&mut self, member: Arc<Member>) {
        self.ready.push(member);
    }

    /// Takes one for calls.
    pub(super) fn take(&mut self) -> Option<Taken> {
        while let Some(member) = self.ready.pop() {
            if member.process.exited().is_none() {
                return Some(Taken::Ready(member));
            }
        }
        self.preparing = self.preparing.checked_sub(1)?;
        self.claimed += 1;
        Some(Taken::Coming)
    }

    /// Takes all that are ready.
    pub(super) fn take_all(&mut self) -> Vec<Arc<Member>> {
        std::mem::take(&mut self.ready)
    }

    /// Takes those that have ended by themselves.
    pub(super) fn take_ended(&mut self) -> Vec<Arc<Member>> {
        self.ready.extract_if(.., |member| member.process.exited().is_some()).collect()
    }

    /// Takes those that were given other secrets than these.
    pub(super) fn take_stale(&mut self, now: &Revision) -> Vec<Arc<Member>> {
        self.ready.extract_if(.., |member| member.secrets != *now).collect()
    }

    pub(super) fn ready(&self) -> &[Arc<Member>] {
        &self.ready
    }
}
