//! Servers on this machine that builds are sent to: Git's own, and others that are none.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[path = "../../src/builder/tests/git_http.rs"]
mod git_http;

use git_http::{Head, head, repository};

/// A server, and how many have connected to it.
pub struct Served {
    pub address: SocketAddr,
    connected: Arc<AtomicUsize>,
}

impl Served {
    pub fn connections(&self) -> usize {
        self.connected.load(Ordering::SeqCst)
    }
}

/// Lets `answer` speak to each connection, on a free port of this address.
pub fn serve(host: &str, answer: impl Fn(TcpStream) -> Option<()> + Send + Sync + 'static) -> Served {
    let listener = TcpListener::bind((host, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (connected, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(answer));
    let count = connected.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            std::thread::spawn(move || answer(stream));
        }
    });
    Served { address, connected }
}

/// The repositories below `root` by HTTP; with `access`, a `user:password`, only to those who have it.
pub fn repositories(root: PathBuf, access: Option<&str>) -> Served {
    let access = access.map(|access| format!("Basic {}", STANDARD.encode(access)));
    serve("127.0.0.1", move |stream| repository(stream, &root, access.as_deref()).map(drop))
}

/// Answers each request with this status line and these headers.
pub fn saying(head: &'static str) -> Served {
    serve("127.0.0.1", move |mut stream| {
        read_request(&stream)?;
        stream
            .write_all(format!("HTTP/1.1 {head}\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret").as_bytes())
            .ok()
    })
}

/// Sends each request on to this address.
pub fn redirecting(to: String) -> Served {
    serve("127.0.0.1", move |mut stream| {
        let (_, target, _) = read_request(&stream)?;
        let head =
            format!("HTTP/1.1 302 Found\r\nLocation: {to}{target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).ok()
    })
}

fn read_request(stream: &TcpStream) -> Option<Head> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    head(&mut reader)
}
