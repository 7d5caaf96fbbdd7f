//! One EventFlow for one test: the real binary on a port and a folder of its own, with a verb for each use case.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Nothing that a test waits for takes longer.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a killed server had started is gone within this: it ends with the server.
const LEAVING: Duration = Duration::from_secs(5);

/// The user and the group of a server that is not root.
const NOBODY: u32 = 65534;

pub struct TestApp {
    child: Child,
    pub url: String,
    folder: TempDir,
    options: Options,
    client: Client,
    pub output: String,
}

#[derive(Clone, Default)]
pub struct Options {
    pub env: BTreeMap<String, String>,
    pub args: Vec<String>,
    pub without_dev: bool,
    /// The data folder is a disk of its own, mounted with these options.
    pub disk: Option<String>,
    /// The server is not root, though this test is.
    pub unprivileged: bool,
    /// The server is in a process namespace of its own, as in a container, where low process ids are free again.
    pub contained: bool,
}

impl Options {
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub async fn start_with(options: Options) -> Self {
        Self::start_in(TempDir::new().unwrap(), options).await
    }

    /// On what is in a folder already: its data is in `data`.
    pub async fn start_in(folder: TempDir, options: Options) -> Self {
        if options.unprivileged {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let (child, url, output) = spawn(folder.path(), &options).await.unwrap_or_else(|why| panic!("{why}"));
        Self { child, url, folder, options, client: Client::new(), output }
    }

    /// On a PostgreSQL database of its own.
    pub async fn on_postgres() -> Self {
        Self::start_with(Options::default().env("DATABASE_URL", database().await)).await
    }

    /// The data folder as the server sees it, be it on a disk that only the server has mounted.
    pub fn data_dir(&self) -> PathBuf {
        let inside = self.folder.path().join("data");
        Path::new("/proc").join(self.pid().to_string()).join("root").join(inside.strip_prefix("/").unwrap())
    }

    /// Its folder, which outlives it.
    pub fn into_folder(mut self) -> TempDir {
        std::mem::replace(&mut self.folder, TempDir::new().unwrap())
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the server as a power cut would, and starts it again on the same folder.
    pub async fn kill_and_restart(&mut self) {
        self.kill().await;
        self.restart().await;
    }

    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// From the next start on.
    pub fn set_env(&mut self, name: &str, value: impl Into<String>) {
        self.options.env.insert(name.into(), value.into());
    }

    pub async fn restart(&mut self) {
        self.try_restart().await.unwrap_or_else(|why| panic!("{why}"));
    }

    /// Starts it again; why it does not start.
    pub async fn try_restart(&mut self) -> Result<(), String> {
        (self.child, self.url, self.output) = spawn(self.folder.path(), &self.options).await?;
        // Old connections are dead.
        self.client = Client::new();
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    pub async fn terminate(&mut self) -> std::process::ExitStatus {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM).unwrap();
        self.terminated().await
    }

    /// Waits until it has ended.
    pub async fn terminated(&mut self) -> std::process::ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("the server ends within a minute").unwrap()
    }

    /// The id of a function of the default namespace.
    pub async fn function_id(&self, name: &str) -> String {
        let query = "query($name: String!) { function(namespace: \"default\", name: $name) { id } }";
        self.graphql(query, json!({ "name": name })).await["function"]["id"].as_str().unwrap().to_owned()
    }

    /// A setting that it was started with.
    pub fn setting(&self, name: &str) -> String {
        self.options.env[name].clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Runs another verb of the binary on the same data.
    pub async fn verb(&self, verb: &str) -> (bool, String) {
        self.verb_of(&[verb]).await
    }

    /// The same with arguments.
    pub async fn verb_of(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = command(self.folder.path(), &self.options);
        let output = timeout(PATIENCE, command.args(arguments).output()).await.expect("the verb ends").unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url)).bearer_auth("dev-token").timeout(PATIENCE)
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url)).bearer_auth("dev-token").timeout(PATIENCE)
    }

    pub fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).timeout(PATIENCE)
    }

    /// Data and errors of a GraphQL request.
    pub async fn try_graphql(&self, query: &str, variables: Value) -> Value {
        let response =
            self.post("/graphql").json(&json!({ "query": query, "variables": variables })).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}"))
    }

    /// The data of a GraphQL request that must not have errors.
    pub async fn graphql(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.try_graphql(query, variables).await;
        assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
        answer["data"].take()
    }

    /// A mutation's payload, which must not have user errors.
    pub async fn mutate(&self, field: &str, arguments: &str, selection: &str, variables: Value, types: &str) -> Value {
        let types = if types.is_empty() { String::new() } else { format!("({types})") };
        let query =
            format!("mutation{types} {{ {field}({arguments}) {{ {selection} userErrors {{ code message field }} }} }}");
        let mut data = self.graphql(&query, variables).await;
        let payload = data[field].take();
        assert_eq!(payload["userErrors"], json!([]), "{field}");
        payload
    }

    /// Registers a function from a repository; its id.
    pub async fn register_git(&self, name: &str, url: &Path, path: Option<&str>) -> String {
        let input = json!({ "name": name, "source": { "git": { "url": url, "path": path } } });
        let payload = self
            .mutate(
                "registerFunction",
                "input: $input",
                "function { id state }",
                json!({ "input": input }),
                "$input: RegisterFunctionInput!",
            )
            .await;
        assert_eq!(payload["function"]["state"], "REGISTERED");
        payload["function"]["id"].as_str().unwrap().to_owned()
    }

    /// Builds, and waits for the end of it: the build.
    pub async fn try_build(&self, id: &str) -> Value {
        self.try_build_within(PATIENCE, id).await
    }

    /// As [`Self::try_build`], for builds that fetch a great deal.
    pub async fn try_build_within(&self, patience: Duration, id: &str) -> Value {
        let payload =
            self.mutate("buildFunction", "id: $id", "build { id state }", json!({ "id": id }), "$id: ID!").await;
        let build = payload["build"]["id"].as_str().unwrap().to_owned();
        eventually_within(patience, &format!("build {build} is over"), &mut async || {
            let found = self
                .graphql(
                    "query($id: ID!) { function(id: $id) { builds(first: 100) { nodes { id state error commit version { number } log(first: 100) { text stream } } } } }",
                    json!({ "id": id }),
                )
                .await;
            let builds = found["function"]["builds"]["nodes"].as_array()?.clone();
            let found = builds.into_iter().find(|b| b["id"] == build.as_str())?;
            matches!(found["state"].as_str()?, "SUCCEEDED" | "FAILED" | "CANCELLED").then_some(found)
        })
        .await
    }

    /// Builds, which must succeed; the version's number.
    pub async fn build(&self, id: &str) -> u64 {
        let build = self.try_build(id).await;
        assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
        build["version"]["number"].as_u64().unwrap()
    }

    pub async fn start_function(&self, id: &str) {
        let payload =
            self.mutate("startFunction", "id: $id", "function { state }", json!({ "id": id }), "$id: ID!").await;
        assert_eq!(payload["function"]["state"], "RUNNING");
    }

    /// From a repository to a running function; its id.
    pub async fn running(&self, name: &str, files: &[(&str, &str)]) -> String {
        let repository = self.repository(name, files).await;
        let id = self.register_git(name, &repository, None).await;
        self.build(&id).await;
        self.start_function(&id).await;
        id
    }

    /// A Git repository with these files; its path.
    pub async fn repository(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let folder = self.folder.path().join("repositories").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        git(&folder, &["init", "-q", "-b", "main"]).await;
        self.commit(&folder, files).await;
        folder
    }

    pub async fn commit(&self, folder: &Path, files: &[(&str, &str)]) {
        for (file, text) in files {
            let file = folder.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        git(folder, &["add", "-A"]).await;
        git(folder, &["-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "-qm", "change"]).await;
    }

    pub async fn call(&self, path: &str) -> Response {
        self.get(&format!("/function/{path}")).send().await.unwrap()
    }

    pub async fn publish(&self, kind: &str, id: &str, data: Value) -> Response {
        let event = json!({ "specversion": "1.0", "id": id, "source": "/test", "type": kind, "data": data });
        self.post("/v1/events")
            .header("content-type", "application/cloudevents+json")
            .body(event.to_string())
            .send()
            .await
            .unwrap()
    }

    /// The runs of a function, newest first.
    pub async fn runs(&self, id: &str) -> Vec<Value> {
        let data = self
            .graphql(
                "query($id: ID!) { runs(function: $id, first: 100) { nodes { id state trigger attempt version input output httpStatus exitCode error coldStart durationMs queuedAt startedAt finishedAt event { id } replayedFrom { id } log(first: 100) { text stream } } } }",
                json!({ "id": id }),
            )
            .await;
        data["runs"]["nodes"].as_array().unwrap().clone()
    }

    /// Waits until a function has a run that fits.
    pub async fn run_where(&self, id: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.eventually("a run that fits", async || self.runs(id).await.into_iter().find(|run| fits(run))).await
    }

    /// Asks again and again until there is an answer.
    pub async fn eventually<T>(&self, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
        eventually(what, &mut ask).await
    }

    pub async fn subscribe(&self, query: &str, variables: Value) -> Subscription {
        let mut request = format!("{}/graphql", self.url.replace("http", "ws")).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let init = json!({ "type": "connection_init", "payload": { "Authorization": "Bearer dev-token" } });
        socket.send(Message::text(init.to_string())).await.unwrap();
        let subscribe =
            json!({ "id": "1", "type": "subscribe", "payload": { "query": query, "variables": variables } });
        let mut subscription = Subscription { socket };
        assert_eq!(subscription.message().await["type"], "connection_ack");
        subscription.socket.send(Message::text(subscribe.to_string())).await.unwrap();
        subscription
    }
}

pub struct Subscription {
    socket: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
}

impl Subscription {
    /// The code with which the server closes the socket.
    pub async fn closed(&mut self) -> u16 {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.expect("the server closes it within a minute");
            match message.expect("it is not cut off").unwrap() {
                Message::Close(frame) => return frame.expect("it says why").code.into(),
                _ => continue,
            }
        }
    }

    async fn message(&mut self) -> Value {
        loop {
            let message = timeout(PATIENCE, self.socket.next())
                .await
                .expect("a message within a minute")
                .expect("the socket is open")
                .unwrap();
            if let Message::Text(text) = message {
                let value: Value = serde_json::from_str(&text).unwrap();
                if value["type"] == "ping" {
                    self.socket.send(Message::text(json!({ "type": "pong" }).to_string())).await.unwrap();
                    continue;
                }
                return value;
            }
        }
    }

    /// The next value of the subscription's only field; `None` when it is complete.
    pub async fn next(&mut self) -> Option<Value> {
        let mut message = self.message().await;
        match message["type"].as_str().unwrap() {
            "next" => {
                assert!(message["payload"].get("errors").is_none(), "{message:#}");
                let data = message["payload"]["data"].as_object_mut().unwrap();
                data.values_mut().next().map(Value::take)
            }
            "complete" => None,
            _ => panic!("{message:#}"),
        }
    }

    /// Reads on until a value fits; all values read, that one included.
    pub async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let value = self.next().await.expect("the subscription goes on");
            let done = fits(&value);
            all.push(value);
            if done {
                return all;
            }
        }
    }
}

