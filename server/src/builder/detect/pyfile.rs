//! What a Python file defines, as far as that is visible without running it.

use std::sync::LazyLock;

use regex::Regex;

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($text).expect("the pattern is one, as a test says"));
    };
}

pattern!(FUNCTION, r"(?m)^((?:@[^\n]*\n)*)(?:async\s+)?def\s+(\w+)\s*\(([^)]*)\)");
pattern!(CLASS, r"(?m)^class\s+(\w+)\s*(?:\(([^)]*)\))?\s*:");
pattern!(ASSIGNED, r"(?m)^(\w+)\s*(?::[^=\n]+)?=\s*([\w.]+)\s*\(");
pattern!(IMPORT, r"(?m)^\s*(?:import|from)\s+([\w.]+)");
pattern!(MAIN, r#"(?m)^if\s+__name__\s*==\s*['"]__main__['"]\s*:"#);

/// A top-level function of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    /// Names of its parameters, without types and defaults.
    pub(super) parameters: Vec<String>,
    /// Its decorators, as they are written.
    pub(super) decorators: String,
}

/// A parsed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Module<'t> {
    pub(super) text: &'t str,
    pub(super) functions: Vec<Function>,
    /// Classes at the top, with what they inherit.
    pub(super) classes: Vec<(String, String)>,
    /// Names at the top that are what a call results in, with what is called.
    pub(super) assigned: Vec<(String, String)>,
    pub(super) imports: Vec<String>,
}

/// Looks at a file's text.
pub(super) fn module(text: &str) -> Module<'_> {
    let functions = FUNCTION.captures_iter(text).map(|found| Function {
        decorators: found[1].to_owned(),
        name: found[2].to_owned(),
        parameters: found[3]
            .split(',')
            .map(|part| part.split([':', '=']).next().unwrap_or_default().trim().to_owned())
            .filter(|name| !name.is_empty() && name != "*" && name != "/")
            .collect(),
    });
    let classes = CLASS
        .captures_iter(text)
        .map(|found| (found[1].to_owned(), found.get(2).map_or("", |base| base.as_str()).to_owned()));
    let assigned = ASSIGNED.captures_iter(text).map(|found| (found[1].to_owned(), found[2].to_owned()));
    let imports = IMPORT.captures_iter(text).map(|found| found[1].to_owned());
    Module {
        text,
        functions: functions.collect(),
        classes: classes.collect(),
        assigned: assigned.collect(),
        imports: imports.collect(),
    }
}

/// The interface of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interface {
    Wsgi,
    Asgi,
}

/// A web application in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Application {
    pub(super) name: String,
    pub(super) interface: Interface,
    /// The framework, for people.
    pub(super) framework: &'static str,
}

/// What makes an application: the last part of what is called, the package that it is from, the interface, the framework.
const MAKERS: [(&str, &str, Interface, &str); 17] = [
    ("Flask", "flask", Interface::Wsgi, "Flask"),
    ("FastAPI", "fastapi", Interface::Asgi, "FastAPI"),
    ("Starlette", "starlette", Interface::Asgi, "Starlette"),
    ("Quart", "quart", Interface::Asgi, "Quart"),
    ("Litestar", "litestar", Interface::Asgi, "Litestar"),
    ("Sanic", "sanic", Interface::Asgi, "Sanic"),
    ("BlackSheep", "blacksheep", Interface::Asgi, "BlackSheep"),
    ("Application", "blacksheep", Interface::Asgi, "BlackSheep"),
    ("FastHTML", "fasthtml", Interface::Asgi, "FastHTML"),
    ("Bottle", "bottle", Interface::Wsgi, "Bottle"),
    ("default_app", "bottle", Interface::Wsgi, "Bottle"),
    ("App", "falcon", Interface::Wsgi, "Falcon"),
    ("APIFlask", "apiflask", Interface::Wsgi, "APIFlask"),
    ("get_wsgi_application", "django", Interface::Wsgi, "Django"),
    ("get_asgi_application", "django", Interface::Asgi, "Django"),
    ("make_wsgi_app", "pyramid", Interface::Wsgi, "Pyramid"),
    ("Dash", "dash", Interface::Wsgi, "Dash"),
];

