//! Answers requests while a slow start is in progress. The port is bound first, and what comes next may not be
//! available: a database, a broker. During a usual start, clients wait and are answered by the server itself; after
//! that time they get an answer from here instead of waiting.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A start that takes longer is waiting for something.
const USUAL: Duration = Duration::from_secs(10);

/// How often it is checked whether the start is over, in milliseconds.
const LOOK_MS: u8 = 50;

/// The time limit for reading a request and sending the answer, since clients are served one after another.
const PATIENCE: Duration = Duration::from_millis(200);

/// Maximum bytes read of a request: its first line is enough.
const MAX_READ: usize = 1024;

/// Maximum number of reads after the answer.
const MAX_READS: usize = 8;

const ALIVE: &str = r#"{"status":"ok"}"#;
const NOT_READY: &str = r#"{"status":"starting","reasons":["the server is starting; its log says what it waits for"]}"#;
const NOT_YET: &str =
    r#"{"error":{"code":"unavailable","message":"the server is starting; try again in a moment","request_id":""}}"#;

/// Answers until dropped.
pub(super) struct Starting {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Starting {
    /// Starts answering clients, including those already waiting, once the start takes longer than usual.
    pub(super) fn begin(listener: &TcpListener) -> std::io::Result<Self> {
        Self::begin_after(listener, USUAL)
    }

    fn begin_after(listener: &TcpListener, usual: Duration) -> std::io::Result<Self> {
        let listener = listener.try_clone()?;
        // A client may disconnect between the check and the accept.
        listener.set_nonblocking(true)?;
        let over = Arc::new(AtomicBool::new(false));
        let until = over.clone();
        let began = Instant::now();
        let answer = move || {
            while !until.load(Ordering::Acquire) {
                if let Some(left) = usual.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
                    std::thread::park_timeout(left);
                    continue;
                }
                let mut wanted = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
                if poll(&mut wanted, PollTimeout::from(LOOK_MS)).is_ok_and(|ready| ready > 0)
                    && let Ok((caller, _)) = listener.accept()
                {
                    // A client that does not read its answer goes without one.
                    let _ = refuse(caller);
                }
            }
        };
        let thread = std::thread::Builder::new().name("starting".into()).spawn(answer)?;
        Ok(Self { over, thread: Some(thread) })
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn refuse(mut caller: TcpStream) -> std::io::Result<()> {
    caller.set_nonblocking(false)?;
    caller.set_read_timeout(Some(PATIENCE))?;
    caller.set_write_timeout(Some(PATIENCE))?;
    let mut request = [0; MAX_READ];
    let read = caller.read(&mut request)?;
    let line = request[..read].split(|byte| *byte == b'\r').next().unwrap_or_default();
    let target = line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    let (status, body) = match target.split(|byte| *byte == b'?').next().unwrap_or_default() {
        b"/healthz" => ("200 OK", ALIVE),
        b"/readyz" => ("503 Service Unavailable", NOT_READY),
        _ => ("503 Service Unavailable", NOT_YET),
    };
    write!(
        caller,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    // If data were left unread at the close, the kernel would discard the answer.
    caller.shutdown(std::net::Shutdown::Write)?;
    for _ in 0..MAX_READS {
        if caller.read(&mut request)? == 0 {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(listener: &TcpListener, text: &str) -> String {
        let mut caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        caller.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        caller.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn who_asks_too_early_is_told_so_and_who_says_nothing_keeps_nobody() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let starting = Starting::begin_after(&listener, Duration::from_millis(100)).unwrap();
        let silent = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        for (target, status, word) in [
            ("/healthz", "200", "\"ok\""),
            ("/readyz", "503", "\"starting\""),
            ("/readyz?verbose", "503", "\"starting\""),
            ("/v1/functions", "503", "\"unavailable\""),
            ("*", "503", "\"unavailable\""),
        ] {
            let answer = ask(&listener, &format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(word), "{target}: {answer}");
        }
        drop((starting, silent));
        // The port is still there for the server itself.
        listener.set_nonblocking(false).unwrap();
        let caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert_eq!(listener.accept().unwrap().1, caller.local_addr().unwrap());
    }
}
