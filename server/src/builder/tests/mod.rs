//! Whole builds: real Git, real package managers where the test's name says so, tasks as plain processes otherwise.

mod disk;
mod git_http;
mod http;
mod lfs;
mod many;
mod partial;
mod sandboxed;
mod speed;
mod submodules;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::Id;
use domain::function::event::Source;
use domain::manifest::Runtime;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::testing::{Plain, executors};
use super::*;
use crate::executor::{Line, Stream};

/// A builder with a folder of its own, programs of its own, and a repository.
struct World {
    root: TempDir,
    builder: Builder,
    executor: Arc<Plain>,
}

/// Nothing in these tests takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

impl World {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        // The tests' servers are on this machine.
        let git_allow = crate::outbound::Outward::parse("127.0.0.0/8").unwrap();
        let settings = Settings { git_allow, ..settings };
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("bin")).unwrap();
        let executor = Plain::new(&root.path().join("bin"));
        let builder = Builder::new(executor.clone(), executors(), &root.path().join("data"), settings).unwrap();
        let world = Self { root, builder, executor };
        fs::create_dir(world.repository()).unwrap();
        world.git(&["init", "--quiet", "--initial-branch=main"]);
        world
    }

    fn repository(&self) -> PathBuf {
        self.root.path().join("repository")
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "protocol.file.allow=always"])
            .args(arguments)
            .current_dir(self.repository())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.repository().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Commits files and returns the commit's id.
    fn commit(&self, files: &[(&str, &str)]) -> String {
        files.iter().for_each(|(name, content)| self.write(name, content));
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// A program that tasks find before the host's.
    fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.root.path().join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn source(&self, git_ref: Option<&str>, path: Option<&str>) -> Source {
        Source::Git {
            url: self.repository().display().to_string(),
            git_ref: git_ref.map(str::to_owned),
            path: path.map(str::to_owned),
        }
    }

    async fn build(&self, source: Source) -> (Result<Built, Error>, Vec<Line>) {
        build(&self.builder, order(source)).await
    }

    async fn made(&self, source: Source) -> (Built, PathBuf, Vec<Line>) {
        let (result, lines) = self.build(source).await;
        let made = result.unwrap_or_else(|error| panic!("{error}\n{}", log(&lines)));
        let folder = self.builder.artifacts().get(made.made.digest()).await.unwrap().unwrap().path().to_owned();
        (made, folder, lines)
    }

    /// The build is refused, leaves nothing behind, and the text says why.
    async fn refusal(&self, source: Source) -> String {
        let (result, lines) = self.build(source).await;
        let error = result.expect_err("the build is refused");
        assert!(error.is_refused(), "{error}");
        assert!(log(&lines).contains(&format!("Build failed: {error}")), "{}", log(&lines));
        self.nothing_left().await;
        error.to_string()
    }

    /// No build's folder is there any more.
    async fn nothing_left(&self) {
        let builds = self.root.path().join("data/builds");
        let until = Instant::now() + PATIENCE;
        loop {
            let names: Vec<_> =
                walkdir::WalkDir::new(&builds).min_depth(2).max_depth(2).into_iter().flatten().collect();
            if names.iter().all(|entry| entry.file_name() == "lock") {
                return;
            }
            assert!(Instant::now() < until, "left behind: {names:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn order(source: Source) -> Order {
    let unique = uuid::Uuid::now_v7();
    Order {
        function: domain::function::id("default", "hello", 1),
        namespace: "default".into(),
        name: "hello".into(),
        build: Id::new(unique),
        source,
        credentials: None,
        manifest: None,
    }
}

async fn build(builder: &Builder, order: Order) -> (Result<Built, Error>, Vec<Line>) {
    let (sender, mut receiver) = mpsc::channel(16);
    let collect = async {
        let mut lines = Vec::new();
        while let Some(line) = receiver.recv().await {
            lines.push(line);
        }
        lines
    };
    tokio::join!(builder.build(order, sender), collect)
}

fn log(lines: &[Line]) -> String {
    lines.iter().map(|line| format!("{:?} {}\n", line.stream, line.text)).collect()
}

const HANDLER: (&str, &str) = ("index.js", "exports.handler = async () => 'hello';");

#[tokio::test]
async fn a_folder_of_a_local_repository_becomes_an_artifact() {
    let world = World::new();
    world.write("README.md", "not part of it");
    let commit = world.commit(&[
        ("functions/hello/index.js", HANDLER.1),
        ("functions/hello/lib/a.txt", "a"),
        (
            "functions/hello/function.json",
            r#"{"runtime": "node", "handler": "index.handler", "env": {"LEVEL": "info"}}"#,
        ),
    ]);
    let (made, folder, lines) = world.made(world.source(None, Some("functions/hello"))).await;
    assert_eq!(made.commit.as_deref(), Some(commit.as_str()));
    assert_eq!((made.manifest.runtime, made.manifest.handler.as_deref()), (Runtime::Node, Some("index.handler")));
    assert_eq!(made.manifest.env["LEVEL"], "info");
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["function.json", "index.js", "lib"]);
    assert_eq!(made.made.size(), Some(files::size(&folder)));
    assert_eq!(lines.last().unwrap().text, format!("Built {} ({} bytes)", made.made.digest(), files::size(&folder)));
    assert!(lines.iter().any(|line| line.stream == Stream::System && line.text.contains(&commit)), "{}", log(&lines));
    assert!(lines.iter().any(|line| line.text.starts_with("Its message: change (")), "{}", log(&lines));
    world.nothing_left().await;
}

/// The host's Node says that it is 20.20.2, and npm does what the script says.
fn with_node(world: &World, npm: &str) {
    world.program("node", "echo v20.20.2");
    world.program("npm", npm);
}

#[tokio::test]
async fn a_node_that_nobody_has_is_refused_and_one_that_is_too_old_is_reported() {
    let world = World::new();
    with_node(&world, "echo 'npm error code ETARGET'; exit 1");
    let package = |node: &str| format!(r#"{{"engines": {{"node": "{node}"}}}}"#);
    world.commit(&[HANDLER, ("package.json", &package(">=99"))]);
    let text = world.refusal(world.source(None, None)).await;
    let wanted = "package.json (`engines`) wants Node >=99, and there is v20.20.2 on this server; npm's registry has no such version";
    assert!(text.contains(wanted), "{text}");
    with_node(&world, "echo 'npm error network'; exit 1");
    let text = world.refusal(world.source(None, None)).await;
    assert!(
        text.contains("it could not be fetched from npm's registry; the end of its output: npm error network"),
        "{text}"
    );
    world.commit(&[("package.json", &package("14.x"))]);
    let (_, _, lines) = world.made(world.source(None, None)).await;
    assert!(log(&lines).contains("Nothing older than 18.17 is brought, so it runs on v20.20.2"), "{}", log(&lines));
    world.commit(&[("package.json", &package(">=18"))]);
    let (_, _, lines) = world.made(world.source(None, None)).await;
    assert!(!log(&lines).contains("wants Node"), "{}", log(&lines));
}

#[tokio::test]
async fn equal_content_has_an_equal_digest_whatever_the_commit() {
    let world = World::new();
    world.commit(&[HANDLER]);
    let first = world.made(world.source(None, None)).await.0;
    world.commit(&[]);
    let second = world.made(world.source(None, None)).await.0;
    world.commit(&[("other.txt", "x")]);
    let third = world.made(world.source(None, None)).await.0;
    assert_ne!(first.commit, second.commit);
    assert_eq!(first.made, second.made);
    assert_ne!(first.made, third.made);
}

#[tokio::test]
async fn branches_tags_and_commits_are_found_full_or_abbreviated() {
    let world = World::new();
    let first = world.commit(&[HANDLER]);
    world.git(&["tag", "-a", "v1", "--message=one"]);
    let second = world.commit(&[("second.txt", "2")]);
    world.git(&["checkout", "--quiet", "-b", "feature/x", &first]);
    let third = world.commit(&[("third.txt", "3")]);
    world.git(&["checkout", "--quiet", "main"]);
    let table = [
        (None, &second),
        (Some("main"), &second),
        (Some("refs/heads/main"), &second),
        (Some("feature/x"), &third),
        (Some("v1"), &first),
        (Some(first.as_str()), &first),
        (Some(&first[..9]), &first),
        (Some(&third[..7]), &third),
    ];
    for (git_ref, commit) in table {
        let made = world.made(world.source(git_ref, None)).await.0;
        assert_eq!(made.commit.as_ref(), Some(commit), "{git_ref:?}");
    }
    let url = format!("file://{}", world.repository().display());
    let made = world.made(Source::Git { url, git_ref: None, path: None }).await.0;
    assert_eq!(made.commit.as_ref(), Some(&second));
}

#[tokio::test]
async fn an_unknown_repository_ref_or_folder_is_named() {
    let world = World::new();
    let commit = world.commit(&[HANDLER, ("sub/index.js", HANDLER.1)]);
    let missing = world.root.path().join("missing").display().to_string();
    let empty = world.root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let at = |url: &str| Source::Git { url: url.into(), git_ref: None, path: None };
    let table = [
        (at(&missing), format!("there is no repository `{missing}`")),
        (at(&empty.display().to_string()), format!("cannot fetch {}: there is no such repository", empty.display())),
        (at("ext::sh -c true"), "cannot be a repository".into()),
        (at("--upload-pack=touch x"), "cannot be a repository".into()),
        (world.source(Some("nope"), None), "has no branch, tag or commit `nope`".into()),
        (world.source(Some("abcdef1"), None), "has no branch, tag or commit `abcdef1`".into()),
        (world.source(Some(&"a".repeat(40)), None), "has no branch, tag or commit `aaaa".into()),
        (world.source(Some("--upload-pack=x"), None), "cannot be a ref".into()),
        (
            world.source(None, Some("nope")),
            format!("there is no folder `nope` in {} at commit {}", world.repository().display(), &commit[..12]),
        ),
        (world.source(None, Some("index.js")), "is a file; name the folder that it is in".into()),
        (world.source(None, Some("../..")), "cannot be the folder".into()),
        (world.source(None, Some("--force")), "cannot be the folder".into()),
    ];
    for (source, part) in table {
        let text = world.refusal(source.clone()).await;
        assert!(text.contains(&part), "{source:?}: {text}");
    }
}

#[tokio::test]
async fn a_repository_without_a_commit_is_refused() {
    let world = World::new();
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("has no default branch with a commit"), "{text}");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named_and_its_token_is_not() {
    let world = World::new();
    // Nobody listens on a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("https://user:s3cret@127.0.0.1:{port}/a.git");
    let (result, lines) = world.build(Source::Git { url, git_ref: None, path: None }).await;
    let text = result.unwrap_err().to_string();
    assert!(text.contains("its server cannot be reached"), "{text}");
    assert!(!text.contains("s3cret") && !log(&lines).contains("s3cret"), "{text}\n{}", log(&lines));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let world = World::with(Settings { git_timeout: Duration::from_millis(300), ..Settings::default() });
    // Accepts by its backlog, and says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a.git", listener.local_addr().unwrap());
    let text = world.refusal(Source::Git { url, git_ref: None, path: None }).await;
    // In time and out of it, it is the same to whoever asks.
    assert!(text.contains("its server cannot be reached"), "{text}");
}

#[tokio::test]
async fn hooks_and_settings_of_the_repository_do_nothing() {
    let world = World::new();
    world.commit(&[HANDLER, (".gitattributes", "* filter=evil\n")]);
    let trace = world.root.path().join("trace");
    for hook in ["post-checkout", "pre-upload-pack", "post-upload-pack", "reference-transaction"] {
        let path = world.repository().join(".git/hooks").join(hook);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\ntouch {}\n", trace.display())).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    world.git(&["config", "uploadpack.packObjectsHook", &format!("touch {}; exit 1; :", trace.display())]);
    world.git(&["config", "filter.evil.smudge", &format!("touch {}; cat", trace.display())]);
    world.git(&["config", "core.fsmonitor", &format!("touch {}", trace.display())]);
    world.made(world.source(None, None)).await;
    assert!(!trace.exists());
}

#[tokio::test]
async fn submodules_are_not_followed_and_the_log_says_so() {
    let world = World::new();
    world.commit(&[HANDLER]);
    let own = world.repository().display().to_string();
    world.git(&["submodule", "--quiet", "add", &own, "sub"]);
    world.commit(&[]);
    let (_, folder, lines) = world.made(world.source(None, None)).await;
    assert_eq!(fs::read_dir(folder.join("sub")).unwrap().count(), 0);
    assert!(log(&lines).contains("submodules: they are not followed"), "{}", log(&lines));
}

#[tokio::test]
async fn a_link_that_leaves_the_folder_is_refused() {
    let world = World::new();
    std::os::unix::fs::symlink("/etc/passwd", world.repository().join("secrets.txt")).unwrap();
    world.commit(&[HANDLER]);
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("secrets.txt is a link to /etc/passwd"), "{text}");
}

/// It could make them many times as large.
#[tokio::test]
async fn files_are_as_they_were_committed_whatever_the_repository_says_of_them() {
    let world = World::new();
    let text = "$Id$\r\nline\n".repeat(100);
    world.commit(&[HANDLER, ("data.txt", &text)]);
    // The file itself is not looked at again: Git would not take it by them.
    world.write(".gitattributes", "*.txt text ident eol=crlf working-tree-encoding=UTF-32\n");
    world.git(&["add", ".gitattributes"]);
    world.git(&["commit", "--quiet", "--message=attributes"]);
    let (_, folder, _) = world.made(world.source(None, None)).await;
    assert_eq!(fs::read_to_string(folder.join("data.txt")).unwrap(), text);
}

#[tokio::test]
async fn a_function_json_that_is_a_link_is_not_read() {
    let world = World::new();
    std::os::unix::fs::symlink("/etc/passwd", world.repository().join("function.json")).unwrap();
    world.commit(&[HANDLER]);
    let text = world.refusal(world.source(None, None)).await;
    assert_eq!(text, "function.json is a link; it must be a file of its own");
}

#[tokio::test]
async fn a_source_that_is_too_large_or_too_many_is_refused() {
    let world = World::with(Settings { max_source_bytes: 10_000, max_files: 5, ..Settings::default() });
    world.commit(&[HANDLER, ("large.txt", &"x".repeat(20_000))]);
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("at most 9.8 KiB are allowed"), "{text}");
    fs::remove_file(world.repository().join("large.txt")).unwrap();
    world.commit(&[("1", ""), ("2", ""), ("3", ""), ("4", ""), ("5", "")]);
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("more than 5 files"), "{text}");
}

#[tokio::test]
async fn all_faults_of_a_function_json_are_in_the_error() {
    let world = World::new();
    world.commit(&[HANDLER, ("function.json", r#"{"runtime": "ruby", "scaling": {"max": 0}, "secrets": [1]}"#)]);
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.starts_with("function.json does not fit: /runtime: \"ruby\" must be one of"), "{text}");
    assert!(
        text.contains("/scaling/max: 0 must be 1 or more") && text.contains("/secrets/0: 1 must be a text"),
        "{text}"
    );
}

#[tokio::test]
async fn the_orders_manifest_beats_the_file() {
    let world = World::new();
    world.commit(&[("other.js", HANDLER.1), ("function.json", "this is no JSON")]);
    let mut order = order(world.source(None, None));
    order.manifest = Some(domain::Json::parse(r#"{"runtime": "node", "handler": "other.handler"}"#).unwrap());
    let made = build(&world.builder, order.clone()).await.0.unwrap();
    assert_eq!(made.manifest.handler.as_deref(), Some("other.handler"));
    order.manifest = Some(domain::Json::parse(r#"{"runtime": 1}"#).unwrap());
    let text = build(&world.builder, order).await.0.unwrap_err().to_string();
    assert!(text.starts_with("the manifest given at registration does not fit: /runtime"), "{text}");
}

#[tokio::test]
async fn an_order_that_names_no_runtime_changes_the_functions_own_manifest() {
    let world = World::new();
    let own = r#"{"runtime": "node", "env": {"A": "b"}, "scaling": {"max": 9, "idle_s": 7}}"#;
    world.commit(&[HANDLER, ("function.json", own)]);
    let mut order = order(world.source(None, None));
    order.manifest = Some(domain::Json::parse(r#"{"scaling": {"min": 2, "max": 2}}"#).unwrap());
    let made = build(&world.builder, order.clone()).await.0.unwrap().manifest;
    assert_eq!((made.scaling.min, made.scaling.max, made.scaling.idle_s), (2, 2, 7));
    assert_eq!((made.runtime, made.env["A"].as_str()), (Runtime::Node, "b"));
    // What is changed must fit, too.
    order.manifest = Some(domain::Json::parse(r#"{"scaling": {"min": 3, "max": 2}}"#).unwrap());
    let text = build(&world.builder, order.clone()).await.0.unwrap_err().to_string();
    assert!(text.contains("function.json with what was registered") && text.contains("/scaling"), "{text}");
    // Without a file, it changes what was guessed.
    let world = World::new();
    world.commit(&[HANDLER]);
    order.source = world.source(None, None);
    order.manifest = Some(domain::Json::parse(r#"{"scaling": {"min": 2, "max": 2}}"#).unwrap());
    let made = build(&world.builder, order).await.0.unwrap().manifest;
    assert_eq!((made.scaling.min, made.runtime, made.handler.is_some()), (2, Runtime::Node, true));
}

#[tokio::test]
async fn what_the_sandbox_cannot_run_is_refused_with_what_would() {
    let world = World::new();
    world.commit(&[("Dockerfile", "FROM scratch")]);
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("another runtime in function.json"), "{text}");
    let text = world.refusal(Source::Image { image: "nginx".into(), command: None }).await;
    assert!(text.contains("`nginx`") && text.contains("a Git repository or a bundle"), "{text}");
}

#[tokio::test]
async fn a_missing_handler_is_refused() {
    let world = World::new();
    world.commit(&[("package.json", r#"{"main": "start.js"}"#)]);
    let text = world.refusal(world.source(None, None)).await;
    assert!(
        text.contains("the handler `start.handler` needs one of these files, and there is none: start.js"),
        "{text}"
    );
}

#[tokio::test]
async fn a_bundle_becomes_an_artifact() {
    let world = World::new();
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(HANDLER.1.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, "hello/index.js", HANDLER.1.as_bytes()).unwrap();
    let archive = Bytes::from(builder.into_inner().unwrap().finish().unwrap());
    let upload = futures::stream::iter([Ok::<_, std::io::Error>(archive)]);
    let digest = world.builder.artifacts().put_bundle(upload).await.unwrap();
    let (made, folder, lines) = world.made(Source::Bundle { digest }).await;
    assert_eq!(made.commit, None);
    assert!(folder.join("index.js").is_file());
    assert!(log(&lines).contains("this looks like node"), "{}", log(&lines));
    let text = world.refusal(Source::Bundle { digest: format!("sha256:{}", "0".repeat(64)) }).await;
    assert!(text.contains("there is no bundle") && text.contains("POST /v1/bundles"), "{text}");
}

const PACKAGE: (&str, &str) = ("package.json", r#"{"dependencies": {"a": "1.0.0"}}"#);
const LOCK: (&str, &str) = ("package-lock.json", r#"{"lockfileVersion": 3}"#);
const NPM: &str = r#"echo "npm $*"; env | sort > env.txt; mkdir -p node_modules/a; echo 1 > node_modules/a/index.js"#;

#[tokio::test]
async fn npm_ci_runs_with_a_lock_file_and_the_second_build_is_restored_from_the_cache() {
    let world = World::new();
    world.program("npm", NPM);
    world.commit(&[HANDLER, PACKAGE, LOCK]);
    let (_, folder, lines) = world.made(world.source(None, None)).await;
    assert!(log(&lines).contains("Stdout npm ci --omit=dev"), "{}", log(&lines));
    assert!(folder.join("node_modules/a/index.js").is_file());
    world.commit(&[("more.txt", "x")]);
    let (_, folder, lines) = world.made(world.source(None, None)).await;
    assert!(
        log(&lines).contains("Restored node_modules from the cache") && !log(&lines).contains("npm ci"),
        "{}",
        log(&lines)
    );
    assert!(folder.join("node_modules/a/index.js").is_file());
    world.commit(&[("package-lock.json", r#"{"lockfileVersion": 2}"#)]);
    let (_, _, lines) = world.made(world.source(None, None)).await;
    assert!(log(&lines).contains("npm ci"), "{}", log(&lines));
}

#[tokio::test]
async fn prismas_client_is_made_between_the_installation_and_the_build() {
    let world = World::new();
    let prisma = "mkdir -p node_modules/.bin; printf '#!/bin/sh\\necho generated $*\\n' > node_modules/.bin/prisma; chmod +x node_modules/.bin/prisma";
    world.program("npm", &format!("echo \"npm $*\"; {prisma}"));
    let package = r#"{"dependencies": {"@prisma/client": "6.0.0"}, "devDependencies": {"prisma": "6.0.0"}, "scripts": {"build": "tsc"}}"#;
    world.commit(&[HANDLER, ("package.json", package), ("prisma/schema.prisma", "")]);
    let text = log(&world.made(world.source(None, None)).await.2);
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is not in {text}"));
    assert!(at("npm install") < at("generated generate") && at("generated generate") < at("npm run build"), "{text}");
    assert!(
        at("npm run build") < at("npm prune") && !text.contains("npm install --no-package-lock --omit=dev"),
        "{text}"
    );
    world.program("npm", "mkdir -p node_modules/.bin; printf '#!/bin/sh\\necho request to https://binaries.prisma.sh/x failed; exit 1\\n' > node_modules/.bin/prisma; chmod +x node_modules/.bin/prisma");
    let text = world.refusal(world.source(None, None)).await;
    assert!(
        text.contains("Prisma fetches its engines from binaries.prisma.sh") && text.contains("PRISMA_ENGINES_MIRROR"),
        "{text}"
    );
}

#[tokio::test]
async fn without_a_lock_file_npm_installs_and_warns_and_without_dependencies_it_does_not_run() {
    let world = World::new();
    world.program("npm", NPM);
    world.commit(&[HANDLER, PACKAGE]);
    let log_of = |lines: Vec<Line>| log(&lines);
    let text = log_of(world.made(world.source(None, None)).await.2);
    assert!(
        text.contains("npm install --no-package-lock --omit=dev") && text.contains("There is no package-lock.json"),
        "{text}"
    );
    let text = log_of(world.made(world.source(None, None)).await.2);
    assert!(!text.contains("from the cache"), "{text}");
    world.commit(&[("package.json", r#"{"devDependencies": {"a": "1"}}"#)]);
    let text = log_of(world.made(world.source(None, None)).await.2);
    assert!(!text.contains("npm"), "{text}");
}

#[tokio::test]
async fn the_package_manager_of_the_lock_file_installs() {
    for (files, expected) in [
        (
            ("yarn.lock", "# yarn lockfile v1\n"),
            "npm exec --yes --no-update-notifier --package yarn@1.22.22 -- yarn install",
        ),
        (("yarn.lock", "__metadata:\n"), "-- yarn workspaces focus --production"),
        (("pnpm-lock.yaml", "lockfileVersion: '9.0'\n"), "-- pnpm install --frozen-lockfile"),
        (("bun.lock", "{}"), "-- bun install --frozen-lockfile"),
    ] {
        let world = World::new();
        world.program("npm", NPM);
        world.commit(&[HANDLER, PACKAGE, files]);
        let text = log(&world.made(world.source(None, None)).await.2);
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let world = World::new();
    world.commit(&[HANDLER, ("package.json", r#"{"packageManager": "vlt@1.0.0", "dependencies": {"a": "1"}}"#)]);
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("the package manager `vlt`, which is not supported"), "{text}");
}

#[tokio::test]
async fn a_python_that_is_too_old_is_refused_with_what_there_is() {
    let world = World::new();
    world.program("python3", "echo 3.11.7");
    let project = "[project]\nname = 'x'\nrequires-python = '>=3.13'\ndependencies = ['six']\n";
    world.commit(&[("main.py", "def handler(event, context): pass"), ("pyproject.toml", project)]);
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("wants Python >=3.13") && text.contains("3.11.7"), "{text}");
}

#[tokio::test]
async fn a_function_json_without_a_runtime_changes_what_is_found_out() {
    let world = World::new();
    let express = r#"{"scripts": {"start": "node server.js"}, "devDependencies": {"express": "5"}}"#;
    world.commit(&[("package.json", express), ("server.js", ""), ("function.json", r#"{"env": {"A": "b"}}"#)]);
    let made = world.made(world.source(None, None)).await.0.manifest;
    let command = ["node".to_owned(), "server.js".to_owned()];
    assert_eq!(
        (made.runtime, made.command.as_deref(), made.env["A"].as_str()),
        (Runtime::Command, Some(&command[..]), "b")
    );
    // A command in the manifest is how it is started, and no handler stays.
    world.commit(&[("function.json", r#"{"command": ["node", "other.js"]}"#)]);
    let made = world.made(world.source(None, None)).await.0.manifest;
    assert_eq!((made.runtime, made.command.unwrap()[1].as_str()), (Runtime::Command, "other.js"));
    // Of several handlers, the one that was named.
    let world = World::new();
    let several = "functions:\n  a:\n    handler: a.run\n  b:\n    handler: b.run\n";
    world.commit(&[("serverless.yml", several), ("a.js", "exports.run = 1"), ("b.js", "exports.run = 1")]);
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("\"handler\": \"b.run\", \"adapter\": \"aws-lambda\""), "{text}");
    world.commit(&[("function.json", r#"{"handler": "b.run"}"#)]);
    let made = world.made(world.source(None, None)).await.0.manifest;
    assert_eq!((made.handler.as_deref(), made.adapter), (Some("b.run"), Some(domain::manifest::Adapter::AwsLambda)));
}

#[tokio::test]
async fn a_build_script_gets_what_is_for_development_and_it_goes_afterwards() {
    let world = World::new();
    world.program("npm", r#"echo "npm $*"; [ "$1" != run ] || { mkdir -p dist; echo > dist/index.js; }"#);
    let package = r#"{"main": "dist/index.js", "scripts": {"build": "tsc"}, "devDependencies": {"typescript": "5"}}"#;
    world.commit(&[("package.json", package), LOCK]);
    let (_, folder, lines) = world.made(world.source(None, None)).await;
    let commands: Vec<_> =
        lines.iter().filter(|line| line.text.starts_with("$ ")).map(|line| line.text.as_str()).collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    assert!(commands[0].starts_with("$ npm ci") && !commands[0].contains("omit"), "{commands:?}");
    assert!(
        commands[1].starts_with("$ npm run build") && commands[2].starts_with("$ npm prune --omit=dev"),
        "{commands:?}"
    );
    assert!(folder.join("dist/index.js").is_file());
}

#[tokio::test]
async fn a_function_that_installs_by_its_own_scripts_is_not_cached() {
    let world = World::new();
    world.program("npm", NPM);
    world.commit(&[
        HANDLER,
        LOCK,
        ("package.json", r#"{"dependencies": {"a": "1"}, "scripts": {"postinstall": "node x.js"}}"#),
    ]);
    for _ in 0..2 {
        let (_, _, lines) = world.made(world.source(None, None)).await;
        assert!(log(&lines).contains("Stdout npm ci"), "{}", log(&lines));
    }
}

#[tokio::test]
async fn a_task_sees_nothing_of_the_servers_environment() {
    let world = World::with(Settings {
        install_env: [("npm_config_registry".to_owned(), "https://npm.example.com".to_owned())].into(),
        ..Settings::default()
    });
    world.program("npm", NPM);
    world.commit(&[HANDLER, PACKAGE]);
    let (_, folder, _) = world.made(world.source(None, None)).await;
    let env = fs::read_to_string(folder.join("env.txt")).unwrap();
    let allowed = [
        "PATH",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
        "npm_config_cache",
        "npm_config_registry",
        "PIP_CACHE_DIR",
        "XDG_DATA_HOME",
        "YARN_CACHE_FOLDER",
        "YARN_GLOBAL_FOLDER",
        "BUN_INSTALL_CACHE_DIR",
        "GOCACHE",
        "GOMODCACHE",
    ];
    let certificates =
        ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
    for (name, value) in env.lines().filter_map(|line| line.split_once('=')) {
        assert!(
            allowed.contains(&name) || certificates.contains(&name) && value.starts_with("/etc/ssl"),
            "{name}={value}"
        );
    }
    assert!(env.contains("npm_config_registry=https://npm.example.com"), "{env}");
}

#[tokio::test]
async fn an_installation_that_fails_is_named_with_its_last_words() {
    let world = World::new();
    world.program("npm", "echo 'npm error 404 no such package' >&2; exit 1");
    world.commit(&[HANDLER, PACKAGE, LOCK]);
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("`npm ci") && text.contains("exit code 1") && text.contains("404 no such package"), "{text}");
}

#[tokio::test]
async fn an_installation_that_hangs_is_ended() {
    let world = World::with(Settings { install_timeout: Duration::from_millis(300), ..Settings::default() });
    world.program("npm", "exec sleep 1000");
    world.commit(&[HANDLER, PACKAGE]);
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("did not end in time: all that is installed may take 0.3 s together"), "{text}");
}

#[tokio::test]
async fn an_installation_that_prints_without_end_is_cut_in_the_log_and_goes_on() {
    let world = World::with(Settings { max_log_bytes: 100_000, ..Settings::default() });
    world.program("npm", "yes 'a line that says nothing at all' | head -c 20000000; echo the end");
    world.commit(&[HANDLER, PACKAGE]);
    let (_, _, lines) = world.made(world.source(None, None)).await;
    let size: usize = lines.iter().filter(|line| line.stream != Stream::System).map(|line| line.text.len() + 1).sum();
    assert!((90_000..=100_000).contains(&size), "{size}");
    let notices = lines.iter().filter(|line| line.text.contains("the rest is left out, the build goes on")).count();
    assert_eq!(notices, 1);
    assert!(lines.last().unwrap().text.starts_with("Built sha256:"));
}

#[tokio::test]
async fn an_installation_that_fills_the_disk_is_ended() {
    let world = World::with(Settings { max_disk_bytes: 1_000_000, ..Settings::default() });
    world.program("npm", "head -c 3000000 /dev/zero > large; exec sleep 1000");
    world.commit(&[HANDLER, PACKAGE]);
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("EVENTFLOW_MAX_BUILD_DISK"), "{text}");
    world.program("npm", "head -c 3000000 /dev/zero > large");
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("EVENTFLOW_MAX_BUILD_DISK"), "{text}");
    let world = World::with(Settings { max_artifact_bytes: 1_000_000, ..Settings::default() });
    world.program("npm", "head -c 3000000 /dev/zero > large");
    world.commit(&[HANDLER, PACKAGE]);
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("more than 976.6 KiB with what it depends on"), "{text}");
}

#[tokio::test]
async fn a_full_disk_is_this_hosts_fault() {
    let world = World::new();
    world.program("npm", "echo 'npm error code ENOSPC' >&2; exit 228");
    world.commit(&[HANDLER, PACKAGE]);
    let (result, _) = world.build(world.source(None, None)).await;
    let error = result.unwrap_err();
    assert!(!error.is_refused());
    assert!(error.to_string().contains("Free some space"), "{error}");
    world.nothing_left().await;
}

#[tokio::test]
async fn a_question_about_the_host_is_not_answered_by_the_repository_or_without_end() {
    let world = World::new();
    let shadow = "import sys\nprint('shadowed', flush=True)\nsys.exit(1)\n";
    world.commit(&[
        ("main.py", "def handler(event, context): pass"),
        ("requirements.txt", "six==1.16.0\n"),
        ("platform.py", shadow),
        ("pip.py", shadow),
        ("compileall.py", shadow),
    ]);
    // With a registry it succeeds; without one, it is pip that fails.
    let (_, lines) = world.build(world.source(None, None)).await;
    assert!(!log(&lines).contains("shadowed"), "{}", log(&lines));
    assert!(log(&lines).contains("-m pip install"), "{}", log(&lines));
    // What was answered is known for a while, to this server.
    let world = World::new();
    world.commit(&[("main.py", "def handler(event, context): pass"), ("requirements.txt", "six==1.16.0\n")]);
    world.program("python3", "exec yes");
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("prints more than 4096 bytes"), "{text}");
}

#[tokio::test]
async fn requirements_are_installed_into_the_function_and_pinned_ones_are_cached() {
    let world = World::new();
    world.program(
        "python3",
        r#"case "$2" in -c) echo 3.11;; -m) echo "$*"; [ "$3" != pip ] || { mkdir -p .python; echo x > .python/six.py; };; esac"#,
    );
    world.commit(&[("main.py", "def handler(event, context): pass"), ("requirements.txt", "six==1.16.0\n")]);
    let (made, folder, lines) = world.made(world.source(None, None)).await;
    assert_eq!(made.manifest.handler.as_deref(), Some("main.handler"));
    assert!(log(&lines).contains("pip install --requirement requirements.txt --target .python"), "{}", log(&lines));
    assert!(folder.join(".python/six.py").is_file());
    let again = world.made(world.source(None, None)).await;
    assert!(log(&again.2).contains("Restored .python from the cache"), "{}", log(&again.2));
    assert_eq!(again.0.made, made.made);
    world.commit(&[("requirements.txt", "# nothing\n")]);
    let (_, _, lines) = world.made(world.source(None, None)).await;
    assert!(!log(&lines).contains("pip"), "{}", log(&lines));
}

#[tokio::test]
async fn only_so_many_builds_run_at_once() {
    let world = World::with(Settings { parallel: 2, ..Settings::default() });
    world.program("npm", "sleep 0.2");
    world.commit(&[HANDLER, PACKAGE]);
    let builds = (0..6).map(|_| world.build(world.source(None, None)));
    let results = futures::future::join_all(builds).await;
    let waited = results.iter().filter(|(_, lines)| log(lines).contains("Waiting for another build")).count();
    assert!(results.iter().all(|(result, _)| result.is_ok()));
    assert_eq!(waited, 4);
    assert_eq!(world.executor.most.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_build_that_is_dropped_ends_all_that_it_started() {
    let world = World::new();
    let pid_file = world.root.path().join("pid");
    let shown = pid_file.display();
    world.program("npm", &format!("echo $$ > {shown}.new; mv {shown}.new {shown}; exec sleep 1000"));
    world.commit(&[HANDLER, PACKAGE]);
    let until = Instant::now() + PATIENCE;
    tokio::select! {
        ended = world.build(world.source(None, None)) => panic!("{:?}", ended.0),
        () = async {
            while !pid_file.exists() {
                assert!(Instant::now() < until, "npm never ran");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        } => {}
    }
    let pid = fs::read_to_string(&pid_file).unwrap().trim().to_owned();
    let alive = || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while alive() {
        assert!(Instant::now() < until, "npm lives on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.nothing_left().await;
    world.program("npm", "exit 0");
    world.made(world.source(None, None)).await;
}

#[tokio::test]
async fn a_reader_who_is_gone_does_not_stop_the_build() {
    let world = World::new();
    world.commit(&[HANDLER]);
    let (sender, receiver) = mpsc::channel(1);
    drop(receiver);
    world.builder.build(order(world.source(None, None)), sender).await.unwrap();
}

#[tokio::test]
async fn what_a_killed_server_left_is_removed_and_what_a_living_one_builds_is_not() {
    let world = World::new();
    let data = world.root.path().join("data");
    let dead = data.join("builds/dead");
    fs::create_dir_all(dead.join("some/build")).unwrap();
    fs::write(dead.join("lock"), "").unwrap();
    let living: Vec<_> = fs::read_dir(data.join("builds"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| *path != dead)
        .collect();
    let _second = Builder::new(world.executor.clone(), executors(), &data, Settings::default()).unwrap();
    assert!(!dead.exists());
    assert!(living.iter().all(|path| path.exists()) && !living.is_empty());
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_written_is_this_hosts_fault() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Builder::new(Plain::new(Path::new("/")), executors(), &file, Settings::default()).err().unwrap();
    assert!(!error.is_refused(), "{error}");
}
