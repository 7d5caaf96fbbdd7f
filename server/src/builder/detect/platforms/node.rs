//! Handlers in JavaScript and TypeScript.

use domain::manifest::{Adapter, Runtime};

use super::super::evidence::Evidence;
use super::super::javascript::{self, is_code};
use super::super::{Found, Undecided};
use super::{
    AWS_FILES, AWS_PACKAGES, AWS_WORDS, Candidate, check_folders, check_models, choose, named, openfaas, together,
};

/// The handler that the files beside it, or its own shape, are of a platform.
pub(in super::super) fn detect(evidence: &Evidence) -> Result<Option<Found>, Undecided> {
    let files: Vec<(&str, javascript::Module)> =
        evidence.texts(is_code).map(|(path, text)| (path, javascript::module(text))).collect();
    if files.is_empty() {
        return Ok(None);
    }
    let by_exports =
        |adapter: Adapter, fits: &dyn Fn(&str) -> bool, wanted: &dyn Fn(&javascript::Module) -> Vec<String>| {
            let found = files.iter().filter(|(path, _)| fits(path)).flat_map(|(path, module)| {
                wanted(module).into_iter().map(move |export| Candidate { adapter, path: (*path).to_owned(), export })
            });
            found.collect::<Vec<_>>()
        };
    let default_or = |names: &'static [&'static str]| {
        move |module: &javascript::Module| {
            let named = names.iter().find(|name| module.exports(name)).map(|name| (*name).to_owned());
            named.or_else(|| module.default.as_ref().map(|_| "default".to_owned())).into_iter().collect::<Vec<_>>()
        }
    };
    let root = |path: &str| !path.contains('/') || path.starts_with("src/");
    let at_most_two = |path: &str| path.split('/').count() <= 3;

    // What a description names.
    for file in AWS_FILES {
        let Some(text) = evidence.text(file) else { continue };
        let openfaas = text.contains("name: openfaas");
        let other =
            openfaas || ["azure", "google", "openwhisk"].iter().any(|name| text.contains(&format!("name: {name}")));
        if other || file.starts_with("template") && !text.contains("AWS::Serverless") {
            continue;
        }
        let key = if file.starts_with("serverless") { "handler" } else { "Handler" };
        let found = named(evidence, text, key, Adapter::AwsLambda, false);
        check_folders(evidence, &found)?;
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Node, file);
        }
    }
    if evidence.has("netlify.toml") || evidence.has_folder("netlify/functions") {
        let text = evidence.text("netlify.toml").unwrap_or_default();
        let table = text.parse::<toml::Table>().unwrap_or_default();
        let folder = table
            .get("functions")
            .and_then(|functions| functions.get("directory"))
            .or_else(|| table.get("build").and_then(|build| build.get("functions")))
            .and_then(toml::Value::as_str)
            .map_or("netlify/functions", |folder| folder.trim_start_matches("./").trim_matches('/'))
            .to_owned();
        let found =
            by_exports(Adapter::Netlify, &|path| path.starts_with(&format!("{folder}/")), &default_or(&["handler"]));
        if !found.is_empty() {
            return together(evidence, found, Runtime::Node, &folder, "netlify.toml");
        }
    }
    if evidence.has("host.json") || evidence.depends_on("@azure/functions") {
        let found = by_exports(Adapter::AzureFunctions, &|path| at_most_two(path), &|module| match module
            .imports("@azure/functions")
        {
            true => module.declared().into_iter().map(|(_, name)| name).collect(),
            false => Vec::new(),
        });
        // One application has all of them, and knows their routes.
        let found: Vec<_> = found.into_iter().take(1).collect();
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Node, "host.json");
        }
        check_models(evidence)?;
    }
    if evidence.depends_on("@google-cloud/functions-framework") || evidence.depends_on("firebase-functions") {
        let declared = by_exports(Adapter::GoogleFunctions, &root, &|module| {
            module
                .declared()
                .into_iter()
                .filter(|(how, _)| how == "http" || how == "cloudEvent")
                .map(|(_, name)| name)
                .collect()
        });
        let exported = || by_exports(Adapter::GoogleFunctions, &root, &|module| module.exports.clone());
        let found = if declared.is_empty() { exported() } else { declared };
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Node, "package.json");
        }
    }
    if let Some(func) = evidence.first(&["func.yaml", "func.yml"]) {
        let text = evidence.text(func).unwrap_or_default();
        let is_fn = text.contains("schema_version") || evidence.depends_on("@fnproject/fdk");
        let adapter = if is_fn { Adapter::Fn } else { Adapter::Knative };
        let found = by_exports(adapter, &root, &|module| match is_fn {
            true => module.imports("@fnproject/fdk").then(|| "default".to_owned()).into_iter().collect(),
            false => default_or(&["handle"])(module),
        });
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Node, func);
        }
    }
    if evidence.depends_on("@fnproject/fdk") {
        let found = by_exports(Adapter::Fn, &root, &|module| {
            module.imports("@fnproject/fdk").then(|| "default".to_owned()).into_iter().collect()
        });
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Node, "package.json");
        }
    }
    if let Some(file) = evidence.first(&["function.yaml", "function.yml"])
        && evidence.text(file).is_some_and(|text| text.contains("nuclio"))
    {
        let found = by_exports(Adapter::Nuclio, &root, &default_or(&["handler"]));
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Node, file);
        }
    }
    if let Some((file, handlers)) = openfaas(evidence, "handler.js") {
        let fits = |path: &str| handlers.iter().any(|handler| handler == path);
        let found = by_exports(Adapter::Openfaas, &fits, &default_or(&["handle"]));
        check_folders(evidence, &found)?;
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Node, file);
        }
    }
    if evidence.has("project.yml") && evidence.has_folder("packages") {
        let found = by_exports(Adapter::Openwhisk, &|path| path.starts_with("packages/"), &|module| {
            let there = module.exports("main") || module.code.contains("function main(");
            there.then(|| "main".to_owned()).into_iter().collect()
        });
        check_folders(evidence, &found)?;
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Node, "project.yml");
        }
    }
    if let Some(file) = evidence.first(&["wrangler.toml", "wrangler.json", "wrangler.jsonc"]) {
        let found = by_exports(Adapter::Fetch, &root, &default_or(&[]));
        if !found.is_empty() {
            return choose(evidence, found, Runtime::Node, file);
        }
    }
    let methods: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "fetch"];
    if evidence.has("vercel.json") || files.iter().any(|(path, _)| path.starts_with("api/")) {
        let found = by_exports(Adapter::Vercel, &|path| path.starts_with("api/") && !path.contains("/_"), &|module| {
            let web = methods.iter().any(|method| module.exports(method));
            (module.default.is_some() || web).then(|| "default".to_owned()).into_iter().collect()
        });
        if !found.is_empty() {
            let beside = evidence.first(&["vercel.json"]).unwrap_or_default();
            return together(evidence, found, Runtime::Node, "api", beside);
        }
    }

    // What a file shows by itself.
    let by_shape = files.iter().filter(|(path, _)| root(path)).filter_map(|(path, module)| {
        let candidate = shape_of(evidence, module)?;
        Some(Candidate { adapter: candidate.0, path: (*path).to_owned(), export: candidate.1 })
    });
    choose(evidence, by_shape.collect(), Runtime::Node, "")
}

