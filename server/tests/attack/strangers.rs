//! WebSockets that are opened without a token, and then say nothing.

use futures::future::join_all;
use reqwest::StatusCode;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::app::{Options, TestApp};
use crate::people::Socket;
use crate::victim::victim;
use crate::wire::Wire;

const HANDSHAKE: &str = "GET /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    sec-websocket-protocol: graphql-transport-ws\r\n";

/// Asks for a socket with these headers: the connection, and the status of the answer.
async fn asked(app: &TestApp, headers: &str) -> (Wire, u16) {
    let mut wire = Wire::sending(app, &format!("{HANDSHAKE}{headers}\r\n")).await;
    let head = wire.head().await;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (wire, status)
}

#[tokio::test]
async fn one_network_has_few_sockets_of_which_nobody_knows_whose_they_are() {
    let app = victim(Options::default().env("EVENTFLOW_TRUSTED_PROXIES", "127.0.0.1")).await;
    let from = |address: &str| format!("x-forwarded-for: {address}\r\n");
    let own = from("192.0.2.1");
    let opened = join_all((0..100).map(|_| asked(&app, &own))).await;
    let count = |status: u16| opened.iter().filter(|(_, found)| *found == status).count();
    assert_eq!((count(101), count(503)), (64, 36));
    assert_eq!(asked(&app, &from("192.0.2.2")).await.1, 101, "another network");
    let known = format!("{own}authorization: Bearer dev-token\r\n");
    for (_wire, status) in join_all((0..100).map(|_| asked(&app, &known))).await {
        assert_eq!(status, 101, "a caller who is known");
    }
    drop(opened);
    app.eventually("the places are free again", async || (asked(&app, &own).await.1 == 101).then_some(())).await;
}

#[tokio::test]
async fn who_does_not_say_whose_a_socket_is_is_let_go() {
    let app = victim(Options::default()).await;
    let mut request = format!("{}/graphql", app.url.replace("http", "ws")).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
    let mut socket = Socket::of(tokio_tungstenite::connect_async(request).await.unwrap().0);
    let since = std::time::Instant::now();
    assert_eq!(socket.closed().await, 4408);
    assert!(since.elapsed().as_secs() < 15, "{:?}", since.elapsed());
}

#[tokio::test]
async fn sockets_of_nobody_give_their_places_to_those_who_are_known() {
    let app = victim(Options::default().env("EVENTFLOW_MAX_CONNECTIONS", "20")).await;
    // Whoever is let go comes again at once.
    let strangers = join_all((0..40).map(|_| async {
        loop {
            Wire::sending(&app, &format!("{HANDSHAKE}\r\n")).await.until_closed().await;
        }
    }));
    let honest = async {
        for _ in 0..5 {
            app.eventually("a known caller is answered", async || {
                let answer = app.get("/v1/functions").header("connection", "close").send().await.ok()?;
                (answer.status() == StatusCode::OK).then_some(())
            })
            .await;
        }
    };
    tokio::select! {
        _ = strangers => {}
        () = honest => {}
    }
}
