//! What no control group keeps from an instance: sockets that are counted for nobody, and the memory of others.

use std::time::Duration;

use server::executor::{Executor, JobCall, JobOutcome, Spec, Workbench};

use super::hostile::bases;
use super::{Fixture, Log, READY_WITHIN, call, get, texts};

/// Listens, connects to itself as `each` says for every connection, and accepts nothing.
fn never_accepts(each: &str) -> String {
    format!(
        "import socket, time\nlisteners = []\nfor _ in range(40):\n    listener = socket.socket()\n    listener.bind(('127.0.0.1', 0)); \
         listener.listen(4096)\n    listeners.append(listener)\nkept = []\nprint('connecting', flush=True)\nfor number in range(1000000):\n    \
         socket_ = socket.socket(); socket_.connect(listeners[number % 40].getsockname())\n    {each}"
    )
}

async fn ended_for(fixture: &Fixture, spec: Spec, words: &str) {
    let (lines, log) = Log::new();
    let JobOutcome { exit, .. } =
        fixture.sandbox.job(spec, JobCall { timeout: READY_WITHIN, ..call() }, lines).await.unwrap();
    let log = log.all().await;
    let why = exit.why.clone().unwrap_or_else(|| panic!("{exit:?} {log:?}"));
    assert!(why.contains(words) && !exit.timed_out, "{exit:?}");
    assert_eq!(texts(&log), ["connecting", &format!("The process was ended: {why}.")]);
}

#[tokio::test]
async fn connections_that_are_never_accepted_count_as_memory() {
    let fixture = Fixture::new();
    let mut spec = fixture.python(&never_accepts("socket_.close()"));
    spec.limits.memory_mb = 24;
    ended_for(&fixture, spec, "connections that it did not accept").await;
}

#[tokio::test]
async fn what_was_sent_to_them_counts_as_memory() {
    let fixture = Fixture::new();
    let send = "socket_.settimeout(0.01)\n    try: socket_.sendall(bytes(100000))\n    except OSError: pass\n    \
        socket_.close() if number < 8000 else time.sleep(1)";
    let mut spec = fixture.python(&never_accepts(send));
    spec.limits.memory_mb = 64;
    ended_for(&fixture, spec, "connections that it did not accept").await;
}

#[tokio::test]
async fn many_connections_that_are_accepted_are_nobodys_business() {
    let fixture = Fixture::new();
    let script = "import http.server, os, resource, socket, socketserver, threading\nresource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))\n\
        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer): request_queue_size = 4096\n\
        class Handler(http.server.BaseHTTPRequestHandler):\n  def do_GET(self): self.send_response(200); self.end_headers()\n\
        listener = socket.create_server(('127.0.0.1', 0), backlog=1024)\nkept = []\n\
        for _ in range(1000):\n  one = socket.create_connection(listener.getsockname()); one.sendall(b'x' * 1000)\n  kept += [one, listener.accept()[0]]\n\
        Server(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever()";
    let mut spec = fixture.python(script);
    spec.limits.memory_mb = 64;
    let (lines, _log) = Log::new();
    let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
    // Longer than between two looks.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!((get(&instance, "/").await.status, instance.exited()), (200, None));
}

