//! What places look like, and what is made of them.

use domain::manifest::{Adapter, Runtime};

use super::*;

fn evidence(files: &[(&str, &str)]) -> Evidence {
    let names = files.iter().map(|(name, _)| (*name).to_owned());
    let texts =
        files.iter().filter(|(name, _)| is_wanted(name)).map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Evidence::new(names, texts)
}

fn found(files: &[(&str, &str)]) -> Found {
    detect(&evidence(files), Toolchains { go: true, rust: true, ..Toolchains::default() })
        .unwrap_or_else(|error| panic!("{error}: {files:?}"))
}

fn refused(files: &[(&str, &str)]) -> String {
    detect(&evidence(files), Toolchains::default()).expect_err("it is refused").to_string()
}

/// How it is started, in one line.
fn started(found: &Found) -> String {
    let manifest = &found.manifest;
    match (&manifest.command, &manifest.handler) {
        (Some(command), _) => explain::shown(command).trim_matches('`').to_owned(),
        (None, handler) => {
            let adapter = manifest.adapter.map(|adapter| format!(" ({})", adapter.as_str())).unwrap_or_default();
            format!("{} {}{adapter}", manifest.runtime.as_str(), handler.as_deref().unwrap_or("-"))
        }
    }
}

const EXPRESS: &str = r#"{ "scripts": { "start": "node server.js" }, "dependencies": { "express": "5" } }"#;

