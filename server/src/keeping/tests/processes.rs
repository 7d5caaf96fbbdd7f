//! Instances that are processes of their server.

use std::sync::Arc;

use domain::function::Command;
use domain::manifest::Scaling;
use tokio::time::Instant;

use super::cluster::Cluster;
use super::{House, PATIENCE, eventually, job, scaling, service};
use crate::actors::testing::with_actors;
use crate::clock;
use crate::leasing::Error;

#[test]
fn each_server_keeps_min_of_its_own_and_they_end_with_it() {
    with_actors(async {
        let house = House::new().await;
        let id = house.running("hello", vec![service(scaling(1, 4, 10))]).await;
        let (one, two) = (house.server("node-1", None), house.server("node-2", None));
        for server in [&one, &two] {
            server.keeping.start_wanted().await.unwrap();
            eventually("one is ready", async || server.keeping.instances(id).len() == 1).await;
            assert!(!server.call(id).await.unwrap().cold_start);
            assert_eq!(server.host.alive(), 1);
        }
        one.keeping.stop(Instant::now()).await;
        assert_eq!((one.host.alive(), two.host.alive()), (0, 1));
        assert!(two.call(id).await.is_ok());
        assert!(matches!(one.call(id).await.map(drop), Err(Error::NotRunning { .. })), "it takes no more calls");
    });
}

#[test]
fn calls_start_as_many_as_the_scaling_allows_and_wait_for_the_others() {
    with_actors(async {
        let house = House::new().await;
        let id = house.running("hello", vec![service(scaling(0, 2, 1))]).await;
        let one = house.server("node-1", None);
        let (first, second) = (one.call(id).await.unwrap(), one.call(id).await.unwrap());
        let endpoints = one.leasing.route_to(id).await.unwrap().unwrap().current().endpoints().unwrap().clone();
        let (waited, given) = tokio::join!(endpoints.lease(None, Instant::now() + PATIENCE), async {
            eventually("it waits", async || endpoints.waiting() == 1).await;
            let instance = first.instance().to_owned();
            drop(first);
            instance
        });
        assert_eq!(waited.unwrap().instance(), given);
        drop(second);
        assert_eq!((one.host.started(), endpoints.waiting()), (2, 0));
    });
}

#[test]
fn one_stands_by_for_whoever_calls_next() {
    with_actors(async {
        let house = House::new().await;
        let id = house.running("hello", vec![service(Scaling { prewarm: 1, ..scaling(0, 2, 1) })]).await;
        let one = house.server("node-1", None);
        one.keeping.start_wanted().await.unwrap();
        let states = || one.keeping.instances(id).into_iter().map(|instance| instance.state).collect::<Vec<_>>();
        eventually("one stands by", async || states() == ["standby"]).await;
        let standing_by = one.keeping.instances(id)[0].id.clone();
        let first = one.call(id).await.unwrap();
        assert_eq!(first.instance(), standing_by);
        eventually("another one stands by", async || states() == ["ready", "standby"]).await;
        // With as many as there may be, nobody stands by.
        let _second = one.call(id).await.unwrap();
        eventually("both take calls", async || states() == ["ready", "ready"]).await;
        assert_eq!((one.host.alive(), one.host.started()), (2, 2));
        one.keeping.stop(Instant::now()).await;
        assert_eq!(one.host.alive(), 0);
    });
}

#[test]
fn calls_that_come_while_one_is_prepared_wait_for_it_and_start_no_more_than_there_may_be() {
    with_actors(async {
        let house = House::new().await;
        let id = house.running("hello", vec![service(Scaling { prewarm: 1, ..scaling(0, 1, 10) })]).await;
        let one = house.server("node-1", None);
        // The route and what stands by are made by the first call.
        let (a, b) = tokio::join!(one.call(id), one.call(id));
        assert_eq!(a.unwrap().instance(), b.unwrap().instance());
        assert_eq!((one.host.alive(), one.host.started()), (1, 1));
    });
}

#[test]
fn what_stands_by_ends_with_the_function() {
    with_actors(async {
        let house = House::new().await;
        let id = house.running("hello", vec![service(Scaling { prewarm: 2, ..scaling(0, 4, 1) })]).await;
        let one = house.server("node-1", None);
        one.keeping.start_wanted().await.unwrap();
        eventually("two stand by", async || one.host.alive() == 2).await;
        house.command(id, Command::Stop { reason: None, at: clock::now() }).await;
        one.keeping.reconcile(id).await.unwrap();
        eventually("they end", async || one.host.alive() == 0).await;
    });
}

#[test]
fn a_run_that_is_to_be_alone_has_an_instance_that_ends_with_it() {
    with_actors(async {
        let house = House::new().await;
        let id = house.running("hello", vec![service(scaling(0, 1, 10))]).await;
        let one = house.server("node-1", None);
        let shared = one.call(id).await.unwrap();
        let endpoints = one.leasing.route_to(id).await.unwrap().unwrap().current().endpoints().unwrap().clone();
        let alone = endpoints.lease_alone(clock::new_id(), Instant::now() + PATIENCE).await.unwrap();
        assert_ne!(alone.instance(), shared.instance());
        assert_eq!((one.host.alive(), one.keeping.instances(id).len()), (2, 2));
        drop(alone);
        eventually("it ends", async || one.host.alive() == 1).await;
        assert!(shared.reach().await.is_ok());
    });
}

#[test]
fn what_is_stopped_ends() {
    with_actors(async {
        let house = House::new().await;
        let id = house.running("hello", vec![service(scaling(1, 1, 1))]).await;
        let one = house.server("node-1", None);
        one.keeping.start_wanted().await.unwrap();
        eventually("it runs", async || one.host.alive() == 1).await;
        house.command(id, Command::Stop { reason: None, at: clock::now() }).await;
        one.keeping.reconcile(id).await.unwrap();
        eventually("it ends", async || one.host.alive() == 0).await;
        assert!(matches!(one.call(id).await.map(drop), Err(Error::NotRunning { .. })));
    });
}

#[test]
fn what_the_cluster_does_not_keep_is_a_process_of_each_server() {
    with_actors(async {
        let (house, cluster) = (House::new().await, Arc::new(Cluster::default()));
        let id = house.running("tidy", vec![job(2)]).await;
        let one = house.server("node-1", Some(cluster.clone()));
        let route = one.leasing.route_to(id).await.unwrap().unwrap();
        assert!(route.current().endpoints().is_none());
        assert!(one.leasing.job_permit(route.current(), Instant::now()).await.is_ok());
        assert_eq!(cluster.started(), 0);
    });
}
