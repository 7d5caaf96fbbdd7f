//! How images come to the engine, and what they are.

use std::process::{Command, Stdio};

use server::executor::images::{Image, Images};
use server::executor::{Code, Error, Executor, Login};
use sha2::{Digest, Sha256};

use super::super::{Log, READY_WITHIN, call, texts};
use super::{BUSYBOX, Containers, Options, docker, host, image, make, publish, registry, server_name};

fn login(password: &str) -> Option<Login> {
    Some(Login { user: "eventflow".into(), password: password.into() })
}

async fn pulled(containers: &Containers, name: &str, login: Option<Login>) -> (Result<Image, Error>, Vec<String>) {
    let (lines, log) = Log::new();
    let image = containers.docker.pull(name, login, lines).await;
    (image, texts(&log.all().await).iter().map(|text| (*text).to_owned()).collect())
}

/// Gives bytes to the engine's client.
fn give(arguments: &[&str], bytes: &[u8]) {
    let mut command = Command::new("docker");
    command.env("DOCKER_HOST", host()).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), bytes).unwrap();
    assert!(child.wait().unwrap().success(), "docker {arguments:?}");
}

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, name, *content).unwrap();
    }
    archive.into_inner().unwrap()
}

/// An empty image of this engine alone.
fn import(name: &str, changes: &[&str]) {
    give(&[&["import"], changes, &["-", name]].concat(), &archive(&[]));
}

/// An empty image for another architecture.
fn load_foreign(name: &str) {
    let layer = archive(&[]);
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&layer)));
    let config = serde_json::json!({
        "architecture": "s390x",
        "os": "linux",
        "config": { "Cmd": ["/bin/true"] },
        "rootfs": { "type": "layers", "diff_ids": [digest] },
    });
    let manifest = serde_json::json!([{ "Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"] }]);
    let (config, manifest) = (config.to_string(), manifest.to_string());
    let files =
        [("config.json", config.as_bytes()), ("manifest.json", manifest.as_bytes()), ("layer.tar", layer.as_slice())];
    give(&["load", "-q"], &archive(&files));
}

#[tokio::test]
async fn an_image_is_pulled_told_and_run_by_its_digest() {
    let containers = Containers::new().await;
    let name = format!("{}/eventflow-test/busybox:1", registry("TEST_REGISTRY"));
    let (image, lines) = pulled(&containers, &name, None).await;
    let found = image.unwrap();
    assert_eq!((found.reference.as_str(), found.os.as_str()), (name.as_str(), "linux"));
    assert!(found.digest.starts_with("sha256:") && found.digest.len() == 71, "{}", found.digest);
    assert!(found.size > 500_000 && found.layers.len() == 1 && found.layers[0].size == found.size, "{found:?}");
    assert_eq!(found.command, ["/bin/sh"]);
    assert!(lines.iter().any(|line| line.contains(&found.digest)), "{lines:?}");
    // Somebody removes it, and a version of this digest is started all the same.
    docker(&["rmi", &name]);
    let (repository, _) = name.rsplit_once(':').unwrap();
    let mut spec = image_of(&format!("{repository}@{}", found.digest));
    spec.runtime = server::executor::Runtime::Command(vec!["/bin/echo".into(), "here".into()]);
    let (lines, log) = Log::new();
    containers.docker.job(spec, call(), lines).await.unwrap();
    assert_eq!(texts(&log.all().await), ["here"]);
}

#[tokio::test]
async fn a_host_of_the_engines_own_network_is_not_connected_to() {
    let containers = Containers::with(&host(), Options::new(server_name())).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost", "127.1"] {
        let (image, _) = pulled(&containers, &format!("{host}:{port}/app:1"), None).await;
        let error = image.unwrap_err();
        assert!(matches!(&error, Error::Refused(why) if why.contains("EVENTFLOW_REGISTRY_ALLOW")), "{host}: {error:?}");
    }
    let waiting = futures::FutureExt::now_or_never(listener.accept());
    assert!(waiting.is_none(), "the engine has connected");
}

fn image_of(name: &str) -> server::executor::Spec {
    image(name, &["/bin/true"])
}

