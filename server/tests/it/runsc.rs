//! Containers under gVisor: `EVENTFLOW_DOCKER_RUNTIME=runsc`, on the engine of `scripts/with-docker`, which knows that runtime where its
//! program is.

use reqwest::StatusCode;
use serde_json::json;

use crate::app::{Options, TestApp};
use crate::executor::docker::{BUSYBOX, docker, host};
use crate::images::registered;

#[tokio::test]
#[ignore = "needs the program runsc: make test-containers"]
async fn under_a_real_gvisor_services_answer_and_jobs_run() {
    if !docker(&["info", "-f", "{{json .Runtimes}}"]).contains("\"runsc\"") {
        println!(
            "skipped: the engine has no runtime runsc (Debian: apt-get install runsc, before scripts/with-docker)"
        );
        return;
    }
    let options = Options::default().env("DOCKER_HOST", host()).env("EVENTFLOW_DOCKER_RUNTIME", "runsc");
    let app = TestApp::start_with(options).await;
    assert!(app.output.contains("runsc"), "{}", app.output);
    // The kernel's own lines are gVisor's there.
    let script = "mkdir /tmp/www && dmesg > /tmp/www/index.html && exec httpd -f -p $PORT -h /tmp/www";
    let manifest = json!({ "runtime": "docker", "command": ["/bin/sh", "-c", script] });
    let web = registered(&app, "caged", BUSYBOX, manifest).await;
    app.build(&web).await;
    app.start_function(&web).await;
    let answer = app.call("caged/").await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status == StatusCode::OK && text.contains("gVisor"), "{status}: {text}");
    let id = docker(&["ps", "-q", "--filter", "label=io.eventflow.function=caged"]);
    assert_eq!(docker(&["inspect", "-f", "{{.HostConfig.Runtime}}", id.lines().next().unwrap()]), "runsc");

    let script = "read event; dmesg | grep -q gVisor && echo '{\"n\":2}' > $EVENTFLOW_RESULT";
    let manifest = json!({
        "runtime": "docker", "mode": "job", "command": ["/bin/sh", "-c", script],
        "triggers": [{ "type": "event", "pattern": "file.uploaded" }],
    });
    let job = registered(&app, "caged-job", BUSYBOX, manifest).await;
    app.build(&job).await;
    app.start_function(&job).await;
    assert_eq!(app.publish("file.uploaded", "1", json!({ "n": 1 })).await.status(), StatusCode::ACCEPTED);
    let run = app.run_where(&job, |run| run["state"] == "SUCCEEDED" || !run["error"].is_null()).await;
    assert_eq!(run["output"], json!({ "n": 2 }), "{run}");
}
