//! Callers that take their time: the patterns of slowhttptest (slow heads, slow bodies, slow reading), and connections that
//! are opened to keep others out.

use futures::future::join_all;
use reqwest::StatusCode;

use crate::app::{Options, TestApp, eventually};
use crate::victim::{is_unprivileged, victim};
use crate::wire::Wire;

/// More connections than most processes may have descriptors for by default would be unkind to the machine of the tests.
const MANY: usize = 300;

const AUTHORIZATION: &str = "authorization: Bearer dev-token\r\n";

/// A server that waits for a second only.
pub async fn impatient() -> TestApp {
    let names = ["HEAD", "READ", "WRITE", "IDLE"];
    let options =
        names.iter().fold(Options::default(), |options, name| options.env(&format!("EVENTFLOW_{name}_TIMEOUT"), "1"));
    victim(options).await
}

pub async fn is_answered(app: &TestApp) {
    let answer = app.get("/v1/functions").send().await.expect("an honest caller is answered");
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn heads_that_are_never_complete_are_not_waited_for() {
    let app = impatient().await;
    let half = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-a: ";
    let slow: Vec<_> = join_all((0..MANY).map(|_| Wire::sending(&app, half))).await;
    is_answered(&app).await;
    let closed = slow.into_iter().enumerate().map(|(number, mut wire)| async move {
        match number % 10 {
            0 => wire.until_closed_dripping("b").await,
            _ => wire.until_closed().await,
        }
    });
    for text in join_all(closed).await {
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408 "), "{text}");
    }
}

#[tokio::test]
async fn the_second_request_of_a_connection_has_as_little_time_as_the_first() {
    let app = impatient().await;
    let whole = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for dripping in [false, true] {
        let mut wire = Wire::sending(&app, whole).await;
        assert!(wire.answer().await.starts_with("HTTP/1.1 200 "));
        wire.send("GET /healthz HTTP/1.1\r\nx-a: ").await;
        let text = if dripping { wire.until_closed_dripping("b").await } else { wire.until_closed().await };
        assert!(!text.contains(" 200 "), "{text}");
    }
    // And one that sends nothing more.
    let mut wire = Wire::sending(&app, whole).await;
    wire.answer().await;
    assert_eq!(wire.until_closed().await, "");
    // Or nothing at all.
    let mut wire = Wire::open(&app).await;
    wire.until_closed().await;
}

/// Every route that reads a body.
const DOORS: [(&str, &str); 9] = [
    ("/v1/events", "application/cloudevents+json"),
    ("/graphql", "application/json"),
    ("/auth/token", "application/json"),
    ("/v1/functions", "application/json"),
    ("/v1/functions/hello:invoke", "application/json"),
    ("/v1/bundles", "application/gzip"),
    ("/v1/bundles", "multipart/form-data; boundary=b"),
    ("/function/hello", "text/plain"),
    ("/async-function/hello", "text/plain"),
];

#[tokio::test]
async fn bodies_that_never_come_are_not_waited_for() {
    let app = impatient().await;
    let head = |(path, kind): (&str, &str), framing: &str| {
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{AUTHORIZATION}content-type: {kind}\r\n{framing}\r\n\r\n")
    };
    let mut slow = Vec::new();
    for door in DOORS {
        // Announced and not sent; sent byte by byte; without an end; larger than what is read before it is passed on.
        slow.push((door, Wire::sending(&app, &(head(door, "content-length: 1000") + "--b\r\n")).await, None));
        slow.push((door, Wire::sending(&app, &(head(door, "content-length: 60000") + "--b\r\n")).await, Some("x")));
        slow.push((
            door,
            Wire::sending(&app, &(head(door, "transfer-encoding: chunked") + "5\r\n--b\r\n\r\n")).await,
            None,
        ));
        slow.push((
            door,
            Wire::sending(&app, &(head(door, "transfer-encoding: chunked") + "1\r\n{\r\n")).await,
            Some("1\r\n \r\n"),
        ));
    }
    for _ in slow.len()..MANY {
        slow.push((DOORS[0], Wire::sending(&app, &head(DOORS[0], "content-length: 1000")).await, None));
    }
    is_answered(&app).await;
    let closed = slow.into_iter().map(|(door, mut wire, drip)| async move {
        let text = match drip {
            Some(byte) => wire.until_closed_dripping(byte).await,
            None => wire.until_closed().await,
        };
        (door, text)
    });
    for (door, text) in join_all(closed).await {
        // A body that is no form at all, or larger than may be, is refused before its end.
        let refused = ["408", "400", "413"].iter().any(|status| text.starts_with(&format!("HTTP/1.1 {status} ")));
        assert!(refused || text.is_empty(), "{door:?}: {text}");
    }
    is_answered(&app).await;
}

#[tokio::test]
async fn a_caller_is_told_that_its_body_was_late() {
    let app = impatient().await;
    for (path, kind) in DOORS.into_iter().filter(|(_, kind)| !kind.starts_with("multipart")) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{AUTHORIZATION}content-type: {kind}\r\ncontent-length: 9\r\n\r\n"
        );
        let text = Wire::sending(&app, &head).await.until_closed().await;
        assert!(text.starts_with("HTTP/1.1 408 ") && text.contains("request_timeout"), "{path}: {text}");
    }
}

