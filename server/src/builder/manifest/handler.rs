//! Checks whether the file of a handler exists.

use std::path::Path;

use domain::manifest::{Adapter, Manifest, Runtime};

use crate::builder::{Error, files};

/// Where the node wrapper looks for the file of a handler.
const NODE_ENDINGS: [&str; 5] = [".js", ".mjs", ".cjs", "/index.js", "/index.mjs"];

/// Refuses a handler whose file is not there: better now than at the start of each instance.
pub(in crate::builder) fn check_handler(folder: &Path, manifest: &Manifest) -> Result<(), Error> {
    let stem = |handler: &str| handler.rsplit_once('.').map(|(stem, _)| stem.to_owned()).unwrap_or_default();
    let candidates: Vec<String> = match (manifest.runtime, &manifest.handler) {
        (Runtime::Node, Some(handler)) => {
            let files = NODE_ENDINGS.iter().map(|ending| format!("{}{ending}", stem(handler)));
            // A folder of files, each at its path.
            let folder = matches!(manifest.adapter, Some(Adapter::Vercel | Adapter::Netlify)).then(|| stem(handler));
            files.chain(folder).collect()
        }
        (Runtime::Python | Runtime::PythonFlask, Some(handler)) => {
            let module = stem(handler).replace('.', "/");
            let folder = (manifest.adapter == Some(Adapter::Vercel)).then(|| module.clone());
            [format!("{module}.py"), format!("{module}/__init__.py")].into_iter().chain(folder).collect()
        }
        (Runtime::PythonFlask, None) => vec!["app.py".to_owned(), "app/__init__.py".to_owned()],
        _ => return Ok(()),
    };
    // A dependency may hold the handler, and then the path is where the wrapper will find it, or not.
    if candidates.iter().any(|name| files::is_inside(folder, name)) {
        return Ok(());
    }
    let wanted = manifest
        .handler
        .as_deref()
        .map_or("a python-flask function".to_owned(), |handler| format!("the handler `{handler}`"));
    Err(Error::Refused(format!("{wanted} needs one of these files, and there is none: {}", candidates.join(", "))))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_link_that_leads_outside_says_nothing_of_what_is_there() {
        let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(elsewhere.path().join("there.js"), "").unwrap();
        let mut manifest = Manifest::of(Runtime::Node);
        manifest.handler = Some("index.handler".into());
        let link = here.path().join("index.js");
        let error = |target: &Path| {
            std::os::unix::fs::symlink(target, &link).unwrap();
            let error = check_handler(here.path(), &manifest).unwrap_err().to_string();
            fs::remove_file(&link).unwrap();
            error
        };
        assert_eq!(error(&elsewhere.path().join("there.js")), error(&elsewhere.path().join("missing.js")));
        fs::write(here.path().join("real.js"), "").unwrap();
        std::os::unix::fs::symlink("real.js", &link).unwrap();
        check_handler(here.path(), &manifest).unwrap();
    }

    #[test]
    fn a_handler_without_its_file_is_refused() {
        let mut manifest = Manifest::of(Runtime::Node);
        manifest.handler = Some("src/index.handler".into());
        let here = tempfile::tempdir().unwrap();
        let error = check_handler(here.path(), &manifest).unwrap_err();
        assert!(error.to_string().contains("src/index.js, src/index.mjs"), "{error}");
        fs::create_dir(here.path().join("src")).unwrap();
        fs::write(here.path().join("src/index.cjs"), "").unwrap();
        check_handler(here.path(), &manifest).unwrap();
        let mut manifest = Manifest::of(Runtime::Python);
        manifest.handler = Some("pkg.sub.handler".into());
        let error = check_handler(here.path(), &manifest).unwrap_err();
        assert!(error.to_string().contains("pkg/sub.py"), "{error}");
        let mut manifest = Manifest::of(Runtime::PythonFlask);
        assert!(check_handler(here.path(), &manifest).unwrap_err().to_string().contains("app.py"));
        manifest.handler = Some("shop/wsgi.application".into());
        assert!(check_handler(here.path(), &manifest).unwrap_err().to_string().contains("shop/wsgi.py"));
    }
}
