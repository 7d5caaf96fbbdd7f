//! Functions, in the format known to clients of older platforms.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use domain::Json;
use domain::function::{BuildStatus, Status, event::Source};
use domain::manifest::Mode;
use domain::trigger::index::Kind;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::described::{Name, NamespaceHeader};
use super::incoming::{caller, duration, named, namespace, next_link, page_size, query, wrong_method};
use super::run::RunBody;
use crate::edge::origin::{base_url, function_url};
use crate::edge::{HttpError, Services, body, call_options, capture};
use crate::ingress::lists::LISTS;
use crate::operations::{self, Caller, Invocation, Registration, Viewer, Wait};
use crate::store::{BuildRow, FunctionFilter, FunctionRow, PageRequest, VersionRow, View};

/// The longest wait for a run's end over HTTP.
const MAX_WAIT: Duration = Duration::from_secs(300);

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/v1/functions")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(web::to(wrong_method)),
        )
        .service(
            web::resource("/v1/functions/{name:[^/:]+}:invoke")
                .route(web::post().to(invoke))
                .default_service(web::to(wrong_method)),
        )
        .service(
            web::resource("/v1/functions/{name:[^/:]+}/payloads")
                .route(web::delete().to(erase))
                .default_service(web::to(wrong_method)),
        )
        .service(
            web::resource("/v1/functions/{name:[^/:]+}")
                .route(web::get().to(show))
                .route(web::delete().to(delete))
                .default_service(web::to(wrong_method)),
        );
}

/// A function to register and build.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFunction {
    /// Unique in its namespace.
    #[schema(value_type = Name)]
    name: String,
    /// Where it belongs; that of the query or of the header `X-Namespace`, or else the default one, when absent.
    #[schema(value_type = Option<Name>)]
    namespace: Option<String>,
    /// A container image; alternatively `source`.
    image: Option<String>,
    source: Option<NewSource>,
    /// The number of instances to keep, whatever the function's own file says. If absent or above 0, the function is
    /// started
    /// when its first build has succeeded.
    #[schema(maximum = 1000)]
    #[serde(default, deserialize_with = "crate::edge::json::whole")]
    replicas: Option<u32>,
    /// The image's command, or the program of a `command` function.
    #[schema(min_items = 1, max_items = 100)]
    command: Option<Vec<String>>,
    /// Environment variables of the process.
    env: Option<BTreeMap<String, String>>,
    /// The runtime. Required with `env` unless `image` or `command` is given.
    runtime: Option<String>,
    /// The complete `function.json`, instead of `replicas`, `command`, `env` and `runtime`.
    manifest: Option<Value>,
    /// The name of a function of the same namespace and repository. If that one has credentials for the repository's
    /// address,
    /// this function gets a copy, unless its own address has some.
    #[schema(value_type = Option<Name>)]
    credentials_of: Option<String>,
}

/// Where a function's code comes from: one of the three.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum NewSource {
    /// A Git repository.
    Git {
        /// `https://HOST/PATH`, `ssh://USER@HOST/PATH`, `USER@HOST:PATH`, or, if allowed, a path on the server.
        url: String,
        /// A branch, tag or commit; by default the default branch.
        #[serde(rename = "ref")]
        git_ref: Option<String>,
        /// The folder of the function in the repository.
        path: Option<String>,
    },
    /// A bundle uploaded by `POST /v1/bundles`.
    Bundle {
        /// `sha256:` and 64 hexadecimal digits.
        digest: String,
    },
    /// A container image.
    Image {
        /// Such as `ghcr.io/team/app:1`.
        image: String,
        /// A command instead of the image's own.
        command: Option<Vec<String>>,
    },
}

/// A function.
#[derive(Serialize, ToSchema)]
#[schema(as = Function)]
pub(super) struct FunctionBody {
    id: Uuid,
    namespace: String,
    name: String,
    /// The image, or the source of the code.
    image: String,
    /// The desired number of instances.
    replicas: u32,
    /// Instances that take calls.
    available_replicas: u32,
    /// The same as `available_replicas`.
    ready_replicas: u32,
    /// Instances of the current version.
    updated_replicas: u32,
    /// Its state; `BUILD_FAILED` if it was never built, because its newest build failed.
    status: String,
    /// Why it is broken, or why its newest build failed; absent once the cause is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Its newest build.
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<BuildBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    /// The URL that calls it.
    url: String,
    created_at: DateTime<Utc>,
}

