//! A wire between the executor and its engine that can be cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;

/// Passes connections on to the engine's socket.
pub struct Wire {
    address: String,
    cuts: watch::Sender<u64>,
    is_down: Arc<AtomicBool>,
}

impl Wire {
    pub async fn to(host: &str) -> Self {
        let socket = host.strip_prefix("unix://").expect("the engine of the tests listens on a socket").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap());
        let (cuts, cut) = watch::channel(0);
        let is_down = Arc::new(AtomicBool::new(false));
        let down = is_down.clone();
        tokio::spawn(async move {
            loop {
                let Ok((mut client, _)) = listener.accept().await else { return };
                if down.load(Ordering::SeqCst) {
                    continue;
                }
                let (socket, mut cut) = (socket.clone(), cut.clone());
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(mut engine) = UnixStream::connect(&socket).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut engine) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { address, cuts, is_down }
    }

    /// `tcp://…` for the executor.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Cuts all connections that there are.
    pub async fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Cuts all connections, and lets nobody connect until [`Self::mend`].
    pub async fn take_down(&self) {
        self.is_down.store(true, Ordering::SeqCst);
        self.cut().await;
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.is_down.store(false, Ordering::SeqCst);
    }
}
