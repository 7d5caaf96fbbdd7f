//! Archives that somebody made on purpose, manifests and build logs.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

use crate::app::{Options, TestApp, json_of};
use crate::victim::victim;

const HANDLER: (&str, &[u8]) = ("index.js", b"exports.handler = async () => 'hello';");

fn zipped(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(&content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// One entry, as its header says it.
fn tar_gz(kind: tar::EntryType, name: &str, target: &str, content: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o4777);
    header.set_cksum();
    tar.append(&header, content).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

/// Uploads a bundle and builds it: the build.
async fn build(app: &TestApp, name: &str, bundle: Vec<u8>, manifest: Option<Value>) -> Value {
    let uploaded = app.post("/v1/bundles").body(bundle).send().await.unwrap();
    let digest = json_of(uploaded, reqwest::StatusCode::CREATED).await["digest"].take();
    let input = json!({ "name": name, "source": { "bundle": { "digest": digest } }, "manifest": manifest });
    let registered = app
        .mutate(
            "registerFunction",
            "input: $input",
            "function { id }",
            json!({ "input": input }),
            "$input: RegisterFunctionInput!",
        )
        .await;
    app.try_build(registered["function"]["id"].as_str().unwrap()).await
}

#[tokio::test]
async fn a_hostile_archive_is_refused_leaves_nothing_behind_and_the_next_one_is_built() {
    let app = victim(Options::default()).await;
    let zeros = vec![0; 8 << 20];
    let table: Vec<(Vec<u8>, &str)> = vec![
        // 640 MiB in 640 KiB.
        (zipped((0..80).map(|n| (n.to_string(), zeros.clone()))), "larger than 512 MiB"),
        (zipped([("../../../../tmp/evil".into(), b"x".to_vec())]), "leaves the function's folder"),
        (zipped([("/etc/cron.d/evil".into(), b"x".to_vec())]), "leaves the function's folder"),
        (zipped([(vec!["d"; 300].join("/"), b"x".to_vec())]), "nested deeper than"),
        (zipped([(vec!["x".repeat(200); 8].join("/"), b"x".to_vec())]), "longer than 1024 bytes"),
        (zipped([("a\u{1b}]0;owned\u{7}".into(), b"x".to_vec())]), "control characters"),
        (tar_gz(tar::EntryType::Symlink, "link", "/etc/shadow", b""), "leaves the function's folder"),
        (tar_gz(tar::EntryType::Link, "link", "../../secret.key", b""), "leaves the function's folder"),
        (tar_gz(tar::EntryType::Char, "device", "", b""), "neither a file nor a folder nor a link"),
        (tar_gz(tar::EntryType::Fifo, "pipe", "", b""), "neither a file nor a folder nor a link"),
        (tar_gz(tar::EntryType::GNULongName, "././@LongLink", "", &zeros), "more than 64 KiB"),
    ];
    for (number, (bundle, says)) in table.into_iter().enumerate() {
        let build = build(&app, &format!("hostile{number}"), bundle, None).await;
        assert_eq!(build["state"], "FAILED", "{build:#}");
        let error = build["error"].as_str().unwrap();
        assert!(error.contains(says) && !error.contains(char::is_control), "{number}: {error:?}");
    }
    assert!(!std::path::Path::new("/tmp/evil").exists());
    let builds = app.data_dir().join("builds");
    app.eventually("the folders of all builds are gone", async || {
        let left = walkdir::WalkDir::new(&builds).min_depth(2).max_depth(2).into_iter().flatten();
        (left.filter(|entry| entry.file_name() != "lock").count() == 0).then_some(())
    })
    .await;
    let good = build(&app, "good", zipped([(HANDLER.0.into(), HANDLER.1.to_vec())]), None).await;
    assert_eq!(good["state"], "SUCCEEDED", "{good:#}");
}

#[tokio::test]
async fn a_form_has_few_parts_before_its_file_and_little_in_them() {
    let app = victim(Options::default()).await;
    let bundle = || {
        let code = zipped([(HANDLER.0.into(), HANDLER.1.to_vec())]);
        reqwest::multipart::Part::bytes(code).file_name("code.zip")
    };
    let form = || reqwest::multipart::Form::new();
    let many = (0..100).fold(form(), |form, i| form.text(format!("f{i}"), "x")).part("code", bundle());
    let large = form().text("note", "x".repeat(1 << 20)).part("code", bundle());
    let few = form().text("note", "x".repeat(1000)).part("code", bundle());
    for (form, status) in [(many, 400), (large, 413), (few, 201)] {
        let answer = app.post("/v1/bundles").multipart(form).send().await.unwrap();
        assert_eq!(answer.status(), status);
    }
    // Without a length, and without an end.
    let endless = futures::stream::iter((0..1 << 16).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1 << 10])));
    let opening = futures::stream::iter([Ok(b"--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n".to_vec())]);
    let body = reqwest::Body::wrap_stream(futures::StreamExt::chain(opening, endless));
    let request = app.post("/v1/bundles").header("content-type", "multipart/form-data; boundary=b").body(body);
    // The answer may come before all was sent, and the connection end with it.
    if let Ok(answer) = request.send().await {
        assert_eq!(answer.status(), 413);
    }
}

