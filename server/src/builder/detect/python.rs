//! Python web applications: WSGI, ASGI, Django, and programs with their own server.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use domain::manifest::{Manifest, Runtime};
use regex::Regex;

use super::evidence::Evidence;
use super::pyfile::{self, Application, Interface};
use super::{Found, Provided, Step, UVICORN, Undecided, explain};

static SETTINGS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"DJANGO_SETTINGS_MODULE['"]\s*,\s*['"]([\w.]+)['"]"#).expect("the pattern is one, as a test says")
});

/// Files that say what a Python project needs.
const PROJECT_FILES: [&str; 5] = ["requirements.txt", "pyproject.toml", "Pipfile", "setup.py", "manage.py"];

/// Files in which an application is looked for, the likeliest first; after these all others.
const PLACES: [&str; 18] = [
    "app.py",
    "main.py",
    "server.py",
    "wsgi.py",
    "asgi.py",
    "application.py",
    "api/index.py",
    "app/main.py",
    "src/main.py",
    "src/app.py",
    "app/app.py",
    "api/main.py",
    "app/__init__.py",
    "src/server.py",
    "index.py",
    "run.py",
    "web.py",
    "hello.py",
];

/// Words of programs that serve by themselves, and what they are made with.
const SERVES: [(&str, &str); 8] = [
    ("web.run_app(", "aiohttp"),
    ("uvicorn.run(", "uvicorn"),
    ("IOLoop.current().start", "Tornado"),
    ("asyncio.Event().wait", "Tornado"),
    ("serve_forever(", "an HTTP server"),
    (".launch(", "Gradio"),
    ("waitress.serve(", "waitress"),
    ("ui.run(", "NiceGUI"),
];

/// Whether the project's own code is Python, whatever `package.json` is for.
pub(super) fn is_a_python_project(evidence: &Evidence) -> bool {
    let listed = PROJECT_FILES.iter().any(|name| evidence.has(name));
    let node = super::node::framework(evidence).is_some_and(|(_, in_production)| in_production);
    listed && !node && (evidence.has("manage.py") || evidence.texts(is_python).next().is_some())
}

fn is_python(path: &str) -> bool {
    path.ends_with(".py")
}

/// The packages that the project asks for, by their names in lower case with hyphens.
pub(super) fn requirements(evidence: &Evidence) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut add = |text: &str| {
        let name: String =
            text.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        if !name.is_empty() {
            names.insert(name.to_lowercase().replace(['_', '.'], "-"));
        }
        // `fastapi[standard]` brings a server.
        if text.trim().to_lowercase().starts_with("fastapi[") {
            names.insert("uvicorn".to_owned());
        }
    };
    let requirements = evidence.text("requirements.txt").unwrap_or_default();
    requirements.lines().filter(|line| !line.trim_start().starts_with(['-', '#'])).for_each(&mut add);
    let table = |name: &str| evidence.text(name).and_then(|text| text.parse::<toml::Table>().ok()).unwrap_or_default();
    let project = table("pyproject.toml");
    let listed = project.get("project").and_then(|project| project.get("dependencies")?.as_array());
    listed.into_iter().flatten().filter_map(toml::Value::as_str).for_each(&mut add);
    let poetry = project.get("tool").and_then(|tool| tool.get("poetry")?.get("dependencies")?.as_table());
    poetry.into_iter().flat_map(toml::Table::keys).for_each(|name| add(name));
    let pipfile = table("Pipfile");
    pipfile
        .get("packages")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(toml::Table::keys)
        .for_each(|name| add(name));
    names
}