#[tokio::test]
async fn an_image_that_does_not_exist_is_refused() {
    let containers = Containers::new().await;
    for name in ["eventflow-test/nothing:1", "eventflow-test/busybox:none"] {
        let name = format!("{}/{name}", registry("TEST_REGISTRY"));
        let (image, _) = pulled(&containers, &name, None).await;
        let error = image.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error:?}");
        assert!(error.to_string().contains(&format!("there is no image {name}")), "{error}");
    }
    let (image, _) = pulled(&containers, "Not a name", None).await;
    assert!(image.unwrap_err().to_string().contains("is no name of an image"));
    // A version whose image is nowhere any more.
    let (lines, _log) = Log::new();
    let name = format!("{}/eventflow-test/busybox@sha256:{}", registry("TEST_REGISTRY"), "0f".repeat(32));
    let error = containers.docker.service(image_of(&name), lines, READY_WITHIN).await.unwrap_err();
    assert!(error.to_string().contains("there is no image"), "{error}");
}

#[tokio::test]
async fn a_registry_with_a_login_lets_in_who_has_it() {
    let containers = Containers::new().await;
    let registry = registry("TEST_LOGIN_REGISTRY");
    let name = format!("{registry}/eventflow-test/busybox:1");
    let (image, _) = pulled(&containers, &name, None).await;
    let error = image.unwrap_err().to_string();
    assert!(error.contains(&format!("set the namespace's secret `registry-{registry}`")), "{error}");
    let (image, _) = pulled(&containers, &name, login("wrong")).await;
    let error = image.unwrap_err().to_string();
    assert!(error.contains("does not let eventflow pull") && !error.contains("wrong"), "{error}");
    let (image, _) = pulled(&containers, &name, login("let-me-in")).await;
    let image = image.unwrap();
    assert_eq!(image.command, ["/bin/sh"]);
    // Somebody removes it: an instance's start pulls it again, with the login.
    docker(&["rmi", &name]);
    let (repository, _) = name.rsplit_once(':').unwrap();
    let spec = image_of(&format!("{repository}@{}", image.digest));
    let (lines, _log) = Log::new();
    let error = containers.docker.job(spec.clone(), call(), lines).await.unwrap_err().to_string();
    assert!(error.contains("does not let everybody pull"), "{error}");
    let (lines, _log) = Log::new();
    let spec = server::executor::Spec { login: login("let-me-in"), ..spec };
    assert_eq!(containers.docker.job(spec, call(), lines).await.unwrap().exit.code, Some(0));
}

#[tokio::test]
async fn an_image_of_the_engine_is_used_where_no_registry_answers() {
    let containers = Containers::new().await;
    // Nobody listens on port 1.
    let name = format!("127.0.0.1:1/eventflow-test/{}:1", server_name());
    let (image, _) = pulled(&containers, &name, None).await;
    let error = image.unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("127.0.0.1:1 does not answer"), "{error}");
    make(&name);
    let (image, lines) = pulled(&containers, &name, None).await;
    let found = image.unwrap();
    assert!(lines.iter().any(|line| line.contains("of this engine is used")), "{lines:?}");
    let (repository, _) = name.rsplit_once(':').unwrap();
    docker(&["tag", &name, &format!("{repository}:kept")]);
    docker(&["rmi", &name]);
    // Its id is all that it is known by.
    let (lines, _log) = Log::new();
    let spec = image_of(&format!("{repository}@{}", found.digest));
    let outcome = containers.docker.job(spec, call(), lines).await.unwrap();
    assert_eq!(outcome.exit.code, Some(0));
    docker(&["rmi", "-f", &format!("{repository}:kept")]);
}

