//! Compiled programs, other JavaScript runtimes, and static sites.

use serde_json::Value;

use super::evidence::Evidence;
use super::found::command_of;
use super::{Found, Provided, Step, Toolchains, Undecided, explain};

/// What builds a site, and the folder that it writes.
const BUILDERS: [(&str, &str, &str); 14] = [
    ("vite", "Vite", "dist"),
    ("react-scripts", "Create React App", "build"),
    ("@vue/cli-service", "Vue CLI", "dist"),
    ("@angular/cli", "Angular", "dist"),
    ("@angular-devkit/build-angular", "Angular", "dist"),
    ("parcel", "Parcel", "dist"),
    ("gatsby", "Gatsby", "public"),
    ("astro", "Astro", "dist"),
    ("@11ty/eleventy", "Eleventy", "_site"),
    ("@docusaurus/core", "Docusaurus", "build"),
    ("vitepress", "VitePress", ".vitepress/dist"),
    ("hexo", "Hexo", "public"),
    ("webpack", "webpack", "dist"),
    ("rollup", "Rollup", "dist"),
];

pub(super) fn detect(evidence: &Evidence, tools: Toolchains) -> Result<Option<Found>, Undecided> {
    if let Some(found) = go(evidence, tools)? {
        return Ok(Some(found));
    }
    if let Some(found) = rust(evidence, tools)? {
        return Ok(Some(found));
    }
    Ok(site(evidence))
}

/// Why nothing was found, by what is there.
pub(super) fn nothing(evidence: &Evidence) -> Undecided {
    let rows = [
        ("pom.xml", "a Java project"),
        ("build.gradle", "a Java project"),
        ("build.gradle.kts", "a Kotlin project"),
        ("Gemfile", "a Ruby project"),
        ("composer.json", "a PHP project"),
        ("index.php", "a PHP project"),
        ("mix.exs", "an Elixir project"),
        ("Package.swift", "a Swift project"),
        ("CMakeLists.txt", "a C or C++ project"),
    ];
    let known =
        rows.iter().find(|(name, _)| evidence.has(name)).map(|(name, what)| format!("{name} says that it is {what}"));
    let dotnet = evidence.names().find(|name| name.ends_with(".csproj") || name.ends_with(".fsproj"));
    let known = known.or_else(|| dotnet.map(|name| format!("{name} says that it is a .NET project")));
    if let Some(known) = known {
        return Undecided::Missing(format!(
            "{known}, and there is no compiler or interpreter for it here; build it elsewhere, and say how it is started by a function.json with `command`"
        ));
    }
    let folders: Vec<_> = ["package.json", "requirements.txt", "function.json", "pyproject.toml"]
        .iter()
        .flat_map(|name| evidence.names().filter_map(move |path| path.strip_suffix(name)?.strip_suffix('/')))
        .collect();
    let hint = match folders.as_slice() {
        [] => String::new(),
        folders => {
            let mut folders: Vec<_> = folders.iter().map(|folder| format!("`{folder}`")).collect();
            folders.sort();
            folders.dedup();
            folders.truncate(8);
            format!(", such as {}", folders.join(", "))
        }
    };
    Undecided::Missing(format!(
        "there is no function.json, and nothing that says what this is (a Procfile, package.json, a Python application, *.py, index.js, index.html, \
         a Dockerfile); add a function.json with a `runtime`, or name the folder that the function is in{hint}"
    ))
}

fn missing(place: &str, what: &str, program: &str) -> Undecided {
    Undecided::Missing(format!(
        "{place} says that this is {what}, and there is no `{program}` on this server; have it installed, or commit what it builds and say `command` in \
         function.json"
    ))
}

/// A project for Deno or Bun.
pub(super) fn javascript_runtimes(evidence: &Evidence, tools: Toolchains) -> Result<Option<Found>, Undecided> {
    let package = evidence.package();
    let start = super::node::script(package, "start").unwrap_or_default();
    let deno = evidence.first(&["deno.json", "deno.jsonc"]).filter(|_| !evidence.has("package.json"));
    if let Some(file) = deno {
        let config: Value = evidence.text(file).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let main = evidence.first(&["main.ts", "main.js", "server.ts", "mod.ts", "index.ts", "src/main.ts"]);
        let command = match (config["tasks"]["start"].is_string(), main) {
            (true, _) => vec!["deno".to_owned(), "task".to_owned(), "start".to_owned()],
            (false, Some(main)) => ["deno", "run", "--allow-all", main].map(str::to_owned).to_vec(),
            (false, None) => return Ok(None),
        };
        if !tools.deno {
            return Err(missing(file, "a project for Deno", "deno"));
        }
        return Ok(Some(Found::program(
            command.clone(),
            explain::found("Deno", file, &explain::shown(&command), "command"),
        )));
    }
    let bun = start.starts_with("bun ") || evidence.has("bunfig.toml");
    if bun {
        if !tools.bun {
            return Err(missing(
                if start.starts_with("bun ") { "the script `start` in package.json" } else { "bunfig.toml" },
                "a project for Bun",
                "bun",
            ));
        }
        let main = evidence.first(&["index.ts", "src/index.ts", "server.ts", "index.js"]).unwrap_or("index.ts");
        let line = if start.is_empty() { format!("bun run {main}") } else { start.to_owned() };
        let command = command_of(&line);
        return Ok(Some(Found::program(
            command.clone(),
            explain::found("Bun", "package.json", &explain::shown(&command), "command"),
        )));
    }
    Ok(None)
}