#[tokio::test]
async fn when_all_memory_is_used_up_somebody_of_who_uses_most_of_it_goes() {
    let fixture = Fixture::new();
    let limit = bases(&fixture).into_iter().find_map(|base| {
        ["memory.max", "memory.limit_in_bytes"].map(|file| base.join(file)).into_iter().find(|file| file.exists())
    });
    let Some(limit) = limit else { return };
    std::fs::write(&limit, (400_u64 << 20).to_string()).unwrap();
    let held = |namespace: &str, name: &str, script: String| {
        let mut spec = fixture.python(&script);
        (spec.namespace, spec.function, spec.limits.memory_mb) = (namespace.into(), name.into(), 300);
        spec
    };
    // The largest process of all is that of somebody who uses less than others do together.
    let quiet = held(
        "quiet",
        "quiet",
        "import time\nheld = bytearray(b'1') * (140 << 20)\nprint('held', flush=True)\ntime.sleep(60)".into(),
    );
    let (lines, mut received) = tokio::sync::mpsc::channel(16);
    let quiet_call = JobCall { timeout: Duration::from_secs(8), ..call() };
    let quiet = fixture.sandbox.job(quiet, quiet_call, lines);
    let loud = async {
        assert_eq!(received.recv().await.unwrap().text, "held");
        // 60 MiB each, and one of them goes on in `/tmp`, which is no process's.
        let more = |size: u32| {
            format!(
                "import time\nheld = bytearray(b'1') * (60 << 20)\nfile = open('/tmp/full', 'wb', buffering=0)\n\
            for _ in range({size}): file.write(bytes(1 << 20)); time.sleep(0.02)\ntime.sleep(60)"
            )
        };
        let jobs = [("one", 0), ("two", 0), ("three", 150)].map(|(name, size)| {
            let (lines, log) = Log::new();
            let job = fixture.sandbox.job(
                held("loud", name, more(size)),
                JobCall { timeout: Duration::from_secs(5), ..call() },
                lines,
            );
            async move { (job.await.unwrap().exit, log.all().await) }
        });
        futures::future::join_all(jobs).await
    };
    let (quiet, loud) = tokio::join!(quiet, loud);
    let exits: Vec<_> = loud.iter().map(|(exit, _)| exit).collect();
    let (ended, log) = &loud[2];
    let why = ended.why.as_deref().unwrap_or_else(|| panic!("{exits:?} {log:?}"));
    assert!(why.contains("used up the memory") && why.contains("Namespace `loud` used most of it"), "{why}");
    assert!(texts(log).iter().any(|line| line.contains("The process was ended: functions and builds")), "{log:?}");
    let quiet = quiet.unwrap().exit;
    assert!(quiet.timed_out && quiet.why.is_none() && !quiet.out_of_memory, "{quiet:?}");
    assert!(exits[..2].iter().all(|exit| exit.timed_out && exit.why.is_none()), "{exits:?}");
}

#[tokio::test]
async fn what_is_written_to_the_disk_has_a_rate() {
    let fixture = Fixture::new();
    if fixture.sandbox.warnings().iter().any(|warning| warning.contains("Nothing limits how much")) {
        return eprintln!("skipped: nothing limits disks here");
    }
    let folder = fixture.code.path().join("task");
    std::fs::create_dir(&folder).unwrap();
    let fixture = Fixture { sandbox: fixture.sandbox.with_disk(4 << 20, 4 << 20), ..fixture };
    // Past the cache: version 1 counts nothing else at once.
    let write = "dd if=/dev/zero of=large bs=1M count=12 oflag=direct 2> /dev/null && dd if=large of=/dev/null bs=1M iflag=direct";
    let task = server::executor::Task {
        name: "write".into(),
        function: uuid::Uuid::nil(),
        command: ["sh", "-c", write].map(str::to_owned).into(),
        folder,
        caches: Default::default(),
        readable: Default::default(),
        programs: Vec::new(),
        opened: Default::default(),
        env: Default::default(),
        limits: fixture.shell("").limits,
        timeout: READY_WITHIN,
    };
    let (lines, log) = Log::new();
    let began = std::time::Instant::now();
    let exit = fixture.sandbox.task(task, lines).await.unwrap();
    let took = began.elapsed();
    assert_eq!(exit.code, Some(0), "{:?}", log.all().await);
    assert!(took > Duration::from_secs(4), "12 MiB written and read in {took:?}");
}

#[tokio::test]
async fn what_waits_in_sockets_of_udp_counts_as_memory() {
    let fixture = Fixture::new();
    let script = "import resource, socket, time\nresource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))\nkept = []\nout = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        for _ in range(2000):\n  one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n  one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)\n  \
        one.bind(('127.0.0.1', 0)); kept.append(one)\n  for _ in range(20): out.sendto(bytes(30000), one.getsockname())\n\
        print('held', sum(int(row.split()[4].split(':')[1], 16) for row in open('/proc/net/udp').readlines()[1:]) >> 20)\ntime.sleep(3)";
    let mut spec = fixture.python(script);
    spec.limits.memory_mb = 32;
    let (lines, log) = Log::new();
    let exit = fixture.sandbox.job(spec, call(), lines).await.unwrap().exit;
    let log = log.all().await;
    // Newer kernels count it by themselves, on version 1 as what waits in TCP: then no more is taken, or it is the memory that is full.
    let held = texts(&log).iter().find_map(|line| line.strip_prefix("held ")?.parse::<u64>().ok());
    let ended =
        exit.why.as_ref().is_some_and(|why| why.contains("in sockets that it did not read")) || exit.out_of_memory;
    assert!(ended || held.is_some_and(|mebibytes| mebibytes <= 33), "{exit:?} {log:?}");
}
