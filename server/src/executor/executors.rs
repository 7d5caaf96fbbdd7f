//! The executors of a server, and the choice between them.

use std::sync::Arc;

use domain::manifest::Manifest;

use super::{Error, Executor, Form, Spec};

/// The executors of a server. If two run the same form, the first one is used. Cheap to clone.
#[derive(Clone)]
pub struct Executors(Arc<[Arc<dyn Executor>]>);

impl Executors {
    /// These executors, in order of preference.
    pub fn new(executors: impl IntoIterator<Item = Arc<dyn Executor>>) -> Self {
        Self(executors.into_iter().collect())
    }

    /// The executor for a specification.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when there is none; it names what is missing.
    pub fn for_spec(&self, spec: &Spec) -> Result<&Arc<dyn Executor>, Error> {
        self.that_runs(spec.code.form())
    }

    /// The executor for what is built by a manifest.
    ///
    /// # Errors
    /// As [`Self::for_spec`].
    pub fn for_manifest(&self, manifest: &Manifest) -> Result<&Arc<dyn Executor>, Error> {
        self.that_runs(Form::of(manifest))
    }

    /// The executor for a form of code.
    ///
    /// # Errors
    /// As [`Self::for_spec`].
    pub fn that_runs(&self, form: Form) -> Result<&Arc<dyn Executor>, Error> {
        self.0.iter().find(|executor| executor.runs(form)).ok_or_else(|| {
            let has_images = self.0.iter().any(|executor| executor.runs(Form::Image));
            let advice = match form {
                Form::Folder if has_images => ". Build the function again, and it becomes an image",
                _ => "",
            };
            let why = format!(
                "functions of this server run in {}, and it has no executor of {}{advice}",
                self.describe(),
                form.executed_as()
            );
            Error::Unsupported { form, why }
        })
    }

    /// Describes them, for people.
    pub fn describe(&self) -> String {
        match self.0.as_ref() {
            [] => "nothing".to_owned(),
            executors => executors.iter().map(|executor| executor.describe()).collect::<Vec<_>>().join(", "),
        }
    }

    /// All their warnings for the start-up lines.
    pub fn warnings(&self) -> Vec<String> {
        self.0.iter().flat_map(|executor| executor.warnings()).collect()
    }

    /// Why some of them cannot start anything at present, as [`Executor::fault`].
    pub fn fault(&self) -> Option<String> {
        let faults: Vec<_> = self.0.iter().filter_map(|executor| executor.fault()).collect();
        if faults.is_empty() { None } else { Some(faults.join("; ")) }
    }

    /// Looks whether what each of them needs is still there, as [`Executor::prepare_host`]. May block.
    ///
    /// # Errors
    /// All that is missing.
    pub fn prepare_host(&self) -> Result<(), String> {
        let missing: Vec<_> = self.0.iter().filter_map(|executor| executor.prepare_host().err()).collect();
        if missing.is_empty() { Ok(()) } else { Err(missing.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_trait::async_trait;
    use domain::manifest::Runtime;

    use super::super::{Code, Instance, JobCall, JobOutcome, Lines};
    use super::*;

    /// A fake executor that runs one form.
    struct Only(Form, &'static str);

    #[async_trait]
    impl Executor for Only {
        fn describe(&self) -> String {
            self.1.into()
        }

        fn warnings(&self) -> Vec<String> {
            vec![format!("{} is not real", self.1)]
        }

        fn runs(&self, form: Form) -> bool {
            form == self.0
        }

        fn prepare_host(&self) -> Result<(), String> {
            Err(format!("{} has no ground", self.1))
        }

        async fn service(&self, _: Spec, _: Lines, _: Duration) -> Result<Arc<dyn Instance>, Error> {
            Err(Error::Refused("only asked".into()))
        }

        async fn job(&self, _: Spec, _: JobCall, _: Lines) -> Result<JobOutcome, Error> {
            Err(Error::Refused("only asked".into()))
        }
    }

    fn executors(all: &[(Form, &'static str)]) -> Executors {
        Executors::new(all.iter().map(|(form, name)| Arc::new(Only(*form, name)) as Arc<dyn Executor>))
    }

    fn spec(code: Code) -> Spec {
        let runtime = if code.form() == Form::Image { Runtime::Docker } else { Runtime::Node };
        Spec::of("default", "f", 1, code, Manifest::of(runtime)).unwrap()
    }

    #[test]
    fn the_first_executor_that_runs_it_is_taken() {
        let both = executors(&[(Form::Folder, "one"), (Form::Image, "two"), (Form::Image, "three")]);
        let folder = spec(Code::Folder("/artifact".into()));
        let image = spec(Code::Image("registry.example/app@sha256:00ff".into()));
        assert_eq!(both.for_spec(&folder).unwrap().describe(), "one");
        assert_eq!(both.for_spec(&image).unwrap().describe(), "two");
        assert_eq!(both.for_manifest(&Manifest::of(Runtime::Python)).unwrap().describe(), "one");
        assert_eq!(both.for_manifest(&Manifest::of(Runtime::Docker)).unwrap().describe(), "two");
        assert_eq!(both.warnings().len(), 3);
        assert_eq!(both.prepare_host().unwrap_err(), "one has no ground; two has no ground; three has no ground");
    }

    #[test]
    fn what_is_missing_is_named() {
        let one = executors(&[(Form::Folder, "a sandbox")]);
        let docker = Manifest::of(Runtime::Docker);
        let Err(error) = one.for_manifest(&docker) else { panic!("nothing runs it") };
        assert!(matches!(error, Error::Unsupported { form: Form::Image, .. }));
        assert_eq!(
            error.to_string(),
            "container images cannot be run here: functions of this server run in a sandbox, and it has no executor of containers"
        );
        let docker = executors(&[(Form::Image, "an engine")]);
        let Err(error) = docker.for_spec(&spec(Code::Folder("/artifact".into()))) else { panic!("nothing runs it") };
        assert!(error.to_string().ends_with("Build the function again, and it becomes an image"), "{error}");
        assert!(executors(&[]).for_manifest(&Manifest::of(Runtime::Node)).is_err());
    }
}
