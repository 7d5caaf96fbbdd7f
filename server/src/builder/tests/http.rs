//! Repositories behind HTTP and SSH.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// Serves the repositories below `root` at the address that it returns; with `access`, a `user:token`, only to those who have it.
fn serve(root: &Path, access: Option<&str>) -> String {
    serve_counted(root, access).0
}

/// As [`serve`]; also counts the bytes of its answers.
pub(super) fn serve_counted(root: &Path, access: Option<&str>) -> (String, Arc<AtomicU64>) {
    let bytes = Arc::new(AtomicU64::new(0));
    let count = bytes.clone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let root = root.to_owned();
    let access = access.map(|access| format!("Basic {}", STANDARD.encode(access)));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (root, access, count) = (root.clone(), access.clone(), count.clone());
            std::thread::spawn(move || {
                let bytes = git_http::repository(stream, &root, access.as_deref()).unwrap_or(0);
                count.fetch_add(bytes, Ordering::SeqCst);
            });
        }
    });
    (address.to_string(), bytes)
}

fn at(url: String, git_ref: Option<&str>) -> Source {
    Source::Git { url, git_ref: git_ref.map(str::to_owned), path: None }
}

#[tokio::test]
async fn a_repository_is_fetched_over_http_by_branch_and_by_commit() {
    let world = World::new();
    let first = world.commit(&[HANDLER]);
    let second = world.commit(&[("second.txt", "2")]);
    let host = serve(world.root.path(), None);
    for (git_ref, commit) in
        [(None, &second), (Some("main"), &second), (Some(first.as_str()), &first), (Some(&first[..8]), &first)]
    {
        let made = world.made(at(format!("http://{host}/repository"), git_ref)).await.0;
        assert_eq!(made.commit.as_ref(), Some(commit), "{git_ref:?}");
    }
}

#[tokio::test]
async fn over_ssh_git_sees_neither_the_key_nor_the_network() {
    let world = World::new();
    world.git(&["config", "uploadpack.allowFilter", "true"]);
    let first = world.commit(&[HANDLER]);
    world.commit(&[("second.txt", "2")]);
    // In the place of SSH: it leaves its arguments, and starts what the last one says, as the other host would.
    let trace = world.root.path().join("arguments");
    let shown = trace.display();
    let ssh = world.program("ssh", &format!("for last; do echo \"$last\" >> {shown}; done; exec sh -c \"$last\""));
    let data = world.root.path().join("with-ssh");
    let settings =
        Settings { git_allow: crate::outbound::Outward::parse("127.0.0.0/8").unwrap(), ..Settings::default() };
    let builder = Builder::with_ssh(world.executor.clone(), executors(), &data, settings, ssh.clone()).unwrap();
    let url = format!("ssh://git@127.0.0.1:2222{}", world.repository().display());
    for git_ref in [None, Some(first.as_str()), Some(&first[..8])] {
        let (made, lines) = build(&builder, order(at(url.clone(), git_ref))).await;
        let made = made.unwrap_or_else(|error| panic!("{error}\n{}", log(&lines)));
        assert!(git_ref.is_none() || made.commit.as_ref() == Some(&first));
        assert!(!log(&lines).contains("partial clones"), "{}", log(&lines));
    }
    let arguments = fs::read_to_string(&trace).unwrap();
    for argument in ["-oBatchMode=yes", "-p\n2222\n--\ngit@127.0.0.1\n", "git-upload-pack '/"] {
        assert!(arguments.contains(argument), "{arguments}");
    }
    // The names of the files come by one connection, the files by another one.
    assert!(arguments.matches("git-upload-pack '/").count() >= 2, "{arguments}");
    // What SSH says stays with the server.
    world.program("ssh", "echo 'connect to host 127.0.0.1 port 2222: Connection refused' >&2; exit 255");
    let (refused, lines) = build(&builder, order(at(url, None))).await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("its server cannot be reached") && !text.contains("refused"), "{text}");
    assert!(!log(&lines).contains("Connection refused"), "{}", log(&lines));
}

#[tokio::test]
async fn what_http_does_not_give_is_named() {
    let world = World::new();
    world.commit(&[HANDLER]);
    let host = serve(world.root.path(), None);
    let text = world.refusal(at(format!("http://{host}/missing"), None)).await;
    assert!(text.contains("there is no such repository"), "{text}");
    let text = world.refusal(at(format!("http://{host}/repository"), Some("nope"))).await;
    assert!(text.contains("has no branch, tag or commit `nope`"), "{text}");
}

#[tokio::test]
async fn credentials_are_taken_from_the_address_asked_of_nobody_and_not_logged() {
    let world = World::new();
    world.commit(&[HANDLER]);
    let host = serve(world.root.path(), Some("user:token"));
    let (_, _, lines) = world.made(at(format!("http://user:token@{host}/repository"), None)).await;
    assert!(!log(&lines).contains("token"), "{}", log(&lines));
    for url in [format!("http://{host}/repository"), format!("http://user:wrong@{host}/repository")] {
        let text = world.refusal(at(url, None)).await;
        assert!(text.contains("needs credentials") && !text.contains("wrong"), "{text}");
    }
}