#[tokio::test]
async fn a_manifest_that_is_too_large_is_refused_wherever_it_is() {
    let app = victim(Options::default()).await;
    let large = format!("{{\"runtime\":\"node\",\"env\":{{\"A\":\"{}\"}}}}", "x".repeat(300 << 10));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (number, (text, says)) in [(&large, "larger than 256 KiB"), (&deep, "not JSON")].into_iter().enumerate() {
        let files = [("function.json".to_owned(), text.clone().into_bytes()), (HANDLER.0.into(), HANDLER.1.to_vec())];
        let build = build(&app, &format!("f{number}"), zipped(files), None).await;
        assert!(build["error"].as_str().unwrap().contains(says), "{build:#}");
    }
    let manifest: Value = serde_json::from_str(&large).unwrap();
    let input =
        json!({ "name": "given", "source": { "git": { "url": "https://example.com/a" } }, "manifest": manifest });
    let query =
        "mutation($input: RegisterFunctionInput!) { registerFunction(input: $input) { userErrors { message } } }";
    let refused = app.graphql(query, json!({ "input": input })).await.to_string();
    assert!(refused.contains("larger than 256 KiB") && refused.len() < 1000, "{refused}");
    // Small as text, twenty megabytes as values, in each version for good.
    let tree = json!({ "runtime": "node", "triggers": [{ "type": "event", "pattern": "a", "filter": { "a": vec![json!({ "": 0 }); 20_000] } }] });
    let input = json!({ "name": "tree", "source": { "git": { "url": "https://example.com/a" } }, "manifest": tree });
    let refused = app.graphql(query, json!({ "input": input })).await.to_string();
    assert!(refused.contains("more than 2000 values") && refused.len() < 1000, "{refused}");
    let long = "x".repeat(1 << 20);
    let input =
        json!({ "name": "long", "source": { "git": { "url": "https://example.com/a", "ref": long, "path": long } } });
    let refused = app.graphql(query, json!({ "input": input })).await.to_string();
    assert!(refused.contains("the ref has 1048576 bytes"), "{}", &refused[..refused.len().min(1000)]);
}

/// A function whose installation runs this script.
fn installing(script: &str) -> Vec<u8> {
    let package = json!({ "scripts": { "preinstall": "sh ./install.sh" } }).to_string();
    let file = |name: &str, content: &[u8]| (name.to_owned(), content.to_vec());
    zipped([
        file(HANDLER.0, HANDLER.1),
        file("package.json", package.as_bytes()),
        file("install.sh", script.as_bytes()),
    ])
}

fn lines(build: &Value) -> Vec<(String, String)> {
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    build["log"].as_array().unwrap().iter().map(|line| (text(line, "stream"), text(line, "text"))).collect()
}

#[tokio::test]
async fn an_install_script_leaves_nothing_for_the_build_of_another_function() {
    let app = victim(Options::default()).await;
    let poison = "for cache in \"$npm_config_cache\" \"$PIP_CACHE_DIR\"; do echo poison > \"$cache/poison\" && ls \"$cache\"; done";
    let look = "ls -a \"$npm_config_cache\" \"$PIP_CACHE_DIR\" \"$npm_config_cache/..\" \"$npm_config_cache/../..\"";
    let hostile = build(&app, "hostile", installing(poison), None).await;
    assert_eq!(hostile["state"], "SUCCEEDED", "{hostile:#}");
    assert!(lines(&hostile).iter().any(|(_, text)| text == "poison"), "it could write: {hostile:#}");
    let other = build(&app, "other", installing(look), None).await;
    assert_eq!(other["state"], "SUCCEEDED", "{other:#}");
    assert!(!lines(&other).iter().any(|(_, text)| text.contains("poison")), "{other:#}");
}