/// A build, in short.
#[derive(Serialize, ToSchema)]
#[schema(as = Build)]
struct BuildBody {
    id: Uuid,
    /// `QUEUED`, `RUNNING`, `SUCCEEDED`, `FAILED` or `CANCELLED`.
    status: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    requested_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<DateTime<Utc>>,
    /// If the build failed because the source itself is no function: folders that can be registered, each with its
    /// `path`; at
    /// most 30. Lists of functions leave them out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    offered_folders: Vec<OfferedFolderBody>,
}

/// A folder of a repository that could be a function of its own.
#[derive(Serialize, ToSchema)]
#[schema(as = OfferedFolder)]
struct OfferedFolderBody {
    /// The folder, relative to the repository's root, as a source's `path`.
    path: String,
    /// The kind of function that was recognized, in a few words.
    recognized_as: String,
    /// A free name for the function, derived from the folder's; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    suggested_name: Option<String>,
    /// The name of the function in the same namespace that already has this folder, from the same repository and ref.
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<String>,
}

/// Where a function is.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct NamespaceQuery {
    /// The function's namespace; by default that of the header `X-Namespace`, or else the default namespace.
    #[param(value_type = Option<Name>)]
    namespace: Option<String>,
}

/// Which functions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only of this namespace, or of that of the header `X-Namespace`; of all that the caller may look into when both are absent.
    #[param(value_type = Option<Name>)]
    namespace: Option<String>,
    /// Only functions with this `status`.
    #[param(value_type = Option<FunctionStatus>)]
    status: Option<String>,
    /// Only names that contain this.
    search: Option<String>,
    /// Only functions whose current version has this mode.
    #[param(inline)]
    mode: Option<WantedMode>,
    /// Only functions whose current version has this runtime, such as `node`.
    runtime: Option<String>,
    /// Only functions whose current version has a trigger of this type.
    #[param(inline)]
    trigger: Option<WantedTrigger>,
    /// Only functions whose current version has an event trigger with a pattern that matches this type. The trigger's
    /// filter
    /// is not evaluated.
    #[param(max_length = 1024)]
    event_type: Option<String>,
    /// The most functions on a page; 100 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The cursor in the `Link` header of the previous page.
    after: Option<String>,
}

/// How to invoke.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct How {
    /// The function's namespace; by default that of the header `X-Namespace`, or else the default namespace.
    #[param(value_type = Option<Name>)]
    namespace: Option<String>,
    /// How long to wait for the result, at most five minutes: `30s`, `500ms`, `1.5m`.
    #[param(
        pattern = r"^((300(\.0+)?|[12]?[0-9]{1,2}(\.[0-9]+)?)s?|(300000|[12]?[0-9]{1,5})ms|(5|[0-4](\.[0-9]+)?)m)$"
    )]
    wait: Option<String>,
}

/// Whether a function's process lives on between calls.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum WantedMode {
    Service,
    Job,
}

/// What starts a run.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum WantedTrigger {
    Http,
    Event,
    Schedule,
    Webhook,
}

impl From<WantedMode> for Mode {
    fn from(mode: WantedMode) -> Self {
        match mode {
            WantedMode::Service => Self::Service,
            WantedMode::Job => Self::Job,
        }
    }
}

impl From<WantedTrigger> for Kind {
    fn from(trigger: WantedTrigger) -> Self {
        match trigger {
            WantedTrigger::Http => Self::Http,
            WantedTrigger::Event => Self::Event,
            WantedTrigger::Schedule => Self::Schedule,
            WantedTrigger::Webhook => Self::Webhook,
        }
    }
}

/// Where a function is in its life; `BUILD_FAILED` where nothing of it was ever built, because its newest build failed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum FunctionStatus {
    Registered,
    BuildFailed,
    Built,
    Running,
    Stopped,
    Deregistered,
}

