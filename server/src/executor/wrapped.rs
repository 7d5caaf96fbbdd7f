//! How the wrappers of the runtimes are started: what is the same in every place where they run.

use super::{Error, Runtime, Spec};

/// Percentage of the memory for Node's heap; the rest is for its buffers and Node itself.
const NODE_HEAP_PERCENT: u64 = 75;

/// The argument that makes a wrapper handle one event.
const JOB: &str = "--job";

/// Where an image that was made of files has them.
pub const IMAGE_APP: &str = "/app";

/// Where such an image has the wrappers.
pub const IMAGE_WRAPPERS: &str = "/opt/eventflow";

/// The programs of a place, and its folder of wrappers.
pub(super) struct Place<'p, P: Fn(&str) -> Result<String, Error>> {
    /// The path of `node` or `python3`.
    pub(super) program: P,
    /// The path of a wrapper's file.
    pub(super) wrapper: &'p dyn Fn(&str) -> String,
}

impl<P: Fn(&str) -> Result<String, Error>> Place<'_, P> {
    /// Program and arguments of a function with a wrapper; `None` for one without.
    pub(super) fn command(&self, runtime: &Runtime, memory_mb: Option<u64>) -> Result<Option<Vec<String>>, Error> {
        Ok(Some(match runtime {
            Runtime::Node { handler } => {
                let heap = memory_mb.map(|memory| (memory * NODE_HEAP_PERCENT / 100).max(1));
                let heap = heap.map(|heap| format!("--max-old-space-size={heap}"));
                let wrapper = [(self.wrapper)("node/wrapper.cjs"), handler.clone()];
                std::iter::once((self.program)("node")?).chain(heap).chain(wrapper).collect()
            }
            Runtime::Python { handler } => {
                vec![(self.program)("python3")?, (self.wrapper)("python/wrapper.py"), handler.clone()]
            }
            Runtime::PythonFlask => vec![(self.program)("python3")?, (self.wrapper)("python-flask/wrapper.py")],
            Runtime::Command(_) => return Ok(None),
        }))
    }
}

/// Program and arguments in an image that was made of files, for so much memory; `None` for other images.
pub fn in_image(runtime: &Runtime, memory_mb: Option<u64>) -> Option<Vec<String>> {
    let place =
        Place { program: |name: &str| Ok(name.to_owned()), wrapper: &|file: &str| format!("{IMAGE_WRAPPERS}/{file}") };
    place.command(runtime, memory_mb).ok().flatten()
}

/// Adds what makes a command a job's.
///
/// # Errors
/// [`Error::Refused`] for a runtime whose functions are services alone.
pub(super) fn as_job(mut command: Vec<String>, spec: &Spec) -> Result<Vec<String>, Error> {
    match spec.runtime {
        Runtime::Node { .. } | Runtime::Python { .. } => command.push(JOB.into()),
        Runtime::Command(_) => {}
        Runtime::PythonFlask => {
            return Err(Error::Refused(format!(
                "{} is a python-flask app: that is a service and cannot be a job",
                spec.function
            )));
        }
    }
    Ok(command)
}

/// Node keeps its heap below the limit of its memory, and ends itself with these words when that is not enough.
pub(super) fn out_of_memory_words(runtime: &Runtime) -> Option<&'static str> {
    matches!(runtime, Runtime::Node { .. }).then_some("JavaScript heap out of memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapper_in_an_image_is_started_by_the_images_own_program() {
        let node = in_image(&Runtime::Node { handler: "a.b".into() }, Some(64)).unwrap();
        assert_eq!(node, ["node", "--max-old-space-size=48", "/opt/eventflow/node/wrapper.cjs", "a.b"]);
        let flask = in_image(&Runtime::PythonFlask, None).unwrap();
        assert_eq!(flask, ["python3", "/opt/eventflow/python-flask/wrapper.py"]);
        assert_eq!(in_image(&Runtime::Command(vec!["x".into()]), None), None);
    }
}
