//! Which artifacts and bundles are needed.

use std::collections::HashSet;

use domain::function::event::{BuildRequested, BuildSucceeded, Registered, Source};
use domain::function::{self, BuildId, Event};
use uuid::Uuid;

use super::given::{self, Subject, at, deregistered, promoted};
use super::home::Home;
use crate::store::{Needed, Store};

fn digests(names: &[&str]) -> HashSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn bundle(name: &str) -> Source {
    Source::Bundle { digest: name.to_owned() }
}

fn registered(name: &str) -> Event {
    let Event::Registered(event) = given::registered("default", name) else { panic!("it is registered") };
    Event::Registered(Registered { source: bundle(&format!("bundle of {name}")), ..event })
}

fn built(build: BuildId, version: u32, digest: &str) -> Event {
    let Event::BuildSucceeded(event) = given::build_succeeded(build, version) else { panic!("it succeeds") };
    Event::BuildSucceeded(BuildSucceeded { digest: digest.to_owned(), ..event })
}

/// A function with versions of these digests, the last of which is current.
async fn function(store: &Store, name: &str, versions: &[&str]) -> Subject<function::Aggregate> {
    let mut subject = given::function("default", name);
    store.append(subject.append(vec![registered(name)])).await.unwrap();
    for (version, digest) in (1..).zip(versions) {
        let build = BuildId::new(Uuid::now_v7());
        let mut events =
            vec![given::build_requested(build), given::build_started(build), built(build, version, digest)];
        events.extend((version > 1).then(|| promoted(version, version - 1)));
        store.append(subject.append(events)).await.unwrap();
    }
    subject
}

pub async fn what_a_registered_function_may_run_is_needed(home: Home) {
    let store = home.open().await;
    assert_eq!(store.needed(2).await.unwrap(), Needed::default());
    let mut lives = function(&store, "lives", &["a", "b", "c", "d"]).await;
    store.append(lives.append(vec![promoted(1, 4)])).await.unwrap();
    let mut gone = function(&store, "gone", &["d", "e"]).await;
    store.append(gone.append(vec![deregistered()])).await.unwrap();
    let build =
        BuildRequested { build: BuildId::new(Uuid::now_v7()), source: bundle("queued"), manifest: None, at: at(9) };
    store.append(lives.append(vec![Event::BuildRequested(build)])).await.unwrap();

    let needed = store.needed(2).await.unwrap();
    assert_eq!(needed.artifacts, digests(&["a", "c", "d"]), "the current one, and the two newest");
    assert_eq!(needed.bundles, digests(&["bundle of lives", "queued"]));
    assert_eq!(store.needed(9).await.unwrap().artifacts, digests(&["a", "b", "c", "d"]));
    store.append(lives.append(vec![deregistered()])).await.unwrap();
    assert_eq!(store.needed(9).await.unwrap().artifacts, HashSet::new());
}
