//! Explains a package manager's failure in one sentence, since its own last lines are about its log files.
//!
//! Matches text; knows nothing of functions.

use std::sync::LazyLock;

use regex::Regex;

/// A word of a tool is shown up to so many letters.
const MAX_LETTERS: usize = 200;

/// What a tool says, and what it means: `$1` and so on are what was found.
static ROWS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rows = [
        (
            r"(?s)ERESOLVE.*?Found: (\S+).*?(?:Could not resolve dependency|Conflicting peer dependency|peer) *:?\s*(?:npm \S+ )?(?:\S+ )?peer ([^\n]+?) from (\S+)",
            "npm cannot resolve the dependencies (ERESOLVE): `$3` wants `$2`, and `$1` is there; change one of the two versions in package.json, or put \"legacy-peer-deps=true\" into .npmrc",
        ),
        (
            r"ERESOLVE",
            "npm cannot resolve the dependencies (ERESOLVE): two packages want different versions of a third; the lines above name them. Change one of the versions in package.json, or put \"legacy-peer-deps=true\" into .npmrc",
        ),
        (
            r"(?:E404|404 Not Found)[^\n]*?(?:GET )?https?://[^/\s]+/(\S+)",
            "the package `$1` is not in the registry (E404): its name in package.json is wrong, or it is private and needs a registry with a token",
        ),
        (
            r"ETARGET[\s\S]*?No matching version found for (\S+?)\.?(?:\s|$)",
            "there is no version `$1` in the registry (ETARGET): correct it in package.json",
        ),
        (
            r"can only install packages when your package\.json and package-lock\.json[^\n]*in sync",
            "package.json and package-lock.json do not fit together: run `npm install` and commit both",
        ),
        (
            r"(?:ERR_PNPM_OUTDATED_LOCKFILE|frozen lockfile|lockfile would have been modified|lockfile needs to be updated)",
            "the lock file does not fit package.json: install again with the package manager, and commit both",
        ),
        (
            r"EBADENGINE[\s\S]*?Not compatible with[^\n]*?: (\S+)",
            "the package `$1` wants another version of Node than there is here",
        ),
        (
            r"No matching distribution found for ([^\n(]+?)(?:\s*\(|\n|$)",
            "there is no package `$1` for this Python (no matching distribution): its name or version in the requirements is wrong, or it is not made for this version of Python",
        ),
        (
            r"Could not find a version that satisfies the requirement ([^\n(]+?)(?:\s*\(|\n|$)",
            "there is no version for `$1` for this Python (no matching distribution): correct it in the requirements",
        ),
        (
            r"ResolutionImpossible|conflicting dependencies",
            "the requirements contradict each other: two of them want different versions of one package; the lines above name them",
        ),
        (
            r"(?:Requires-Python|requires a different Python|requires-python|requires Python)[^\n]*?([<>=!~]=?\s*[\d.]+)",
            "a package wants another version of Python ($1) than there is here: choose a version of it that is made for this one",
        ),
        (
            r"error: (?:command '[^']*(?:gcc|cc|g\+\+)[^']*' failed|Microsoft Visual)|fatal error: ([\w./]+\.h): No such file",
            "a package has to be compiled, and what it needs for that is not on this server ($1): choose a version that comes compiled",
        ),
        (r#"Missing script: "([^"]+)""#, "package.json has no script `$1`"),
        (r"(\S+\.tsx?)\((\d+),\d+\): error (TS\d+: [^\n]+)", "TypeScript refuses $1, line $2: $3"),
        (
            r"sh: (?:\d+: )?(\S+): not found",
            "the build needs the program `$1`, which no package of the project's brings: add it to `devDependencies` in package.json",
        ),
        (
            r"binaries\.prisma\.sh",
            "Prisma fetches its engines from binaries.prisma.sh, which cannot be reached from this server: set PRISMA_ENGINES_MIRROR in `env` of `build` to a mirror, or use a driver adapter without engines (`engineType = \"client\"`)",
        ),
        (
            r"(?:EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|Temporary failure in name resolution|NewConnectionError)",
            "the registry of packages cannot be reached from this server",
        ),
    ];
    let compiled = rows
        .into_iter()
        .map(|(pattern, text)| (Regex::new(pattern).expect("the pattern is one, as a test says"), text));
    compiled.collect()
});

/// The sentence for a failed command, when its last lines say what is wrong.
pub(in crate::builder) fn explained(command: &str, tail: &[String]) -> Option<String> {
    let text = tail.join("\n");
    // `npm error` and the like stand in front of each line, and would be in the way.
    let text = text.replace("npm error ", "").replace("npm ERR! ", "") + "\n";
    let (pattern, meaning) = ROWS.iter().find(|(pattern, _)| pattern.is_match(&text))?;
    let mut sentence = String::new();
    pattern.captures(&text)?.expand(meaning, &mut sentence);
    let sentence: String = sentence
        .replace(" ()", "")
        .replace("%2f", "/")
        .replace("%2F", "/")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let program = command.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let sentence: String = sentence.chars().take(2 * MAX_LETTERS).collect();
    Some(format!("`{program}` failed: {sentence}"))
}

/// The last lines of a tool, for a message of one line.
pub(super) fn last_words(tail: &[String]) -> String {
    const LAST: usize = 3;
    const MAX_LETTERS: usize = 200;
    let lines = tail[tail.len().saturating_sub(LAST)..]
        .iter()
        .map(|line| line.trim().chars().take(MAX_LETTERS).collect::<String>());
    match tail {
        [] => "; it printed nothing".to_owned(),
        _ => format!("; the end of its output: {}", lines.collect::<Vec<_>>().join(" / ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_package_managers_say_is_explained() {
        let eresolve = "npm error code ERESOLVE\nnpm error ERESOLVE unable to resolve dependency tree\nnpm error\nnpm error While resolving: a@1.0.0\nnpm error Found: react@18.2.0\nnpm error node_modules/react\nnpm error   react@\"18\" from the root project\nnpm error\nnpm error Could not resolve dependency:\nnpm error peer react@\"^16.0.0\" from old-lib@2.0.0\nnpm error node_modules/old-lib";
        let table = [
            ("npm ci", eresolve, "`old-lib@2.0.0` wants `react@\"^16.0.0\"`, and `react@18.2.0` is there"),
            (
                "npm install",
                "npm error code E404\nnpm error 404 Not Found - GET https://registry.npmjs.org/no-such-thing - Not found",
                "`no-such-thing` is not in the registry",
            ),
            (
                "npm install",
                "npm error code ETARGET\nnpm error notarget No matching version found for express@99.0.0.",
                "`express@99.0.0`",
            ),
            (
                "npm ci",
                "npm error `npm ci` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync.",
                "run `npm install` and commit both",
            ),
            (
                "python3 -I",
                "ERROR: Could not find a version that satisfies the requirement nosuch==1 (from versions: none)\nERROR: No matching distribution found for nosuch==1",
                "no package `nosuch==1`",
            ),
            (
                "npm run build",
                "src/index.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.",
                "TypeScript refuses src/index.ts, line 3: TS2322",
            ),
            ("npm run build", "sh: 1: tsc: not found", "`tsc`"),
        ];
        for (command, text, part) in table {
            let tail: Vec<_> = text.lines().map(str::to_owned).collect();
            let sentence = explained(command, &tail).unwrap_or_default();
            assert!(sentence.contains(part) && !sentence.contains('\n'), "{text}\n{sentence}");
        }
        assert_eq!(explained("npm ci", &["npm error 404 no such package".to_owned()]), None);
    }
}
