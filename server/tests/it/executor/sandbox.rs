//! The sandbox's own household: what it leaves behind, also when the server is killed.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use server::executor::{Executor, Workbench};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::hostile::processes_with;
use super::{Fixture, Log, READY_WITHIN, call, files_of, get, sandbox_in, until};

const DATA: &str = "EVENTFLOW_TEST_SANDBOX_DATA";
const MARK: &str = "EVENTFLOW_TEST_SANDBOX_MARK";

#[tokio::test]
async fn a_killed_server_leaves_no_process_and_the_next_one_clears_its_groups() {
    let data = tempfile::tempdir().unwrap();
    let mark = format!("mark{}", uuid::Uuid::new_v4().simple());
    let mut server = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "executor::sandbox::a_server_to_be_killed", "--ignored", "--nocapture"])
        .env(DATA, data.path())
        .env(MARK, &mark)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    while lines.next_line().await.unwrap().expect("the server starts its service") != "serving" {}
    assert!(!processes_with(&mark).is_empty());
    let groups: Vec<_> = groups_of(data.path());
    assert!(groups.iter().all(|group| Path::new(group).exists()));

    server.kill().await.unwrap();

    until("its processes are gone", || processes_with(&mark).is_empty()).await;
    let next = sandbox_in(data.path());
    assert!(groups.iter().all(|group| !Path::new(group).exists()), "{groups:?}");
    assert_eq!(std::fs::read_dir(data.path().join("run")).unwrap().count(), 1, "only the new server's own");
    drop(next);
    assert_eq!(std::fs::read_dir(data.path().join("run")).unwrap().count(), 0);
}

