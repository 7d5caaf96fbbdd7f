//! Looks at an image before anything is started of it: what it says of itself must be of a sensible size, because the engine keeps it
//! in each of its answers and events; and the files by which the engine finds users must be files, because it reads them when a
//! container starts, and would wait for ever for a pipe.

use std::io::Read;

use bollard::models::{ContainerCreateBody, HostConfig, ImageConfig};
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder,
};
use bytes::BytesMut;
use futures::StreamExt;

use super::super::Error;
use super::engine::{Engine, status};
use super::labels::Owner;

/// Bytes of an image's labels.
const MAX_LABELS: usize = 64 << 10;

/// Bytes of its variables.
const MAX_VARIABLES: usize = 128 << 10;

/// Bytes of its command, its entry point and its check of health.
const MAX_WORDS: usize = 64 << 10;

/// Ports that it exposes.
const MAX_PORTS: usize = 256;

/// Volumes that it declares. Each is a file system in memory.
pub(super) const MAX_VOLUMES: usize = 32;

/// Bytes of its list of users, or of groups.
const MAX_USERS: i64 = 1 << 20;

/// The bits of a file's kind, as Go's `io/fs` has them.
const KINDS: u32 = DIRECTORY | LINK | (1 << 26) | (1 << 25) | (1 << 24) | (1 << 21) | (1 << 19);
const DIRECTORY: u32 = 1 << 31;
const LINK: u32 = 1 << 27;

/// Refuses an image that says too much of itself.
///
/// # Errors
/// [`Error::Refused`] with what is too large.
pub(super) fn check_size(name: &str, config: &ImageConfig) -> Result<(), Error> {
    let bytes = |texts: &mut dyn Iterator<Item = &String>| texts.map(|text| text.len() + 1).sum::<usize>();
    let labels = config.labels.iter().flatten().flat_map(|(name, value)| [name, value]);
    let check = config.healthcheck.iter().filter_map(|check| check.test.as_ref()).flatten();
    let words = config.cmd.iter().chain(&config.entrypoint).flatten().chain(check);
    let facts = [
        ("bytes of labels", bytes(&mut labels.into_iter()), MAX_LABELS),
        ("bytes of variables", bytes(&mut config.env.iter().flatten()), MAX_VARIABLES),
        ("bytes of command, entry point and health check", bytes(&mut words.into_iter()), MAX_WORDS),
        ("ports", config.exposed_ports.as_ref().map_or(0, Vec::len), MAX_PORTS),
        ("volumes", config.volumes.as_ref().map_or(0, Vec::len), MAX_VOLUMES),
    ];
    match facts.into_iter().find(|(_, has, most)| has > most) {
        None => Ok(()),
        Some((what, has, most)) => {
            Err(Error::Refused(format!("the image {name} has {has} {what}, and at most {most} are taken")))
        }
    }
}

