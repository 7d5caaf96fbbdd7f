//! The API's description (OpenAPI) against what the server does: which routes there are, and every answer that any test of
//! this door gets. A route, a status or a field that is not described fails the test that meets it.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{ResourceDef, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{HttpRequest, test};
use jsonschema::Validator;
use parking_lot::Mutex;

use super::*;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&crate::ingress::openapi()).unwrap());

/// Routes that are no part of the REST API.
const OTHERS: [&str; 1] = [
    // It has a description of its own: its schema.
    "/graphql",
];

/// Whether a route is no part of the REST API.
fn is_of_others(path: &str) -> bool {
    // OpenFaaS' API is described by OpenFaaS.
    OTHERS.contains(&path) || path.starts_with("/system/")
}

/// What answers did not fit the description, by the server that gave them.
#[derive(Default)]
pub(super) struct Faults {
    pub found: Mutex<Vec<String>>,
}

/// Holds an answer against the description.
pub(super) async fn checked(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let faults = request.app_data::<web::Data<Faults>>().cloned();
    let place = (request.method().as_str().to_ascii_lowercase(), request.path().to_owned());
    let response = next.call(request).await?.map_into_boxed_body();
    let (Some(faults), Some((template, operation))) = (faults, operation(&place.0, &place.1)) else {
        return Ok(response);
    };
    // What a function answers is its own matter: nobody can describe it here.
    if template.starts_with("/hooks/") && response.headers().contains_key("x-call-id") {
        return Ok(response);
    }
    let status = response.status();
    let fault = |what: String| faults.found.lock().push(format!("{} {template} answered {status}: {what}", place.0));
    let Some(described) = operation["responses"].get(status.as_str()) else {
        fault("the description has no such status".to_owned());
        return Ok(response);
    };
    let described = resolved(described);
    for (name, header) in described["headers"].as_object().into_iter().flatten() {
        if header["required"] == true && !response.headers().contains_key(name) {
            fault(format!("the header {name} is missing"));
        }
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_owned();
    let schema = match described.get("content") {
        Some(content) => content.get(&kind).map(|content| &content["schema"]),
        None if kind.is_empty() => return Ok(response),
        None => None,
    };
    let Some(schema) = schema else {
        fault(format!("the description has no body of the type `{kind}`"));
        return Ok(response);
    };
    if kind != "application/json" {
        return Ok(response);
    }
    let (request, response) = response.into_parts();
    let (response, body) = response.into_parts();
    let bytes = to_bytes(body).await.map_err(actix_web::error::ErrorInternalServerError)?;
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(value) => {
            for error in validator(schema).iter_errors(&value) {
                fault(format!("{error} at `{}`", error.instance_path()));
            }
        }
        Err(error) => fault(format!("the body is not JSON: {error}")),
    }
    Ok(ServiceResponse::new(request, response.set_body(bytes).map_into_boxed_body()))
}

/// The operation that a request is for, with its path as it is described.
fn operation(method: &str, path: &str) -> Option<(&'static str, &'static Value)> {
    static PATHS: LazyLock<Vec<(ResourceDef, &'static str, &'static Value)>> = LazyLock::new(|| {
        let pattern = |path: &str| ResourceDef::new(path.replace('}', ":[^/:]+}"));
        let paths = DOCUMENT["paths"].as_object().unwrap();
        paths.iter().map(|(path, item)| (pattern(path), path.as_str(), item)).collect()
    });
    let (_, template, item) = PATHS.iter().find(|(pattern, ..)| pattern.is_match(path))?;
    item.get(method).map(|operation| (*template, operation))
}

fn resolved(value: &'static Value) -> &'static Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(at) => DOCUMENT.pointer(at.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

fn validator(schema: &Value) -> Arc<Validator> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let known = KNOWN.lock().get(&schema.to_string()).cloned();
    known.unwrap_or_else(|| {
        let whole = json!({ "allOf": [schema], "components": DOCUMENT["components"] });
        let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true);
        let made = Arc::new(options.build(&whole).unwrap());
        KNOWN.lock().insert(schema.to_string(), made.clone());
        made
    })
}

#[actix_web::test]
async fn every_route_is_described_and_everything_described_is_a_route() {
    let house = House::new().await;
    let mut described = BTreeSet::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        described.extend(item.as_object().unwrap().keys().map(|method| (path.clone(), method.to_uppercase())));
    }
    let mut answering = BTreeSet::new();
    let paths = routes_of(&house).await;
    assert!(paths.contains("/v1/functions/{name}:invoke") && paths.len() > 15, "{paths:?}");
    for path in paths.iter().filter(|path| !is_of_others(path)) {
        let some: String = path.split('{').enumerate().fold(String::new(), |so_far, (index, part)| match index {
            0 => part.to_owned(),
            _ => so_far + "none" + part.split_once('}').unwrap().1,
        });
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = house.request(method.clone(), &some).bearer_auth("dev-token").send().await.unwrap();
            if answer.status() != StatusCode::METHOD_NOT_ALLOWED {
                let text = answer.text().await.unwrap();
                assert!(!text.contains("\"not_found\""), "{method} {some}: {text}");
                answering.insert((path.clone(), method.to_string()));
            }
        }
    }
    let undescribed: Vec<_> = answering.difference(&described).collect();
    let missing: Vec<_> = described.difference(&answering).collect();
    assert!(undescribed.is_empty(), "routes that are not described (#[utoipa::path]): {undescribed:?}");
    assert!(missing.is_empty(), "what is described and does not answer: {missing:?}");
}

