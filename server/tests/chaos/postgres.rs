//! A PostgreSQL of this test's own, to be killed and started again.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// No start takes longer; after a kill it reads its own log first.
const STARTED_WITHIN: Duration = Duration::from_secs(60);

/// A server with a data folder and a port of its own, which it keeps.
pub struct Postgres {
    bin: PathBuf,
    folder: tempfile::TempDir,
    pub port: u16,
    running: Option<Child>,
}

impl Postgres {
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        let port = std::net::TcpListener::bind(("127.0.0.1", rand::random_range(20_000..32_000)));
        let port = port.and_then(|listener| listener.local_addr()).unwrap().port();
        let mut postgres = Self { bin: bin(), folder, port, running: None };
        if is_root() {
            assert!(Command::new("chown").arg("postgres:").arg(postgres.folder.path()).status().unwrap().success());
        }
        let mut init = postgres.program("initdb");
        init.args(["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions", "-D"]);
        let made = init.arg(postgres.folder.path().join("data")).output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        postgres.restart();
        postgres
    }

    /// Where it is; `port` is its own or that of a proxy.
    pub fn url(port: u16) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/postgres")
    }

    /// Ends it as `kill -9` does; its other processes see that and end, too.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it on the same data; blocks until it answers.
    pub fn restart(&mut self) {
        self.kill();
        let deadline = Instant::now() + STARTED_WITHIN;
        let log = self.folder.path().join("server.log");
        loop {
            let mut server = self.program("postgres");
            server.arg("-D").arg(self.folder.path().join("data")).arg("-k").arg(self.folder.path());
            server.args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-c",
                "fsync=on",
                "-c",
                "max_connections=200",
            ]);
            server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(std::fs::File::create(&log).unwrap());
            let mut child = server.spawn().unwrap();
            // Processes of the one before may be there for a moment: it ends at once then, and is started again.
            while child.try_wait().unwrap().is_none() {
                if self.answers() {
                    self.running = Some(child);
                    return;
                }
                let log_text = || std::fs::read_to_string(&log).unwrap_or_default();
                assert!(Instant::now() < deadline, "PostgreSQL does not answer: {}", log_text());
                std::thread::sleep(Duration::from_millis(20));
            }
            let log_text = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(Instant::now() < deadline, "PostgreSQL does not start: {}", log_text());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn answers(&self) -> bool {
        let mut ready = Command::new(self.bin.join("pg_isready"));
        ready
            .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .status()
            .is_ok_and(|status| status.success())
    }

    /// A program of PostgreSQL, as the user that it wants, ending with this process.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).current_dir("/");
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
        }
        command.arg(self.bin.join(name));
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Debian keeps its servers out of `PATH`; the newest one.
fn bin() -> PathBuf {
    let found = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<_> =
        found.map(|entry| entry.path()).filter(|path| path.join("bin/initdb").exists()).collect();
    versions.sort_by_key(|path| version(path));
    versions.pop().map_or_else(PathBuf::new, |path| path.join("bin"))
}

fn version(path: &Path) -> u32 {
    path.file_name().and_then(|name| name.to_str()?.parse().ok()).unwrap_or(0)
}
