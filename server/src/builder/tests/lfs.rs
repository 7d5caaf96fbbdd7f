//! Files of Git LFS, where the manifest asks for them, from a server that speaks Git and Git LFS.

use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::Digest;

use super::*;

const MANIFEST: (&str, &str) = ("function.json", r#"{"runtime": "node", "handler": "index.handler", "lfs": true}"#);

/// A request for Git LFS.
#[derive(Debug, Clone)]
struct Asked {
    target: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

/// What a server gives, and what it was asked for.
#[derive(Default)]
struct Shelves {
    /// By their hashes.
    contents: Mutex<HashMap<String, Vec<u8>>>,
    /// Where it says that all files are, in place of itself; `OID` is the hash.
    elsewhere: Mutex<Option<String>>,
    /// The answer to a batch, in place of the right one.
    batch: Mutex<Option<(u16, String)>>,
    /// The status of a file.
    status: Mutex<Option<u16>>,
    asked: Mutex<Vec<Asked>>,
}

impl Shelves {
    /// Keeps a content; returns its pointer.
    fn keep(&self, content: &[u8]) -> String {
        let oid = oid(content);
        let pointer = pointer(&oid, content.len());
        self.contents.lock().insert(oid, content.to_vec());
        pointer
    }

    fn answer(&self, host: &str, mut stream: TcpStream, access: Option<&str>) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let (method, target, headers) = git_http::head(&mut reader)?;
        let headers: HashMap<_, _> = headers.into_iter().collect();
        let mut body = vec![0; headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        let authorization = headers.get("authorization").cloned().unwrap_or_default();
        self.asked.lock().push(Asked { target: target.clone(), headers, body: body.clone() });
        let (status, content) = if method == "POST" {
            match (access.filter(|access| authorization != **access), self.batch.lock().clone()) {
                (Some(_), _) => (401, Vec::new()),
                (None, Some((status, text))) => (status, text.into_bytes()),
                (None, None) => (200, self.batch(host, &serde_json::from_slice(&body).ok()?).into_bytes()),
            }
        } else {
            let content = self.contents.lock().get(target.rsplit('/').next()?).cloned();
            match (content, *self.status.lock()) {
                (Some(content), status) => (status.unwrap_or(200), content),
                (None, _) => (404, Vec::new()),
            }
        };
        let head = format!(
            "HTTP/1.1 {status} x\r\nLocation: http://{host}/x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            content.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(&content).ok()
    }

    fn batch(&self, host: &str, question: &Value) -> String {
        assert_eq!((&question["operation"], &question["transfers"]), (&json!("download"), &json!(["basic"])));
        let objects = question["objects"].as_array().unwrap().iter().map(|object| {
            let oid = object["oid"].as_str().unwrap();
            let own = format!("http://{host}/repository.git/info/lfs/objects/{oid}");
            let href = self.elsewhere.lock().as_ref().map_or(own, |elsewhere| elsewhere.replace("OID", oid));
            match self.contents.lock().contains_key(oid) {
                true => json!({"oid": oid, "size": object["size"], "actions": {"download": {"href": href, "header": {"X-Key": "k3y"}}}}),
                false => json!({"oid": oid, "size": object["size"], "error": {"code": 404, "message": "no"}}),
            }
        });
        json!({"transfer": "basic", "objects": objects.collect::<Vec<_>>()}).to_string()
    }

    /// The hashes that it was asked for.
    fn wanted(&self) -> Vec<String> {
        let mut wanted = Vec::new();
        for asked in self.asked.lock().iter().filter(|asked| asked.target.ends_with("/objects/batch")) {
            let question: Value = serde_json::from_slice(&asked.body).unwrap();
            let objects = question["objects"].as_array().unwrap().iter();
            wanted.extend(objects.map(|object| object["oid"].as_str().unwrap().to_owned()));
        }
        wanted.sort();
        wanted
    }
}

fn oid(content: &[u8]) -> String {
    hex::encode(sha2::Sha256::digest(content))
}

fn pointer(oid: &str, size: usize) -> String {
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")
}

/// Serves the repositories below `root`, and what is on the shelves, at the address that it returns; with `access`, a
/// `user:token`, only to those who have it.
fn serve(root: &Path, shelves: &Arc<Shelves>, access: Option<&str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let (root, shelves, own) = (root.to_owned(), shelves.clone(), host.clone());
    let access = access.map(|access| format!("Basic {}", STANDARD.encode(access)));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (root, shelves, access, own) = (root.clone(), shelves.clone(), access.clone(), own.clone());
            std::thread::spawn(move || {
                let mut start = [0; 256];
                let is_lfs = loop {
                    let count = stream.peek(&mut start).unwrap_or(0);
                    let text = String::from_utf8_lossy(&start[..count]).into_owned();
                    if count == 0 || count == start.len() || text.contains('\n') {
                        break text
                            .lines()
                            .next()
                            .is_some_and(|line| line.contains("/info/lfs/") || line.contains("/files/"));
                    }
                };
                match is_lfs {
                    true => shelves.answer(&own, stream, access.as_deref()),
                    false => git_http::repository(stream, &root, access.as_deref()).map(|_| ()),
                }
            });
        }
    });
    host
}

