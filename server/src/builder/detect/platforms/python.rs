//! Handlers in Python.

use domain::manifest::{Adapter, Runtime};

use super::super::evidence::Evidence;
use super::super::{Found, Undecided, pyfile};
use super::{AWS_FILES, AWS_WORDS, Candidate, check_folders, check_models, choose, named, openfaas, together};

/// The handler that the files beside it, or its own shape, are of a platform.
pub(in super::super) fn detect(evidence: &Evidence) -> Result<Option<Found>, Undecided> {
    let files: Vec<(&str, pyfile::Module<'_>)> =
        evidence.texts(|path| path.ends_with(".py")).map(|(path, text)| (path, pyfile::module(text))).collect();
    if files.is_empty() {
        return Ok(None);
    }
    for file in AWS_FILES {
        let Some(text) = evidence.text(file) else { continue };
        if ["azure", "google", "openwhisk"].iter().any(|name| text.contains(&format!("name: {name}")))
            || file.starts_with("template") && !text.contains("AWS::Serverless")
        {
            continue;
        }
        let key = if file.starts_with("serverless") { "handler" } else { "Handler" };
        let found = named(evidence, text, key, Adapter::AwsLambda, true);
        check_folders(evidence, &found)?;
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Python, file);
        }
    }
    let candidate = |adapter: Adapter, path: &str, export: &str| Candidate {
        adapter,
        path: path.to_owned(),
        export: export.to_owned(),
    };
    if evidence.has("host.json") {
        check_models(evidence)?;
        let apps = files.iter().filter_map(|(path, module)| {
            let (name, _) = module.assigned.iter().find(|(_, called)| called.ends_with("FunctionApp"))?;
            Some(candidate(Adapter::AzureFunctions, path, name))
        });
        let found: Vec<_> = apps.collect();
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Python, "host.json");
        }
    }
    let asked = super::super::python::requirements(evidence);
    if asked.contains("functions-framework") || files.iter().any(|(_, module)| module.imports("functions_framework")) {
        let found = files.iter().filter(|(path, _)| !path.contains('/')).flat_map(|(path, module)| {
            let decorated: Vec<_> = module
                .functions
                .iter()
                .filter(|function| function.decorators.contains("functions_framework."))
                .collect();
            let plain: Vec<_> = module.functions.iter().filter(|function| function.parameters == ["request"]).collect();
            let chosen = if decorated.is_empty() { plain } else { decorated };
            chosen
                .into_iter()
                .map(|function| candidate(Adapter::GoogleFunctions, path, &function.name))
                .collect::<Vec<_>>()
        });
        let found: Vec<_> = found.collect();
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Python, "requirements.txt");
        }
    }
    if let Some(func) = evidence.first(&["func.yaml", "func.yml"]) {
        let is_fn = evidence.text(func).is_some_and(|text| text.contains("schema_version")) || asked.contains("fdk");
        let found = files.iter().filter_map(|(path, module)| {
            let names = if is_fn { ["handler", "handle"] } else { ["main", "new"] };
            let name = names.into_iter().find(|name| module.function(name).is_some())?;
            Some(candidate(if is_fn { Adapter::Fn } else { Adapter::Knative }, path, name))
        });
        let found: Vec<_> = found.collect();
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Python, func);
        }
    }
    let vercel = files.iter().filter(|(path, _)| path.starts_with("api/")).filter_map(|(path, module)| {
        let (name, _) =
            module.classes.iter().find(|(name, base)| name == "handler" && base.contains("BaseHTTPRequestHandler"))?;
        Some(candidate(Adapter::Vercel, path, name))
    });
    let vercel: Vec<_> = vercel.collect();
    if !vercel.is_empty() {
        let beside = evidence.first(&["vercel.json"]).unwrap_or_default();
        return together(evidence, vercel, Runtime::Python, "api", beside);
    }
    if evidence.has("project.yml") && evidence.has_folder("packages") {
        let found =
            files.iter().filter(|(path, module)| path.starts_with("packages/") && module.function("main").is_some());
        let found: Vec<_> = found.map(|(path, _)| candidate(Adapter::Openwhisk, path, "main")).collect();
        check_folders(evidence, &found)?;
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Python, "project.yml");
        }
    }
    if let Some((file, handlers)) = openfaas(evidence, "handler.py") {
        let found = files.iter().filter(|(path, module)| {
            handlers.iter().any(|handler| handler == path) && module.function("handle").is_some()
        });
        let found: Vec<_> = found.map(|(path, _)| candidate(Adapter::Openfaas, path, "handle")).collect();
        check_folders(evidence, &found)?;
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Python, file);
        }
    }
    let near = |path: &str| !path.contains('/') || path.starts_with("src/") || path == "function/func.py";
    let by_shape = files.iter().filter(|(path, _)| near(path)).filter_map(|(path, module)| {
        let (adapter, export) = python_shape(module, evidence)?;
        Some(candidate(adapter, path, &export))
    });
    choose(evidence, by_shape.collect(), Runtime::Python, "")
}

fn python_shape(module: &pyfile::Module<'_>, evidence: &Evidence) -> Option<(Adapter, String)> {
    if module.assigned.iter().any(|(name, called)| name == "handler" && called.ends_with("Mangum")) {
        return Some((Adapter::AwsLambda, "handler".into()));
    }
    module.functions.iter().find_map(|function| {
        let parameters: Vec<_> = function.parameters.iter().map(|name| name.trim_start_matches('_')).collect();
        let adapter = match (function.name.as_str(), parameters.as_slice()) {
            ("lambda_handler", _) => Adapter::AwsLambda,
            ("handler", ["event", "context"])
                if AWS_WORDS.iter().any(|word| module.text.contains(word)) && !module.text.contains("event.http") =>
            {
                // Our own events have no body either way.
                if module.text.contains("[\"data\"]") || module.text.contains("['data']") {
                    return None;
                } else {
                    Adapter::AwsLambda
                }
            }
            ("handle", ["req"] | ["event", "context"]) => Adapter::Openfaas,
            ("handler", ["context", "event"]) => Adapter::Nuclio,
            ("handler", ["ctx", "data", ..]) if module.imports("fdk") => Adapter::Fn,
            ("main", ["context"]) if module.text.contains("context.res") => Adapter::Appwrite,
            ("main", ["args" | "params" | "event"] | ["args" | "event", "context" | "ctx"]) => Adapter::Openwhisk,
            ("main", ["context"]) if evidence.has("func.yaml") => Adapter::Knative,
            ("new", []) if module.classes.iter().any(|(name, _)| name == "Function") => Adapter::Knative,
            _ => return None,
        };
        Some((adapter, function.name.clone()))
    })
}
