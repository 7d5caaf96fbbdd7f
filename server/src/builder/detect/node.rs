//! Node web applications: by their `start` script, by a web framework, by a file that listens.

use domain::manifest::{Adapter, Runtime};
use serde_json::Value;

use super::evidence::Evidence;
use super::found::command_of;
use super::javascript::{self, is_code, resolve, stem};
use super::{Found, Step, Undecided, explain};

/// Packages that answer HTTP, and what they are called.
const FRAMEWORKS: [(&str, &str); 36] = [
    ("next", "Next.js"),
    ("nuxt", "Nuxt"),
    ("@remix-run/serve", "Remix"),
    ("@react-router/serve", "React Router"),
    ("@sveltejs/adapter-node", "SvelteKit"),
    ("@astrojs/node", "Astro"),
    ("@nestjs/core", "NestJS"),
    ("@adonisjs/core", "AdonisJS"),
    ("@strapi/strapi", "Strapi"),
    ("probot", "Probot"),
    ("@slack/bolt", "Slack Bolt"),
    ("express", "Express"),
    ("fastify", "Fastify"),
    ("koa", "Koa"),
    ("@hapi/hapi", "hapi"),
    ("@hono/node-server", "Hono"),
    ("hono", "Hono"),
    ("restify", "restify"),
    ("polka", "Polka"),
    ("micro", "micro"),
    ("h3", "h3"),
    ("nitropack", "Nitro"),
    ("sails", "Sails"),
    ("@feathersjs/express", "Feathers"),
    ("@feathersjs/koa", "Feathers"),
    ("@apollo/server", "Apollo Server"),
    ("apollo-server", "Apollo Server"),
    ("graphql-yoga", "GraphQL Yoga"),
    ("@trpc/server", "tRPC"),
    ("json-server", "JSON Server"),
    ("socket.io", "Socket.IO"),
    ("ws", "ws"),
    ("connect", "Connect"),
    ("@google-cloud/functions-framework", "Functions Framework"),
    ("faas-js-runtime", "the Knative functions runtime"),
    ("@loopback/rest", "LoopBack"),
];

/// Programs of `start` scripts that are another platform's tool, or serve only while somebody develops.
const NOT_HERE: [&str; 26] = [
    "func",
    "sls",
    "serverless",
    "sam",
    "vercel",
    "now",
    "netlify",
    "wrangler",
    "firebase",
    "sst",
    "cdk",
    "amplify",
    "ng",
    "react-scripts",
    "react-app-rewired",
    "craco",
    "vue-cli-service",
    "vite",
    "parcel",
    "webpack",
    "webpack-dev-server",
    "gatsby",
    "eleventy",
    "expo",
    "electron",
    "jest",
];

/// Where a program begins, when nothing says.
const MAINS: [&str; 24] = [
    "server.js",
    "app.js",
    "index.js",
    "main.js",
    "server.mjs",
    "app.mjs",
    "index.mjs",
    "main.mjs",
    "server.cjs",
    "index.cjs",
    "src/server.js",
    "src/app.js",
    "src/index.js",
    "src/main.js",
    "src/server.ts",
    "src/app.ts",
    "src/index.ts",
    "src/main.ts",
    "server.ts",
    "app.ts",
    "index.ts",
    "main.ts",
    "src/index.mjs",
    "src/server.mjs",
];

/// Programs and the packages that bring them, where the names differ.
const PROGRAMS: [(&str, &str); 12] = [
    ("tsc", "typescript"),
    ("nest", "@nestjs/cli"),
    ("remix-serve", "@remix-run/serve"),
    ("react-router-serve", "@react-router/serve"),
    ("babel-node", "@babel/node"),
    ("functions-framework", "@google-cloud/functions-framework"),
    ("dotenv", "dotenv-cli"),
    ("dotenvx", "@dotenvx/dotenvx"),
    ("ts-node-esm", "ts-node"),
    ("tsnd", "ts-node-dev"),
    ("swc-node", "@swc-node/register"),
    ("svelte-kit", "@sveltejs/kit"),
];

/// The first web framework that `package.json` names, and whether it is more than a tool for development.
pub(super) fn framework(evidence: &Evidence) -> Option<(&'static str, bool)> {
    let package = evidence.package();
    let among = |section: &str| {
        FRAMEWORKS.iter().find(|(name, _)| package[section].get(name).is_some()).map(|(_, shown)| *shown)
    };
    among("dependencies").map(|shown| (shown, true)).or_else(|| among("devDependencies").map(|shown| (shown, false)))
}

