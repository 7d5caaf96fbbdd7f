//! Instances that belong to the cluster.

use std::sync::Arc;
use std::time::Duration;

use domain::function::Command;
use domain::manifest::Scaling;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::cluster::Cluster;
use super::{House, Server, eventually, scaling, service};
use crate::actors::testing::with_actors;
use crate::clock;
use crate::leasing::Error;

/// Lets the server lead until the task is aborted.
fn lead(server: &Server) -> JoinHandle<()> {
    let keeping = server.keeping.clone();
    tokio::spawn(async move { keeping.lead().await })
}

#[test]
fn min_is_kept_once_by_two_servers_and_outlives_each() {
    with_actors(async {
        let (house, cluster) = (House::new().await, Arc::new(Cluster::default()));
        let id = house.running("hello", vec![service(scaling(1, 4, 10))]).await;
        let one = house.server("node-1", Some(cluster.clone()));
        let two = house.server("node-2", Some(cluster.clone()));
        let leader = lead(&one);
        one.keeping.start_wanted().await.unwrap();
        two.keeping.start_wanted().await.unwrap();
        eventually("there is one", async || cluster.all().len() == 1).await;
        let (first, second) = (one.call(id).await.unwrap(), two.call(id).await.unwrap());
        assert_eq!([first.instance(), second.instance()], ["pod-1", "pod-1"]);
        drop(first);

        // Another server takes over, and the first one goes.
        leader.abort();
        let leader = lead(&two);
        one.keeping.stop(Instant::now()).await;
        drop(one);
        let orders = cluster.orders();
        eventually("the second one says how many there are to be", async || cluster.orders() > orders + 2).await;
        assert_eq!((cluster.all(), cluster.started()), (vec!["pod-1".to_owned()], 1));
        assert!(second.reach().await.is_ok(), "a call goes on");
        drop(second);

        // Nobody leads, and no server is left that knew it: the next one finds it.
        leader.abort();
        two.keeping.stop(Instant::now()).await;
        drop(two);
        let three = house.server("node-3", Some(cluster.clone()));
        assert_eq!((three.call(id).await.unwrap().instance(), cluster.started()), ("pod-1", 1));
        assert_eq!(three.keeping.instances(id).len(), 1);
        assert_eq!(three.host.started(), 0, "no server has a process of it");

        // It ends when it should, not together with a server.
        house.command(id, Command::Stop { reason: None, at: clock::now() }).await;
        let leader = lead(&three);
        three.keeping.reconcile(id).await.unwrap();
        eventually("it ends", async || cluster.all().is_empty()).await;
        assert!(matches!(three.call(id).await, Err(Error::NotRunning { .. })));
        leader.abort();
    });
}

#[test]
fn calls_of_a_server_that_does_not_lead_get_what_they_need_and_no_more() {
    with_actors(async {
        let (house, cluster) = (House::new().await, Arc::new(Cluster::default()));
        let scaling = Scaling { idle_s: 1, ..scaling(0, 2, 1) };
        let id = house.running("hello", vec![service(scaling)]).await;
        let one = house.server("node-1", Some(cluster.clone()));
        let two = house.server("node-2", Some(cluster.clone()));
        let leader = lead(&one);
        let first = two.call(id).await.unwrap();
        assert!(first.cold_start);
        let second = two.call(id).await.unwrap();
        assert_ne!(first.instance(), second.instance());
        // There may be two, and both are busy.
        let endpoints = two.leasing.route_to(id).await.unwrap().unwrap().current().endpoints().unwrap().clone();
        let waited = endpoints.lease(None, Instant::now() + Duration::from_secs(2)).await;
        assert!(matches!(waited.map(drop), Err(Error::TimedOut)));
        assert_eq!(cluster.all().len(), 2);
        // The need lasts as long as the calls.
        drop((first, second));
        eventually("they end", async || cluster.all().is_empty()).await;
        eventually("it is known", async || two.keeping.instances(id).is_empty()).await;
        leader.abort();
    });
}

#[test]
fn an_instance_that_takes_no_connections_is_replaced() {
    with_actors(async {
        let (house, cluster) = (House::new().await, Arc::new(Cluster::default()));
        let id = house.running("hello", vec![service(scaling(1, 1, 10))]).await;
        let one = house.server("node-1", Some(cluster.clone()));
        let leader = lead(&one);
        let lease = one.call(id).await.unwrap();
        assert_eq!(lease.instance(), "pod-1");
        cluster.silence("pod-1");
        eventually("it is found out", async || lease.reach().await.is_err()).await;
        drop(lease);
        eventually("there is another one", async || cluster.all() == ["pod-2"]).await;
        assert_eq!(one.call(id).await.unwrap().instance(), "pod-2");
        leader.abort();
    });
}

#[test]
fn a_cluster_that_does_not_answer_takes_nothing_away() {
    with_actors(async {
        let (house, cluster) = (House::new().await, Arc::new(Cluster::default()));
        let id = house.running("hello", vec![service(scaling(1, 1, 10))]).await;
        let one = house.server("node-1", Some(cluster.clone()));
        let leader = lead(&one);
        drop(one.call(id).await.unwrap());
        cluster.set_away(true);
        eventually("it was asked in vain", async || cluster.refused() > 5).await;
        assert_eq!(one.call(id).await.unwrap().instance(), "pod-1");
        cluster.set_away(false);
        let orders = cluster.orders();
        eventually("the order is repeated", async || cluster.orders() > orders).await;
        assert_eq!((cluster.all().len(), cluster.started()), (1, 1));
        leader.abort();
    });
}
