//! HTTP/2, frame by frame: what its streams, heads and windows let a caller do that HTTP/1 does not.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::app::{Options, PATIENCE, TestApp};
use crate::slow::{impatient, is_answered};
use crate::victim::victim;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Types of frames (RFC 9113, section 6), flags and codes.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;
const INITIAL_WINDOW_SIZE: u16 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field of a head without any compression (RFC 7541, section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        // Lengths of 127 and more take more bytes, seven bits in each.
        let mut bytes = Vec::new();
        match text.len() {
            length @ 0..127 => bytes.push(u8::try_from(length).unwrap()),
            length => {
                bytes.push(127);
                let mut rest = length - 127;
                while rest >= 128 {
                    bytes.push(u8::try_from(rest % 128 + 128).unwrap());
                    rest /= 128;
                }
                bytes.push(u8::try_from(rest).unwrap());
            }
        }
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    [vec![0], text(name), text(value)].concat()
}

fn head(method: &str, path: &str, authority: &str) -> Vec<u8> {
    let fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", authority)];
    fields
        .iter()
        .flat_map(|(name, value)| field(name, value))
        .chain(field("authorization", "Bearer dev-token"))
        .collect()
}

/// A frame that came.
#[derive(Debug)]
struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    /// The code of an error: that of a stream, or of the connection.
    fn code(&self) -> Option<u32> {
        let at = match self.kind {
            RST_STREAM => 0,
            GOAWAY => 4,
            _ => return None,
        };
        Some(u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap()))
    }
}

/// A caller that sends frames as it likes.
struct Two(TcpStream);

impl Two {
    async fn open(app: &TestApp, settings: &[(u16, u32)]) -> Self {
        let mut stream = TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap();
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &settings)].concat()).await.unwrap();
        Self(stream)
    }

    /// Sends bytes; a connection that is closed meanwhile takes none.
    async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// The next frame; `None` when the connection is closed.
    async fn next(&mut self) -> Option<Frame> {
        let read = async {
            let mut start = [0; 9];
            self.0.read_exact(&mut start).await.ok()?;
            let length = u32::from_be_bytes([0, start[0], start[1], start[2]]);
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            let stream = u32::from_be_bytes(start[5..9].try_into().unwrap());
            Some(Frame { kind: start[3], stream, payload })
        };
        timeout(PATIENCE, read).await.expect("a frame comes, or the end")
    }

    /// All frames until the connection is closed.
    async fn until_closed(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// How a stream ends.
    async fn ended(&mut self, stream: u32) -> Ended {
        loop {
            let Some(frame) = self.next().await else { return Ended::Closed };
            match (frame.kind, frame.code()) {
                (GOAWAY, _) => return Ended::Closed,
                _ if frame.stream != stream => {}
                (HEADERS, _) => return Ended::Answered(frame.payload),
                (_, Some(_)) => return Ended::Reset,
                _ => {}
            }
        }
    }
}

#[derive(Debug)]
enum Ended {
    Answered(Vec<u8>),
    Reset,
    Closed,
}

/// Whether a head begins with a status: as it stands in HPACK's table (200 and 400 do), or in three digits.
fn has_status(head: &[u8], status: &str) -> bool {
    let indexed = match status {
        "200" => 0x88,
        "400" => 0x8c,
        _ => 0xff,
    };
    let plain = head.windows(3).any(|window| window == status.as_bytes());
    head.contains(&indexed) || plain || head.windows(2).any(|window| window == huffman(status))
}

/// Three digits, by the code of RFC 7541, appendix B, padded with ones; the codes of `0`, `1` and `2` have five bits, the
/// others six.
fn huffman(status: &str) -> Vec<u8> {
    let (mut bits, mut count) = (0u32, 0);
    for digit in status.bytes() {
        let (code, length) = match digit {
            b'0'..=b'2' => (u32::from(digit - b'0'), 5),
            digit => (0b01_1001 + u32::from(digit - b'3'), 6),
        };
        bits = bits << length | code;
        count += length;
    }
    let padding = (8 - count % 8) % 8;
    bits = bits << padding | ((1 << padding) - 1);
    let bytes = bits.to_be_bytes();
    bytes[4 - (count + padding) / 8..].to_vec()
}

/// CVE-2023-44487.
#[tokio::test]
async fn streams_that_are_reset_as_soon_as_they_are_opened_end_the_connection() {
    let app = victim(Options::default()).await;
    let mut two = Two::open(&app, &[]).await;
    let mut bytes = Vec::new();
    for number in 0..2000u32 {
        let stream = 2 * number + 1;
        bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &head("GET", "/openapi.json", "localhost")));
        bytes.extend(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
    }
    two.send(&bytes).await;
    let frames = two.until_closed().await;
    // The end may come as a reset of TCP, which takes what was sent before along.
    let goaway = frames.iter().find(|frame| frame.kind == GOAWAY).map(|frame| frame.code());
    assert!(goaway.is_none_or(|code| code == Some(ENHANCE_YOUR_CALM)), "{goaway:?}");
    is_answered(&app).await;
}

