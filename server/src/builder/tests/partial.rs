//! Of a large repository a build takes its folder, and the next build what has changed.

use std::sync::atomic::{AtomicU64, Ordering};

use super::http::serve_counted;
use super::*;

/// Bytes that say nothing of each other.
fn noise(seed: u64, bytes: usize) -> String {
    let words = (0..).map(|number: u64| uuid::Uuid::new_v5(&uuid::Uuid::from_u64_pair(seed, 0), &number.to_be_bytes()));
    let mut text: String = words.take(bytes / 32 + 1).map(|word| word.simple().to_string()).collect();
    text.truncate(bytes);
    text
}

/// A repository with a small function in it, and much else.
struct Large {
    world: World,
    host: String,
    sent: Arc<AtomicU64>,
}

const PATH: &str = "functions/hello";
const REST: usize = 2_000_000;

impl Large {
    fn new() -> Self {
        let world = World::new();
        world.git(&["config", "uploadpack.allowFilter", "true"]);
        for number in 0..4 {
            world.write(&format!("other/{number}.txt"), &noise(number, REST / 4));
        }
        world.commit(&[("functions/hello/index.js", HANDLER.1), ("functions/hello/data.txt", &noise(9, 40_000))]);
        let (host, sent) = serve_counted(world.root.path(), None);
        Self { world, host, sent }
    }

    fn source(&self, git_ref: Option<&str>) -> Source {
        let url = format!("http://{}/repository", self.host);
        Source::Git { url, git_ref: git_ref.map(str::to_owned), path: Some(PATH.to_owned()) }
    }

    /// Builds; returns what the server has sent for it.
    async fn built(&self, order: Order) -> (Built, String, u64) {
        let before = self.sent.load(Ordering::SeqCst);
        let (made, lines) = build(&self.world.builder, order).await;
        let made = made.unwrap_or_else(|error| panic!("{error}\n{}", log(&lines)));
        (made, log(&lines), self.sent.load(Ordering::SeqCst) - before)
    }

    /// Where what was fetched for the function is kept.
    fn kept(&self) -> PathBuf {
        let id = order(self.source(None)).function.to_string();
        self.world.root.path().join("data/cache/_functions").join(id).join("git")
    }
}

const BORROWED: &str = "the rest is from earlier builds";

#[tokio::test]
async fn only_the_folder_is_fetched_and_the_next_time_only_what_has_changed() {
    let large = Large::new();
    let (_, first_log, first) = large.built(order(large.source(None))).await;
    assert!(first > 20_000 && first < 100_000, "{first} bytes\n{first_log}");
    assert!(first_log.contains("SYSTEM Fetched") || first_log.contains("System Fetched"), "{first_log}");
    large.world.commit(&[("functions/hello/index.js", "exports.handler = async () => 'changed';")]);
    large.world.commit(&[("other/0.txt", "less")]);
    let (made, log, second) = large.built(order(large.source(None))).await;
    assert!(log.contains(BORROWED), "{log}");
    assert!(second < 10_000, "{second} bytes\n{log}");
    let folder = large.world.builder.artifacts().get(made.made.digest()).await.unwrap().unwrap().path().to_owned();
    assert!(fs::read_to_string(folder.join("index.js")).unwrap().contains("changed"));
    assert_eq!(fs::read_to_string(folder.join("data.txt")).unwrap(), noise(9, 40_000));
    // A build of the same commit, and one of an older one, find everything there.
    for git_ref in ["main", "main~2"] {
        let id = large.world.git(&["rev-parse", git_ref]);
        let (made, log, third) = large.built(order(large.source(Some(&id)))).await;
        assert_eq!(made.commit, Some(id));
        assert!(third < 10_000 && log.contains(BORROWED), "{third} bytes\n{log}");
    }
}

#[tokio::test]
async fn a_fetch_is_two_tasks_since_each_start_of_a_sandbox_takes_longer_than_what_is_done_in_it() {
    let large = Large::new();
    let fetches = || large.world.executor.fetches.swap(0, Ordering::SeqCst);
    large.built(order(large.source(None))).await;
    assert_eq!(fetches(), 2);
    large.world.commit(&[("functions/hello/index.js", "exports.handler = async () => 'changed';")]);
    large.built(order(large.source(None))).await;
    assert_eq!(fetches(), 2);
}

#[tokio::test]
async fn what_was_fetched_is_kept_for_one_function_and_one_address() {
    let large = Large::new();
    large.built(order(large.source(None))).await;
    let other = Order { function: domain::function::id("default", "other", 1), ..order(large.source(None)) };
    let (_, log, bytes) = large.built(other).await;
    assert!(!log.contains(BORROWED) && bytes > 20_000, "{bytes} bytes\n{log}");
    let Source::Git { url, git_ref, path } = large.source(None) else { unreachable!() };
    let elsewhere = Source::Git { url: format!("{url}/"), git_ref, path };
    let (_, log, bytes) = large.built(order(elsewhere)).await;
    assert!(!log.contains(BORROWED) && bytes > 20_000, "{bytes} bytes\n{log}");
}

#[tokio::test]
async fn what_is_broken_is_fetched_again() {
    let large = Large::new();
    let (expected, ..) = large.built(order(large.source(None))).await;
    let packs = large.kept().join("objects/pack");
    for pack in fs::read_dir(packs).unwrap().flatten().filter(|entry| entry.path().extension() == Some("pack".as_ref()))
    {
        fs::set_permissions(pack.path(), fs::Permissions::from_mode(0o644)).unwrap();
        let mut bytes = fs::read(pack.path()).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(pack.path(), bytes).unwrap();
    }
    let (made, log, bytes) = large.built(order(large.source(None))).await;
    assert!(!log.contains(BORROWED) && bytes > 20_000, "{bytes} bytes\n{log}");
    assert_eq!(made.made, expected.made);
    let (_, log, _) = large.built(order(large.source(None))).await;
    assert!(log.contains(BORROWED), "{log}");
}

