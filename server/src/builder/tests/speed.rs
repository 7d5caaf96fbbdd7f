//! A folder of a large repository beside a plain partial clone of it. A measurement: `cargo test -p server --lib -- --ignored
//! --nocapture folder_of_a_large`.

use std::sync::atomic::Ordering;

use super::http::serve_counted;
use super::*;
use crate::executor::{Sandbox, Workbench};

/// Bytes of all files of the repository, which cannot be compressed, and how many there are.
const BYTES: usize = 130_000_000;
const FILES: usize = 6_500;
const ROUNDS: usize = 5;

/// Writes the repository as a stream for `git fast-import`: a hundred commits, folders of fifty files.
fn fill(world: &World) {
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(world.repository())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = std::io::BufWriter::new(import.stdin.take().unwrap());
    let mut write = |bytes: &[u8]| std::io::Write::write_all(&mut input, bytes).unwrap();
    let mut state: u64 = 88_172_645_463_325_252;
    for commit in 0..100_usize {
        write(
            format!(
                "commit refs/heads/main\ncommitter T <t@example.com> {} +0000\ndata 1\nx\n",
                1_700_000_000 + commit
            )
            .as_bytes(),
        );
        if commit == 0 {
            write(
                format!("M 100644 inline functions/hello/index.js\ndata {}\n{}\n", HANDLER.1.len(), HANDLER.1)
                    .as_bytes(),
            );
        }
        for file in (commit * FILES / 100)..((commit + 1) * FILES / 100) {
            let mut content = Vec::with_capacity(BYTES / FILES + 8);
            while content.len() < BYTES / FILES {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                content.extend(state.to_le_bytes());
            }
            let folder =
                if file % 130 == 0 { "functions/hello".to_owned() } else { format!("packages/p{}/src", file / 50) };
            write(format!("M 100644 inline {folder}/f{file}.bin\ndata {}\n", content.len()).as_bytes());
            write(&content);
            write(b"\n");
        }
    }
    drop(input);
    assert!(import.wait().unwrap().success());
    world.git(&["reset", "--quiet", "--hard"]);
}

fn median(mut times: Vec<u128>) -> u128 {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement of a minute"]
async fn a_folder_of_a_large_repository_beside_a_plain_partial_clone() {
    let world = World::new();
    world.git(&["config", "uploadpack.allowFilter", "true"]);
    fill(&world);
    let (host, sent) = serve_counted(world.root.path(), None);
    let url = format!("http://{host}/repository");
    let settings =
        || Settings { git_allow: crate::outbound::Outward::parse("127.0.0.0/8").unwrap(), ..Settings::default() };

    // As plain processes; and in the sandbox, whose starts have their price. What comes from the disk is not counted.
    let disk = format!("file://{}", world.repository().display());
    for (way, url, sandboxed) in [("over HTTP", &url, false), ("from the disk", &disk, true), ("over HTTP", &url, true)]
    {
        let source = || Source::Git { url: url.clone(), git_ref: None, path: Some("functions/hello".into()) };
        let (mut plain, mut plain_bytes) = (Vec::new(), 0);
        let (mut first, mut first_bytes, mut second, mut second_bytes) = (Vec::new(), 0, Vec::new(), 0);
        for round in 0..ROUNDS {
            let name = |what: &str| world.root.path().join(format!("{what}-{way}-{sandboxed}-{round}"));
            let (before, began) = (sent.load(Ordering::SeqCst), Instant::now());
            let script = format!(
                "git clone --quiet --filter=blob:none --sparse {url} '{0}' && git -C '{0}' sparse-checkout set functions/hello",
                name("clone").display()
            );
            let mut clone = Command::new("sh");
            clone.args(["-c", &script]).stderr(std::process::Stdio::null());
            assert!(clone.status().unwrap().success());
            plain.push(began.elapsed().as_millis());
            plain_bytes = sent.load(Ordering::SeqCst) - before;
            let workbench: Arc<dyn Workbench> = match sandboxed {
                true => Arc::new(Sandbox::new(&name("sandbox")).unwrap()),
                false => world.executor.clone(),
            };
            let builder = Builder::new(workbench, executors(), &name("data"), settings()).unwrap();
            for (times, bytes) in [(&mut first, &mut first_bytes), (&mut second, &mut second_bytes)] {
                let before = sent.load(Ordering::SeqCst);
                let (made, lines) = build(&builder, order(source())).await;
                made.unwrap_or_else(|error| panic!("{error}\n{}", log(&lines)));
                let fetched = lines.iter().find_map(|line| line.text.strip_prefix("Fetched ")?.split_once(" in "));
                times.push(fetched.unwrap().1.split(' ').next().unwrap().parse().unwrap());
                *bytes = sent.load(Ordering::SeqCst) - before;
                world.commit(&[("functions/hello/index.js", &format!("{}//{}", HANDLER.1, uuid::Uuid::now_v7()))]);
            }
        }
        println!("{way}, {}:", if sandboxed { "in the sandbox" } else { "as plain processes" });
        println!("  plain partial clone: {} ms, {plain_bytes} bytes", median(plain));
        println!("  first build's fetch: {} ms, {first_bytes} bytes", median(first));
        println!("  second build's fetch, one file changed: {} ms, {second_bytes} bytes", median(second));
    }
}