#[tokio::test]
async fn a_connection_has_a_hundred_streams_at_a_time() {
    let app = victim(Options::default()).await;
    let mut two = Two::open(&app, &[]).await;
    // Bodies that are held back keep their streams open, where they are waited for: without a type there is an answer at once.
    let mut request = head("POST", "/v1/events", "localhost");
    request.extend(field("content-type", "application/cloudevents+json"));
    for number in 0..130u32 {
        two.send(&frame(HEADERS, END_HEADERS, 2 * number + 1, &request)).await;
    }
    while two.next().await.expect("the connection goes on").code() != Some(REFUSED_STREAM) {}
    is_answered(&app).await;
}

#[tokio::test]
async fn a_stream_takes_a_place_as_a_connection_does() {
    let app = victim(Options::default().env("EVENTFLOW_MAX_CONNECTIONS", "16")).await;
    let mut two = Two::open(&app, &[]).await;
    for number in 0..40u32 {
        two.send(&frame(HEADERS, END_HEADERS, 2 * number + 1, &head("POST", "/v1/events", "localhost"))).await;
    }
    let mut refused = false;
    while !refused {
        let Some(frame) = two.next().await else { panic!("the connection goes on") };
        refused = frame.kind == DATA && String::from_utf8_lossy(&frame.payload).contains("too_many_connections");
    }
    // Who keeps the server waiting gives its place to others.
    let answered = async || loop {
        match app.get("/v1/functions").send().await {
            Ok(answer) if answer.status() == 200 => return,
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    timeout(PATIENCE, answered()).await.expect("an honest caller is answered");
}

#[tokio::test]
async fn heads_have_a_length() {
    let app = impatient().await;
    // Complete: 200 fields of 1000 bytes.
    let mut two = Two::open(&app, &[]).await;
    let mut first = head("GET", "/healthz", "localhost");
    first.extend(field("x-0", &"x".repeat(1000)));
    two.send(&frame(HEADERS, END_STREAM, 1, &first)).await;
    for number in 1..200 {
        let flags = if number == 199 { END_HEADERS } else { 0 };
        two.send(&frame(CONTINUATION, flags, 1, &field(&format!("x-{number}"), &"x".repeat(1000)))).await;
    }
    match two.ended(1).await {
        Ended::Answered(head) => assert!(has_status(&head, "431"), "{head:x?}"),
        Ended::Reset | Ended::Closed => {}
    }
    // Never complete (CVE-2024-27316): neither many parts nor slow ones go on for ever.
    for pause in [Duration::ZERO, Duration::from_millis(100)] {
        let mut two = Two::open(&app, &[]).await;
        two.send(&frame(HEADERS, END_STREAM, 1, &head("GET", "/healthz", "localhost"))).await;
        let part = frame(CONTINUATION, 0, 1, &field("x-more", &"x".repeat(100)));
        let drip = async {
            while two.send(&part).await {
                tokio::time::sleep(pause).await;
            }
        };
        timeout(PATIENCE, drip).await.expect("the connection is closed");
    }
    is_answered(&app).await;
}

#[tokio::test]
async fn nobody_is_waited_for() {
    let app = impatient().await;
    // Nothing after the preface; and frames that ask for nothing.
    Two::open(&app, &[]).await.until_closed().await;
    let mut two = Two::open(&app, &[]).await;
    let drip = async {
        while two.send(&frame(PING, 0, 0, &[0; 8])).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, drip).await.expect("the connection is closed");
    // A part of the preface.
    let mut stream = TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(&PREFACE[..9]).await.unwrap();
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the connection is closed");
    // A body that never comes.
    let mut two = Two::open(&app, &[]).await;
    two.send(&frame(HEADERS, END_HEADERS, 1, &head("POST", "/v1/events", "localhost"))).await;
    match two.ended(1).await {
        Ended::Answered(head) => assert!(has_status(&head, "408"), "{head:x?}"),
        Ended::Reset | Ended::Closed => {}
    }
    is_answered(&app).await;
}

#[tokio::test]
async fn who_opens_no_window_is_not_waited_for() {
    let app = impatient().await;
    let mut two = Two::open(&app, &[(INITIAL_WINDOW_SIZE, 0)]).await;
    two.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &head("GET", "/openapi.json", "localhost"))).await;
    // The head comes, and none of the body: the stream ends, or the connection with it.
    let frames = two.until_closed().await;
    assert!(frames.iter().all(|frame| frame.kind != DATA || frame.payload.is_empty()), "{frames:?}");
    is_answered(&app).await;
}

#[tokio::test]
async fn whom_a_stream_calls_must_be_clear_and_ours() {
    let app = victim(Options::default()).await;
    let mut two = Two::open(&app, &[]).await;
    let twice = [head("GET", "/v1/functions", "localhost"), field("host", "evil.example")].concat();
    let table = [
        (head("GET", "/v1/functions", "localhost"), "200"),
        (head("GET", "/v1/functions", "evil.example"), "421"),
        (twice, "400"),
    ];
    for (number, (head, status)) in (0u32..).zip(table) {
        two.send(&frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &head)).await;
        match two.ended(2 * number + 1).await {
            Ended::Answered(head) => assert!(has_status(&head, status), "{status}: {head:x?}"),
            other => panic!("{status}: {other:?}"),
        }
    }
}