/// A registry of the test's own, which it can end.
fn own_registry(folder: &std::path::Path) -> (std::process::Child, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let config = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{address}\"}}\n",
        folder.display()
    );
    std::fs::write(folder.join("config.yml"), config).unwrap();
    let mut command = Command::new("docker-registry");
    command
        .arg("serve")
        .arg(folder.join("config.yml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    (command.spawn().unwrap(), address)
}

#[tokio::test]
async fn what_somebody_pulled_is_given_to_nobody_while_its_registry_is_away() {
    let containers = Containers::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (mut process, address) = own_registry(folder.path());
    let name = format!("{address}/private/app:1");
    crate::app::eventually("the registry answers", &mut async || tokio::net::TcpStream::connect(&address).await.ok())
        .await;
    make(&name);
    docker(&["push", "-q", &name]);
    let (image, _) = pulled(&containers, &name, None).await;
    assert!(image.is_ok(), "{image:?}");
    process.kill().unwrap();
    process.wait().unwrap();
    let (image, lines) = pulled(&containers, &name, None).await;
    let error = image.unwrap_err().to_string();
    assert!(error.contains(&format!("{address} does not answer")), "{error}, {lines:?}");
    // Nor under another name, which its operator gave it.
    let renamed = format!("127.0.0.1:1/eventflow-test/{}:1", server_name());
    docker(&["tag", &name, &renamed]);
    let (image, lines) = pulled(&containers, &renamed, None).await;
    docker(&["rmi", &name, &renamed]);
    let error = image.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:1 does not answer"), "{error}, {lines:?}");
}

#[tokio::test]
async fn an_image_for_another_machine_is_refused() {
    let containers = Containers::new().await;
    let name = format!("127.0.0.1:1/eventflow-test/{}:1", server_name());
    load_foreign(&name);
    let (image, _) = pulled(&containers, &name, None).await;
    let error = image.unwrap_err().to_string();
    assert!(error.contains("made for linux/s390x"), "{error}");
    let (lines, _log) = Log::new();
    let mut spec = image_of(&name);
    spec.code = Code::Image(name.clone());
    let error = containers.docker.job(spec, call(), lines).await.unwrap_err().to_string();
    assert!(error.contains("made for linux/s390x"), "{error}");
    docker(&["rmi", &name]);
}

#[tokio::test]
async fn what_an_image_says_of_itself_is_told() {
    let containers = Containers::new().await;
    let name = format!("127.0.0.1:1/eventflow-test/{}:1", server_name());
    let changes = [
        "-c",
        "EXPOSE 9000 8000 53/udp",
        "-c",
        "USER 1000",
        "-c",
        "HEALTHCHECK CMD /bin/true",
        "-c",
        "ENTRYPOINT [\"/bin/app\"]",
    ];
    import(&name, &changes);
    let (image, _) = pulled(&containers, &name, None).await;
    let image = image.unwrap();
    assert_eq!((image.port, image.health, image.user.as_str()), (Some(8000), true, "1000"));
    assert_eq!(image.command, ["/bin/app"]);
    docker(&["rmi", &name]);
}

#[tokio::test]
async fn an_image_that_nobody_had_is_known_as_pulled_and_goes_with_its_names() {
    let containers = Containers::new().await;
    let name = format!("{}/own/{}:1", registry("TEST_REGISTRY"), server_name());
    publish(&name);
    let image = pulled(&containers, &name, None).await.0.unwrap();
    let stored = async || containers.docker.stored().await.unwrap();
    let [one] = stored().await.try_into().unwrap();
    assert_eq!((&one.tags, &one.digests, one.containers), (&vec![name.clone()], &vec![image.digest], 0));
    assert!(one.others.is_empty(), "{one:?}");
    let mark = format!("eventflow.invalid/{}:{}", containers.server, one.id.trim_start_matches("sha256:"));
    let refused = pulled(&containers, &mark, None).await.0.unwrap_err();
    assert!(matches!(refused, Error::Refused(ref why) if why.contains("an image that EventFlow builds")), "{refused}");
    let marked_at = one.needed_at;
    containers.docker.mark_needed(&one).await.unwrap();
    let [one] = stored().await.try_into().unwrap();
    assert!(one.needed_at > marked_at, "{one:?}");

    let container = docker(&["create", &name]);
    assert_eq!(stored().await[0].containers, 1);
    assert!(!containers.docker.remove(&one).await.unwrap(), "a container is made of it");
    docker(&["rm", &container]);
    let [one] = stored().await.try_into().unwrap();
    assert!(containers.docker.remove(&one).await.unwrap());
    assert_eq!(stored().await, []);
    assert_eq!(
        docker(&["images", "-aq", "--filter", &format!("reference=eventflow.invalid/{}", containers.server)]),
        ""
    );
    assert_eq!(docker(&["images", "-aq", "--no-trunc", "--filter", &format!("reference={name}")]), "");
    assert!(!docker(&["images", "-aq", "--no-trunc"]).contains(&one.id));
}

#[tokio::test]
async fn what_was_on_the_engine_before_stays_somebody_elses() {
    let containers = Containers::new().await;
    let registry = registry("TEST_REGISTRY");
    // The image is there under another name.
    pulled(&containers, &format!("{registry}/eventflow-test/busybox:1"), None).await.0.unwrap();
    // The name is there, for another image.
    let name = format!("{registry}/named/{}:1", server_name());
    publish(&name);
    docker(&["tag", BUSYBOX, &name]);
    pulled(&containers, &name, None).await.0.unwrap();
    assert_eq!(containers.docker.stored().await.unwrap(), []);
    docker(&["rmi", &name]);
}

#[tokio::test]
async fn a_name_of_somebody_else_keeps_what_was_pulled() {
    let containers = Containers::new().await;
    let name = format!("{}/kept/{}", registry("TEST_REGISTRY"), server_name());
    let (pulled_as, given) = (format!("{name}:1"), format!("{name}:prod"));
    publish(&pulled_as);
    pulled(&containers, &pulled_as, None).await.0.unwrap();
    let stored = async || {
        let [one] = containers.docker.stored().await.unwrap().try_into().unwrap();
        one
    };
    let before = stored().await;
    assert!(before.others.is_empty(), "{before:?}");
    docker(&["tag", &pulled_as, &given]);
    assert!(!containers.docker.remove(&before).await.unwrap(), "it got a name meanwhile");
    // The name stays somebody else's, also when a function asks for it.
    docker(&["push", "-q", &given]);
    pulled(&containers, &given, None).await.0.unwrap();
    let one = stored().await;
    assert_eq!((one.tags.len(), &one.others), (2, &vec![given.clone()]));
    docker(&["rmi", &given]);
    assert!(containers.docker.remove(&stored().await).await.unwrap());
    assert!(!docker(&["images", "-aq", "--no-trunc"]).contains(&one.id));
}

#[tokio::test]
async fn what_came_is_marked_although_nobody_waits_for_it_any_more() {
    let containers = Containers::new().await;
    let name = format!("{}/left/{}:1", registry("TEST_REGISTRY"), server_name());
    publish(&name);
    let (lines, mut said) = tokio::sync::mpsc::channel(64);
    tokio::select! {
        biased;
        line = said.recv() => assert!(line.is_some(), "the pull has begun"),
        image = containers.docker.pull(&name, None, lines) => panic!("{image:?}"),
    }
    let mut marked = async || containers.docker.stored().await.unwrap().pop();
    let one = crate::app::eventually("it is marked", &mut marked).await;
    assert_eq!((&one.tags, &one.others), (&vec![name], &Vec::new()));
    assert!(containers.docker.remove(&one).await.unwrap());
}

#[tokio::test]
async fn an_image_of_two_installations_goes_with_the_second_one() {
    let (one, other) = (Containers::new().await, Containers::new().await);
    let name = format!("{}/shared/{}:1", registry("TEST_REGISTRY"), server_name());
    publish(&name);
    for containers in [&one, &other] {
        pulled(containers, &name, None).await.0.unwrap();
    }
    // The same image under a name that only the first one has pulled.
    let alone = format!("{name}-alone");
    docker(&["tag", &name, &alone]);
    docker(&["push", "-q", &alone]);
    docker(&["rmi", &alone]);
    pulled(&one, &alone, None).await.0.unwrap();
    let stored = async |containers: &Containers| containers.docker.stored().await.unwrap();
    let [image] = stored(&one).await.try_into().unwrap();
    assert!(image.is_shared);
    assert!(one.docker.remove(&image).await.unwrap());
    assert_eq!(stored(&one).await, []);
    let [image] = stored(&other).await.try_into().unwrap();
    assert_eq!((image.is_shared, &image.tags, &image.others), (false, &vec![name.clone()], &Vec::new()));
    assert!(other.docker.remove(&image).await.unwrap());
    assert!(!docker(&["images", "-aq", "--no-trunc"]).contains(&image.id));
}
