//! The operations on a function's lifecycle.

use domain::Json;
use domain::access::Action;
use domain::function::{self, BuildId, Command, Override, Status, event::Source};
use domain::manifest::Manifest;
use serde_json::{Value, json};

use super::{Caller, Problem, Refusal, Services, Viewer, ambiguity, capacity, credentials};
use crate::builder::manifest;
use crate::store::{FunctionRow, PageRequest};
use crate::{actors, clock};

/// Maximum number of retries of a registration that conflicts with a deregistration.
const MAX_TRIES: u32 = 3;

/// Maximum number of words of an image's command, and maximum length of a word: those of a manifest's `command`.
const MAX_WORDS: usize = 100;
const MAX_WORD: usize = 4096;

/// The data of a registration.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The function's namespace.
    pub namespace: String,
    /// Unique in its namespace.
    pub name: String,
    /// The source.
    pub source: Source,
    /// A manifest that overrides the file in the source.
    pub manifest: Option<Value>,
    /// The number of instances, if everything else is in the file in the source. Excludes a manifest.
    pub replicas: Option<u32>,
    /// A function of the same namespace and repository whose credentials it gets, unless its own address has some.
    pub credentials_of: Option<function::Id>,
}

/// The manifest for a fixed number of instances.
pub fn scaling_of(replicas: u32) -> Value {
    json!({ "min": replicas, "max": replicas })
}

/// Changes for the next build. `None` leaves a value unchanged.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// The source.
    pub source: Option<Source>,
    /// A manifest that overrides the file in the source.
    pub manifest: Option<Value>,
    /// Removes the override: the file in the source applies again.
    pub drop_manifest: bool,
}

/// The function, if the viewer may see it.
///
/// # Errors
/// `function_not_found`, or if the log is not available.
pub async fn visible(services: &Services, viewer: &Viewer, id: function::Id) -> Result<FunctionRow, Refusal> {
    let row = services.view(viewer).function(id).await?;
    row.ok_or_else(|| Refusal::no_function(&id.to_string()))
}

/// The function that currently has this name, if the viewer may see it.
///
/// # Errors
/// `function_not_found`, or if the log is not available.
pub async fn named(services: &Services, viewer: &Viewer, namespace: &str, name: &str) -> Result<FunctionRow, Refusal> {
    let row = services.view(viewer).function_named(namespace, name).await?;
    row.filter(|row| row.state != Status::Deregistered).ok_or_else(|| Refusal::no_function(name))
}

/// Registers a function. Repeating the same registration has no effect; the name of a deregistered function is free.
///
/// # Errors
/// All faults of name, namespace, source and manifest at once; `name_taken`, `too_many_functions`.
pub async fn register(services: &Services, caller: &Caller, asked: Registration) -> Result<function::Id, Refusal> {
    caller.viewer.may(Action::Deploy, &asked.namespace).map_err(|refusal| refusal.at(&["input", "namespace"]))?;
    let mut problems = Vec::new();
    if !domain::name::fits(&asked.namespace) {
        let error = function::Error::BadNamespace { namespace: asked.namespace.clone() };
        problems.push(Problem::new(error.code(), error.to_string()).at(["input", "namespace"]));
    }
    if !domain::name::fits(&asked.name) {
        let error = function::Error::BadName { name: asked.name.clone() };
        problems.push(Problem::new(error.code(), error.to_string()).at(["input", "name"]));
    }
    let Registration { namespace, name, source, manifest, replicas, credentials_of } = asked;
    let (source, whole) = credentials::split(source);
    problems.extend(source_problems(services, &source));
    let partial = replicas.map(|replicas| json!({ "scaling": scaling_of(replicas) }));
    problems.extend(match &partial {
        // As far as possible without the file in the source; the build checks the combination again.
        Some(partial) => found(services, manifest::parse_over(json!({ "runtime": "node" }), partial)),
        None => manifest_problems(services, manifest.as_ref()),
    });
    problems.extend(ambiguity::problem(services, caller, &namespace, &name).await?);
    if let Some(other) = credentials_of {
        problems.extend(credentials::problem(services, caller, &namespace, &source, other).await?);
    }
    if !problems.is_empty() {
        return Err(Refusal::Refused(problems));
    }
    let manifest = partial.or(manifest);
    let manifest = manifest.as_ref().map(Json::from);
    // Held until the function is in the tables, so that the next registration counts it.
    let _turn = capacity::turn(&namespace).await;
    let newest = services.guarded.store.function_named(&namespace, &name).await?;
    let is_new = newest.as_ref().is_none_or(|row| row.state == Status::Deregistered);
    if is_new {
        capacity::check(services, &namespace).await?;
    }
    let mut generation = newest.map_or(1, |row| row.generation + u32::from(row.state == Status::Deregistered));
    let mut tries = 0;
    loop {
        let id = function::id(&namespace, &name, generation);
        let command = Command::Register {
            id,
            namespace: namespace.clone(),
            name: name.clone(),
            generation,
            source: source.clone(),
            manifest: manifest.clone(),
            at: clock::now(),
        };
        match services.guarded.commands.function(id, command, caller.cause()).await {
            Ok(_) => {
                ambiguity::settle(services, caller, id, &namespace, &name).await?;
                // Existing functions stay, even if the limit was lowered.
                if is_new {
                    capacity::settle(services, caller, id, &namespace).await?;
                }
                // After the function is registered: a refused one must not leave secrets behind. Repeating this is
                // harmless.
                match (whole, credentials_of) {
                    (Some(whole), _) => credentials::keep(services, caller, &namespace, id, whole).await?,
                    (None, Some(other)) => credentials::copy(services, caller, &namespace, other, id).await?,
                    (None, None) => {}
                }
                return Ok(id);
            }
            // It was deregistered after the lookup.
            Err(actors::Error::Refused(function::Error::Deregistered)) if tries < MAX_TRIES => {
                tries += 1;
                generation += 1;
            }
            Err(error) => return Err(Refusal::from(error).at(&["input", "name"])),
        }
    }
}