/// Whether a command needs something that `package.json` lists for development.
pub(super) fn needs_development(evidence: &Evidence, line: &str) -> bool {
    let package = evidence.package();
    let Some(listed) = package["devDependencies"].as_object() else { return false };
    line.split(|c: char| c.is_whitespace() || "'\"=;&|".contains(c)).any(|word| {
        let program = word.rsplit("node_modules/.bin/").next().unwrap_or(word);
        let package = PROGRAMS.iter().find(|(name, _)| *name == program).map_or(program, |(_, package)| package);
        listed.keys().any(|name| {
            name == package || package.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('/'))
        })
    })
}

pub(super) fn detect(evidence: &Evidence) -> Result<Option<Found>, Undecided> {
    if !evidence.has("package.json") && !evidence.names().any(|name| is_code(name) && !name.contains('/')) {
        return Ok(None);
    }
    if let Some(found) = started_by_script(evidence, "", "package.json")? {
        return Ok(Some(found));
    }
    Ok(by_framework(evidence).or_else(|| by_file(evidence)))
}

/// The program of a command line: what is started after variables and programs that only prepare.
fn program(line: &str) -> &str {
    let line = line.rsplit("&&").next().unwrap_or(line).trim();
    let skipped = |word: &&str| {
        word.contains('=') || ["npx", "cross-env", "exec", "env", "--yes", "-y", "dotenv", "--"].contains(word)
    };
    line.split_whitespace().find(|word| !skipped(word)).map_or("", |word| word.rsplit('/').next().unwrap_or(word))
}

/// What `npm start` would start, without npm: one process less, which takes signals by itself.
pub(super) fn started_by_script(evidence: &Evidence, what: &str, place: &str) -> Result<Option<Found>, Undecided> {
    let package = evidence.package();
    let script = |name: &str| package["scripts"][name].as_str().map(str::trim).filter(|line| !line.is_empty());
    let Some(start) = script("start") else { return Ok(None) };
    let watches = ["nest", "nodemon", "ts-node-dev", "tsnd", "node-dev"];
    let (name, line) = match script("start:prod").or(script("start:production")) {
        Some(line) if watches.contains(&program(start)) => ("npm run start:prod", line),
        _ => ("npm start", start),
    };
    if NOT_HERE.contains(&program(line)) || line.contains("webpack serve") {
        return Ok(None);
    }
    if only_a_handler(evidence, line) {
        return Ok(None);
    }
    let tool = match program(line) {
        "bun" | "bunx" => Some("Bun"),
        "deno" => Some("Deno"),
        _ => None,
    };
    if tool.is_some() {
        return Ok(None);
    }
    // What restarts a program when its files change has nothing to do where they never change.
    let line = match line.strip_prefix("nodemon ") {
        Some(rest) if !rest.trim_start().starts_with('-') && rest.trim().ends_with("js") => {
            format!("node {}", rest.trim())
        }
        _ => line.strip_prefix("npx ").unwrap_or(line).to_owned(),
    };
    let line = match script("prestart") {
        Some(before) if before != "npm run build" => format!("{before} && {line}"),
        _ => line,
    };
    let command = command_of(&line);
    let framework = framework(evidence).map(|(shown, _)| shown);
    let found = match (what, framework) {
        ("", Some(framework)) => framework,
        ("", None) => "the script `start`",
        (what, _) => what,
    };
    let started = format!("`{name}` ({})", explain::shown(&command).trim_matches('`'));
    let explanation = explain::found(found, place, &started, "command");
    let mut steps = Vec::new();
    if package["scripts"]["build"].is_null() {
        let builds = [("next", "next build"), ("nest", "nest build")];
        let needed = builds.iter().find(|(name, _)| program(&line) == *name && line.contains("start"));
        if let Some((_, build)) = needed {
            steps.push(Step::Run(command_of(build)));
        }
        if script("prestart") == Some("npm run build") {
            return Err(Undecided::Missing(
                "the script `prestart` in package.json runs a script `build`, and there is none".into(),
            ));
        }
    }
    if needs_development(evidence, &line) {
        steps.push(Step::KeepDevelopment);
    }
    Ok(Some(Found::program(command, explanation).with(steps)))
}

