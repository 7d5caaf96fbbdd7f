//! A function that writes wherever it can, and as much as it can.

use crate::app::Options;
use crate::victim::{is_unprivileged, victim};

/// Writes until it cannot, and says how many mebibytes and files there were, and why there were no more.
const FILL: &str = r"
import errno, os

def bytes_in(folder):
    written = 0
    try:
        with open(folder + '/large', 'wb', buffering=0) as file:
            while written < 1000:
                file.write(bytes(1 << 20))
                written += 1
    except OSError as error:
        return [written, errno.errorcode[error.errno]]
    finally:
        try: os.remove(folder + '/large')
        except OSError: pass
    return [written, None]

def files_in(folder):
    made = 0
    try:
        while made < 200000:
            os.close(os.open(f'{folder}/f{made}', os.O_CREAT | os.O_WRONLY))
            made += 1
    except OSError as error:
        return [made, errno.errorcode[error.errno]]
    finally:
        for number in range(made):
            os.remove(f'{folder}/f{number}')
    return [made, None]

def handler(event, context):
    what, folder = event['http']['query']['what'], event['http']['query']['folder']
    return (bytes_in if what == 'bytes' else files_in)(folder)
";

const MANIFEST: &str = r#"{"runtime": "python", "resources": {"memory_mb": 512, "timeout_s": 60}}"#;

#[tokio::test]
async fn what_a_function_may_write_is_full_at_a_limit() {
    let app = victim(Options::default()).await;
    let limited = !is_unprivileged() && !app.output.contains("looked at once a second");
    app.running("fill", &[("main.py", FILL), ("function.json", MANIFEST)]).await;
    if limited {
        for (folder, most) in [("/run/eventflow", 1000), ("/tmp", 100_000)] {
            let text = app.call(&format!("fill?what=files&folder={folder}")).await.text().await.unwrap();
            let (made, why): (u64, Option<String>) = serde_json::from_str(&text).expect(&text);
            assert_eq!(why.as_deref(), Some("ENOSPC"), "{folder}: {made} files");
            assert!(made < most, "{folder}: {made} files");
        }
    }
    for (folder, most) in [("/run/eventflow", 16), ("/tmp", 512), ("/dev/shm", 512)] {
        if folder == "/run/eventflow" && !limited {
            continue;
        }
        let answer = app.call(&format!("fill?what=bytes&folder={folder}")).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        if folder != "/run/eventflow" && status != 200 {
            // It counts as the function's memory, which was full before.
            assert!(text.contains("more memory than it may"), "{folder}: {text}");
            continue;
        }
        let (written, why): (u64, Option<String>) = serde_json::from_str(&text).expect(&text);
        assert_eq!(why.as_deref(), Some("ENOSPC"), "{folder}: {written} MiB");
        assert!(written <= most, "{folder}: {written} MiB");
    }
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_function_whose_folder_is_only_watched_is_ended() {
    let app = victim(Options::default()).await;
    if !app.output.contains("looked at once a second") {
        return eprintln!("skipped: this server limits the folder by a file system");
    }
    app.running("fill", &[("main.py", FILL), ("function.json", MANIFEST)]).await;
    let answer = app.call("fill?what=files&folder=/run/eventflow").await;
    assert_ne!(answer.status(), 200, "{}", answer.text().await.unwrap());
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
}
