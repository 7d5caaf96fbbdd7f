//! Databases that fail.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::function;
use futures::StreamExt;

use super::given::{a_call, line};
use super::home::{DEADLINE, Home, soon, until};
use crate::store::batch::Chore;
use crate::store::{Append, Error, LinesOf, OLDEST_READER, agreement, open, open_read_only};

fn some_function() -> function::Id {
    function::id("default", "hello", 1)
}

fn a_big_call() -> Append {
    let mut append = a_call(some_function());
    append.events[0].data.extend(std::iter::repeat_n(b' ', 200_000));
    append
}

async fn sqlite_takes_appends_again(home: Home, fail: &'static str, heal: &'static str, reason: &str) {
    let log = home.log().await;
    log.append(a_call(some_function())).await.unwrap();
    log.chore(Chore::Statement(fail)).await.unwrap();
    let mut refused = Vec::new();
    for _ in 0..20 {
        let append = a_big_call();
        if let Err(error) = log.append(append.clone()).await {
            let Error::Unavailable(why) = &error else { panic!("{error}") };
            assert!(why.contains(reason), "{why}");
            refused.push(append);
        }
    }
    assert!(!refused.is_empty());
    assert!(log.append_lines(vec![line(some_function(), &"x".repeat(200_000))]).await.is_err());
    assert!(log.stats().fault().is_some());
    // There is room for something small, and yet no event would be taken.
    for _ in 0..3 {
        let not_ready = log.ready().await.unwrap_err();
        assert!(not_ready.to_string().contains(reason), "{not_ready}");
    }
    // Reading goes on.
    let accepted = log.head().await.unwrap();
    assert_eq!(log.log(0, 100).await.unwrap().len() as u64, accepted);
    log.chore(Chore::Statement(heal)).await.unwrap();
    log.ready().await.unwrap();
    for append in refused {
        log.append(append).await.unwrap();
    }
    log.append_lines(vec![line(some_function(), "again")]).await.unwrap();
    let report = log.verify().await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
    assert_eq!((report.events, log.head().await.unwrap()), (21, 21));
    drop(log);
    assert_eq!(home.open().await.verify().await.unwrap().faults, Vec::<String>::new());
}

pub async fn a_full_disk_refuses_appends_until_there_is_room(home: Home) {
    // A page limit stands for the disk: SQLite answers with the same error.
    let (fail, heal) = ("PRAGMA max_page_count = 300", "PRAGMA max_page_count = 1000000");
    sqlite_takes_appends_again(home, fail, heal, "disk is full").await;
}

pub async fn a_read_only_database_refuses_appends_until_it_is_writable(home: Home) {
    let (fail, heal) = ("PRAGMA query_only = 1", "PRAGMA query_only = 0");
    sqlite_takes_appends_again(home, fail, heal, "readonly").await;
}

pub async fn a_second_server_on_one_folder_is_refused(home: Home) {
    let store = home.open().await;
    let refused = open(None, home.folder()).await.err().expect("a second server is refused");
    assert!(refused.to_string().contains("another server uses the data folder"), "{refused}");
    store.append(a_call(some_function())).await.unwrap();
    // Looking is allowed.
    let beside = open_read_only(None, home.folder()).await.unwrap();
    assert_eq!(beside.head().await.unwrap(), 1);
    assert_eq!(beside.verify().await.unwrap().faults, Vec::<String>::new());
    let refused = beside.append(a_call(some_function())).await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable(_)), "{refused}");
    drop(store);
    home.open().await.append(a_call(some_function())).await.unwrap();
}

pub async fn a_folder_that_cannot_be_made_is_named(home: Home) {
    let file = home.folder().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = open(None, &file.join("data")).await.err().expect("a file is no folder");
    assert!(refused.to_string().contains("file/data"), "{refused}");
    let refused = open_read_only(None, home.folder()).await.err().expect("there is no log");
    assert!(refused.to_string().contains("there is no event log"), "{refused}");
}

pub async fn what_is_written_last_is_there_after_the_end(home: Home) {
    let log = home.log().await;
    let appends: Vec<Append> = (0..100).map(|_| a_call(some_function())).collect();
    // Nobody waits for the answers.
    let asked = appends.into_iter().map(|append| {
        let log = log.clone();
        tokio::spawn(async move { log.append(append).await.unwrap().position })
    });
    let asked: Vec<_> = asked.collect();
    let mut last = 0;
    for position in asked {
        last = last.max(position.await.unwrap());
    }
    drop(log);
    assert_eq!(home.open().await.head().await.unwrap(), last);
}

