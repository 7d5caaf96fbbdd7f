//! Functions: listed, deployed, deployed again, scaled, removed.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use domain::access::Action;
use domain::function::{self, event::Source};
use futures::{StreamExt, stream};
use serde_json::Value;

use super::caller::{Query, caller, json, namespace, query};
use super::types::{Deployment, Removal, Scale, Status};
use super::{mapping, scaling, status};
use crate::clock;
use crate::edge::{HttpError, Services};
use crate::ingress::lists::LISTS;
use crate::ingress::unsent;
use crate::operations::{self, Caller, Registration, Update};
use crate::store::page::MAX_PAGE;
use crate::store::{FunctionFilter, FunctionRow, PageRequest, Span, View};

/// All functions of a namespace. The API knows no pages: the answer is sent page by page, so that it is never in memory as a
/// whole.
pub(super) async fn list(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let namespace = namespace(query::<Query>(&request)?.namespace, &request, &services)?;
    let view = services.view_of(&caller.viewer, Some(&namespace))?;
    let (first, next) = page(&services, &caller, &view, None).await?;
    let begin = format!("[{}", first.strip_prefix(',').unwrap_or(&first));
    let mut answer = HttpResponse::Ok();
    answer.content_type("application/json");
    if next.is_none() {
        return unsent::answer(answer, (begin + "]").into());
    }
    let services = services.get_ref().clone();
    let rest = stream::unfold((services, caller, namespace, next), |(services, caller, namespace, after)| async move {
        let after = after?;
        // Who has lost the role meanwhile sees no more.
        let made = match services.view_of(&caller.viewer, Some(&namespace)) {
            Ok(view) => page(&services, &caller, &view, Some(after)).await,
            Err(refusal) => Err(refusal.into()),
        };
        match made {
            Ok((texts, next)) => Some((Ok(Bytes::from(texts)), (services, caller, namespace, next))),
            // The answer breaks off, and is no JSON then.
            Err(error) => Some((Err(error), (services, caller, namespace, None))),
        }
    });
    let whole = stream::iter([Ok(Bytes::from(begin))]).chain(rest).chain(stream::iter([Ok(Bytes::from_static(b"]"))]));
    Ok(answer.streaming(whole))
}

/// The items of a list, each after a comma.
fn texts(statuses: &[Status]) -> String {
    let texts = statuses.iter().filter_map(|status| serde_json::to_string(status).ok());
    texts.map(|text| format!(",{text}")).collect()
}

/// A page of functions, each after a comma, and the cursor of the next page.
async fn page(
    services: &Services,
    caller: &Caller,
    view: &View,
    after: Option<String>,
) -> Result<(String, Option<String>), HttpError> {
    // Held until nothing of the rows is needed.
    let _turn = LISTS.take(&caller.viewer.subject, "").await;
    let page = view.functions(&FunctionFilter::default(), &PageRequest::first(MAX_PAGE).after(after)).await?;
    let next = page.rows.last().filter(|_| page.has_next).map(|(cursor, _)| cursor.clone());
    let rows = page.rows.into_iter().map(|(_, row)| row).collect();
    Ok((texts(&described(services, view, rows).await?), next))
}

async fn described(services: &Services, view: &View, rows: Vec<FunctionRow>) -> Result<Vec<Status>, HttpError> {
    let all: Vec<_> = rows.iter().collect();
    let versions = view.current_versions(&all).await?;
    let calls = view.calls(&all, &counted(services)).await?;
    let one = |row: FunctionRow| {
        let version = versions.iter().find(|version| version.function == row.id);
        let calls = calls.get(&row.id).into_iter().flatten().map(|calls| calls.calls).sum();
        let instances = services.keeping.instances(row.id);
        status::of(row, version, calls, &instances)
    };
    Ok(rows.into_iter().map(one).collect())
}

/// The time whose calls are counted: as long as runs are kept.
fn counted(services: &Services) -> Span {
    let kept = TimeDelta::from_std(services.settings.retention.runs).unwrap_or(TimeDelta::MAX);
    let since = clock::now().checked_sub_signed(kept).unwrap_or(DateTime::UNIX_EPOCH).max(DateTime::UNIX_EPOCH);
    Span { since, part: clock::now() - since, parts: 1 }
}

pub(super) async fn show(
    request: HttpRequest,
    name: web::Path<String>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let asked: Query = query(&request)?;
    let row = addressed(&request, &services, &caller, &name, asked.namespace).await?;
    let view = services.view(&caller.viewer);
    let status = described(&services, &view, vec![row]).await?.pop();
    Ok(HttpResponse::Ok().json(status))
}

