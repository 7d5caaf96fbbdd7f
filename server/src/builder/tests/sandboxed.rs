//! Builds in the real sandbox, with the real package managers and what they find on the network.

use super::*;
use crate::executor::{Code, Executor, JobCall, JobOutcome, Limits, Network, Sandbox, Spec};

struct Real {
    world: World,
    sandbox: Arc<Sandbox>,
    builder: Builder,
}

impl Real {
    fn new() -> Self {
        let world = World::new();
        let data = world.root.path().join("real");
        let sandbox = Arc::new(Sandbox::new(&data).unwrap());
        let builder = Builder::new(sandbox.clone(), executors(), &data, Settings::default()).unwrap();
        Self { world, sandbox, builder }
    }

    async fn made(&self) -> (Built, String) {
        let (result, lines) = build(&self.builder, order(self.world.source(None, None))).await;
        (result.unwrap_or_else(|error| panic!("{error}\n{}", log(&lines))), log(&lines))
    }

    /// What the function answers, run as a job of what was built.
    async fn answer(&self, made: &Built) -> String {
        let handler = made.manifest.handler.clone().unwrap();
        let runtime = match made.manifest.runtime {
            Runtime::Node => crate::executor::Runtime::Node { handler },
            _ => crate::executor::Runtime::Python { handler },
        };
        let spec = Spec {
            instance: uuid::Uuid::now_v7().to_string(),
            function: "hello".into(),
            namespace: "default".into(),
            version: 1,
            code: Code::Folder(
                self.builder.artifacts().get(made.made.digest()).await.unwrap().unwrap().path().to_owned(),
            ),
            runtime,
            env: Default::default(),
            port: None,
            health: None,
            login: None,
            limits: Limits { memory_mb: 256, cpu: 1.0, pids: 64, network: Network::None },
        };
        let event = Bytes::from_static(br#"{"specversion":"1.0","id":"1","source":"test","type":"test"}"#);
        let call = JobCall { run: uuid::Uuid::now_v7(), attempt: 1, event, timeout: PATIENCE, trace: None };
        let (sender, mut receiver) = mpsc::channel(16);
        let drain = async { while receiver.recv().await.is_some() {} };
        let (outcome, ()) = tokio::join!(self.sandbox.job(spec, call, sender), drain);
        let JobOutcome { result, stderr_tail, .. } = outcome.unwrap();
        let result = result.unwrap_or_else(|| panic!("no result: {stderr_tail:?}"));
        String::from_utf8(result.to_vec()).unwrap()
    }
}

#[tokio::test]
async fn in_the_sandbox_the_second_build_borrows_what_the_first_one_has_fetched() {
    let real = Real::new();
    real.world.commit(&[HANDLER, ("data.txt", "one")]);
    let (_, log) = real.made().await;
    assert!(!log.contains("from earlier builds"), "{log}");
    real.world.commit(&[("data.txt", "two")]);
    let (made, log) = real.made().await;
    assert!(log.contains("from earlier builds"), "{log}");
    let folder = real.builder.artifacts().get(made.made.digest()).await.unwrap().unwrap().path().to_owned();
    assert_eq!(fs::read_to_string(folder.join("data.txt")).unwrap(), "two");
}

#[tokio::test]
async fn all_files_of_a_folder_are_counted_and_measured_however_many_lines_a_sandbox_may_write() {
    let mut real = Real::new();
    let settings = Settings { max_files: 65_000, max_source_bytes: 20_000_000, ..Settings::default() };
    real.builder =
        Builder::new(real.sandbox.clone(), executors(), &real.world.root.path().join("small"), settings).unwrap();
    // Of a process's output some 50,000 lines are taken at once, and the rest of them is left out.
    let blob = |content: &str| {
        real.world.write("content", content);
        real.world.git(&["hash-object", "-w", "content"])
    };
    let (small, large) = (blob("x"), blob(&"x".repeat(30_000_000)));
    let tree = |entries: &mut dyn Iterator<Item = String>| {
        real.world.write("entries", &entries.collect::<String>());
        let make = "git mktree < entries";
        let output = Command::new("sh").args(["-c", make]).current_dir(real.world.repository()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let branch = |name: &str, tree: &str| {
        let commit = real.world.git(&["commit-tree", tree, "-m", "many"]);
        real.world.git(&["branch", "--force", name, &commit]);
    };
    let many = tree(&mut (0..300).map(|number| format!("100644 blob {small}\tf{number}\n")));
    let folders = |count: usize| (0..count).map(|number| format!("040000 tree {many}\td{number}\n"));
    branch("many", &tree(&mut folders(220)));
    branch("large", &tree(&mut folders(210).chain([format!("100644 blob {large}\tz\n")])));
    for (name, why) in [("many", "more than 65000 files"), ("large", "files are 28.7 MiB together")] {
        let (made, lines) = build(&real.builder, order(real.world.source(Some(name), None))).await;
        let text = made.expect_err("it is refused").to_string();
        assert!(text.contains(why), "{text}\n{}", log(&lines));
    }
}

#[tokio::test]
async fn a_real_npm_ci_makes_a_function_that_runs_and_the_next_build_takes_it_from_the_cache() {
    let real = Real::new();
    let lock = r#"{"name": "hello", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {
        "": {"name": "hello", "version": "1.0.0", "dependencies": {"is-number": "7.0.0"}},
        "node_modules/is-number": {"version": "7.0.0", "integrity":
        "sha512-41Cifkg6e8TylSpdtTpeLVMqvSBEVzTttHvERD741+pnZ8ANv0004MRL43QKPDlK9cGvNp6NZWZUBlbGXYxxng=="}}}"#;
    real.world.commit(&[
        ("index.js", "exports.handler = async () => ({ number: require('is-number')('7') });"),
        ("package.json", r#"{"name": "hello", "version": "1.0.0", "dependencies": {"is-number": "7.0.0"}}"#),
        ("package-lock.json", lock),
    ]);
    let (made, log) = real.made().await;
    assert!(log.contains("$ npm ci"), "{log}");
    assert_eq!(real.answer(&made).await, r#"{"number":true}"#);
    let (again, log) = real.made().await;
    assert!(log.contains("Restored node_modules from the cache"), "{log}");
    assert_eq!(again.made, made.made);
}

#[tokio::test]
async fn another_node_is_fetched_once_and_runs_what_was_built_with_it() {
    let real = Real::new();
    real.world.commit(&[
        ("index.js", "exports.handler = async () => ({ built: require('./built.json'), run: process.version });"),
        ("build.js", "require('fs').writeFileSync('built.json', JSON.stringify(process.version));"),
        ("package.json", r#"{"engines": {"node": ">=20"}, "scripts": {"build": "node build.js"}}"#),
        (".nvmrc", "v22.12.0\n"),
    ]);
    let (made, log) = real.made().await;
    assert!(log.contains("built and run with 22.12.0, fetched from npm's registry"), "{log}");
    assert_eq!(real.answer(&made).await, r#"{"built":"v22.12.0","run":"v22.12.0"}"#);
    let (again, log) = real.made().await;
    assert!(log.contains("as an earlier build has brought it") && !log.contains("node-linux"), "{log}");
    assert_eq!(again.made, made.made);
}

#[tokio::test]
async fn a_real_pip_install_makes_a_function_that_runs_and_is_the_same_each_time() {
    let real = Real::new();
    let main = "import six\n\ndef handler(event, context):\n    return {'six': six.__version__}\n";
    real.world.commit(&[("main.py", main), ("requirements.txt", "six==1.16.0\n")]);
    let (made, log) = real.made().await;
    assert!(log.contains("pip install"), "{log}");
    let compiled = real
        .builder
        .artifacts()
        .get(made.made.digest())
        .await
        .unwrap()
        .unwrap()
        .path()
        .to_owned()
        .join(".python/__pycache__");
    assert!(compiled.is_dir(), "{log}");
    let answer: serde_json::Value = serde_json::from_str(&real.answer(&made).await).unwrap();
    assert_eq!(answer, serde_json::json!({"six": "1.16.0"}));
    let (again, log) = real.made().await;
    assert!(log.contains("Restored .python from the cache"), "{log}");
    assert_eq!(again.made, made.made);
    // Without the cache: what is installed anew is the same, too.
    let fresh = Real::new();
    fresh.world.commit(&[("main.py", main), ("requirements.txt", "six==1.16.0\n")]);
    assert_eq!(fresh.made().await.0.made, made.made);
}

#[tokio::test]
async fn a_real_failure_of_npm_is_reported() {
    let real = Real::new();
    real.world.commit(&[
        HANDLER,
        ("package.json", "{\"dependencies\": {\"is-number\": \"7.0.0\"}}"),
        ("package-lock.json", "{}"),
    ]);
    let (result, lines) = build(&real.builder, order(real.world.source(None, None))).await;
    let error = result.unwrap_err();
    assert!(error.is_refused() && error.to_string().contains("`npm ci"), "{error}\n{}", log(&lines));
}

#[tokio::test]
async fn the_manifests_of_all_templates_fit() {
    let runtimes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtimes");
    let mut found = 0;
    for entry in fs::read_dir(runtimes).unwrap().flatten() {
        let Ok(text) = fs::read_to_string(entry.path().join("template/function.json")) else {
            continue;
        };
        let manifest =
            manifest::parse_text(&text).unwrap_or_else(|faults| panic!("{}: {faults:?}", entry.path().display()));
        manifest::check_handler(&entry.path().join("template"), &manifest).unwrap();
        found += 1;
    }
    assert!(found >= 3, "{found}");
}