#[tokio::test]
async fn a_body_that_no_route_reads_is_not_waited_for() {
    let app = impatient().await;
    for (framing, drip) in [("transfer-encoding: chunked", "1\r\nx\r\n"), ("content-length: 100000", "x")] {
        let head = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n\r\n");
        let text = Wire::sending(&app, &head).await.until_closed_dripping(drip).await;
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    }
    // An upgrade that nobody makes is no way around.
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: localhost\r\n{AUTHORIZATION}connection: upgrade\r\nupgrade: x\r\ncontent-type: application/cloudevents+json\r\n\r\n"
    );
    Wire::sending(&app, &head).await.until_closed_dripping(" ").await;
}

#[tokio::test]
async fn a_caller_that_does_not_read_is_not_waited_for() {
    let app = impatient().await;
    let request = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut slow = Vec::new();
    for _ in 0..20 {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(1024).unwrap();
        let wire = Wire(socket.connect(app.url.strip_prefix("http://").unwrap().parse().unwrap()).await.unwrap());
        // As many as fit into the buffers in between: the answers are much larger.
        let requests = request.repeat(200);
        let _ = wire.0.try_write(requests.as_bytes());
        slow.push(wire);
    }
    is_answered(&app).await;
    let open = |text: &str| {
        text.lines().find_map(|line| line.strip_prefix("eventflow_connections ")).unwrap().parse::<u64>().unwrap()
    };
    eventually("the server let go of those that do not read", &mut async || {
        // A connection that is kept for the next request may be closed at that very moment.
        let text = app.get("/metrics").send().await.ok()?.text().await.ok()?;
        (open(&text) <= 3).then_some(())
    })
    .await;
    drop(slow);
}

