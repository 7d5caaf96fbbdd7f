//! Repositories: where a build may be sent by an address, what it reveals of what it found there, and what a hostile
//! repository does to it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::app::{Options, TestApp};
use crate::servers::{redirecting, repositories, saying, serve};
use crate::victim::victim;

const HANDLER: (&str, &str) = ("index.js", "exports.handler = async () => 'hello';");

/// A server that may fetch from these networks.
pub async fn allowing(networks: &str) -> TestApp {
    victim(Options::default().env("EVENTFLOW_GIT_ALLOW", networks)).await
}

impl TestApp {
    /// What registering a function from this address answers: its id, or why there is none.
    pub async fn try_register(&self, name: &str, url: &str) -> Result<String, Value> {
        let query = "mutation($input: RegisterFunctionInput!) { registerFunction(input: $input) { function { id } userErrors { code message field } } }";
        let input = json!({ "input": { "name": name, "source": { "git": { "url": url } } } });
        let payload = self.graphql(query, input).await["registerFunction"].take();
        match payload["function"]["id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => Err(payload["userErrors"].clone()),
        }
    }

    /// Why a function from this address cannot be built, with all that the build says.
    async fn refused(&self, name: &str, url: &str) -> (String, String) {
        let id = self.try_register(name, url).await.unwrap();
        let build = self.try_build(&id).await;
        assert_eq!(build["state"], "FAILED", "{build:#}");
        (build["error"].as_str().unwrap().to_owned(), build["log"].to_string())
    }
}

#[tokio::test]
async fn addresses_of_this_machine_and_its_network_are_refused_and_nobody_connects() {
    let app = victim(Options::default()).await;
    let secret = saying("200 OK");
    let port = secret.address.port();
    for (number, host) in
        ["127.0.0.1", "2130706433", "0x7f.0.0.1", "localhost", "a.localhost", "[::1]", "[::ffff:127.0.0.1]"]
            .into_iter()
            .enumerate()
    {
        for url in
            [format!("http://{host}:{port}/a"), format!("https://{host}:{port}/a"), format!("ssh://{host}:{port}/a")]
        {
            let Err(errors) = app.try_register(&format!("f{number}"), &url).await else {
                // What SSH alone could take for an address is a name until it is asked for, and is refused then.
                assert!(url.starts_with("ssh://2130706433") || url.starts_with("ssh://0x7f"), "{url}");
                continue;
            };
            assert_eq!(errors[0]["code"], "bad_source", "{url}: {errors}");
            assert!(errors[0]["message"].as_str().unwrap().contains("EVENTFLOW_GIT_ALLOW"), "{errors}");
        }
    }
    for url in
        ["http://169.254.169.254/latest/meta-data", "http://10.0.0.1/a", "http://192.168.0.1/a", "git@172.16.0.1:a"]
    {
        assert!(app.try_register("f", url).await.is_err(), "{url}");
    }
    // A name is known when it is asked for: the system's own name for this machine, which is no public address.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let (error, log) = app.refused("named", &format!("http://{}:{port}/a", host.trim())).await;
    assert!(error.contains("cannot be reached from here"), "{error}");
    assert!(!log.contains("127.0.0.1"), "{log}");
    let (error, _) = app.refused("number", &format!("ssh://git@2130706433:{port}/a")).await;
    assert!(error.contains("cannot be reached from here"), "{error}");
    assert_eq!(secret.connections(), 0);
}

#[tokio::test]
async fn what_is_no_address_is_never_given_to_git() {
    let app = allowing("127.0.0.0/8").await;
    for url in [
        "ext::sh -c 'touch /tmp/x'",
        "--upload-pack=touch /tmp/x",
        "git://127.0.0.1/a",
        "ftp://127.0.0.1/a",
        "ssh://-oProxyCommand=touch/a",
        "https://host/a?private_token=x",
        "ssh://git:password@host/a",
        "a\nb",
    ] {
        let errors = app.try_register("f", url).await.expect_err(url);
        assert_eq!(errors[0]["code"], "bad_source", "{url}: {errors}");
        assert!(!errors.to_string().contains("git:password"), "{errors}");
    }
}

#[tokio::test]
async fn a_repository_of_an_allowed_network_is_fetched_in_the_sandbox_and_runs() {
    let app = allowing("127.0.0.0/8").await;
    app.repository("guest", &[HANDLER]).await;
    let server = repositories(app.folder().join("repositories"), None);
    let id = app.try_register("guest", &format!("http://{}/guest", server.address)).await.unwrap();
    app.build(&id).await;
    app.start_function(&id).await;
    assert_eq!(app.call("guest").await.text().await.unwrap(), "\"hello\"");
}

