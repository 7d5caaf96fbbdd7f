//! What a server holds of its host: processes, control groups, mounts, folders, descriptors, sockets.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::app::TestApp;

/// Everything that hostile functions held is gone after this, and so are the idle connections of who called them.
const SETTLED_WITHIN: Duration = Duration::from_secs(150);

/// What stays the same for so long is steady.
const STEADY_FOR: Duration = Duration::from_secs(2);

/// Descriptors and sockets that may be more than before: connections of this test, of the pool, and files of the log.
const SLACK: usize = 40;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    processes: usize,
    cgroups: usize,
    mounts: usize,
    folders: usize,
    descriptors: usize,
    sockets: usize,
}

impl fmt::Display for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processes, cgroups, mounts, folders, descriptors, sockets } = self;
        write!(f, "{processes} processes, {cgroups} control groups, {mounts} mounts, {folders} folders, ")?;
        write!(f, "{descriptors} descriptors, {sockets} of them sockets")
    }
}

impl Traces {
    /// What there is more of in `later`, in words.
    pub fn grown(&self, later: &Traces) -> Vec<String> {
        let pairs = [
            ("processes", self.processes, later.processes, 0),
            ("control groups", self.cgroups, later.cgroups, 0),
            ("mounts", self.mounts, later.mounts, 0),
            ("folders", self.folders, later.folders, 0),
            ("descriptors", self.descriptors, later.descriptors, SLACK),
            ("sockets", self.sockets, later.sockets, SLACK),
        ];
        let grown = pairs.into_iter().filter(|(_, before, after, slack)| *after > before + slack);
        grown.map(|(what, before, after, _)| format!("{what}: {before} before, {after} after")).collect()
    }
}

fn look(app: &TestApp) -> Traces {
    let pid = app.pid();
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).expect("the server is still there");
    let descriptors: Vec<PathBuf> = entries(&PathBuf::from(format!("/proc/{pid}/fd")));
    let sockets = descriptors.iter().filter_map(|fd| fs::read_link(fd).ok());
    let sockets = sockets.filter(|target| target.to_string_lossy().starts_with("socket:")).count();
    let own = entries(&app.data_dir().join("run")).into_iter().filter(|path| path.is_dir()).collect::<Vec<_>>();
    let groups = own.iter().filter_map(|folder| fs::read_to_string(folder.join("cgroups")).ok());
    let groups = groups.flat_map(|text| text.lines().map(PathBuf::from).collect::<Vec<_>>());
    Traces {
        processes: descendants(pid),
        cgroups: groups.map(|group| entries(&group).into_iter().filter(|path| path.is_dir()).count()).sum(),
        mounts: mounts.lines().count(),
        folders: own.iter().map(|folder| entries(folder).len()).sum(),
        descriptors: descriptors.len(),
        sockets,
    }
}

/// What there is when nothing changes any more: after its last start the server makes ready what the next one needs.
pub async fn steady(app: &TestApp) -> Traces {
    let began = Instant::now();
    let (mut last, mut since) = (look(app), Instant::now());
    while since.elapsed() < STEADY_FOR && began.elapsed() < SETTLED_WITHIN {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = look(app);
        if (now.processes, now.cgroups, now.folders) != (last.processes, last.cgroups, last.folders) {
            since = Instant::now();
        }
        last = now;
    }
    last
}

/// Waits until nothing is left that was not there before, or it is clear that something stays; what there is then.
pub async fn settle(app: &TestApp, before: &Traces) -> Traces {
    let began = Instant::now();
    loop {
        let now = look(app);
        if before.grown(&now).is_empty() || began.elapsed() > SETTLED_WITHIN {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Processes below this one, itself not counted.
fn descendants(pid: u32) -> usize {
    let parents: Vec<(u32, u32)> = entries(Path::new("/proc"))
        .into_iter()
        .filter_map(|path| {
            let pid = path.file_name()?.to_str()?.parse().ok()?;
            let stat = fs::read_to_string(path.join("stat")).ok()?;
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    let mut found = vec![pid];
    let mut index = 0;
    while index < found.len() {
        let parent = found[index];
        found.extend(parents.iter().filter(|(_, its)| *its == parent).map(|(pid, _)| *pid));
        index += 1;
    }
    found.len() - 1
}