#[tokio::test]
async fn a_commit_of_which_too_little_was_kept_is_fetched_again() {
    let large = Large::new();
    let first = large.world.git(&["rev-parse", "HEAD"]);
    large.built(order(large.source(None))).await;
    let second =
        large.world.commit(&[("functions/hello/new/deep/file.txt", &noise(7, 5_000)), ("other/1.txt", "less")]);
    // As if a server had sent a commit, and none of its folders: what is kept is whole, and not enough.
    let packs = large.kept().join("objects/pack");
    let pack = format!("echo {second} | git pack-objects --quiet {}/pack", packs.display());
    let id = Command::new("sh").args(["-c", &pack]).current_dir(large.world.repository()).output().unwrap().stdout;
    let id = String::from_utf8(id).unwrap().trim().to_owned();
    let record = large.kept().join("record");
    let mut known: serde_json::Value = serde_json::from_str(&fs::read_to_string(&record).unwrap()).unwrap();
    for name in ["pack", "idx"].map(|ending| format!("pack-{id}.{ending}")) {
        let content = fs::read(packs.join(&name)).unwrap();
        let sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&content));
        known["files"][name] = serde_json::json!({ "bytes": content.len(), "sha256": sha256 });
    }
    known["commits"] = serde_json::json!([first, second]);
    fs::write(&record, known.to_string()).unwrap();
    let (made, log, _) = large.built(order(large.source(None))).await;
    assert_eq!(made.commit, Some(second));
    assert!(log.contains("is of no use: fetching all again"), "{log}");
    let (again, log, _) = large.built(order(large.source(None))).await;
    assert!(log.contains(BORROWED), "{log}");
    assert_eq!(again.made, made.made);
}

#[tokio::test]
async fn servers_that_cannot_leave_anything_out_are_fetched_from_too() {
    let large = Large::new();
    large.world.git(&["config", "uploadpack.allowFilter", "false"]);
    let (_, log, bytes) = large.built(order(large.source(None))).await;
    assert!(log.contains("knows no partial clones: it has sent the whole commit"), "{log}");
    assert!(bytes > 1_000_000, "{bytes} bytes");
    large.world.commit(&[("functions/hello/index.js", "exports.handler = async () => 'changed';")]);
    let (_, log, bytes) = large.built(order(large.source(None))).await;
    assert!(log.contains(BORROWED) && bytes < 10_000, "{bytes} bytes\n{log}");
}

#[tokio::test]
async fn servers_of_the_old_protocol_that_give_nothing_by_its_id_are_fetched_from_too() {
    let world = World::new();
    world.program("git", "exec /usr/bin/git -c protocol.version=0 \"$@\"");
    world.git(&["config", "uploadpack.allowFilter", "true"]);
    world.git(&["config", "uploadpack.allowAnySHA1InWant", "false"]);
    let first = world.commit(&[("functions/hello/index.js", HANDLER.1)]);
    world.commit(&[("other.txt", "x")]);
    let (_, _, lines) = world.made(world.source(None, Some(PATH))).await;
    assert!(log(&lines).contains("gives no single files: fetching the whole commit"), "{}", log(&lines));
    for git_ref in [&first[..], &first[..8]] {
        let (made, _, lines) = world.made(world.source(Some(git_ref), Some(PATH))).await;
        assert_eq!(made.commit.as_ref(), Some(&first));
        assert!(log(&lines).contains("gives no single commits: fetching the whole history"), "{}", log(&lines));
    }
}

#[tokio::test]
async fn a_short_id_is_found_without_the_files_of_the_history() {
    let large = Large::new();
    let first = large.world.git(&["rev-parse", "HEAD"]);
    for number in 0..5 {
        large.world.commit(&[("other/history.txt", &noise(100 + number, 500_000))]);
    }
    // Not the end of a branch: that one would be found among the names.
    let (made, log, bytes) = large.built(order(large.source(Some(&first[..7])))).await;
    assert_eq!(made.commit.as_ref(), Some(&first));
    assert!(log.contains(&format!("`{}` is commit {first}", &first[..7])), "{log}");
    assert!(bytes < 100_000, "{bytes} bytes\n{log}");
    let last = large.world.git(&["rev-parse", "HEAD"]);
    let upper = last[..12].to_ascii_uppercase();
    let (made, log, bytes) = large.built(order(large.source(Some(&upper)))).await;
    assert_eq!(made.commit.as_ref(), Some(&last));
    assert!(bytes < 20_000, "{bytes} bytes\n{log}");
}

#[tokio::test]
async fn a_short_id_is_found_at_the_beginning_of_a_long_history() {
    let world = World::new();
    let first = world.commit(&[HANDLER]);
    let mut stream = String::new();
    for number in 0..1_100 {
        let from = if number == 0 { format!("from {first}\n") } else { String::new() };
        stream.push_str(&format!(
            "commit refs/heads/main\ncommitter T <t@example.com> {} +0000\ndata 1\nx\n{from}\n",
            1_700_000_000 + number
        ));
    }
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(world.repository())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut import.stdin.take().unwrap(), stream.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
    for git_ref in [&first[..8], &first[..5]] {
        let url = format!("file://{}", world.repository().display());
        let source = Source::Git { url, git_ref: Some(git_ref.to_owned()), path: None };
        assert_eq!(world.made(source).await.0.commit.as_ref(), Some(&first), "{git_ref}");
    }
}