#[test]
fn what_was_recognised_before_is_recognised_as_before() {
    type Row = (&'static [(&'static str, &'static str)], Runtime, Option<&'static str>);
    let table: [Row; 12] = [
        (&[("Dockerfile", ""), ("package.json", "{}")], Runtime::Docker, None),
        (
            &[("app.py", ""), ("requirements.txt", "gunicorn\nFlask>=2 # web\n"), ("package.json", "{}")],
            Runtime::PythonFlask,
            None,
        ),
        (&[("app.py", "from flask import Flask\n")], Runtime::PythonFlask, None),
        (&[("app.py", "import flask\n")], Runtime::PythonFlask, None),
        (
            &[("app.py", "import flaskish\n"), ("requirements.txt", "flask-cors\n")],
            Runtime::Python,
            Some("app.handler"),
        ),
        (&[("package.json", "{}"), ("index.js", "")], Runtime::Node, Some("index.handler")),
        (&[("package.json", r#"{"main": "./src/start.mjs"}"#)], Runtime::Node, Some("src/start.handler")),
        (&[("package.json", r#"{"main": "../up.js"}"#)], Runtime::Node, Some("index.handler")),
        (&[("main.py", ""), ("handler.py", ""), ("other.py", "")], Runtime::Python, Some("main.handler")),
        (&[("handler.py", ""), ("other.py", "")], Runtime::Python, Some("handler.handler")),
        (&[("resize.py", ""), ("test_resize.py", ""), ("index.js", "")], Runtime::Python, Some("resize.handler")),
        (&[("index.mjs", "")], Runtime::Node, Some("index.handler")),
    ];
    for (entries, runtime, handler) in table {
        let manifest = found(entries).manifest;
        assert_eq!(
            (manifest.runtime, manifest.handler.as_deref(), manifest.adapter),
            (runtime, handler, None),
            "{entries:?}"
        );
    }
    let own = "exports.handler = async (event, context) => ({ hello: event.data });";
    let py = "def handler(event, context):\n    return {'sum': sum(event['data'])}\n";
    for (files, expected) in [
        (&[("index.js", own)][..], "node index.handler"),
        (&[("package.json", r#"{ "scripts": { "build": "true" } }"#), ("index.js", own)], "node index.handler"),
        (
            &[
                ("package.json", r#"{ "type": "module" }"#),
                ("index.js", "export const handler = async (event) => event.data;"),
            ],
            "node index.handler",
        ),
        (&[("main.py", py)], "python main.handler"),
        (&[("resize.py", py), ("util.py", "")], "python resize.handler"),
        (&[("index.js", own), ("Dockerfile", "FROM node")], "node index.handler"),
    ] {
        assert_eq!(started(&found(files)), expected, "{files:?}");
    }
}

#[test]
fn web_applications_are_started_as_their_authors_start_them() {
    let listens = "const express = require('express'); const app = express(); app.listen(process.env.PORT || 3000);";
    let fastapi = "from fastapi import FastAPI\napp = FastAPI()\n";
    let flask = "from flask import Flask\napp = Flask(__name__)\n";
    let manage = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\n";
    let table: [(&[(&str, &str)], &str); 27] = [
        (
            &[("Procfile", "web: node app.js --fast\nworker: x"), ("package.json", "{}"), ("app.js", "")],
            "node app.js --fast",
        ),
        (&[("Procfile", "web: gunicorn app:app --bind :$PORT"), ("app.py", flask)], "gunicorn app:app --bind :$PORT"),
        (&[("Procfile", "web: npm start"), ("package.json", EXPRESS)], "node server.js"),
        (&[("package.json", EXPRESS), ("server.js", listens)], "node server.js"),
        (&[("package.json", r#"{ "dependencies": { "express": "4" } }"#), ("app.js", listens)], "node app.js"),
        (&[("index.js", "require('http').createServer((q, s) => s.end('x')).listen(3000)")], "node index.js"),
        (
            &[("package.json", r#"{ "scripts": { "start": "NODE_ENV=production node ./bin/www" } }"#)],
            "NODE_ENV=production node ./bin/www",
        ),
        (
            &[
                (
                    "package.json",
                    r#"{ "scripts": { "start": "nodemon app.js" }, "devDependencies": { "nodemon": "3" } }"#,
                ),
                ("app.js", listens),
            ],
            "node app.js",
        ),
        (
            &[(
                "package.json",
                r#"{ "scripts": { "start": "nest start", "start:prod": "node dist/main", "build": "nest build" } }"#,
            )],
            "node dist/main",
        ),
        (
            &[("package.json", r#"{ "dependencies": { "next": "15" }, "scripts": { "dev": "next dev" } }"#)],
            "next start",
        ),
        (
            &[
                (
                    "package.json",
                    r#"{ "scripts": { "start": "functions-framework --target=hello" }, "dependencies": { "@google-cloud/functions-framework": "3" } }"#,
                ),
                ("index.js", "exports.hello = (req, res) => res.send('hi')"),
            ],
            "functions-framework --target=hello",
        ),
        (
            &[
                ("package.json", r#"{ "dependencies": { "express": "4" } }"#),
                ("api/index.js", "const app = require('express')(); module.exports = app;"),
            ],
            "node api/index.default (vercel)",
        ),
        (
            &[
                ("package.json", r#"{ "dependencies": { "hono": "4" }, "type": "module" }"#),
                ("src/index.ts", "import { Hono } from 'hono'\nconst app = new Hono()\nexport default app\n"),
            ],
            "node src/index.default (fetch)",
        ),
        (&[("requirements.txt", "fastapi\nuvicorn\n"), ("main.py", fastapi)], "python3 .eventflow/asgi.py main:app"),
        (
            &[("requirements.txt", "fastapi\n"), ("app/main.py", fastapi), ("app/__init__.py", "")],
            "python3 .eventflow/asgi.py app.main:app",
        ),
        (&[("requirements.txt", "Flask\n"), ("app.py", flask)], "python-flask -"),
        (&[("requirements.txt", "Flask\n"), ("main.py", flask)], "python-flask main.app"),
        (
            &[("requirements.txt", "Flask\n"), ("app.py", "from flask import Flask\napplication = Flask(__name__)\n")],
            "python-flask app.application",
        ),
        (
            &[("requirements.txt", "Flask\ngunicorn\n"), ("wsgi.py", flask)],
            "exec python3 -m gunicorn --bind 0.0.0.0:$PORT --forwarded-allow-ips='*' 'wsgi:app'",
        ),
        (&[("requirements.txt", "Flask\n"), ("api/index.py", flask)], "python-flask api/index.app"),
        (
            &[
                ("requirements.txt", "Flask\n"),
                (
                    "shop/__init__.py",
                    "from flask import Flask\ndef create_app(config=None):\n    app = Flask(__name__)\n    return app\n",
                ),
            ],
            "python-flask shop.create_app",
        ),
        (
            &[
                ("requirements.txt", "Django\n"),
                ("manage.py", manage),
                ("mysite/settings.py", "STATIC_ROOT = 'x'"),
                ("mysite/wsgi.py", "application = get_wsgi_application()"),
            ],
            "python-flask mysite/wsgi.application",
        ),
        (
            &[
                ("pyproject.toml", "[project]\nname = 'x'\ndependencies = ['fastapi[standard]']\n"),
                ("main.py", fastapi),
            ],
            "python3 .eventflow/asgi.py main:app",
        ),
        (
            &[
                ("requirements.txt", "Flask\n"),
                ("app.py", flask),
                (
                    "package.json",
                    r#"{ "devDependencies": { "tailwindcss": "3" }, "scripts": { "build": "tailwindcss" } }"#,
                ),
            ],
            "python-flask -",
        ),
        (
            &[
                ("requirements.txt", "aiohttp\n"),
                (
                    "server.py",
                    "from aiohttp import web\napp = web.Application()\nif __name__ == '__main__':\n    web.run_app(app)\n",
                ),
            ],
            "python3 server.py",
        ),
        (
            &[(
                "main.py",
                "from http.server import HTTPServer\nserver = HTTPServer(('', 8000), X)\nserver.serve_forever()\n",
            )],
            "python3 main.py",
        ),
        (&[("app.py", "def app(environ, start_response):\n    return []\n")], "python-flask app.app"),
    ];
    for (files, expected) in table {
        assert_eq!(started(&found(files)), expected, "{files:?}");
    }
}

#[test]
fn handlers_of_other_platforms_are_told_by_their_files_and_shapes() {
    let lambda =
        "exports.handler = async (event) => ({ statusCode: 200, body: JSON.stringify(event.queryStringParameters) });";
    let python_lambda = "def lambda_handler(event, context):\n    return {'statusCode': 200}\n";
    let azure = "const { app } = require('@azure/functions');\napp.http('hello', { handler: async (request, context) => ({ body: 'x' }) });";
    let google = "const functions = require('@google-cloud/functions-framework');\nfunctions.http('helloHttp', (req, res) => res.send('x'));";
    let table: [(&[(&str, &str)], &str); 35] = [
        (&[("index.js", lambda)], "node index.handler (aws-lambda)"),
        (
            &[("index.mjs", "export const handler = async (event, context, callback) => { callback(null, {}) };")],
            "node index.handler (aws-lambda)",
        ),
        (
            &[
                ("serverless.yml", "provider:\n  name: aws\nfunctions:\n  hello:\n    handler: src/handler.hello\n"),
                ("src/handler.js", "module.exports.hello = async (event) => ({})"),
            ],
            "node src/handler.hello (aws-lambda)",
        ),
        (
            &[
                ("serverless.yml", "provider:\n  name: aws\nfunctions:\n  hello:\n    handler: handler.hello\n"),
                ("handler.py", "def hello(event, context):\n  pass\n"),
            ],
            "python handler.hello (aws-lambda)",
        ),
        (&[("lambda_function.py", python_lambda)], "python lambda_function.lambda_handler (aws-lambda)"),
        (
            &[
                ("package.json", r#"{ "dependencies": { "serverless-http": "3", "express": "4" } }"#),
                (
                    "index.js",
                    "const serverless = require('serverless-http'); const app = require('express')(); module.exports.handler = serverless(app);",
                ),
            ],
            "node index.handler (aws-lambda)",
        ),
        (
            &[
                ("main.py", "from mangum import Mangum\nimport x\nhandler = Mangum(x.app)\n"),
                ("requirements.txt", "mangum\n"),
            ],
            "python main.handler (aws-lambda)",
        ),
        (
            &[
                ("package.json", r#"{ "dependencies": { "@google-cloud/functions-framework": "3" } }"#),
                ("index.js", google),
            ],
            "node index.helloHttp (google-functions)",
        ),
        (
            &[("index.js", "exports.helloHttp = (req, res) => { res.send('Hello') };")],
            "node index.helloHttp (google-functions)",
        ),
        (
            &[
                ("requirements.txt", "functions-framework==3.*\n"),
                (
                    "main.py",
                    "import functions_framework\n\n@functions_framework.http\ndef hello_http(request):\n    return 'x'\n",
                ),
            ],
            "python main.hello_http (google-functions)",
        ),
        (
            &[("api/index.js", "export default function handler(request, response) { response.status(200).json({}) }")],
            "node api/index.default (vercel)",
        ),
        (
            &[
                ("api/hello.ts", "export function GET(request: Request) { return new Response('hi') }"),
                ("package.json", "{}"),
            ],
            "node api/hello.default (vercel)",
        ),
        (
            &[
                ("api/a.js", "module.exports = (req, res) => res.send('x')"),
                ("api/b.js", "module.exports = (req, res) => res.send('x')"),
            ],
            "node api.default (vercel)",
        ),
        (
            &[
                ("src/main.js", "export default async (context) => {\n  const { req, res } = context;\n}"),
                ("package.json", r#"{ "type": "module" }"#),
            ],
            "node src/main.default (appwrite)",
        ),
        (
            &[(
                "api/index.py",
                "from http.server import BaseHTTPRequestHandler\nclass handler(BaseHTTPRequestHandler):\n    def do_GET(self):\n        pass\n",
            )],
            "python api/index.handler (vercel)",
        ),
        (
            &[
                (
                    "api/a.py",
                    "from http.server import BaseHTTPRequestHandler\nclass handler(BaseHTTPRequestHandler):\n    pass\n",
                ),
                (
                    "api/b.py",
                    "from http.server import BaseHTTPRequestHandler\nclass handler(BaseHTTPRequestHandler):\n    pass\n",
                ),
            ],
            "python api.handler (vercel)",
        ),
        (
            &[
                ("netlify.toml", ""),
                ("netlify/functions/hello.mjs", "export default async (req, context) => new Response('x')"),
            ],
            "node netlify/functions/hello.default (netlify)",
        ),
        (
            &[("netlify/functions/hello.js", "exports.handler = async (event) => ({ statusCode: 200 })")],
            "node netlify/functions/hello.handler (netlify)",
        ),
        (
            &[
                ("host.json", "{}"),
                (
                    "package.json",
                    r#"{ "main": "src/functions/*.js", "scripts": { "start": "func start" }, "dependencies": { "@azure/functions": "4" } }"#,
                ),
                ("src/functions/hello.js", azure),
            ],
            "node src/functions/hello.hello (azure-functions)",
        ),
        (
            &[
                ("host.json", "{}"),
                ("function_app.py", "import azure.functions as func\napp = func.FunctionApp()\n"),
                ("requirements.txt", "azure-functions\n"),
            ],
            "python function_app.app (azure-functions)",
        ),
        (
            &[
                (
                    "src/index.js",
                    "export default {\n  async fetch(request, env, ctx) { return new Response('x') },\n};",
                ),
                ("wrangler.toml", "main = 'src/index.js'"),
                ("package.json", r#"{ "scripts": { "start": "wrangler dev" } }"#),
            ],
            "node src/index.default (fetch)",
        ),
        (&[("index.js", "export default { fetch: (request) => new Response('x') }")], "node index.default (fetch)"),
        (
            &[(
                "handler.js",
                "'use strict'\nmodule.exports = async (event, context) => context.status(200).succeed('x')",
            )],
            "node handler.default (openfaas)",
        ),
        (&[("handler.py", "def handle(req):\n    return req\n")], "python handler.handle (openfaas)"),
        (
            &[
                ("handler.py", "def handle(event, context):\n    return {'statusCode': 200, 'body': 'x'}\n"),
                ("requirements.txt", ""),
            ],
            "python handler.handle (openfaas)",
        ),
        (&[("hello.py", "def main(args):\n    return {'body': 'x'}\n")], "python hello.main (openwhisk)"),
        (
            &[("index.js", "function main(args) { return { body: 'x' } }\nexports.main = main")],
            "node index.main (openwhisk)",
        ),
        (
            &[
                ("project.yml", "packages:\n"),
                ("packages/sample/hello/hello.js", "function main(args) { return {} }\nexports.main = main"),
            ],
            "node packages/sample/hello/hello.main (openwhisk)",
        ),
        (&[("hello.py", "def handler(context, event):\n    return 'x'\n")], "python hello.handler (nuclio)"),
        (
            &[("index.js", "exports.handler = function(context, event) { context.callback('x') };")],
            "node index.handler (nuclio)",
        ),
        (
            &[
                ("src/main.js", "export default async ({ req, res, log, error }) => res.json({})"),
                (
                    "package.json",
                    r#"{ "main": "src/main.js", "type": "module", "dependencies": { "node-appwrite": "9" } }"#,
                ),
            ],
            "node src/main.default (appwrite)",
        ),
        (
            &[("src/main.py", "def main(context):\n    return context.res.text('x')\n")],
            "python src/main.main (appwrite)",
        ),
        (
            &[
                ("func.yaml", "specVersion: 0.36.0\nruntime: node\n"),
                ("index.js", "const handle = async (context, body) => body;\nmodule.exports = { handle };"),
                ("package.json", "{}"),
            ],
            "node index.handle (knative)",
        ),
        (
            &[
                ("func.yaml", "schema_version: 20180708\nruntime: node\n"),
                ("func.js", "const fdk = require('@fnproject/fdk'); fdk.handle(function(input) { return {} })"),
                ("package.json", r#"{ "dependencies": { "@fnproject/fdk": "1" } }"#),
            ],
            "node func.default (fn)",
        ),
        (
            &[
                ("func.yaml", "schema_version: 20180708\n"),
                ("func.py", "from fdk import response\ndef handler(ctx, data=None):\n    pass\n"),
                ("requirements.txt", "fdk\n"),
            ],
            "python func.handler (fn)",
        ),
    ];
    for (files, expected) in table {
        let found = found(files);
        assert_eq!(started(&found), expected, "{files:?}");
        assert!(found.explanation.contains("set `"), "{}", found.explanation);
    }
}

#[test]
fn programs_that_are_compiled_and_sites_are_built_where_that_is_possible() {
    let go: &[(&str, &str)] = &[("go.mod", "module x"), ("main.go", "package main\n\nfunc main() {}\n")];
    assert_eq!(started(&found(go)), "./.eventflow/server");
    assert!(refused(go).contains("no `go` on this server"));
    let rust: &[(&str, &str)] = &[("Cargo.toml", "[package]\nname = 'x'\n"), ("src/main.rs", "")];
    assert_eq!(started(&found(rust)), "./.eventflow/server");
    assert!(refused(rust).contains("no `cargo`"));
    assert_eq!(started(&found(&[("index.html", "<p>")])), "node .eventflow/static.cjs .");
    let vite = r#"{ "scripts": { "dev": "vite", "start": "vite", "build": "vite build" }, "devDependencies": { "vite": "6" } }"#;
    assert_eq!(
        started(&found(&[("index.html", ""), ("package.json", vite), ("src/main.js", "x()")])),
        "node .eventflow/static.cjs dist"
    );
    assert!(refused(&[("deno.json", "{}"), ("main.ts", "Deno.serve(() => new Response('x'))")]).contains("Deno"));
}

#[test]
fn what_cannot_be_told_is_told_in_one_sentence() {
    let table: [(&[(&str, &str)], &str); 8] = [
        (&[("README.md", "")], "add a function.json"),
        (&[("a.py", ""), ("b.py", "")], "which of a.py, b.py has the handler?"),
        (&[("package.json", "{")], "package.json is not JSON"),
        (&[("pom.xml", "")], "a Java project"),
        (&[("README.md", ""), ("services/a/package.json", "{}")], "such as `services/a`"),
        (
            &[
                ("serverless.yml", "functions:\n  a:\n    handler: a.run\n  b:\n    handler: b.run\n"),
                ("a.js", "exports.run = 1"),
                ("b.js", "exports.run = 1"),
            ],
            "`\"handler\": \"a.run\", \"adapter\": \"aws-lambda\"`, `\"handler\": \"b.run\", \"adapter\": \"aws-lambda\"`",
        ),
        (&[("go.mod", ""), ("x.go", "package x\n")], "no `func main()`"),
        (
            &[
                ("template.yaml", "Type: AWS::Serverless::Function\nCodeUri: hello/\nHandler: app.lambdaHandler\n"),
                ("hello/app.js", ""),
                ("hello/package.json", "{}"),
            ],
            "register the function with the path `hello`",
        ),
    ];
    for (files, part) in table {
        let text = refused(files);
        assert!(text.contains(part) && !text.contains('\n'), "{text}");
    }
}

#[test]
fn files_of_the_largest_size_are_looked_at_in_time() {
    let largest = usize::try_from(MAX_TEXT_BYTES).unwrap();
    let fill = |piece: &str| piece.repeat(largest / piece.len());
    let (js, py) = (fill("exports.handler=(a,(b,=>function\n"), fill("def handler(\n@x\napp = Flask(\n"));
    let mut files: Vec<(String, String)> = Vec::new();
    for index in 0..MAX_TEXTS / 10 {
        files.push((format!("f{index}.js"), js.clone()));
        files.push((format!("f{index}.py"), py.clone()));
    }
    files.push(("package.json".into(), format!("{{\"dependencies\":{{{}\"z\":\"1\"}}}}", fill("\"express\":\"1\","))));
    let names: Vec<_> = files.iter().map(|(name, _)| name.clone()).collect();
    let began = std::time::Instant::now();
    let _ = detect(&Evidence::new(names, files), Toolchains::default());
    assert!(began.elapsed() < std::time::Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn what_a_program_needs_to_run_is_kept_though_it_is_listed_for_development() {
    let package = r#"{ "scripts": { "start": "ts-node src/index.ts" }, "devDependencies": { "ts-node": "10", "typescript": "5" } }"#;
    assert_eq!(found(&[("package.json", package)]).steps, [Step::KeepDevelopment]);
    assert_eq!(found(&[("package.json", EXPRESS), ("server.js", "")]).steps, []);
}

#[test]
fn a_handler_in_typescript_is_bundled() {
    let found = found(&[
        ("index.ts", "export const handler = async (event: { data: string }) => event.data;"),
        ("package.json", "{}"),
    ]);
    assert_eq!(started(&found), "node index.handler");
    assert_eq!(found.steps, [Step::Bundle { entry: "index.ts".into(), output: "index.js".into(), esm: false }]);
}

#[test]
fn an_explanation_says_what_where_how_and_how_to_change_it() {
    let found = found(&[("package.json", EXPRESS), ("server.js", "")]);
    assert_eq!(
        found.explanation,
        "Found Express in package.json: `npm start` (node server.js); set `command` in function.json to change it"
    );
    let adapter = Adapter::AwsLambda;
    assert_eq!(platforms::name_of(adapter), "AWS Lambda");
}

#[test]
fn azures_older_models_are_refused_by_name() {
    let code = ("hello/index.js", "module.exports = async function (context, req) { context.res = { body: 'x' } }");
    let node = [("host.json", "{}"), ("package.json", "{}"), ("hello/function.json", "{}"), code];
    let python = [("host.json", "{}"), ("hello/function.json", "{}"), ("hello/__init__.py", "def main(req): pass\n")];
    for files in [&node[..], &python[..]] {
        let text = refused(files);
        assert!(text.contains("hello/function.json") && text.contains("v4 for Node"), "{text}");
    }
}
