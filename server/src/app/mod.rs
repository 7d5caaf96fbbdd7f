//! The composition root: the only place that knows all rooms.

mod capacity;
mod containers;
mod credentials;
mod data_dir;
mod demo;
mod error;
mod guard;
mod node;
pub mod operate;
mod starting;

use std::future::Future;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::web;
use base64::Engine;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use data_dir::{close_new_files, leave_no_core_dumps};
pub use error::Error;

use crate::access::Roster;
use crate::actors::{self, Commands};
use crate::artifacts::Room;
use crate::builder::{self, Builder};
use crate::config::Settings;
use crate::dispatch::{self, Callbacks, Dispatch};
use crate::doors::{Admission, Doors};
use crate::edge::{self, About, Auth, ConnectionSlots, Hosts, Services, Serving, auth};
use crate::executor::{Docker, Sandbox};
use crate::gateway::{Gateway, Recorder};
use crate::ingress;
use crate::keeping::{self, Keeping};
use crate::leasing::Leasing;
use crate::operations::{self, Guarded};
use crate::queue::Queue;
use crate::queue::local::Local;
use crate::queue::rabbit::Rabbit;
use crate::store::agreement::{self, Having, fingerprint};
use crate::store::{self, Store};
use crate::telemetry::Metrics;
use crate::vault::{self, Vault};
use starting::Starting;

/// The purpose from which the keys for signing callbacks are derived.
const CALLBACKS: &str = "callbacks";

/// The secret of a namespace that signs its callbacks instead.
const CALLBACK_SECRET: &str = "CALLBACK_SECRET";

/// Time after the grace period for the last answers and their records.
const ANSWERS: Duration = Duration::from_secs(2);

/// Time for tasks that do not return at the end.
const LAST_TASKS: Duration = Duration::from_secs(2);

/// The running rooms.
struct Platform {
    services: Services,
    dispatch: Arc<Dispatch>,
    recorder: Recorder,
    recorded: JoinHandle<()>,
    doors: Doors,
    store: Store,
    commands: Commands,
    docker: Option<Arc<Docker>>,
    /// What is printed once: the first password.
    notice: Option<String>,
}

/// Runs the server until it is asked to end.
///
/// # Errors
/// If it cannot start.
pub fn serve(settings: Settings) -> Result<(), Error> {
    let descriptors = edge::raise_descriptors();
    data_dir::secure(&settings.data_dir)
        .map_err(|e| Error::start(format_args!("cannot use the data folder {}", settings.data_dir.display()), e))?;
    // The port is bound first: starting a second server by mistake fails before anything is changed.
    let listener = TcpListener::bind(settings.listen).map_err(|e| {
        Error::start(format_args!("cannot listen on {}; set PORT or --port to another one", settings.listen), e)
    })?;
    let address = listener.local_addr().map_err(|e| Error::start("cannot find out the port", e))?;
    let metrics = metrics_listener(&settings)?;
    let settings = Arc::new(Settings { listen: address, ..settings });

    let system = actix::System::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("eventflow")
        .enable_all()
        .build()
        .map_err(|e| Error::start("cannot start threads", e))?;
    let starting = Starting::begin(&listener).map_err(|e| Error::start("cannot answer while it starts", e))?;
    let platform = runtime.block_on(Platform::start(settings.clone()))?;
    drop(starting);
    let Services { watchdog, draining, stopping, .. } = &platform.services;
    let ending = guard::Ending {
        draining: draining.clone(),
        stopping: stopping.clone(),
        delay: settings.limits.drain_delay,
        grace: settings.limits.stop_grace,
    };
    runtime.spawn(watchdog.heart("the runtime of dispatch").beat());
    platform.commands.watch(watchdog);
    guard::start(watchdog.clone(), ending).map_err(|e| Error::start("cannot start threads", e))?;
    let settled = runtime.spawn(settle(platform.dispatch.clone(), platform.services.clone()));
    let ready = runtime.spawn(welcome(
        platform.services.clone(),
        (platform.store.clone(), platform.commands.clone()),
        platform.notice.clone(),
    ));
    let served = system.block_on(listen(&platform, listener, metrics, descriptors));
    ready.abort();
    stop(&runtime, platform, settled);
    // A task that does not return is not waited for.
    runtime.shutdown_timeout(LAST_TASKS);
    served
}