pub(super) fn detect(evidence: &Evidence) -> Result<Option<Found>, Undecided> {
    if evidence.has("manage.py")
        && let Some(found) = django(evidence)
    {
        return Ok(Some(found));
    }
    if evidence.has("app.py") && asks_for_flask(evidence) {
        let found = evidence.text("app.py").and_then(|text| pyfile::module(text).application());
        match found {
            Some(found) if found.interface == Interface::Asgi => {}
            Some(found) if found.name != "app" => return Ok(Some(wsgi(evidence, "app.py", &found, false))),
            _ => {
                let explanation = "Found Flask: app.py is served by EventFlow's WSGI server; set `runtime` in function.json to change it";
                return Ok(Some(Found::plain(Manifest::of(Runtime::PythonFlask), explanation)));
            }
        }
    }
    if let Some((path, found, factory)) = application(evidence) {
        return Ok(Some(match found.interface {
            Interface::Wsgi => wsgi(evidence, path, &found, factory),
            Interface::Asgi => asgi(evidence, path, &found, factory),
        }));
    }
    Ok(program(evidence))
}

/// The application of a `python-flask` function whose manifest does not name it; `None` for `app` of `app.py`.
pub(super) fn wsgi_handler(evidence: &Evidence) -> Option<String> {
    let (path, found, _) = application(evidence).filter(|(_, found, _)| found.interface == Interface::Wsgi)?;
    if evidence.has("app.py") || evidence.has("app/__init__.py") {
        return None;
    }
    Some(format!("{}.{}", path.trim_end_matches(".py"), found.name))
}

fn asks_for_flask(evidence: &Evidence) -> bool {
    let imports = evidence.text("app.py").is_some_and(|text| pyfile::module(text).imports("flask"));
    imports || requirements(evidence).contains("flask")
}

/// The first file with an application, the application, and whether it is a function that makes one.
fn application(evidence: &Evidence) -> Option<(&str, Application, bool)> {
    // Where nothing at the root says so, a folder below may be any of many projects.
    let listed = PROJECT_FILES.iter().any(|name| evidence.has(name));
    let near = |name: &str| !name.contains('/') || listed || name == "api/index.py";
    let known = PLACES.iter().filter_map(|place| evidence.texts(|name| name == *place && near(name)).next());
    let others =
        evidence.texts(|name| is_python(name) && name.split('/').count() <= 3 && near(name) && !PLACES.contains(&name));
    let all: Vec<_> = known.chain(others).collect();
    let look = |find: fn(&pyfile::Module<'_>) -> Option<Application>| {
        all.iter().find_map(|(path, text)| {
            let module = pyfile::module(text);
            let found = find(&module)?;
            let factory = module.is_factory(&found.name);
            Some((*path, found, factory))
        })
    };
    look(|module| module.application()).or_else(|| look(|module| module.plain_application()))
}

fn place_of(evidence: &Evidence, framework: &str, path: &str) -> String {
    let asked = requirements(evidence).contains(&framework.to_lowercase());
    let listed = PROJECT_FILES[..3].iter().find(|name| evidence.has(name));
    match (asked, listed) {
        (true, Some(listed)) => format!("{listed} and {path}"),
        _ => path.to_owned(),
    }
}

/// `package.module` as servers take it.
fn dotted(path: &str) -> String {
    path.trim_end_matches(".py").trim_end_matches("/__init__").replace('/', ".")
}

fn wsgi(evidence: &Evidence, path: &str, found: &Application, factory: bool) -> Found {
    let asked = requirements(evidence);
    let place = place_of(evidence, found.framework, path);
    let call = if factory { "()" } else { "" };
    let target = format!("{}:{}{call}", dotted(path), found.name);
    let brought = if asked.contains("gunicorn") {
        Some(format!("exec python3 -m gunicorn --bind 0.0.0.0:$PORT --forwarded-allow-ips='*' '{target}'"))
    } else if asked.contains("waitress") {
        let target = target.trim_end_matches("()");
        let call = if factory { " --call" } else { "" };
        Some(format!("exec python3 -m waitress --listen=0.0.0.0:$PORT{call} '{target}'"))
    } else {
        None
    };
    match brought {
        Some(line) => {
            let command = vec!["sh".to_owned(), "-c".to_owned(), line];
            let explanation = explain::found(found.framework, &place, &explain::shown(&command), "command");
            Found::program(command, explanation)
        }
        None => {
            let handler = format!("{}.{}", path.trim_end_matches(".py").trim_end_matches("/__init__"), found.name);
            let started = format!("`{target}` is served by EventFlow's WSGI server");
            let explanation = explain::found(found.framework, &place, &started, "handler");
            Found::handled(Runtime::PythonFlask, handler, None, explanation)
        }
    }
}

