//! Functions that mean harm, or are merely broken: what the sandbox holds, and what it reports.

use std::time::{Duration, Instant};

use bytes::Bytes;
use server::executor::{Error, Executor, JobCall, JobOutcome, Line, MAX_LINE_BYTES, Runtime, Spec, Workbench};
use tokio::sync::mpsc;

use super::{Fixture, Log, READY_WITHIN, call, files_of, get, texts, until};

async fn run(fixture: &Fixture, spec: Spec, timeout: Duration) -> (JobOutcome, Vec<Line>) {
    let (lines, log) = Log::new();
    let outcome = fixture.sandbox.job(spec, JobCall { timeout, ..call() }, lines).await.unwrap();
    (outcome, log.all().await)
}

/// What a script prints.
async fn output(fixture: &Fixture, script: &str) -> String {
    let (_, log) = run(fixture, fixture.shell(script), READY_WITHIN).await;
    texts(&log).join("\n")
}

/// The control groups around all of a server's.
pub fn bases(fixture: &Fixture) -> Vec<std::path::PathBuf> {
    let records = std::fs::read_dir(fixture.data.path().join("run")).unwrap().flatten();
    let bases = records.flat_map(|record| {
        let text = std::fs::read_to_string(record.path().join("cgroups")).unwrap();
        text.lines().map(std::path::PathBuf::from).collect::<Vec<_>>()
    });
    bases.collect()
}

/// The control groups that something was started in: the others, which only wait, have no limit yet.
fn groups(fixture: &Fixture) -> Vec<std::path::PathBuf> {
    let inside = bases(fixture).into_iter().flat_map(|base| std::fs::read_dir(base).unwrap().flatten());
    inside
        .map(|entry| entry.path())
        .filter(|path| std::fs::read_to_string(path.join("pids.max")).is_ok_and(|max| max.trim() != "max"))
        .collect()
}

#[tokio::test]
async fn all_functions_together_leave_something_to_the_host_and_are_ended_first() {
    let fixture = Fixture::new();
    assert_eq!(output(&fixture, "cat /proc/self/oom_score_adj").await.lines().last(), Some("1000"));
    let limit_in = |files: &[&str]| {
        let read =
            |base: &std::path::Path, file: &&str| std::fs::read_to_string(base.join(file)).ok()?.trim().parse().ok();
        let found = bases(&fixture).iter().find_map(|base| files.iter().find_map(|file| read(base, file)));
        found.unwrap_or(u64::MAX)
    };
    let (memory, pids) = (limit_in(&["memory.max", "memory.limit_in_bytes"]), limit_in(&["pids.max"]));
    assert!(memory < server::executor::capacity::memory().unwrap(), "{memory}");
    assert!(pids < server::executor::capacity::pids().unwrap(), "{pids}");
}

#[tokio::test]
async fn the_hosts_files_are_not_there() {
    let fixture = Fixture::new();
    let other = fixture.spec(Runtime::PythonFlask, &[("secret.txt", "another function's")]);
    let data = fixture.data.path().display();
    let script = format!(
        "for path in /home /var /srv /root/.bashrc /root/.ssh /root/.cargo /sys /etc/shadow /etc/ssh /etc/hostname /etc/ssl/private /boot /opt /mnt \
         {data} {} /tmp/*; do [ -e $path ] && echo there: $path; done; ls /; ls /etc; ls /run",
        files_of(&other).display()
    );
    let output = output(&fixture, &script).await;
    assert!(!output.contains("there:"), "{output}");
    assert!(output.contains("app") && output.contains("passwd"), "the script must have looked: {output}");
}

#[tokio::test]
async fn no_other_process_can_be_seen_nor_its_environment() {
    let fixture = Fixture::new();
    let script =
        "for process in /proc/[0-9]*; do echo process: $(tr '\\0' ' ' < $process/cmdline); cat $process/environ; done";
    let output = output(&fixture, script).await;
    let processes: Vec<_> = output.lines().filter(|line| line.contains("process: ")).collect();
    assert!((2..=5).contains(&processes.len()), "only the sandbox's own: {output}");
    assert!(!output.contains("CARGO"), "{output}");
    assert!(!output.contains(&fixture.data.path().display().to_string()), "a path of the host's: {output}");
}

