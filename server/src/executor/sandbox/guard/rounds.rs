//! When the guard looks.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::Found;
use crate::executor::sandbox::home::Home;

/// How often the memory of all together is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// And sockets only every so many times.
const SOCKETS_EVERY: u32 = 4;

impl Home {
    /// Looks again and again, as long as there is an executor.
    pub(in super::super) fn stand_guard(self: &Arc<Self>) {
        let home = Arc::downgrade(self);
        self.ground.later(async move {
            for turn in (0..SOCKETS_EVERY).cycle() {
                tokio::time::sleep(LOOK_EVERY).await;
                let Some(home) = home.upgrade() else { return };
                let look = move || {
                    let mut found = if turn == 0 { home.guard.look_at_sockets() } else { Vec::new() };
                    found.extend(home.guard.look_at_memory(&home.cgroups));
                    found
                };
                let found = tokio::task::spawn_blocking(look).await.unwrap_or_default();
                let end = async |(member, why): Found| member.leash.end(why, member.run, member.lines.upgrade()).await;
                join_all(found.into_iter().map(end)).await;
            }
        });
    }
}
