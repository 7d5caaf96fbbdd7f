//! Restricts the forwarding process itself, which handles a stranger's bytes as the server's user, outside the sandbox.

use std::io;

use landlock::{
    ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, make_bitflags, path_beneath_rules,
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::forward;

/// Files that name resolution reads: the settings of the C library and its modules.
const READABLE: [&str; 7] =
    ["/etc", "/usr", "/lib", "/lib64", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager"];

/// Descriptors other than those of connections.
const OTHER_DESCRIPTORS: u64 = 64;

/// Restricts this thread, and those that it starts, to what forwarding needs: no capabilities, no standard streams
/// except
/// the one for errors, and, if the kernel has Landlock, only the system's files, for reading.
pub(super) fn confine() -> io::Result<()> {
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = 2 * forward::MAX_CONNECTIONS as u64 + OTHER_DESCRIPTORS;
    setrlimit(Resource::RLIMIT_NOFILE, wanted.min(most), most)?;
    nix::sys::prctl::set_no_new_privs()?;
    for set in [caps::CapSet::Ambient, caps::CapSet::Effective, caps::CapSet::Inheritable, caps::CapSet::Permitted] {
        // If the kernel refuses, there is nothing to give up.
        let _ = caps::clear(None, set);
    }
    close_files().map(|_| ()).map_err(io::Error::other)
}

/// As far as this kernel supports it: older ones control fewer kinds of access, or have no Landlock at all.
fn close_files() -> Result<RulesetStatus, landlock::RulesetError> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let rules = Ruleset::default().handle_access(AccessFs::from_all(ABI::V5))?.create()?;
    Ok(rules.add_rules(path_beneath_rules(READABLE, read))?.restrict_self()?.ruleset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_files_are_closed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "secret").unwrap();
        // Restricts only this thread.
        let tried = std::thread::spawn(move || {
            let status = close_files().unwrap();
            (
                status,
                std::fs::read(&file).is_err(),
                std::fs::write("/etc/x", "").is_err(),
                std::fs::read("/etc/passwd").is_ok(),
            )
        });
        match tried.join().unwrap() {
            (RulesetStatus::NotEnforced, ..) => println!("skipped: this kernel has no Landlock"),
            (_, closed, read_only, readable) => assert!(closed && read_only && readable),
        }
    }
}
