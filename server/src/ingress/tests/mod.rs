//! The door as its users meet it: a real server on a port of its own, a real SQLite log, an executor that runs nothing.

mod calls;
mod cross_site;
mod dead_letters;
mod described;
mod doors;
mod following;
mod graphql;
mod methods;
mod openfaas;
mod over_http;
mod relay;
mod rest;
mod searched;
mod secret;
mod strangers;
mod subscription;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use async_trait::async_trait;
use domain::access::Role;
use domain::function::{self, BuildId, Command, Made, event::Source};
use domain::manifest::{Manifest, Runtime};
use domain::run::event::{Delivery, Outcome, Request};
use domain::{Cause, Json, event, run};
use futures::{SinkExt, StreamExt};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::access::{Bounds, Roster};
use crate::actors::{self, Commands};
use crate::artifacts::Artifacts;
use crate::builder::{self, Builder};
use crate::config::{Limits, Settings};
use crate::edge::{About, Auth, Services};
use crate::executor::{
    self, Executor, Executors, Exit, Form, Instance, JobCall, JobOutcome, Lines, Spec, Task, Workbench,
};
use crate::gateway::{Gateway, Recorder};
use crate::ingress::routes;
use crate::keeping::{self, Keeping, LineLimits};
use crate::leasing::Leasing;
use crate::operations::{self, Guarded};
use crate::queue::local::Local;
use crate::store::Store;
use crate::store::watched::Watched;
use crate::telemetry::Metrics;
use crate::vault::Vault;
use crate::{clock, store};

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything behind the door, and the door.
struct House {
    url: String,
    services: Services,
    store: Store,
    commands: Commands,
    /// What the store is asked.
    asked: Arc<Watched>,
    client: Client,
    server: ServerHandle,
    faults: web::Data<described::Faults>,
    _data: TempDir,
}

