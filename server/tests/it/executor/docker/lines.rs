//! What containers write.

use server::executor::docker::Options;
use server::executor::{Executor, Network, Stream};

use super::super::{Log, call, texts};
use super::wire::Wire;
use super::{Containers, host, server_name, shell};

#[tokio::test]
async fn a_flood_of_lines_is_bounded_and_counted() {
    let options = Options { lines_per_second: 100, ..Options::new(server_name()) };
    let containers = Containers::with(&host(), options).await;
    let (lines, log) = Log::new();
    let outcome = containers.docker.job(shell("seq 200000; echo last >&2"), call(), lines).await.unwrap();
    assert_eq!(outcome.exit.code, Some(0));
    assert_eq!(outcome.stderr_tail, ["last"]);
    let all = log.all().await;
    assert!(all.len() < 20_000, "{}", all.len());
    assert_eq!(all[0].text, "1");
    assert!(all.iter().any(|line| line.stream == Stream::System), "what was left out is said");
}

#[tokio::test]
async fn long_lines_and_lines_without_an_end_are_whole() {
    let containers = Containers::new().await;
    let (lines, log) = Log::new();
    // The engine keeps pieces of 16 KiB.
    let script = "head -c 16000 /dev/zero | tr '\\0' x; echo; head -c 100000 /dev/zero | tr '\\0' y; echo; printf end";
    containers.docker.job(shell(script), call(), lines).await.unwrap();
    let all = log.all().await;
    assert_eq!(all.len(), 3, "{:?}", texts(&all).iter().map(|text| text.len()).collect::<Vec<_>>());
    assert_eq!(all[0].text, "x".repeat(16_000));
    assert!(all[1].text.ends_with("bytes more]"), "{}", &all[1].text[all[1].text.len() - 60..]);
    assert_eq!(all[2].text, "end");
}

#[tokio::test]
async fn lines_have_no_gap_and_no_double_after_the_connection_was_lost() {
    let wire = Wire::to(&host()).await;
    let containers = Containers::with(&wire.address(), Options::new(server_name())).await;
    let (lines, mut received) = tokio::sync::mpsc::channel(16);
    let script = "for i in $(seq 300); do echo out $i; echo err $i >&2; usleep 10000; done";
    let mut spec = shell(script);
    spec.limits.network = Network::Open;
    let docker = &containers.docker;
    let run = docker.job(spec, call(), lines);
    let read = async {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        while let Some(line) = received.recv().await {
            match line.stream {
                Stream::Stdout => out.push(line.text),
                Stream::Stderr => err.push(line.text),
                Stream::System => panic!("{}", line.text),
            }
            if [50, 120, 200].contains(&out.len()) && line.stream == Stream::Stdout {
                wire.cut().await;
            }
        }
        (out, err)
    };
    let (outcome, (out, err)) = tokio::join!(run, read);
    assert_eq!(outcome.unwrap().exit.code, Some(0));
    assert_eq!(out, (1..=300).map(|number| format!("out {number}")).collect::<Vec<_>>());
    assert_eq!(err, (1..=300).map(|number| format!("err {number}")).collect::<Vec<_>>());
}