#[tokio::test]
async fn an_open_port_a_closed_one_and_one_that_is_silent_are_the_same_to_whoever_asks() {
    let options = Options::default().env("EVENTFLOW_GIT_ALLOW", "127.0.0.0/8").env("EVENTFLOW_BUILD_TIMEOUT", "8");
    let app = victim(options.env("EVENTFLOW_BUILDS", "8")).await;
    let greeting = serve("127.0.0.1", |mut stream| std::io::Write::write_all(&mut stream, b"SSH-2.0-x\r\n").ok());
    let silent = serve("127.0.0.1", |stream| {
        std::thread::sleep(std::time::Duration::from_secs(60));
        drop(stream);
        None
    });
    // Nobody listens on a port that was just given back.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let served =
        ["200 OK", "404 Not Found", "401 Unauthorized\r\nWWW-Authenticate: Basic realm=x", "403 Forbidden", "500 Oops"]
            .map(saying);
    let ports: Vec<_> =
        served.iter().chain([&greeting, &silent]).map(|served| served.address.port()).chain([closed.port()]).collect();
    let answers = ports.iter().enumerate().map(|(number, port)| {
        let (app, url) = (&app, format!("http://127.0.0.1:{port}/a"));
        async move {
            let (error, log) = app.refused(&format!("f{number}"), &url).await;
            let anonymous = |text: &str| text.replace(&port.to_string(), "PORT").replace(&format!("f{number}"), "NAME");
            assert!(!log.contains("secret"), "{log}");
            (anonymous(&error), anonymous(&log))
        }
    });
    let answers = futures::future::join_all(answers).await;
    for (index, other) in answers.iter().enumerate() {
        assert_eq!(*other, answers[0], "port {index}");
    }
    assert!(served.iter().all(|served| served.connections() > 0), "each of them was asked");
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let app = allowing("127.0.0.1/32").await;
    let target = serve("127.0.0.2", |_| None);
    for (number, to) in [
        format!("http://{}", target.address),
        format!("http://127.0.0.1:{}", target.address.port()),
        "file:///etc".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        let server = redirecting(to);
        let (error, _) = app.refused(&format!("f{number}"), &format!("http://{}/a", server.address)).await;
        assert!(error.contains("Redirects are not followed"), "{error}");
        assert!(server.connections() > 0);
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn repositories_on_the_servers_disk_need_a_setting() {
    let app = victim(Options::default().env("EVENTFLOW_ALLOW_LOCAL_REPOSITORIES", "false")).await;
    let path = app.repository("guest", &[HANDLER]).await.display().to_string();
    for url in [path.clone(), format!("file://{path}")] {
        let errors = app.try_register("f", &url).await.expect_err(&url);
        assert!(errors[0]["message"].as_str().unwrap().contains("EVENTFLOW_ALLOW_LOCAL_REPOSITORIES"), "{errors}");
    }
}

fn git(folder: &Path, arguments: &[&str], input: &[u8]) -> String {
    use std::io::Write;
    let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
    let mut child = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(identity)
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {arguments:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Makes `main` of the repository this tree.
fn publish(folder: &Path, tree: &str) {
    let commit = git(folder, &["commit-tree", "-m", "hostile", tree], b"");
    git(folder, &["update-ref", "refs/heads/main", &commit], b"");
}

#[tokio::test]
async fn a_hostile_repository_is_refused_and_the_next_build_works() {
    let app = allowing("127.0.0.0/8").await;
    let server = repositories(app.folder().join("repositories"), None);
    let at = |name: &str| format!("http://{}/{name}", server.address);

    // A tree that holds itself ten times, ten levels deep: ten thousand million files in a kilobyte.
    let bomb = app.repository("bomb", &[HANDLER]).await;
    let mut entry = format!("100644 blob {}\tf", git(&bomb, &["hash-object", "-w", "--stdin"], b"x"));
    for _ in 0..10 {
        let listing: String = (0..10).map(|n| entry.replace("\tf", &format!("\tf{n}")) + "\n").collect();
        entry = format!("040000 tree {}\tf", git(&bomb, &["mktree"], listing.as_bytes()));
    }
    publish(&bomb, entry.split_whitespace().nth(2).unwrap());
    let (error, _) = app.refused("bomb", &at("bomb")).await;
    assert!(error.contains("more than 200000 files"), "{error}");

    // Names that lead out of the folder, into Git's own, or that nobody can see.
    let named = app.repository("named", &[HANDLER]).await;
    let blob = git(&named, &["hash-object", "-w", "--stdin"], b"x");
    for (number, (name, says)) in [
        ("..", "sent what git does not take"),
        (".GIT", "sent what git does not take"),
        (".g\u{200c}it", "sent what git does not take"),
        ("a\u{1b}[2Jb", "control characters"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut tree = b"100644 ".to_vec();
        tree.extend(name.as_bytes());
        tree.push(0);
        tree.extend((0..20).map(|at| u8::from_str_radix(&blob[at * 2..at * 2 + 2], 16).unwrap()));
        let tree = git(&named, &["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], &tree);
        publish(&named, &tree);
        let (error, log) = app.refused(&format!("named{number}"), &at("named")).await;
        assert!(error.contains(says), "{name:?}: {error}");
        assert!(!log.contains("\\u001b"), "{log}");
    }

    // Deeper than anything can name.
    let deep = app.repository("deep", &[HANDLER]).await;
    let mut entry = format!("100644 blob {blob}\td", blob = git(&deep, &["hash-object", "-w", "--stdin"], b"x"));
    for _ in 0..100 {
        entry = format!("040000 tree {}\td", git(&deep, &["mktree"], format!("{entry}\n").as_bytes()));
    }
    publish(&deep, entry.split_whitespace().nth(2).unwrap());
    let (error, _) = app.refused("deep", &at("deep")).await;
    assert!(error.contains("nested deeper than"), "{error}");

    app.repository("good", &[HANDLER]).await;
    let id = app.try_register("good", &at("good")).await.unwrap();
    app.build(&id).await;
}