/// Whether an image's user is root, be it under another name.
///
/// # Errors
/// [`Error::Refused`] when its lists of users and groups are none.
pub(super) async fn is_root(
    engine: &Engine,
    owner: &Owner,
    image: &str,
    name: &str,
    user: &str,
) -> Result<bool, Error> {
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(vec!["/".into()]),
        labels: Some(owner.labels()),
        host_config: Some(HostConfig { network_mode: Some("none".into()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let own_name = format!("eventflow-look-{}", uuid::Uuid::new_v4().simple());
    let options = CreateContainerOptionsBuilder::default().name(&own_name).build();
    let made = engine.client.create_container(Some(options), body).await;
    let id = made.map_err(engine.error(format!("look into the image {name}")))?.id;
    let looked = look(engine, &id, name, user).await;
    if let Err(error) = engine.remove(&id).await {
        tracing::warn!(container = id, %error, "a container that was made to look into an image is left over");
    }
    looked
}

async fn look(engine: &Engine, id: &str, name: &str, user: &str) -> Result<bool, Error> {
    let users = list(engine, id, name, "/etc/passwd").await?;
    list(engine, id, name, "/etc/group").await?;
    Ok(means_root(user, &users))
}

/// A list of users or groups; empty if there is none.
async fn list(engine: &Engine, id: &str, name: &str, path: &str) -> Result<String, Error> {
    let failed = || engine.error(format!("look into the image {name}"));
    let stat = |path: &str| {
        let options = ContainerArchiveInfoOptionsBuilder::default().path(path).build();
        engine.client.get_container_archive_info(id, Some(options))
    };
    let mut path = path.to_owned();
    let mut found = match stat(&path).await {
        Err(fault) if status(&fault) == Some(404) => return Ok(String::new()),
        found => found.map_err(failed())?,
    };
    if found.file_mode & KINDS == LINK {
        path.clone_from(&found.link_target);
        found = match stat(&path).await {
            Err(fault) if status(&fault) == Some(404) => return Ok(String::new()),
            found => found.map_err(failed())?,
        };
    }
    if found.file_mode & KINDS != 0 || found.size > MAX_USERS {
        return Err(Error::Refused(format!(
            "the image {name} has something else than a file of at most {MAX_USERS} bytes at {path}"
        )));
    }
    let options = DownloadFromContainerOptionsBuilder::default().path(&path).build();
    let mut pieces = Box::pin(engine.client.download_from_container(id, Some(options)));
    let mut archive = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        archive.extend_from_slice(&piece.map_err(failed())?);
        if archive.len() > MAX_USERS as usize + (64 << 10) {
            break;
        }
    }
    Ok(text_of(&archive))
}

fn text_of(archive: &[u8]) -> String {
    let mut text = Vec::new();
    if let Ok(mut entries) = tar::Archive::new(archive).entries()
        && let Some(Ok(file)) = entries.next()
    {
        let _ = file.take(MAX_USERS as u64).read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Whether a user is root by an image's own list. As the engine does, a number is looked for as a name as well.
fn means_root(user: &str, users: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default().trim();
    let number = name.parse::<i64>().ok();
    let listed = users.lines().any(|line| {
        let mut columns = line.split(':').map(str::trim);
        let (listed, uid) = (columns.next(), columns.nth(1).and_then(|uid| uid.parse::<i64>().ok()));
        let is_it = listed == Some(name) || uid.is_some() && uid == number;
        is_it && uid.is_none_or(|uid| uid <= 0)
    });
    name.is_empty() || name == "root" || number.is_some_and(|number| number <= 0) || listed
}

/// A folder's path as the engine writes it; `None` if it is none, or the root.
pub(super) fn clean(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.strip_prefix('/')?.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn root_is_found_under_every_name() {
        let users =
            "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:\nevil:x:0:7::/:\n1001:x:0:0::/:\nbad:x:many:0::/:\n";
        for user in ["", "root", "0", "0:0", "-0", "+0", "00", "-1", "evil", "evil:app", "1001", "bad", ":1000"] {
            assert!(means_root(user, users), "{user}");
        }
        for user in ["app", "1000", "1000:0", "4711", "app:root", "nobody"] {
            assert!(!means_root(user, users), "{user}");
        }
    }

    #[test]
    fn a_folder_has_one_path() {
        for (written, path) in [
            ("/data", Some("/data")),
            ("/w7/", Some("/w7")),
            ("//w7//x/./", Some("/w7/x")),
            ("/a/../b", Some("/b")),
            ("/../../b", Some("/b")),
            ("/", None),
            ("/..", None),
            ("data", None),
            ("", None),
        ] {
            assert_eq!(clean(written).as_deref(), path, "{written}");
        }
    }

    #[test]
    fn what_says_too_much_of_itself_is_refused() {
        let refused = |config: ImageConfig| check_size("app", &config).unwrap_err().to_string();
        assert!(check_size("app", &ImageConfig::default()).is_ok());
        let labels = HashMap::from([("a".to_owned(), "x".repeat(MAX_LABELS))]);
        assert!(refused(ImageConfig { labels: Some(labels), ..Default::default() }).contains("bytes of labels"));
        let env = vec!["A=1".to_owned(); MAX_VARIABLES / 4 + 1];
        assert!(refused(ImageConfig { env: Some(env), ..Default::default() }).contains("bytes of variables"));
        let volumes = (0..=MAX_VOLUMES).map(|number| format!("/{number}")).collect();
        let config = ImageConfig { volumes: Some(volumes), ..Default::default() };
        assert!(refused(config).contains("33 volumes, and at most 32"));
    }
}