pub async fn a_database_that_is_not_there_is_named(_: Home) {
    let folder = tempfile::tempdir().unwrap();
    let refused = open(Some("postgres://nobody@127.0.0.1:1/none"), folder.path()).await.err().unwrap();
    assert!(refused.to_string().contains("127.0.0.1:1"), "{refused}");
    let refused = open(Some("postgres://nobody:secret@127.0.0.1:1/none"), folder.path()).await.err().unwrap();
    assert!(!refused.to_string().contains("secret"), "{refused}");
    let refused = open(Some("mysql://x"), folder.path()).await.err().unwrap();
    assert!(refused.to_string().contains("DATABASE_URL"), "{refused}");
}

/// A server of the test's own, to be killed.
struct Server {
    folder: tempfile::TempDir,
    port: u16,
    bin: PathBuf,
    /// Run as this user, because PostgreSQL refuses root.
    user: Option<&'static str>,
}

impl Server {
    fn new() -> Self {
        let bin = ["/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/15/bin"];
        let bin = bin.into_iter().map(Path::new).find(|bin| bin.join("initdb").exists());
        let bin = bin.expect("PostgreSQL's programs are in /usr/lib/postgresql: run through make test").to_owned();
        let user = nix::unistd::geteuid().is_root().then_some("postgres");
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        if user.is_some() {
            let status = Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap();
            assert!(status.success());
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, port, bin, user };
        server.run("initdb", &["-D", &server.data(), "-A", "trust", "-U", "postgres", "--no-sync"]);
        server
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.bin.join(program);
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        let output = command.args(arguments).current_dir("/tmp").stdin(Stdio::null()).stdout(Stdio::null()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn start(&self) {
        let socket = self.folder.path().display();
        let options = format!("-p {} -k {socket} -c listen_addresses='' -c fsync=on -c max_connections=50", self.port);
        let log = self.folder.path().join("log").display().to_string();
        self.run("pg_ctl", &["-D", &self.data(), "-l", &log, "-w", "-o", &options, "start"]);
    }

    fn kill(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }

    fn url(&self) -> String {
        format!("postgres://postgres@localhost:{}/postgres?host={}", self.port, self.folder.path().display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if Path::new(&self.data()).join("postmaster.pid").exists() {
            self.kill();
        }
    }
}

pub async fn a_server_that_is_killed_while_appending_loses_nothing_and_doubles_nothing() {
    let server = Arc::new(tokio::task::spawn_blocking(Server::new).await.unwrap());
    let (start, kill) = (server.clone(), server.clone());
    tokio::task::spawn_blocking(move || start.start()).await.unwrap();
    let home = Home::at(server.url());
    let store = home.open().await;
    let mut feed = store.follow(0);
    let mut lines = store.follow_lines(LinesOf::Function(some_function()), 0);
    let end = Arc::new(AtomicBool::new(false));
    let writers = (0..8).map(|writer| {
        let (store, end) = (store.clone(), end.clone());
        tokio::spawn(async move {
            let mut written = Vec::new();
            let mut stored = Vec::new();
            while !end.load(Ordering::Relaxed) {
                let append = a_call(some_function());
                let text = format!("{writer}/{}", written.len());
                // An append whose outcome is unknown is repeated: it must become one.
                let since = tokio::time::Instant::now();
                loop {
                    match store.append(append.clone()).await {
                        Ok(appended) => break written.push((append.stream.clone(), appended.position)),
                        Err(Error::Unavailable(_)) => assert!(since.elapsed() < DEADLINE, "it does not come back"),
                        Err(error) => panic!("{error}"),
                    }
                }
                if store.append_lines(vec![line(some_function(), &text)]).await.is_ok() {
                    stored.push(text);
                }
            }
            (written, stored)
        })
    });
    let writers: Vec<_> = writers.collect();
    for round in 0..3 {
        let from = store.stats().position();
        until("appends go on", || async { store.stats().position() > from + 200 }).await;
        let (stop, start) = (kill.clone(), kill.clone());
        tokio::task::spawn_blocking(move || stop.kill()).await.unwrap();
        tokio::task::spawn_blocking(move || start.start()).await.unwrap();
        tracing::info!(round, "PostgreSQL was killed and started");
    }
    let from = store.stats().position();
    until("appends go on", || async { store.stats().position() > from + 200 }).await;
    end.store(true, Ordering::Relaxed);
    let (mut written, mut stored) = (Vec::new(), Vec::new());
    for writer in writers {
        let (appends, texts) = soon("a writer", writer).await.unwrap();
        written.extend(appends);
        stored.extend(texts);
    }
    until("reads go on, too", || async { store.ready().await.is_ok() }).await;
    let head = store.head().await.unwrap();
    assert_eq!(head, written.len() as u64, "as many records as appends");
    for (stream, position) in &written {
        let records = store.stream(stream, 0, 10).await.unwrap();
        assert_eq!(records.iter().map(|record| record.position).collect::<Vec<_>>(), [*position]);
    }
    let mut last = 0;
    while last < head {
        // A feed may report the trouble, and goes on.
        if let Ok(batch) = soon("the feed", feed.next()).await.unwrap() {
            for record in &*batch {
                assert_eq!(record.position, last + 1);
                last = record.position;
            }
        }
    }
    let line_head = store.line_head().await.unwrap();
    let mut seen = Vec::new();
    let mut last = 0;
    while last < line_head {
        if let Ok(batch) = soon("the lines", lines.next()).await.unwrap() {
            for line in batch {
                assert_eq!(line.position, last + 1);
                last = line.position;
                seen.push(line.line.text);
            }
        }
    }
    let distinct: std::collections::HashSet<_> = seen.iter().collect();
    assert!(stored.iter().all(|text| distinct.contains(text)), "a line that was stored is gone");
    assert_eq!(store.stats().gaps(), 0);
    assert_eq!(store.verify().await.unwrap().faults, Vec::<String>::new());
    drop((store, feed, lines));
}

pub async fn a_database_that_stays_away_is_told_and_readiness_with_it() {
    let server = Arc::new(tokio::task::spawn_blocking(Server::new).await.unwrap());
    let (start, kill) = (server.clone(), server.clone());
    tokio::task::spawn_blocking(move || start.start()).await.unwrap();
    let store = Home::at(server.url()).open().await;
    store.append(a_call(some_function())).await.unwrap();
    tokio::task::spawn_blocking(move || kill.kill()).await.unwrap();
    let append = a_call(some_function());
    let refused = soon("an answer", store.append(append.clone())).await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable(_)), "{refused}");
    assert!(store.ready().await.is_err());
    // Whoever asks for a lease is not left without an answer.
    let since = tokio::time::Instant::now();
    let refused = store.lease("relay", "one", DEADLINE).await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable(_)), "{refused}");
    assert!(since.elapsed() < std::time::Duration::from_secs(6), "it took {:?}", since.elapsed());
    let start = server.clone();
    tokio::task::spawn_blocking(move || start.start()).await.unwrap();
    until("it is ready again", || async { store.ready().await.is_ok() }).await;
    assert_eq!(store.append(append).await.unwrap().position, 2);
    until("leases are given again", || async { store.lease("relay", "one", DEADLINE).await.is_ok() }).await;
}

