//! WebSockets through the gateway: to servers that speak them, within limits, each of them a run with an end of its own.
use futures::{SinkExt, StreamExt};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::app::{Options, PATIENCE, TestApp, json_of};

type Client = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// An echo without libraries: it answers each frame by its payload, repeats the handshake, and can be asked
/// to crash, to be silent, and to say too much.
const ECHO: &str = r#"
const { createHash } = require("node:crypto");
const server = require("node:http").createServer((request, response) => response.end("not a socket"));
server.on("upgrade", (request, socket) => {
  if (request.url.startsWith("/no")) return socket.end("HTTP/1.1 403 x\r\ncontent-length: 2\r\n\r\nno");
  const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
  const protocol = request.headers["sec-websocket-protocol"];
  socket.write("HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: upgrade\r\nset-cookie: sid=1; path=/\r\nsec-websocket-accept: " + accept
    + (protocol ? "\r\nsec-websocket-protocol: " + protocol.split(",")[0] : "") + "\r\n\r\n");
  const send = (opcode, payload) => {
    const head = payload.length < 126 ? [payload.length] : payload.length < 65536 ? [126, payload.length >> 8, payload.length & 255]
      : [127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (payload.length >>> shift) & 255)];
    socket.write(Buffer.concat([Buffer.from([128 | opcode, ...head]), payload]));
  };
  const { authorization, cookie, host } = request.headers;
  send(1, Buffer.from(JSON.stringify({ url: request.url, authorization, cookie, host, prefix: request.headers["x-forwarded-prefix"], run: request.headers["x-call-id"] })));
  let text = Buffer.alloc(0);
  socket.on("error", () => {}).on("data", (part) => {
    text = Buffer.concat([text, part]);
    for (;;) {
      if (text.length < 2) return;
      let length = text[1] & 127, at = 2;
      if (length === 126) { if (text.length < 4) return; length = text.readUInt16BE(2); at = 4; }
      else if (length === 127) { if (text.length < 10) return; length = Number(text.readBigUInt64BE(2)); at = 10; }
      if (text.length < at + 4 + length) return;
      const mask = text.subarray(at, at + 4), payload = Buffer.from(text.subarray(at + 4, at + 4 + length));
      for (let index = 0; index < length; index++) payload[index] ^= mask[index % 4];
      const opcode = text[0] & 15;
      text = text.subarray(at + 4 + length);
      if (opcode === 8) { send(8, payload); return socket.end(); }
      if (payload.toString() === "crash") { console.error("as you wish"); process.exit(7); }
      if (payload.toString() === "leave") return socket.destroy();
      if (payload.toString() === "much") { send(2, Buffer.alloc(70000)); continue; }
      send(opcode === 9 ? 10 : opcode, payload);
    }
  });
});
server.listen(process.env.PORT);"#;

/// The timeout of the functions for calls.
const TIMEOUT_S: u32 = 2;

async fn echo(options: Options, triggers: Value) -> (TestApp, String) {
    let app = TestApp::start_with(options).await;
    let manifest = json!({ "runtime": "command", "command": ["node", "server.js"], "triggers": triggers, "resources": { "timeout_s": TIMEOUT_S } });
    let id = app.running("echo", &[("function.json", &manifest.to_string()), ("server.js", ECHO)]).await;
    (app, id)
}

