//! Handlers written for other platforms: by configuration files, by exports, by parameters.

mod node;
mod python;

use domain::manifest::{Adapter, Runtime};

use super::evidence::{Evidence, yaml_values};
use super::javascript::{self, is_code, stem};
use super::{Found, Undecided, explain};

pub(super) use node::detect as detect_node;
pub(super) use python::detect as detect_python;

/// What a platform is called.
pub(super) fn name_of(adapter: Adapter) -> &'static str {
    match adapter {
        Adapter::AwsLambda => "AWS Lambda",
        Adapter::GoogleFunctions => "Google Cloud Functions",
        Adapter::Vercel => "Vercel",
        Adapter::Netlify => "Netlify",
        Adapter::AzureFunctions => "Azure Functions",
        Adapter::Fetch => "the Fetch API (`export default { fetch }`)",
        Adapter::Openfaas => "OpenFaaS",
        Adapter::Openwhisk => "OpenWhisk",
        Adapter::Nuclio => "Nuclio",
        Adapter::Appwrite => "Appwrite",
        Adapter::Knative => "Knative",
        Adapter::Fn => "Fn",
    }
}

/// Packages that only AWS Lambda handlers need.
const AWS_PACKAGES: [&str; 8] = [
    "serverless-http",
    "aws-lambda",
    "@types/aws-lambda",
    "aws-serverless-express",
    "@vendia/serverless-express",
    "@codegenie/serverless-express",
    "@middy/core",
    "@aws-lambda-powertools/logger",
];

/// Words that only handlers of AWS Lambda have.
const AWS_WORDS: [&str; 22] = [
    "httpMethod",
    "requestContext",
    "pathParameters",
    "queryStringParameters",
    "rawPath",
    "isBase64Encoded",
    "multiValueHeaders",
    "event.Records",
    "event['Records']",
    "event[\"Records\"]",
    "APIGatewayProxy",
    "aws_lambda_powertools",
    "event.body",
    "event['body']",
    "event[\"body\"]",
    "event.get('body'",
    "event.get(\"body\"",
    "awsRequestId",
    "aws_request_id",
    "invokedFunctionArn",
    "invoked_function_arn",
    "Mangum",
];

/// The file of OpenFaaS, and where a handler of this name may be: in the folders that it names, or beside it.
fn openfaas(evidence: &Evidence, handler: &str) -> Option<(&'static str, Vec<String>)> {
    let is_openfaas = |file: &&str| evidence.text(file).is_some_and(|text| text.contains("openfaas"));
    let file = ["stack.yml", "stack.yaml"].into_iter().find(is_openfaas)?;
    let folders = yaml_values(evidence.text(file).unwrap_or_default(), "handler").into_iter();
    let folders = folders.map(|folder| folder.trim_start_matches("./").trim_end_matches('/'));
    let inside = folders.map(|folder| format!("{folder}/{handler}"));
    Some((file, inside.chain([handler.to_owned()]).collect()))
}

/// A handler that may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    adapter: Adapter,
    path: String,
    export: String,
}

impl Candidate {
    fn handler(&self) -> String {
        let ending = if self.path.ends_with(".py") { ".py" } else { "" };
        let stem = if ending.is_empty() { stem(&self.path) } else { self.path.trim_end_matches(".py") };
        format!("{stem}.{}", self.export)
    }
}

/// One of the candidates, or a tie.
fn choose(
    evidence: &Evidence,
    candidates: Vec<Candidate>,
    runtime: Runtime,
    beside: &str,
) -> Result<Option<Found>, Undecided> {
    let mut distinct: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if !distinct.iter().any(|known| known.handler() == candidate.handler()) {
            distinct.push(candidate);
        }
    }
    // What stands where the platform's root is.
    let index = |candidate: &&Candidate| {
        ["api/index.", "index.", "src/index.", "main.", "handler."]
            .iter()
            .any(|begin| candidate.path.starts_with(begin))
    };
    let wanted = distinct.iter().find(|candidate| evidence.wants() == Some(candidate.handler().as_str()));
    if let Some(wanted) = wanted.cloned() {
        distinct = vec![wanted];
    }
    let chosen = match distinct.as_slice() {
        [] => return Ok(None),
        [only] => only.clone(),
        several => match several.iter().filter(index).collect::<Vec<_>>().as_slice() {
            [only] => (*only).clone(),
            _ => {
                let adapter = several[0].adapter;
                let choices = several
                    .iter()
                    .map(|one| {
                        format!("`\"handler\": \"{}\", \"adapter\": \"{}\"`", one.handler(), one.adapter.as_str())
                    })
                    .collect();
                let question = format!(
                    "There are {} handlers for {}; which one is this function? Register one function for each.",
                    several.len(),
                    name_of(adapter)
                );
                return Err(Undecided::Tie { question, choices });
            }
        },
    };
    let handler = chosen.handler();
    let place = if beside.is_empty() { chosen.path.clone() } else { format!("{} beside {beside}", chosen.path) };
    let started = format!("`{handler}` is called as it would be there");
    let explanation =
        explain::found(&format!("a handler for {}", name_of(chosen.adapter)), &place, &started, "handler");
    let bundle = javascript::bundle_for(evidence, &handler).filter(|_| runtime == Runtime::Node);
    Ok(Some(Found::handled(runtime, handler, Some(chosen.adapter), explanation).with(bundle)))
}