impl FunctionStatus {
    fn of(text: &str) -> Result<Self, HttpError> {
        let text = text.to_uppercase();
        let name: StrDeserializer<'_, serde::de::value::Error> = text.as_str().into_deserializer();
        Self::deserialize(name)
            .map_err(|error| HttpError::bad_request("bad_query", format!("status does not fit: {error}")))
    }

    /// The state in the log, and whether the newest build failed where only that distinguishes two of these.
    fn into_filter(self) -> (Option<Status>, Option<bool>) {
        let (state, build_failed) = match self {
            Self::Registered => (Status::Registered, Some(false)),
            Self::BuildFailed => (Status::Registered, Some(true)),
            Self::Built => (Status::Built, None),
            Self::Running => (Status::Running, None),
            Self::Stopped => (Status::Stopped, None),
            Self::Deregistered => (Status::Deregistered, None),
        };
        (Some(state), build_failed)
    }
}

/// A run that is on disk.
#[derive(Serialize, ToSchema)]
pub(super) struct Queued {
    run_id: Uuid,
}

/// List functions
///
/// Functions sorted by name, page by page.
#[utoipa::path(get, path = "/v1/functions", operation_id = "listFunctions", tag = "functions", params(ListQuery, NamespaceHeader), responses(
    (status = 200, description = "A page of functions", body = Vec<FunctionBody>, headers(
        ("X-Total-Count" = u64, description = "The number of items on all pages"),
        ("Link" = Option<String>, description = "`<…>; rel=\"next\"` leads to the next page, if there is one"),
    )),
))]
pub(super) async fn list(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let which: ListQuery = query(&request)?;
    let first = page_size(which.limit)?;
    let (state, build_failed) = match which.status {
        Some(status) => FunctionStatus::of(&status)?.into_filter(),
        None => (None, None),
    };
    let filter = FunctionFilter {
        state,
        search: which.search,
        mode: which.mode.map(Into::into),
        runtime: which.runtime,
        trigger: which.trigger.map(Into::into),
        event_type: which.event_type,
        build_failed,
        ..FunctionFilter::default()
    };
    let view = services.view_of(&caller.viewer, named(which.namespace, &request)?.as_deref())?;
    // Held until nothing of the rows is needed.
    let _turn = LISTS.take(&caller.viewer.subject, "").await;
    let page = view.functions(&filter, &PageRequest::first(first).counted().after(which.after)).await?;
    let rows: Vec<_> = page.rows.iter().map(|(_, row)| row).collect();
    let versions = view.current_versions(&rows).await?;
    let versions: HashMap<_, _> = versions.into_iter().map(|version| (version.function, version)).collect();
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let builds = view.newest_builds(&ids).await?;
    let mut builds: HashMap<_, _> = builds.into_iter().map(|build| (build.function, build)).collect();
    let base = base_url(&request);
    let next = page.rows.last().filter(|_| page.has_next).map(|(cursor, _)| next_link(&request, cursor));
    let mut bodies = Vec::with_capacity(page.rows.len());
    for (_, row) in page.rows {
        let build = builds.remove(&row.id);
        bodies.push(describe(&services, &base, versions.get(&row.id), build, row).await);
    }
    let mut response = HttpResponse::Ok();
    response.insert_header(("x-total-count", page.total.to_string()));
    if let Some(Ok(link)) = next.map(|link| HeaderValue::from_str(&link)) {
        response.insert_header((header::LINK, link));
    }
    Ok(response.json(bodies))
}

