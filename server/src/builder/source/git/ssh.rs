//! Fetches over SSH: Git runs in the sandbox without network; SSH runs outside, with the key of the server's user,
//! which no sandbox sees. They are connected by pipes, whose contents are opaque bytes outside: only Git, inside the
//! sandbox, parses what a stranger's server sends.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use nix::sys::stat::Mode;
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::unix::pipe::{OpenOptions, Receiver, Sender};
use tokio::process::Command;

/// Connections that one step can make, one after the other: for the names of the files, and for the files.
const TURNS: [&str; 2] = ["1", "2"];

/// What Git inside starts in SSH's place. It says that it is there, so that nothing is lost before. It ends when SSH has
/// written all; Git closes what it writes long before that.
const SCRIPT: &str = "turn=${FETCH_TURN:-1}\n\
    exec 3>\"$FETCH_HOME/ssh-in-$turn\" 4<\"$FETCH_HOME/ssh-out-$turn\" 5<&0\n\
    echo >&3\n\
    cat <&5 >&3 3>&- 4<&- &\n\
    exec 3>&- 5<&-\n\
    cat <&4\n\
    kill $! 2>/dev/null\n\
    exit 0\n";

/// SSH's settings and variables, as far as it gets them from the server.
const OPTIONS: [&str; 7] = [
    // Keys are asked for nothing; a host that is seen for the first time is remembered, a changed one refused.
    "-oBatchMode=yes",
    "-oStrictHostKeyChecking=accept-new",
    "-oConnectTimeout=20",
    "-oForwardAgent=no",
    "-oClearAllForwardings=yes",
    "-oPermitLocalCommand=no",
    "-oSendEnv=GIT_PROTOCOL",
];
const ENV: [&str; 4] = ["PATH", "HOME", "SSH_AUTH_SOCK", "LD_LIBRARY_PATH"];

/// Lines of SSH's standard error that are kept, and their length.
const MAX_LINES: usize = 20;
const MAX_LINE_BYTES: u64 = 1024;

/// The pipes of one connection, open on this side.
pub(super) struct Pipes {
    from_git: Receiver,
    to_git: Sender,
}

/// Makes a file in place of whatever has its name.
fn anew<T>(home: &Path, name: &str, make: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let path = home.join(name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => make(&path),
    }
}

/// SSH's own messages, for the server's log.
#[derive(Clone, Default)]
pub(super) struct SshOutput(Arc<Mutex<Vec<String>>>);

impl SshOutput {
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

impl Pipes {
    /// Makes the pipes of all connections in the folder of the fetch, while nothing runs there that could put something else in
    /// their place. What an earlier step left under their names may be anything, and goes.
    pub(super) fn make(home: &Path) -> io::Result<Vec<Self>> {
        let mut script = anew(home, "ssh", |path| fs::OpenOptions::new().write(true).create_new(true).open(path))?;
        io::Write::write_all(&mut script, SCRIPT.as_bytes())?;
        let pipe = |name: &str| anew(home, name, |path| Ok(nix::unistd::mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)?));
        // Open for both, so that nobody waits for the other side.
        let mut options = OpenOptions::new();
        options.read_write(true);
        let pair = |turn| {
            let (input, output) = (format!("ssh-in-{turn}"), format!("ssh-out-{turn}"));
            pipe(&input)?;
            pipe(&output)?;
            let from_git = options.open_receiver(home.join(input))?;
            Ok(Self { from_git, to_git: options.open_sender(home.join(output))? })
        };
        TURNS.into_iter().map(pair).collect()
    }

    /// Waits for Git, starts SSH, and carries bytes both ways until SSH has ended. Dropping it ends SSH.
    pub(super) async fn carry(self, program: &Path, arguments: &[String], output: SshOutput) -> io::Result<()> {
        let Self { from_git: mut both, mut to_git } = self;
        both.read_u8().await?;
        // Now that Git has it open as well, its end is to be seen: it would not be, as long as this side could write. By
        // the descriptor, since the name may lead elsewhere by now.
        let path = format!("/proc/self/fd/{}", both.as_raw_fd());
        let flags = nix::fcntl::OFlag::O_NONBLOCK.bits();
        let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        let mut from_git = Receiver::from_file(file)?;
        drop(both);
        let mut command = Command::new(program);
        command.args(OPTIONS).args(arguments).env_clear();
        command.envs(ENV.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))).env("LC_ALL", "C");
        // What Git inside wants to speak; a server that does not know it speaks the older one.
        command.env("GIT_PROTOCOL", "version=2");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().expect("standard input is piped");
        let mut stdout = child.stdout.take().expect("standard output is piped");
        let mut stderr = BufReader::new(child.stderr.take().expect("standard error is piped"));
        let up = async move {
            let _ = tokio::io::copy(&mut from_git, &mut stdin).await;
            // Only a pipe that is gone is an end to the other side.
            drop(stdin);
            // Git has written all; the answer is still on its way.
            std::future::pending::<()>().await;
        };
        let down = async {
            let _ = tokio::io::copy(&mut stdout, &mut to_git).await;
        };
        let listen = async {
            let mut line = Vec::new();
            loop {
                line.clear();
                match (&mut stderr).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
                let mut lines = output.0.lock();
                if lines.len() < MAX_LINES {
                    lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
                }
            }
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(down, listen) } => {}
            () = up => {}
        }
        // Git reads the end when this side of the pipe is closed.
        drop(to_git);
        child.wait().await.map(|_| ())
    }
}
