//! Leases.

use std::time::Duration;

use super::home::{Home, soon, until};
use crate::store::agreement::{FORMAT, Having, MADE, SEALS, leave_older_servers};
use crate::store::{Error, KEYS_LEASE, NODE_LEASE, OLDEST_READER};

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(30);

pub async fn a_lease_is_held_by_one(home: Home) {
    let store = home.open().await;
    assert_eq!(store.lease("relay", "one", LONG).await.unwrap(), Some(1));
    assert_eq!(store.lease("relay", "two", LONG).await.unwrap(), None);
    assert_eq!(store.lease("clock", "two", LONG).await.unwrap(), Some(1), "another lease is free");
    assert_eq!(store.lease("relay", "one", LONG).await.unwrap(), Some(1), "renewed, it is the same holding");

    let tries = (0..20).map(|number| {
        let store = store.clone();
        async move { store.lease("contested", &format!("holder-{number}"), LONG).await.unwrap() }
    });
    let epochs = futures::future::join_all(tries).await;
    assert_eq!(epochs.iter().flatten().collect::<Vec<_>>(), [&1], "one of twenty has it");
}

pub async fn a_lease_that_expires_is_taken_by_another(home: Home) {
    let store = home.open().await;
    assert_eq!(store.lease("relay", "one", SHORT).await.unwrap(), Some(1));
    let taken = || async { store.lease("relay", "two", LONG).await.unwrap() == Some(2) };
    until("the lease expires", taken).await;
    assert_eq!(store.lease("relay", "one", LONG).await.unwrap(), None);
    assert_eq!(store.lease("relay", "two", SHORT).await.unwrap(), Some(2));
    // Whoever lets it expire and takes it again may have missed what another did: it is another holding.
    let expired = || async { store.holders("relay").await.unwrap().is_empty() };
    until("the lease expires", expired).await;
    assert_eq!(store.lease("relay", "two", LONG).await.unwrap(), Some(3));
}

pub async fn a_lease_is_given_back(home: Home) {
    let store = home.open().await;
    assert_eq!(store.lease("relay", "one", LONG).await.unwrap(), Some(1));
    store.release("relay", "two").await.unwrap();
    store.release("nothing", "one").await.unwrap();
    assert_eq!(store.lease("relay", "two", LONG).await.unwrap(), None, "only its holder gives it back");
    store.release("relay", "one").await.unwrap();
    assert_eq!(store.lease("relay", "two", LONG).await.unwrap(), Some(2));
    store.release("relay", "two").await.unwrap();
    assert_eq!(store.lease("relay", "two", LONG).await.unwrap(), Some(3));
}

pub async fn who_holds_what_is_known(home: Home) {
    let store = home.open().await;
    assert_eq!(store.holders("").await.unwrap(), []);
    for (name, holder) in [("node-b", "two"), ("node-a", "one"), ("relay", "one"), ("node_", "x"), ("node-c", "gone")] {
        store.lease(name, holder, LONG).await.unwrap();
    }
    store.release("node-c", "gone").await.unwrap();
    let named = |name: &str, holder: &str| (name.to_owned(), holder.to_owned());
    assert_eq!(store.holders("node-").await.unwrap(), [named("node-a", "one"), named("node-b", "two")]);
    assert_eq!(store.holders("node-a").await.unwrap(), [named("node-a", "one")]);
    assert_eq!(store.holders("%").await.unwrap(), []);
    drop(store);
    // A server that was killed gave nothing back: what it held, it holds until the time is over.
    assert_eq!(home.open().await.lease("relay", "two", LONG).await.unwrap(), None);
}

// Several servers, on PostgreSQL only.

pub async fn servers_hold_leases_against_each_other(home: Home) {
    let (one, two) = (home.open().await, home.open().await);
    assert_eq!(one.lease("relay", "one", LONG).await.unwrap(), Some(1));
    assert_eq!(two.lease("relay", "two", LONG).await.unwrap(), None);
    assert_eq!(two.holders("").await.unwrap(), [("relay".to_owned(), "one".to_owned())]);
    one.release("relay", "one").await.unwrap();
    assert_eq!(two.lease("relay", "two", LONG).await.unwrap(), Some(2));
}

pub async fn a_lease_is_renewed_while_appends_are_held_up(home: Home) {
    use sqlx::{Connection, Executor};
    let store = home.open().await;
    let mut other = sqlx::PgConnection::connect(home.url().unwrap()).await.unwrap();
    other.execute("BEGIN").await.unwrap();
    other.execute("SELECT position FROM head WHERE one = 1 FOR UPDATE").await.unwrap();
    assert_eq!(soon("the lease", store.lease("relay", "one", LONG)).await.unwrap(), Some(1));
    // A lease that somebody has locked is not waited for, however long.
    other.execute("SELECT name FROM leases WHERE name = 'relay' FOR UPDATE").await.unwrap();
    let since = std::time::Instant::now();
    let error = soon("an answer", store.lease("relay", "one", LONG)).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    assert!(since.elapsed() < Duration::from_secs(6), "it took {:?}", since.elapsed());
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(store.lease("relay", "one", LONG).await.unwrap(), Some(1));
}

pub async fn a_format_is_written_once_all_servers_that_are_alive_read_it_and_is_never_lowered(home: Home) {
    let (node, keys) = (|name: &str| format!("{NODE_LEASE}{name}"), |name: &str| format!("{KEYS_LEASE}{name}"));
    let store = home.open().await;
    let having = |format| {
        let [session_key, secret_key, artifacts] = ["", "", ""].map(str::to_owned);
        Having { session_key, secret_key, artifacts, format }.to_holder()
    };
    for (name, format) in [("old", SEALS), ("new", FORMAT)] {
        store.lease(&node(name), name, LONG).await.unwrap();
        store.lease(&keys(name), &having(format), LONG).await.unwrap();
    }
    let oldest = || async { store.common(OLDEST_READER).await.unwrap() };
    assert!(!leave_older_servers(&store, MADE).await.unwrap());
    assert_eq!(oldest().await, None);
    assert!(leave_older_servers(&store, SEALS).await.unwrap());
    assert_eq!(oldest().await.as_deref(), Some("1"));
    assert!(!leave_older_servers(&store, MADE).await.unwrap());

    store.release(&node("old"), "old").await.unwrap();
    store.release(&keys("old"), &having(SEALS)).await.unwrap();
    assert!(leave_older_servers(&store, MADE).await.unwrap());
    assert_eq!(oldest().await.as_deref(), Some("2"));
    // A server that read the number before it was raised, and writes its own now.
    store.raise_common(OLDEST_READER, SEALS).await.unwrap();
    assert_eq!(oldest().await.as_deref(), Some("2"));
}