impl Platform {
    async fn start(settings: Arc<Settings>) -> Result<Self, Error> {
        let data_dir = std::fs::canonicalize(&settings.data_dir).map_err(|e| {
            Error::start(format_args!("cannot open the data folder {}", settings.data_dir.display()), e)
        })?;
        store::wait_for(settings.database_url.as_deref()).await;
        let store = store::open(settings.database_url.as_deref(), &data_dir).await?;
        let node: Arc<str> = node::name(&data_dir)
            .map_err(|e| Error::start(format_args!("cannot write to {}", data_dir.display()), e))?
            .into();
        let metrics = Metrics::new();
        metrics.show(store.stats().append_seconds.clone());
        let doors = Doors::open(store.clone()).await?;
        let admission = Admission::new(store.clone(), doors.clone(), settings.edge.public_functions.clone());
        let commands = Commands::start(store.clone(), actors::Settings::default())
            .guarded_by(Arc::new(admission.clone()))
            .limited_by(actors::Backlog::new(settings.limits.waiting_runs));
        let sandbox = Sandbox::new(&data_dir).map_err(|e| Error::start("cannot prepare the sandbox", e))?;
        let sandbox = sandbox.with_network(settings.network_allow.clone(), settings.network_shared);
        let sandbox = sandbox.with_line_rate(settings.limits.lines_per_second);
        let sandbox = sandbox.with_disk(settings.limits.disk_read as u64, settings.limits.disk_write as u64);
        let sandbox = Arc::new(sandbox);
        let (docker, no_containers) = containers::connect(&settings, &node, &store).await?;
        let executors = containers::executors(&settings, &sandbox, docker.as_ref());
        let of_containers = containers::warnings(&settings, &sandbox, docker.as_ref());
        let limits = &settings.limits;
        let builder = Builder::new(
            sandbox,
            executors.clone(),
            &data_dir,
            builder::Settings {
                parallel: dispatch::build_slots(limits.builds),
                git_timeout: limits.build_timeout,
                install_timeout: limits.build_timeout,
                max_log_bytes: limits.build_log as u64,
                max_cache_bytes: limits.build_cache as u64,
                max_disk_bytes: limits.build_disk as u64,
                max_context_bytes: limits.build_context as u64,
                room: Room { bundles: limits.bundles as u64, artifacts: limits.artifacts as u64 },
                capacity: Some(capacity::of_host(limits)),
                artifact_cache: settings.artifact_cache.map(|bytes| bytes as u64),
                artifacts_dir: settings.artifacts_dir.clone(),
                local_repositories: settings.local_repositories,
                git_allow: settings.git_allow.clone(),
                bases: containers::bases(&settings),
                ..builder::Settings::default()
            },
        )
        .map_err(|e| Error::start("cannot prepare builds", e))?;
        let artifacts = builder.artifacts().clone();
        let folder = artifacts.identity().await.map_err(|e| Error::start("cannot use the folder of artifacts", e))?;
        let vault = Vault::open(settings.secret_key.clone(), &data_dir, store.clone())
            .map_err(|e| Error::start("cannot prepare secrets", e))?;
        let builder = builder.with_trials(vault.clone(), limits.ready_timeout);
        let builder = match &docker {
            Some(docker) => {
                let images = containers::image_builder(&settings, docker)?;
                builder.with_images(docker.clone()).with_image_builder(images)
            }
            None => builder,
        };
        credentials::seal(&store, &commands, &vault).await?;
        let leasing = Leasing::new(limits.waiting);
        let keeping = Keeping::start(keeping::Parts {
            leasing: leasing.clone(),
            store: store.clone(),
            commands: commands.clone(),
            vault: vault.clone(),
            executors: executors.clone(),
            keeper: None,
            artifacts,
            metrics: metrics.clone(),
            settings: keeping::Settings {
                ready_within: limits.ready_timeout,
                stop_grace: limits.stop_grace,
                lines: keeping::LineLimits {
                    per_second: limits.lines_per_second,
                    run_bytes: limits.run_log as u64,
                    function_bytes: limits.function_log as u64,
                },
            },
            node: node.to_string(),
        });
        let rabbit = match &settings.amqp_url {
            Some(url) => Some(
                Rabbit::connect(url, &node).await.map_err(|e| Error::start("cannot use the broker of AMQP_URL", e))?,
            ),
            None => None,
        };
        let queue: Arc<dyn Queue> = match &rabbit {
            Some(rabbit) => Arc::new(rabbit.clone()),
            None => Arc::new(Local::new()),
        };
        let mut about = About {
            store: store.describe(),
            queue: queue.describe(),
            executor: executors.describe(),
            warnings: executors.warnings(),
        };
        about.warnings.extend(no_containers.into_iter().chain(of_containers));
        let key = auth::server_key(&settings).map_err(|e| Error::start("cannot prepare calls back", e))?;
        let callbacks = Callbacks {
            outward: settings.callback_allow.clone(),
            secret: callback_secrets(vault.clone(), key.clone()),
        };
        let having = Having {
            session_key: fingerprint(&key),
            secret_key: vault.key_id().to_owned(),
            artifacts: folder,
            format: agreement::FORMAT,
        };
        let dispatch = dispatch::start(dispatch::Tools {
            store: store.clone(),
            commands: commands.clone(),
            queue: queue.clone(),
            leasing: leasing.clone(),
            keeping: keeping.clone(),
            builder: builder.clone(),
            vault: vault.clone(),
            metrics: metrics.clone(),
            builds: limits.builds,
            admission,
            recorded: limits.recorded,
            offer_timeout: limits.offer_timeout,
            callbacks,
            retention: settings.retention,
            data_dir: data_dir.as_path().into(),
            node,
            having: having.to_holder().into(),
        })
        .await?;
        keeping.start_wanted().await.map_err(|e| Error::start("cannot start functions", e))?;
        about.warnings.extend(disagreements(&store, &vault, &keeping).await);
        if store.is_shared() && !settings.dev {
            auth::share_password(&settings.data_dir, &store)
                .await
                .map_err(|e| Error::start("cannot prepare sign-in", e))?;
        }
        let roster = Roster::open(store.clone()).await?;
        let opened = || {
            let (auth, notice) = Auth::open(&settings).map_err(|e| Error::start("cannot prepare sign-in", e))?;
            Ok::<_, Error>((auth.with_roster(roster.clone()), notice))
        };
        let (mut auth, mut notice) = opened()?;
        if store.is_shared() && !settings.dev {
            let shared = auth::share_password(&settings.data_dir, &store).await;
            // Another server was also starting for the first time, and was faster.
            if shared.map_err(|e| Error::start("cannot prepare sign-in", e))? {
                (auth, notice) = opened()?;
            }
        }
        let auth = Arc::new(auth);
        auth.learn(&store).await?;
        if store.is_shared() {
            tokio::spawn(auth.clone().keep_learning(store.clone()));
            if !settings.dev {
                tokio::spawn(auth::keep_sharing(settings.data_dir.clone(), store.clone()));
            }
        }
        let (recorder, recorded) = Recorder::start(commands.clone());
        let guarded = Guarded::new(store.clone(), commands.clone());
        let operations = operations::Services { guarded, roster, leasing, keeping, vault, builder, settings };
        let services = Services::new(operations, queue, metrics, auth, about);
        if let Some(rabbit) = rabbit {
            ingress::amqp::start(services.clone(), rabbit);
        }
        let dispatch = Arc::new(dispatch);
        Ok(Self { services, store, commands, dispatch, recorder, recorded, doors, docker, notice })
    }
}