impl House {
    /// Lets the log answer nobody and take nothing, or heals it.
    async fn set_log_away(&self, away: bool) {
        self.store.set_writable(!away).await;
        self.asked.set_failing(away.then_some(""));
    }

    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let data = TempDir::new().unwrap();
        let mut limits = Limits::default();
        change(&mut limits);
        let settings = Settings { dev: true, limits, ..Settings::new(data.path()) };
        let store = store::open(None, data.path()).await.unwrap();
        let asked = store.watched();
        let commands = Commands::start(store.clone(), actors::Settings::default());
        let executors = Executors::new([Arc::new(Nothing) as Arc<dyn Executor>]);
        let builder =
            Builder::new(Arc::new(Nothing), executors.clone(), data.path(), builder::Settings::default()).unwrap();
        let metrics = Metrics::new();
        let vault = Vault::open(None, data.path(), store.clone()).unwrap();
        let leasing = Leasing::new(10);
        let keeping = Keeping::start(keeping::Parts {
            leasing: leasing.clone(),
            store: store.clone(),
            commands: commands.clone(),
            vault: vault.clone(),
            executors,
            keeper: None,
            artifacts: Artifacts::pretended(Default::default()),
            metrics: metrics.clone(),
            settings: keeping::Settings { ready_within: PATIENCE, stop_grace: PATIENCE, lines: LineLimits::default() },
            node: "node-1".into(),
        });
        let roster = Roster::open(store.clone()).await.unwrap();
        let auth = Auth::open(&settings).unwrap().0.with_roster(roster.clone());
        let about = About { store: store.describe(), ..About::default() };
        let guarded = Guarded::new(store.clone(), commands.clone());
        let settings = Arc::new(settings);
        let operations = operations::Services { guarded, roster, leasing, keeping, vault, builder, settings };
        let services = Services::new(operations, Arc::new(Local::new()), metrics, Arc::new(auth), about);
        let gateway = Gateway::new(services.clone(), Recorder::start(commands.clone()).0);
        let routes = routes(services.clone(), move |config: &mut web::ServiceConfig| gateway.configure(config));
        let faults = web::Data::new(described::Faults::default());
        let found = faults.clone();
        let app = move || {
            let checked = actix_web::middleware::from_fn(described::checked);
            App::new().app_data(found.clone()).wrap(checked).configure(routes.clone())
        };
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        // The server brings its own cryptography to its HTTP client; a test's client takes what its process has.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        Self { url, services, store, commands, asked, client, server: handle, faults, _data: data }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path).bearer_auth("dev-token")
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path).bearer_auth("dev-token")
    }

    /// A token of the administrator's that is good in these namespaces alone, for everything or for looking.
    fn token(&self, namespaces: &[&str], may_write: bool) -> String {
        let namespaces = Some(namespaces.iter().map(|name| (*name).to_owned()).collect());
        let most = if may_write { Role::Owner } else { Role::Viewer };
        self.services.auth.issue("user:admin", &Bounds { most, namespaces }, PATIENCE).0
    }

    async fn answer_to(&self, token: &str, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables });
        let answer = self.request(Method::POST, "/graphql").bearer_auth(token).json(&body).send().await.unwrap();
        json_of(answer, StatusCode::OK).await
    }

    /// The data of a query that must not have errors.
    async fn graphql(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.answer_to("dev-token", query, variables).await;
        assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
        answer["data"].take()
    }

    /// The code of the first error of a query.
    async fn fault(&self, query: &str, variables: Value) -> String {
        let answer = self.answer_to("dev-token", query, variables).await;
        answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no error: {answer:#}")).to_owned()
    }

    async fn command(&self, id: function::Id, command: Command) {
        self.commands.function(id, command, cause()).await.unwrap();
    }

    /// A function that is registered.
    async fn registered(&self, namespace: &str, name: &str) -> function::Id {
        let id = function::id(namespace, name, 1);
        let source = Source::Git { url: "https://example.com/f".into(), git_ref: None, path: None };
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        self.command(
            id,
            Command::Register { id, namespace, name, generation: 1, source, manifest: None, at: clock::now() },
        )
        .await;
        id
    }

    /// A new version of a function, as a server that builds would record it.
    async fn built(&self, id: function::Id) -> BuildId {
        let build = clock::new_id();
        self.command(id, Command::RequestBuild { build, git_ref: None, at: clock::now() }).await;
        self.command(id, Command::StartBuild { build, node: "node-1".into(), at: clock::now() }).await;
        self.finished(id, build).await;
        build
    }

    async fn finished(&self, id: function::Id, build: BuildId) {
        let manifest = Box::new(Manifest::of(Runtime::Node));
        let made = Made::artifact(format!("sha256:{build}"), 1);
        self.command(id, Command::SucceedBuild { build, made, manifest, commit: None, at: clock::now() }).await;
    }

    /// A function that runs, as far as the log knows.
    async fn running(&self, namespace: &str, name: &str) -> function::Id {
        let id = self.registered(namespace, name).await;
        self.built(id).await;
        self.command(id, Command::Start { at: clock::now() }).await;
        id
    }

    /// A run that waits for a worker.
    async fn queued(&self, function: function::Id, namespace: &str) -> run::Id {
        self.queued_for(function, namespace, None).await
    }

    async fn queued_for(&self, function: function::Id, namespace: &str, event: Option<event::Id>) -> run::Id {
        let run = clock::new_id();
        let input =
            Json::of(&json!({ "specversion": "1.0", "id": "1", "source": "/", "type": "a.b", "data": { "n": 1 } }))
                .unwrap();
        let request = Request {
            run,
            function,
            namespace: namespace.into(),
            trigger: "a.b".into(),
            event,
            input,
            input_cut: false,
            version: None,
            replayed_from: None,
            callback: None,
        };
        let command = run::Command::Request { request, delivery: Delivery::Once, at: clock::now() };
        self.commands.new_run(run, command, cause()).await.unwrap();
        run
    }

    /// Does what a worker does: runs it, with this result.
    async fn succeed(&self, run: run::Id, output: Value) {
        let start = run::Command::Start { version: 1, node: "node-1".into(), lost: None, at: clock::now() };
        self.commands.run(run, start, cause()).await.unwrap();
        let outcome =
            Outcome { output: Some(Json::of(&output).unwrap()), http_status: Some(200), ..Outcome::default() };
        self.commands.run(run, run::Command::Succeed { attempt: 1, outcome, at: clock::now() }, cause()).await.unwrap();
    }

    async fn lines(&self, function: function::Id, build: Option<BuildId>, run: Option<run::Id>, texts: &[&str]) {
        let line = |text: &&str| store::NewLine {
            function,
            namespace: "default".into(),
            build,
            run,
            instance: None,
            stream: store::LineStream::Stdout,
            at: clock::now(),
            text: (*text).to_owned(),
        };
        self.store.append_lines(texts.iter().map(line).collect()).await.unwrap();
    }

    /// A socket, opened with this first message.
    async fn socket(&self, payload: Value) -> Socket {
        let mut request = format!("{}/graphql", self.url.replace("http", "ws")).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        let (inner, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut socket = Socket { inner };
        socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        socket
    }

    /// A subscription's values.
    async fn subscribe_as(&self, token: &str, query: &str) -> Socket {
        let mut socket = self.socket(json!({ "Authorization": format!("Bearer {token}") })).await;
        assert_eq!(socket.message().await["type"], "connection_ack");
        socket.send(json!({ "id": "1", "type": "subscribe", "payload": { "query": query } })).await;
        socket
    }

    async fn subscribe(&self, query: &str) -> Socket {
        self.subscribe_as("dev-token", query).await
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.server.stop(false));
        let faults = std::mem::take(&mut *self.faults.found.lock());
        assert!(
            faults.is_empty() || std::thread::panicking(),
            "answers that the API's description does not have: {faults:#?}"
        );
    }
}