/// The platform that a file's exports are for.
fn shape_of(evidence: &Evidence, module: &javascript::Module) -> Option<(Adapter, String)> {
    let parameters = |name: &str| module.parameter_names(name);
    let first = |names: &[String]| names.first().cloned().unwrap_or_default();
    if let Some(default) = &module.default {
        if default.starts_with('{') && (module.code.contains("fetch(") || module.code.contains("fetch:")) {
            return Some((Adapter::Fetch, "default".into()));
        }
        let names = parameters("default");
        if names == ["context"] && ["context.res", "} = context"].iter().any(|word| module.code.contains(word)) {
            return Some((Adapter::Appwrite, "default".into()));
        }
        if first(&names).starts_with('{') && first(&names).contains("req") && first(&names).contains("res") {
            return Some((Adapter::Appwrite, "default".into()));
        }
        match names.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["req" | "request", "res" | "response", ..] => return Some((Adapter::Vercel, "default".into())),
            ["req" | "request"] | ["req" | "request", "context" | "env", ..] => {
                return Some((Adapter::Fetch, "default".into()));
            }
            ["event", "context"] => return Some((Adapter::Openfaas, "default".into())),
            _ => {}
        }
    }
    if module.code.contains("addEventListener('fetch'") || module.code.contains("addEventListener(\"fetch\"") {
        return Some((Adapter::Fetch, "default".into()));
    }
    let aws_package = AWS_PACKAGES.iter().any(|name| evidence.depends_on(name) && module.imports(name));
    for name in &module.exports {
        let names = parameters(name);
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["context" | "ctx", "event"] => return Some((Adapter::Nuclio, name.clone())),
            ["req" | "request", "res" | "response"] => return Some((Adapter::GoogleFunctions, name.clone())),
            ["args" | "params" | "parameters" | "event"] if name == "main" => {
                return Some((Adapter::Openwhisk, name.clone()));
            }
            ["context" | "ctx", "body" | "data"] | ["context" | "ctx"] if name == "handle" => {
                return Some((Adapter::Knative, name.clone()));
            }
            ["event", ..] if name.ends_with("andler") || module.exports.len() == 1 => {
                let callback = names.get(2).is_some_and(|name| name == &"callback" || name == &"cb");
                let words =
                    AWS_WORDS.iter().any(|word| module.code.contains(word)) && !module.code.contains("event.http");
                if callback || words || aws_package || name == "lambdaHandler" {
                    return Some((Adapter::AwsLambda, name.clone()));
                }
            }
            [] if aws_package && name.ends_with("andler") => return Some((Adapter::AwsLambda, name.clone())),
            _ => {}
        }
    }
    let main = module.code.contains("function main(")
        && module.exports.is_empty()
        && module.default.is_none()
        && !module.listens();
    (main && parameters("main").len() <= 1 && !module.code.contains("main()"))
        .then(|| (Adapter::Openwhisk, "main".into()))
}