/// What anybody gets wrong at any route: each answer is held against the description, those of new routes as well.
#[actix_web::test]
async fn every_route_refuses_in_ways_that_are_described() {
    let house = House::new().await;
    let function = house.running("default", "f").await;
    let run = house.queued(function, "default").await.to_string();
    let nobody = "01890000-0000-7000-8000-000000000000";
    let (reader, stranger) = (house.token(&["default"], false), house.token(&["elsewhere"], true));
    let tokens = [None, Some("no.such.token"), Some(reader.as_str()), Some(stranger.as_str()), Some("dev-token")];
    let requests = [
        ("", "application/json", ""),
        ("?limit=x&follow=x&cookie=x&namespace=No!", "application/json", "{"),
        ("?limit=0&wait=x&since=x&run=x&function=x&after=x&status=x", "text/plain", "[]"),
        ("?function=f&run=01890000-0000-7000-8000-000000000000", "application/cloudevents+json", "{}"),
        ("", "multipart/form-data; boundary=x", "--x--"),
    ];
    let mut asked = 0;
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            // What is there goes last: its end must not come before others looked at it.
            for (name, id) in [("none", nobody), ("f", "x"), ("f", run.as_str())] {
                let path = path.replace("{name}", name).replace("{function}", name).replace("{id}", id);
                let path = path.replace("{namespace}", "default").replace("{webhook}", "none");
                for token in tokens {
                    for (query, kind, body) in requests {
                        let request = house.request(method.clone(), &format!("{path}{query}"));
                        let request = request.header("content-type", kind).body(body);
                        let request = match token {
                            Some(token) => request.bearer_auth(token),
                            None => request,
                        };
                        let status = request.send().await.unwrap().status();
                        assert!(status.as_u16() < 500 || path == "/readyz", "{method} {path}{query}: {status}");
                        asked += 1;
                    }
                }
            }
        }
    }
    assert!(asked > 1500, "{asked}");
}

/// The paths of all routes but the functions' own, as they are described.
async fn routes_of(house: &House) -> BTreeSet<String> {
    let routes = routes(house.services.clone(), |_: &mut web::ServiceConfig| {});
    let list = web::get().to(|request: HttpRequest| async move { format!("{:?}", request.resource_map()) });
    let app = test::init_service(App::new().route("/-routes", list).configure(routes)).await;
    let request = test::TestRequest::get().uri("/-routes").to_request();
    let listed = String::from_utf8(test::call_and_read_body(&app, request).await.to_vec()).unwrap();
    let patterns = listed.split("Single(\"").skip(1).map(|rest| rest.split("\")").next().unwrap());
    let paths = patterns.filter(|pattern| pattern.len() > 1 && *pattern != "/-routes");
    // A pattern says what a parameter may hold: `{name:[^/:]+}`.
    let plain = |pattern: &str| {
        let (first, rest) = pattern.split_once('{').map_or((pattern, None), |(first, rest)| (first, Some(rest)));
        let rest = rest.into_iter().flat_map(|rest| rest.split('{')).map(|part| {
            let (parameter, after) = part.split_once('}').unwrap();
            format!("{{{}}}{after}", parameter.split(':').next().unwrap())
        });
        [first.to_owned()].into_iter().chain(rest).collect::<String>()
    };
    paths.map(plain).collect()
}

#[actix_web::test]
async fn an_answer_that_is_not_described_is_noticed() {
    let faults = web::Data::new(Faults::default());
    let answer = |status: u16, body: Value| {
        move || {
            let body = body.clone();
            async move { actix_web::HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap()).json(body) }
        }
    };
    let app = App::new()
        .app_data(faults.clone())
        .wrap(actix_web::middleware::from_fn(checked))
        .route("/healthz", web::get().to(answer(200, json!({ "status": "poorly" }))))
        .route("/readyz", web::get().to(answer(418, json!({}))))
        .route("/auth/methods", web::get().to(answer(200, json!({ "methods": ["password"] }))))
        .route("/openapi.json", web::get().to(|| async { "text" }));
    let app = test::init_service(app).await;
    for path in ["/healthz", "/readyz", "/auth/methods", "/openapi.json"] {
        test::call_service(&app, test::TestRequest::get().uri(path).to_request()).await;
    }
    let found = std::mem::take(&mut *faults.found.lock());
    let expected = [("/healthz", "status"), ("/readyz", "no such status"), ("/openapi.json", "text/plain")];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (fault, (path, what)) in found.iter().zip(expected) {
        assert!(fault.contains(path) && fault.contains(what), "{fault}");
    }
}