/// Where a compiled program is put.
const PROGRAM: &str = ".eventflow/server";

fn go(evidence: &Evidence, tools: Toolchains) -> Result<Option<Found>, Undecided> {
    if !evidence.has("go.mod") {
        return Ok(None);
    }
    let mains: Vec<&str> = evidence
        .texts(|name| name.ends_with(".go"))
        .filter(|(_, text)| text.lines().any(|line| line.trim_end() == "package main") && text.contains("func main()"))
        .map(|(name, _)| name.rsplit_once('/').map_or(".", |(folder, _)| folder))
        .collect();
    let folder = match mains.as_slice() {
        [] => {
            return Err(Undecided::Missing(
                "go.mod says that this is a Go module, and it has no `func main()`: it is a library, or a handler for a platform that brings its own".into(),
            ));
        }
        folders if folders.contains(&".") => ".",
        [only] => only,
        several => {
            let choices = several.iter().map(|folder| format!("the path `{folder}`")).collect();
            return Err(Undecided::Tie {
                question: "There are several programs in this Go module; which one is this function?".into(),
                choices,
            });
        }
    };
    if !tools.go {
        return Err(missing("go.mod", "a Go program", "go"));
    }
    let package = if folder == "." { ".".to_owned() } else { format!("./{folder}") };
    let build = ["go", "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", PROGRAM]
        .map(str::to_owned)
        .into_iter()
        .chain([package.clone()])
        .collect();
    let command = vec![format!("./{PROGRAM}")];
    let explanation = explain::found(
        "a Go program",
        "go.mod",
        &format!("`go build {package}`, and what it makes is started"),
        "command",
    );
    Ok(Some(Found::program(command, explanation).with([Step::Run(build)])))
}

fn rust(evidence: &Evidence, tools: Toolchains) -> Result<Option<Found>, Undecided> {
    let Some(text) = evidence.text("Cargo.toml") else { return Ok(None) };
    let table =
        text.parse::<toml::Table>().map_err(|error| Undecided::Missing(format!("Cargo.toml is not TOML: {error}")))?;
    let named = table.get("bin").and_then(|bins| bins.get(0)?.get("name")?.as_str());
    let name = named.or_else(|| table.get("package").and_then(|package| package.get("name")?.as_str()));
    let (Some(name), true) = (name, evidence.has("src/main.rs") || named.is_some()) else {
        return Err(Undecided::Missing("Cargo.toml says that this is Rust, and there is no program in it (src/main.rs): name the folder of the program".into()));
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.chars().all(plain) {
        return Err(Undecided::Missing("the name of the package in Cargo.toml is none that Cargo takes".into()));
    }
    if !tools.rust {
        return Err(missing("Cargo.toml", "a Rust program", "cargo"));
    }
    let locked = if evidence.has("Cargo.lock") { " --locked" } else { "" };
    let line = format!(
        "cargo build --release{locked} --bin {name} && mkdir -p .eventflow && mv target/release/{name} {PROGRAM} && rm -rf target"
    );
    let command = vec![format!("./{PROGRAM}")];
    let explanation = explain::found(
        "a Rust program",
        "Cargo.toml",
        "`cargo build --release`, and what it makes is started",
        "command",
    );
    Ok(Some(Found::program(command, explanation).with([Step::Run(vec!["sh".into(), "-c".into(), line])])))
}

fn site(evidence: &Evidence) -> Option<Found> {
    let package = evidence.package();
    let serve = |folder: &str| vec!["node".to_owned(), Provided::Static.path().to_owned(), folder.to_owned()];
    let builder = BUILDERS.iter().find(|(name, ..)| evidence.depends_on(name));
    if let (Some((_, shown, folder)), true) = (builder, package["scripts"]["build"].is_string()) {
        let started = format!("`npm run build`, and the files in `{folder}` are served");
        let explanation = explain::found(&format!("a site made by {shown}"), "package.json", &started, "command");
        return Some(Found::program(serve(folder), explanation).with([Step::Provide(Provided::Static)]));
    }
    let folder = ["index.html", "public/index.html", "dist/index.html", "site/index.html", "docs/index.html"]
        .iter()
        .find(|name| evidence.has(name))?;
    // A page beside code that was not recognised is a part of that.
    let code = evidence.names().any(|name| !name.contains('/') && (name.ends_with(".py") || name == "package.json"));
    if code && *folder != "index.html" {
        return None;
    }
    let folder = folder.strip_suffix("/index.html").unwrap_or(".");
    let explanation =
        explain::found("a page", &format!("{folder}/index.html").replace("./", ""), "its files are served", "command");
    Some(Found::program(serve(folder), explanation).with([Step::Provide(Provided::Static)]))
}
