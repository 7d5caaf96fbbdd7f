//! Calls divided among versions.

use std::collections::BTreeSet;

use domain::function::Command;
use domain::run;
use uuid::Uuid;

use super::{House, eventually, scaling, service};
use crate::actors::testing::with_actors;
use crate::clock;
use crate::leasing::Error;

fn run(number: u128) -> run::Id {
    run::Id::new(Uuid::from_u128(number))
}

#[test]
fn without_a_split_the_current_version_takes_every_call() {
    with_actors(async {
        let house = House::new().await;
        let id = house.running("hello", vec![service(scaling(0, 1, 10)); 2]).await;
        let one = house.server("node-1", None);
        for number in 0..20 {
            assert_eq!(one.call_of(id, run(number)).await.unwrap().version(), 2);
        }
    });
}

#[test]
fn a_split_divides_calls_the_same_way_on_every_server_until_a_version_is_promoted() {
    with_actors(async {
        let house = House::new().await;
        let id = house.running("hello", vec![service(scaling(1, 1, 10)); 3]).await;
        let (one, two) = (house.server("node-1", None), house.server("node-2", None));
        drop(one.call(id).await.unwrap());
        house.shift(id, &[(1, 50), (2, 50)]).await;
        for server in [&one, &two] {
            server.keeping.reconcile(id).await.unwrap();
        }
        let mut versions = BTreeSet::new();
        for number in 0..40 {
            let (here, there) =
                (one.call_of(id, run(number)).await.unwrap(), two.call_of(id, run(number)).await.unwrap());
            assert_eq!(here.version(), there.version());
            versions.insert(here.version());
        }
        assert_eq!(versions, BTreeSet::from([1, 2]));
        // Each version that takes calls has its `min`; the current one, which takes none, ends when idle.
        assert_eq!(two.host.alive(), 2);
        eventually("the idle one ends", async || one.host.alive() == 2).await;
        let running: BTreeSet<_> = one.keeping.instances(id).iter().map(|instance| instance.version).collect();
        assert_eq!(running, versions);

        house.command(id, Command::Promote { version: 1, reason: None, at: clock::now() }).await;
        one.keeping.reconcile(id).await.unwrap();
        for number in 0..40 {
            assert_eq!(one.call_of(id, run(number)).await.unwrap().version(), 1);
        }
        eventually("the other one ends", async || one.host.alive() == 1).await;
    });
}

#[test]
fn a_version_that_has_a_share_and_is_not_here_fails_its_calls_and_no_others() {
    with_actors(async {
        let house = House::new().await;
        let id = house.running("hello", vec![service(scaling(0, 1, 10))]).await;
        let missing = house.built(id, service(scaling(0, 1, 10))).await;
        house.artifacts.missing.lock().insert(missing.clone());
        house.shift(id, &[(1, 50), (2, 50)]).await;
        let one = house.server("node-1", None);
        let (mut answered, mut refused) = (0, 0);
        for number in 0..40 {
            match one.call_of(id, run(number)).await {
                Ok(lease) => {
                    assert_eq!(lease.version(), 1);
                    answered += 1;
                }
                Err(error) => {
                    assert!(
                        matches!(&error, Error::Unhealthy { message, .. } if message.contains(&missing)),
                        "{error}"
                    );
                    refused += 1;
                }
            }
        }
        assert!(answered > 5 && refused > 5, "{answered} {refused}");
        // It is there again.
        house.artifacts.missing.lock().clear();
        for number in 0..40 {
            assert!(one.call_of(id, run(number)).await.is_ok());
        }
    });
}

#[test]
fn a_version_that_has_a_share_is_started_with_the_server() {
    with_actors(async {
        let house = House::new().await;
        let id = house.running("hello", vec![service(scaling(1, 1, 10)), service(scaling(0, 1, 10))]).await;
        let one = house.server("node-1", None);
        one.keeping.start_wanted().await.unwrap();
        assert!(one.leasing.known(id).is_none(), "nothing of it must be there yet");
        house.shift(id, &[(1, 10), (2, 90)]).await;
        one.keeping.start_wanted().await.unwrap();
        eventually("it runs", async || one.host.alive() == 1).await;
        assert_eq!(one.keeping.instances(id).len(), 1);
    });
}
