//! A function against the kernel: system calls that a sandbox has no use for.

use reqwest::StatusCode;
use serde_json::Value;

use crate::app::{Options, json_of};
use crate::victim::victim;

/// Makes the calls of `syscalls.py` and returns their results.
const MAIN: &str = "import contextlib, io, calls\ndef handler(event, context):\n    out = io.StringIO()\n    \
    with contextlib.redirect_stdout(out):\n        calls.main()\n    return out.getvalue().splitlines()\n";

/// Opens terminals until it cannot: how many there were.
const TERMINALS: &str = "import os\ndef handler(event, context):\n    opened = []\n    try:\n        \
    while len(opened) < 10000:\n            opened.append(os.openpty())\n    except OSError:\n        pass\n    \
    for ends in opened:\n        for end in ends: os.close(end)\n    return [len(opened), os.path.exists('/dev/ptmx'), os.listdir('/dev/pts')]\n";

#[tokio::test]
async fn a_function_takes_no_terminal_of_the_host() {
    let app = victim(Options::default()).await;
    let manifest = r#"{"runtime": "python", "handler": "main.handler"}"#;
    app.running("terminals", &[("main.py", TERMINALS), ("function.json", manifest)]).await;
    let answer = json_of(app.call("terminals").await, StatusCode::OK).await;
    assert_eq!(answer, serde_json::json!([0, false, []]));
}

#[tokio::test]
async fn a_function_cannot_make_calls_that_attack_the_kernel() {
    let app = victim(Options::default()).await;
    let calls = include_str!("../it/executor/syscalls.py");
    let manifest = r#"{"runtime": "python", "handler": "main.handler"}"#;
    app.running("caller", &[("main.py", MAIN), ("calls.py", calls), ("function.json", manifest)]).await;
    let answer = json_of(app.call("caller").await, StatusCode::OK).await;
    let lines: Vec<&str> = answer.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    // EPERM or ENOSYS.
    let refused = |line: &&str| line.ends_with("|-1|1") || line.ends_with("|-1|38");
    let made: Vec<_> = lines.iter().filter(|line| !refused(line)).collect();
    assert!(made.is_empty() && lines.len() >= 60, "{} tried, made: {made:?}", lines.len());
}

/// Listens, connects to itself, and accepts nothing: how many connections there were, once there are a hundred thousand.
const NEVER_ACCEPTS: &str = "import socket\ndef handler(event, context):\n    listeners = []\n    for _ in range(40):\n        \
    listener = socket.socket()\n        listener.bind(('127.0.0.1', 0))\n        listener.listen(4096)\n        listeners.append(listener)\n    \
    for number in range(100000):\n        one = socket.socket()\n        one.connect(listeners[number % 40].getsockname())\n        one.close()\n    \
    return number\n";

#[tokio::test]
async fn connections_that_a_function_never_accepts_count_as_its_memory() {
    let app = victim(Options::default()).await;
    if app.output.contains("FUNCTIONS ARE NOT ISOLATED") {
        return eprintln!("skipped: the function has no network of its own");
    }
    let manifest =
        r#"{"runtime": "python", "handler": "main.handler", "resources": {"memory_mb": 64, "timeout_s": 120}}"#;
    app.running("greedy", &[("main.py", NEVER_ACCEPTS), ("function.json", manifest)]).await;
    let answer = app.call("greedy").await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(!status.is_success() && text.contains("connections that it did not accept"), "{status} {text}");
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
}