/// Binds the port of the metrics, if they have one of their own. This precedes the creation of a password: a start that
/// fails later would have printed it in vain, or not at all.
fn metrics_listener(settings: &Settings) -> Result<Option<TcpListener>, Error> {
    let Some(port) = settings.metrics_port else { return Ok(None) };
    let address = SocketAddr::new(settings.listen.ip(), port);
    let failed =
        |e| Error::start(format_args!("cannot listen on {address} for metrics; set METRICS_PORT to another one"), e);
    TcpListener::bind(address).map(Some).map_err(failed)
}

/// Inconsistencies of the installation, for the log at the start; `readyz` reports the same.
async fn disagreements(store: &Store, vault: &Vault, keeping: &Keeping) -> Vec<String> {
    let mut found = agreement::differences(store).await.unwrap_or_default();
    found.extend(vault.foreign().await.ok().flatten());
    found.extend(keeping.faults().await);
    for what in &found {
        tracing::warn!(reason = what, "inconsistent installation");
    }
    found
}

/// Serves HTTP until the server is asked to end, then until the last answer is complete.
fn listen(
    platform: &Platform,
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    descriptors: u64,
) -> impl Future<Output = Result<(), Error>> + use<> {
    let gateway = Gateway::new(platform.services.clone(), platform.recorder.clone());
    let gateway = gateway.with_doors(platform.doors.clone(), ingress::is_taken);
    let wanted = gateway.clone();
    let routes =
        ingress::routes(platform.services.clone(), move |config: &mut web::ServiceConfig| gateway.configure(config));
    let grace = platform.services.settings.limits.stop_grace;
    let wants = wanted.wants();
    let (watchdog, stopping) = (platform.services.watchdog.clone(), platform.services.stopping.clone());
    let workers = Arc::new(AtomicUsize::new(0));
    let services = platform.services.clone();
    let slots = ConnectionSlots::new(&services.settings.edge, descriptors, services.metrics.clone());
    async move {
        let settings = services.settings.clone();
        let serving = |listener, hosts, workers| Serving {
            listener,
            slots: slots.clone(),
            settings: settings.clone(),
            hosts,
            workers,
            wants: None,
        };
        if let Some(listener) = metrics_listener {
            let metrics = serving(listener, Hosts::Any, Some(1));
            let failed = |e| Error::start("cannot serve metrics on the port of METRICS_PORT", e);
            // It ends with the actix system that it runs on.
            actix_web::rt::spawn(edge::serve(metrics, ingress::metrics(services.clone())).map_err(failed)?);
        }
        // Each worker thread creates its own application.
        let application = move |config: &mut web::ServiceConfig| {
            let heart = watchdog.heart(format!("worker {}", workers.fetch_add(1, Ordering::Relaxed) + 1));
            heart.is_of_this_thread();
            actix_web::rt::spawn(heart.beat());
            routes(config);
        };
        let serving = Serving { wants: Some(wants), ..serving(listener, Hosts::Ours, None) };
        let served = edge::serve(serving, application).map_err(|e| Error::start("cannot listen", e))?;
        let (handle, stopped) = (served.handle(), stopping.clone());
        actix_web::rt::spawn(async move {
            stopped.cancelled().await;
            handle.stop(true).await;
        });
        let late = async {
            stopping.cancelled().await;
            tokio::time::sleep(grace + ANSWERS).await;
        };
        tokio::select! {
            served = served => served.map_err(|e| Error::start("the server broke down", e)),
            () = late => {
                tracing::warn!("some workers did not finish their last answers in time; stopping without them");
                Ok(())
            }
        }
    }
}