struct Socket {
    inner: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
}

impl Socket {
    async fn send(&mut self, value: Value) {
        self.inner.send(Message::text(value.to_string())).await.unwrap();
    }

    async fn frame(&mut self) -> Message {
        let next = tokio::time::timeout(PATIENCE, self.inner.next()).await.expect("a message in time");
        next.expect("the socket is open").unwrap()
    }

    async fn message(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.frame().await {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// The next value of the subscription's only field; `None` when it is complete.
    async fn next(&mut self) -> Option<Value> {
        let mut message = self.message().await;
        match message["type"].as_str().unwrap() {
            "next" => {
                assert!(message["payload"].get("errors").is_none(), "{message:#}");
                message["payload"]["data"].as_object_mut().unwrap().values_mut().next().map(Value::take)
            }
            "complete" => None,
            _ => panic!("{message:#}"),
        }
    }

    async fn take(&mut self, count: usize) -> Vec<Value> {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(self.next().await.expect("the subscription goes on"));
        }
        all
    }
}

fn cause() -> Cause {
    Cause { actor: Some("user:test".into()), ..Cause::default() }
}

/// The code of an answer that is an error.
async fn code_of(response: Response, status: StatusCode) -> String {
    json_of(response, status).await["error"]["code"].as_str().unwrap().to_owned()
}

async fn json_of(response: Response, status: StatusCode) -> Value {
    let found = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"))
}

/// Runs nothing: what needs an instance fails, which is not this room's matter.
struct Nothing;

#[async_trait]
impl Executor for Nothing {
    fn describe(&self) -> String {
        "nothing".into()
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn runs(&self, _: Form) -> bool {
        true
    }

    async fn service(&self, _: Spec, _: Lines, _: Duration) -> Result<Arc<dyn Instance>, executor::Error> {
        Err(executor::Error::Refused("nothing runs here".into()))
    }

    async fn job(&self, _: Spec, _: JobCall, _: Lines) -> Result<JobOutcome, executor::Error> {
        Err(executor::Error::Refused("nothing runs here".into()))
    }
}

#[async_trait]
impl Workbench for Nothing {
    async fn task(&self, _: Task, _: Lines) -> Result<Exit, executor::Error> {
        Err(executor::Error::Refused("nothing runs here".into()))
    }
}
