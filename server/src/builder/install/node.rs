//! Installs Node packages, depending on `package.json` and the lock files.

mod manager;
mod store;
mod version;

use std::path::Path;

use serde_json::Value;

use super::site::Site;
use crate::builder::cache::key;
use crate::builder::{Error, files};
use manager::{Kind, Manager};
pub(super) use store::Node;
pub(in crate::builder) use store::Nodes;

/// Scripts of a package that its package manager runs by itself when it installs.
const INSTALL_SCRIPTS: [&str; 6] = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare"];

/// With `keep`, what is listed for development is needed to run, too.
pub(super) async fn install(site: &Site<'_>, keep: bool) -> Result<(), Error> {
    let Some(text) = files::json_text(&site.folder, "package.json")? else {
        return Ok(());
    };
    let package: Value = serde_json::from_str(&text)
        .map_err(|error| Error::Refused(format!("package.json is not JSON: {error}; npm could not read it")))?;
    let builds = package["scripts"]["build"].is_string();
    let read = |name: &str| files::text(&site.folder, name).ok().flatten();
    let manager = manager::of(&package, &read, &|name| files::has(&site.folder, name)).map_err(Error::Refused)?;
    let mut lock = None;
    for name in manager.locks() {
        // A lock file of bytes is none to be read, but one to be held to.
        let found = if *name == "bun.lockb" {
            files::has(&site.folder, name).then(String::new)
        } else {
            files::text(&site.folder, name)?
        };
        lock = lock.or(found);
    }
    let prisma = makes_prisma_client(&package, &|name| files::has(&site.folder, name));
    // What makes something of the source is mostly for development, and goes again when it has run.
    let makes = builds || prisma;
    let mut sections = vec!["dependencies", "optionalDependencies"];
    sections.extend((makes || keep).then_some("devDependencies"));
    let depends = sections.iter().any(|section| package[section].as_object().is_some_and(|names| !names.is_empty()));
    let depends = depends || package.get("workspaces").is_some() || files::has(&site.folder, "pnpm-workspace.yaml");
    let installs = depends || INSTALL_SCRIPTS.iter().any(|name| package["scripts"][name].is_string());
    let locked = lock.is_some();
    if installs {
        if !locked {
            let file = manager.locks()[manager.locks().len() - 1].replace("bun.lockb", "bun.lock");
            site.journal
                .log(format!(
                    "There is no {file}: each build may get other versions. Commit one to get the same each time."
                ))
                .await;
        }
        let command = manager.install(locked, !makes && !keep);
        let key = cache_key(site, &manager, (&package, &text), lock.as_deref(), makes || keep).await?;
        site.cached("node_modules", key, || async { run(site, &manager, &command).await }).await?;
    }
    if prisma && (site.recording.is_some() || files::real_folder(&site.folder, Path::new("node_modules/.bin")).is_ok())
    {
        site.run(&["node_modules/.bin/prisma", "generate"]).await?;
    }
    if builds {
        run(site, &manager, &manager.script("build")).await?;
    }
    if makes && installs && !keep {
        run(site, &manager, &manager.prune(locked)).await?;
    }
    Ok(())
}

/// Whether Prisma's client has to be made of a schema, and no script of the project's does it.
fn makes_prisma_client(package: &Value, has: &dyn Fn(&str) -> bool) -> bool {
    let lists = |section: &str, name: &str| package[section].get(name).is_some();
    let client = lists("dependencies", "@prisma/client");
    let tool = lists("dependencies", "prisma") || lists("devDependencies", "prisma");
    let schema = has("prisma/schema.prisma") || has("schema.prisma") || package["prisma"]["schema"].is_string();
    let scripts = INSTALL_SCRIPTS.iter().chain(&["prebuild", "build"]);
    let own = |name: &&str| package["scripts"][name].as_str().is_some_and(|script| script.contains("prisma generate"));
    client && tool && schema && !scripts.into_iter().any(own)
}

async fn run(site: &Site<'_>, manager: &Manager, command: &[&str]) -> Result<(), Error> {
    let shown = manager.shown(command);
    site.run_with(command, &shown, manager.variables()).await
}

/// The Node that a project is built and run with, where that is not the host's.
pub(super) async fn choose(site: &Site<'_>) -> Result<Option<Node>, Error> {
    let package = match files::json_text(&site.folder, "package.json")? {
        Some(text) => serde_json::from_str(&text).unwrap_or_default(),
        None => Value::Null,
    };
    version::choose(site, &package).await
}

/// Files that decide what is installed, next to `package.json` and the lock file.
const SETTINGS: [&str; 4] = [".npmrc", ".yarnrc", ".yarnrc.yml", "bunfig.toml"];