/// Register a function
///
/// Registers a function and requests its first build. Unless `replicas` is 0, this server starts the function when that
/// build has succeeded; if the server stops before that, start it yourself.
#[utoipa::path(post, path = "/v1/functions", operation_id = "createFunction", tag = "functions", params(NamespaceQuery, NamespaceHeader), request_body = NewFunction, responses(
    (status = 201, description = "The function is registered", body = FunctionBody, headers(("Location" = String, description = "The function's path"))),
    (status = 404, description = "`function_not_found`: the function named by `credentials_of` does not exist"),
    (status = 409, description = "`name_taken`: there is another function of this name; `too_many_builds`: too many of its builds wait; `too_many_functions`: the namespace is full"),
))]
pub(super) async fn create(
    request: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let namespace_query: NamespaceQuery = query(&request)?;
    let asked: NewFunction = body::json(&body::read(&request, payload, services.settings.limits.body).await?)?;
    let wanted = namespace_query.namespace.as_ref().or(asked.namespace.as_ref()).cloned();
    if let Some((namespace_query, body)) =
        namespace_query.namespace.zip(asked.namespace.clone()).filter(|(namespace_query, body)| namespace_query != body)
    {
        let message = format!("the query names the namespace `{namespace_query}`, and the body `{body}`: name one");
        return Err(HttpError::bad_request("bad_query", message));
    }
    let (namespace, start) = (namespace(wanted, &request, &services)?, asked.replicas != Some(0));
    let credentials_of = match &asked.credentials_of {
        Some(other) => Some(operations::named(&services, &caller.viewer, &namespace, other).await?.id),
        None => None,
    };
    let asked = Registration { credentials_of, ..registration(asked, namespace)? };
    let id = operations::register(&services, &caller, asked).await?;
    let row = operations::visible(&services, &caller.viewer, id).await?;
    if row.state == Status::Registered {
        let position = row.position;
        let build = operations::build(&services, &caller, id, None).await?;
        if start {
            let services = services.operations.clone();
            tokio::spawn(operations::start_when_built(services, caller.clone(), id, build, position));
        }
    }
    let location = format!("/v1/functions/{}", row.name);
    let body = body_of(&request, &services, &caller.viewer, row).await?;
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(body))
}

/// The caller, and the function that the path names, if the caller sees it.
async fn addressed(request: &HttpRequest, services: &Services, name: &str) -> Result<(Caller, FunctionRow), HttpError> {
    let caller = caller(request, services)?;
    let asked: NamespaceQuery = query(request)?;
    let namespace = namespace(asked.namespace, request, services)?;
    let row = operations::named(services, &caller.viewer, &namespace, name).await?;
    Ok((caller, row))
}

/// Get a function
///
/// A function with its state and its instances.
#[utoipa::path(get, path = "/v1/functions/{name}", operation_id = "getFunction", tag = "functions", params(("name" = Name, Path, description = "The function"), NamespaceQuery, NamespaceHeader), responses(
    (status = 200, description = "The function", body = FunctionBody),
    (status = 404, description = "`function_not_found`: there is no such function"),
))]
pub(super) async fn show(
    request: HttpRequest,
    name: web::Path<String>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let (caller, row) = addressed(&request, &services, &name).await?;
    Ok(HttpResponse::Ok().json(body_of(&request, &services, &caller.viewer, row).await?))
}

/// Deregister a function
///
/// Deregisters a function permanently. Its history stays.
#[utoipa::path(delete, path = "/v1/functions/{name}", operation_id = "deleteFunction", tag = "functions", params(("name" = Name, Path, description = "The function"), NamespaceQuery, NamespaceHeader), responses(
    (status = 204, description = "The function is deregistered"),
    (status = 404, description = "`function_not_found`: there is no such function"),
))]
pub(super) async fn delete(
    request: HttpRequest,
    name: web::Path<String>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let (caller, row) = addressed(&request, &services, &name).await?;
    operations::deregister(&services, &caller, row.id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Which runs are erased.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Erasing {
    /// The function's namespace; by default that of the header `X-Namespace`, or else the default namespace.
    #[param(value_type = Option<Name>)]
    namespace: Option<String>,
    /// The value of `next` in the previous answer.
    after: Option<String>,
}

/// Runs whose payloads are erased.
#[derive(Serialize, ToSchema)]
pub(super) struct ErasedRuns {
    /// Runs that were erased.
    erased: u32,
    /// Runs that are not over, or whose callbacks are still open: they are left unchanged.
    open: u32,
    /// The value for `after` in the next request; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Erase the payloads of a function
///
/// Erases the inputs, results and lines of the next hundred runs of a function, newest first, and the events that were
/// for
/// this function only. Their records stay and show when.
#[utoipa::path(delete, path = "/v1/functions/{name}/payloads", operation_id = "eraseFunctionRuns", tag = "functions", params(("name" = Name, Path, description = "The function"), Erasing, NamespaceHeader), responses(
    (status = 200, description = "They are erased", body = ErasedRuns),
    (status = 400, description = "`bad_page`: `after` is not from an answer"),
    (status = 404, description = "`function_not_found`: there is no such function"),
    (status = 409, description = "`older_servers`: a server of an older version is running"),
))]
pub(super) async fn erase(
    request: HttpRequest,
    name: web::Path<String>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let asked: Erasing = query(&request)?;
    let namespace = namespace(asked.namespace, &request, &services)?;
    let row = operations::named(&services, &caller.viewer, &namespace, &name).await?;
    let operations::Erased { erased, open, next } =
        operations::erase_runs(&services, &caller, row.id, asked.after).await?;
    Ok(HttpResponse::Ok().json(ErasedRuns { erased, open, next }))
}

