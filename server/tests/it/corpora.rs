//! What the fuzzers were fed and what they found, with the ordinary toolchain: `make fuzz` goes on from here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use server::{builder, edge, executor, gateway, ingress};

type Target = Box<dyn Fn(&[u8])>;

/// Each target of `fuzz/fuzz_targets`, by its file's name.
fn targets(scratch: PathBuf) -> Vec<(&'static str, Target)> {
    vec![
        ("amqp_message", Box::new(ingress::fuzz::amqp_message)),
        ("bundle", Box::new(move |data| builder::fuzz::bundle(data, &scratch))),
        ("cloudevents", Box::new(ingress::fuzz::cloudevents)),
        ("detect", Box::new(builder::fuzz::detect)),
        ("gateway_request", Box::new(gateway::fuzz::call)),
        ("gateway_answer", Box::new(gateway::fuzz::answered)),
        ("graphql_message", Box::new(ingress::fuzz::graphql_message)),
        ("graphql_query", Box::new(ingress::fuzz::graphql_query)),
        ("log_lines", Box::new(executor::fuzz::log_lines)),
        ("manifest", Box::new(builder::fuzz::manifest)),
        ("page_query", Box::new(ingress::fuzz::page_query)),
        ("trace_context", Box::new(edge::fuzz::trace_context)),
        ("websocket_frames", Box::new(gateway::fuzz::websocket_frames)),
        ("webhook_signature", Box::new(ingress::fuzz::webhook_signature)),
    ]
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[test]
fn every_promise_holds_for_all_that_the_fuzzers_ever_found() {
    let scratch = tempfile::tempdir().unwrap();
    for (name, target) in targets(scratch.path().to_owned()) {
        let corpus = files(&folder("corpus").join(name));
        assert!(!corpus.is_empty(), "{name} has no corpus");
        for file in corpus {
            println!("{}", file.display());
            target(&std::fs::read(&file).unwrap());
        }
    }
}

#[test]
fn every_fuzz_target_is_fed_here() {
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let there: BTreeSet<_> = files(&folder("fuzz_targets")).into_iter().map(stem).collect();
    let fed: BTreeSet<_> = targets(PathBuf::new()).into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(there, fed);
}
