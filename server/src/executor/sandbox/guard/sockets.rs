//! What the sockets of a sandbox hold of the kernel's memory that is counted for no control group.
//!
//! A connection is counted from when it is accepted. Before, it and what was sent over it are nobody's: a process that listens
//! and never accepts holds as much as it likes. And version 1 of the control groups counts nothing of UDP.
//!
//! Reads the tables in `/proc/PID/net`; knows nothing of what is done about them.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// What a connection that waits to be accepted takes in any case: the socket, and its place in the queue.
const WAITING_BYTES: u64 = 2560;

/// What the kernel may take for each byte that is sent by itself.
const BYTES_FOR_ONE: u64 = 1280;

/// What a connection's buffer grows to, where it cannot be found out.
const USUAL_BUFFER: u64 = 6 << 20;

const PAGE: u64 = 4096;

/// What sockets hold.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// Connections that were not accepted.
    pub(super) connections: u64,
    /// Bytes of memory, no less than these.
    pub(super) at_least: u64,
    /// Bytes of memory, should all have come in the smallest pieces.
    pub(super) at_most: u64,
}

/// What all sockets of the host hold.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Host {
    tcp: u64,
    udp: u64,
    /// The kernel is soon to break connections off, be they whose they are.
    pub(super) is_short: bool,
    /// Bytes that a connection may have in its buffer.
    buffer: u64,
}

impl Host {
    pub(super) fn look() -> Self {
        let stat = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
        let limits = fs::read_to_string("/proc/sys/net/ipv4/tcp_mem").unwrap_or_default();
        let buffers = fs::read_to_string("/proc/sys/net/ipv4/tcp_rmem").unwrap_or_default();
        let options = fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap_or_default();
        let grown: Option<u64> = buffers.split_whitespace().last().and_then(|bytes| bytes.parse().ok());
        // One that a program sets counts twice.
        let set: Option<u64> = options.trim().parse().ok().map(|bytes: u64| bytes * 2);
        Self::of(&stat, &limits, grown.max(set).unwrap_or(USUAL_BUFFER))
    }

    fn of(stat: &str, limits: &str, buffer: u64) -> Self {
        let (tcp, udp) = (number_in(stat, "TCP:", "mem") * PAGE, number_in(stat, "UDP:", "mem") * PAGE);
        // The first of the three is where the kernel begins to look; it takes to breaking off at the third.
        let begins = limits.split_whitespace().next().and_then(|pages| pages.parse::<u64>().ok());
        Self { tcp, udp, is_short: begins.is_some_and(|pages| tcp > pages * PAGE / 2), buffer }
    }

    /// Whether the sockets in these tables may hold more than `most`: to count them takes milliseconds.
    pub(super) fn is_worth_a_look(&self, tables: &Path, most: u64) -> bool {
        let stat = fs::read_to_string(tables.join("sockstat")).unwrap_or_default();
        let used = number_in(&stat, "sockets:", "used");
        used > 1 && (self.is_short || used * WAITING_BYTES + self.tcp.max(self.udp) > most)
    }

    /// What the sockets in these tables hold; counted no further than `most`.
    pub(super) fn held(&self, tables: &Path, most: u64) -> Held {
        let mut held = Held::default();
        for table in ["tcp", "tcp6"] {
            // A host may be without IPv6.
            let _ = each_row(&tables.join(table), |row| {
                if row.waits() {
                    held.connections += 1;
                    held.at_least += WAITING_BYTES + row.unread;
                    held.at_most += WAITING_BYTES + (row.unread * BYTES_FOR_ONE).min(self.buffer);
                }
                held.at_least <= most
            });
        }
        for table in ["udp", "udp6"] {
            // Here the kernel reports the memory itself.
            let _ = each_row(&tables.join(table), |row| {
                (held.at_least, held.at_most) = (held.at_least + row.unread, held.at_most + row.unread);
                held.at_least <= most
            });
        }
        held
    }
}

/// The number after a name, in the line that begins so.
fn number_in(stat: &str, line: &str, name: &str) -> u64 {
    let mut words = stat.lines().find_map(|text| text.strip_prefix(line)).unwrap_or_default().split_whitespace();
    words.find(|word| *word == name);
    words.next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

struct Row<'a> {
    state: &'a str,
    unread: u64,
    inode: &'a str,
}

impl<'a> Row<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace().skip(3);
        let (state, queues, inode) = (words.next()?, words.next()?, words.nth(4)?);
        let unread = u64::from_str_radix(queues.split_once(':')?.1, 16).ok()?;
        Some(Self { state, unread, inode })
    }

    /// An open connection (established, or closed by the other side) that no descriptor stands for.
    fn waits(&self) -> bool {
        self.inode == "0" && matches!(self.state, "01" | "08")
    }
}

/// Calls `next` with the rows of a table, as long as it says so.
fn each_row(table: &Path, mut next: impl FnMut(Row<'_>) -> bool) -> io::Result<()> {
    let (mut rows, mut line) = (BufReader::new(File::open(table)?), String::new());
    while rows.read_line(&mut line)? > 0 {
        // The first line is a head.
        if Row::parse(&line).is_some_and(|row| !next(row)) {
            break;
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const STAT: &str = "sockets: used 7\nTCP: inuse 5 orphan 1 tw 2 alloc 9 mem 100\nUDP: inuse 1 mem 3\n";
    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn row(state: &str, unread: u64, inode: u64) -> String {
        format!(
            "   0: 0100007F:C6D7 0100007F:9B00 {state} 00000000:{unread:08X} 00:00000000 00000000     0        0 {inode} 1 0\n"
        )
    }

    #[test]
    fn what_was_not_accepted_is_counted_and_what_was_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let rows = [
            row("0A", 3, 5),
            row("01", 300, 0),
            row("08", 0, 0),
            row("01", 9000, 77),
            row("06", 0, 0),
            row("05", 0, 0),
        ];
        fs::write(folder.path().join("tcp"), format!("{HEAD}{}", rows.concat())).unwrap();
        fs::write(folder.path().join("udp6"), format!("{HEAD}{}", row("07", 4096, 5))).unwrap();
        let host = Host::of(STAT, "1000 2000 3000\n", 100_000);
        let held = host.held(folder.path(), u64::MAX);
        let waiting = 2 * WAITING_BYTES + 4096;
        assert_eq!(held, Held { connections: 2, at_least: waiting + 300, at_most: waiting + 100_000 });
        assert_eq!(host.held(folder.path(), 1000).connections, 1, "no further than it has to");
    }

    #[test]
    fn few_sockets_on_a_host_with_room_are_not_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("sockstat"), STAT).unwrap();
        let host = |limits: &str| Host::of(STAT, limits, 1);
        assert!(!host("1000 2000 3000").is_worth_a_look(folder.path(), 1 << 20));
        assert!(host("150 300 450").is_worth_a_look(folder.path(), 1 << 20), "the host's are half used up");
        assert!(host("1000 2000 3000").is_worth_a_look(folder.path(), 100 * PAGE), "they may all be its own");
        assert!(!host("1 2 3").is_worth_a_look(&folder.path().join("gone"), 0));
    }
}