#[tokio::test]
async fn a_flood_of_builds_is_refused_beyond_a_few_however_they_come() {
    let app = victim(Options::default().env("EVENTFLOW_BUILDS", "1")).await;
    let uploaded = app.post("/v1/bundles").body(installing("sleep 60")).send().await.unwrap();
    let digest = json_of(uploaded, reqwest::StatusCode::CREATED).await["digest"].take();
    let input = json!({ "input": { "name": "flood", "source": { "bundle": { "digest": digest } } } });
    let types = "$input: RegisterFunctionInput!";
    let registered = app.mutate("registerFunction", "input: $input", "function { id }", input, types).await;
    let id = registered["function"]["id"].as_str().unwrap();
    let query = "mutation($id: ID!) { buildFunction(id: $id) { userErrors { code } } }";
    let asked = (0..40).map(|_| app.graphql(query, json!({ "id": id })));
    let answers = futures::future::join_all(asked).await;
    let refused = answers.iter().filter(|answer| answer["buildFunction"]["userErrors"][0]["code"] == "too_many_builds");
    assert_eq!(refused.count(), 40 - 16, "{answers:?}");
    app.mutate("deregisterFunction", "id: $id", "function { id }", json!({ "id": id }), "$id: ID!").await;
}

#[tokio::test]
async fn a_tool_cannot_write_what_looks_like_the_servers_own_line() {
    let app = victim(Options::default()).await;
    let script = "printf 'harmless\\r\\033[1A\\033[2KBuilt sha256:00\\n\\033]0;title\\007\\033[8mhidden\\033[0m\\n'";
    let build = build(&app, "hostile", installing(script), None).await;
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    let lines = lines(&build);
    assert!(lines.iter().all(|(_, text)| !text.contains(|c: char| c.is_control())), "{lines:?}");
    assert!(lines.contains(&("STDOUT".into(), "harmless Built sha256:00".into())), "{lines:?}");
    assert!(lines.contains(&("STDOUT".into(), "hidden".into())), "{lines:?}");
}

#[tokio::test]
async fn uploads_beyond_the_room_for_bundles_are_refused_however_they_come() {
    const MOST: u64 = 4 << 20;
    let app = victim(Options::default().env("EVENTFLOW_MAX_BUNDLES", MOST.to_string())).await;
    // Each another one, of 1 MiB that cannot be made smaller.
    let noise = |first: u64| {
        let mut next = first | 1;
        let mut byte = move || {
            next ^= next << 13;
            next ^= next >> 7;
            next ^= next << 17;
            next as u8
        };
        zipped([("noise".to_owned(), (0..1 << 20).map(|_| byte()).collect())])
    };
    let uploads = (1..=12).map(|number| app.post("/v1/bundles").body(noise(number << 32 | 77)).send());
    let answers = futures::future::join_all(uploads).await;
    let (mut kept, mut full) = (0, 0);
    for answer in answers {
        let answer = answer.unwrap();
        match answer.status().as_u16() {
            201 => kept += 1,
            _ => {
                let body = json_of(answer, reqwest::StatusCode::INSUFFICIENT_STORAGE).await;
                assert_eq!(body["error"]["code"], "bundles_full", "{body}");
                assert!(body["error"]["message"].as_str().unwrap().contains("EVENTFLOW_MAX_BUNDLES"), "{body}");
                full += 1;
            }
        }
    }
    let there = std::fs::read_dir(app.data_dir().join("bundles")).unwrap().flatten();
    let there: Vec<u64> = there.map(|entry| entry.metadata().unwrap().len()).collect();
    assert!(
        kept <= 3 && kept + full == 12 && there.iter().sum::<u64>() <= MOST,
        "{kept} kept, {full} refused: {there:?}"
    );
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
}
