//! Passwords: guessed many at once, and by the visitors of a page.

use std::net::IpAddr;

use reqwest::Client;
use serde_json::json;

use crate::app::{Options, PATIENCE, TestApp};
use crate::graphql::status;
use crate::victim::victim;

/// A server with a password that nobody knows, and the password.
async fn locked() -> (TestApp, String) {
    let app = victim(Options { without_dev: true, ..Options::default() }).await;
    let password = app.output.split("with the password ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    (app, password)
}

/// Somebody at another address of this machine.
fn at(address: [u8; 4]) -> Client {
    Client::builder().local_address(IpAddr::from(address)).timeout(PATIENCE).build().unwrap()
}

async fn try_password(app: &TestApp, client: &Client, password: &str, headers: &[(&str, &str)]) -> u16 {
    let request = client.post(format!("{}/auth/token", app.url));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.json(&json!({ "username": "admin", "password": password }));
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn sixty_guesses_at_once_are_ten_guesses() {
    let (app, password) = locked().await;
    let (guesser, owner) = (at([127, 0, 0, 2]), at([127, 0, 0, 3]));
    let guesses = (0..60).map(|i| {
        let (app, guesser) = (&app, &guesser);
        async move { try_password(app, guesser, &format!("guess {i}"), &[]).await }
    });
    let answers = futures::future::join_all(guesses).await;
    let count = |status: u16| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(401), count(429)), (10, 50), "{answers:?}");
    // Each hash takes 19 MiB; ten at once would be a third of this alone.
    let peak = status(&app, "VmHWM:");
    assert!(peak < 400 << 10, "the memory grew to {peak} KiB");
    assert_eq!(try_password(&app, &guesser, &password, &[]).await, 429, "the right one does not help now");
    assert_eq!(try_password(&app, &owner, &password, &[]).await, 200, "who comes from elsewhere is not locked out");
}

#[tokio::test]
async fn guesses_from_everywhere_are_looked_at_a_few_at_a_time() {
    let (app, _) = locked().await;
    let guessers: Vec<_> = (10..74).map(|last| at([127, 0, 0, last])).collect();
    let app = &app;
    let guesses = guessers.iter().flat_map(|guesser| {
        (0..4).map(move |i| async move { try_password(app, guesser, &format!("guess {i}"), &[]).await })
    });
    let answers = futures::future::join_all(guesses).await;
    assert!(answers.iter().all(|status| [401, 503].contains(status)), "{answers:?}");
    assert!(answers.contains(&401));
    let peak = status(app, "VmHWM:");
    assert!(peak < 400 << 10, "the memory grew to {peak} KiB");
    assert_eq!(app.request(reqwest::Method::GET, "/healthz").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_flood_of_guesses_does_not_keep_out_who_has_signed_in_before() {
    let (app, password) = locked().await;
    let owner = at([127, 0, 0, 3]);
    assert_eq!(try_password(&app, &owner, &password, &[]).await, 200);
    let app = &app;
    let (refused, over) = (std::sync::atomic::AtomicUsize::new(0), std::sync::atomic::AtomicBool::new(false));
    // Each from a site of its own, eight guesses at a time.
    let flood = futures::future::join_all((1..=96u8).map(|site| {
        let (refused, over) = (&refused, &over);
        async move {
            let guesser = at([127, site, site % 8, 1]);
            while !over.load(std::sync::atomic::Ordering::SeqCst) {
                match try_password(app, &guesser, "guess", &[]).await {
                    503 => _ = refused.fetch_add(1, std::sync::atomic::Ordering::SeqCst),
                    401 => {}
                    429 => break,
                    status => panic!("{status}"),
                }
            }
        }
    }));
    let sign_in = async {
        app.eventually("the queue is full", async || {
            (refused.load(std::sync::atomic::Ordering::SeqCst) > 0).then_some(())
        })
        .await;
        let answer = try_password(app, &owner, &password, &[]).await;
        over.store(true, std::sync::atomic::Ordering::SeqCst);
        answer
    };
    let (_, answer) = futures::future::join(flood, sign_in).await;
    assert_eq!(answer, 200);
}

#[tokio::test]
async fn a_page_of_a_stranger_guesses_nothing_and_locks_nobody_out() {
    let (app, password) = locked().await;
    let visitor = at([127, 0, 0, 4]);
    for headers in [
        [("origin", "https://evil.example")].as_slice(),
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("referer", "https://evil.example/page")],
    ] {
        for _ in 0..12 {
            assert_eq!(try_password(&app, &visitor, "guess", headers).await, 403, "{headers:?}");
        }
    }
    assert_eq!(try_password(&app, &visitor, &password, &[]).await, 200, "a program");
    let own = [("origin", app.url.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(try_password(&app, &visitor, &password, &own).await, 200, "the server's own page");
}