/// Of a platform whose folder of files is one site: its only handler, or the folder with all of them at their paths.
fn together(
    evidence: &Evidence,
    candidates: Vec<Candidate>,
    runtime: Runtime,
    folder: &str,
    beside: &str,
) -> Result<Option<Found>, Undecided> {
    let named = candidates.iter().any(|candidate| evidence.wants() == Some(candidate.handler().as_str()));
    let Some(first) = candidates.first().filter(|_| candidates.len() > 1 && !named) else {
        return choose(evidence, candidates, runtime, beside);
    };
    let adapter = first.adapter;
    let handler = format!("{folder}.{}", if runtime == Runtime::Python { "handler" } else { "default" });
    let started = format!("`{folder}` is served, each file at its path");
    let place = if beside.is_empty() { folder.to_owned() } else { format!("{folder} beside {beside}") };
    let what = format!("{} handlers for {}", candidates.len(), name_of(adapter));
    let explanation = explain::found(&what, &place, &started, "handler");
    let scripts = candidates.iter().filter(|_| runtime == Runtime::Node);
    let bundles = scripts.filter_map(|candidate| javascript::bundle_for(evidence, &candidate.handler()));
    let bundles: Vec<_> = bundles.collect();
    Ok(Some(Found::handled(runtime, handler, Some(adapter), explanation).with(bundles)))
}

/// Azure's models before Node's v4 and Python's v2 say in a `function.json` of each folder what EventFlow does not read.
fn check_models(evidence: &Evidence) -> Result<(), Undecided> {
    let described = evidence.names().find(|name| name.ends_with("/function.json") && name.split('/').count() == 2);
    match described {
        Some(path) => Err(Undecided::Missing(format!(
            "{path} beside host.json is of a programming model of Azure Functions that does not run here: those of v4 for Node \
             (`app.http(…)` of @azure/functions) and v2 for Python (`func.FunctionApp()`) do"
        ))),
        None => Ok(()),
    }
}

/// The handlers that a description names as `FILE.EXPORT`, when their files are there.
fn named(evidence: &Evidence, text: &str, key: &str, adapter: Adapter, python: bool) -> Vec<Candidate> {
    let folders: Vec<&str> = yaml_values(text, "CodeUri")
        .into_iter()
        .map(|uri| uri.trim_start_matches("./").trim_end_matches('/'))
        .collect();
    let found = yaml_values(text, key).into_iter().filter_map(|handler| {
        let (stem, export) = handler.trim_start_matches("./").rsplit_once('.')?;
        let inside = std::iter::once(stem.to_owned()).chain(
            folders
                .iter()
                .filter(|folder| !folder.is_empty() && **folder != ".")
                .map(|folder| format!("{folder}/{stem}")),
        );
        let path = inside.into_iter().find_map(|stem| match python {
            true => Some(format!("{}.py", stem.replace('.', "/"))).filter(|path| evidence.has(path)),
            false => javascript::resolve(evidence, &stem).filter(|path| is_code(path)),
        })?;
        Some(Candidate { adapter, path, export: export.to_owned() })
    });
    found.collect()
}

/// A file whose folder is a project of its own cannot be started from here: its packages are listed there.
fn check_folders(evidence: &Evidence, candidates: &[Candidate]) -> Result<(), Undecided> {
    let elsewhere = candidates.iter().find_map(|candidate| {
        let (folder, _) = candidate.path.split_once('/')?;
        let lists = ["package.json", "requirements.txt"].iter().any(|name| evidence.has(&format!("{folder}/{name}")));
        let here = evidence.has("package.json") || evidence.has("requirements.txt");
        (lists && !here).then_some(folder)
    });
    match elsewhere {
        Some(folder) => Err(Undecided::Missing(format!(
            "the handler is in the folder `{folder}`, which has its own list of packages: register the function with the path `{folder}`"
        ))),
        None => Ok(()),
    }
}

const AWS_FILES: [&str; 5] = ["serverless.yml", "serverless.yaml", "template.yaml", "template.yml", "samconfig.toml"];
