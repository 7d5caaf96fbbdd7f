//! What every executor and every workbench must do, whatever stands behind the wall. Each test takes any of them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::Full;
use hyper::Request;
use server::executor::{
    Code, Error, Executor, Form, MAX_RESULT_BYTES, Network, Runtime, Spec, Stream, Task, Workbench,
};

use super::docker::Containers;
use super::{Fixture, GRACE, Log, READY_WITHIN, ask, call, clean, get, texts};

/// An executor, and how functions are made for it.
#[async_trait]
pub trait Subject: Send + Sync {
    fn executor(&self) -> &dyn Executor;

    /// Another executor of the kind, which gives a job that is too late this time before it kills it.
    async fn with_grace(&self, grace: Duration) -> Box<dyn Executor>;

    /// A service that answers with what `exports.handler` returns for `{ http: { path } }`, as JSON.
    fn node(&self, code: &str) -> Spec;

    /// A program for Node that is a server by itself.
    fn server(&self, code: &str) -> Spec;

    /// What a shell does.
    fn shell(&self, script: &str) -> Spec;

    /// A WSGI app.
    fn flask(&self) -> Spec;

    /// Variables that a service has and did not ask for.
    fn variables(&self) -> &[&str];
}

#[async_trait]
impl Subject for Fixture {
    fn executor(&self) -> &dyn Executor {
        &self.sandbox
    }

    async fn with_grace(&self, grace: Duration) -> Box<dyn Executor> {
        Box::new(super::sandbox_in(&self.code.path().join("another")).with_grace(grace))
    }

    fn node(&self, code: &str) -> Spec {
        Fixture::node(self, code)
    }

    fn server(&self, code: &str) -> Spec {
        self.spec(Runtime::Command(vec!["node".into(), "server.js".into()]), &[("server.js", code)])
    }

    fn shell(&self, script: &str) -> Spec {
        Fixture::shell(self, script)
    }

    fn flask(&self) -> Spec {
        self.spec(Runtime::PythonFlask, &[("app.py", "")])
    }

    fn variables(&self) -> &[&str] {
        // The third one answers for the network interfaces, see ADR 42.
        &["EVENTFLOW_SOCKET", "LANG", "LD_PRELOAD", "PWD", "PYTHONDONTWRITEBYTECODE"]
    }
}

/// The same tests for each executor.
macro_rules! contract {
    ($($test:ident),* $(,)?) => {
        mod sandbox {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(&super::Fixture::new()).await;
                }
            )*
        }

        mod docker {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(&super::Containers::new().await).await;
                }
            )*
        }
    };
}

/// The same tests for each workbench.
macro_rules! workbench {
    ($($test:ident),* $(,)?) => {
        mod on_sandbox {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(&super::Fixture::new().sandbox).await;
                }
            )*
        }
    };
}

contract!(
    a_service_answers_and_stops_when_asked,
    a_service_gets_what_it_asked_for_and_nothing_of_the_servers,
    a_program_that_listens_on_its_port_is_reached,
    a_service_that_ends_at_once_is_unhealthy_and_says_why,
    a_service_that_never_listens_is_unhealthy_after_its_time,
    a_service_that_dies_later_says_how,
    a_service_that_ignores_sigterm_is_killed_after_the_grace,
    a_service_finishes_its_requests_before_it_stops,
    dropping_the_last_handle_ends_the_service,
    a_service_tells_what_it_uses,
    a_job_reads_its_event_and_leaves_a_result,
    a_job_that_fails_says_how_and_with_which_words,
    a_job_whose_time_is_over_is_ended,
    a_job_that_ignores_sigterm_is_killed,
    a_job_knows_its_run_attempt_deadline_and_trace,
    a_result_that_is_too_large_is_refused,
    a_job_of_a_wsgi_app_is_refused,
    code_of_a_form_that_it_does_not_run_is_refused_as_such,
    lines_of_a_job_belong_to_its_run,
);

workbench!(a_task_writes_only_its_folder_and_its_caches, a_task_whose_time_is_over_is_killed);

