//! What this host offers: bubblewrap, interpreters, the folders they live in.
//!
//! Asks once, at the start; knows nothing of functions.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The programs that the sandbox needs, as absolute paths.
#[derive(Debug, Clone)]
pub(super) struct Host {
    /// Present, and seen to work.
    pub(super) bubblewrap: Option<PathBuf>,
    /// Why bubblewrap is not used, when it is not.
    pub(super) bubblewrap_fault: Option<String>,
    pub(super) node: Option<PathBuf>,
    pub(super) python: Option<PathBuf>,
    /// Folders outside of `/usr` that interpreters need, read-only.
    pub(super) prefixes: Vec<PathBuf>,
    /// `PATH` inside.
    pub(super) path: String,
}

impl Host {
    /// Looks around. Nothing that is missing is an error here: it is when a function needs it.
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
        let (bubblewrap, bubblewrap_fault) = match try_bubblewrap() {
            Ok(path) => (Some(path), None),
            Err(fault) => (None, Some(fault)),
        };
        Host { bubblewrap, bubblewrap_fault, node, python, prefixes, path: path.join(":") }
    }
}

/// The first program of that name in `PATH`.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The interpreter itself, not a version manager's shim, and the folders of its library.
fn python() -> Option<(PathBuf, Vec<PathBuf>)> {
    let ask = "import os, sys; print(os.path.realpath(sys.executable)); print(sys.base_prefix); print(sys.base_exec_prefix)";
    let answer = quiet(find("python3")?).args(["-I", "-c", ask]).output().ok().filter(|answer| answer.status.success())?;
    let text = String::from_utf8(answer.stdout).ok()?;
    let mut lines = text.lines().map(PathBuf::from);
    let executable = lines.next().filter(|path| path.is_file())?;
    Some((executable, lines.collect()))
}

/// Present is not enough: namespaces may be forbidden by the kernel or by the container around us.
fn try_bubblewrap() -> Result<PathBuf, String> {
    let path = find("bwrap").ok_or("bubblewrap is not installed (Debian: apt-get install bubblewrap)")?;
    let isolation = ["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--cap-drop", "ALL"];
    let root = ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"];
    let answer = quiet(&path).args(isolation).args(root).args(["--", "/bin/true"]).output();
    match answer {
        Ok(answer) if answer.status.success() => Ok(path),
        Ok(answer) => Err(format!("bubblewrap does not work here: {}", String::from_utf8_lossy(&answer.stderr).trim())),
        Err(error) => Err(format!("bubblewrap cannot be started: {error}")),
    }
}

fn quiet(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}