/// Changes what the next build uses.
///
/// # Errors
/// All faults of source and manifest at once; refusals of the function.
pub async fn update(services: &Services, caller: &Caller, id: function::Id, asked: Update) -> Result<(), Refusal> {
    let row = allowed(services, caller, Action::Deploy, id).await?;
    let (source, whole) =
        asked.source.map(credentials::split).map_or((None, None), |(source, whole)| (Some(source), whole));
    let mut problems: Vec<_> = source.iter().flat_map(|source| source_problems(services, source)).collect();
    problems.extend(manifest_problems(services, asked.manifest.as_ref()));
    if !problems.is_empty() {
        return Err(Refusal::Refused(problems));
    }
    let manifest = match (asked.manifest, asked.drop_manifest) {
        (Some(_), true) => {
            let message = "give a manifest, or dropManifest for that of the source to count again, and not both";
            return Err(Problem::new("bad_request", message).at(["input", "dropManifest"]).into());
        }
        (Some(manifest), false) => Override::Set(Json::from(&manifest)),
        (None, true) => Override::Drop,
        (None, false) => Override::Keep,
    };
    let moved = source.as_ref().is_some_and(|source| credentials::url_of(source) != credentials::url_of(&row.source));
    ask(services, caller, id, Command::Update { source, manifest, at: clock::now() }).await?;
    match whole {
        Some(whole) => credentials::keep(services, caller, &row.namespace, id, whole).await,
        None if moved => credentials::forget(services, caller, &row.namespace, id).await,
        None => Ok(()),
    }
}

/// Requests a build.
///
/// # Errors
/// Refusals of the function.
pub async fn build(
    services: &Services,
    caller: &Caller,
    id: function::Id,
    git_ref: Option<String>,
) -> Result<BuildId, Refusal> {
    let row = allowed(services, caller, Action::Deploy, id).await?;
    if let (Some(git_ref), source) = (&git_ref, &row.source) {
        if !matches!(source, Source::Git { .. }) {
            let message = "the function's source is no Git repository, which alone has refs; leave `ref` out";
            return Err(Problem::new("bad_ref", message).at(["ref"]).into());
        }
        if let Some(message) = ref_fault(git_ref) {
            return Err(Problem::new("bad_ref", message).at(["ref"]).into());
        }
    }
    let build = clock::new_id();
    ask(services, caller, id, Command::RequestBuild { build, git_ref, at: clock::now() }).await?;
    Ok(build)
}

/// Cancels a build, waiting or running.
///
/// # Errors
/// `build_not_found`, or refusals of the function.
pub async fn cancel_build(services: &Services, caller: &Caller, build: BuildId) -> Result<(), Refusal> {
    let not_found = || Refusal::from(function::Error::NoSuchBuild { build });
    let row = services.view(&caller.viewer).builds_by_id(&[build]).await?.pop().ok_or_else(not_found)?;
    allowed(services, caller, Action::Deploy, row.function).await?;
    ask(services, caller, row.function, Command::CancelBuild { build, at: clock::now() }).await.map(|_| ())
}