/// The function that a path names as `NAME`, or as `NAME.NAMESPACE` where no other place says the namespace.
async fn addressed(
    request: &HttpRequest,
    services: &Services,
    caller: &Caller,
    path: &str,
    named: Option<String>,
) -> Result<FunctionRow, HttpError> {
    let named = named.filter(|name| !name.is_empty());
    let (name, named) = match path.split_once('.') {
        Some((name, namespace)) if named.is_none() => (name, Some(namespace.to_owned())),
        _ => (path, named),
    };
    let namespace = namespace(named, request, services)?;
    Ok(operations::named(services, &caller.viewer, &namespace, name).await?)
}

/// Deploys a function for the first time: registers it, and starts it as soon as its image is there.
pub(super) async fn deploy(
    request: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let asked: Deployment = json(&request, payload, &services).await?;
    let namespace = namespace(asked.namespace.clone(), &request, &services)?;
    let manifest = mapping::manifest(&asked, None, is_public(&services, &namespace))?;
    let registration = Registration {
        namespace,
        name: asked.service,
        source: Source::Image { image: asked.image, command: None },
        manifest: Some(manifest),
        replicas: None,
        credentials_of: None,
    };
    let id = operations::register(&services, &caller, registration).await?;
    let row = operations::visible(&services, &caller.viewer, id).await?;
    if row.state == function::Status::Registered {
        build(&services, &caller, &row, true).await?;
    }
    Ok(HttpResponse::Accepted().finish())
}

/// Deploys a function again: what runs goes on until the new version is ready.
pub(super) async fn update(
    request: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let asked: Deployment = json(&request, payload, &services).await?;
    let namespace = namespace(asked.namespace.clone(), &request, &services)?;
    let row = operations::named(&services, &caller.viewer, &namespace, &asked.service).await?;
    let stored = stored(&caller, &row)?;
    let manifest = mapping::manifest(&asked, stored, is_public(&services, &namespace))?;
    let source = Source::Image { image: asked.image, command: None };
    change(&services, &caller, &row, Some(source), manifest, true).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Sets how many instances there are without calls.
pub(super) async fn scale(
    request: HttpRequest,
    name: web::Path<String>,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let named: Query = query(&request)?;
    let asked: Scale = json(&request, payload, &services).await?;
    let named = asked.namespace.filter(|name| !name.is_empty()).or(named.namespace);
    let row = addressed(&request, &services, &caller, &name, named).await?;
    let stored = stored(&caller, &row)?;
    let is_so = stored.as_ref().is_some_and(|manifest| scaling::least(manifest) == asked.replicas);
    let is_up = row.state == function::Status::Running || asked.replicas == 0;
    if !(is_so && is_up) {
        let manifest = mapping::scaled(stored, asked.replicas)?;
        change(&services, &caller, &row, None, manifest, asked.replicas > 0).await?;
    }
    Ok(HttpResponse::Accepted().finish())
}

pub(super) async fn remove(
    request: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let named: Query = query(&request)?;
    let asked: Removal = json(&request, payload, &services).await?;
    // Older clients say the namespace in the query alone; without it, a function of that name in another one would go.
    let named = asked.namespace.filter(|name| !name.is_empty()).or(named.namespace);
    let row = addressed(&request, &services, &caller, &asked.function_name, named).await?;
    operations::deregister(&services, &caller, row.id).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Whether functions of a namespace may have callers without a token.
fn is_public(services: &Services, namespace: &str) -> bool {
    services.settings.edge.public_functions.contain(namespace)
}

/// The manifest that a function of an image was deployed with, for somebody who may change it.
///
/// # Errors
/// 403 for anybody else. 409 if it is no function of an image: a deployment would put an image in the place of its source.
fn stored(caller: &Caller, row: &FunctionRow) -> Result<Option<Value>, HttpError> {
    caller.viewer.may(Action::Deploy, &row.namespace)?;
    match row.source {
        Source::Image { .. } => Ok(row.manifest.as_ref().map(domain::Json::value)),
        Source::Git { .. } | Source::Bundle { .. } => {
            let message = format!(
                "function `{}` is built from its source and was not deployed as an image: change it where it was \
                 registered, or remove it first",
                row.name
            );
            Err(HttpError::new(StatusCode::CONFLICT, "name_taken", message))
        }
    }
}

async fn change(
    services: &Services,
    caller: &Caller,
    row: &FunctionRow,
    source: Option<Source>,
    manifest: Value,
    start: bool,
) -> Result<(), HttpError> {
    let update = Update { source, manifest: Some(manifest), drop_manifest: false };
    operations::update(services, caller, row.id, update).await?;
    build(services, caller, row, start).await
}

/// Builds; `start`: and starts the function if it does not run.
async fn build(services: &Services, caller: &Caller, row: &FunctionRow, start: bool) -> Result<(), HttpError> {
    // Where the log is before the build: what comes before it need not be read.
    let head = services.vitals().head().await?;
    let build = operations::build(services, caller, row.id, None).await?;
    if start && row.state != function::Status::Running {
        let services = services.operations.clone();
        tokio::spawn(operations::start_when_built(services, caller.clone(), row.id, build, head));
    }
    Ok(())
}
