//! `npm`, by what is in `package.json` and beside it.

use serde_json::Value;

use super::{Site, key};
use crate::builder::{Error, files};

const LOCK_FILES: [&str; 2] = ["npm-shrinkwrap.json", "package-lock.json"];

/// Nothing that asks, advertises or draws.
const QUIET: [&str; 4] = ["--no-audit", "--no-fund", "--no-progress", "--no-update-notifier"];

/// Scripts of a package that npm runs by itself when it installs.
const INSTALL_SCRIPTS: [&str; 6] = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare"];

pub(super) async fn install(site: &Site<'_>) -> Result<(), Error> {
    let Some(text) = files::json_text(&site.folder, "package.json")? else {
        return Ok(());
    };
    let package: Value = serde_json::from_str(&text)
        .map_err(|error| Error::Refused(format!("package.json is not JSON: {error}; npm could not read it")))?;
    let builds = package["scripts"]["build"].is_string();
    let mut lock = None;
    for name in LOCK_FILES {
        lock = lock.or(files::text(&site.folder, name)?);
    }
    let mut sections = vec!["dependencies", "optionalDependencies"];
    sections.extend(builds.then_some("devDependencies"));
    let depends = sections.iter().any(|section| package[section].as_object().is_some_and(|names| !names.is_empty()));
    let installs = depends || INSTALL_SCRIPTS.iter().any(|name| package["scripts"][name].is_string());
    if installs {
        if lock.is_none() {
            let others = ["yarn.lock", "pnpm-lock.yaml", "bun.lock"].iter().find(|name| files::has(&site.folder, name));
            let instead = others.map(|name| format!(" {name} is not read: npm installs.")).unwrap_or_default();
            site.journal
                .say(format!("There is no package-lock.json: each build may get other versions. Commit one to get the same each time.{instead}"))
                .await;
        }
        let mut command = vec!["npm"];
        command.extend(if lock.is_some() { ["ci"].as_slice() } else { ["install", "--no-package-lock"].as_slice() });
        // What a build script needs is mostly for development, and goes again when it has run.
        command.extend((!builds).then_some("--omit=dev"));
        command.push("--foreground-scripts");
        command.extend(QUIET);
        let key = cache_key(site, &package, &text, lock.as_deref(), builds).await?;
        site.cached("node_modules", key, || async { site.run(&command).await }).await?;
    }
    if builds {
        site.run(&["npm", "run", "build", "--no-update-notifier"]).await?;
        if installs {
            let mut command = vec!["npm", "prune", "--omit=dev", "--ignore-scripts"];
            command.extend(lock.is_none().then_some("--no-package-lock"));
            command.extend(QUIET);
            site.run(&command).await?;
        }
    }
    Ok(())
}

/// What `node_modules` follows from; `None` when it also follows from something else: from what a registry has today, or
/// from the function's own files.
async fn cache_key(
    site: &Site<'_>,
    package: &Value,
    text: &str,
    lock: Option<&str>,
    builds: bool,
) -> Result<Option<String>, Error> {
    let Some(lock) = lock else { return Ok(None) };
    let own_scripts = INSTALL_SCRIPTS.iter().any(|name| package["scripts"][name].is_string())
        || files::has(&site.folder, "binding.gyp");
    // The value tells of a path, also in `npm:` and `git` addresses, which need no care but get it.
    let own_packages = package.get("workspaces").is_some()
        || ["\"file:", "\"link\": true", "\"link\":true"].iter().any(|sign| lock.contains(sign));
    if own_scripts || own_packages {
        return Ok(None);
    }
    let npmrc = files::text(&site.folder, ".npmrc")?.unwrap_or_default();
    let version = site.ask(&["node", "-p", "process.version + ' ' + process.platform + ' ' + process.arch"]).await?;
    Ok(Some(key(&["node 1", &version, text, lock, &npmrc, if builds { "dev" } else { "" }])))
}
