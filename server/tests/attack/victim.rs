//! The server that is attacked: as `ATTACK_STORE` and `ATTACK_USER` say.

use crate::app::{Options, TestApp, database};

/// A server with these options, on the store and with the user that this run of the suite is for.
pub async fn victim(options: Options) -> TestApp {
    let options = match std::env::var("ATTACK_STORE").as_deref() {
        Ok("postgres") => options.env("DATABASE_URL", database().await),
        Ok("sqlite") | Err(_) => options,
        Ok(other) => panic!("ATTACK_STORE is `{other}`: sqlite or postgres"),
    };
    TestApp::start_with(Options { unprivileged: options.unprivileged || is_unprivileged(), ..options }).await
}

/// Whether the attacked server is not root.
pub fn is_unprivileged() -> bool {
    match std::env::var("ATTACK_USER").as_deref() {
        Ok("nobody") => true,
        Ok("same") | Err(_) => false,
        Ok(other) => panic!("ATTACK_USER is `{other}`: same or nobody"),
    }
}

#[tokio::test]
async fn the_server_under_attack_answers() {
    let app = victim(Options::default()).await;
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
}