#[tokio::test]
async fn values_of_variables_are_in_no_process_list() {
    let fixture = Fixture::new();
    let mut spec = fixture.node("exports.handler = async () => process.env.API_KEY;");
    let secret = uuid::Uuid::new_v4().to_string();
    spec.env.insert("API_KEY".into(), secret.clone());
    let (lines, _log) = Log::new();
    let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
    assert_eq!(get(&instance, "/").await.json(), serde_json::json!(secret));
    assert_eq!(processes_with(&secret), Vec::<String>::new());
}

/// Command lines on this host that hold the text.
pub fn processes_with(text: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(text)).collect()
}

#[tokio::test]
async fn a_variable_that_loads_code_does_so_only_inside() {
    let fixture = Fixture::new();
    let mut spec = fixture.shell("echo inside");
    let trap = fixture.code.path().join("trap.so");
    std::fs::write(&trap, "not a library").unwrap();
    spec.env.insert("LD_PRELOAD".into(), trap.display().to_string());
    let (_, log) = run(&fixture, spec, READY_WITHIN).await;
    // The loader complains once for each program: were bubblewrap or the shell before it among them, the file would
    // be found, and the complaint would be about its content.
    assert!(texts(&log).contains(&"inside"), "{log:?}");
    assert!(
        !texts(&log).iter().any(|line| line.contains("invalid ELF header") || line.contains("file too short")),
        "{log:?}"
    );
}

#[tokio::test]
async fn it_has_no_capabilities_and_can_get_none() {
    let fixture = Fixture::new();
    let script = "grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs)' /proc/self/status; id -u; \
        unshare -U true 2>/dev/null && echo made a namespace; mount -t tmpfs none /tmp 2>/dev/null && echo mounted; \
        echo x 2>/dev/null > /proc/sys/kernel/core_pattern && echo wrote to the kernel; \
        echo 0 2>/dev/null > /proc/self/oom_score_adj && echo ends last; cat /proc/locks 2>/dev/null | wc -c; ls /proc/self/fd";
    let output = output(&fixture, script).await;
    assert!(output.contains("CapEff:\t0000000000000000"), "{output}");
    assert!(output.contains("CapPrm:\t0000000000000000"), "{output}");
    assert!(output.contains("NoNewPrivs:\t1"), "{output}");
    assert!(output.contains("\n1000\n"), "{output}");
    for done in ["made a namespace", "mounted", "wrote to the kernel", "ends last"] {
        assert!(!output.contains(done), "{output}");
    }
    // No lock of the host is shown, and reading them holds up nobody. Then input, both outputs, and the folder that `ls` itself
    // has opened.
    assert!(output.ends_with("0\n0\n1\n2\n3"), "{output}");
}

#[tokio::test]
async fn it_can_write_only_to_its_own_places() {
    let fixture = Fixture::new();
    let spec = fixture.spec(
        Runtime::Command(vec!["/bin/sh".into(), "main.sh".into()]),
        &[("main.sh", "for folder in / /app /usr /etc /run /eventflow /eventflow/node /tmp /run/eventflow /dev/shm; do touch $folder/x 2>/dev/null && echo wrote $folder; done")],
    );
    let artifact = files_of(&spec).to_owned();
    let (_, log) = run(&fixture, spec, READY_WITHIN).await;
    assert_eq!(texts(&log), ["wrote /tmp", "wrote /run/eventflow", "wrote /dev/shm"]);
    assert!(!artifact.join("x").exists());
}

#[tokio::test]
async fn the_network_is_not_there_unless_it_was_asked_for() {
    let fixture = Fixture::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!(
        "import socket\nfor where in [('127.0.0.1', {port}), ('169.254.169.254', 80), ('1.1.1.1', 53)]:\n    try:\n        \
         socket.create_connection(where, 2)\n        print('reached', where[0])\n    except OSError as error:\n        print('refused', where[0])"
    );
    let (_, log) = run(&fixture, fixture.python(&script), READY_WITHIN).await;
    assert_eq!(texts(&log), ["refused 127.0.0.1", "refused 169.254.169.254", "refused 1.1.1.1"]);
}

