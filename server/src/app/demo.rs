//! The demo function of `--dev`, created like any other function: bundle, registration, build, start.

use std::time::Duration;

use domain::function::{self, Command, Life, event::Source};
use domain::{Cause, Stream};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::StreamExt;

use crate::actors::Commands;
use crate::clock;
use crate::edge::Services;
use crate::store::Store;

/// Its name.
pub(super) const NAME: &str = "hello";

/// Its files.
const FILES: &[(&str, &str)] =
    &[("function.json", include_str!("demo/function.json")), ("index.js", include_str!("demo/index.js"))];

/// The time limit for its build.
const PATIENCE: Duration = Duration::from_secs(60);

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Sees to it that the demo function runs, unless somebody has decided otherwise.
pub(super) async fn seed(services: &Services, store: &Store, commands: &Commands) -> Result<(), Error> {
    let namespace = services.settings.namespace.as_str();
    if store.function_named(namespace, NAME).await?.is_some() {
        return Ok(());
    }
    let cause = Cause { actor: Some("server:demo".into()), ..Cause::default() };
    let archive = futures::stream::once(async { bundle().map(bytes::Bytes::from) });
    let digest = services.builder.artifacts().put_bundle(archive).await?;
    let id = function::id(namespace, NAME, 1);
    let register = Command::Register {
        id,
        namespace: namespace.to_owned(),
        name: NAME.to_owned(),
        generation: 1,
        source: Source::Bundle { digest },
        manifest: None,
        at: clock::now(),
    };
    let registered = commands.function(id, register, cause.clone()).await?;
    let build = clock::new_id();
    let mut feed = store.follow(registered.position.unwrap_or(0));
    let request = Command::RequestBuild { build, git_ref: None, at: clock::now() };
    commands.function(id, request, cause.clone()).await?;
    let stream = Stream::function(id);
    let built = async {
        while let Some(batch) = feed.next().await {
            let over = batch?
                .iter()
                .any(|r| r.stream == stream && matches!(&*r.kind, "BuildSucceeded" | "BuildFailed" | "BuildCancelled"));
            if over {
                return Ok::<_, Error>(());
            }
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, built).await??;
    let started = commands.function(id, Command::Start { at: clock::now() }, cause).await?;
    debug_assert!(started.state.is_some_and(|function| matches!(function.life, Life::Running { .. })));
    services.keeping.warm_up(id).await?;
    Ok(())
}

fn bundle() -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, text) in FILES {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, name, text.as_bytes())?;
    }
    archive.into_inner()?.finish()
}