fn asgi(evidence: &Evidence, path: &str, found: &Application, factory: bool) -> Found {
    let asked = requirements(evidence);
    let call = if factory { "()" } else { "" };
    let target = format!("{}:{}{call}", dotted(path), found.name);
    let server = ["uvicorn", "hypercorn"].into_iter().find(|server| asked.contains(*server));
    let command = vec!["python3".to_owned(), Provided::Asgi.path().to_owned(), target.clone()];
    let started = match server {
        Some(server) => format!("`{target}` is served by {server}"),
        None => format!("`{target}` is served by {UVICORN}, which its requirements do not bring"),
    };
    let explanation = explain::found(found.framework, &place_of(evidence, found.framework, path), &started, "command");
    let install = server.is_none().then(|| Step::PythonPackage(UVICORN.to_owned()));
    Found::program(command, explanation).with(install).with([Step::Provide(Provided::Asgi)])
}

fn django(evidence: &Evidence) -> Option<Found> {
    let manage = evidence.text("manage.py")?;
    let settings = SETTINGS.captures(manage).map(|found| found[1].to_owned())?;
    let project = settings.split('.').next().unwrap_or_default().to_owned();
    let own = [format!("{project}/wsgi.py"), format!("{project}/asgi.py"), format!("{project}/config/wsgi.py")];
    let path = own.iter().find(|path| evidence.has(path)).cloned();
    let path = path.or_else(|| evidence.names().find(|name| name.ends_with("/wsgi.py")).map(str::to_owned))?;
    let interface = if path.ends_with("asgi.py") { Interface::Asgi } else { Interface::Wsgi };
    let found = Application { name: "application".into(), interface, framework: "Django" };
    let collects = evidence
        .texts(|name| name.starts_with(&project) && name.contains("settings"))
        .any(|(_, text)| text.lines().any(|line| line.trim_start().starts_with("STATIC_ROOT")));
    let collect = ["python3", "manage.py", "collectstatic", "--noinput"].map(str::to_owned).to_vec();
    let made = match interface {
        Interface::Wsgi => wsgi(evidence, &path, &found, false),
        Interface::Asgi => asgi(evidence, &path, &found, false),
    };
    Some(made.with(collects.then_some(Step::Try(collect))))
}

/// A program that serves by itself.
fn program(evidence: &Evidence) -> Option<Found> {
    let asked = requirements(evidence);
    let known = PLACES.iter().filter_map(|place| evidence.texts(|name| name == *place).next());
    let others = evidence.texts(|name| is_python(name) && !name.contains('/') && !PLACES.contains(&name));
    let files: Vec<_> = known.chain(others).collect();
    if asked.contains("streamlit")
        && let Some((path, _)) = files.iter().find(|(_, text)| pyfile::module(text).imports("streamlit"))
    {
        let line = format!(
            "exec python3 -m streamlit run {path} --server.port $PORT --server.address 0.0.0.0 --server.headless true"
        );
        let command = vec!["sh".to_owned(), "-c".to_owned(), line];
        let explanation = explain::found("Streamlit", path, &explain::shown(&command), "command");
        return Some(Found::program(command, explanation));
    }
    let (path, made_with) = files.iter().find_map(|(path, text)| {
        let module = pyfile::module(text);
        let serves = SERVES.iter().find(|(word, _)| text.contains(word))?;
        let by_itself = module.is_program() || module.functions.is_empty();
        by_itself.then_some((*path, serves.1))
    })?;
    let command = vec!["python3".to_owned(), path.to_owned()];
    let explanation = explain::found(made_with, path, &explain::shown(&command), "command");
    Some(Found::program(command, explanation))
}
