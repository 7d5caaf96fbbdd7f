//! The arguments of bubblewrap: what a process sees of the host.
//!
//! Knows mounts and namespaces, but neither runtimes nor control groups. Anything not named here does not exist for the
//! process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::host::Host;

/// Path of the artifact, or of a task's folder, inside.
pub(super) const APP: &str = "/app";
/// Path of the instance's own folder inside: its socket, its result.
pub(super) const OWN: &str = "/run/eventflow";
/// Path of the wrappers inside.
pub(super) const WRAPPERS: &str = "/eventflow";
/// Path of the bridge inside.
pub(super) const BRIDGE: &str = "/eventflow/bridge";

/// Folders of the root that are links into `/usr` on a merged system, and real folders on others.
const ROOT_FOLDERS: [&str; 5] = ["bin", "sbin", "lib", "lib32", "lib64"];
/// Files of the host's `/etc` that programs need and that reveal nothing about the host's users.
const ETC: [&str; 6] = [
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
];
/// The same if the host's network is shared.
const ETC_NETWORK: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// The network of a sandbox.
#[derive(Clone, Copy)]
pub(super) enum Access<'a> {
    /// No network.
    Nothing,
    /// The namespace in which bubblewrap was started.
    Own {
        /// `/etc/resolv.conf`.
        resolver: &'a Path,
    },
    /// The host's network.
    Shared,
}

/// Where the outer layer collects what the inner one shows.
const STAGE: &str = "/stage";
/// Where it shows the host's `/proc` to the kernel. The inner layer shows nothing of it.
const HOST_PROC: &str = "/stage/proc";

/// The view of the host from one sandbox.
pub(super) struct View<'a> {
    pub(super) host: &'a Host,
    pub(super) wrappers: &'a Path,
    pub(super) app: &'a Path,
    pub(super) app_writable: bool,
    pub(super) own: &'a Path,
    pub(super) bridge: Option<&'a Path>,
    /// Inside path and host folder, writable.
    pub(super) caches: &'a BTreeMap<String, PathBuf>,
    /// Inside path and file or folder of the host's, read-only.
    pub(super) readable: &'a BTreeMap<String, PathBuf>,
    pub(super) env: &'a BTreeMap<String, String>,
    pub(super) network: Access<'a>,
    /// The descriptors of the seccomp filters, in the order in which they are installed.
    pub(super) filters: &'a [u8],
    /// The host's folder for `/tmp`, on a file system with limits; without it, the sandbox mounts a file system.
    pub(super) tmp: Option<PathBuf>,
    /// Likewise for `/dev/shm`.
    pub(super) shm: Option<PathBuf>,
    /// The size of `/tmp` in bytes, if the sandbox mounts it.
    pub(super) tmp_bytes: u64,
    /// The size of `/dev/shm` in bytes, if the sandbox mounts it.
    pub(super) shared_bytes: u64,
}

/// Arguments in the format of `bwrap --args`: each terminated by a zero byte. They are passed in files, so that the
/// values of variables, which may be secret, do not appear in process lists.
pub(super) struct Arguments {
    /// For the bubblewrap around the function.
    pub(super) inner: Vec<u8>,
    /// For the one around that, if the server is root.
    pub(super) outer: Option<Vec<u8>>,
}

