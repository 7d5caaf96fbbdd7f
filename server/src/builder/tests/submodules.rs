//! Submodules, where the manifest asks for them.

use super::http::serve_counted;
use super::*;

const MANIFEST: (&str, &str) =
    ("function.json", r#"{"runtime": "node", "handler": "index.handler", "submodules": true}"#);

/// Another repository beside the world's, with one commit.
fn library(world: &World, name: &str) -> PathBuf {
    let folder = world.root.path().join(name);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("lib.txt"), name).unwrap();
    let shown = folder.display().to_string();
    world.git(&["-C", &shown, "init", "--quiet", "--initial-branch=main"]);
    world.git(&["-C", &shown, "add", "--all"]);
    world.git(&["-C", &shown, "commit", "--quiet", "--message=library"]);
    folder
}

/// Commits a submodule of the world's repository, with the address that `.gitmodules` shall have.
fn add(world: &World, folder: &Path, path: &str, url: &str) {
    world.git(&["submodule", "--quiet", "add", "--name", path, &folder.display().to_string(), path]);
    world.git(&["config", "--file", ".gitmodules", &format!("submodule.{path}.url"), url]);
    world.commit(&[]);
}

#[tokio::test]
async fn submodules_are_fetched_also_those_of_submodules() {
    let world = World::new();
    let (outer, inner) = (library(&world, "outer"), library(&world, "inner"));
    let shown = outer.display().to_string();
    world.git(&["-C", &shown, "submodule", "--quiet", "add", &inner.display().to_string(), "deep/inner"]);
    world.git(&["-C", &shown, "config", "--file", ".gitmodules", "submodule.deep/inner.url", "../inner"]);
    world.git(&["-C", &shown, "add", "--all"]);
    world.git(&["-C", &shown, "commit", "--quiet", "--message=inner"]);
    world.commit(&[("hello/index.js", HANDLER.1), ("hello/function.json", MANIFEST.1)]);
    add(&world, &outer, "hello/lib", "../outer");
    add(&world, &inner, "elsewhere", "../inner");
    let (host, _) = serve_counted(world.root.path(), None);
    let url = format!("http://{host}/repository");
    for url in [url, world.repository().display().to_string()] {
        let (_, folder, lines) = world.made(Source::Git { url, git_ref: None, path: Some("hello".into()) }).await;
        let read = |path: &str| fs::read_to_string(folder.join(path)).unwrap_or_else(|_| panic!("{}", log(&lines)));
        assert_eq!((read("lib/lib.txt"), read("lib/deep/inner/lib.txt")), ("outer".into(), "inner".into()));
        assert!(log(&lines).contains("Took the submodule `hello/lib` at commit"), "{}", log(&lines));
        assert!(!log(&lines).contains("elsewhere"), "{}", log(&lines));
    }
}

#[tokio::test]
async fn a_registration_says_whether_they_are_fetched_too() {
    let world = World::new();
    let outer = library(&world, "outer");
    world.commit(&[HANDLER]);
    add(&world, &outer, "lib", "../outer");
    let wanted = |text: &str| Some(domain::Json::parse(text).unwrap());
    let order = Order { manifest: wanted(r#"{"submodules": true}"#), ..order(world.source(None, None)) };
    let made = build(&world.builder, order).await.0.unwrap();
    let folder = world.builder.artifacts().get(made.made.digest()).await.unwrap().unwrap().path().to_owned();
    assert_eq!(fs::read_to_string(folder.join("lib/lib.txt")).unwrap(), "outer");
    let (_, folder, lines) = world.made(world.source(None, None)).await;
    assert!(!folder.join("lib/lib.txt").exists());
    assert!(log(&lines).contains("\"submodules\": true in function.json to fetch `lib`"), "{}", log(&lines));
}

#[tokio::test]
async fn a_submodule_that_may_not_be_reached_is_refused_by_name() {
    let world = World::new();
    let outer = library(&world, "outer");
    world.commit(&[HANDLER, MANIFEST]);
    add(&world, &outer, "lib", "../outer");
    let (host, _) = serve_counted(world.root.path(), None);
    let url = format!("http://{host}/repository");
    let disk = outer.display().to_string();
    for (address, why) in [
        (disk.as_str(), "is on the server's disk"),
        ("git@127.0.0.1:outer", "with this server's SSH key"),
        ("http://10.0.0.1/outer", "10.0.0.1 is not a public address"),
        ("http://169.254.169.254/latest", "169.254.169.254 is not a public address"),
        ("ext::sh -c true", "cannot be a repository"),
        ("../../outer", "its address is none"),
        ("../missing", "there is no such repository"),
    ] {
        world.git(&["config", "--file", ".gitmodules", "submodule.lib.url", address]);
        world.commit(&[]);
        let text = world.refusal(Source::Git { url: url.clone(), git_ref: None, path: None }).await;
        assert!(text.contains("the submodule `lib` of http") && text.contains(why), "{address}: {text}");
    }
    fs::remove_file(world.repository().join(".gitmodules")).unwrap();
    world.commit(&[]);
    let text = world.refusal(Source::Git { url, git_ref: None, path: None }).await;
    assert!(text.contains("`.gitmodules` has no address for it"), "{text}");
}

#[tokio::test]
async fn submodules_within_each_other_have_an_end() {
    let world = World::new();
    world.commit(&[HANDLER, MANIFEST]);
    // Each has the one before in it.
    let mut before: Option<PathBuf> = None;
    for number in 0..5 {
        let folder = library(&world, &format!("level{number}"));
        if let Some(before) = before {
            let shown = folder.display().to_string();
            world.git(&["-C", &shown, "submodule", "--quiet", "add", &before.display().to_string(), "next"]);
            world.git(&["-C", &shown, "commit", "--quiet", "--message=next"]);
        }
        before = Some(folder);
    }
    let last = before.unwrap();
    add(&world, &last, "lib", &last.display().to_string());
    let text = world.refusal(world.source(None, None)).await;
    assert!(text.contains("20 submodules at most, 3 within each other"), "{text}");
}