/// Invoke a function
///
/// Requests one run with the body as its event's data; with `?wait=30s` the answer is the result.
#[utoipa::path(post, path = "/v1/functions/{name}:invoke", operation_id = "invokeFunction", tag = "functions",
    params(
        ("name" = Name, Path, description = "The function"), How, NamespaceHeader,
        ("Idempotency-Key" = Option<String>, Header, description = "A key under which the request is executed once, however often it is sent", min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$"),
        ("X-Callback-Url" = Option<String>, Header, description = "Where the outcome is sent: an address that this server may call", format = "uri"),
    ),
    request_body(content((Value = "application/json"), (String = "text/plain")), description = "The data of the function's event; none without a body"),
    responses(
    (status = 200, description = "The run is over", body = RunBody),
    (status = 202, description = "The run is on disk", body = Queued, headers(("Location" = String, description = "The run's path"))),
    (status = 404, description = "`function_not_found`: there is no such function"),
    (status = 409, description = "`function_not_running`: it does not run"),
    (status = 422, description = "`bad_callback`: X-Callback-Url may not be called; `idempotency_key_reused`: the key came with another request"),
))]
pub(super) async fn invoke(
    request: HttpRequest,
    payload: web::Payload,
    name: web::Path<String>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let how: How = query(&request)?;
    let wait = how.wait.as_deref().map(|text| {
        let most = MAX_WAIT.as_secs();
        let bad = |why: String| {
            HttpError::bad_request(
                "bad_query",
                format!("wait `{text}` is not a time such as 30s, of at most {most} s: {why}"),
            )
        };
        let wait = duration(text).map_err(|fault| bad(fault.to_string()))?;
        if wait <= MAX_WAIT { Ok(wait) } else { Err(bad("it is longer".to_owned())) }
    });
    let wait = wait.transpose()?;
    let row =
        operations::named(&services, &caller.viewer, &namespace(how.namespace, &request, &services)?, &name).await?;
    let callback = call_options::callback(request.headers(), &services.settings.callback_allow)?;
    let key = call_options::key(request.headers())?;
    let bytes = body::read(&request, payload, services.settings.limits.body).await?;
    let payload = match bytes.is_empty() {
        true => None,
        false => Some(event_data(&request, &bytes)?),
    };
    let http = json!({ "method": "POST", "path": "/", "query": {}, "headers": own_headers(&request) });
    let waiting = match wait {
        Some(time) => Some(Wait::at_most(&services, time).await?),
        None => None,
    };
    let asked = Invocation { function: row.id, payload, http: Some(http), callback, key };
    let asked = operations::invoke(&services, &caller, asked).await?;
    let run = asked.run;
    let over = match waiting {
        Some(waiting) => operations::wait(&services, &caller.viewer, run, waiting).await?,
        None => None,
    };
    let mut response = if over.is_some() { HttpResponse::Ok() } else { HttpResponse::Accepted() };
    if asked.replayed {
        response.insert_header((operations::REPLAYED, "true"));
    }
    Ok(match over {
        Some(run) => response.json(RunBody::from(run)),
        None => {
            response.insert_header((header::LOCATION, format!("/v1/runs/{run}"))).json(Queued { run_id: run.uuid() })
        }
    })
}

