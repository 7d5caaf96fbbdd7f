//! Requests as bytes, for what no HTTP library would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::app::{PATIENCE, TestApp};

/// A connection to the server.
pub struct Wire(pub TcpStream);

impl Wire {
    pub async fn open(app: &TestApp) -> Self {
        Self(TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap())
    }

    /// A connection over which this was sent.
    pub async fn sending(app: &TestApp, text: &str) -> Self {
        let mut wire = Self::open(app).await;
        wire.send(text).await;
        wire
    }

    pub async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// One answer that says how long it is, as text.
    pub async fn answer(&mut self) -> String {
        let mut read = Vec::new();
        let whole = async {
            loop {
                let text = String::from_utf8_lossy(&read).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let lower = head.to_ascii_lowercase();
                    let length = lower
                        .split("content-length: ")
                        .nth(1)
                        .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
                    if body.len() >= length {
                        return text;
                    }
                }
                let mut buffer = [0; 4096];
                let count = self.0.read(&mut buffer).await.unwrap();
                assert!(count > 0, "the server closed in the middle of an answer: {text}");
                read.extend_from_slice(&buffer[..count]);
            }
        };
        timeout(PATIENCE, whole).await.expect("the server answers")
    }

    /// The head of an answer, as text, whatever it says of a body.
    pub async fn head(&mut self) -> String {
        let mut read = Vec::new();
        let whole = async {
            while !read.ends_with(b"\r\n\r\n") {
                read.push(self.0.read_u8().await.expect("the server answers"));
            }
        };
        timeout(PATIENCE, whole).await.expect("the server answers");
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Everything that comes until the server closes the connection, which it must.
    pub async fn until_closed(&mut self) -> String {
        let mut read = Vec::new();
        // A reset is an end, too.
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut read)).await.expect("the server closes the connection");
        String::from_utf8_lossy(&read).into_owned()
    }

    /// As [`Self::until_closed`], while a byte is sent now and then.
    pub async fn until_closed_dripping(self, byte: &str) -> String {
        let (mut reader, mut writer) = self.0.into_split();
        let byte = byte.to_owned();
        let dripping = tokio::spawn(async move {
            while writer.write_all(byte.as_bytes()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        let mut read = Vec::new();
        let _ = timeout(PATIENCE, reader.read_to_end(&mut read)).await.expect("the server closes the connection");
        dripping.abort();
        String::from_utf8_lossy(&read).into_owned()
    }
}