/// Names that a server would look for, the likeliest first.
const NAMES: [&str; 5] = ["app", "application", "api", "server", "asgi_app"];
/// Functions that make an application.
const FACTORIES: [&str; 4] = ["create_app", "make_app", "get_app", "build_app"];

impl Module<'_> {
    pub(super) fn imports(&self, package: &str) -> bool {
        self.imports
            .iter()
            .any(|name| name == package || name.strip_prefix(package).is_some_and(|rest| rest.starts_with('.')))
    }

    pub(super) fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// It does something when it is started as a program.
    pub(super) fn is_program(&self) -> bool {
        MAIN.is_match(self.text)
    }

    fn maker(&self, called: &str) -> Option<(Interface, &'static str)> {
        let last = called.rsplit('.').next().unwrap_or(called);
        let found = MAKERS.iter().find(|(name, package, ..)| {
            *name == last && (self.imports(package) || called == format!("{package}.{name}"))
        });
        let (_, _, interface, framework) = found?;
        // `falcon.asgi.App` is another than `falcon.App`.
        let asgi = *framework == "Falcon" && (called.contains("asgi") || self.imports("falcon.asgi"));
        Some((if asgi { Interface::Asgi } else { *interface }, framework))
    }

    /// The web application that a server would find in the file.
    pub(super) fn application(&self) -> Option<Application> {
        let rank = |name: &str| NAMES.iter().position(|known| *known == name).unwrap_or(NAMES.len());
        let made = self.assigned.iter().filter_map(|(name, called)| {
            let (interface, framework) = self.maker(called)?;
            Some(Application { name: name.clone(), interface, framework })
        });
        let mut made: Vec<_> = made.collect();
        made.sort_by_key(|application| rank(&application.name));
        if let Some(first) = made.into_iter().next() {
            return Some(first);
        }
        // `app = create_app()`, wherever that is from; a function that makes one; a plain WSGI or ASGI function.
        let (interface, framework) = self.framework()?;
        let known = self.assigned.iter().find(|(name, called)| {
            NAMES.contains(&name.as_str()) && FACTORIES.iter().any(|factory| called.ends_with(factory))
        });
        let factory = self.functions.iter().find(|function| FACTORIES.contains(&function.name.as_str()));
        let name = known.map(|(name, _)| name.clone()).or(factory.map(|function| function.name.clone()))?;
        Some(Application { name, interface, framework })
    }

    /// A function that is an application by its parameters.
    pub(super) fn plain_application(&self) -> Option<Application> {
        self.functions.iter().find_map(|function| {
            let parameters: Vec<_> = function.parameters.iter().map(String::as_str).collect();
            let interface = match parameters.as_slice() {
                ["environ" | "env", "start_response"] => Interface::Wsgi,
                ["scope", "receive", "send"] => Interface::Asgi,
                _ => return None,
            };
            let framework = if interface == Interface::Wsgi { "a WSGI application" } else { "an ASGI application" };
            Some(Application { name: function.name.clone(), interface, framework })
        })
    }

    fn framework(&self) -> Option<(Interface, &'static str)> {
        let known = MAKERS.iter().find(|(_, package, ..)| self.imports(package));
        known.map(|(_, _, interface, framework)| (*interface, *framework)).or_else(|| {
            // A factory of the project's own says nothing of what it makes: most make WSGI applications.
            let own = self.assigned.iter().any(|(name, called)| {
                NAMES.contains(&name.as_str()) && FACTORIES.iter().any(|factory| called.ends_with(factory))
            });
            own.then_some((Interface::Wsgi, "an application factory"))
        })
    }

    /// Whether the name is a function that makes the application.
    pub(super) fn is_factory(&self, name: &str) -> bool {
        FACTORIES.contains(&name) && self.function(name).is_some()
    }
}