impl View<'_> {
    /// The arguments of both layers; of the inner one alone when the server is not root.
    ///
    /// Root in a user namespace of root's is still root to the kernel: it may write to `/proc/sys`. So a server that is root
    /// gives each sandbox a user id of its own. That user could not reach folders below `/root`, which is why
    /// an outer bubblewrap, still root, first puts everything that the inner one shows onto a stage.
    pub(super) fn arguments(&self) -> Arguments {
        let mut stage = Stage { list: self.host.identity.changes().then(List::default), count: 0 };
        let mut list = List::default();
        list.add(["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]);
        if matches!(self.network, Access::Nothing) {
            list.add(["--unshare-net"]);
        }
        list.add(["--disable-userns", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", "--hostname", "function"]);
        list.add(["--die-with-parent", "--new-session", "--clearenv"]);
        self.root(&mut list, &mut stage);
        self.etc(&mut list, &mut stage);
        list.add(["--proc", "/proc", "--dev", "/dev"]);
        if !self.host.identity.changes() {
            // Redundant for a user who may not write there anyway, but needed where root could not be avoided.
            list.add(["--ro-bind", "/proc/sys", "/proc/sys"]);
        }
        // Reading the list of locks delays every lock of the host, including the database's. And a process that could
        // write to
        // its own `/proc` folder could ask the kernel not to end it first when memory runs out.
        list.add(["--ro-bind", "/dev/null", "/proc/locks", "--remount-ro", "/proc"]);
        for (folder, bytes, inside) in [(&self.tmp, self.tmp_bytes, "/tmp"), (&self.shm, self.shared_bytes, "/dev/shm")]
        {
            match folder {
                Some(folder) => list.bind("--bind", &stage.put("--bind", folder), inside),
                None => list.add(["--size", &bytes.to_string(), "--tmpfs", inside]),
            }
        }
        // Terminals are few on a host, and the kernel counts those of all sandboxes together, so there are none inside.
        list.add(["--size", "4096", "--tmpfs", "/dev/pts", "--remount-ro", "/dev/pts"]);
        // What bubblewrap mounts at `/dev` has no size limit of its own.
        list.add(["--remount-ro", "/dev"]);
        for runtime in ["node", "python", "python-flask", "adapters", "preload"] {
            list.bind(
                "--ro-bind",
                &stage.put("--ro-bind", &self.wrappers.join(runtime)),
                &format!("{WRAPPERS}/{runtime}"),
            );
        }
        if let Some(bridge) = self.bridge {
            list.bind("--ro-bind", &stage.put("--ro-bind", bridge), BRIDGE);
        }
        let how = if self.app_writable { "--bind" } else { "--ro-bind" };
        list.bind(how, &stage.put(how, self.app), APP);
        list.bind("--bind", &stage.put("--bind", self.own), OWN);
        for (inside, folder) in self.caches {
            list.bind("--bind", &stage.put("--bind", folder), inside);
        }
        for (inside, source) in self.readable {
            list.bind("--ro-bind", &stage.put("--ro-bind", source), inside);
        }
        for (name, value) in self.env {
            list.add(["--setenv", name, value]);
        }
        for descriptor in self.filters {
            list.add(["--add-seccomp-fd", &descriptor.to_string()]);
        }
        // Neither the root nor the folders created on the way to a mount may be writable.
        list.add(["--remount-ro", "/", "--chdir", APP]);
        Arguments { inner: list.0, outer: stage.list.map(outer) }
    }

    fn root(&self, list: &mut List, stage: &mut Stage) {
        root(list);
        for prefix in &self.host.prefixes {
            list.bind("--ro-bind", &stage.put("--ro-bind", prefix), &prefix.to_string_lossy());
        }
    }

    fn etc(&self, list: &mut List, stage: &mut Stage) {
        // The host's file would reveal names in the host's network.
        let own_hosts = self.wrappers.join("etc/hosts");
        let (from_host, hosts, resolver) = match self.network {
            Access::Nothing => (ETC.to_vec(), Some(own_hosts.as_path()), None),
            Access::Own { resolver } => (ETC.to_vec(), Some(own_hosts.as_path()), Some(resolver)),
            Access::Shared => ([&ETC[..], &ETC_NETWORK[..]].concat(), None, None),
        };
        for path in from_host.into_iter().filter(|path| Path::new(path).exists()) {
            list.bind("--ro-bind", &stage.put("--ro-bind", Path::new(path)), path);
        }
        let own = ["passwd", "group", "nsswitch.conf"].map(|name| (name, self.wrappers.join("etc").join(name)));
        let names = [("hosts", hosts), ("resolv.conf", resolver)];
        let names = names.into_iter().filter_map(|(name, path)| Some((name, path?.to_owned())));
        for (name, path) in own.into_iter().chain(names) {
            list.bind("--ro-bind", &stage.put("--ro-bind", &path), &format!("/etc/{name}"));
        }
    }
}

/// `/usr`, and the links into it on a merged system.
fn root(list: &mut List) {
    list.add(["--ro-bind", "/usr", "/usr"]);
    for name in ROOT_FOLDERS {
        let path = Path::new("/").join(name);
        match std::fs::read_link(&path) {
            Ok(target) => list.bind("--symlink", &target, &format!("/{name}")),
            Err(_) if path.is_dir() => list.bind("--ro-bind", &path, &format!("/{name}")),
            Err(_) => {}
        }
    }
}

/// The outer layer: the system's programs, and the stage. It may only change its user.
fn outer(stage: List) -> Vec<u8> {
    let mut list = List::default();
    // Its own process namespace, because its end takes the inner layer with it: a signal on the parent's death would need
    // the right to kill another user's process, and bubblewrap gives that up.
    list.add(["--unshare-pid", "--die-with-parent"]);
    list.add(["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]);
    root(&mut list);
    // `/tmp` is where bubblewrap builds a new root. `/proc` is that of its own process namespace: the inner bubblewrap looks up its
    // child there, and the host's has another process of that number, or none.
    list.add(["--proc", "/proc", "--dev-bind", "/dev", "/dev", "--dir", "/tmp", "--dir", STAGE]);
    // The host's is there whole as well: the kernel lets the inner layer mount its own only where some `/proc` of which nothing
    // is hidden can be seen.
    list.bind("--bind", Path::new("/proc"), HOST_PROC);
    list.0.extend(stage.0);
    list.0
}

/// Collects what the outer layer has to mount; without one, paths stay as they are.
struct Stage {
    list: Option<List>,
    count: usize,
}

impl Stage {
    /// The path at which the inner layer finds `source`.
    fn put(&mut self, how: &str, source: &Path) -> PathBuf {
        let Some(list) = &mut self.list else {
            return source.to_owned();
        };
        let place = format!("{STAGE}/{}", self.count);
        self.count += 1;
        list.bind(how, source, &place);
        place.into()
    }
}

#[derive(Default)]
struct List(Vec<u8>);

impl List {
    fn add<const N: usize>(&mut self, arguments: [&str; N]) {
        for argument in arguments {
            self.push(argument.into());
        }
    }

    fn bind(&mut self, how: &str, source: &Path, inside: &str) {
        self.push(how.into());
        self.push(source.into());
        self.push(inside.into());
    }

    fn push(&mut self, argument: OsString) {
        self.0.extend(argument.into_vec());
        self.0.push(0);
    }
}
