//! Servers on this machine that builds are sent to: Git's own, and others that are none.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

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
    serve("127.0.0.1", move |stream| repository(stream, &root, access.as_deref()))
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

/// Method and target, and the headers, of a request without its body.
type Head = (String, String, Vec<(String, String)>);

fn read_request(stream: &TcpStream) -> Option<Head> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    head(&mut reader)
}

fn head(reader: &mut impl BufRead) -> Option<Head> {
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut words = first.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some((method, target, headers))
}

fn repository(mut stream: TcpStream, root: &Path, access: Option<&str>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (method, target, headers) = head(&mut reader)?;
    let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let header = |wanted: &str| header(wanted).unwrap_or_default();
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    if access.is_some_and(|access| header("authorization") != access) {
        let refusal = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return stream.write_all(refusal.as_bytes()).ok();
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut child = Command::new("git")
        .args(["-c", "safe.directory=*", "http-backend"])
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(&body).ok()?;
    let output = child.wait_with_output().ok()?.stdout;
    let text = String::from_utf8_lossy(&output);
    let status = text.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
    stream.write_all(format!("HTTP/1.1 {status}\r\nConnection: close\r\n").as_bytes()).ok()?;
    stream.write_all(&output).ok()
}