/// What `node_modules` follows from; `None` when it also follows from something else: from what a registry has today, or
/// from the function's own files.
async fn cache_key(
    site: &Site<'_>,
    manager: &Manager,
    (package, text): (&Value, &str),
    lock: Option<&str>,
    development: bool,
) -> Result<Option<String>, Error> {
    let has = |name: &str| files::has(&site.folder, name);
    // The texts are read from the same files as the lock is.
    let settings: Vec<String> = SETTINGS
        .iter()
        .map(|name| Ok(files::text(&site.folder, name)?.unwrap_or_default()))
        .collect::<Result<_, Error>>()?;
    let Some(lock) = lock.filter(|lock| follows_from_texts(manager.kind, package, lock, &settings, &has)) else {
        return Ok(None);
    };
    let version = site.ask(&["node", "-p", "process.version + ' ' + process.platform + ' ' + process.arch"]).await?;
    let mut parts = vec!["node 2", &version, &manager.package, text, lock, &site.given.fingerprint];
    parts.push(if development { "dev" } else { "" });
    parts.extend(settings.iter().map(String::as_str));
    Ok(Some(key(&parts)))
}

/// Whether what is installed follows from `package.json`, the lock file and the settings alone.
fn follows_from_texts(
    kind: Kind,
    package: &Value,
    lock: &str,
    settings: &[String],
    has: &dyn Fn(&str) -> bool,
) -> bool {
    let own_scripts = INSTALL_SCRIPTS.iter().any(|name| package["scripts"][name].is_string()) || has("binding.gyp");
    let workspaces = package.get("workspaces").is_some() || has("pnpm-workspace.yaml");
    // The value names a path, also in `npm:` and `git` addresses, which need no care but get it.
    let signs: &[&str] = match kind {
        Kind::Npm => &["\"file:", "\"link\": true", "\"link\":true"],
        Kind::Pnpm => {
            &[": link:", ": file:", "@file:", ": workspace:", "directory:", "patchedDependencies:", "pnpmfileChecksum:"]
        }
        Kind::YarnClassic => &["\"file:", "@file:", "@link:"],
        Kind::YarnBerry => &["@file:", "@link:", "@portal:", "@exec:", "::locator="],
        Kind::Bun => &["@file:", "@link:", "@workspace:", "\"patchedDependencies\""],
    };
    // A lock file of bytes cannot be looked through; plug-ins are programs of the repository's.
    let programs = lock.is_empty()
        || has(".pnpmfile.cjs")
        || settings.iter().any(|text| ["plugins:", "yarnPath:", "yarn-path"].iter().any(|sign| text.contains(sign)));
    !(own_scripts || workspaces || programs || signs.iter().any(|sign| lock.contains(sign)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prismas_client_is_made_where_no_script_does_it() {
        let package = |scripts: Value| json!({ "dependencies": { "@prisma/client": "6" }, "devDependencies": { "prisma": "6" }, "scripts": scripts });
        let schema = |name: &str| name == "prisma/schema.prisma";
        assert!(makes_prisma_client(&package(json!({ "build": "tsc" })), &schema));
        assert!(!makes_prisma_client(&package(json!({})), &|_| false));
        assert!(!makes_prisma_client(&json!({ "devDependencies": { "prisma": "6" } }), &schema));
        for script in ["postinstall", "build", "prebuild"] {
            assert!(!makes_prisma_client(&package(json!({ script: "prisma generate && tsc" })), &schema), "{script}");
        }
    }

    #[test]
    fn what_follows_from_the_repositorys_own_files_is_not_cached() {
        let package = json!({ "dependencies": { "a": "1" } });
        let fits = |kind, package: &Value, lock: &str, setting: &str, file: &str| {
            follows_from_texts(kind, package, lock, &[setting.to_owned()], &|name| name == file)
        };
        for (kind, lock) in [
            (Kind::Npm, "{ \"packages\": {} }"),
            (
                Kind::Pnpm,
                "lockfileVersion: '9.0'\nsettings:\n  excludeLinksFromLockfile: false\npackages:\n  a@1.0.0: {}\n",
            ),
            (Kind::YarnClassic, "# yarn lockfile v1\na@1:\n  version \"1.0.0\"\n"),
            (Kind::YarnBerry, "\"mine@workspace:.\":\n  version: 0.0.0-use.local\n\"a@npm:1\":\n"),
            (Kind::Bun, "{ \"workspaces\": { \"\": {} }, \"packages\": {} }"),
        ] {
            assert!(fits(kind, &package, lock, "", ""), "{lock}");
            assert!(!fits(kind, &json!({ "scripts": { "postinstall": "x" } }), lock, "", ""), "{lock}");
            assert!(!fits(kind, &json!({ "workspaces": ["a"] }), lock, "", ""), "{lock}");
            assert!(!fits(kind, &package, lock, "yarnPath: x.cjs", ""), "{lock}");
            assert!(!fits(kind, &package, lock, "", ".pnpmfile.cjs"), "{lock}");
        }
        for (kind, lock) in [
            (Kind::Npm, "{ \"resolved\": \"a\", \"link\": true }"),
            (Kind::Pnpm, "  a@file:../a: {}"),
            (Kind::YarnClassic, "\"a@file:./a\":"),
            (Kind::YarnBerry, "\"a@portal:./a::locator=mine%40workspace%3A.\":"),
            (Kind::Bun, "{ \"a\": [\"a@file:a\"] }"),
            (Kind::Bun, ""),
        ] {
            assert!(!fits(kind, &package, lock, "", ""), "{lock}");
        }
    }
}
