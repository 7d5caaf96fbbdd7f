//! A disk that is full, which is a small one that is mounted for the test alone.

use super::*;

/// Set in the process that has the small disk, to its path.
const DISK: &str = "EVENTFLOW_TEST_DISK";

#[test]
fn on_a_full_disk_nothing_is_half_made_and_what_fits_afterwards_is_built() {
    if let Ok(disk) = std::env::var(DISK) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(with_disk(Path::new(&disk)));
    }
    let name = "builder::tests::disk::on_a_full_disk_nothing_is_half_made_and_what_fits_afterwards_is_built";
    let disk = tempfile::tempdir().unwrap();
    let script =
        r#"mount -t tmpfs -o size=700k tmpfs "$EVENTFLOW_TEST_DISK" || exit 77; exec "$0" --exact "$1" --nocapture"#;
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "/bin/sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(DISK, disk.path())
        .output();
    match output {
        // Containers often forbid it; a host does not.
        Ok(output)
            if output.status.code() == Some(77) || String::from_utf8_lossy(&output.stderr).contains("unshare:") =>
        {
            eprintln!("skipped: this host lets nobody mount a small disk");
        }
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let all = format!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success() && text.contains("1 passed"), "{all}");
        }
        Err(error) => eprintln!("skipped: unshare does not run here: {error}"),
    }
}

async fn with_disk(disk: &Path) {
    let world = World::new();
    let data = disk.join("data");
    let builder = Builder::new(world.executor.clone(), executors(), &data, Settings::default()).unwrap();
    world.program("npm", "head -c 2000000 /dev/urandom > large || { echo 'npm error ENOSPC: no space left on device, write' >&2; exit 228; }");
    // Content that cannot be compressed: its own hash, again and again.
    let noise: String = (0..15_000u64)
        .map(|number| uuid::Uuid::new_v5(&uuid::Uuid::nil(), &number.to_be_bytes()).to_string())
        .collect();
    let assert_full = |error: Error| {
        assert!(!error.is_refused(), "{error}");
        assert!(error.to_string().contains("Free some space"), "{error}");
    };
    world.commit(&[HANDLER, PACKAGE]);
    assert_full(build(&builder, order(world.source(None, None))).await.0.unwrap_err());
    world.commit(&[HANDLER, ("package.json", "{}"), ("noise.txt", &noise)]);
    assert_full(build(&builder, order(world.source(None, None))).await.0.unwrap_err());
    let upload = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(format!("PK\x03\x04{noise}{noise}")))]);
    assert_full(builder.artifacts().put_bundle(upload).await.unwrap_err().into());
    fs::remove_file(world.repository().join("noise.txt")).unwrap();
    world.commit(&[]);
    let until = Instant::now() + PATIENCE;
    loop {
        match build(&builder, order(world.source(None, None))).await.0 {
            Ok(made) => break assert!(builder.artifacts().has(made.made.digest()).await),
            // The folder of the last build is still being removed.
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
    }
}
