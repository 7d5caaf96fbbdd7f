//! A way to a server that can be cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Hands bytes on between whoever connects and the server at a port.
pub struct Proxy {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    closed: AtomicBool,
    /// Counts the cuts.
    cuts: watch::Sender<u64>,
}

impl Proxy {
    /// Must be called within a tokio runtime.
    pub async fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { closed: AtomicBool::new(false), cuts: watch::Sender::new(0) });
        let of_listener = shared.clone();
        tokio::spawn(async move {
            loop {
                let Ok((inner, _)) = listener.accept().await else { continue };
                let shared = of_listener.clone();
                if !shared.closed.load(Ordering::SeqCst) {
                    tokio::spawn(hand_on(inner, target, shared.cuts.subscribe()));
                }
            }
        });
        Self { port, shared }
    }

    /// Ends every connection, and takes no other until [`Self::mend`].
    pub fn cut(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    pub fn mend(&self) {
        self.shared.closed.store(false, Ordering::SeqCst);
    }
}

async fn hand_on(mut inner: TcpStream, target: u16, mut cuts: watch::Receiver<u64>) {
    let Ok(mut outer) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let _ = (inner.set_nodelay(true), outer.set_nodelay(true));
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut inner, &mut outer) => {}
        _ = cuts.changed() => {}
    }
}