/// A repository with a server.
struct Large {
    world: World,
    shelves: Arc<Shelves>,
    host: String,
}

impl Large {
    fn new() -> Self {
        Self::with(World::new(), None)
    }

    fn with(world: World, access: Option<&str>) -> Self {
        let shelves = Arc::<Shelves>::default();
        let host = serve(world.root.path(), &shelves, access);
        Self { world, shelves, host }
    }

    fn source(&self, path: Option<&str>) -> Source {
        let url = format!("http://{}/repository", self.host);
        Source::Git { url, git_ref: None, path: path.map(str::to_owned) }
    }
}

#[tokio::test]
async fn pointers_of_the_folder_are_replaced_by_what_they_point_to() {
    let large = Large::new();
    let (model, other) = (vec![7; 300_000], b"other".to_vec());
    let pointer = large.shelves.keep(&model);
    large.world.commit(&[
        ("hello/index.js", HANDLER.1),
        ("hello/function.json", MANIFEST.1),
        ("hello/models/a.bin", &pointer),
        ("hello/models/copy.bin", &pointer),
        ("hello/text.txt", &"x".repeat(pointer.len())),
        ("elsewhere/b.bin", &large.shelves.keep(&other)),
    ]);
    let (_, folder, lines) = large.world.made(large.source(Some("hello"))).await;
    for name in ["models/a.bin", "models/copy.bin"] {
        assert!(fs::read(folder.join(name)).unwrap() == model, "{name}\n{}", log(&lines));
    }
    assert_eq!(fs::read_to_string(folder.join("text.txt")).unwrap(), "x".repeat(pointer.len()));
    assert!(log(&lines).contains("Fetched 2 files of Git LFS"), "{}", log(&lines));
    assert_eq!(large.shelves.wanted(), [oid(&model)]);
}

