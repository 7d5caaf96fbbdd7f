//! What this host offers: bubblewrap, interpreters, and the folders they live in.
//!
//! Examined once at the start; knows nothing of functions.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::outbound::metadata;

/// The programs that the sandbox needs, as absolute paths.
#[derive(Debug, Clone)]
pub(super) struct Host {
    /// The program, if it is present and works.
    pub(super) bubblewrap: Option<PathBuf>,
    /// Why bubblewrap is not used, if it is not.
    pub(super) bubblewrap_fault: Option<String>,
    pub(super) node: Option<PathBuf>,
    pub(super) python: Option<PathBuf>,
    /// Folders outside of `/usr` that interpreters need, read-only.
    pub(super) prefixes: Vec<PathBuf>,
    /// `PATH` inside.
    pub(super) path: String,
    /// Which user a sandbox is to the kernel.
    pub(super) identity: Identity,
    /// The tools for networks of sandboxes' own; or, for people, why they are not available.
    pub(super) network: Result<NetworkTools, String>,
}

/// The host's user that the user inside a sandbox is mapped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// The server's own user: it is not root and cannot change that.
    Servers,
    /// Root, because no other user could be used here.
    Root,
    /// One of `count` users from `first` on, which are used for nothing else.
    Own {
        /// The first user id; group ids are the same.
        first: u32,
        /// The number of users.
        count: u32,
    },
}

/// User ids of sandboxes, above those that distributions, containers and systemd assign. The first half is for
/// instances,
/// in turn; the second for tasks, by function.
const OWN_USERS: Identity = Identity::Own { first: 0x7000_0000, count: 2 * OWN_HALF };
const OWN_HALF: u32 = 60_000;
/// For places where only the usual ids exist, such as most containers.
const NOBODY: Identity = Identity::Own { first: 65_534, count: 1 };

/// How the user of a sandbox is chosen.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    /// Each instance has another one, until all have been used.
    Instance(u64),
    /// All tasks for a function share one.
    TasksOf(Uuid),
}

impl Identity {
    /// Whether sandboxes run as other users than the server's.
    pub(super) fn changes(self) -> bool {
        matches!(self, Identity::Own { .. })
    }

    /// The user of the sandbox with this number.
    pub(super) fn user(self, number: Number) -> Option<u32> {
        let within = |number: u64, half: u32| u32::try_from(number % u64::from(half)).unwrap_or(0);
        match (self, number) {
            (Identity::Own { first, count: 1 }, _) => Some(first),
            (Identity::Own { first, count }, Number::Instance(number)) => Some(first + within(number, count / 2)),
            (Identity::Own { first, count }, Number::TasksOf(function)) => {
                // A digest of the id, because ids made from a name or the time are not evenly distributed.
                let digest = Sha256::digest(function.as_bytes());
                let number = digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
                Some(first + count / 2 + within(number, count / 2))
            }
            (Identity::Servers | Identity::Root, _) => None,
        }
    }
}

/// Makes the kernel refuse connections of sandboxes' users to metadata services, for sandboxes that share the host's
/// network. The routing rules apply only to these users and are left in place, because other servers on this host may
/// need
/// them. TCP only, because in some clouds the same address answers DNS.
pub(super) fn close_metadata(identity: Identity) -> bool {
    let (Identity::Own { first, count }, true) = (identity, identity == OWN_USERS) else {
        return false;
    };
    let users = format!("{first}-{}", first + count - 1);
    metadata::ADDRESSES.iter().all(|address| {
        let family = if address.is_ipv6() { "-6" } else { "-4" };
        let address = address.to_string();
        let rule = ["uidrange", &users, "to", &address, "ipproto", "tcp", "prohibit"];
        let run = |verb: &[&str]| quiet("ip").arg(family).arg("rule").args(verb).args(rule).output();
        let there = || {
            let answer = quiet("ip").args([family, "rule", "show", "to", &address]).output();
            answer.is_ok_and(|answer| {
                let text = String::from_utf8_lossy(&answer.stdout).into_owned();
                text.contains(&users) && text.contains("prohibit")
            })
        };
        let add = || run(&["add", "pref", "90"]).is_ok_and(|answer| answer.status.success());
        // A machine without IPv6 does not have that address either.
        let no_family = || family == "-6" && !Path::new("/proc/net/if_inet6").exists();
        // Another server may add the same rule at the same time: then ours fails, but the rule exists.
        there() || add() || there() || no_family()
    })
}

/// The programs that set up a network namespace.
#[derive(Debug, Clone)]
pub(super) struct NetworkTools {
    pub(super) ip: PathBuf,
    pub(super) nft: PathBuf,
}

