//! Waits until a service is ready: its health check says so, its health path answers, or its port accepts connections.

use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::super::polling::pause_after;
use super::super::{Address, Error};
use super::container::Container;

/// How long one request of the health path may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A published port accepts what nobody in the container does; such a connection is closed within this.
const CLOSED_WITHIN: Duration = Duration::from_millis(100);

/// Answers of the health path below this are fine.
const TROUBLE: u16 = 500;

/// How a service tells that it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sign {
    /// This path answers.
    Path(String),
    /// The image's own check succeeds.
    Check,
    /// The port accepts connections.
    Port,
}

/// Waits for the sign, at most `within`.
pub(super) async fn ready(
    container: &Container,
    address: &Address,
    sign: &Sign,
    direct: bool,
    within: Duration,
) -> Result<(), Error> {
    let began = Instant::now();
    let mut state = container.state.clone();
    loop {
        let rest = within.saturating_sub(began.elapsed());
        let is_ready = match sign {
            Sign::Path(path) => timeout(rest.min(ANSWER_WITHIN), answers(address, path)).await.unwrap_or_default(),
            Sign::Check => state.borrow_and_update().healthy == Some(true),
            Sign::Port => timeout(rest, accepts(address, direct)).await.unwrap_or_default(),
        };
        if container.state.borrow().ended {
            let exit = container.handle.wait().await;
            let message = format!("the process ended before it answered: it {exit}");
            return Err(Error::Unhealthy { message, stderr_tail: container.handle.stderr_tail() });
        }
        if is_ready {
            return Ok(());
        }
        if began.elapsed() >= within {
            container.handle.kill();
            container.handle.wait().await;
            return Err(Error::Unhealthy {
                message: missing(address, sign, within),
                stderr_tail: container.handle.stderr_tail(),
            });
        }
        let rest = within.saturating_sub(began.elapsed());
        let pause = if *sign == Sign::Check { rest } else { pause_after(began.elapsed()).min(rest) };
        // What the engine tells is noticed at once, an end above all.
        let _ = timeout(pause, state.changed()).await;
    }
}

fn missing(address: &Address, sign: &Sign, within: Duration) -> String {
    let seconds = within.as_secs_f64();
    match sign {
        Sign::Path(path) => {
            format!("the process did not answer {path} with a status below {TROUBLE} within {seconds} s")
        }
        Sign::Check => format!("the image's health check did not succeed within {seconds} s"),
        Sign::Port => {
            let port = match address {
                Address::Tcp { port, .. } => *port,
                Address::Unix(_) => 0,
            };
            format!(
                "the process did not listen within {seconds} s on the port that it is expected on (here {port}): it must listen on 0.0.0.0 and the port in $PORT, or the function must name another `port`"
            )
        }
    }
}

async fn connect(address: &Address) -> Option<TcpStream> {
    match address {
        Address::Tcp { host, port } => TcpStream::connect((host.as_str(), *port)).await.ok(),
        Address::Unix(_) => None,
    }
}

async fn accepts(address: &Address, direct: bool) -> bool {
    let Some(mut stream) = connect(address).await else { return false };
    // The engine's own proxy accepts first, and closes when the container does not.
    direct || timeout(CLOSED_WITHIN, stream.read_u8()).await.is_err()
}

async fn answers(address: &Address, path: &str) -> bool {
    let ask = async {
        let stream = connect(address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        let asked = Request::get(path)
            .header("host", address.to_string())
            .header("user-agent", "eventflow-health")
            .body(Empty::<bytes::Bytes>::new());
        let asked = sender.send_request(asked.ok()?);
        let answer = tokio::select! {
            answer = asked => answer.ok()?,
            _ = connection => return None,
        };
        let status = answer.status().as_u16();
        drop(answer.into_body().frame());
        Some(status < TROUBLE)
    };
    ask.await.unwrap_or_default()
}