#[tokio::test]
async fn a_header_of_many_ranges_costs_no_more_than_one() {
    let app = victim(Options::default()).await;
    let ranges = (0..1300).map(|n| format!("5-{n}")).collect::<Vec<_>>().join(",");
    let answer = app.get("/openapi.json").header("range", format!("bytes=0-,{ranges}")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn who_holds_connections_open_keeps_nobody_out() {
    // The time limits would not help here: they are long.
    let options = Options::default().env("EVENTFLOW_MAX_CONNECTIONS", "20").env("EVENTFLOW_HEAD_TIMEOUT", "3600");
    let app = victim(options.env("EVENTFLOW_READ_TIMEOUT", "3600").env("EVENTFLOW_IDLE_TIMEOUT", "3600")).await;
    let body = format!(
        "POST /v1/events HTTP/1.1\r\nhost: localhost\r\n{AUTHORIZATION}content-type: application/cloudevents+json\r\ncontent-length: 10\r\n\r\n"
    );
    let mut held = Vec::new();
    for number in 0..60 {
        let text = ["", "GET / HTTP/1.1\r\n", &body][number % 3];
        let mut wire = Wire::open(&app).await;
        // Where there is no place the connection is refused, which is no way in either.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut wire.0, text.as_bytes()).await;
        held.push(wire);
    }
    eventually("an honest caller is answered", &mut async || {
        let answer = app.get("/v1/functions").send().await.ok()?;
        (answer.status() == StatusCode::OK).then_some(())
    })
    .await;
    drop(held);
}

#[tokio::test]
async fn one_address_does_not_get_all_connections() {
    // Any address of this machine beside loopback, as the way out has it; nothing is sent.
    let probe = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let own = probe.connect("192.0.2.1:9").and_then(|()| probe.local_addr()).map(|address| address.ip());
    let Some(own) = own.ok().filter(|address| !address.is_loopback()) else {
        println!("skipped: this machine has no address beside loopback");
        return;
    };
    let options = Options { without_dev: true, ..Options::default() };
    let options = options.env("EVENTFLOW_HOST", "0.0.0.0").env("EVENTFLOW_MAX_CONNECTIONS_PER_ADDRESS", "5");
    let options = options.env("EVENTFLOW_HEAD_TIMEOUT", "5");
    let mut app = victim(options).await;
    let port = app.url.rsplit(':').next().unwrap().to_owned();
    app.url = format!("http://{own}:{port}");
    let asked = join_all((0..9).map(|_| Wire::open(&app))).await;
    app.url = format!("http://127.0.0.1:{port}");
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), StatusCode::OK, "another address");
    let texts = join_all(asked.into_iter().map(|mut wire| async move { wire.until_closed().await })).await;
    let refused = texts.iter().filter(|text| text.contains("too_many_connections")).count();
    assert!((1..=4).contains(&refused), "{texts:?}");
}

#[tokio::test]
async fn a_server_without_descriptors_goes_on_when_there_are_some_again() {
    if is_unprivileged() {
        println!("not tried: only the user of a server may change its limits");
        return;
    }
    let app = impatient().await;
    is_answered(&app).await;
    // Fewer than it has places for: it cannot even accept.
    let open = std::fs::read_dir(format!("/proc/{}/fd", app.pid())).unwrap().count();
    let limit = |number: usize| {
        let (pid, number) = (app.pid().to_string(), format!("--nofile={number}:"));
        async move {
            let set = tokio::process::Command::new("prlimit").args(["--pid", &pid, &number]).status().await.unwrap();
            assert!(set.success());
        }
    };
    limit(open + 20).await;
    let held: Vec<_> = join_all((0..100).map(|_| Wire::sending(&app, "GET / HTTP/1.1\r\n"))).await;
    let answered = async || {
        let answer = app.get("/healthz").send().await.ok()?;
        (answer.status() == StatusCode::OK).then_some(())
    };
    eventually("the server answers though it had no descriptors", &mut { answered }).await;
    drop(held);
}

#[tokio::test]
async fn the_server_has_the_descriptors_it_may_have_and_functions_have_what_programs_expect() {
    let app = victim(Options::default()).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", app.pid())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!(numbers[0] >= numbers[1].min(1 << 16), "{line}");
    if is_unprivileged() {
        println!("functions are not looked at: the server is not root");
    }
    let code =
        "import resource\ndef handler(event, context):\n    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]\n";
    app.running(
        "limits",
        &[("function.json", r#"{ "runtime": "python", "handler": "main.handler" }"#), ("main.py", code)],
    )
    .await;
    let answer = app.get("/function/limits").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "1024");
}