/// Opens a socket with a token; what the function got, and the socket.
async fn open(app: &TestApp, path: &str, headers: &[(&'static str, &str)]) -> Result<(Client, Value), Error> {
    let mut request = format!("{}{path}", app.url.replace("http", "ws")).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let (mut client, answer) = tokio_tungstenite::connect_async(request).await?;
    let handshake: Value = serde_json::from_str(next(&mut client).await.to_text().unwrap()).unwrap();
    let call = answer.headers()["x-call-id"].to_str().unwrap();
    assert_eq!(handshake["run"], call);
    Ok((client, handshake))
}

const TOKEN: (&str, &str) = ("authorization", "Bearer dev-token");

async fn next(client: &mut Client) -> Message {
    timeout(PATIENCE, client.next()).await.expect("a message within a minute").expect("the socket is open").unwrap()
}

/// The code with which the socket is closed; `None` when it is cut off.
async fn closed(client: &mut Client) -> Option<u16> {
    loop {
        match timeout(PATIENCE, client.next()).await.expect("it ends within a minute") {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}

async fn run_of(app: &TestApp, id: &str, handshake: &Value) -> Value {
    app.run_where(id, |run| run["id"] == handshake["run"]).await
}

#[tokio::test]
async fn messages_pass_both_ways_and_the_run_ends_with_the_socket() {
    let (app, id) = echo(Options::default(), json!([{ "type": "http" }])).await;
    let slow = json!({ "runtime": "node", "resources": { "timeout_s": TIMEOUT_S } });
    let code = "exports.handler = () => new Promise(() => {});";
    app.running("never", &[("function.json", &slow.to_string()), ("index.js", code)]).await;
    let headers =
        [TOKEN, ("cookie", "fn.default.echo.a=1; eventflow_session=t"), ("sec-websocket-protocol", "chat, other")];
    let (mut client, handshake) = open(&app, "/function/echo/room?x=1", &headers).await.unwrap();
    assert_eq!(
        (&handshake["url"], &handshake["cookie"], &handshake["authorization"]),
        (&json!("/room?x=1"), &json!("a=1"), &Value::Null)
    );
    assert_eq!(
        (&handshake["host"], &handshake["prefix"]),
        (&json!(app.url.strip_prefix("http://")), &json!("/function/echo"))
    );
    for message in [
        Message::text("hello"),
        Message::binary(vec![0_u8, 255]),
        Message::text("x".repeat(60_000)),
        Message::Ping(vec![7_u8].into()),
    ] {
        client.send(message.clone()).await.unwrap();
        let back = next(&mut client).await;
        match message {
            Message::Ping(payload) => assert_eq!(back, Message::Pong(payload)),
            message => assert_eq!(back, message),
        }
    }
    // It goes on though the function's timeout for calls has passed: it was over for a call that began later.
    assert_eq!(app.call("never").await.status(), StatusCode::GATEWAY_TIMEOUT);
    client.send(Message::text("still here")).await.unwrap();
    assert_eq!(next(&mut client).await, Message::text("still here"));
    assert!(app.runs(&id).await.iter().all(|run| run["id"] != handshake["run"]), "it is recorded when it is over");
    client.close(None).await.unwrap();
    closed(&mut client).await;
    let run = run_of(&app, &id, &handshake).await;
    assert_eq!(
        (&run["state"], &run["httpStatus"], &run["trigger"]),
        (&json!("SUCCEEDED"), &json!(101), &json!("http.invoke"))
    );
    assert_eq!(
        (&run["output"]["received"]["messages"], &run["output"]["sent"]["messages"]),
        (&json!(4), &json!(5)),
        "{run}"
    );

    // A caller that goes without a word, a function that does, and one that crashes.
    let (client, handshake) = open(&app, "/function/echo", &[TOKEN]).await.unwrap();
    drop(client);
    assert_eq!(run_of(&app, &id, &handshake).await["state"], "CANCELLED");
    for (wish, error) in [("leave", "broke the WebSocket off"), ("crash", "code 7")] {
        let (mut client, handshake) = open(&app, "/function/echo", &[TOKEN]).await.unwrap();
        client.send(Message::text(wish)).await.unwrap();
        closed(&mut client).await;
        let run = run_of(&app, &id, &handshake).await;
        assert_eq!(run["state"], "FAILED", "{run}");
        assert!(run["error"].as_str().unwrap().contains(error), "{run}");
    }
    // What a function answers instead of a handshake is an answer.
    app.eventually("an instance answers again", async || match open(&app, "/function/echo/no", &[TOKEN]).await {
        Err(Error::Http(answer)) if answer.status() == StatusCode::FORBIDDEN => Some(()),
        _ => None,
    })
    .await;
    // Without a token there is no socket, nor with one for a page of a stranger's.
    for headers in [&[][..], &[("cookie", "eventflow_session=x"), ("origin", "https://evil.example")]] {
        let Err(Error::Http(answer)) = open(&app, "/function/echo", headers).await else { panic!("it opened") };
        assert!(matches!(answer.status().as_u16(), 401 | 403), "{}", answer.status());
    }
    // A request that only looks like a handshake is a request.
    let plain = app.get("/function/echo").header("upgrade", "websocket").header("connection", "upgrade");
    assert_eq!(plain.send().await.unwrap().text().await.unwrap(), "not a socket");
}

#[tokio::test]
async fn a_socket_has_limits() {
    let options = Options::default().env("EVENTFLOW_MAX_SOCKETS", "4").env("EVENTFLOW_MAX_SOCKET_MESSAGE", "65536");
    let (app, id) = echo(options.env("EVENTFLOW_SOCKET_IDLE_TIMEOUT", "2"), json!([{ "type": "http" }])).await;
    // Messages, from the caller and from the function.
    for (message, state) in [(Message::binary(vec![0_u8; 65_537]), "CANCELLED"), (Message::text("much"), "FAILED")] {
        let (mut client, handshake) = open(&app, "/function/echo", &[TOKEN]).await.unwrap();
        client.send(message).await.unwrap();
        assert_eq!(closed(&mut client).await, Some(1009));
        let run = run_of(&app, &id, &handshake).await;
        assert_eq!(run["state"], state, "{run}");
        let error = run["error"].as_str();
        assert!(state != "FAILED" || error.unwrap().contains("EVENTFLOW_MAX_SOCKET_MESSAGE"), "{run}");
    }
    // Silence, and their number.
    let (mut first, handshake) = open(&app, "/function/echo", &[TOKEN]).await.unwrap();
    let (_second, _) = open(&app, "/function/echo", &[TOKEN]).await.unwrap();
    let Err(Error::Http(answer)) = open(&app, "/function/echo", &[TOKEN]).await else { panic!("it opened") };
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(closed(&mut first).await, Some(1001));
    assert_eq!(run_of(&app, &id, &handshake).await["state"], "TIMED_OUT");
    app.eventually("there is room again", async || open(&app, "/function/echo", &[TOKEN]).await.ok().map(drop)).await;
}

#[tokio::test]
async fn one_functions_sockets_leave_places_to_others() {
    let (app, _) = echo(Options::default().env("EVENTFLOW_MAX_SOCKETS", "8"), json!([{ "type": "http" }])).await;
    let manifest = json!({ "runtime": "command", "command": ["node", "server.js"] }).to_string();
    let source = [("function.json", manifest.as_str()), ("server.js", ECHO)];
    app.running("other", &source).await;
    let repository = app.repository("elsewhere", &source).await;
    let input = json!({ "namespace": "team", "name": "elsewhere", "source": { "git": { "url": repository } } });
    let registered = app
        .mutate(
            "registerFunction",
            "input: $input",
            "function { id }",
            json!({ "input": input }),
            "$input: RegisterFunctionInput!",
        )
        .await;
    let elsewhere = registered["function"]["id"].as_str().unwrap();
    app.build(elsewhere).await;
    app.start_function(elsewhere).await;
    // A half for a function, three quarters for a namespace, and the rest for the others.
    let mut open_sockets = Vec::new();
    for (path, places, whose) in
        [("echo", 4, "the function"), ("other", 2, "the namespace"), ("team/elsewhere", 2, "the server")]
    {
        let path = format!("/function/{path}");
        for _ in 0..places {
            open_sockets.push(open(&app, &path, &[TOKEN]).await.unwrap());
        }
        let Err(Error::Http(answer)) = open(&app, &path, &[TOKEN]).await else { panic!("it opened") };
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body = String::from_utf8(answer.body().clone().unwrap_or_default()).unwrap();
        assert!(body.contains(whose), "{path}: {body}");
    }
}

#[tokio::test]
async fn a_socket_ends_with_the_session_that_opened_it() {
    let (app, id) = echo(Options::default(), json!([{ "type": "http" }])).await;
    let credentials = json!({ "username": "admin", "password": "admin" });
    let signed_in = app.request(reqwest::Method::POST, "/auth/token").json(&credentials).send().await.unwrap();
    let token = json_of(signed_in, StatusCode::OK).await["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let (mut client, handshake) = open(&app, "/function/echo", &[("authorization", &bearer)]).await.unwrap();
    app.request(reqwest::Method::POST, "/auth/logout").bearer_auth(&token).send().await.unwrap();
    assert_eq!(closed(&mut client).await, Some(1008));
    let run = run_of(&app, &id, &handshake).await;
    assert_eq!(run["state"], "CANCELLED", "{run}");
}

#[tokio::test]
async fn a_server_of_http_2_alone_is_said_to_be_one() {
    let app = TestApp::start().await;
    let manifest = r#"{ "runtime": "command", "command": ["node", "server.js"] }"#;
    // As servers of gRPC do: settings first, whatever was asked.
    let code = r#"
        require("node:net").createServer((socket) => {
          socket.on("error", () => {}).write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
        }).listen(process.env.PORT);"#;
    let id = app.running("grpc", &[("function.json", manifest), ("server.js", code)]).await;
    let body = json_of(app.call("grpc").await, StatusCode::BAD_GATEWAY).await;
    assert_eq!(body["error"]["code"], "not_http", "{body}");
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("HTTP/2") && message.contains("gRPC") && !message.contains("crash"), "{message}");
    let run = app.run_where(&id, |run| run["state"] == "FAILED").await;
    assert!(run["error"].as_str().unwrap().contains("gRPC"), "{run}");
}
