//! What an operator does by the command line: checks, backups, restores, repairs.

use std::path::Path;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{Options, TestApp, command, database, json_of};

async fn run(folder: &Path, options: &Options, arguments: &[&str]) -> (bool, String) {
    let output = tokio::time::timeout(crate::app::PATIENCE, command(folder, options).args(arguments).output());
    let output = output.await.expect("it ends").unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

#[tokio::test]
async fn verbs_refuse_a_folder_without_a_log_and_leave_it_alone() {
    let folder = TempDir::new().unwrap();
    for arguments in [
        &["migrate"][..],
        &["rebuild"],
        &["verify"],
        &["callback-secret"],
        &["backup", "copy", "--without-keys"],
        &["admin", "reset-password"],
    ] {
        let (fine, text) = run(folder.path(), &Options::default(), arguments).await;
        assert!(!fine && text.contains("data folder") && text.contains("--data-dir"), "{arguments:?}: {text}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{arguments:?} made something");
    }
}

/// A function that answers with its secret, called; and how many runs of events there were.
async fn picture(app: &TestApp) -> (String, usize) {
    let answer = app.call("shop").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let data = app.graphql("{ events(type: \"order.placed\", first: 100) { totalCount } }", json!({})).await;
    let events = data["events"]["totalCount"].as_u64().unwrap();
    (answer.text().await.unwrap(), usize::try_from(events).unwrap())
}

#[tokio::test]
async fn a_backup_beside_a_running_server_is_restored_into_the_other_database_and_back() {
    let app = TestApp::start().await;
    let secret = json!({ "namespace": "default", "name": "API_KEY", "value": "open sesame" });
    let types = "$namespace: String!, $name: String!, $value: String!";
    app.mutate("setSecret", "namespace: $namespace, name: $name, value: $value", "secret { name }", secret, types)
        .await;
    let manifest = r#"{ "runtime": "node", "secrets": ["API_KEY"] }"#;
    let code = "exports.handler = async () => process.env.API_KEY;";
    app.running("shop", &[("function.json", manifest), ("index.js", code), ("deep/er/file", "x")]).await;
    for number in 0..20 {
        let answer = app.publish("order.placed", &number.to_string(), json!({ "n": number })).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
    let before = picture(&app).await;
    assert!(before.0.contains("open sesame") && before.1 == 20, "{before:?}");
    let place = TempDir::new().unwrap();
    let [first, second] = ["first", "second"].map(|name| place.path().join(name).display().to_string());
    let passphrase = place.path().join("passphrase");
    std::fs::write(&passphrase, "correct horse battery staple\n").unwrap();
    let with_passphrase = format!("--passphrase-file={}", passphrase.display());
    // Others write meanwhile: what they write later than the backup begins is not in it.
    let writing = async {
        for number in 0..100 {
            app.publish("something.else", &number.to_string(), json!({})).await;
        }
    };
    let arguments = ["backup", &first, &with_passphrase];
    let backing_up = app.verb_of(&arguments);
    let ((fine, text), ()) = tokio::join!(backing_up, writing);
    assert!(fine && text.contains("secret.key") && text.contains("locked"), "{text}");
    for name in ["secret.key", "jwt.key"] {
        let key = std::fs::read(app.data_dir().join(name)).unwrap();
        for file in walkdir::WalkDir::new(&first).into_iter().map(Result::unwrap).filter(|f| f.file_type().is_file()) {
            let bytes = std::fs::read(file.path()).unwrap();
            assert!(!bytes.windows(key.len()).any(|part| part == key), "{name} is in {}", file.path().display());
        }
    }

    let on_postgres = Options::default().env("DATABASE_URL", database().await);
    let other = TempDir::new().unwrap();
    let (fine, text) = run(other.path(), &on_postgres, &["restore", &first, &with_passphrase]).await;
    assert!(fine && text.contains("PostgreSQL") && text.contains("Everything fits"), "{text}");
    let moved = TestApp::start_in(other, on_postgres).await;
    assert_eq!(picture(&moved).await, before);

    let (fine, text) = moved.verb_of(&["backup", &second, &with_passphrase]).await;
    assert!(fine, "{text}");
    let back = TempDir::new().unwrap();
    let (fine, text) = run(back.path(), &Options::default(), &["restore", &second, &with_passphrase]).await;
    assert!(fine && text.contains("SQLite") && text.contains("Everything fits"), "{text}");
    let back = TestApp::start_in(back, Options::default()).await;
    assert_eq!(picture(&back).await, before);
}

#[tokio::test]
async fn a_backup_that_does_not_fit_is_refused_before_anything_is_written() {
    let app = TestApp::start().await;
    let place = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(place.path().join(name), text).unwrap();
        format!("--passphrase-file={}", place.path().join(name).display())
    };
    let (right, wrong, short) =
        (write("right", "correct horse battery"), write("wrong", "wrong horse battery"), write("short", "short"));
    let copy = place.path().join("copy");
    let copy_name = copy.display().to_string();
    let (fine, text) = app.verb_of(&["backup", &copy_name, &short]).await;
    assert!(!fine && text.contains("12 characters") && !copy.exists(), "{text}");
    let (fine, text) = app.verb_of(&["backup", &copy_name]).await;
    assert!(!fine && text.contains("--passphrase-file") && !copy.exists(), "{text}");
    let (fine, text) = app.verb_of(&["backup", &copy_name, &right]).await;
    assert!(fine, "{text}");
    let (fine, text) = app.verb_of(&["backup", &copy_name, &right]).await;
    assert!(!fine && text.contains("not empty"), "{text}");

    let refused = async |passphrase: &str, why: &str| {
        let folder = TempDir::new().unwrap();
        let (fine, text) = run(folder.path(), &Options::default(), &["restore", &copy_name, passphrase]).await;
        assert!(!fine && text.contains(why), "{why} in {text}");
        assert!(
            !folder.path().join("data/secret.key").exists() && !folder.path().join("data/artifacts").exists(),
            "{why}"
        );
    };
    refused(&wrong, "passphrase is wrong").await;
    let (fine, text) = app.verb_of(&["restore", &copy_name, &right]).await;
    assert!(!fine, "over a server that runs: {text}");
    let artifact = std::fs::read_dir(copy.join("artifacts")).unwrap().next().unwrap().unwrap().path();
    for file in [copy.join("log.jsonl.gz"), artifact, copy.join("keys.json")] {
        let whole = std::fs::read(&file).unwrap();
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(&file, changed).unwrap();
        refused(&right, "is damaged").await;
        std::fs::remove_file(&file).unwrap();
        refused(&right, "is not whole").await;
        std::fs::write(&file, whole).unwrap();
    }
    std::fs::remove_file(copy.join("backup.json")).unwrap();
    refused(&right, "is not a whole backup").await;
}

#[tokio::test]
async fn rebuild_refuses_beside_a_server_and_a_log_that_was_changed() {
    use sqlx::Connection;
    let mut app = TestApp::on_postgres().await;
    assert_eq!(app.publish("a.b", "1", json!({})).await.status(), StatusCode::ACCEPTED);
    let (fine, text) = app.verb("rebuild").await;
    assert!(!fine && text.contains("servers use this database"), "{text}");
    app.terminate().await;
    let (fine, text) = app.verb("rebuild").await;
    assert!(fine, "{text}");
    let mut connection = sqlx::PgConnection::connect(&app.setting("DATABASE_URL")).await.unwrap();
    let change = "UPDATE log SET data = convert_to(replace(convert_from(data, 'UTF8'), 'a.b', 'a.c'), 'UTF8') WHERE stream LIKE 'event-%'";
    sqlx::raw_sql(sqlx::AssertSqlSafe(change)).execute(&mut connection).await.unwrap();
    let (fine, text) = app.verb("rebuild").await;
    assert!(!fine && text.contains("damaged in 1 places") && text.contains("hash does not fit"), "{text}");
    let (fine, text) = app.verb_of(&["rebuild", "--damaged"]).await;
    assert!(fine, "{text}");
}

#[tokio::test]
async fn the_doctor_looks_at_everything_and_names_what_is_bad() {
    let folder = TempDir::new().unwrap();
    let (fine, text) = run(folder.path(), &Options::default(), &["doctor", "--json"]).await;
    let findings: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(fine, "{text}");
    for what in [
        "eventflow",
        "data folder",
        "sandbox",
        "capacity",
        "node",
        "python3",
        "git",
        "open files",
        "port",
        "database",
        "broker",
    ] {
        assert!(findings.iter().any(|one| one["what"] == what), "{what} in {text}");
    }
    assert!(findings.iter().all(|one| one["state"] != "bad"), "{text}");
    assert!(!folder.path().join("data").exists(), "it changes nothing");
    // Nobody listens there.
    let away = Options::default()
        .env("DATABASE_URL", "postgres://me:hunter2@127.0.0.1:1/flow")
        .env("AMQP_URL", "amqp://me:hunter2@127.0.0.1:1");
    let (fine, text) = run(folder.path(), &away, &["doctor"]).await;
    assert!(!fine && !text.contains("hunter2"), "{text}");
    for what in ["database", "broker"] {
        assert!(text.lines().any(|line| line.starts_with("BAD") && line.contains(what)), "{what} in {text}");
    }
    let on_postgres = Options::default().env("DATABASE_URL", database().await);
    let (fine, text) = run(folder.path(), &on_postgres, &["doctor"]).await;
    assert!(fine && text.contains("clock") && text.contains("has no log yet"), "{text}");
}

#[tokio::test]
async fn the_admin_gets_a_new_password_that_a_running_server_takes_at_once() {
    let app = TestApp::start_with(Options { without_dev: true, ..Options::default() }).await;
    let of = |text: &str, word: &str| {
        let rest = text.split(word).nth(1).unwrap_or_else(|| panic!("{word} in {text}"));
        rest.split_whitespace().next().unwrap().to_owned()
    };
    let old = of(&app.output, "password ");
    let sign_in = async |password: &str| {
        let body = json!({ "username": "admin", "password": password });
        app.request(reqwest::Method::POST, "/auth/token").json(&body).send().await.unwrap()
    };
    assert_eq!(sign_in(&old).await.status(), StatusCode::OK);
    let (fine, text) = app.verb_of(&["admin", "reset-password"]).await;
    assert!(fine, "{text}");
    let new = of(&text, "`admin` is ");
    assert_ne!(old, new);
    assert_eq!(sign_in(&old).await.status(), StatusCode::UNAUTHORIZED);
    assert!(json_of(sign_in(&new).await, StatusCode::OK).await["token"].is_string());
}

/// Waits until the log is sealed for the first time; a server that ends then seals the rest.
async fn sealed(app: &TestApp) {
    app.eventually("the log is sealed", async || {
        let audit = json_of(app.get("/v1/audit").send().await.unwrap(), StatusCode::OK).await;
        audit["anchor"].is_string().then_some(())
    })
    .await;
}

/// The database in the data folder, with what belongs to it.
fn database_files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let files = std::fs::read_dir(folder.join("data")).unwrap().map(|entry| entry.unwrap().path());
    let of_database =
        |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("eventflow.db");
    files.filter(of_database).map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[tokio::test]
async fn verify_says_how_far_the_log_is_sealed_and_finds_an_older_copy_in_its_place() {
    let mut app = TestApp::start().await;
    for number in 0..5 {
        let answer = app.publish("order.placed", &number.to_string(), json!({})).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
    sealed(&app).await;
    let audit = json_of(app.get("/v1/audit").send().await.unwrap(), StatusCode::OK).await;
    assert!(audit["position"].as_u64() > Some(5) && audit.get("fault").is_none(), "{audit}");
    app.terminate().await;
    let (fine, text) = app.verb("verify").await;
    assert!(fine && text.contains("Everything fits") && text.contains("holds from the first record on"), "{text}");
    assert!(!text.contains("not sealed yet"), "a server that ends seals what came last: {text}");
    let anchor = |text: &str| {
        let rest = text.split("key up to ").nth(1).unwrap_or_else(|| panic!("{text}"));
        rest.split_whitespace().next().unwrap().to_owned()
    };
    let first = anchor(&text);
    let older = database_files(app.folder());

    let folder = app.into_folder();
    let mut app = TestApp::start_in(folder, Options::default()).await;
    assert_eq!(app.publish("order.placed", "later", json!({})).await.status(), StatusCode::ACCEPTED);
    app.terminate().await;
    let (fine, text) = app.verb_of(&["verify", "--anchor", &first]).await;
    assert!(fine, "{text}");
    let second = anchor(&text);
    assert_ne!(first, second);
    let (fine, text) = app.verb_of(&["verify", "--anchor", "x@1"]).await;
    assert!(!fine && text.contains("64 hexadecimal digits"), "{text}");

    // Somebody puts an older copy in its place, which fits by itself.
    for (path, _) in database_files(app.folder()) {
        std::fs::remove_file(path).unwrap();
    }
    for (path, bytes) in &older {
        std::fs::write(path, bytes).unwrap();
    }
    let (fine, text) = app.verb("verify").await;
    assert!(!fine && text.contains(&format!("anchor {second}")), "{text}");
    let app = TestApp::start_in(app.into_folder(), Options::default()).await;
    let deadline = tokio::time::Instant::now() + crate::app::PATIENCE;
    loop {
        let ready = json_of(app.get("/readyz").send().await.unwrap(), StatusCode::OK).await;
        if ready["status"] == "degraded" && ready.to_string().contains(&second) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{ready}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // Nor is it sealed as if it were right.
    let audit = json_of(app.get("/v1/audit").send().await.unwrap(), StatusCode::OK).await;
    assert!(audit["anchor"] == *first && audit["fault"].is_string(), "{audit}");
}

#[tokio::test]
async fn under_a_new_secret_key_secrets_open_and_the_log_stays_proved() {
    let with_key = |digits: &str| Options::default().env("EVENTFLOW_SECRET_KEY", digits.repeat(32));
    let mut app = TestApp::start_with(with_key("ab")).await;
    let secret = json!({ "namespace": "default", "name": "API_KEY", "value": "open sesame" });
    let types = "$namespace: String!, $name: String!, $value: String!";
    app.mutate("setSecret", "namespace: $namespace, name: $name, value: $value", "secret { name }", secret, types)
        .await;
    sealed(&app).await;
    app.terminate().await;
    let old = app.folder().join("old.key");
    std::fs::write(&old, "ab".repeat(32)).unwrap();
    let change = ["admin", "change-key", "--old-key-file", old.to_str().unwrap()];
    let (fine, text) = run(app.folder(), &with_key("cd"), &["verify"]).await;
    assert!(text.contains("Nothing is proved") && text.contains("change-key"), "{fine} {text}");
    let (fine, text) = run(app.folder(), &with_key("cd"), &change).await;
    assert!(fine && text.contains("1 secrets and the key of the log's seals"), "{text}");
    let (fine, text) = run(app.folder(), &with_key("cd"), &["verify"]).await;
    assert!(fine && text.contains("Sealed under the log's key") && text.contains("first record on"), "{text}");
    let app = TestApp::start_in(app.into_folder(), with_key("cd")).await;
    let manifest = r#"{ "runtime": "node", "secrets": ["API_KEY"] }"#;
    app.running("shop", &[("function.json", manifest), ("index.js", "exports.handler = () => process.env.API_KEY;")])
        .await;
    assert!(app.call("shop").await.text().await.unwrap().contains("open sesame"));

    // A key that is lost takes the seals with it, and nothing else.
    let mut app = app;
    app.terminate().await;
    let (fine, text) = run(app.folder(), &with_key("ef"), &["admin", "forget-seals"]).await;
    assert!(fine && text.contains("given up"), "{text}");
    let mut app = TestApp::start_in(app.into_folder(), with_key("ef")).await;
    sealed(&app).await;
    app.terminate().await;
    let (fine, text) = run(app.folder(), &with_key("ef"), &["verify"]).await;
    assert!(fine && text.contains("was there when sealing began"), "{text}");
}