#[tokio::test]
async fn without_the_setting_they_stay_and_the_log_says_how_to_fetch_them() {
    let large = Large::new();
    let pointer = large.shelves.keep(b"content");
    large.world.commit(&[HANDLER, ("a.bin", &pointer), ("text.txt", &"x".repeat(pointer.len()))]);
    let (_, folder, lines) = large.world.made(large.source(None)).await;
    assert_eq!(fs::read_to_string(folder.join("a.bin")).unwrap(), pointer);
    let hint = "Git LFS files stay pointers: `a.bin`; say \"lfs\": true in the manifest to fetch them";
    assert!(log(&lines).contains(hint), "{}", log(&lines));
    assert!(large.shelves.asked.lock().is_empty());
    // What is registered counts as well.
    let manifest = Some(domain::Json::parse(r#"{"lfs": true}"#).unwrap());
    let made = build(&large.world.builder, Order { manifest, ..order(large.source(None)) }).await.0.unwrap();
    let folder = large.world.builder.artifacts().get(made.made.digest()).await.unwrap().unwrap().path().to_owned();
    assert_eq!(fs::read_to_string(folder.join("a.bin")).unwrap(), "content");
    assert!(made.manifest.lfs);
}

#[tokio::test]
async fn what_is_not_as_the_pointer_says_is_refused_by_name() {
    type Harm = fn(&Shelves, &str);
    let harms: [(&str, Harm); 11] = [
        ("has another SHA-256", |shelves, oid| _ = shelves.contents.lock().insert(oid.into(), b"CONTENT".into())),
        ("not the 7 bytes", |shelves, oid| _ = shelves.contents.lock().insert(oid.into(), b"conten".into())),
        ("not the 7 bytes", |shelves, oid| _ = shelves.contents.lock().insert(oid.into(), vec![0; 5_000_000])),
        ("push it with `git lfs push", |shelves, oid| _ = shelves.contents.lock().remove(oid)),
        ("10.0.0.1 is not a public address", |shelves, _| {
            *shelves.elsewhere.lock() = Some("http://10.0.0.1/files/OID".into());
        }),
        ("169.254.169.254 is not a public address", |shelves, _| {
            *shelves.elsewhere.lock() = Some("http://169.254.169.254/files/OID".into());
        }),
        ("`file` is not offered", |shelves, _| *shelves.elsewhere.lock() = Some("file:///etc/passwd".into())),
        ("a user or a password", |shelves, _| {
            *shelves.elsewhere.lock() = Some("http://a:b@127.0.0.1/files/OID".into())
        }),
        ("has answered 302", |shelves, _| *shelves.status.lock() = Some(302)),
        ("does not mention it", |shelves, _| *shelves.batch.lock() = Some((200, r#"{"objects": []}"#.into()))),
        ("refuses it with code 403", |shelves, oid| {
            let answer = json!({"objects": [{"oid": oid, "error": {"code": 403, "message": "no"}}]});
            *shelves.batch.lock() = Some((200, answer.to_string()));
        }),
    ];
    let world = World::new();
    let (pointer, oid) = (pointer(&oid(b"content"), 7), oid(b"content"));
    world.commit(&[HANDLER, MANIFEST, ("models/a.bin", &pointer)]);
    for (why, harm) in harms {
        let shelves = Arc::<Shelves>::default();
        shelves.keep(b"content");
        harm(&shelves, &oid);
        let host = serve(world.root.path(), &shelves, None);
        let url = format!("http://{host}/repository");
        let text = world.refusal(Source::Git { url, git_ref: None, path: None }).await;
        assert!(text.contains("`models/a.bin` of http") && text.contains(why), "{why}: {text}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_refused() {
    let large = Large::new();
    large.world.commit(&[HANDLER, MANIFEST, ("a.bin", &large.shelves.keep(b"content"))]);
    let endless = format!("{{\"objects\": [], \"x\": \"{}\"}}", "x".repeat(3 << 20));
    for (status, answer, why) in [
        (200, "<html>", "is none of Git LFS's"),
        (200, r#"{"transfer": "tus", "objects": []}"#, "another transfer than `basic`"),
        (200, endless.as_str(), "is larger than 1 MiB"),
        (404, "", "has answered 404"),
        (302, "", "has answered 302"),
    ] {
        *large.shelves.batch.lock() = Some((status, answer.to_owned()));
        let text = large.world.refusal(large.source(None)).await;
        assert!(text.contains("the files of Git LFS of http") && text.contains(why), "{text}");
    }
}

#[tokio::test]
async fn files_that_are_too_large_together_are_refused_before_one_is_fetched() {
    let settings = Settings { max_source_bytes: 100_000, ..Settings::default() };
    let large = Large::with(World::with(settings), None);
    large.shelves.keep(b"content");
    let huge = [pointer(&oid(b"content"), 60_000), pointer(&oid(b"other"), 60_000)];
    large.world.commit(&[HANDLER, MANIFEST, ("a.bin", &huge[0]), ("b.bin", &huge[1])]);
    let text = large.world.refusal(large.source(None)).await;
    assert!(text.contains("are 117.2 KiB together") && text.contains("at most 97.7 KiB"), "{text}");
    // Nor does a number that is none confuse it.
    large.world.commit(&[("a.bin", &pointer(&oid(b"content"), usize::MAX))]);
    let text = large.world.refusal(large.source(None)).await;
    assert!(text.contains("at most 97.7 KiB"), "{text}");
    assert!(large.shelves.asked.lock().is_empty());
}

#[tokio::test]
async fn credentials_go_to_the_repositorys_own_server_alone() {
    let large = Large::with(World::new(), Some("user:t0ken"));
    large.world.commit(&[HANDLER, MANIFEST, ("a.bin", &large.shelves.keep(b"content"))]);
    let url = format!("http://user:t0ken@{}/repository", large.host);
    let source = || Source::Git { url: url.clone(), git_ref: None, path: None };
    let (_, _, lines) = large.world.made(source()).await;
    assert!(!log(&lines).contains("t0ken"), "{}", log(&lines));
    let basic = format!("Basic {}", STANDARD.encode("user:t0ken"));
    let asked = large.shelves.asked.lock().clone();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|asked| asked.headers["authorization"] == basic), "{asked:?}");
    assert_eq!(asked[1].headers["x-key"], "k3y");
    // Another server, and another path of the same one.
    let others = Arc::<Shelves>::default();
    others.keep(b"content");
    let host = serve(large.world.root.path(), &others, None);
    for (elsewhere, shelves) in
        [(format!("http://{host}/files/OID"), &others), (format!("http://{}/files/OID", large.host), &large.shelves)]
    {
        shelves.asked.lock().clear();
        *large.shelves.elsewhere.lock() = Some(elsewhere);
        large.world.made(source()).await;
        let asked = shelves.asked.lock().clone();
        let asked = asked.iter().find(|asked| asked.target.starts_with("/files/")).unwrap();
        assert_eq!((asked.headers.get("authorization"), &*asked.headers["x-key"]), (None, "k3y"));
    }
    // Who has none is informed.
    let url = format!("http://{}/repository", large.host);
    let text = large.world.refusal(Source::Git { url, git_ref: None, path: None }).await;
    assert!(text.contains("needs credentials"), "{text}");
}

#[tokio::test]
async fn another_place_that_gives_nothing_is_the_same_whether_it_is_closed_or_silent_or_gives_something_else() {
    let large =
        Large::with(World::with(Settings { git_timeout: Duration::from_secs(20), ..Settings::default() }), None);
    large.world.commit(&[HANDLER, MANIFEST, ("a.bin", &large.shelves.keep(b"content"))]);
    let others = Arc::<Shelves>::default();
    others.contents.lock().insert(oid(b"content"), b"CONTENT".to_vec());
    let open = serve(large.world.root.path(), &others, None);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hangs_up = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let mut texts = Vec::new();
    for href in [
        format!("http://{open}/files/OID"),
        format!("http://{open}/files/other"),
        format!("http://{closed}/files/OID"),
        format!("http://{hangs_up}/files/OID"),
        format!("https://{open}/files/OID"),
        "http://nobody.invalid/files/OID".to_owned(),
    ] {
        *large.shelves.elsewhere.lock() = Some(href);
        texts.push(large.world.refusal(large.source(None)).await);
    }
    assert!(texts[0].contains("`a.bin` of http") && texts[0].contains("or is not reached from here"), "{}", texts[0]);
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:#?}");
}

#[tokio::test]
async fn repositories_that_are_not_on_the_web_are_refused() {
    let large = Large::new();
    large.world.commit(&[HANDLER, MANIFEST, ("a.bin", &large.shelves.keep(b"content"))]);
    let text = large.world.refusal(large.world.source(None, None)).await;
    assert!(text.contains("`a.bin` of /") && text.contains("register the repository by its https address"), "{text}");
}

#[tokio::test]
async fn files_of_submodules_come_from_their_own_server() {
    let large = Large::new();
    let library = large.world.root.path().join("repository2");
    fs::create_dir(&library).unwrap();
    fs::write(library.join("a.bin"), large.shelves.keep(b"content")).unwrap();
    let shown = library.display().to_string();
    for arguments in [&["init", "--quiet"][..], &["add", "--all"], &["commit", "--quiet", "--message=library"]] {
        large.world.git(&[&["-C", &shown][..], arguments].concat());
    }
    let manifest = r#"{"runtime": "node", "handler": "index.handler", "lfs": true, "submodules": true}"#;
    large.world.commit(&[HANDLER, ("function.json", manifest)]);
    large.world.git(&["submodule", "--quiet", "add", &shown, "lib"]);
    large.world.git(&["config", "--file", ".gitmodules", "submodule.lib.url", "../repository2"]);
    large.world.commit(&[]);
    let (_, folder, lines) = large.world.made(large.source(None)).await;
    assert_eq!(fs::read_to_string(folder.join("lib/a.bin")).unwrap(), "content", "{}", log(&lines));
    let asked = large.shelves.asked.lock();
    assert!(asked[0].target.starts_with("/repository2.git/info/lfs/"), "{asked:?}");
}
