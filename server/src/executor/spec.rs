//! Converts a version's manifest into what is run, for builds, which test a version, and for keeping alike.

use domain::manifest::{self, Manifest};

use super::{ADAPTER, APPLICATION, Code, Error, Limits, Runtime, Spec};

impl Spec {
    /// The specification of a version; without the instance's name and the secrets.
    ///
    /// # Errors
    /// [`Error::Refused`] when the code is not what the manifest describes.
    pub fn of(namespace: &str, name: &str, version: u32, code: Code, manifest: Manifest) -> Result<Self, Error> {
        let runtime = runtime(&manifest, &code)?;
        let mut env = manifest.env;
        if let Some(adapter) = manifest.adapter {
            env.insert(ADAPTER.to_owned(), adapter.as_str().to_owned());
        }
        if let (Runtime::PythonFlask, Some(handler)) = (&runtime, manifest.handler) {
            env.insert(APPLICATION.to_owned(), handler);
        }
        let resources = manifest.resources;
        Ok(Self {
            instance: String::new(),
            function: name.to_owned(),
            namespace: namespace.to_owned(),
            version,
            code,
            runtime,
            port: manifest.port,
            health: manifest.health,
            login: None,
            env,
            limits: Limits {
                memory_mb: resources.memory_mb,
                cpu: resources.cpu,
                pids: resources.pids,
                network: resources.network,
            },
        })
    }
}

fn runtime(manifest: &Manifest, code: &Code) -> Result<Runtime, Error> {
    let refused = |text: &str| Error::Refused(text.to_owned());
    let handler = |default: &str| manifest.handler.clone().unwrap_or_else(|| default.to_owned());
    Ok(match manifest.runtime {
        manifest::Runtime::Node => Runtime::Node { handler: handler("index.handler") },
        manifest::Runtime::Python => Runtime::Python { handler: handler("main.handler") },
        manifest::Runtime::PythonFlask => Runtime::PythonFlask,
        manifest::Runtime::Command => Runtime::Command(
            manifest.command.clone().ok_or_else(|| refused("the runtime `command` needs a `command`"))?,
        ),
        manifest::Runtime::Docker => match code {
            Code::Image(_) => Runtime::Command(manifest.command.clone().unwrap_or_default()),
            Code::Folder(_) => {
                return Err(refused("the runtime `docker` needs an image, and this is a folder of files"));
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use domain::manifest::Adapter;

    use super::*;

    #[test]
    fn the_wrapper_is_told_the_adapter_and_the_application() {
        let folder = || Code::Folder("/artifact".into());
        let spec = |manifest| Spec::of("default", "f", 3, folder(), manifest).unwrap();
        let plain = spec(Manifest::of(manifest::Runtime::Node));
        assert_eq!((plain.env.len(), plain.runtime), (0, Runtime::Node { handler: "index.handler".into() }));
        let adapted = Manifest { adapter: Some(Adapter::AwsLambda), ..Manifest::of(manifest::Runtime::Python) };
        assert_eq!(spec(adapted).env[ADAPTER], "aws-lambda");
        let named =
            Manifest { handler: Some("shop/wsgi.application".into()), ..Manifest::of(manifest::Runtime::PythonFlask) };
        assert_eq!(spec(named).env[APPLICATION], "shop/wsgi.application");
    }

    #[test]
    fn an_image_is_run_as_it_says_itself_and_files_are_none() {
        let docker = || Manifest::of(manifest::Runtime::Docker);
        let image = Code::Image("registry.example/team/app@sha256:00ff".into());
        let spec = Spec::of("default", "f", 3, image.clone(), docker()).unwrap();
        assert_eq!((spec.code, spec.runtime), (image, Runtime::Command(Vec::new())));
        assert!(Spec::of("default", "f", 3, Code::Folder("/artifact".into()), docker()).is_err());
    }
}