fn groups_of(data: &Path) -> Vec<String> {
    let record = std::fs::read_dir(data.join("run")).unwrap().next().unwrap().unwrap();
    std::fs::read_to_string(record.path().join("cgroups")).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
#[ignore = "the other half of the test above, which kills it"]
async fn a_server_to_be_killed() {
    let (Some(data), Ok(mark)) = (std::env::var_os(DATA), std::env::var(MARK)) else {
        return;
    };
    let sandbox = sandbox_in(Path::new(&data));
    let code = tempfile::tempdir().unwrap();
    let artifact = code.path().to_owned();
    let script = format!(
        "{mark} = 1\nimport os, http.server\nif os.fork() == 0: os.setsid()\nhttp.server.HTTPServer(('127.0.0.1', int(os.environ['PORT']) + (os.getppid() == 0)), http.server.BaseHTTPRequestHandler).serve_forever()"
    );
    let script = script.replace(
        "if os.fork() == 0: os.setsid()\n",
        "import time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(1000)\n",
    );
    let runtime = server::executor::Runtime::Command(vec!["python3".into(), "-c".into(), script]);
    let (lines, _log) = Log::new();
    let mut spec = super::spec("killed".into(), artifact, runtime);
    // With all that can stand around a process.
    spec.limits.network = server::executor::Network::Open;
    let _instance = sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
    println!("\nserving");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_job_that_nobody_waits_for_is_ended() {
    let fixture = Fixture::new();
    let mark = format!("mark{}", uuid::Uuid::new_v4().simple());
    let (lines, mut received) = tokio::sync::mpsc::channel(4);
    {
        let job = fixture.sandbox.job(fixture.shell(&format!("echo {mark}; sleep 1000")), call(), lines);
        tokio::pin!(job);
        tokio::select! {
            outcome = &mut job => panic!("it ended by itself: {outcome:?}"),
            line = received.recv() => assert_eq!(line.unwrap().text, mark),
        }
    }
    until("the job is gone", || processes_with(&mark).is_empty()).await;
}

#[tokio::test]
async fn many_starts_at_once_leave_no_more_prepared_than_one() {
    let fixture = Fixture::new();
    let jobs = (0..12).map(|_| fixture.sandbox.job(fixture.shell("true"), call(), Log::new().0));
    for outcome in futures::future::join_all(jobs).await {
        assert_eq!(outcome.unwrap().exit.code, Some(0));
    }
    let record = std::fs::read_dir(fixture.data.path().join("run")).unwrap().flatten().next().unwrap().path();
    let bases = std::fs::read_to_string(record.join("cgroups")).unwrap();
    let groups = |base: &str| {
        let entries = std::fs::read_dir(base).unwrap().flatten();
        entries.filter(|entry| entry.path().is_dir()).count()
    };
    // Long enough for all that were to be prepared because of the starts.
    let mut seen = 0;
    until("there are two again, and stay two", || {
        seen = if bases.lines().all(|base| groups(base) == 2) { seen + 1 } else { 0 };
        seen > 100
    })
    .await;
}

#[tokio::test]
async fn when_the_sandbox_goes_everything_goes() {
    let fixture = Fixture::new();
    let spec = fixture.node("exports.handler = async () => 'here';");
    let mark = spec.instance.clone();
    let (lines, log) = Log::new();
    let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
    let Fixture { sandbox, data, code: _code } = fixture;
    drop(sandbox);
    // An instance that is still held keeps what it needs.
    assert_eq!(get(&instance, "/").await.json(), "here", "{mark}");
    drop(instance);
    log.all().await;
    until("the folders are gone", || std::fs::read_dir(data.path().join("run")).unwrap().count() == 0).await;
}

#[tokio::test]
async fn a_data_folder_with_a_long_path_works() {
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("a-folder-with-a-long-name".repeat(4)).join("and-another-one".repeat(4));
    let sandbox = sandbox_in(&long);
    let fixture = Fixture::new();
    let (lines, _log) = Log::new();
    let instance =
        sandbox.service(fixture.node("exports.handler = async () => 1;"), lines, READY_WITHIN).await.unwrap();
    assert_eq!(get(&instance, "/").await.json(), 1);
}

#[tokio::test]
async fn an_artifact_that_only_its_owner_may_read_runs() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    let spec = fixture.node("exports.handler = async () => require('./lib/one.js');");
    std::fs::create_dir(files_of(&spec).join("lib")).unwrap();
    std::fs::write(files_of(&spec).join("lib/one.js"), "module.exports = 1;").unwrap();
    for (path, mode) in [("lib/one.js", 0o600), ("index.js", 0o600), ("lib", 0o700), ("", 0o700)] {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(files_of(&spec).join(path), permissions).unwrap();
    }
    let (lines, _log) = Log::new();
    let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
    assert_eq!(get(&instance, "/").await.json(), 1);
}

#[tokio::test]
async fn many_services_start_together() {
    let fixture = Fixture::new();
    let starts = (0..6).map(|number| {
        let spec = fixture.node(&format!("exports.handler = async () => {number};"));
        let (lines, _log) = Log::new();
        async {
            let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
            get(&instance, "/").await.json()
        }
    });
    let answers = futures::future::join_all(starts).await;
    assert_eq!(answers, (0..6).map(serde_json::Value::from).collect::<Vec<_>>());
}

/// With a network only: what the builder does with real package managers.
#[tokio::test]
#[ignore = "needs the package registries"]
async fn npm_and_pip_install_into_the_folder() {
    use server::executor::{Limits, Network, Task};
    let fixture = Fixture::new();
    let folder = fixture.code.path().join("built");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(
        folder.join("package.json"),
        r#"{"name":"x","version":"1.0.0","dependencies":{"is-number":"7.0.0"}}"#,
    )
    .unwrap();
    let passed_on =
        ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"];
    let env = passed_on.iter().filter_map(|name| Some((name.to_string(), std::env::var(name).ok()?)));
    let mut task = Task {
        name: "install".into(),
        function: uuid::Uuid::nil(),
        command: ["npm", "install", "--cache", "/cache/npm"].map(str::to_owned).into(),
        folder: folder.clone(),
        readable: Default::default(),
        programs: Vec::new(),
        opened: Vec::new(),
        caches: [
            ("/cache/npm".to_owned(), fixture.data.path().join("npm")),
            ("/cache/pip".to_owned(), fixture.data.path().join("pip")),
        ]
        .into(),
        env: env.collect(),
        limits: Limits { memory_mb: 1024, cpu: 2.0, pids: 128, network: Network::Open },
        timeout: Duration::from_secs(120),
    };
    let (lines, log) = Log::new();
    let exit = fixture.sandbox.task(task.clone(), lines).await.unwrap();
    assert_eq!(exit.code, Some(0), "{:#?}", log.all().await);
    assert!(folder.join("node_modules/is-number/index.js").exists());

    task.command =
        ["python3", "-m", "pip", "install", "--cache-dir", "/cache/pip", "--target", ".python", "six==1.16.0"]
            .map(str::to_owned)
            .into();
    let (lines, log) = Log::new();
    let exit = fixture.sandbox.task(task, lines).await.unwrap();
    assert_eq!(exit.code, Some(0), "{:#?}", log.all().await);
    assert!(folder.join(".python/six.py").exists());
}

/// Cold start beside a bare server, printed; `cargo test … -- --ignored --nocapture cold_start`.
#[tokio::test]
#[ignore = "a measurement"]
async fn cold_start_beside_a_bare_server() {
    let fixture = Fixture::new();
    let folder = tempfile::tempdir().unwrap();
    let (mut bare, mut boxed) = (Vec::new(), Vec::new());
    for number in 0..20 {
        let socket = folder.path().join(number.to_string());
        let before = Instant::now();
        let script = format!("require('http').createServer((q, s) => s.end('1')).listen('{}')", socket.display());
        let mut child = tokio::process::Command::new("node")
            .args(["-e", &script])
            .env_remove("NODE_EXTRA_CA_CERTS")
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stream = loop {
            match tokio::net::UnixStream::connect(&socket).await {
                Ok(stream) => break stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        };
        let request = hyper::Request::get("/").header("host", "x").body(http_body_util::Full::default()).unwrap();
        super::exchange(stream, request).await.unwrap();
        bare.push(before.elapsed());
        child.kill().await.unwrap();

        let mut spec = fixture.node("exports.handler = async () => 1;");
        spec.limits.cpu = 0.5;
        let (lines, log) = Log::new();
        let before = Instant::now();
        let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
        get(&instance, "/").await;
        boxed.push(before.elapsed());
        drop(instance);
        log.all().await;
    }
    bare.sort();
    boxed.sort();
    println!(
        "bare: {:?} median, sandbox: {:?} median, ratio {:.2}",
        bare[10],
        boxed[10],
        boxed[10].as_secs_f64() / bare[10].as_secs_f64()
    );
}
