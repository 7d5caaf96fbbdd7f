//! A RabbitMQ server for one test, which may kill and restart it.
//!
//! The tests under `server/tests` include this file by its path, so it uses nothing else of this crate.
#![allow(dead_code)] // not every test uses all of it

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The time limit for a start, also on a busy machine.
const STARTED_WITHIN: Duration = Duration::from_secs(120);

/// A broker with its own data folder and port, which it keeps across restarts.
pub struct Broker {
    folder: tempfile::TempDir,
    port: u16,
    peers_port: u16,
    names_port: u16,
    /// The broker, preceded by the program that it needs.
    running: Option<(Guarded, Guarded)>,
}

impl Broker {
    /// Starts a broker; blocks for several seconds.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("mq").tempdir_in("/tmp").unwrap();
        std::fs::write(folder.path().join("plugins"), "[].\n").unwrap();
        let [port, peers_port, names_port] = free_ports();
        let mut broker = Self { folder, port, peers_port, names_port, running: None };
        broker.restart();
        broker
    }

    /// Its URL, which stays the same after a restart.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Kills it like `kill -9`.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Stops it in an orderly way, so that everything is persisted, and starts it again.
    pub fn stop_and_restart(&mut self) {
        let (broker, _) = self.running.as_ref().expect("the broker runs");
        assert!(Command::new("kill").args(["-TERM", &broker.pid]).status().unwrap().success());
        let deadline = Instant::now() + STARTED_WITHIN;
        while Path::new("/proc").join(&broker.pid).join("exe").exists() {
            assert!(Instant::now() < deadline, "RabbitMQ does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.restart();
    }

    /// Kills it if it is running, and starts it with the same data.
    pub fn restart(&mut self) {
        self.kill();
        let folder = self.folder.path();
        let mut names = Command::new("epmd");
        names.args(["-port", &self.names_port.to_string(), "-address", "127.0.0.1"]);
        let names = Guarded::start(names, &folder.join("names.log"));
        wait_for("epmd", self.names_port, &folder.join("names.log"));
        let mut broker = Command::new(server());
        for (name, value) in [
            ("HOME", folder.to_path_buf()),
            // Keeps its script from staying between it and its guard.
            ("detached", "1".into()),
            ("ERL_EPMD_PORT", self.names_port.to_string().into()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".into()),
            ("RABBITMQ_NODENAME", format!("eventflow-{}@localhost", self.port).into()),
            ("RABBITMQ_DIST_PORT", self.peers_port.to_string().into()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".into()),
            ("RABBITMQ_NODE_PORT", self.port.to_string().into()),
            ("RABBITMQ_MNESIA_BASE", folder.join("data")),
            ("RABBITMQ_LOG_BASE", folder.join("log")),
            ("RABBITMQ_PID_FILE", folder.join("pid")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins")),
            ("RABBITMQ_CONFIG_FILE", folder.join("none")),
            ("RABBITMQ_CONF_ENV_FILE", "/dev/null".into()),
            ("RABBITMQ_GENERATED_CONFIG_DIR", folder.join("config")),
            (
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "+S 2:2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}".into(),
            ),
        ] {
            broker.env(name, value);
        }
        let log = folder.join("broker.log");
        let broker = Guarded::start(broker, &log);
        wait_for("RabbitMQ", self.port, &log);
        self.running = Some((broker, names));
    }

    /// Kills it, and starts another one in its place without its data.
    pub fn lose_and_restart(&mut self) {
        self.kill();
        std::fs::remove_dir_all(self.folder.path().join("data")).unwrap();
        self.restart();
    }

    /// Suspends or resumes it: connections stay open, but nothing is answered.
    pub fn pause(&self, pause: bool) {
        let (broker, _) = self.running.as_ref().expect("the broker runs");
        let signal = if pause { "-STOP" } else { "-CONT" };
        assert!(Command::new("kill").args([signal, &broker.pid]).status().unwrap().success());
    }
}

/// A program that ends when this value is dropped, or when this process ends in any way.
struct Guarded {
    guard: Child,
    pid: String,
}

impl Guarded {
    fn start(program: Command, log: &Path) -> Self {
        // The guard reads until nobody holds the other end any more.
        let script = r#"exec 3>"$0"; "$@" >&3 2>&3 </dev/null & echo $!; read -r _; kill -KILL $!; wait $!"#;
        let mut command = Command::new("setsid");
        command.args(["sh", "-c", script]).arg(log).arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            command.env(name, value.expect("no variable is taken away"));
        }
        let mut guard = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut pid = String::new();
        BufReader::new(guard.stdout.take().unwrap()).read_line(&mut pid).unwrap();
        Self { guard, pid: pid.trim().to_owned() }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Debian's `rabbitmq-server` in `PATH` switches to the user of its service; the one below does not.
fn server() -> &'static str {
    const DEBIAN: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
    if Path::new(DEBIAN).exists() { DEBIAN } else { "rabbitmq-server" }
}

/// Ports below the ephemeral range, so that they are still free after a kill.
fn free_ports<const N: usize>() -> [u16; N] {
    let mut held = Vec::new();
    while held.len() < N {
        held.extend(TcpListener::bind(("127.0.0.1", rand::random_range(20_000..32_000))));
    }
    std::array::from_fn(|index| held[index].local_addr().unwrap().port())
}

fn wait_for(what: &str, port: u16, log: &Path) {
    let deadline = Instant::now() + STARTED_WITHIN;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
        let log_text = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(Instant::now() < deadline, "{what} did not start: {}", log_text());
        std::thread::sleep(Duration::from_millis(20));
    }
}
