//! The few lines of shell that replace a waiting shell with a program.
//!
//! Everything inserted is quoted: whatever a path or an argument contains, it stays one word.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Variables that some shells refuse to set, or change.
const SHELLS_OWN: [&str; 16] = [
    "_",
    "COMP_WORDBREAKS",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "LINENO",
    "OPTIND",
    "PPID",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "UID",
];

/// The resource limits of a process that a shell can set.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShellLimits {
    /// The largest file, in bytes.
    pub(super) file_bytes: u64,
    /// The most open descriptors.
    pub(super) open_files: u64,
}

/// The unit in which shells limit the size of a file, in bytes.
const ULIMIT_BLOCK: u64 = 512;

/// A script for a POSIX shell.
#[derive(Debug, Default)]
pub(super) struct Script(Vec<u8>);

impl Script {
    /// Opens a file for reading as this descriptor, 3 to 9.
    pub(super) fn open(&mut self, descriptor: u8, path: &Path) {
        self.0.extend_from_slice(format!("exec {descriptor}< ").as_bytes());
        self.word(path.as_os_str());
        self.0.push(b'\n');
    }

    /// Sets a variable, if a shell can have one of that name. The started program finds it in its environment, and no
    /// process
    /// list shows it, unlike the arguments of `env`.
    pub(super) fn export(&mut self, name: &str, value: &str) -> bool {
        let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && !SHELLS_OWN.contains(&name)
            && !name.starts_with("BASH");
        if fits {
            self.0.extend_from_slice(format!("export {name}=").as_bytes());
            self.word(OsStr::new(value));
            self.0.push(b'\n');
        }
        fits
    }

    /// Sets permanent limits: no core dumps, a file's size and the number of descriptors, or less if the server itself
    /// has
    /// less. A program may raise its initial 1,024 descriptors up to that number.
    pub(super) fn limit(&mut self, limits: ShellLimits) {
        use nix::sys::resource::{Resource, getrlimit};
        let own = |resource, wanted: u64| getrlimit(resource).map_or(wanted, |(_, hard)| wanted.min(hard));
        let open_files = own(Resource::RLIMIT_NOFILE, limits.open_files);
        let file_blocks = own(Resource::RLIMIT_FSIZE, limits.file_bytes) / ULIMIT_BLOCK;
        // A shell cannot set the limit that the server has itself, see `app::leave_no_core_dumps`.
        let core = if own(Resource::RLIMIT_CORE, u64::MAX) == 1 { "" } else { "ulimit -c 0\n" };
        let text = format!("umask 022\n{core}ulimit -H -n {open_files}\nulimit -f {file_blocks}\n");
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Makes a folder the working directory.
    pub(super) fn change_to(&mut self, folder: &Path) {
        self.0.extend_from_slice(b"cd ");
        self.word(folder.as_os_str());
        self.0.extend_from_slice(b" || exit 125\n");
    }

    /// Ends the script with the program; the shell's standard input becomes the program's, or nothing does.
    pub(super) fn become_program(mut self, command: &[OsString], no_input: bool) -> Vec<u8> {
        self.0.extend_from_slice(b"exec");
        for word in command {
            self.0.push(b' ');
            self.word(word);
        }
        if no_input {
            self.0.extend_from_slice(b" < /dev/null");
        }
        self.0.push(b'\n');
        self.0
    }

    /// Within single quotes only the single quote itself has a meaning.
    fn word(&mut self, word: &OsStr) {
        self.0.push(b'\'');
        for byte in word.as_bytes() {
            match byte {
                b'\'' => self.0.extend_from_slice(br"'\''"),
                byte => self.0.push(*byte),
            }
        }
        self.0.push(b'\'');
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_word_holds_arrives_as_it_is() {
        let words = ["a b", "", "'", "$(id) `id` \\ \"", "new\nline", "ä", "-x", "*"];
        let mut command: Vec<OsString> = vec!["printf".into(), "%s|".into()];
        command.extend(words.iter().map(OsString::from));
        let script = Script::default().become_program(&command, true);
        let mut shell = std::process::Command::new("/bin/sh");
        let output = shell.arg("-c").arg(OsStr::from_bytes(&script)).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed, words.map(|word| format!("{word}|")).concat());
    }

    #[test]
    fn whatever_a_variable_holds_arrives_as_it_is() {
        let mut script = Script::default();
        for (name, value) in [("A", "it's $(id)\n`id`"), ("_b2", ""), ("IFS", "x")] {
            assert!(script.export(name, value));
        }
        for name in ["", "a-b", "1a", "a b", "a;id", "UID", "OPTIND", "BASHOPTS"] {
            assert!(!script.export(name, "x"), "{name}");
        }
        let script = script.become_program(&["env".into(), "-u".into(), "PWD".into()], true);
        let mut shell = std::process::Command::new("/bin/sh");
        let output = shell.env_clear().arg("-c").arg(OsStr::from_bytes(&script)).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains("A=it's $(id)\n`id`\n") && printed.contains("_b2=\n"), "{printed}");
    }
}