#[tokio::test]
async fn forks_without_end_are_held_and_leave_nothing() {
    let fixture = Fixture::new();
    let mark = format!("bomb{}", uuid::Uuid::new_v4().simple());
    let spec = fixture.spec(
        Runtime::Command(vec!["python3".into(), "-c".into(), format!("import os, time; {mark} = 1\nwhile True:\n    try: os.fork()\n    except OSError: print('held', flush=True); time.sleep(0.2)")]),
        &[],
    );
    let (lines, mut received) = mpsc::channel(16);
    let sandbox = &fixture.sandbox;
    let job = sandbox.job(spec, JobCall { timeout: Duration::from_secs(2), ..call() }, lines);
    let held = async {
        let mut held = false;
        while let Some(line) = received.recv().await {
            held |= line.text.contains("held");
            // 64 of its own, and those of the sandbox's.
            assert!(processes_with(&mark).len() <= 70);
        }
        held
    };
    let (outcome, held) = tokio::join!(job, held);
    assert!(held, "it must have met its limit");
    assert!(outcome.unwrap().exit.timed_out);
    until("all forks are gone", || processes_with(&mark).is_empty()).await;
    until("its control groups are gone", || groups(&fixture).is_empty()).await;
}

/// The weights of the control groups that hold a process of this name, whichever version they are of. 100 is usual.
fn weights(fixture: &Fixture, process: &str) -> Vec<f64> {
    let records = std::fs::read_dir(fixture.data.path().join("run")).unwrap().flatten();
    let bases = records.flat_map(|record| {
        let text = std::fs::read_to_string(record.path().join("cgroups")).unwrap();
        text.lines().map(std::path::PathBuf::from).collect::<Vec<_>>()
    });
    let groups = bases.flat_map(|base| std::fs::read_dir(base).unwrap().flatten()).map(|entry| entry.path());
    let holds = |group: &std::path::Path| {
        let members = std::fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        let line = |pid: &str| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        members.lines().any(|pid| String::from_utf8_lossy(&line(pid)).contains(process))
    };
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).ok()?.trim().parse::<f64>().ok();
    let weight = |group: std::path::PathBuf| {
        read(group.join("cpu.weight")).or_else(|| Some(read(group.join("cpu.shares"))? * 100.0 / 1024.0))
    };
    groups.filter(|group| holds(group)).filter_map(weight).collect()
}

#[tokio::test]
async fn who_never_stops_gives_way_to_who_answers() {
    let fixture = Fixture::new();
    if fixture.sandbox.warnings().iter().any(|warning| warning.contains("No control group for cpu")) {
        return;
    }
    let service = |mark: &str, also: &str| {
        let code = format!(
            "import http.server, os, threading, sys; mark = '{mark}'\n{also}\n\
             class H(http.server.BaseHTTPRequestHandler):\n  def do_GET(self): self.send_response(200); self.end_headers()\n\
             http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), H).serve_forever()"
        );
        fixture.python(&code)
    };
    let (busy, quiet) = (uuid::Uuid::new_v4().to_string(), uuid::Uuid::new_v4().to_string());
    let (lines, _log) = Log::new();
    let spin = "if os.fork() == 0:\n  while True: pass";
    let _busy = fixture.sandbox.service(service(&busy, spin), lines.clone(), READY_WITHIN).await.unwrap();
    let quiet_one = fixture.sandbox.service(service(&quiet, ""), lines, READY_WITHIN).await.unwrap();
    until("the busy one weighs little, and the quiet one much", || {
        let (busy, quiet) = (weights(&fixture, &busy), weights(&fixture, &quiet));
        !busy.is_empty() && !quiet.is_empty() && busy.iter().all(|busy| quiet.iter().all(|quiet| busy * 3.0 < *quiet))
    })
    .await;
    assert_eq!(get(&quiet_one, "/").await.status, 200);
}

