//! Packages for Node, by what is in `package.json` and beside it.

mod manager;

use serde_json::Value;

use super::{Site, key, range};
use crate::builder::{Error, files};
use manager::{Kind, Manager};

/// Scripts of a package that its package manager runs by itself when it installs.
const INSTALL_SCRIPTS: [&str; 6] = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare"];

/// With `keep`, what is listed for development is needed to run, too.
pub(super) async fn install(site: &Site<'_>, keep: bool) -> Result<(), Error> {
    let Some(text) = files::json_text(&site.folder, "package.json")? else {
        return Ok(());
    };
    let package: Value = serde_json::from_str(&text)
        .map_err(|error| Error::Refused(format!("package.json is not JSON: {error}; npm could not read it")))?;
    check_version(site, &package).await?;
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
    let mut sections = vec!["dependencies", "optionalDependencies"];
    sections.extend((builds || keep).then_some("devDependencies"));
    let depends = sections.iter().any(|section| package[section].as_object().is_some_and(|names| !names.is_empty()));
    let depends = depends || package.get("workspaces").is_some() || files::has(&site.folder, "pnpm-workspace.yaml");
    let installs = depends || INSTALL_SCRIPTS.iter().any(|name| package["scripts"][name].is_string());
    let locked = lock.is_some();
    if installs {
        if !locked {
            let file = manager.locks()[manager.locks().len() - 1].replace("bun.lockb", "bun.lock");
            site.journal
                .say(format!(
                    "There is no {file}: each build may get other versions. Commit one to get the same each time."
                ))
                .await;
        }
        // What a build script needs is mostly for development, and goes again when it has run.
        let command = manager.install(locked, !builds && !keep);
        let key = match manager.kind {
            Kind::Npm => cache_key(site, &package, &text, lock.as_deref(), builds || keep).await?,
            _ => None,
        };
        site.cached("node_modules", key, || async { run(site, &manager, &command).await }).await?;
    }
    if builds {
        run(site, &manager, &manager.script("build")).await?;
        if installs && !keep {
            run(site, &manager, &manager.prune(locked)).await?;
        }
    }
    Ok(())
}

async fn run(site: &Site<'_>, manager: &Manager, command: &[&str]) -> Result<(), Error> {
    let shown = manager.shown(command);
    site.run_with(command, &shown, manager.variables()).await
}

/// A project that wants a newer Node than there is does not run here. One that was written for an older one most likely does.
async fn check_version(site: &Site<'_>, package: &Value) -> Result<(), Error> {
    let pinned = |name: &str| files::text(&site.folder, name).ok().flatten().map(|text| text.trim().to_owned());
    let engines = package["engines"]["node"].as_str().map(str::to_owned);
    let pin = pinned(".nvmrc").or_else(|| pinned(".node-version"));
    if engines.is_none() && pin.is_none() {
        return Ok(());
    }
    let answer = site.ask(&["node", "-p", "process.version"]).await?;
    let Some(here) = range::version(&answer) else { return Ok(()) };
    if let Some(engines) = engines.filter(|engines| !range::is_new_enough(here, engines)) {
        return Err(Error::Refused(format!(
            "package.json wants Node {} (`engines`), and there is {answer} on this server: have a newer Node installed, or widen the range",
            short(&engines)
        )));
    }
    let newer = pin.filter(|pin| range::version(pin).is_some_and(|wanted| wanted[0] > here[0]));
    if let Some(pin) = newer {
        site.journal
            .say(format!("The project is developed with Node {}, and runs on {answer} here", short(&pin)))
            .await;
    }
    Ok(())
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
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
