//! Checks for settings that are valid individually but contradict each other, before anything is created, printed or
//! listened on.

use std::net::SocketAddr;

use super::declared;
use super::edge::PublicUrl;
use super::layers::{Error, Layers};

/// What is looked at of the settings.
pub(super) struct Looked<'s> {
    /// With `--dev`.
    pub dev: bool,
    /// Where people and programs connect to.
    pub listen: SocketAddr,
    /// A port of their own for metrics.
    pub metrics_port: Option<u16>,
    /// The server's own address.
    pub public_url: Option<&'s PublicUrl>,
    /// Whether functions of files become images.
    pub builds_images: bool,
    /// Whether nothing runs in the sandbox.
    pub only_containers: bool,
    /// Whether an engine is used.
    pub docker: bool,
    /// A size, by the name of its setting.
    pub number: &'s dyn Fn(&str) -> Option<usize>,
}

/// Of two sizes that somebody set, the first must not be larger than the second: what is too large would be allowed by one
/// setting and refused by the other. A default that does not fit gives way.
const WITHIN: &[(&str, &str, &str)] = &[
    ("EVENTFLOW_MAX_EVENT", "EVENTFLOW_MAX_BODY", "an event comes in a body"),
    ("EVENTFLOW_MAX_BODY", "EVENTFLOW_MAX_UNPROVED", "a webhook's body must fit into what all of them share"),
    ("EVENTFLOW_MAX_BUNDLE", "EVENTFLOW_MAX_BUILD_DISK", "a bundle is unpacked where it is built"),
    ("EVENTFLOW_MAX_RUN_LOG", "EVENTFLOW_MAX_FUNCTION_LOG", "a run's lines are its function's"),
    ("EVENTFLOW_MAX_CONNECTIONS_PER_ADDRESS", "EVENTFLOW_MAX_CONNECTIONS", "those of one address are among all"),
];

/// Finds the first contradiction.
pub(super) fn check(settings: &Looked<'_>, layers: &Layers) -> Result<(), Error> {
    if settings.dev && !settings.listen.ip().is_loopback() {
        return Err(layers.refuse("EVENTFLOW_HOST", "a loopback address with --dev, whose credentials everyone knows"));
    }
    if let Some(url) = settings.public_url.filter(|url| settings.dev && !is_loopback(&url.host)) {
        return Err(Error::Contradiction(format!(
            "EVENTFLOW_PUBLIC_URL is `{url}`, and --dev answers to localhost, 127.0.0.1 and [::1] only: leave one of them out"
        )));
    }
    if settings.metrics_port.is_some_and(|port| port == settings.listen.port()) {
        return Err(Error::Contradiction(format!(
            "METRICS_PORT and PORT are both {}: give the metrics a port of their own, or leave METRICS_PORT out to \
             have /metrics on the main port",
            settings.listen.port()
        )));
    }
    if settings.only_containers && layers.is_set("EVENTFLOW_BUILD") && builds_files(layers) {
        return Err(Error::Contradiction(
            "EVENTFLOW_EXECUTOR is `docker` and EVENTFLOW_BUILD is `files`: a container is made of an image, so leave EVENTFLOW_BUILD out".into(),
        ));
    }
    if settings.builds_images && !settings.docker {
        let name =
            if settings.only_containers { "EVENTFLOW_EXECUTOR is `docker`" } else { "EVENTFLOW_BUILD is `image`" };
        return Err(Error::Contradiction(format!(
            "{name} and EVENTFLOW_DOCKER is `off`: images are built and run by the engine, so leave one of them out"
        )));
    }
    for (inner, outer, why) in WITHIN {
        let of = |name: &'static str| Some(((settings.number)(name)?, layers.is_set(name)));
        let (Some((inside, true)), Some((outside, true))) = (of(inner), of(outer)) else { continue };
        if inside > outside {
            let text = |name| declared::named(name).map_or("", |setting| layers.in_force(setting).1);
            return Err(Error::Contradiction(format!(
                "{inner} is `{}` and {outer} is `{}`: {why}, so the first must not be larger",
                text(inner),
                text(outer)
            )));
        }
    }
    Ok(())
}

fn builds_files(layers: &Layers) -> bool {
    declared::named("EVENTFLOW_BUILD").is_some_and(|setting| layers.in_force(setting).1 == "files")
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || matches!(host, "127.0.0.1" | "[::1]")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::{Flags, Settings};

    fn error(variables: &[(&str, &str)], dev: bool) -> Option<String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let flags = Flags { dev, ..Flags::default() };
        Settings::from_layers(&Layers::of(&flags, variables.collect(), "").unwrap()).err().map(|e| e.to_string())
    }

    #[test]
    fn every_pair_is_compared() {
        for (inner, outer, why) in WITHIN {
            let message = error(&[(inner, "2000"), (outer, "1000")], false).unwrap();
            assert!(message.contains(inner) && message.contains(outer) && message.contains(why), "{message}");
            assert_eq!(error(&[(inner, "1000"), (outer, "1000")], false), None);
        }
        assert_eq!(error(&[("EVENTFLOW_MAX_BODY", "1k")], false), None, "a default gives way");
    }

    #[test]
    fn a_port_is_for_one_thing() {
        assert!(error(&[("PORT", "9000"), ("METRICS_PORT", "9000")], false).unwrap().contains("both 9000"));
        assert!(error(&[("METRICS_PORT", "8080")], false).unwrap().contains("both 8080"));
        assert_eq!(error(&[("PORT", "9000"), ("METRICS_PORT", "9001")], false), None);
    }

    #[test]
    fn containers_are_made_of_images_by_an_engine() {
        let docker = ("EVENTFLOW_EXECUTOR", "docker");
        assert!(error(&[docker, ("EVENTFLOW_BUILD", "files")], false).unwrap().contains("leave EVENTFLOW_BUILD out"));
        assert!(
            error(&[docker, ("EVENTFLOW_DOCKER", "off")], false).unwrap().contains("EVENTFLOW_EXECUTOR is `docker`")
        );
        let image = ("EVENTFLOW_BUILD", "image");
        assert!(error(&[image, ("EVENTFLOW_DOCKER", "off")], false).unwrap().contains("EVENTFLOW_BUILD is `image`"));
        assert_eq!(error(&[docker], false).or(error(&[docker, image], false)), None);
        assert!(error(&[("EVENTFLOW_IMAGE_NODE", "node:22 slim")], false).unwrap().contains("EVENTFLOW_IMAGE_NODE"));
    }

    #[test]
    fn development_has_no_public_name() {
        let url = |text| [("EVENTFLOW_PUBLIC_URL", text)];
        assert!(error(&url("https://flow.example.com"), true).unwrap().contains("--dev"));
        assert_eq!(error(&url("https://flow.example.com"), false), None);
        assert_eq!(error(&url("http://localhost:8080"), true), None);
    }
}