#[tokio::test]
async fn eaten_memory_ends_it_and_is_reported() {
    let fixture = Fixture::new();
    let mut spec = fixture.python("all = []\nwhile True: all.append(bytearray(1024 * 1024))");
    spec.limits.memory_mb = 64;
    let (outcome, _) = run(&fixture, spec, READY_WITHIN).await;
    assert!(outcome.exit.out_of_memory, "{:?}", outcome.exit);
    assert!(!outcome.exit.timed_out);
    assert_ne!(outcome.exit.code, Some(0));
}

#[tokio::test]
async fn a_service_that_eats_memory_is_reported_too() {
    let fixture = Fixture::new();
    let spec = fixture
        .node("exports.handler = async () => { const all = []; for (;;) all.push(Buffer.alloc(1024 * 1024, 1)); };");
    let (lines, _log) = Log::new();
    let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
    let request = hyper::Request::get("/").header("host", "x").body(http_body_util::Full::<Bytes>::default()).unwrap();
    assert!(super::ask(&instance, request).await.is_err());
    let exit = tokio::time::timeout(READY_WITHIN, instance.wait()).await.unwrap();
    assert!(exit.out_of_memory, "{exit:?}");
}

#[tokio::test]
async fn a_full_heap_of_node_counts_as_out_of_memory() {
    let fixture = Fixture::new();
    let code = "exports.handler = async () => { const all = []; for (;;) all.push(new Array(1000).fill({})); };";
    let mut spec = fixture.node(code);
    spec.limits.memory_mb = 128;
    let (outcome, _) = run(&fixture, spec, READY_WITHIN).await;
    assert!(outcome.exit.out_of_memory, "{:?} {:?}", outcome.exit, outcome.stderr_tail);
}

#[tokio::test]
async fn tmp_is_no_way_around_the_memory_limit() {
    let fixture = Fixture::new();
    let mut spec = fixture.shell("head -c 200M /dev/zero > /tmp/full; echo went on");
    spec.limits.memory_mb = 64;
    let before = Instant::now();
    let (outcome, log) = run(&fixture, spec, READY_WITHIN).await;
    assert!(before.elapsed() < READY_WITHIN);
    let refused = texts(&log).iter().any(|line| line.contains("No space left") || line.contains("Killed"))
        || outcome.exit.out_of_memory;
    assert!(refused, "{:?} {log:?}", outcome.exit);
}

/// Whether the kernel limits what an instance writes to its own folder.
fn is_limited(fixture: &Fixture) -> bool {
    !fixture.sandbox.warnings().iter().any(|warning| warning.contains("/run/eventflow"))
}

#[tokio::test]
async fn an_own_folder_is_full_at_its_size() {
    let fixture = Fixture::new();
    let script = "import os, time\nwritten = 0\nwith open('/run/eventflow/large', 'wb', buffering=0) as file:\n    while True:\n        \
        try: written += file.write(bytes(1 << 20))\n        except OSError as error: print(written >> 20, error.errno, flush=True); break\n        \
        if written > 4 << 30: print('no limit'); break\ntime.sleep(3)";
    let mut spec = fixture.python(script);
    spec.limits.memory_mb = 128;
    let (outcome, log) = run(&fixture, spec, READY_WITHIN).await;
    let words = texts(&log).join(" ");
    match is_limited(&fixture) {
        // No space left, or the memory that it counts as is full before.
        true => assert!(words.ends_with(" 28") || outcome.exit.out_of_memory, "{words} {:?}", outcome.exit),
        false => assert!(words.contains("held more than 16 MiB"), "{words} {:?}", outcome.exit),
    }
}

#[tokio::test]
async fn nested_folders_are_removed_with_their_instance() {
    let fixture = Fixture::new();
    let script = "import os\nfor folder, depth in [('/run/eventflow', 900), ('/tmp', 20000), ('/dev/shm', 20000)]:\n    os.chdir(folder)\n    \
        for _ in range(depth): os.mkdir('d'); os.chdir('d')\nprint('nested')";
    let (_, log) = run(&fixture, fixture.python(script), READY_WITHIN).await;
    let nested = texts(&log).contains(&"nested");
    // Where it is watched only, it may have been ended.
    assert!(nested || !is_limited(&fixture), "{log:?}");
    until("its folder is gone", || {
        let servers = std::fs::read_dir(fixture.data.path().join("run")).unwrap().flatten();
        servers
            .flat_map(|server| std::fs::read_dir(server.path()).unwrap().flatten())
            .all(|entry| !entry.path().is_dir())
    })
    .await;
}

