//! Explains why a process did not start, from the last lines it wrote: one sentence, and what to do.
//!
//! Matches text; knows nothing of functions.

use std::sync::LazyLock;

use domain::manifest::{Manifest, Runtime};
use regex::Regex;

/// The longest cause, in bytes.
const MAX_CAUSE: usize = 400;

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($text).expect("the pattern is one, as a test says"));
    };
}

pattern!(NO_MODULE, r#"(ModuleNotFoundError: No module named '([\w.]+)')"#);
pattern!(NO_PYTHON_PROGRAM, r"No module named ([\w.]+)\s*$");
pattern!(NO_PACKAGE, r#"Cannot find (?:module|package) '([^']+)'"#);
pattern!(NOT_FOUND, r"(?:sh: \d+: |sh: line \d+: |exec: |cannot start )([\w./-]+):? (?:not found|No such file)");
pattern!(NO_EXPORT, r#"^(\S+ (?:exports no function|has no function|has no WSGI application) "[^"]*"; .*)$"#);
pattern!(KEY_ERROR, r"^KeyError: '([A-Z][A-Z0-9_]{2,})'");
pattern!(VARIABLE, r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9])\b");
pattern!(PYDANTIC, r"^([A-Za-z_][\w]*)$");
pattern!(
    ERROR_LINE,
    r"^(?:Uncaught )?(?:[\w.]*(?:Error|Exception|Exit)\b(?: \[[\w]+\])?: \S.*|panic: .*|thread '.*' panicked.*)$"
);
pattern!(IN_USE, r"EADDRINUSE|[Aa]ddress already in use");
pattern!(NO_PORT, r"listen EACCES|Permission denied.*(?:bind|:80\b)|bind: permission denied");
pattern!(READ_ONLY, r"EROFS|Read-only file system");
pattern!(
    NO_NETWORK,
    r"ENETUNREACH|ENOTFOUND|EAI_AGAIN|Temporary failure in name resolution|Network is unreachable|ECONNREFUSED"
);

/// Python modules whose packages have other names.
const PACKAGES: [(&str, &str); 18] = [
    ("yaml", "PyYAML"),
    ("PIL", "Pillow"),
    ("cv2", "opencv-python-headless"),
    ("sklearn", "scikit-learn"),
    ("dotenv", "python-dotenv"),
    ("bs4", "beautifulsoup4"),
    ("dateutil", "python-dateutil"),
    ("jwt", "PyJWT"),
    ("psycopg2", "psycopg2-binary"),
    ("MySQLdb", "mysqlclient"),
    ("multipart", "python-multipart"),
    ("jose", "python-jose"),
    ("magic", "python-magic"),
    ("slack_bolt", "slack-bolt"),
    ("functions_framework", "functions-framework"),
    ("google.cloud", "google-cloud-core"),
    ("flask_cors", "flask-cors"),
    ("rest_framework", "djangorestframework"),
];

/// A sentence about why a process did not start, if its last lines show the reason.
pub fn cause(manifest: &Manifest, lines: &[String]) -> Option<String> {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    let found = advice(&lines)
        .or_else(|| missing_package(manifest, &lines))
        .or_else(|| missing_export(&lines))
        .or_else(|| missing_variable(&lines))
        .or_else(|| surroundings(manifest, &lines))
        .or_else(|| last_error(&lines))?;
    let mut short: String = found.chars().take(MAX_CAUSE).collect();
    if short.len() < found.len() {
        short.push('…');
    }
    Some(short)
}

/// A wrapper's last line is a complete sentence and includes the remedy.
fn advice(lines: &[&str]) -> Option<String> {
    const REMEDIES: [&str; 6] = [
        ": add it to",
        "set it as a secret",
        "set them as secrets",
        "there is no such file",
        "build step",
        "only there on",
    ];
    lines.last().filter(|line| REMEDIES.iter().any(|remedy| line.contains(remedy))).map(|line| (*line).to_owned())
}

fn missing_package(manifest: &Manifest, lines: &[&str]) -> Option<String> {
    let python = || {
        let line = lines.iter().rev().find_map(|line| NO_MODULE.captures(line).map(|found| found[2].to_owned()));
        line.or_else(|| {
            lines.iter().rev().find_map(|line| NO_PYTHON_PROGRAM.captures(line).map(|found| found[1].to_owned()))
        })
    };
    if let Some(module) = python() {
        let top = module.split('.').next().unwrap_or_default();
        let package =
            PACKAGES.iter().find(|(name, _)| module == *name || top == *name).map_or(top, |(_, package)| package);
        let differs = if package == top { String::new() } else { format!(" as `{package}`") };
        return Some(format!(
            "ModuleNotFoundError: No module named '{module}': add it to requirements.txt{differs}, or commit the file that it is in"
        ));
    }
    if let Some(name) = lines.iter().find_map(|line| NO_PACKAGE.captures(line).map(|found| found[1].to_owned())) {
        let own = name.starts_with(['.', '/']);
        if own {
            let name = name.trim_start_matches("/app/");
            return Some(format!(
                "Cannot find module '{name}': the file is not in the function's folder; a build step must make it, or it must be committed"
            ));
        }
        let mut parts = name.split('/');
        let first = parts.next().unwrap_or_default();
        let package = if first.starts_with('@') {
            format!("{first}/{}", parts.next().unwrap_or_default())
        } else {
            first.to_owned()
        };
        return Some(format!("Cannot find module '{name}': add `{package}` to the `dependencies` in package.json"));
    }
    let program = lines.iter().find_map(|line| NOT_FOUND.captures(line).map(|found| found[1].to_owned()))?;
    let hint = match manifest.runtime {
        Runtime::Command => {
            "list the package that brings it among the dependencies, or set `command` in function.json to another program"
        }
        _ => "it is not on this server",
    };
    Some(format!("the program `{program}` was not found: {hint}"))
}

/// The last line that names an error; if a wrapper could not load a file, the reason follows the file's name.
fn last_error(lines: &[&str]) -> Option<String> {
    let loaded = |line: &str| line.contains(" cannot be loaded: ") && !line.ends_with("(most recent call last):");
    lines.iter().rev().find(|line| ERROR_LINE.is_match(line) || loaded(line)).map(|line| (*line).to_owned())
}

fn missing_export(lines: &[&str]) -> Option<String> {
    let line = lines.iter().find_map(|line| NO_EXPORT.captures(line).map(|found| found[1].to_owned()))?;
    // An exported application is most likely what is meant.
    let app = ["app (function)", "server (object)", "app (object)"].iter().any(|name| line.contains(name));
    if line.contains("\"handler\":") || line.contains("\"command\":") {
        return Some(line);
    }
    let hint = if app {
        "; where that is a web application, have it listen on $PORT and set `command` in function.json, such as [\"node\", \"app.js\"]"
    } else {
        "; set `handler` in function.json to FILE.EXPORT"
    };
    Some(format!("{line}{hint}"))
}

fn missing_variable(lines: &[&str]) -> Option<String> {
    let secret = |name: &str| {
        format!(
            "the environment variable `{name}` is missing: set it as a secret and name it in `secrets` of function.json, or set it in `env`"
        )
    };
    if let Some(found) = lines.iter().rev().find_map(|line| KEY_ERROR.captures(line)) {
        return Some(secret(&found[1]));
    }
    const WORDS: [&str; 14] = [
        "missing",
        "required",
        "not set",
        "undefined",
        "must be set",
        "not defined",
        "is empty",
        "not provided",
        "environment variable",
        "env var",
        "not found in environment",
        "please set",
        "not configured",
        "must provide",
    ];
    for (index, line) in lines.iter().enumerate().rev() {
        let lower = line.to_lowercase();
        if line.starts_with("at ") || line.starts_with("File ") {
            continue;
        }
        // pydantic-settings prints the name on a line of its own, and `Field required` below it.
        if lower.starts_with("field required")
            && let Some(name) = index.checked_sub(1).and_then(|before| PYDANTIC.captures(lines[before]))
        {
            return Some(secret(&name[1].to_uppercase()));
        }
        if WORDS.iter().any(|word| lower.contains(word))
            && let Some(name) = VARIABLE.captures(line).filter(|name| !name[1].starts_with("ERR_"))
        {
            return Some(secret(&name[1]));
        }
    }
    None
}

fn surroundings(manifest: &Manifest, lines: &[&str]) -> Option<String> {
    let line = |pattern: &Regex| lines.iter().rev().find(|line| pattern.is_match(line)).map(|line| (*line).to_owned());
    if let Some(line) = line(&NO_PORT) {
        return Some(format!("{line}: ports below 1024 are closed to functions; listen on $PORT"));
    }
    if let Some(line) = line(&IN_USE) {
        return Some(format!(
            "{line}: the program listens twice on one port, or on one that is EventFlow's; listen once, on $PORT"
        ));
    }
    if let Some(line) = line(&READ_ONLY) {
        return Some(format!(
            "{line}: a function's own files are read-only when it runs; write to /tmp, or do it in a build step"
        ));
    }
    let closed = matches!(manifest.resources.network, domain::manifest::Network::None);
    match (line(&NO_NETWORK), closed) {
        (Some(line), true) => {
            Some(format!("{line}: the function has no network; set `resources.network` in function.json"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(runtime: Runtime, text: &str) -> Option<String> {
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        cause(&Manifest::of(runtime), &lines)
    }

    #[test]
    fn the_last_lines_say_why() {
        let traceback = "main cannot be loaded: Traceback (most recent call last):\n  File \"/app/main.py\", line 1, in <module>\n    import fastapi\nModuleNotFoundError: No module named 'fastapi'";
        let node = "index.js cannot be loaded: Error: Cannot find module 'express'\nRequire stack:\n- /app/index.js\n    at Module._resolveFilename";
        let environ = "  File \"<frozen os>\", line 679, in __getitem__\nKeyError: 'STRIPE_SECRET_KEY'";
        let table = [
            (Runtime::Python, traceback, "No module named 'fastapi': add it to requirements.txt"),
            (Runtime::Python, "ModuleNotFoundError: No module named 'yaml'", "as `PyYAML`"),
            (Runtime::Command, "/usr/bin/python3: No module named gunicorn", "'gunicorn': add it to requirements.txt"),
            (Runtime::Node, node, "add `express` to the `dependencies`"),
            (
                Runtime::Node,
                "Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@hono/node-server' imported from /app/x.mjs",
                "add `@hono/node-server`",
            ),
            (Runtime::Command, "Error: Cannot find module '/app/dist/main.js'", "'dist/main.js': the file is not in"),
            (
                Runtime::Node,
                "app.js exports no function \"handler\"; it exports app (function)",
                "have it listen on $PORT",
            ),
            (Runtime::Python, environ, "`STRIPE_SECRET_KEY` is missing: set it as a secret"),
            (Runtime::Command, "Error: SLACK_BOT_TOKEN is required\n    at x.js:1", "`SLACK_BOT_TOKEN` is missing"),
            (
                Runtime::Command,
                "1 validation error for Settings\ndatabase_url\n  Field required [type=missing]",
                "`DATABASE_URL` is missing",
            ),
            (Runtime::Command, "sh: 1: nodemon: not found", "the program `nodemon` was not found"),
            (Runtime::Command, "Error: listen EACCES: permission denied 0.0.0.0:80", "ports below 1024"),
            (Runtime::Command, "Error: connect ENETUNREACH 1.2.3.4:443", "set `resources.network`"),
            (
                Runtime::Node,
                "index.js cannot be loaded: Error: not today\n    at Object.<anonymous> (/app/index.js:1:7)",
                "index.js cannot be loaded: Error: not today",
            ),
            (
                Runtime::Node,
                "x\nTypeError: app.get is not a function\n    at /app/x.js:1",
                "TypeError: app.get is not a function",
            ),
        ];
        for (runtime, text, part) in table {
            let cause = of(runtime, text).unwrap_or_default();
            assert!(cause.contains(part) && !cause.contains('\n') && !cause.contains("/app/"), "{text}\n{cause}");
        }
        assert_eq!(of(Runtime::Command, "no luck"), None);
        assert!(of(Runtime::Node, &format!("Error: {}", "x".repeat(9_000))).unwrap().chars().count() <= MAX_CAUSE + 1);
    }
}
