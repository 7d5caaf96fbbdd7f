//! Programs that know that the server speaks HTTP/2, as proxies and gateways do.

use bytes::Bytes;
use futures::future::join_all;
use h2::client::SendRequest;
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::app::{PATIENCE, TestApp};

/// A connection to the server, and the name that it is called by.
struct Two {
    client: SendRequest<Bytes>,
    host: String,
}

/// An answer, all of it.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }
}

impl Two {
    async fn connect(app: &TestApp) -> Self {
        let host = app.url.strip_prefix("http://").unwrap().to_owned();
        let stream = TcpStream::connect(&host).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self { client, host }
    }

    fn request(&self, method: &str, path: &str) -> http::request::Builder {
        let uri = format!("http://{}{path}", self.host);
        Request::builder().method(method).uri(uri).header("authorization", "Bearer dev-token")
    }

    async fn send(&self, request: http::request::Builder, body: Option<Vec<u8>>) -> Answer {
        let mut client = self.client.clone().ready().await.unwrap();
        let (response, mut stream) = client.send_request(request.body(()).unwrap(), body.is_none()).unwrap();
        if let Some(body) = body {
            stream.send_data(body.into(), true).unwrap();
        }
        timeout(PATIENCE, async {
            let (head, mut parts) = response.await.unwrap().into_parts();
            let mut body = Vec::new();
            while let Some(part) = parts.data().await {
                let part = part.unwrap();
                parts.flow_control().release_capacity(part.len()).unwrap();
                body.extend_from_slice(&part);
            }
            Answer { status: head.status, headers: head.headers, body }
        })
        .await
        .expect("an answer comes")
    }
}

const ECHO: &str = "exports.handler = (event) => ({
    method: event.http.method, path: event.http.path, query: event.http.query, headers: event.http.headers,
    length: event.http.rawBody ? event.http.rawBody.length : 0, data: event.data && event.data.big ? null : event.data,
});";

#[tokio::test]
async fn calls_come_over_http_2_as_over_http_1() {
    let app = TestApp::start().await;
    app.running("echo", &[("index.js", ECHO)]).await;
    let two = Two::connect(&app).await;

    let request = two
        .request("GET", "/function/echo/a/b?c=d")
        .header("cookie", "fn.default.echo.one=1")
        .header("cookie", "fn.default.echo.two=2");
    let answer = two.send(request, None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer.body));
    let echoed = answer.json();
    assert_eq!(
        (&echoed["method"], &echoed["path"], &echoed["query"]),
        (&json!("GET"), &json!("/a/b"), &json!({ "c": "d" }))
    );
    assert_eq!(echoed["headers"]["cookie"], "one=1; two=2");
    assert_eq!(echoed["headers"]["x-forwarded-host"], two.host);
    for name in ["connection", "transfer-encoding", "keep-alive"] {
        assert!(!answer.headers.contains_key(name), "{name}: {:?}", answer.headers);
    }
    assert_eq!(answer.headers["content-length"], answer.body.len().to_string());
    assert_eq!(answer.headers.get_all("date").iter().count(), 1);

    // More than the windows and every buffer hold, there and back.
    let big = vec![b'x'; 1 << 20];
    let request = two.request("POST", "/function/echo").header("content-type", "application/octet-stream");
    let answer = two.send(request, Some(big)).await;
    assert_eq!((answer.status, &answer.json()["length"]), (StatusCode::OK, &json!(1 << 20)));
    let answer = two.send(two.request("GET", "/openapi.json"), None).await;
    assert!(answer.body.len() > 64 << 10 && answer.json()["openapi"].is_string());

    let answer = two.send(two.request("HEAD", "/healthz"), None).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
    assert!(answer.headers.contains_key("content-length"));
    let answer = two.send(two.request("GET", "/function/nobody"), None).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (StatusCode::NOT_FOUND, &json!("function_not_found")));
    let data = json!({ "query": "{ functions { totalCount } }" }).to_string();
    let request = two.request("POST", "/graphql").header("content-type", "application/json");
    let answer = two.send(request, Some(data.into())).await;
    assert!(answer.json()["data"]["functions"]["totalCount"].is_number());
    let answer = two.send(two.request("CONNECT", "").uri(two.host.as_str()), None).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (StatusCode::NOT_IMPLEMENTED, &json!("not_implemented"))
    );
}

#[tokio::test]
async fn many_calls_share_a_connection() {
    let app = TestApp::start().await;
    app.running("echo", &[("index.js", ECHO)]).await;
    let two = Two::connect(&app).await;
    let calls = (0..80).map(|number| {
        let request =
            two.request("POST", &format!("/function/echo/{number}")).header("content-type", "application/json");
        two.send(request, Some(number.to_string().into()))
    });
    for (number, answer) in join_all(calls).await.iter().enumerate() {
        assert_eq!(answer.status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!((&answer.json()["path"], &answer.json()["data"]), (&json!(format!("/{number}")), &json!(number)));
    }
    assert_eq!(two.client.current_max_send_streams(), 100);
}

#[tokio::test]
async fn a_stream_that_is_reset_aborts_its_call_and_no_other() {
    let app = TestApp::start().await;
    let id = app.running("slow", &[("index.js", crate::leaving::SLOW)]).await;
    let two = Two::connect(&app).await;
    let stays = two.send(two.request("GET", "/function/slow?ms=3000"), None);
    let leaves = async {
        let mut client = two.client.clone().ready().await.unwrap();
        let request = two.request("GET", "/function/slow").body(()).unwrap();
        let (response, mut stream) = client.send_request(request, true).unwrap();
        app.working(&id, 2).await;
        stream.send_reset(h2::Reason::CANCEL);
        assert!(response.await.is_err());
        app.cancelled(&id).await;
    };
    let (answer, ()) = tokio::join!(stays, leaves);
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!("the answer")));
    // So does the end of the connection.
    let mut client = two.client.clone().ready().await.unwrap();
    let (_response, _stream) =
        client.send_request(two.request("GET", "/function/slow").body(()).unwrap(), true).unwrap();
    app.working(&id, 1).await;
    drop((client, _response, _stream, two));
    app.working(&id, 0).await;
}
