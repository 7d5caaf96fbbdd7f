//! Finds processes below another one, in `/proc`.

use std::path::Path;

use nix::unistd::Pid;

/// Follows the first children for some generations. Each bubblewrap is the parent of the first process in its namespace,
/// and that one is the parent of the next bubblewrap, or of the function's own process.
pub(super) fn descendant(outer: Pid, generations: usize) -> Option<Pid> {
    (0..generations).try_fold(outer, |parent, _| first_child(parent))
}

/// Whether a process is the first one of a namespace of processes.
pub(super) fn is_first(pid: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    numbers.split_whitespace().skip(1).last() == Some("1")
}

/// The oldest child of a process.
fn first_child(parent: Pid) -> Option<Pid> {
    let file = format!("/proc/{parent}/task/{parent}/children");
    match std::fs::read_to_string(&file) {
        Ok(children) => children.split_whitespace().next()?.parse().ok().map(Pid::from_raw),
        // The kernel has no CONFIG_PROC_CHILDREN; or the parent is gone, and the search finds nothing.
        Err(_) => search_child(parent),
    }
}

fn search_child(parent: Pid) -> Option<Pid> {
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| parent_of(Path::new("/proc").join(pid.to_string()).as_path()) == Some(parent.as_raw()))
        .min()
        .map(Pid::from_raw)
}

/// The fourth field of `stat`; the second one, the name in brackets, may itself hold brackets and spaces.
fn parent_of(process: &Path) -> Option<i32> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_found_with_and_without_the_kernels_list() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = child.id().cast_signed();
        let found = search_child(Pid::from_raw(std::process::id().cast_signed()));
        assert!(found.is_some());
        assert_eq!(parent_of(Path::new(&format!("/proc/{pid}"))), Some(std::process::id().cast_signed()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
