//! The number of concurrent jobs.

use std::time::Duration;

use bytes::Bytes;
use domain::function::Command;
use tokio::time::Instant;

use super::{House, PATIENCE, Server, eventually, job};
use crate::actors::testing::with_actors;
use crate::clock;
use crate::executor::JobCall;
use crate::leasing::{Arm, Error, JobPermit};

/// Takes permits until there are none.
async fn all_permits(server: &Server, arm: &Arm) -> Vec<JobPermit> {
    let mut permits = Vec::new();
    while let Ok(permit) = server.leasing.job_permit(arm, Instant::now()).await {
        permits.push(permit);
    }
    permits
}

#[test]
fn the_current_version_says_how_many_jobs_there_are_whichever_is_asked_for_first() {
    with_actors(async {
        let house = House::new().await;
        let id = house.running("tidy", vec![job(5), job(2)]).await;
        let one = house.server("node-1", None);
        // This server first hears of the function by a run of an old version.
        let old = one.leasing.version(id, 1).await.unwrap().unwrap();
        assert_eq!(old.manifest.scaling.max, 5);
        let permits = all_permits(&one, &old).await;
        assert_eq!(permits.len(), 2);
        // The version changes while jobs are running: more may start immediately, and fewer once some have ended.
        house.built(id, job(4)).await;
        house.command(id, Command::Promote { version: 3, reason: None, at: clock::now() }).await;
        one.keeping.reconcile(id).await.unwrap();
        let more = all_permits(&one, &old).await;
        assert_eq!(more.len(), 2);
        house.command(id, Command::Promote { version: 2, reason: None, at: clock::now() }).await;
        one.keeping.reconcile(id).await.unwrap();
        drop(more);
        assert!(all_permits(&one, &old).await.is_empty(), "two run");
        drop(permits);
        assert_eq!(all_permits(&one, &old).await.len(), 2);
    });
}

#[test]
fn who_waits_for_a_job_is_counted_and_waits_until_the_deadline() {
    with_actors(async {
        let house = House::new().await;
        let id = house.running("tidy", vec![job(1)]).await;
        let one = house.server("node-1", None);
        let arm = one.leasing.route_to(id).await.unwrap().unwrap().current().clone();
        let permit = one.leasing.job_permit(&arm, Instant::now()).await.unwrap();
        let run = uuid::Uuid::from_u128(1);
        let call = JobCall { run, attempt: 1, event: Bytes::new(), timeout: PATIENCE, trace: None };
        let (keeping, of) = (one.keeping.clone(), arm.clone());
        let running = tokio::spawn(async move { keeping.run_job(&of, call, permit).await.unwrap() });
        eventually("it runs", async || one.host.started() == 1).await;
        let wait = |_| {
            let (leasing, arm) = (one.leasing.clone(), arm.clone());
            tokio::spawn(
                async move { leasing.job_permit(&arm, Instant::now() + Duration::from_secs(1)).await.map(drop) },
            )
        };
        let waits: Vec<_> = (0..10).map(wait).collect();
        eventually("all wait", async || one.leasing.jobs_waiting(id) == 10).await;
        let refused = one.leasing.job_permit(&arm, Instant::now() + PATIENCE).await;
        assert!(matches!(refused, Err(Error::Overloaded { waiting: 10 })), "{refused:?}");
        for waited in futures::future::join_all(waits).await {
            assert!(matches!(waited.unwrap(), Err(Error::TimedOut)));
        }
        assert_eq!(one.leasing.jobs_waiting(id), 0);
        one.host.jobs.add_permits(1);
        running.await.unwrap();
        assert!(one.leasing.job_permit(&arm, Instant::now()).await.is_ok());
    });
}