/// Interprets the body: JSON, unchanged, if the content type says so or is missing, and text otherwise.
fn event_data(request: &HttpRequest, bytes: &[u8]) -> Result<Json, HttpError> {
    let kind =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("application/json");
    // curl's default content type.
    let unsaid = kind.starts_with("application/x-www-form-urlencoded");
    match crate::edge::json::carried(bytes) {
        Ok(json) => Ok(json),
        Err(error) if kind.contains("json") => {
            Err(HttpError::bad_request("bad_json", format!("the body does not fit: {error}")))
        }
        Err(_) if unsaid || kind.starts_with("text/") => Ok(Json::from(&json!(String::from_utf8_lossy(bytes)))),
        Err(_) => {
            Err(HttpError::bad_request("bad_body", format!("the body is `{kind}`; an event's data is JSON or text")))
        }
    }
}

/// The headers of a request that the function gets. Values of a repeated header are joined (RFC 9110, section 5.3).
fn own_headers(request: &HttpRequest) -> Map<String, Value> {
    let headers = request.headers();
    let kept = headers.keys().filter(|name| capture::is_captured(name.as_str()));
    let joined = kept.filter_map(|name| {
        let values: Vec<_> = headers.get_all(name).filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| (name.to_string(), json!(values.join(", "))))
    });
    joined.collect()
}

fn registration(asked: NewFunction, namespace: String) -> Result<Registration, HttpError> {
    let NewFunction { name, image, source, replicas, command, env, runtime, manifest, .. } = asked;
    if command.as_ref().is_some_and(Vec::is_empty) {
        return Err(HttpError::bad_request("bad_source", "the command is empty; leave it out to run what there is"));
    }
    let of_image = image.is_some() || matches!(source, Some(NewSource::Image { .. }));
    let source = match (image, source) {
        (Some(image), None) => Source::Image { image, command: command.clone() },
        (None, Some(NewSource::Image { image, command: own })) => {
            Source::Image { image, command: own.or_else(|| command.clone()) }
        }
        (None, Some(NewSource::Git { url, git_ref, path })) => Source::Git { url, git_ref, path },
        (None, Some(NewSource::Bundle { digest })) => Source::Bundle { digest },
        _ => return Err(HttpError::bad_request("bad_source", "give either image or source")),
    };
    let says = replicas.is_some() || command.is_some() || env.is_some() || runtime.is_some();
    let manifest = match (manifest, says) {
        (Some(_), true) => {
            return Err(HttpError::bad_request(
                "bad_manifest",
                "give either manifest, or replicas, command, env and runtime",
            ));
        }
        (manifest, false) => manifest,
        // Only the scaling differs from what the function's own file says.
        (None, true) if runtime.is_none() && command.is_none() && env.is_none() && !of_image => {
            let replicas = replicas.filter(|n| *n > 0);
            return Ok(Registration { namespace, name, source, manifest: None, replicas, credentials_of: None });
        }
        (None, true) => {
            let runtime = runtime
                .or_else(|| of_image.then(|| "docker".to_owned()))
                .or_else(|| command.as_ref().map(|_| "command".to_owned()));
            let runtime = runtime.ok_or_else(|| {
                HttpError::bad_request(
                    "bad_manifest",
                    "env needs runtime as well: node, python, python-flask or command",
                )
            })?;
            let mut manifest = json!({ "runtime": runtime });
            if let Some(command) = command.filter(|_| !of_image) {
                manifest["command"] = json!(command);
            }
            if let Some(env) = env {
                manifest["env"] = json!(env);
            }
            if let Some(replicas) = replicas.filter(|replicas| *replicas > 0) {
                manifest["scaling"] = operations::scaling_of(replicas);
            }
            Some(manifest)
        }
    };
    Ok(Registration { namespace, name, source, manifest, replicas: None, credentials_of: None })
}

/// The number of instances that a function was registered with, unless that is left to its own file.
fn registered_replicas(row: &FunctionRow) -> u32 {
    let least = row.manifest.as_ref().and_then(|manifest| manifest.value()["scaling"]["min"].as_u64());
    least.and_then(|least| u32::try_from(least).ok()).unwrap_or_default()
}

