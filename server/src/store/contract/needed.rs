//! Which artifacts and bundles are needed.

use std::collections::HashSet;

use domain::function::event::{BuildRequested, BuildSucceeded, Registered, Source};
use domain::function::made::ImageFacts;
use domain::function::{self, BuildId, Event, Made};
use uuid::Uuid;

use super::given::{self, Subject, at, deregistered, promoted};
use super::home::Home;
use crate::store::{ImageUse, Needed, Store};

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

fn built(build: BuildId, version: u32, made: Made) -> Event {
    let Event::BuildSucceeded(event) = given::build_succeeded(build, version) else { panic!("it succeeds") };
    Event::BuildSucceeded(BuildSucceeded { made, ..event })
}

/// A function with versions of these files, the last of which is current.
async fn function(store: &Store, name: &str, versions: &[&str]) -> Subject<function::Aggregate> {
    of_what_was_made(store, name, versions.iter().map(|digest| Made::artifact(*digest, 1))).await
}

async fn of_what_was_made(
    store: &Store,
    name: &str,
    versions: impl IntoIterator<Item = Made>,
) -> Subject<function::Aggregate> {
    let mut subject = given::function("default", name);
    store.append(subject.append(vec![registered(name)])).await.unwrap();
    for (version, made) in (1..).zip(versions) {
        let build = BuildId::new(Uuid::now_v7());
        let mut events = vec![given::build_requested(build), given::build_started(build), built(build, version, made)];
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

pub async fn an_image_is_a_version_and_none_of_the_artifacts(home: Home) {
    let store = home.open().await;
    let facts = ImageFacts {
        size: 5_000_000_000,
        layers: 3,
        platform: "linux/amd64".into(),
        pulled_at: Some(at(7)),
        pull_ms: Some(1_250),
    };
    let reference = "registry.example/team/app:2".to_owned();
    let image = Made::Image { reference, digest: "i".into(), facts: Some(facts) };
    let all = [Made::artifact("a", 7), Made::artifact("b", 8), image];
    of_what_was_made(&store, "moved", all.clone()).await;
    let id = function::id("default", "moved", 1);
    for (number, made) in (1..).zip(all) {
        let row = store.version(id, number).await.unwrap().unwrap();
        assert_eq!((row.made(), row.artifact()), (made.clone(), made.size().map(|_| made.digest())));
    }
    assert_eq!(store.needed(2).await.unwrap().artifacts, digests(&["b"]), "of the two newest, one is an image");
    assert_eq!(store.needed(1).await.unwrap().artifacts, HashSet::new());
}

pub async fn versions_that_are_images_say_whether_they_are_needed(home: Home) {
    let store = home.open().await;
    assert_eq!(store.image_uses(1).await.unwrap(), []);
    let image = |digest: &str| Made::Image { reference: "nginx:1".into(), digest: digest.into(), facts: None };
    let all = [image("d1"), image("d2"), Made::artifact("a", 7), image("d3")];
    let mut lives = of_what_was_made(&store, "lives", all).await;
    store.append(lives.append(vec![promoted(1, 4)])).await.unwrap();
    let needed = async |versions| {
        let uses = store.image_uses(versions).await.unwrap();
        assert!(uses.iter().all(|version| version.namespace == "default" && version.reference == "nginx:1"));
        let of = |version: &ImageUse| (version.number, version.digest.clone(), version.needed);
        uses.iter().map(of).collect::<Vec<_>>()
    };
    let of = |d1, d2, d3| vec![(1, "d1".to_owned(), d1), (2, "d2".to_owned(), d2), (4, "d3".to_owned(), d3)];
    assert_eq!(needed(1).await, of(true, false, true), "the current one, and the newest");
    assert_eq!(needed(3).await, of(true, true, true));
    store.append(lives.append(vec![deregistered()])).await.unwrap();
    assert_eq!(needed(3).await, of(false, false, false));
}
