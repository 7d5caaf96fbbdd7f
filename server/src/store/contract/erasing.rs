//! Erasing payloads: the record stays, what it held is nowhere any more, and the chain and its seals hold.

use domain::aggregate::Payload;
use domain::{Aggregate, Json, Recorded, Stream, erasure, event, function, run};
use futures::StreamExt;
use sha2::{Digest, Sha256};

use super::given::{self, Subject, a_run, at, line, run_started};
use super::home::{Home, soon, until};
use super::seal::{bytes, is_whole, seal_all, sealing, sealing_again};
use crate::store::{Append, EventFilter, LinesOf, PageRequest, PayloadRow, Row, RunFilter, Snapshot, Store};

const SECRET: &str = "Ada Lovelace";

/// What erases a stream, as whoever asks for it makes it.
async fn erasing<A: Aggregate>(
    store: &Store,
    subject: &mut Subject<A>,
    left: impl Fn(&A::Event) -> Option<A::Event>,
    erased: impl Fn(Vec<erasure::Payload>) -> A::Event,
) -> Append {
    let (mut payloads, mut rows) = (Vec::new(), Vec::new());
    for Recorded { stream, version, kind, data, .. } in store.stream(&subject.stream, 0, 100).await.unwrap() {
        let Some(left) = left(&A::Event::decode(&kind, &data).unwrap()) else { continue };
        let data = left.encode();
        payloads.push(erasure::Payload { version, digest: hex::encode(Sha256::digest(&data)) });
        rows.push(Row::Payload(Box::new(PayloadRow { stream, version, data })));
    }
    let mut append = subject.append(vec![erased(payloads)]);
    append.rows.extend(rows);
    append
}

/// A run and an event that are about somebody, each with what belongs to it.
async fn about_somebody(store: &Store) -> (Subject<run::Aggregate>, Subject<event::Aggregate>) {
    let of = function::id("default", "hello", 1);
    let secret = Json::of(&serde_json::json!({ "data": SECRET })).unwrap();
    let mut run = a_run();
    let request = run::event::Request { input: secret.clone(), ..given::request(&run, of) };
    let delivery = run::event::Delivery::Once;
    let asked = run::Event::Requested(run::event::Requested { request, delivery, at: at(10) });
    let outcome = run::event::Outcome { output: Some(secret.clone()), ..Default::default() };
    let failure = run::event::Failure { error: format!("{SECRET} is unknown"), timed_out: false, outcome };
    let failed = run::Event::Failed(run::event::Failed { failure, at: at(12) });
    store.append(run.append(vec![asked, run_started(), failed])).await.unwrap();
    let mut lines = vec![line(of, &format!("greeting {SECRET}")), line(of, "another one")];
    lines[0].run = Some(run.state.as_ref().unwrap().request.run);
    store.append_lines(lines).await.unwrap();
    let snapshot = Snapshot { version: 3, shape: 1, state: SECRET.into() };
    store.save_snapshot(&run.stream, snapshot).await.unwrap();

    let received =
        event::Received { subject: Some(SECRET.into()), event: secret, ..given::received("default", "x", "1") };
    let mut event = given::event(&received);
    store.append(event.append(vec![event::Event::Received(Box::new(received))])).await.unwrap();
    (run, event)
}

/// Everything that followers and readers get.
async fn everything(store: &Store) -> String {
    let head = store.head().await.unwrap();
    let mut seen = String::new();
    let mut feed = store.follow(0);
    let mut last = 0;
    while last < head {
        for record in soon("a batch", feed.next()).await.unwrap().unwrap().iter() {
            last = record.position;
            seen.push_str(&String::from_utf8_lossy(&record.data));
        }
    }
    let page = PageRequest::first(100);
    let of = function::id("default", "hello", 1);
    seen + &format!(
        "{:?} {:?} {:?}",
        store.runs(&RunFilter::default(), &page).await.unwrap(),
        store.events(&EventFilter::default(), &page).await.unwrap(),
        store.lines(LinesOf::Function(of), 0, 100).await.unwrap(),
    )
}

