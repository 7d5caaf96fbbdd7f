//! Splits runs that are requested together into parts whose records fit into memory: one event may reach every function
//! of its namespace, and the record of each run contains a copy of the event.

use crate::queue::Request;

/// Maximum bytes of a part, unless a single run exceeds it.
pub(super) const MAX_BYTES: usize = 8 << 20;

/// Maximum number of runs in a part.
pub(super) const MAX_RUNS: usize = 512;

/// The approximate size of a record without its input.
const OVERHEAD: usize = 1 << 10;

/// Splits requests into parts of consecutive ones, each within the limits.
pub(super) fn split(requests: Vec<Request>) -> Vec<Vec<Request>> {
    let mut parts: Vec<Vec<Request>> = Vec::new();
    let mut bytes = 0;
    for request in requests {
        let weight = weight(&request);
        match parts.last_mut() {
            Some(part) if part.len() < MAX_RUNS && bytes + weight <= MAX_BYTES => {
                bytes += weight;
                part.push(request);
            }
            _ => {
                bytes = weight;
                parts.push(vec![request]);
            }
        }
    }
    parts
}

/// The approximate size of the records of requests, in bytes.
pub(super) fn weight_of(requests: &[Request]) -> usize {
    requests.iter().map(weight).sum()
}

fn weight(request: &Request) -> usize {
    request.input_bytes() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::run::RunRequest;
    use domain::run::event::{Delivery, Requested};
    use domain::{Cause, Json};
    use proptest::prelude::*;

    use super::*;
    use crate::clock;

    fn request(input: &Json) -> Request {
        let (run, function) = (clock::new_id(), clock::new_id());
        let request = domain::run::event::Request {
            run,
            function,
            namespace: "default".to_owned(),
            trigger: "a.b".to_owned(),
            event: None,
            input: input.clone(),
            input_cut: false,
            version: None,
            replayed_from: None,
            callback: None,
        };
        let requested = Requested { request, delivery: Delivery::Once, at: clock::now() };
        Request { function, run, asked: Some(Arc::new(RunRequest { requested, cause: Cause::default() })) }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn parts_have_all_requests_in_order_and_stay_within_the_limits(
            sizes in proptest::collection::vec(prop_oneof![Just(10), Just(300_000), Just(9 << 20)], 0..40),
            many in 0usize..1200,
        ) {
            let inputs: Vec<_> = sizes.iter().map(|size: &usize| Json::of(&"x".repeat(*size)).unwrap()).collect();
            let small = Json::null();
            let requests: Vec<_> =
                inputs.iter().map(request).chain((0..many).map(|_| request(&small))).collect();
            let runs: Vec<_> = requests.iter().map(|request| request.run).collect();
            let parts = split(requests);
            let after: Vec<_> = parts.iter().flatten().map(|request| request.run).collect();
            prop_assert_eq!(after, runs);
            for part in parts {
                prop_assert!(!part.is_empty() && part.len() <= MAX_RUNS);
                prop_assert!(part.len() == 1 || weight_of(&part) <= MAX_BYTES);
            }
        }
    }
}
