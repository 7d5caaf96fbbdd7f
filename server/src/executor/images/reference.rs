//! The names of images: `registry.example:5000/team/app:1@sha256:…`.

/// The registry of names without one.
const HUB: &str = "docker.io";

/// The host in names that EventFlow itself gives to images of an engine. There is no such host (RFC 2606).
pub const OWN_HOST: &str = "eventflow.invalid";

/// The longest name that is taken.
const MAX_BYTES: usize = 512;

/// A name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// As it was given, with the tag `latest` if it has neither tag nor digest: an engine would pull all tags.
    pub whole: String,
    /// The registry's host and port.
    pub registry: String,
    /// Whether the name leaves the registry out.
    pub has_no_host: bool,
    /// The repository with its registry, as the engine writes it.
    repository: String,
}

impl Reference {
    /// Reads a name.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{}` is no name of an image: {why}", text.escape_debug());
        if text.is_empty() || text.len() > MAX_BYTES {
            return Err(wrong(&format!("it must have 1 to {MAX_BYTES} characters")));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
        if !text.chars().all(allowed) || text.starts_with(['/', '-', '.', ':', '@']) || text.contains("//") {
            return Err(wrong("write it as registry.example/team/app:tag"));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let hex = |digest: &str| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if digest.is_some_and(|digest| !digest.strip_prefix("sha256:").is_some_and(hex)) {
            return Err(wrong("after the @ comes sha256: and 64 hexadecimal digits"));
        }
        let (first, rest) = name.split_once('/').unwrap_or(("", name));
        let is_host = first.contains(['.', ':']) || first == "localhost";
        let path = if is_host { rest } else { name };
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (path, None),
        };
        if path.is_empty() || path.contains(':') || path.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(wrong("a repository is written in small letters, digits and . _ - /"));
        }
        if !is_host && path == "sha256" {
            return Err(wrong("an id is none: an image is known by its id to whoever has built or pulled it"));
        }
        if tag.is_some_and(|tag| tag.is_empty() || tag.len() > 128 || tag.contains('/')) {
            return Err(wrong("a tag has 1 to 128 characters"));
        }
        let whole = if tag.is_none() && digest.is_none() { format!("{text}:latest") } else { text.to_owned() };
        let registry = if is_host { first } else { HUB };
        let repository = if is_host { format!("{first}/{path}") } else { path.to_owned() };
        Ok(Self { whole, registry: registry.to_owned(), has_no_host: !is_host, repository })
    }

    /// Whether it comes from Docker Hub, whose host nobody chose.
    pub fn is_of_hub(&self) -> bool {
        self.registry == HUB
    }

    /// Whether it is below a folder of its registry: `host/folder`.
    pub fn is_below(&self, folder: &str) -> bool {
        // Hosts are the same in capitals.
        let repository = self.repository.to_ascii_lowercase();
        repository.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether this is what the engine writes as `NAME:TAG`.
    pub fn is_tag(&self, name: &str) -> bool {
        let own = self.whole.rsplit_once(':').filter(|_| !self.whole.contains('@'));
        name.rsplit_once(':').zip(own).is_some_and(|((repository, tag), (_, own))| tag == own && self.is_of(repository))
    }

    /// `NAME:TAG`, the same for all ways to write it; `None` for a name with a digest, to which an engine gives no tag.
    pub fn tag(&self) -> Option<String> {
        let (_, tag) = self.whole.rsplit_once(':').filter(|_| !self.whole.contains('@'))?;
        Some(format!("{}:{tag}", short(&self.repository)))
    }

    /// Whether this is the repository's name, as the engine writes it.
    pub fn is_of(&self, repository: &str) -> bool {
        short(&self.repository) == short(repository)
    }
}

/// The name of a repository without what the hub's names may leave out.
fn short(repository: &str) -> &str {
    let hub = ["docker.io/", "index.docker.io/"].iter().find_map(|hub| repository.strip_prefix(hub));
    let name = hub.unwrap_or(repository);
    name.strip_prefix("library/").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String) {
        let reference = Reference::parse(text).unwrap();
        (reference.registry, reference.whole)
    }

    #[test]
    fn a_name_without_a_host_is_the_hubs() {
        assert_eq!(parts("nginx"), ("docker.io".into(), "nginx:latest".into()));
        assert_eq!(parts("team/app:1"), ("docker.io".into(), "team/app:1".into()));
        assert_eq!(parts("localhost/app:1"), ("localhost".into(), "localhost/app:1".into()));
        assert_eq!(parts("127.0.0.1:5000/app"), ("127.0.0.1:5000".into(), "127.0.0.1:5000/app:latest".into()));
        let digest = format!("registry.example/app@sha256:{}", "0f".repeat(32));
        assert_eq!(parts(&digest), ("registry.example".into(), digest));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "sha256:0123",
            "App",
            "a b",
            "-x",
            "a@sha256:12",
            "a:",
            "http://a/b",
            "a:1:2",
            "../x",
            "a\nb",
            "registry.example/",
        ] {
            let why = Reference::parse(text).unwrap_err();
            assert!(why.contains("is no name of an image"), "{text}: {why}");
        }
        assert!(Reference::parse(&"a".repeat(MAX_BYTES + 1)).is_err());
    }

    #[test]
    fn what_is_below_a_folder_is_told_from_its_neighbours() {
        let is_below = |name: &str| Reference::parse(name).unwrap().is_below("registry.example/team");
        assert!(
            is_below("registry.example/team/a:1")
                && is_below("Registry.Example/team/a/b")
                && is_below("registry.example/team")
        );
        assert!(!is_below("registry.example/teams/a") && !is_below("team/a") && !is_below("other.example/team/a"));
    }

    #[test]
    fn the_hubs_names_are_short_and_long() {
        let reference = Reference::parse("nginx:alpine").unwrap();
        assert!(reference.is_of("nginx") && reference.is_of("docker.io/library/nginx"));
        assert!(!reference.is_of("registry.example/nginx"));
    }

    #[test]
    fn a_tag_of_the_engine_is_recognized() {
        let is = |reference: &str, tag: &str| Reference::parse(reference).unwrap().is_tag(tag);
        assert!(is("nginx", "nginx:latest") && is("docker.io/library/nginx:1", "nginx:1"));
        assert!(is("127.0.0.1:5000/app", "127.0.0.1:5000/app:latest"));
        assert!(!is("nginx:1", "nginx:2") && !is("nginx:1", "other:1"));
        let digest = format!("nginx@sha256:{}", "0".repeat(64));
        assert!(!is(&digest, &format!("nginx:{}", "0".repeat(64))));
    }

    #[test]
    fn a_tag_is_the_same_however_it_is_written() {
        let tag = |reference: &str| Reference::parse(reference).unwrap().tag();
        for written in ["nginx", "library/nginx", "docker.io/nginx:latest", "index.docker.io/library/nginx"] {
            assert_eq!(tag(written).as_deref(), Some("nginx:latest"), "{written}");
        }
        assert_eq!(tag("127.0.0.1:5000/library/app").as_deref(), Some("127.0.0.1:5000/library/app:latest"));
        assert_eq!(tag(&format!("nginx:1@sha256:{}", "0".repeat(64))), None);
    }
}