/// Starts the current version; a version that cannot start is reported without waiting for the first call.
///
/// # Errors
/// Refusals of the function.
pub async fn start(services: &Services, caller: &Caller, id: function::Id) -> Result<(), Refusal> {
    allowed(services, caller, Action::Operate, id).await?;
    ask(services, caller, id, Command::Start { at: clock::now() }).await?;
    let keeping = services.keeping.clone();
    tokio::spawn(async move {
        if let Err(error) = keeping.warm_up(id).await {
            tracing::warn!(function = %id, %error, "not warmed up");
        }
    });
    Ok(())
}

/// Stops a function.
///
/// # Errors
/// Refusals of the function.
pub async fn stop(
    services: &Services,
    caller: &Caller,
    id: function::Id,
    reason: Option<String>,
) -> Result<(), Refusal> {
    allowed(services, caller, Action::Operate, id).await?;
    ask(services, caller, id, Command::Stop { reason, at: clock::now() }).await?;
    close_gap(services, id).await;
    Ok(())
}

/// Deregisters a function permanently. Calls after the return do not find it.
///
/// # Errors
/// If the viewer is not allowed to, or the log is not available.
pub async fn deregister(services: &Services, caller: &Caller, id: function::Id) -> Result<(), Refusal> {
    let row = allowed(services, caller, Action::Deploy, id).await?;
    ask(services, caller, id, Command::Deregister { at: clock::now() }).await?;
    credentials::forget(services, caller, &row.namespace, id).await?;
    close_gap(services, id).await;
    Ok(())
}

/// Makes an older version the current one; without a number, the one before the current.
///
/// # Errors
/// Refusals of the function; `no_earlier_version`.
pub async fn rollback(
    services: &Services,
    caller: &Caller,
    id: function::Id,
    version: Option<u32>,
    reason: Option<String>,
) -> Result<(), Refusal> {
    let row = allowed(services, caller, Action::Deploy, id).await?;
    let version = match (version, row.current_version) {
        (Some(version), _) => version,
        (None, Some(current)) if current > 1 => current - 1,
        (None, Some(current)) => {
            let message = format!("version {current} is the first: there is none before it to roll back to");
            return Err(Refusal::problem("no_earlier_version", message));
        }
        (None, None) => return Err(function::Error::NotBuilt.into()),
    };
    is_kept(services, id, version).await?;
    let reason = reason.or_else(|| Some("rolled back".to_owned()));
    let command = Command::Promote { version, reason, at: clock::now() };
    ask(services, caller, id, command).await.map_err(|refusal| refusal.at(&["version"]))?;
    close_gap(services, id).await;
    Ok(())
}

/// Whether a version's artifact still exists; also true if there is no such version.
pub(super) async fn is_kept(services: &Services, id: function::Id, version: u32) -> Result<(), Refusal> {
    let Some(made) = services.guarded.store.version(id, version).await? else { return Ok(()) };
    // An image is stored by its registry.
    let Some(digest) = made.artifact() else { return Ok(()) };
    if services.builder.artifacts().has(digest).await {
        return Ok(());
    }
    let newest = services.guarded.store.versions(id, &PageRequest::first(1)).await?.rows;
    let kept = services.settings.retention.versions;
    if newest.first().is_none_or(|(_, newest)| newest.number.saturating_sub(version) < kept) {
        // Unexpectedly missing: the start will report that.
        return Ok(());
    }
    let of_commit = made.commit.map(|commit| format!(" of commit {commit}")).unwrap_or_default();
    let message = format!(
        "what was built of version {version} is no longer kept: the newest {kept} are (EVENTFLOW_KEEP_VERSIONS); build the source{of_commit} again"
    );
    Err(Problem::new("version_not_kept", message).at(["version"]).into())
}

/// The function, if the caller may do something with it.
pub(super) async fn allowed(
    services: &Services,
    caller: &Caller,
    action: Action,
    id: function::Id,
) -> Result<FunctionRow, Refusal> {
    let row = visible(services, &caller.viewer, id).await?;
    caller.viewer.may(action, &row.namespace)?;
    Ok(row)
}