/// Asks again and again until there is an answer; fails after [`PATIENCE`].
pub async fn eventually<T>(what: &str, ask: &mut impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, ask).await
}

async fn eventually_within<T>(patience: Duration, what: &str, ask: &mut impl AsyncFnMut() -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(patience, wait).await.unwrap_or_else(|_| panic!("it did not come true within {patience:?}: {what}"))
}

pub async fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().await.unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The URL of a new, empty PostgreSQL database.
pub async fn database() -> String {
    use sqlx::Connection;
    let server = std::env::var("TEST_POSTGRES_URL")
        .expect("TEST_POSTGRES_URL is not set: run `make test`, or `scripts/with-postgres cargo test`");
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    let (base, query) = server.split_once('?').map_or((server.as_str(), None), |(base, query)| (base, Some(query)));
    let base = base.rsplit_once('/').unwrap().0;
    query.map_or(format!("{base}/{name}"), |query| format!("{base}/{name}?{query}"))
}

pub async fn json_of(response: Response, status: StatusCode) -> Value {
    let found = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"))
}

impl Drop for TestApp {
    /// A server that is killed leaves its control groups to the next one on its folder, and nobody comes after this one.
    fn drop(&mut self) {
        let groups: Vec<PathBuf> = match self.child.id() {
            // Its folder may be a disk that only the server has mounted.
            Some(pid) => [Path::new("/proc").join(pid.to_string()).join("root"), "/".into()]
                .iter()
                .flat_map(|root| groups_of(&root.join(self.folder.path().strip_prefix("/").unwrap())))
                .collect(),
            None => groups_of(self.folder.path()),
        };
        let _ = self.child.start_kill();
        let deadline = Instant::now() + LEAVING;
        while !groups.iter().all(|group| is_removed(group)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The control groups that a server has written down in its folder; what a copy of a folder says is another's.
fn groups_of(folder: &Path) -> Vec<PathBuf> {
    let records = std::fs::read_dir(folder.join("data/run")).into_iter().flatten().flatten();
    let mut groups = Vec::new();
    for lock in records.map(|record| record.path().join("lock")) {
        let (Ok(marks), Ok(lock)) = (std::fs::read_to_string(&lock), lock.metadata()) else { continue };
        if marks.starts_with(&format!("lock {}:{}\n", lock.dev(), lock.ino())) {
            let named = marks.lines().filter_map(|line| line.strip_prefix("group ")?.split_once(' '));
            groups.extend(named.map(|(_, path)| PathBuf::from(path)));
        }
    }
    groups
}

/// Removes a control group, and those in it; false as long as processes are in them.
fn is_removed(group: &Path) -> bool {
    let inside = std::fs::read_dir(group).into_iter().flatten().flatten();
    for group in inside.map(|entry| entry.path()).filter(|path| path.is_dir()) {
        is_removed(&group);
    }
    std::fs::remove_dir(group).is_ok() || !group.exists()
}

pub fn command(folder: &Path, options: &Options) -> Command {
    let program = env!("CARGO_BIN_EXE_eventflow");
    let mut command = match &options.disk {
        None if options.unprivileged => {
            let mut command = Command::new("setpriv");
            command.arg(format!("--reuid={NOBODY}")).arg(format!("--regid={NOBODY}"));
            command.args(["--clear-groups", program]);
            command
        }
        None if options.contained => {
            let mut command = Command::new("unshare");
            command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]);
            command.args(["for _ in 1 2 3 4 5; do /bin/true; done; exec \"$0\" \"$@\"", program]);
            command
        }
        None => Command::new(program),
        Some(disk) => {
            // A mount that goes with the server; the shell becomes the server, so that its pid is the server's.
            let mount = format!(
                "mkdir -p \"$EVENTFLOW_DATA_DIR\" && mount -t tmpfs -o mode=0700,{disk} tmpfs \"$EVENTFLOW_DATA_DIR\" && exec \"$0\" \"$@\""
            );
            let mut command = Command::new("unshare");
            command.args(["--mount", "sh", "-c", &mount, program]);
            command
        }
    };
    // Of this process's environment only what programs need: a variable of the machine must not change a test.
    let kept = std::env::vars().filter(|(name, _)| {
        matches!(
            name.as_str(),
            "PATH"
                | "HOME"
                | "LANG"
                | "TMPDIR"
                | "SSL_CERT_FILE"
                | "NODE_EXTRA_CA_CERTS"
                | "PIP_CERT"
                | "RUST_BACKTRACE"
        )
    });
    command.env_clear().envs(kept).envs(&options.env);
    if options.unprivileged {
        command.env("HOME", folder);
    }
    command.env("EVENTFLOW_DATA_DIR", folder.join("data")).env("PORT", "0").current_dir(folder).kill_on_drop(true);
    command
}

async fn spawn(folder: &Path, options: &Options) -> Result<(Child, String, String), String> {
    // The server brings its own cryptography to its HTTP client; a test's client takes what its process has.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let mut command = command(folder, options);
    command.arg("serve").args(&options.args);
    if !options.without_dev {
        command.arg("--dev");
    }
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("server.log")).unwrap();
    command.stdout(Stdio::piped()).stderr(log).stdin(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut output = String::new();
    let ready = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            output.push_str(&line);
            output.push('\n');
            if line.trim_start().starts_with("curl ") {
                break;
            }
        }
    };
    let in_time = timeout(PATIENCE, ready).await.is_ok();
    let url = output
        .lines()
        .find_map(|line| line.trim().strip_prefix("web"))
        .map(|rest| rest.trim().trim_end_matches('/').to_owned());
    let Some(url) = url.filter(|_| in_time) else {
        let log = std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
        return Err(format!("the server did not start:\n{output}\n{log}"));
    };
    Ok((child, url, output))
}
