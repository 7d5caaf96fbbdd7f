//! An engine of one test's own, which may be stopped, started again, and have little room.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine with the first image of `scripts/with-docker`, which keeps it.
pub struct OwnEngine {
    keeper: Child,
    folder: PathBuf,
    /// Its program and arguments.
    words: Vec<String>,
    /// The engine that was started again.
    again: Option<Child>,
}

impl OwnEngine {
    /// With a disk of this size, or as much as there is.
    pub fn start(disk: Option<&str>) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/with-docker");
        let mut command = Command::new(script);
        // It lasts until nobody writes to it any more.
        command
            .args(["sh", "-c", "echo $DOCKER_HOST; exec cat"])
            .env_remove("TEST_DOCKER_HOST")
            .env("TEST_DOCKER_BARE", "1");
        if let Some(size) = disk {
            command.env("TEST_DOCKER_DISK", size);
        }
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut host = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut host).unwrap();
        let socket = host.trim().strip_prefix("unix://").expect("scripts/with-docker starts an engine");
        let folder = Path::new(socket).parent().unwrap().to_owned();
        let mut engine = Self { keeper, folder, words: Vec::new(), again: None };
        let process = PathBuf::from(format!("/proc/{}", engine.pid()));
        let words = fs::read_to_string(process.join("cmdline")).unwrap();
        engine.words = words.split_terminator('\0').map(str::to_owned).collect();
        engine.words[0] = fs::read_link(process.join("exe")).unwrap().display().to_string();
        engine
    }

    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.join("docker.sock").display())
    }

    fn pid(&self) -> i32 {
        fs::read_to_string(self.folder.join("dockerd.pid")).unwrap().trim().parse().unwrap()
    }

    /// Its client's output; `None` if the engine says no.
    pub fn try_docker(&self, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", self.host()).args(arguments).stdin(Stdio::null());
        let output = command.output().expect("the tests need the program `docker`");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    pub fn docker(&self, arguments: &[&str]) -> String {
        self.try_docker(arguments).unwrap_or_else(|| panic!("docker {arguments:?}"))
    }

    /// Ends it by a signal. What the engine started for itself has ended as well then: a killed one takes it along.
    pub fn stop(&mut self, signal: Signal) {
        let its_own = ["dockerd.pid", "exec/containerd/containerd.pid"].map(|file| self.folder.join(file));
        let processes = its_own.clone().map(|file| fs::read_to_string(file).unwrap().trim().to_owned());
        kill(Pid::from_raw(self.pid()), signal).unwrap();
        for pid in &processes {
            wait("the engine ends", || has_ended(pid));
        }
        if let Some(mut engine) = self.again.take() {
            let _ = engine.wait();
        }
        // The next engine believes a file that names a process which nobody has taken note of.
        for file in its_own {
            let _ = fs::remove_file(file);
        }
    }

    /// Starts it as it was, with some more arguments, and waits until it answers.
    pub fn start_again(&mut self, more: &[&str]) {
        let log = File::options().append(true).open(self.folder.join("dockerd.log")).unwrap();
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).args(more).stdin(Stdio::null());
        command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap()));
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.again = Some(command.spawn().unwrap());
        wait("the engine answers again", || self.try_docker(&["version"]).is_some());
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        if let Some(mut engine) = self.again.take() {
            let _ = kill(Pid::from_raw(i32::try_from(engine.id()).unwrap()), Signal::SIGTERM);
            let _ = engine.wait();
        }
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Whether a process has ended; it may be the child of somebody who does not look.
fn has_ended(pid: &str) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X'])),
        Err(_) => true,
    }
}

fn wait(what: &str, so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "it did not happen in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