async fn ask(services: &Services, caller: &Caller, id: function::Id, command: Command) -> Result<(), Refusal> {
    services.guarded.commands.function(id, command, caller.cause()).await?;
    Ok(())
}

/// The change is recorded and will be applied anyway; applying it now lets the next call see it.
async fn close_gap(services: &Services, id: function::Id) {
    if let Err(error) = services.keeping.reconcile(id).await {
        tracing::warn!(function = %id, %error, "not reconciled at once");
    }
}

fn source_problems(services: &Services, source: &Source) -> Vec<Problem> {
    let at = |code, message: String, last: [&'static str; 2]| {
        Problem::new(code, message).at(["input", "source"].into_iter().chain(last))
    };
    // Texts that are too long are not repeated in other messages.
    if let Err(error) = function::texts::of_source(source) {
        return vec![Problem::new(error.code(), error.to_string()).at(["input", "source"])];
    }
    let mut problems = Vec::new();
    match source {
        Source::Git { url, git_ref, path } => {
            if let Err(message) = services.builder.check_repository(url) {
                problems.push(at("bad_source", message, ["git", "url"]));
            }
            if let Some(message) = git_ref.as_deref().and_then(ref_fault) {
                problems.push(at("bad_ref", message, ["git", "ref"]));
            }
            if path.as_deref().is_some_and(|path| path.starts_with('/') || path.split('/').any(|part| part == "..")) {
                let message = "the path must be a folder inside the repository, without `..` and without a leading `/`";
                problems.push(at("bad_source", message.to_owned(), ["git", "path"]));
            }
        }
        Source::Bundle { digest } => {
            let hex = digest.strip_prefix("sha256:").unwrap_or_default();
            if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
                let message = format!("`{digest}` is not a bundle's digest: POST /v1/bundles answers it, as sha256:…");
                problems.push(at("bad_source", message, ["bundle", "digest"]));
            }
        }
        Source::Image { image, command } => {
            // `user:password@registry/…`; an `@` after the name precedes a digest.
            let has_credentials = image.split_once('/').is_some_and(|(registry, _)| registry.contains('@'));
            let is_no_reference = image.contains("://") || image.chars().any(|c| c.is_whitespace() || c.is_control());
            if image.trim().is_empty() || is_no_reference || has_credentials {
                problems.push(at(
                    "bad_source",
                    "the image must be a reference such as ghcr.io/team/app:1, without user and password".to_owned(),
                    ["image", "image"],
                ));
            }
            let is_too_long =
                |words: &Vec<String>| words.len() > MAX_WORDS || words.iter().any(|word| word.len() > MAX_WORD);
            if command.as_ref().is_some_and(is_too_long) {
                let message =
                    format!("the command has more than {MAX_WORDS} words, or one of more than {MAX_WORD} bytes");
                problems.push(at("bad_source", message, ["image", "command"]));
            }
            if command.as_ref().is_some_and(Vec::is_empty) {
                problems.push(at(
                    "bad_source",
                    "the command is empty; leave it out to run the image's own".to_owned(),
                    ["image", "command"],
                ));
            }
        }
    }
    problems
}

/// Refuses texts that are not valid refs, or that Git would interpret differently.
fn ref_fault(git_ref: &str) -> Option<String> {
    if git_ref.len() > function::texts::MAX_REF {
        return Some(format!(
            "the ref has {} bytes, the most that is taken is {}",
            git_ref.len(),
            function::texts::MAX_REF
        ));
    }
    let bad = git_ref.is_empty()
        || git_ref.starts_with('-')
        || git_ref.contains("..")
        || git_ref.chars().any(|c| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c));
    bad.then(|| format!("`{git_ref}` cannot be a branch, tag or commit"))
}

fn manifest_problems(services: &Services, manifest: Option<&Value>) -> Vec<Problem> {
    manifest.map_or_else(Vec::new, |manifest| found(services, manifest::parse(manifest)))
}

fn found(services: &Services, parsed: Result<Manifest, Vec<manifest::Fault>>) -> Vec<Problem> {
    let faults = match parsed {
        Ok(manifest) => services.builder.excesses(&manifest),
        Err(faults) => faults,
    };
    let problem = |fault: manifest::Fault| {
        let place = fault.pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
        let field: Vec<_> = ["input".to_owned(), "manifest".to_owned()].into_iter().chain(place).collect();
        Problem::new("bad_manifest", fault.to_string()).at(field)
    };
    faults.into_iter().map(problem).collect()
}