pub async fn what_is_erased_is_nowhere_and_its_record_is_there(home: Home) {
    let store = sealing(&home).await;
    let other = if home.is_postgres() { sealing_again(&home).await } else { store.clone() };
    let (mut run, mut event) = about_somebody(&store).await;
    seal_all(&store).await;
    let originals = store.stream(&run.stream, 0, 10).await.unwrap();
    assert!(everything(&store).await.contains(SECRET) && everything(&other).await.contains(SECRET));

    let erased = |payloads| run::Event::Erased(run::event::Erased { payloads, at: at(40) });
    let append = erasing(&store, &mut run, erasure::of_run, erased).await;
    store.append(append).await.unwrap();
    let erased = |payloads| event::Event::Erased(event::Erased { payloads, at: at(41) });
    let append = erasing(&store, &mut event, |event| erasure::of_event(event, at(41)), erased).await;
    store.append(append).await.unwrap();

    assert!(!everything(&store).await.contains("Ada"));
    // The other server had it in memory.
    let head = store.head().await.unwrap();
    until("the other server has heard of it", || async { other.stats().position() == head }).await;
    assert!(!everything(&other).await.contains("Ada"));
    assert!(store.snapshot(&run.stream).await.unwrap().is_none());
    let lines = store.lines(LinesOf::Function(function::id("default", "hello", 1)), 0, 10).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.line.text.as_str()).collect::<Vec<_>>(), ["another one"]);
    let id = run.state.as_ref().unwrap().request.run;
    let mut late = line(function::id("default", "hello", 1), SECRET);
    late.run = Some(id);
    store.append_lines(vec![late]).await.unwrap();
    store.remove_lines(id).await.unwrap();
    assert!(!everything(&store).await.contains("Ada"));
    // One that was made before and is kept late.
    let late = Snapshot { version: 3, shape: 1, state: SECRET.as_bytes().to_vec() };
    store.save_snapshot(&run.stream, late).await.unwrap();
    assert!(store.snapshot(&run.stream).await.unwrap().is_none());
    let left = store.stream(&run.stream, 0, 10).await.unwrap();
    assert_eq!(
        left.iter().map(|record| &*record.kind).collect::<Vec<_>>(),
        ["Requested", "Started", "Failed", "Erased"]
    );
    assert_eq!(
        left.iter().take(3).map(|r| r.hash).collect::<Vec<_>>(),
        originals.iter().map(|r| r.hash).collect::<Vec<_>>()
    );

    seal_all(&store).await;
    is_whole(&store.verify().await.unwrap(), head);
    let before = everything(&store).await;
    store.rebuild().await.unwrap();
    assert_eq!(everything(&store).await, before);
    is_whole(&store.verify().await.unwrap(), head);

    // Put back, it is found.
    let back = |record: &Recorded| {
        let data = bytes(&home, &record.data);
        format!("UPDATE log SET data = {data} WHERE position = {}", record.position)
    };
    home.tamper(&back(&originals[2])).await;
    let faults = store.verify().await.unwrap().faults.join("\n");
    assert!(faults.contains("version 3 was erased, and its content is there"), "{faults}");
    home.tamper(&back(&left[2])).await;
    // Something else in its place is, too.
    let forged = String::from_utf8_lossy(&left[2].data).replace("\"erased\"", "\"forged\"").into_bytes();
    home.tamper(&back(&Recorded { data: forged.into(), ..left[2].clone() })).await;
    let faults = store.verify().await.unwrap().faults.join("\n");
    assert!(faults.contains("version 3): hash does not fit its content"), "{faults}");
}

pub async fn what_was_written_over_without_a_record_of_it_is_found(home: Home) {
    let store = sealing(&home).await;
    let (run, event) = about_somebody(&store).await;
    seal_all(&store).await;
    let streams: [&Stream; 2] = [&run.stream, &event.stream];
    for stream in streams {
        let record = store.stream(stream, 0, 1).await.unwrap().remove(0);
        let data = match stream.kind() {
            "run" => erasure::of_run(&run::Event::decode(&record.kind, &record.data).unwrap()).unwrap().encode(),
            _ => {
                let event = event::Event::decode(&record.kind, &record.data).unwrap();
                erasure::of_event(&event, at(40)).unwrap().encode()
            }
        };
        let data = bytes(&home, &data);
        home.tamper(&format!("UPDATE log SET data = {data} WHERE position = {}", record.position)).await;
    }
    let faults = store.verify().await.unwrap().faults.join("\n");
    for stream in streams {
        assert!(faults.contains(&format!("stream {stream}, version 1): hash does not fit its content")), "{faults}");
    }
}