/// Creates a network namespace and sets it up like a sandbox's, to find out whether the kernel and a container around
/// us allow it.
fn try_network() -> Result<NetworkTools, String> {
    let find = |name: &str, package: &str| {
        let beside = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].iter().map(|folder| Path::new(folder).join(name));
        find(name)
            .or_else(|| beside.into_iter().find(|file| file.is_file()))
            .ok_or_else(|| format!("the program `{name}` is not installed (Debian: apt-get install {package})"))
    };
    let tools = NetworkTools { ip: find("ip", "iproute2")?, nft: find("nft", "nftables")? };
    let (links, rules) = crate::executor::network::example_rules();
    let set_up = r#"printf %s "$3" | "$1" -batch - && printf %s "$4" | "$2" -f -"#;
    let mut fault = String::new();
    for how in [&["--net"][..], &["--user", "--map-root-user", "--net"]] {
        let mut command = quiet("unshare");
        command.args(how).args(["--", "/bin/sh", "-c", set_up, "sh"]).args([&tools.ip, &tools.nft]);
        match command.args([&links, &rules]).output() {
            Ok(answer) if answer.status.success() => return Ok(tools),
            Ok(answer) => fault = String::from_utf8_lossy(&answer.stderr).trim().replace('\n', "; "),
            Err(error) => fault = format!("`unshare` cannot be started: {error}"),
        }
    }
    Err(format!("a network namespace cannot be made and set up here: {fault}"))
}

/// The program and arguments that run the following program as the user.
pub(super) fn become_user(user: u32) -> [String; 6] {
    [
        "setpriv".into(),
        format!("--reuid={user}"),
        format!("--regid={user}"),
        "--clear-groups".into(),
        "--inh-caps=-all".into(),
        "--".into(),
    ]
}

impl Host {
    /// Inspects the host. Missing parts are no error here, only when a function needs them.
    pub(super) fn look() -> Host {
        let node = find("node").and_then(|path| path.canonicalize().ok());
        let (python, python_prefixes) = python().map_or((None, Vec::new()), |(exe, prefixes)| (Some(exe), prefixes));
        let mut prefixes: Vec<PathBuf> = python_prefixes;
        prefixes.extend(node.as_deref().and_then(Path::parent).and_then(Path::parent).map(Path::to_owned));
        prefixes.retain(|prefix| prefix.is_dir() && !prefix.starts_with("/usr") && prefix != Path::new("/"));
        prefixes.sort();
        prefixes.dedup();
        let mut path: Vec<String> = Vec::new();
        for program in [&python, &node].into_iter().flatten() {
            let folder = program.parent().map(|folder| folder.display().to_string());
            path.extend(folder.filter(|folder| !path.contains(folder) && !folder.starts_with("/usr")));
        }
        path.extend(["/usr/local/bin", "/usr/bin", "/bin"].map(str::to_owned));
        let (bubblewrap, identity, bubblewrap_fault) = match try_bubblewrap() {
            Ok((path, identity)) => (Some(path), identity, None),
            Err(fault) => (None, Identity::Servers, Some(fault)),
        };
        let network = match bubblewrap {
            Some(_) => try_network(),
            None => Err("there is no bubblewrap".into()),
        };
        Host { bubblewrap, bubblewrap_fault, node, python, prefixes, path: path.join(":"), identity, network }
    }
}

/// The first program of that name in `PATH`.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The interpreter itself, not a version manager's shim, and the folders of its library.
fn python() -> Option<(PathBuf, Vec<PathBuf>)> {
    let ask =
        "import os, sys; print(os.path.realpath(sys.executable)); print(sys.base_prefix); print(sys.base_exec_prefix)";
    let answer =
        quiet(find("python3")?).args(["-I", "-c", ask]).output().ok().filter(|answer| answer.status.success())?;
    let text = String::from_utf8(answer.stdout).ok()?;
    let mut lines = text.lines().map(PathBuf::from);
    let executable = lines.next().filter(|path| path.is_file())?;
    Some((executable, lines.collect()))
}

/// Being present is not enough: the kernel or a container around us may forbid namespaces.
fn try_bubblewrap() -> Result<(PathBuf, Identity), String> {
    let path = find("bwrap").ok_or("bubblewrap is not installed (Debian: apt-get install bubblewrap)")?;
    let root = nix::unistd::geteuid().is_root();
    let identities = if root { vec![OWN_USERS, NOBODY, Identity::Root] } else { vec![Identity::Servers] };
    let mut fault = String::new();
    for identity in identities {
        let user = identity.user(Number::Instance(0));
        let mut command = quiet(user.map_or(&*path, |_| Path::new("setpriv")));
        if let Some(user) = user {
            command.args(&become_user(user)[1..]).arg(&path);
        }
        command.args([
            "--unshare-user",
            "--unshare-pid",
            "--unshare-net",
            "--unshare-ipc",
            "--unshare-uts",
            "--disable-userns",
        ]);
        command.args([
            "--cap-drop",
            "ALL",
            "--ro-bind",
            "/",
            "/",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--size",
            "65536",
            "--tmpfs",
            "/tmp",
        ]);
        match command.args(["--", "/bin/true"]).output() {
            Ok(answer) if answer.status.success() => return Ok((path, identity)),
            Ok(answer) => {
                fault = format!("bubblewrap does not work here: {}", String::from_utf8_lossy(&answer.stderr).trim())
            }
            Err(error) => fault = format!("bubblewrap cannot be started: {error}"),
        }
    }
    Err(fault)
}

fn quiet(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}
