//! Bubblewrap's arguments: what a process sees of the host.
//!
//! Knows mounts and namespaces; knows neither runtimes nor control groups. Everything that is not
//! named here is not there for the process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::host::Host;

/// Where the artifact, or the folder of a task, is inside.
pub(super) const APP: &str = "/app";
/// Where the instance's own folder is inside: its socket, its result.
pub(super) const OWN: &str = "/run/eventflow";
/// Where the wrappers are inside.
pub(super) const WRAPPERS: &str = "/eventflow";
/// Where the bridge is inside.
pub(super) const BRIDGE: &str = "/eventflow/bridge";

/// Folders of the root that are links into `/usr` on a merged system, and real folders on others.
const ROOT_FOLDERS: [&str; 5] = ["bin", "sbin", "lib", "lib32", "lib64"];
/// Files of the host's `/etc` that programs need and that tell nothing about the host's users.
const ETC: [&str; 6] = [
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
];

/// What one sandbox shows.
pub(super) struct View<'a> {
    pub(super) host: &'a Host,
    pub(super) wrappers: &'a Path,
    pub(super) app: &'a Path,
    pub(super) app_writable: bool,
    pub(super) own: &'a Path,
    pub(super) bridge: Option<&'a Path>,
    /// Inside path and host folder, writable.
    pub(super) caches: &'a BTreeMap<String, PathBuf>,
    pub(super) env: &'a BTreeMap<String, String>,
    pub(super) network: bool,
    /// The size of `/tmp` in bytes. It counts as the process's memory, too.
    pub(super) tmp_bytes: u64,
}

impl View<'_> {
    /// The arguments as `bwrap --args` reads them: each ended by a zero byte. They go through a file, so that
    /// values of variables, which may be secret, are in no process list.
    pub(super) fn arguments(&self) -> Vec<u8> {
        let mut list = List::default();
        list.add(["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]);
        if !self.network {
            list.add(["--unshare-net"]);
        }
        list.add(["--disable-userns", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", "--hostname", "function"]);
        list.add(["--die-with-parent", "--new-session", "--clearenv"]);
        self.root(&mut list);
        self.etc(&mut list);
        list.add(["--proc", "/proc", "--dev", "/dev"]);
        list.add(["--size", &self.tmp_bytes.to_string(), "--tmpfs", "/tmp"]);
        list.bind("--ro-bind", &self.wrappers.join("node"), &format!("{WRAPPERS}/node"));
        list.bind("--ro-bind", &self.wrappers.join("python"), &format!("{WRAPPERS}/python"));
        list.bind("--ro-bind", &self.wrappers.join("python-flask"), &format!("{WRAPPERS}/python-flask"));
        if let Some(bridge) = self.bridge {
            list.bind("--ro-bind", bridge, BRIDGE);
        }
        list.bind(if self.app_writable { "--bind" } else { "--ro-bind" }, self.app, APP);
        list.bind("--bind", self.own, OWN);
        for (inside, folder) in self.caches {
            list.bind("--bind", folder, inside);
        }
        for (name, value) in self.env {
            list.add(["--setenv", name, value]);
        }
        // The root itself and the folders made on the way to a mount must not be a place to write to.
        list.add(["--remount-ro", "/", "--chdir", APP]);
        list.0
    }

    fn root(&self, list: &mut List) {
        list.add(["--ro-bind", "/usr", "/usr"]);
        for name in ROOT_FOLDERS {
            let path = Path::new("/").join(name);
            match std::fs::read_link(&path) {
                Ok(target) => list.bind("--symlink", &target, &format!("/{name}")),
                Err(_) if path.is_dir() => list.bind("--ro-bind", &path, &format!("/{name}")),
                Err(_) => {}
            }
        }
        for prefix in &self.host.prefixes {
            list.bind("--ro-bind", prefix, &prefix.to_string_lossy());
        }
    }

    fn etc(&self, list: &mut List) {
        for path in ETC {
            list.add(["--ro-bind-try", path, path]);
        }
        for name in ["passwd", "group", "nsswitch.conf"] {
            list.bind("--ro-bind", &self.wrappers.join("etc").join(name), &format!("/etc/{name}"));
        }
        if self.network {
            list.add(["--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"]);
            list.add(["--ro-bind-try", "/etc/hosts", "/etc/hosts"]);
        } else {
            list.bind("--ro-bind", &self.wrappers.join("etc/hosts"), "/etc/hosts");
        }
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