async fn body_of(
    request: &HttpRequest,
    services: &Services,
    viewer: &Viewer,
    row: FunctionRow,
) -> Result<FunctionBody, HttpError> {
    let view = services.view(viewer);
    let version = match row.current_version {
        Some(number) => view.version(&row, number).await?,
        None => None,
    };
    let build = view.newest_builds(&[row.id]).await?.pop();
    let offered_folders = match &build {
        Some(build) => offered(services, &view, build).await?,
        None => Vec::new(),
    };
    let mut body = describe(services, &base_url(request), version.as_ref(), build, row).await;
    if let Some(build) = &mut body.build {
        build.offered_folders = offered_folders;
    }
    Ok(body)
}

async fn offered(services: &Services, view: &View, build: &BuildRow) -> Result<Vec<OfferedFolderBody>, HttpError> {
    let mut names = operations::suggested_names(services, build).await?.into_iter();
    let mut functions = operations::functions_of_offers(services, build).await?.into_iter();
    let ids: Vec<_> = functions.as_slice().iter().copied().flatten().collect();
    let known: HashMap<_, _> = match ids.is_empty() {
        true => HashMap::new(),
        false => view.functions_by_id(&ids).await?.into_iter().map(|row| (row.id, row.name)).collect(),
    };
    let folders = build.offered.iter().map(|offer| OfferedFolderBody {
        path: offer.path.clone(),
        recognized_as: offer.recognized_as.clone(),
        suggested_name: names.next().flatten(),
        function: functions.next().flatten().and_then(|id| known.get(&id).cloned()),
    });
    Ok(folders.collect())
}

async fn describe(
    services: &Services,
    base: &str,
    version: Option<&VersionRow>,
    build: Option<BuildRow>,
    row: FunctionRow,
) -> FunctionBody {
    let failed = build.as_ref().filter(|build| build.state == BuildStatus::Failed);
    let why_failed =
        failed.and_then(|build| build.error.as_deref()).map(|error| format!("its newest build failed: {error}"));
    let reason = services.keeping.fault_of(&row).await.or_else(|| row.reason.clone()).or(why_failed);
    let status = match (row.state, failed) {
        (Status::Registered, Some(_)) => "BUILD_FAILED",
        (state, _) => state.name(),
    };
    let instances = services.keeping.instances(row.id);
    let count = |fits: &dyn Fn(&crate::keeping::InstanceInfo) -> bool| {
        u32::try_from(instances.iter().filter(|instance| fits(instance)).count()).unwrap_or(u32::MAX)
    };
    let ready = count(&|instance| instance.state == "ready");
    let wanted = match row.state {
        Status::Running => {
            version.and_then(|version| version.manifest().ok()).map_or(0, |made| made.scaling.min).max(ready)
        }
        Status::Registered | Status::Built => registered_replicas(&row),
        Status::Stopped | Status::Deregistered => 0,
    };
    FunctionBody {
        id: row.id.uuid(),
        image: told_source(&row.source),
        replicas: wanted,
        available_replicas: ready,
        ready_replicas: ready,
        updated_replicas: count(&|instance| instance.state == "ready" && Some(instance.version) == row.current_version),
        url: function_url(&services.settings, base, &row.namespace, &row.name),
        namespace: row.namespace,
        name: row.name,
        status: status.to_owned(),
        reason,
        build: build.map(|build| BuildBody {
            id: build.id.uuid(),
            status: build.state.name().to_owned(),
            error: build.error,
            requested_at: build.requested_at,
            finished_at: build.finished_at,
            offered_folders: Vec::new(),
        }),
        version: row.current_version,
        created_at: row.created_at,
    }
}

/// A source in one text, where only images are expected.
pub(in crate::ingress) fn told_source(source: &Source) -> String {
    match source {
        Source::Image { image, .. } => image.clone(),
        Source::Git { url, git_ref: Some(git_ref), .. } => format!("{url}#{git_ref}"),
        Source::Git { url, .. } => url.clone(),
        Source::Bundle { digest } => digest.clone(),
    }
}