const HELLO: &str = "exports.handler = async (event) => ({ hello: event.http.path });";

async fn a_service_answers_and_stops_when_asked(subject: &dyn Subject) {
    let (lines, log) = Log::new();
    let instance = subject.executor().service(subject.node(HELLO), lines, READY_WITHIN).await.unwrap();
    assert_eq!(get(&instance, "/there").await.json(), serde_json::json!({ "hello": "/there" }));
    assert_eq!(instance.exited(), None);
    let exit = instance.stop(GRACE).await;
    assert!(clean(&exit), "{exit:?}");
    assert_eq!(instance.exited(), Some(exit));
    assert_eq!(texts(&log.all().await), Vec::<&str>::new());
}

async fn a_service_gets_what_it_asked_for_and_nothing_of_the_servers(subject: &dyn Subject) {
    let mut spec = subject.node("exports.handler = async () => process.env;");
    spec.env.insert("LEVEL".into(), "info with spaces, \"quotes\" and\nlines".into());
    let function = spec.function.clone();
    let (lines, _log) = Log::new();
    let instance = subject.executor().service(spec, lines, READY_WITHIN).await.unwrap();
    let env = get(&instance, "/").await.json();
    assert_eq!(env["LEVEL"], "info with spaces, \"quotes\" and\nlines");
    assert_eq!(env["EVENTFLOW_FUNCTION"], function);
    assert_eq!(env["EVENTFLOW_NAMESPACE"], "default");
    assert_eq!(env["EVENTFLOW_VERSION"], "1");
    assert!(env["EVENTFLOW_MEMORY_MB"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(env["HOME"], "/tmp");
    let allowed = [
        "EVENTFLOW_FUNCTION",
        "EVENTFLOW_MEMORY_MB",
        "EVENTFLOW_NAMESPACE",
        "EVENTFLOW_VERSION",
        "HOME",
        "LEVEL",
        "PATH",
    ];
    for name in env.as_object().unwrap().keys() {
        assert!(allowed.iter().chain(subject.variables()).any(|known| known == name), "{name} is not the function's");
    }
}

async fn a_program_that_listens_on_its_port_is_reached(subject: &dyn Subject) {
    let server = "require('http').createServer((q, s) => { console.log('asked'); s.end('port ' + q.url); }).listen(process.env.PORT);
        process.on('SIGTERM', () => process.exit(7));";
    let spec = subject.server(server);
    for network in [Network::None, Network::Open] {
        let mut spec = spec.clone();
        spec.limits.network = network;
        let (lines, log) = Log::new();
        let instance = subject.executor().service(spec, lines, READY_WITHIN).await.unwrap();
        assert_eq!(get(&instance, "/x").await.text(), "port /x");
        assert_eq!(instance.stop(GRACE).await.code, Some(7));
        assert_eq!(texts(&log.all().await), ["asked"]);
    }
}

async fn a_service_that_ends_at_once_is_unhealthy_and_says_why(subject: &dyn Subject) {
    let (lines, _log) = Log::new();
    let error = subject
        .executor()
        .service(subject.shell("echo no database >&2; exit 3"), lines, READY_WITHIN)
        .await
        .unwrap_err();
    let Error::Unhealthy { message, stderr_tail } = error else { panic!("{error}") };
    assert!(message.contains("code 3"), "{message}");
    assert_eq!(stderr_tail, ["no database"]);
}

async fn a_service_that_never_listens_is_unhealthy_after_its_time(subject: &dyn Subject) {
    let (lines, log) = Log::new();
    let spec = subject.shell("echo thinking >&2; sleep 1000");
    let error = subject.executor().service(spec, lines, Duration::from_secs(1)).await.unwrap_err();
    let Error::Unhealthy { message, stderr_tail } = error else { panic!("{error}") };
    assert!(message.contains("did not listen within 1 s"), "{message}");
    assert_eq!(stderr_tail, ["thinking"]);
    assert_eq!(texts(&log.all().await), ["thinking"]);
}

async fn a_service_that_dies_later_says_how(subject: &dyn Subject) {
    let code = "exports.handler = async (event) => { setTimeout(() => { console.error('cannot go on'); process.exit(9); }, 5); };";
    let (lines, _log) = Log::new();
    let instance = subject.executor().service(subject.node(code), lines, READY_WITHIN).await.unwrap();
    get(&instance, "/").await;
    let exit = tokio::time::timeout(READY_WITHIN, instance.wait()).await.unwrap();
    assert_eq!((exit.code, exit.signal), (Some(9), None));
    assert_eq!(instance.exited(), Some(exit));
    assert_eq!(instance.stderr_tail().last().map(String::as_str), Some("cannot go on"));
}

async fn a_service_that_ignores_sigterm_is_killed_after_the_grace(subject: &dyn Subject) {
    let code = "process.on('SIGTERM', () => {}); process.on('newListener', () => {}); exports.handler = async () => new Promise(() => {});";
    let (lines, log) = Log::new();
    let instance = subject.executor().service(subject.node(code), lines, READY_WITHIN).await.unwrap();
    // A request that never ends keeps the wrapper from stopping by itself.
    let waiting = instance.clone();
    let request = tokio::spawn(async move {
        ask(&waiting, Request::get("/").header("host", "x").body(Full::default()).unwrap()).await.is_err()
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let exit = instance.stop(Duration::from_millis(300)).await;
    assert_eq!((exit.code, exit.signal), (None, Some(9)));
    assert!(request.await.unwrap(), "the request must fail");
    log.all().await;
}

async fn a_service_finishes_its_requests_before_it_stops(subject: &dyn Subject) {
    let code = "exports.handler = async () => { console.log('begun'); await new Promise((done) => setTimeout(done, 300)); return 'finished'; };";
    let (lines, mut received) = tokio::sync::mpsc::channel(16);
    let instance = subject.executor().service(subject.node(code), lines, READY_WITHIN).await.unwrap();
    let asked = instance.clone();
    let answer = tokio::spawn(async move { get(&asked, "/").await.json() });
    assert_eq!(received.recv().await.unwrap().text, "begun");
    let exit = instance.stop(GRACE).await;
    assert_eq!(answer.await.unwrap(), "finished");
    assert!(clean(&exit), "{exit:?}");
}

async fn dropping_the_last_handle_ends_the_service(subject: &dyn Subject) {
    let (lines, log) = Log::new();
    let instance = subject.executor().service(subject.node(HELLO), lines, READY_WITHIN).await.unwrap();
    let second = Arc::clone(&instance);
    drop(instance);
    assert_eq!(get(&second, "/x").await.status, 200);
    drop(second);
    // The lines end when the last process that could write one is gone.
    log.all().await;
}

async fn a_service_tells_what_it_uses(subject: &dyn Subject) {
    let busy = "const held = Buffer.alloc(20 << 20, 1);
        setInterval(() => { const until = Date.now() + 15; while (Date.now() < until); }, 20);
        require('http').createServer((q, r) => r.end(String(held.length))).listen(process.env.PORT, '0.0.0.0');";
    let (lines, _log) = Log::new();
    let spec = subject.server(busy);
    let limit = spec.limits.memory_mb << 20;
    let instance = subject.executor().service(spec, lines, READY_WITHIN).await.unwrap();
    let first = instance.reading().await.expect("something counts");
    assert!(first.memory.unwrap() > 20 << 20 && first.memory.unwrap() <= limit, "{first:?}");
    assert_eq!(first.memory_limit, Some(limit));
    let deadline = tokio::time::Instant::now() + READY_WITHIN;
    let cpu = loop {
        let now = instance.reading().await.unwrap();
        match now.processors_since(&first) {
            Some(cpu) if cpu > 0.05 => break cpu,
            _ => assert!(tokio::time::Instant::now() < deadline, "{first:?} {now:?}"),
        }
    };
    assert!(cpu < 16.0, "{cpu}");
    instance.stop(GRACE).await;
    assert_eq!(instance.reading().await, None);
}

async fn a_job_reads_its_event_and_leaves_a_result(subject: &dyn Subject) {
    let (lines, log) = Log::new();
    let outcome =
        subject.executor().job(subject.shell("cat > \"$EVENTFLOW_RESULT\"; echo done"), call(), lines).await.unwrap();
    assert!(clean(&outcome.exit), "{:?}", outcome.exit);
    assert_eq!(outcome.result, Some(call().event));
    assert_eq!(texts(&log.all().await), ["done"]);
}

async fn a_job_that_fails_says_how_and_with_which_words(subject: &dyn Subject) {
    let (lines, _log) = Log::new();
    let outcome = subject.executor().job(subject.shell("echo it broke >&2; exit 4"), call(), lines).await.unwrap();
    assert_eq!((outcome.exit.code, outcome.exit.timed_out), (Some(4), false));
    assert_eq!(outcome.stderr_tail, ["it broke"]);
    assert_eq!(outcome.result, None);
}

async fn a_job_whose_time_is_over_is_ended(subject: &dyn Subject) {
    let (lines, _log) = Log::new();
    let mut call = call();
    call.timeout = Duration::from_secs(1);
    let spec = subject.shell("trap 'echo asked to end; exit 5' TERM; while true; do sleep 0.05; done");
    let outcome = subject.executor().job(spec, call, lines).await.unwrap();
    assert!(outcome.exit.timed_out);
    assert_eq!(outcome.exit.code, Some(5));
}

async fn a_job_that_ignores_sigterm_is_killed(subject: &dyn Subject) {
    let executor = subject.with_grace(Duration::from_millis(200)).await;
    let (lines, _log) = Log::new();
    let mut call = call();
    call.timeout = Duration::from_millis(500);
    let outcome =
        executor.job(subject.shell("trap '' TERM; while true; do sleep 0.05; done"), call, lines).await.unwrap();
    assert!(outcome.exit.timed_out);
    assert_eq!(outcome.exit.signal, Some(9));
}

async fn a_job_knows_its_run_attempt_deadline_and_trace(subject: &dyn Subject) {
    let (lines, log) = Log::new();
    let mut call = call();
    call.attempt = 3;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    call.trace = domain::trace::Context::read([parent.as_bytes()], [b"congo=t61rcWkgMzE" as &[u8]]);
    let run = call.run;
    let spec = subject.shell(
        "echo $EVENTFLOW_RUN_ID; echo $EVENTFLOW_ATTEMPT; echo $TRACEPARENT $TRACESTATE; echo $EVENTFLOW_DEADLINE",
    );
    let before = chrono::Utc::now();
    subject.executor().job(spec, call.clone(), lines).await.unwrap();
    let log = log.all().await;
    let texts = texts(&log);
    assert_eq!(texts[..3], [run.to_string(), "3".into(), format!("{parent} congo=t61rcWkgMzE")]);
    let deadline = chrono::DateTime::parse_from_rfc3339(texts[3]).unwrap();
    let distance = deadline.to_utc() - before - chrono::Duration::from_std(call.timeout).unwrap();
    assert!(distance.num_seconds().abs() < 10, "{deadline}");
}

async fn a_result_that_is_too_large_is_refused(subject: &dyn Subject) {
    let (lines, _log) = Log::new();
    let script = format!("head -c {} /dev/zero > $EVENTFLOW_RESULT", MAX_RESULT_BYTES + 1);
    let error = subject.executor().job(subject.shell(&script), call(), lines).await.unwrap_err();
    assert!(matches!(&error, Error::Result(message) if message.contains("at most")), "{error}");
}

async fn a_job_of_a_wsgi_app_is_refused(subject: &dyn Subject) {
    let (lines, _log) = Log::new();
    let error = subject.executor().job(subject.flask(), call(), lines).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_refused() {
    let fixture = Fixture::new();
    let (lines, _log) = Log::new();
    let mut spec = fixture.shell("true");
    spec.code = Code::Folder(fixture.code.path().join("missing"));
    let error = fixture.sandbox.job(spec, call(), lines).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
}

async fn code_of_a_form_that_it_does_not_run_is_refused_as_such(subject: &dyn Subject) {
    let files = Spec { code: Code::Folder("/usr".into()), ..subject.node(HELLO) };
    let image = Spec { code: Code::Image("registry.example/team/app@sha256:00ff".into()), ..files.clone() };
    assert!([Form::Folder, Form::Image].into_iter().any(|form| subject.executor().runs(form)), "it runs something");
    for spec in [files, image].into_iter().filter(|spec| !subject.executor().runs(spec.code.form())) {
        let (lines, _log) = Log::new();
        let service = subject.executor().service(spec.clone(), lines, READY_WITHIN).await.unwrap_err();
        let (lines, _log) = Log::new();
        let job = subject.executor().job(spec.clone(), call(), lines).await.unwrap_err();
        for error in [service, job] {
            let named = matches!(&error, Error::Unsupported { form, .. } if *form == spec.code.form());
            assert!(named && error.to_string().contains("cannot be run here"), "{error}");
        }
    }
}

async fn lines_of_a_job_belong_to_its_run(subject: &dyn Subject) {
    let (lines, log) = Log::new();
    let call = call();
    let run = call.run;
    subject.executor().job(subject.shell("echo out; echo err >&2"), call, lines).await.unwrap();
    let mut all = log.all().await;
    all.sort_by_key(|line| line.text.clone());
    assert_eq!(texts(&all), ["err", "out"]);
    assert!(all.iter().all(|line| line.run == Some(run)));
    assert_eq!((all[0].stream, all[1].stream), (Stream::Stderr, Stream::Stdout));
}

fn task(folder: &std::path::Path, script: &str) -> Task {
    Task {
        name: "task".into(),
        function: uuid::Uuid::nil(),
        command: vec!["/bin/sh".into(), "-c".into(), script.into()],
        folder: folder.to_owned(),
        caches: [("/cache/npm".to_owned(), folder.with_extension("cache"))].into(),
        readable: Default::default(),
        programs: Vec::new(),
        opened: Vec::new(),
        env: [("TOKEN".to_owned(), "secret".to_owned())].into(),
        limits: server::executor::Limits { memory_mb: 512, cpu: 2.0, pids: 64, network: Network::Open },
        timeout: READY_WITHIN,
    }
}

async fn a_task_writes_only_its_folder_and_its_caches(workbench: &dyn Workbench) {
    let folder = tempfile::tempdir().unwrap();
    let (lines, log) = Log::new();
    let work = folder.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let script =
        "echo $TOKEN > made; echo kept > /cache/npm/kept; echo x > /usr/x; echo x > /x; touch /tmp/fine && echo tmp";
    let exit = workbench.task(task(&work, script), lines).await.unwrap();
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert_eq!(std::fs::read_to_string(work.join("made")).unwrap(), "secret\n");
    assert_eq!(std::fs::read_to_string(work.with_extension("cache").join("kept")).unwrap(), "kept\n");
    let log = log.all().await;
    let refused: Vec<_> = texts(&log).into_iter().filter(|text| text.contains("cannot create")).collect();
    assert_eq!(refused.len(), 2, "{log:?}");
    assert!(texts(&log).contains(&"tmp"));
}

async fn a_task_whose_time_is_over_is_killed(workbench: &dyn Workbench) {
    let folder = tempfile::tempdir().unwrap();
    let (lines, log) = Log::new();
    let mut task = task(folder.path(), "echo begun; sleep 1000 & sleep 1000");
    task.timeout = Duration::from_millis(500);
    let exit = workbench.task(task, lines).await.unwrap();
    assert!(exit.timed_out && exit.code != Some(0), "{exit:?}");
    assert_eq!(texts(&log.all().await), ["begun"]);
}
