//! What a JavaScript or TypeScript file exports, as far as that is visible without running it.

use std::sync::LazyLock;

use regex::Regex;

use super::{Evidence, Step};

/// Endings in the order in which the wrapper looks for a handler's file, and those that are compiled into them.
const ENDINGS: [&str; 8] = [".js", ".mjs", ".cjs", "/index.js", "/index.mjs", ".ts", ".mts", "/index.ts"];

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($text).expect("the pattern is one, as a test says"));
    };
}

pattern!(COMMENT, r#"(?s)("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|/\*.*?\*/|//[^\n]*"#);
pattern!(NAMED, r"(?m)(?:^|[^.\w$])(?:module\s*\.\s*)?exports\s*\.\s*([A-Za-z_$][\w$]*)\s*=[^=]");
pattern!(
    EXPORTED,
    r"(?m)^\s*export\s+(?:declare\s+)?(?:async\s+)?(?:function\s*\*?|const|let|var|class)\s+([A-Za-z_$][\w$]*)"
);
pattern!(EXPORT_LIST, r"(?m)^\s*export\s*\{([^}]*)\}");
pattern!(EXPORTS_OBJECT, r"module\s*\.\s*exports\s*=\s*\{([^}]*)\}");
pattern!(DEFAULT, r"(?:export\s+default|module\s*\.\s*exports\s*=)\s*(\S[^\n]*)");
pattern!(
    DEFAULT_PARAMETERS,
    r"(?s)(?:export\s+default|module\s*\.\s*exports\s*=)\s*(?:async\s+)?(?:function\s*\*?\s*[\w$]*\s*)?\((.*?)\)\s*(?::[^={]*)?(?:=>|\{)"
);
pattern!(LISTENS, r"\.\s*listen\s*\(|Deno\.serve\(|Bun\.serve\(|(?:^|[^\w.])serve\s*\(");
pattern!(DECLARED, r#"\b(?:functions|app|ff)\s*\.\s*(http|get|post|cloudEvent)\s*\(\s*['"`]([\w-]+)['"`]"#);

/// Exports of a file that are looked at: a file with more is no handler's.
const MAX_EXPORTS: usize = 40;

/// A parsed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Module {
    /// Its text without comments.
    pub(super) code: String,
    /// Names that it exports, without the default.
    pub(super) exports: Vec<String>,
    /// What follows `export default` or `module.exports =` on its line, unless that is an object of names.
    pub(super) default: Option<String>,
}

/// Looks at a file's text.
pub(super) fn module(text: &str) -> Module {
    let code = COMMENT.replace_all(text, "$1").into_owned();
    let mut exports: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        let name = name.trim();
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$');
        if is_name && exports.len() < MAX_EXPORTS && name != "default" && !exports.iter().any(|known| known == name) {
            exports.push(name.to_owned());
        }
    };
    NAMED.captures_iter(&code).for_each(|found| add(&found[1]));
    EXPORTED.captures_iter(&code).for_each(|found| add(&found[1]));
    for list in EXPORT_LIST.captures_iter(&code) {
        list[1].split(',').for_each(|item| add(item.rsplit(" as ").next().unwrap_or_default()));
    }
    let object = EXPORTS_OBJECT.captures(&code);
    if let Some(object) = &object {
        object[1].split(',').for_each(|item| add(item.split(':').next().unwrap_or_default()));
    }
    let default = DEFAULT.captures(&code).map(|found| found[1].trim().trim_end_matches(';').to_owned());
    let default = default.filter(|_| object.is_none() || code.contains("export default"));
    Module { code, exports, default }
}

impl Module {
    /// It waits for connections by itself.
    pub(super) fn listens(&self) -> bool {
        LISTENS.is_match(&self.code)
    }

    pub(super) fn exports(&self, name: &str) -> bool {
        self.exports.iter().any(|known| known == name)
    }