#[tokio::test]
async fn a_folder_that_is_nested_too_deep_is_not_handed_on() {
    let fixture = Fixture::new();
    let folder = fixture.code.path().join("task");
    std::fs::create_dir(&folder).unwrap();
    let task = |script: &str| server::executor::Task {
        name: "nest".into(),
        function: uuid::Uuid::nil(),
        command: ["python3".into(), "-c".into(), script.to_owned()].into(),
        folder: folder.clone(),
        caches: Default::default(),
        readable: Default::default(),
        programs: Vec::new(),
        opened: Default::default(),
        env: Default::default(),
        limits: fixture.shell("").limits,
        timeout: READY_WITHIN,
    };
    let nest = "import os\nfor _ in range(300): os.mkdir('d'); os.chdir('d')";
    let (lines, _log) = Log::new();
    assert_eq!(fixture.sandbox.task(task(nest), lines).await.unwrap().code, Some(0));
    let (lines, _log) = Log::new();
    let second = fixture.sandbox.task(task("print(1)"), lines).await;
    match nix::unistd::geteuid().is_root() {
        true => {
            let error = second.unwrap_err();
            assert!(matches!(&error, Error::Refused(text) if text.contains("nested more than 100 deep")), "{error}");
        }
        // Nothing is handed over between one user's processes.
        false => assert_eq!(second.unwrap().code, Some(0)),
    }
    server::tree::remove(&folder).unwrap();
}

/// The kernel counts some things for a user alone: what one build uses up of them must not be what another one needs.
#[tokio::test]
async fn builds_of_two_functions_are_two_users_and_those_of_one_are_one() {
    use std::os::unix::fs::MetadataExt;
    let fixture = Fixture::new();
    let owner = async |name: &str, function: u128| {
        let folder = fixture.code.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let task = server::executor::Task {
            name: name.into(),
            function: uuid::Uuid::from_u128(function),
            command: ["sh", "-c", "echo made > made"].map(str::to_owned).into(),
            folder: folder.clone(),
            caches: Default::default(),
            readable: Default::default(),
            programs: Vec::new(),
            opened: Vec::new(),
            env: Default::default(),
            limits: server::executor::Limits {
                memory_mb: 64,
                cpu: 1.0,
                pids: 16,
                network: server::executor::Network::None,
            },
            timeout: Duration::from_secs(60),
        };
        let (lines, log) = Log::new();
        let exit = fixture.sandbox.task(task, lines).await.unwrap();
        assert_eq!(exit.code, Some(0), "{:?}", log.all().await);
        std::fs::metadata(folder.join("made")).unwrap().uid()
    };
    let (one, other, again) = (owner("one", 1).await, owner("other", 2).await, owner("again", 1).await);
    assert_eq!(one, again);
    // A server that is not root has one user for all, and so have containers that map few.
    assert!(one != other || one == nix::unistd::geteuid().as_raw() || one == 65_534, "{one}");
}

