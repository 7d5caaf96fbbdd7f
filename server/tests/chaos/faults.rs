//! What breaks, and when.

use std::time::{Duration, Instant};

use futures::future::join_all;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::Size;
use crate::cluster::{Cluster, Node};

/// A server that was killed is there again within this.
const RESTARTED_WITHIN: Duration = Duration::from_secs(90);

#[derive(Debug, Clone, Copy)]
pub struct Fault {
    after: Duration,
    what: What,
    /// How long until it is mended.
    lasts: Duration,
}

#[derive(Debug, Clone, Copy)]
enum What {
    KillServer(usize),
    PauseServer(usize),
    CutDatabase(usize),
    CutBroker(usize),
    KillPostgres,
    KillBroker,
}

/// Each kind of fault at least once, as far as there are so many.
pub fn plan(cluster: &Cluster, size: &Size, random: &mut StdRng) -> Vec<Fault> {
    let mut kinds: Vec<What> = Vec::new();
    while kinds.len() < size.faults {
        let node = |random: &mut StdRng| random.random_range(0..cluster.nodes.len());
        let mut round = vec![
            What::KillServer(node(random)),
            What::PauseServer(node(random)),
            What::CutDatabase(node(random)),
            What::KillPostgres,
        ];
        if cluster.broker.is_some() {
            round.extend([What::CutBroker(node(random)), What::KillBroker]);
        }
        kinds.extend(round);
    }
    kinds.truncate(size.faults);
    kinds.shuffle(random);
    let slot = size.within / u32::try_from(kinds.len()).expect("few faults");
    let faults = kinds.into_iter().zip(0u32..).map(|(what, index)| {
        let after = slot * index + slot.mul_f64(random.random_range(0.0..1.0));
        let lasts = match what {
            What::PauseServer(_) => size.pause,
            _ => Duration::from_millis(random.random_range(100..2000)),
        };
        Fault { after, what, lasts }
    });
    faults.collect()
}

/// Breaks it all, and mends it; returns what was broken when.
pub async fn happen(cluster: &Cluster, plan: Vec<Fault>, began: Instant) -> Vec<String> {
    join_all(plan.into_iter().map(|fault| one(cluster, fault, began))).await
}

async fn one(cluster: &Cluster, fault: Fault, began: Instant) -> String {
    tokio::time::sleep_until((began + fault.after).into()).await;
    let since = began.elapsed();
    let what = match fault.what {
        What::KillServer(node) => {
            let node = &cluster.nodes[node];
            kill_server(node, fault.lasts).await;
            format!("kill -9 of server {}", node.name)
        }
        What::PauseServer(node) => {
            let node = &cluster.nodes[node];
            pause_server(node, fault.lasts).await;
            format!("SIGSTOP of server {}", node.name)
        }
        What::CutDatabase(node) => {
            let node = &cluster.nodes[node];
            node.to_database.cut();
            tokio::time::sleep(fault.lasts).await;
            node.to_database.mend();
            format!("server {} cut from PostgreSQL", node.name)
        }
        What::CutBroker(node) => {
            let node = &cluster.nodes[node];
            let proxy = node.to_broker.as_ref().expect("there is a broker");
            proxy.cut();
            tokio::time::sleep(fault.lasts).await;
            proxy.mend();
            format!("server {} cut from RabbitMQ", node.name)
        }
        What::KillPostgres => {
            let postgres = cluster.postgres.clone();
            let broken = tokio::task::spawn_blocking(move || {
                let mut postgres = postgres.lock().unwrap();
                postgres.kill();
                std::thread::sleep(fault.lasts);
            });
            broken.await.unwrap();
            // On a thread that stays: it ends with the thread that started it.
            tokio::task::block_in_place(|| cluster.postgres.lock().unwrap().restart());
            "kill -9 of PostgreSQL".to_owned()
        }
        What::KillBroker => {
            let broker = cluster.broker.clone().expect("there is a broker");
            let broken = tokio::task::spawn_blocking(move || {
                let mut broker = broker.lock().unwrap();
                broker.kill();
                std::thread::sleep(fault.lasts);
                broker.restart();
            });
            broken.await.unwrap();
            "kill -9 of RabbitMQ".to_owned()
        }
    };
    let (since, until) = (since.as_secs_f64(), began.elapsed().as_secs_f64());
    format!("{since:5.1} s to {until:5.1} s  {what}")
}

async fn kill_server(node: &Node, lasts: Duration) {
    let mut app = node.app.lock().await;
    app.kill().await;
    tokio::time::sleep(lasts).await;
    // The database may be away as well: whoever runs a server has it started again until it stays.
    let deadline = Instant::now() + RESTARTED_WITHIN;
    while let Err(why) = app.try_restart().await {
        assert!(Instant::now() < deadline, "{why}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    node.url.lock().unwrap().clone_from(&app.url);
}

async fn pause_server(node: &Node, lasts: Duration) {
    let pid = Pid::from_raw(i32::try_from(node.app.lock().await.pid()).unwrap());
    kill(pid, Signal::SIGSTOP).unwrap();
    tokio::time::sleep(lasts).await;
    // It may have been killed meanwhile, and its number be another's.
    let app = node.app.lock().await;
    if app.pid() == pid.as_raw().unsigned_abs() {
        kill(pid, Signal::SIGCONT).unwrap();
    }
}
