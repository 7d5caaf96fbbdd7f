//! Repositories with several functions, and functions that need what is outside of their folder.

use super::*;

const PYTHON: &str = "def handler(event, context):\n    return 1\n";

#[tokio::test]
async fn a_root_that_is_nothing_itself_offers_its_folders() {
    let world = World::new();
    world.commit(&[
        ("README.md", "functions"),
        ("functions/a/index.js", HANDLER.1),
        ("functions/b/main.py", PYTHON),
        ("docs/page.md", "page"),
    ]);
    let (failed, _) = world.build(world.source(None, None)).await;
    let offered: Vec<_> = failed.unwrap_err().offered().iter().map(|offer| offer.path.clone()).collect();
    assert_eq!(offered, ["functions/a", "functions/b"]);
    let text = world.refusal(world.source(None, None)).await;
    let offer =
        "These folders can be registered, each with its `path`: `functions/a` (a handler in index.js), `functions/b` (";
    assert!(text.contains(offer), "{text}");
    // What is offered can be taken as it is, also from below the root.
    let text = world.refusal(world.source(None, Some("functions"))).await;
    assert!(text.contains("`functions/a` (a handler"), "{text}");
    for path in ["functions/a", "functions/b"] {
        world.made(world.source(None, Some(path))).await;
    }
}

#[tokio::test]
async fn a_list_at_the_root_says_which_folder_each_function_is() {
    let world = World::new();
    world.commit(&[
        (
            "eventflow.json",
            r#"{"functions": [{"name": "hello", "path": "functions/a"}, {"name": "b", "path": "functions/b"}]}"#,
        ),
        ("package.json", r#"{"private": true, "scripts": {"start": "node no.js"}}"#),
        ("functions/a/index.js", HANDLER.1),
        ("functions/b/main.py", PYTHON),
    ]);
    let (_, folder, lines) = world.made(world.source(None, None)).await;
    assert!(folder.join("index.js").is_file() && !folder.join("functions").exists());
    assert!(log(&lines).contains("eventflow.json says that hello is in `functions/a`"), "{}", log(&lines));
    let other = Order { name: "other".into(), ..order(world.source(None, None)) };
    let text = build(&world.builder, other).await.0.unwrap_err().to_string();
    assert!(text.contains("lists no function `other`") && text.contains("`functions/b` as `b` ("), "{text}");
    // Whoever names the folder needs no list.
    let (_, folder, _) = world.made(world.source(None, Some("functions/b"))).await;
    assert!(folder.join("main.py").is_file());
}

#[tokio::test]
async fn what_is_needed_from_outside_is_named_in_the_log_and_with_the_failure() {
    let world = World::new();
    world.program("npm", "echo 'npm error code ENOENT' >&2; exit 1");
    let package = r#"{"name": "hello", "dependencies": {"lib": "file:../lib", "left-pad": "1.0.0"}}"#;
    world.commit(&[
        (
            "functions/hello/index.js",
            "const x = require('../shared/x'); exports.handler = async (event, context) => x;",
        ),
        ("functions/shared/x.js", "module.exports = 1"),
    ]);
    let (_, _, lines) = world.made(world.source(None, Some("functions/hello"))).await;
    let hint = "index.js refers to `../shared/x` (functions/shared/x in the repository)";
    assert!(log(&lines).contains(hint), "{}", log(&lines));
    world.commit(&[("functions/hello/package.json", package)]);
    let text = world.refusal(world.source(None, Some("functions/hello"))).await;
    assert!(text.contains("`npm install") && text.contains(hint), "{text}");
    assert!(text.contains("package.json refers to `file:../lib` (functions/lib in the repository)"), "{text}");
}
