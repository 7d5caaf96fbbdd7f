//! Revocations.

use chrono::TimeDelta;

use super::home::{Home, until};
use crate::clock;

pub async fn a_revocation_is_kept_until_its_token_expires(home: Home) {
    let store = home.open().await;
    assert_eq!(store.revocations().await.unwrap(), []);
    let later = clock::now() + TimeDelta::hours(1);
    store.revoke("one", later).await.unwrap();
    store.revoke("one", later).await.unwrap();
    store.revoke("one", later - TimeDelta::minutes(1)).await.unwrap();
    store.revoke("gone", clock::now() - TimeDelta::seconds(1)).await.unwrap();
    store.revoke("soon", clock::now() + TimeDelta::milliseconds(30)).await.unwrap();
    let alone = || async { store.revocations().await.unwrap() == [("one".to_owned(), later)] };
    until("the other one expires", alone).await;
    drop(store);
    let again = home.open().await;
    assert_eq!(again.revocations().await.unwrap(), [("one".to_owned(), later)], "after a restart");
}