/// Version 1 of the control groups counts what waits in sockets of TCP by itself.
#[tokio::test]
async fn what_waits_in_sockets_counts() {
    let fixture = Fixture::new();
    let running = output(&fixture, "sleep 2");
    let seen = async {
        let deadline = std::time::Instant::now() + READY_WITHIN;
        loop {
            let files = bases(&fixture).into_iter().flat_map(|base| std::fs::read_dir(base).unwrap().flatten());
            let read = |path: std::path::PathBuf| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
            let pairs: Vec<_> = files
                .filter_map(|group| {
                    let memory = read(group.path().join("memory.limit_in_bytes"))?;
                    Some((memory, read(group.path().join("memory.kmem.tcp.limit_in_bytes"))?))
                })
                .collect();
            // Version 2 has no such file.
            if pairs.is_empty() || pairs.iter().any(|(memory, tcp)| *memory < 1 << 40 && memory == tcp) {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "{pairs:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::join!(running, seen);
}

#[tokio::test]
async fn devices_are_no_place_to_write_to_and_crashes_leave_no_cores() {
    let fixture = Fixture::new();
    let script = "touch /dev/x 2>/dev/null && echo wrote; echo x > /dev/null && echo null; ulimit -c; ulimit -n; umask";
    let output = output(&fixture, script).await;
    let lines: Vec<_> = output.lines().collect();
    assert_eq!((lines[0], lines[1], lines[3]), ("null", "0", "0022"), "{output}");
    assert!(lines[2].parse::<u64>().unwrap() <= 16_384, "{output}");
}

#[tokio::test]
async fn a_line_of_a_megabyte_is_cut_and_the_next_one_is_whole() {
    let fixture = Fixture::new();
    let (_, log) =
        run(&fixture, fixture.shell("head -c 1M /dev/zero | tr '\\0' x; echo; echo next"), READY_WITHIN).await;
    assert_eq!(log.len(), 2);
    assert!(log[0].text.len() <= MAX_LINE_BYTES && log[0].text.contains("line cut"));
    assert_eq!(log[1].text, "next");
}

#[tokio::test]
async fn output_that_nobody_takes_holds_up_the_process_and_not_its_end() {
    let fixture = Fixture::new();
    let (lines, mut received) = mpsc::channel(4);
    let spec = fixture.shell("yes 'a line of this and that'");
    let before = Instant::now();
    let outcome =
        fixture.sandbox.job(spec, JobCall { timeout: Duration::from_secs(1), ..call() }, lines).await.unwrap();
    assert!(outcome.exit.timed_out);
    assert!(before.elapsed() < Duration::from_secs(20), "{:?}", before.elapsed());
    let mut count = 0;
    while received.recv().await.is_some() {
        count += 1;
    }
    assert!(count <= 5, "{count} lines were kept for nobody");
}

#[tokio::test]
async fn a_log_that_was_closed_does_not_hold_up_the_process() {
    let fixture = Fixture::new();
    let (lines, received) = mpsc::channel(1);
    drop(received);
    let outcome = fixture.sandbox.job(fixture.shell("seq 100000; echo end >&2"), call(), lines).await.unwrap();
    assert_eq!((outcome.exit.code, outcome.stderr_tail), (Some(0), vec!["end".to_owned()]));
}

#[tokio::test]
async fn a_result_that_is_a_link_or_a_pipe_is_not_followed() {
    let fixture = Fixture::new();
    let secret = fixture.data.path().join("secret");
    std::fs::write(&secret, "the server's").unwrap();
    let scripts = [
        format!("ln -s {} $EVENTFLOW_RESULT", secret.display()),
        "mkfifo $EVENTFLOW_RESULT".into(),
        "mkdir $EVENTFLOW_RESULT".into(),
    ];
    for script in scripts {
        let (outcome, _) = run(&fixture, fixture.shell(&script), READY_WITHIN).await;
        assert_eq!((outcome.exit.code, outcome.result), (Some(0), None), "{script}");
    }
}

#[tokio::test]
async fn a_socket_that_is_a_link_to_one_of_the_hosts_is_not_talked_to() {
    let fixture = Fixture::new();
    let host_socket = fixture.code.path().join("host.sock");
    let listener = tokio::net::UnixListener::bind(&host_socket).unwrap();
    let (lines, _log) = Log::new();
    let spec = fixture.spec(
        Runtime::Node { handler: "index.handler".into() },
        &[("index.js", &format!("require('fs').symlinkSync('{}', process.env.EVENTFLOW_SOCKET); setTimeout(() => {{}}, 1e6); exports.handler = 1;
            process.exit = () => {{}};", host_socket.display()))],
    );
    let error = fixture.sandbox.service(spec, lines, Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, Error::Unhealthy { .. }), "{error}");
    let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err(), "the server connected to a socket of the host's");
}

#[tokio::test]
async fn a_variable_with_an_impossible_name_is_refused() {
    let fixture = Fixture::new();
    let mut spec = fixture.shell("true");
    spec.env.insert("A=B".into(), "x".into());
    let (lines, _log) = Log::new();
    let error = fixture.sandbox.job(spec, call(), lines).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
}
