//! What all processes of one executor share: the host's abilities, control groups, folders, and slots ready for the next
//! start.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::super::Error;
use super::super::lines::Flood;
use super::super::wrappers;
use super::cgroup::Cgroups;
use super::error::io_error;
use super::ground::{Ground, Slot, keep_descriptors_to_ourselves};
use super::guard::Guard;
use super::host::Host;
use super::run_folder::RunFolder;
use super::starts::Starts;
use super::together::Together;
use super::weights::{LOOK_EVERY, Weights};
use super::{mounts, seccomp};

/// The number of shells that wait in control groups for something to start.
const SPARE_SLOTS: usize = 2;

/// Delay before a used slot is replaced, so that the replacement does not slow down what was started in it.
const REFILL_AFTER: Duration = Duration::from_millis(200);

/// The state shared by all processes of one executor. Fields are dropped in this order.
#[derive(Debug)]
pub(super) struct Home {
    spare: Mutex<Spare>,
    pub(super) ground: Ground,
    pub(super) cgroups: Arc<Cgroups>,
    pub(super) host: Host,
    pub(super) wrappers: PathBuf,
    /// Files with the seccomp filters.
    pub(super) filters: Vec<PathBuf>,
    /// Whether each instance's folder can be a file system of its own.
    pub(super) mounts: bool,
    pub(super) run: RunFolder,
    /// Held while missing parts are restored.
    pub(super) upkeep: Mutex<()>,
    pub(super) next: AtomicU64,
    pub(super) starts: Starts,
    pub(super) weights: Weights,
    pub(super) guard: Guard,
    pub(super) flood: Arc<Flood>,
}

/// Slots kept ready for the next starts.
#[derive(Debug, Default)]
struct Spare {
    slots: Vec<Slot>,
    /// Slots being opened: without counting them, many starts at once would each open some.
    opening: usize,
}

impl Spare {
    /// Whether to open another slot, which is counted from now on.
    fn begin(&mut self) -> bool {
        let wanted = self.slots.len() + self.opening < SPARE_SLOTS;
        self.opening += usize::from(wanted);
        wanted
    }
}

impl Home {
    /// Inspects the host, writes the wrappers below `data_dir`, and removes what a killed server left there.
    pub(super) fn new(data_dir: &Path) -> Result<Home, Error> {
        let wrappers =
            wrappers::write(data_dir).map_err(io_error(format!("write the runtimes to {}", data_dir.display())))?;
        let run = RunFolder::claim(data_dir)
            .map_err(io_error(format!("make a folder for instances in {}", data_dir.display())))?;
        let mounts = mounts::are_possible(&run.path);
        let cgroups = Cgroups::detect(&run.name);
        if let Err(error) = cgroups.limit_together(Together::of_host()) {
            tracing::warn!(%error, "functions are limited each by itself, and not all of them together");
        }
        run.remember(&cgroups.folders()).map_err(io_error("write down the control groups".into()))?;
        keep_descriptors_to_ourselves();
        let ground = Ground::new().map_err(io_error("start a thread".into()))?;
        let filters = seccomp::write(&run.path).map_err(io_error("write the seccomp filters".into()))?;
        Ok(Home {
            spare: Mutex::default(),
            ground,
            cgroups: Arc::new(cgroups),
            host: Host::look(),
            wrappers,
            filters,
            mounts,
            run,
            upkeep: Mutex::default(),
            next: AtomicU64::new(1),
            starts: Starts::of_host(),
            weights: Weights::new(std::thread::available_parallelism().map_or(1, usize::from)),
            guard: Guard::default(),
            flood: Arc::default(),
        })
    }

    pub(super) fn take_slot(&self) -> Option<Slot> {
        let mut spare = self.spare.lock();
        while let Some(mut slot) = spare.slots.pop() {
            if slot.usable() {
                return Some(slot);
            }
        }
        None
    }

    pub(super) async fn open_slot(&self) -> io::Result<Slot> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let cgroups = self.cgroups.clone();
        // It may have to wait for the removal of another group.
        let made = tokio::task::spawn_blocking(move || cgroups.create(&number.to_string())).await;
        let cgroup = made.unwrap_or_else(|_| Err(io::Error::other("the server ends")))?;
        self.ground.slot(cgroup).await
    }

    /// Refills the slots a little later.
    pub(super) fn refill(self: &Arc<Self>) {
        let home = Arc::downgrade(self);
        self.ground.later(async move {
            tokio::time::sleep(REFILL_AFTER).await;
            while let Some(home) = home.upgrade() {
                if !home.spare.lock().begin() {
                    return;
                }
                let opened = home.open_slot().await;
                let mut spare = home.spare.lock();
                spare.opening -= 1;
                match opened {
                    Ok(slot) => spare.slots.push(slot),
                    Err(error) => {
                        return tracing::warn!(%error, "a control group could not be prepared");
                    }
                }
            }
        });
    }

    /// Keeps measuring the processor time of functions, and sets their weights.
    pub(super) fn weigh(self: &Arc<Self>) {
        let home = Arc::downgrade(self);
        self.ground.later(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let Some(home) = home.upgrade() else { return };
                home.weights.look(Instant::now());
            }
        });
    }
}