    /// The parameters of a function, as they are written; those of what is exported by default for `default`.
    pub(super) fn parameters(&self, name: &str) -> Option<String> {
        if name == "default" {
            if let Some(found) = DEFAULT_PARAMETERS.captures(&self.code) {
                return Some(found[1].trim().to_owned());
            }
            let named = self.default.as_deref()?;
            let word: String = named
                .trim_start_matches("async ")
                .trim_start_matches("function ")
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '$')
                .collect();
            return (!word.is_empty() && word != "default").then(|| self.parameters(&word)).flatten();
        }
        let name = regex::escape(name);
        let text = format!(
            r"(?s)(?:function\s*\*?\s*{name}\s*\((.*?)\)\s*(?::[^={{]*)?\{{|\b{name}\s*(?::[^=]*)?=\s*(?:async\s+)?(?:function\s*\*?\s*[\w$]*\s*)?\((.*?)\)\s*(?::[^=]*)?(?:=>|\{{)|\b{name}\s*=\s*(?:async\s+)?([\w$]+)\s*=>)"
        );
        let found = Regex::new(&text).ok()?.captures(&self.code)?;
        found.iter().skip(1).flatten().next().map(|text| text.as_str().trim().to_owned())
    }

    /// The names of the parameters, without their types.
    pub(super) fn parameter_names(&self, name: &str) -> Vec<String> {
        let Some(parameters) = self.parameters(name) else { return Vec::new() };
        if parameters.trim_start().starts_with('{') {
            let inner = parameters.trim_start_matches(['{', ' ', '\n']).split('}').next().unwrap_or_default();
            return vec![format!("{{{}}}", inner.split(',').map(str::trim).collect::<Vec<_>>().join(","))];
        }
        let name_of = |part: &str| {
            part.split([':', '=']).next().unwrap_or_default().trim().trim_start_matches('_').to_lowercase()
        };
        parameters.split(',').map(name_of).filter(|name| !name.is_empty()).collect()
    }

    /// Names that are declared by `functions.http('name', …)` and the like, with the method that declares them.
    pub(super) fn declared(&self) -> Vec<(String, String)> {
        DECLARED.captures_iter(&self.code).map(|found| (found[1].to_owned(), found[2].to_owned())).collect()
    }

    /// Whether it imports a package.
    pub(super) fn imports(&self, package: &str) -> bool {
        ['\'', '"', '`'].iter().any(|quote| {
            let quoted = format!("{quote}{package}{quote}");
            self.code.contains(&format!("require({quoted}"))
                || self.code.contains(&format!("from {quoted}"))
                || self.code.contains(&format!("import {quoted}"))
        })
    }
}

/// The path without its ending, as a handler names it.
pub(super) fn stem(path: &str) -> &str {
    let endings = [".js", ".mjs", ".cjs", ".tsx", ".ts", ".mts", ".cts", ".jsx"];
    endings.iter().find_map(|ending| path.strip_suffix(ending)).unwrap_or(path)
}

/// Whether a name is one of JavaScript or TypeScript code.
pub(super) fn is_code(path: &str) -> bool {
    stem(path) != path && !path.ends_with(".d.ts")
}

/// The file that `node FILE` would start for a name as `package.json` has it.
pub(super) fn resolve(evidence: &Evidence, name: &str) -> Option<String> {
    let name = name.trim_start_matches("./");
    if evidence.has(name) {
        return Some(name.to_owned());
    }
    ENDINGS.iter().map(|ending| format!("{}{ending}", name.trim_end_matches('/'))).find(|path| evidence.has(path))
}

/// The step that makes JavaScript of a handler's file, when that is in TypeScript.
pub(super) fn bundle_for(evidence: &Evidence, handler: &str) -> Option<Step> {
    let (stem, _) = handler.rsplit_once('.')?;
    let stem = stem.trim_start_matches("./");
    if ENDINGS[..5].iter().any(|ending| evidence.has(&format!("{stem}{ending}"))) {
        return None;
    }
    let endings = [(".ts", ".js"), (".mts", ".mjs"), (".cts", ".cjs"), (".tsx", ".js"), ("/index.ts", "/index.js")];
    let (from, to) = endings.into_iter().find(|(from, _)| evidence.has(&format!("{stem}{from}")))?;
    let esm = to == ".mjs" || to != ".cjs" && evidence.is_esm();
    Some(Step::Bundle { entry: format!("{stem}{from}"), output: format!("{stem}{to}"), esm })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_exports_is_seen() {
        let table: [(&str, &[&str], Option<&str>); 10] = [
            ("exports.handler = async (event) => 1;", &["handler"], None),
            ("module.exports.hello = function (event, context, callback) {}", &["hello"], None),
            ("module.exports = { handler, other: 1 };", &["handler", "other"], None),
            ("// exports.no = 1\n/* export const no = 2 */ export const GET = () => 1", &["GET"], None),
            ("export async function handler(event) {}", &["handler"], None),
            ("const a = 1;\nexport { a as handler };", &["handler"], None),
            ("export default async ({ req, res }) => {}", &[], Some("async ({ req, res }) => {}")),
            ("module.exports = app;", &[], Some("app")),
            ("export default {\n  async fetch(request) {} }", &[], Some("{")),
            ("if (exports.a == 1) {}", &[], None),
        ];
        for (text, exports, default) in table {
            let module = module(text);
            assert_eq!(
                (module.exports.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), module.default.as_deref()),
                (exports, default),
                "{text}"
            );
        }
    }

    #[test]
    fn parameters_are_seen() {
        let table = [
            ("exports.handler = async (event, context) => 1;", "handler", "event,context"),
            ("exports.helloHttp = (req, res) => { res.send('x') }", "helloHttp", "req,res"),
            (
                "export const handler: Handler = async (event: APIGatewayProxyEvent): Promise<X> => {}",
                "handler",
                "event",
            ),
            ("export default function handler(request, response) {}", "default", "request,response"),
            ("export default async ({ req, res, log }) => {}", "default", "{req,res,log}"),
            ("function main(args) { return 1 }\nmodule.exports = main", "default", "args"),
            ("const handle = async (context, body) => {}\nmodule.exports = { handle }", "handle", "context,body"),
        ];
        for (text, name, expected) in table {
            assert_eq!(module(text).parameter_names(name).join(","), expected, "{text}");
        }
    }
}
