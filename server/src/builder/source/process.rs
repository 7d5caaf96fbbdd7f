//! Runs a tool of the host's to its end: bounded in time and output, and ended with all its children when it is dropped.
//!
//! Knows processes; knows nothing of Git.

use std::io;
use std::process::Stdio;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::Command;
use tokio::time::{Instant, timeout_at};

use crate::clock;
use crate::executor::{Line, Lines, MAX_LINE_BYTES, Stream};

/// How a tool ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Whether it says that it did what it should.
    pub(super) success: bool,
    /// What it wrote to standard output.
    pub(super) stdout: Vec<u8>,
    /// There was more than the limit.
    pub(super) stdout_cut: bool,
    /// The last lines that it wrote to standard error, oldest first.
    pub(super) stderr: Vec<String>,
}

/// Lines of standard error that are kept.
const TAIL_LINES: usize = 20;

/// Ends the process group of a tool when its future is dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

/// Runs the command until `deadline`; `None` when its time was over. Standard error goes to `lines`, where given.
pub(super) async fn run(
    mut command: Command,
    deadline: Instant,
    max_stdout: u64,
    lines: Option<Lines>,
) -> io::Result<Option<Ended>> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).process_group(0);
    let mut child = command.spawn()?;
    let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw));
    let stdout = child.stdout.take().expect("standard output is piped");
    let stderr = child.stderr.take().expect("standard error is piped");
    let work = async {
        let (stdout, stderr) = tokio::join!(read_all(stdout, max_stdout), read_lines(stderr, lines));
        let status = child.wait().await?;
        let (stdout, stdout_cut) = stdout?;
        Ok::<_, io::Error>(Ended { success: status.success(), stdout, stdout_cut, stderr })
    };
    match timeout_at(deadline, work).await {
        Ok(ended) => {
            // Its leader is reaped: the number may belong to someone else from now on.
            group.0 = None;
            ended.map(Some)
        }
        Err(_) => Ok(None),
    }
}

/// All of it up to the limit; the rest is read and thrown away, so that the tool can end.
async fn read_all(source: impl AsyncRead + Unpin, limit: u64) -> io::Result<(Vec<u8>, bool)> {
    let mut kept = Vec::new();
    let mut source = source.take(limit);
    source.read_to_end(&mut kept).await?;
    let more = tokio::io::copy(&mut source.into_inner(), &mut tokio::io::sink()).await?;
    Ok((kept, more > 0))
}

async fn read_lines(source: impl AsyncRead + Unpin, lines: Option<Lines>) -> Vec<String> {
    let mut source = BufReader::new(source);
    let mut tail = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut source).take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return tail,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        // A progress line is written over itself, again and again: what it says at last is enough.
        let text = text.trim_end().rsplit('\r').next().unwrap_or_default().trim_end();
        if text.is_empty() {
            continue;
        }
        if tail.len() == TAIL_LINES {
            tail.remove(0);
        }
        tail.push(text.to_owned());
        if let Some(lines) = &lines {
            let _ =
                lines.send(Line { at: clock::now(), stream: Stream::Stderr, run: None, text: text.to_owned() }).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    fn alive(pid: i32) -> bool {
        // A zombie that nobody has reaped yet is dead enough.
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[tokio::test]
    async fn output_is_cut_and_the_tool_still_ends() {
        let deadline = Instant::now() + Duration::from_secs(20);
        let ended =
            run(shell("head -c 300000 /dev/zero; echo one >&2; printf 'a\\rb\\rtwo' >&2"), deadline, 10, None).await;
        let ended = ended.unwrap().unwrap();
        assert!(ended.success && ended.stdout_cut);
        assert_eq!(ended.stdout.len(), 10);
        assert_eq!(ended.stderr, ["one", "two"]);
    }

    #[tokio::test]
    async fn a_tool_that_hangs_is_ended_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!(
            "sleep 1000 & echo $! > {}.new; mv {}.new {}; wait",
            file.display(),
            file.display(),
            file.display()
        );
        let until = Instant::now() + Duration::from_secs(20);
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let work = tokio::spawn(async move {
            tokio::select! {
                ended = run(shell(&script), until, 10, None) => panic!("it ended: {ended:?}"),
                _ = receiver => {}
            }
        });
        while !file.exists() {
            assert!(Instant::now() < until);
            tokio::task::yield_now().await;
        }
        let child: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        assert!(alive(child));
        sender.send(()).unwrap();
        work.await.unwrap();
        while alive(child) {
            assert!(Instant::now() < until, "the child lives on");
            tokio::task::yield_now().await;
        }
    }
}