pub async fn a_database_of_newer_servers_is_refused_with_one_sentence_or_lived_with(home: Home) {
    let store = home.open().await;
    let call = a_call(some_function());
    store.append(call.clone()).await.unwrap();
    // A form that was added, and that this server need not know.
    let checksum = if home.is_postgres() { "'\\x00'::bytea" } else { "x'00'" };
    home.tamper(&format!(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (999999, 'of the future', TRUE, {checksum}, 0)"
    ))
    .await;
    assert!(agreement::leave_older_servers(&store, agreement::FORMAT).await.unwrap());
    drop(store);
    let store = home.open().await;
    assert_eq!(store.stream(&call.stream, 0, 10).await.unwrap().len(), 1);
    // What it must know.
    store.set_common(OLDEST_READER, &(agreement::FORMAT + 1).to_string()).await.unwrap();
    assert!(agreement::leave_older_servers(&store, agreement::FORMAT).await.unwrap());
    store.raise_common(OLDEST_READER, agreement::FORMAT).await.unwrap();
    let kept = store.common(OLDEST_READER).await.unwrap();
    assert_eq!(kept, Some((agreement::FORMAT + 1).to_string()), "it is never lowered");
    drop(store);
    for opened in [
        open::writing(home.url(), home.folder()).await.map(|_| ()),
        open_read_only(home.url(), home.folder()).await.map(|_| ()),
    ] {
        let Err(Error::Newer(why)) = opened else { panic!("{opened:?}") };
        assert!(why.contains("newer EventFlow") && why.contains("Install the newer program"), "{why}");
    }
}