/// Prints that the server is ready, once it answers, with a command that works.
async fn welcome(services: Services, (store, commands): (Store, Commands), notice: Option<String>) {
    let settings = &services.settings;
    let url = format!("http://{}", settings.listen);
    let mut demo = None;
    if settings.dev {
        match demo::seed(&services, &store, &commands).await {
            Ok(()) => demo = Some(format!("curl -H 'Authorization: Bearer dev-token' {url}/function/{}", demo::NAME)),
            Err(error) => tracing::error!(%error, "demo function not created"),
        }
    }
    let about = &services.about;
    let mut text = format!(
        "\nEventFlow {} is ready\n\n  web       {url}/\n  GraphiQL  {url}/graphql\n  store     {}\n  queue     {}\n  executor  {}\n",
        env!("CARGO_PKG_VERSION"),
        about.store,
        about.queue,
        about.executor
    );
    for warning in &about.warnings {
        text.push_str(&format!("\n  WARNING   {warning}\n"));
    }
    if let Some(notice) = notice {
        text.push_str(&format!("\n  {notice}\n"));
    }
    match demo {
        Some(line) => {
            text.push_str(&format!("  sign in   admin / admin, or the token dev-token (--dev)\n\n  {line}\n"))
        }
        None => text.push_str(&format!("\n  curl {url}/readyz\n")),
    }
    // Nobody may be reading any more.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Ends runs and builds while calls are still being answered; all share the grace period. Returns when it is over.
async fn settle(dispatch: Arc<Dispatch>, services: Services) -> Instant {
    services.stopping.cancelled().await;
    let deadline = Instant::now() + services.settings.limits.stop_grace;
    dispatch.stop(deadline).await;
    deadline
}

/// Ends everything in order: calls are recorded before the log closes, then instances end.
fn stop(runtime: &Runtime, platform: Platform, settled: JoinHandle<Instant>) {
    let Platform { services, store, recorder, recorded, docker, .. } = platform;
    drop(recorder);
    // The server may have failed without a signal.
    services.stopping.cancel();
    runtime.block_on(async {
        // Waiting runs stay in the log. If instances ended first, these runs would fail for lack of one.
        let deadline = settled.await.unwrap_or_else(|_| Instant::now());
        if tokio::time::timeout_at(deadline.max(Instant::now() + ANSWERS), recorded).await.is_err() {
            tracing::warn!("some calls were not recorded in time");
        }
        services.keeping.stop(deadline).await;
        if let Some(docker) = docker {
            docker.clear().await;
        }
        dispatch::sealing::finish(&store, &services.settings.data_dir).await;
    });
}

/// The keys that sign a namespace's callbacks: its own secret, or one derived from the server's key.
fn callback_secrets(vault: Vault, server_key: Vec<u8>) -> dispatch::CallbackSecret {
    Arc::new(move |namespace| {
        let (vault, namespace) = (vault.clone(), namespace.to_owned());
        let derived = auth::derived_key(&server_key, CALLBACKS, &namespace);
        Box::pin(async move {
            match vault.secret(&namespace, CALLBACK_SECRET).await {
                Ok(secret) => Ok(dispatch::callback::key_of(&secret.value)),
                Err(vault::Error::NotSet { .. }) => Ok(derived.to_vec()),
                Err(error) => Err(error.to_string()),
            }
        })
    })
}

/// The key that signs a namespace's callbacks if it has no secret of its own for that, in the form used for
/// verification.
///
/// # Errors
/// If the data folder cannot be read or written.
fn callback_key(settings: &Settings, namespace: &str) -> Result<String, Error> {
    let key = auth::server_key(settings).map_err(|e| Error::start("cannot read the server's key", e))?;
    let derived = auth::derived_key(&key, CALLBACKS, namespace);
    Ok(format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(derived)))
}

/// Opens the log without the other rooms, for the commands that work on it.
///
/// # Errors
/// If it cannot be opened.
async fn open_store(settings: &Settings) -> Result<Store, Error> {
    data_dir::secure(&settings.data_dir)
        .map_err(|e| Error::start(format_args!("cannot use the data folder {}", settings.data_dir.display()), e))?;
    Ok(store::open(settings.database_url.as_deref(), &settings.data_dir).await?)
}

/// Opens the log for reading, possibly while a server is running.
///
/// # Errors
/// If it cannot be opened.
async fn open_store_to_read(settings: &Settings) -> Result<Store, Error> {
    Ok(store::open_read_only(settings.database_url.as_deref(), &settings.data_dir).await?)
}
