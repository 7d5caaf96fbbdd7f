//! Images that somebody made to get past the walls.

use std::process::{Command, Stdio};
use std::time::Duration;

use server::executor::images::Images;
use server::executor::{Error, Executor};

use super::super::{Log, call, texts};
use super::{BUSYBOX, Containers, docker, host, image, registry, server_name, shell};
use crate::app::eventually;

/// An image of the engine alone, from a Dockerfile; removed at the end.
struct Made(String);

impl Made {
    fn of(dockerfile: &str) -> Self {
        let name = format!("eventflow-test/{}:1", server_name());
        let mut child = Command::new("docker")
            .env("DOCKER_HOST", host())
            .env("DOCKER_BUILDKIT", "0")
            .args(["build", "-q", "-t", &name, "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let text = format!("FROM {BUSYBOX}\n{dockerfile}\n");
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{text}");
        Self(name)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = Command::new("docker").env("DOCKER_HOST", host()).args(["rmi", "-f", &self.0]).output();
    }
}

async fn prints(containers: &Containers, made: &Made, script: &str) -> Vec<String> {
    let (lines, log) = Log::new();
    containers.docker.job(image(&made.0, &["/bin/sh", "-c", script]), call(), lines).await.unwrap();
    texts(&log.all().await).iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn root_is_nobody_under_every_name() {
    let containers = Containers::new().await;
    for user in ["evil", "-0", "0:0", "4711"] {
        let made = Made::of(&format!(
            "RUN mkdir -p /etc && echo 'evil:x:0:0::/:/bin/sh' > /etc/passwd && echo '4711:x:0:0::/:' >> /etc/passwd\nUSER {user}"
        ));
        assert_eq!(prints(&containers, &made, "id -u").await, ["65534"], "{user}");
    }
    let made = Made::of("RUN mkdir -p /etc && echo 'app:x:1234:1234::/:/bin/sh' > /etc/passwd\nUSER app");
    assert_eq!(prints(&containers, &made, "id -u").await, ["1234"]);
}

#[tokio::test]
async fn what_runs_in_a_container_ends_first_when_memory_is_short() {
    let containers = Containers::new().await;
    let made = Made::of("LABEL for=memory");
    assert_eq!(prints(&containers, &made, "cat /proc/self/oom_score_adj").await, ["1000"]);
}

#[tokio::test]
async fn what_an_image_has_in_the_place_of_the_result_opens_no_folder_on_the_disk() {
    let containers = Containers::new().await;
    let made = Made::of("RUN mkdir -m 777 /eventflow && touch /eventflow/own");
    let script =
        "ls /eventflow/own; echo x > /eventflow/more && echo written; echo 1 > $EVENTFLOW_RESULT && echo result";
    let lines = prints(&containers, &made, script).await;
    assert!(!lines.iter().any(|line| line == "written" || line == "/eventflow/own"), "{lines:?}");
    assert!(lines.iter().any(|line| line == "result"), "{lines:?}");
}

#[tokio::test]
async fn what_an_images_labels_say_is_not_said_of_its_containers() {
    let containers = Containers::new().await;
    let made =
        Made::of("LABEL com.docker.compose.project=eventflow com.docker.compose.service=postgres traefik.enable=true");
    let (lines, _log) = Log::new();
    let job = containers.docker.job(image(&made.0, &["/bin/sleep", "600"]), call(), lines);
    let own = format!("label=io.eventflow.server={}", containers.server);
    let mut look = async || {
        let id = docker(&["ps", "-q", "--filter", &own]);
        (!id.is_empty()).then(|| docker(&["inspect", "--format", "{{json .Config.Labels}}", &id]))
    };
    let labels = tokio::select! {
        labels = eventually("its container is there", &mut look) => labels,
        ended = job => panic!("{:?}", ended.err()),
    };
    let labels: std::collections::BTreeMap<String, String> = serde_json::from_str(&labels).unwrap();
    for name in ["com.docker.compose.project", "com.docker.compose.service", "traefik.enable"] {
        assert_eq!(labels[name], "", "{labels:?}");
    }
}

#[tokio::test]
async fn volumes_are_in_memory_however_their_paths_are_written() {
    let containers = Containers::new().await;
    let paths: Vec<_> = (0..20).map(|number| format!("\"/w{number}/\", \"//w{number}/./\"")).collect();
    let made = Made::of(&format!("VOLUME [{}]", paths[..16].join(", ")));
    let lines =
        prints(&containers, &made, "grep -c '^tmpfs /w' /proc/mounts; grep ' /w' /proc/mounts | grep -vc ^tmpfs").await;
    assert_eq!(lines, ["16", "0"]);
}

#[tokio::test]
async fn an_image_that_would_hold_up_the_engine_is_refused_and_holds_up_nobody() {
    let containers = Containers::new().await;
    let pipe = Made::of("RUN mkdir -p /etc && rm -f /etc/passwd && mkfifo /etc/passwd");
    let (lines, _log) = Log::new();
    let job = containers.docker.job(image(&pipe.0, &["/bin/true"]), call(), lines);
    let error = tokio::time::timeout(Duration::from_secs(30), job).await.expect("it is refused at once").unwrap_err();
    assert!(matches!(&error, Error::Refused(why) if why.contains("/etc/passwd")), "{error:?}");
    let lines: Vec<_> = (0..4).map(|number| format!("LABEL large{number}={}", "x".repeat(20_000))).collect();
    let labels = Made::of(&lines.join("\n"));
    let pushed = format!("{}/{}", registry("TEST_REGISTRY"), labels.0);
    docker(&["tag", &labels.0, &pushed]);
    docker(&["push", &pushed]);
    docker(&["rmi", &pushed]);
    let refused = async |name: &str| {
        let (lines, _log) = Log::new();
        let error = containers.docker.pull(name, None, lines).await.unwrap_err();
        assert!(matches!(&error, Error::Refused(why) if why.contains("bytes of labels")), "{error:?}");
    };
    refused(&labels.0).await;
    drop(labels);
    // The engine would repeat it whenever it lists its images.
    refused(&pushed).await;
    assert_eq!(docker(&["images", "-q", &pushed]), "");
    let (lines, log) = Log::new();
    containers.docker.job(shell("echo here"), call(), lines).await.unwrap();
    assert_eq!(texts(&log.all().await), ["here"]);
    let own = format!("label=io.eventflow.server={}", containers.server);
    let left = docker(&["ps", "-aq", "--filter", "name=eventflow-look-", "--filter", &own]);
    assert!(left.is_empty(), "what was looked into is removed");
}