/// `node FILE`, and the file has a handler and waits for nothing: then it is not what a platform starts.
fn only_a_handler(evidence: &Evidence, line: &str) -> bool {
    if framework(evidence).is_some_and(|(_, production)| production) {
        return false;
    }
    let words: Vec<_> = line.split_whitespace().collect();
    let ["node", .., file] = words.as_slice() else { return false };
    let Some(text) = resolve(evidence, file).and_then(|file| evidence.text(&file).map(str::to_owned)) else {
        return false;
    };
    let module = javascript::module(&text);
    !module.listens() && module.exports("handler")
}

/// Frameworks that build a server without a command that starts it.
fn by_framework(evidence: &Evidence) -> Option<Found> {
    let builds = evidence.package()["scripts"]["build"].is_string();
    let rows = [
        ("next", "Next.js", "next start", Some("next build")),
        ("nuxt", "Nuxt", "node .output/server/index.mjs", Some("nuxt build")),
        ("@remix-run/serve", "Remix", "remix-serve ./build/server/index.js", Some("remix build")),
        ("@sveltejs/adapter-node", "SvelteKit", "node build", Some("vite build")),
        ("@astrojs/node", "Astro", "node ./dist/server/entry.mjs", Some("astro build")),
        ("@nestjs/core", "NestJS", "node dist/main", Some("nest build")),
        ("probot", "Probot", "probot run ./index.js", None),
    ];
    let (_, shown, start, build) = rows.into_iter().find(|(name, ..)| evidence.depends_on(name))?;
    if shown == "Probot" && !evidence.has("index.js") {
        return None;
    }
    let command = command_of(start);
    let explanation = explain::found(shown, "package.json", &explain::shown(&command), "command");
    let build = build.filter(|_| !builds).map(|line| Step::Run(command_of(line)));
    Some(Found::program(command, explanation).with(build))
}

/// A file that listens, or exports an application that does not.
fn by_file(evidence: &Evidence) -> Option<Found> {
    let package = evidence.package();
    let main = package["main"].as_str().and_then(|main| resolve(evidence, main));
    let known = MAINS.iter().map(|name| (*name).to_owned());
    let candidates = main.into_iter().chain(known).filter(|name| evidence.text(name).is_some());
    let found = candidates.map(|path| {
        let module = javascript::module(evidence.text(&path).unwrap_or_default());
        (path, module)
    });
    let all: Vec<_> = found.collect();
    let imported =
        |module: &javascript::Module| FRAMEWORKS.iter().find(|(name, _)| module.imports(name)).map(|(_, shown)| *shown);
    // A file that says when it is the program, and exports a handler besides, is a handler that can be tried out.
    let listens = all
        .iter()
        .find(|(_, module)| module.listens() && !(module.exports("handler") && module.code.contains("require.main")));
    if let Some((path, module)) = listens {
        let started = format!("{}{}", stem(path), if is_typescript(path) { ".js" } else { &path[stem(path).len()..] });
        let command = vec!["node".to_owned(), started.clone()];
        let what = imported(module).unwrap_or("a program that listens");
        let explanation = explain::found(what, path, &explain::shown(&command), "command");
        let bundle =
            is_typescript(path).then(|| Step::Bundle { entry: path.clone(), output: started, esm: evidence.is_esm() });
        return Some(Found::program(command, explanation).with(bundle));
    }
    let (path, module) = all.iter().find(|(_, module)| imported(module).is_some() && module.default.is_some())?;
    let what = imported(module)?;
    let adapter = match what {
        "Hono" | "h3" => Adapter::Fetch,
        "Express" | "Connect" | "Polka" | "restify" => Adapter::Vercel,
        _ => return None,
    };
    // A default export that is a function of a request is a handler, not an application.
    if module.parameters("default").is_some() {
        return None;
    }
    let handler = format!("{}.default", stem(path));
    let started = format!("`{handler}` is called with each request");
    let explanation = explain::found(&format!("{what} without `listen`"), path, &started, "handler");
    let bundle = javascript::bundle_for(evidence, &handler);
    Some(Found::handled(Runtime::Node, handler, Some(adapter), explanation).with(bundle))
}

pub(super) fn is_typescript(path: &str) -> bool {
    [".ts", ".mts", ".cts", ".tsx"].iter().any(|ending| path.ends_with(ending))
}

/// What a text of `package.json` holds, for other rooms of detection.
pub(super) fn script<'p>(package: &'p Value, name: &str) -> Option<&'p str> {
    package["scripts"][name].as_str()
}
