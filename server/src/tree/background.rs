//! Removes folders on background threads, because a large one takes a while and its owner may be in a hurry.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

/// Number of threads, which is the number of folders removed at a time.
const THREADS: usize = 2;

struct Order {
    folder: PathBuf,
    removal: Removal,
}

type Removal = Box<dyn FnOnce(&Path) -> io::Result<()> + Send>;

/// Runs the removal soon; whatever the closure holds is dropped afterwards. A failure is logged: the caller finds the
/// folder again at the next start of the server.
pub fn remove_later(folder: PathBuf, removal: impl FnOnce(&Path) -> io::Result<()> + Send + 'static) {
    static ORDERS: OnceLock<Option<Sender<Order>>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| match start() {
        Ok(orders) => Some(orders),
        Err(error) => {
            tracing::warn!(%error, "thread for removing folders not started: they stay until the next start");
            None
        }
    });
    if let Some(orders) = orders {
        // The threads live as long as the process.
        let _ = orders.send(Order { folder, removal: Box::new(removal) });
    }
}

fn start() -> io::Result<Sender<Order>> {
    let (sender, receiver) = channel::<Order>();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..THREADS {
        let receiver = receiver.clone();
        std::thread::Builder::new().name("tree-removal".into()).spawn(move || work(&receiver))?;
    }
    Ok(sender)
}

fn work(receiver: &Mutex<Receiver<Order>>) {
    loop {
        // The other thread waits for the lock meanwhile, just as it would wait for an order.
        let Ok(Order { folder, removal }) = receiver.lock().recv() else { return };
        if let Err(error) = removal(&folder) {
            tracing::warn!(folder = %folder.display(), %error, "folder not removed; retrying at the next start");
        }
    }
}
