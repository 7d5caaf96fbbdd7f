//! A fair semaphore: namespaces, and the functions within a namespace, take its permits in turn, so that one which asks
//! for many delays another by one turn only.
//!
//! Knows names and numbers, not what the permits are for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A fair semaphore. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Turns(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    all: usize,
    free: usize,
    /// The maximum number of permits of one namespace, and of one function.
    most: (usize, usize),
    /// Namespaces that hold a permit or wait for one.
    namespaces: HashMap<Arc<str>, Namespace>,
    /// Increases with each permit that is granted or requested.
    turn: u64,
}

#[derive(Debug, Default)]
struct Namespace {
    order: Order,
    waiting: usize,
    functions: HashMap<Arc<str>, Function>,
}

#[derive(Debug, Default)]
struct Function {
    order: Order,
    /// By ticket, oldest first.
    waiting: BTreeMap<u64, Pending>,
}

/// A waiting request.
#[derive(Debug)]
struct Pending {
    permits: usize,
    sender: oneshot::Sender<Permit>,
}

/// The order of candidates: fewest permits first, then least recently served, then longest waiting.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Order {
    taken: usize,
    last_turn: u64,
}

/// One or more permits, given back when dropped.
#[derive(Debug)]
pub struct Permit {
    /// `None` if already given back.
    turns: Option<Turns>,
    permits: usize,
    namespace: Arc<str>,
    function: Arc<str>,
}

impl Turns {
    /// With permits that one namespace or function may all have if nobody else wants them.
    pub fn new(permits: usize) -> Self {
        Self::with_shares(permits, permits, permits)
    }

    /// With permits of which one namespace may have at most `of_namespace`, and one function at most `of_function`. The
    /// rest is left to others, however long these are held.
    pub fn with_shares(permits: usize, of_namespace: usize, of_function: usize) -> Self {
        let most = (of_namespace.max(1), of_function.max(1));
        Self(Arc::new(Mutex::new(State { all: permits, free: permits, most, namespaces: HashMap::new(), turn: 0 })))
    }

    /// Waits for a permit for a function. Dropping the future gives up.
    pub async fn take(&self, namespace: &str, function: &str) -> Permit {
        self.take_many(namespace, function, 1).await
    }

    /// Waits for several permits for a function at once, at most for all of them. A request above the function's share
    /// is granted when it holds no other permits. The next in turn waits for enough free permits without being
    /// overtaken.
    pub async fn take_many(&self, namespace: &str, function: &str, permits: usize) -> Permit {
        let (sender, receiver) = oneshot::channel();
        let permits = permits.clamp(1, self.0.lock().all);
        let waiting = self.wait(namespace.into(), function.into(), Pending { permits, sender });
        self.give();
        let permit = receiver.await.expect("its sender is dropped only with what waits");
        drop(waiting);
        permit
    }

    fn wait(&self, namespace: Arc<str>, function: Arc<str>, pending: Pending) -> Waiting<'_> {
        let mut state = self.0.lock();
        state.turn += 1;
        let ticket = state.turn;
        let one = state.namespaces.entry(namespace.clone()).or_default();
        one.waiting += 1;
        one.functions.entry(function.clone()).or_default().waiting.insert(ticket, pending);
        Waiting { turns: self, namespace, function, ticket }
    }

    /// Grants free permits to those waiting.
    fn give(&self) {
        loop {
            let next = self.0.lock().next();
            let Some((Pending { permits, sender }, namespace, function)) = next else { return };
            let permit = Permit { turns: Some(self.clone()), permits, namespace, function };
            if let Err(mut permit) = sender.send(permit) {
                // The request was given up meanwhile. The permit is granted to the next one here rather than by its
                // drop, which would recurse.
                permit.put_back();
            }
        }
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.0.lock().namespaces.values().map(|one| one.functions.len()).sum()
    }
}

impl Namespace {
    /// The ticket of the longest waiting request.
    fn oldest(&self) -> Option<u64> {
        self.functions.values().filter_map(Function::oldest).min()
    }
}

impl Function {
    fn oldest(&self) -> Option<u64> {
        self.waiting.first_key_value().map(|(ticket, _)| *ticket)
    }
}

impl State {
    /// Takes the permits for the next request that can be granted.
    fn next(&mut self) -> Option<(Pending, Arc<str>, Arc<str>)> {
        if self.free == 0 {
            return None;
        }
        let (of_namespace, of_function) = self.most;
        let fits = |order: &Order, most: usize, permits: usize| order.taken == 0 || order.taken + permits <= most;
        let candidates = self.namespaces.iter().filter(|(_, one)| one.waiting > 0 && one.order.taken < of_namespace);
        let next = |one: &Namespace| {
            let waiting = one.functions.iter().filter(|(_, function)| {
                let pending = function.waiting.first_key_value();
                pending.is_some_and(|(_, pending)| {
                    fits(&function.order, of_function, pending.permits)
                        && fits(&one.order, of_namespace, pending.permits)
                })
            });
            waiting.min_by_key(|(_, function)| (function.order, function.oldest())).map(|(name, _)| name.clone())
        };
        let mut candidates: Vec<_> = candidates.map(|(name, one)| (one.order, one.oldest(), name.clone())).collect();
        candidates.sort_unstable();
        // All requests of a namespace may be waiting for its own permits to be given back.
        let found = candidates.into_iter().find_map(|(_, _, name)| Some((next(self.namespaces.get(&name)?)?, name)));
        let (function, namespace) = found?;
        let one = self.namespaces.get_mut(&namespace)?;
        let member = one.functions.get_mut(&function)?;
        let oldest = member.waiting.first_entry()?;
        let permits = oldest.get().permits;
        if permits > self.free {
            return None;
        }
        let pending = oldest.remove();
        self.turn += 1;
        let turn = self.turn;
        let order = |order: Order| Order { taken: order.taken + permits, last_turn: turn };
        (one.order, member.order) = (order(one.order), order(member.order));
        one.waiting -= 1;
        self.free -= permits;
        Some((pending, namespace, function))
    }

    /// Removes a function or namespace that neither holds permits nor waits.
    fn forget(&mut self, namespace: &str, function: &str) {
        let Some(one) = self.namespaces.get_mut(namespace) else { return };
        if one.functions.get(function).is_some_and(|one| one.order.taken == 0 && one.waiting.is_empty()) {
            one.functions.remove(function);
        }
        if one.functions.is_empty() {
            self.namespaces.remove(namespace);
        }
    }
}

/// A waiter, until it is granted a permit or gives up.
struct Waiting<'t> {
    turns: &'t Turns,
    namespace: Arc<str>,
    function: Arc<str>,
    ticket: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.0.lock();
        let Some(one) = state.namespaces.get_mut(&self.namespace) else { return };
        let given_up = one.functions.get_mut(&self.function).and_then(|one| one.waiting.remove(&self.ticket));
        if given_up.is_some() {
            one.waiting -= 1;
            state.forget(&self.namespace, &self.function);
        }
    }
}

impl Permit {
    /// Runs a future with this permit, which is given back at its end, or after `at_most`: then the rest runs without.
    pub async fn during<T>(self, at_most: Duration, what: impl Future<Output = T>) -> T {
        let mut what = std::pin::pin!(what);
        match timeout(at_most, &mut what).await {
            Ok(done) => done,
            Err(_) => {
                drop(self);
                what.await
            }
        }
    }

    /// Gives it back. Returns the semaphore unless that was done before.
    fn put_back(&mut self) -> Option<Turns> {
        let turns = self.turns.take()?;
        {
            let mut state = turns.0.lock();
            state.free += self.permits;
            if let Some(one) = state.namespaces.get_mut(&self.namespace) {
                one.order.taken = one.order.taken.saturating_sub(self.permits);
                if let Some(one) = one.functions.get_mut(&self.function) {
                    one.order.taken = one.order.taken.saturating_sub(self.permits);
                }
            }
            state.forget(&self.namespace, &self.function);
        }
        Some(turns)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(turns) = self.put_back() {
            turns.give();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::stream::{FuturesUnordered, StreamExt};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn many_of_one_namespace_hold_up_another_by_one_turn() {
        let turns = Turns::new(2);
        let (first, second) = (turns.take("loud", "0").await, turns.take("loud", "1").await);
        // Many functions do not get more turns than one.
        let names: Vec<_> = (0..50).map(|number| number.to_string()).collect();
        let mut rest: FuturesUnordered<_> = names.iter().map(|name| turns.take("loud", name)).collect();
        assert!(rest.next().now_or_never().is_none());
        let mut quiet = std::pin::pin!(turns.take("quiet", "a"));
        assert!(quiet.as_mut().now_or_never().is_none());
        drop(first);
        let quiet = quiet.now_or_never().expect("it is the next");
        assert!(rest.next().now_or_never().is_none());
        drop((second, quiet));
        for _ in 0..50 {
            // Each permit is passed on when it is dropped.
            rest.next().now_or_never().expect("a place is free");
        }
    }

    #[tokio::test]
    async fn newcomers_do_not_get_ahead_by_their_names() {
        let turns = Turns::new(1);
        let mut permit = turns.take("busy", "").await;
        let mut waits = Box::pin(turns.take("zoo", ""));
        assert!(waits.as_mut().now_or_never().is_none());
        let mut ahead = Box::pin(turns.take("ant", ""));
        assert!(ahead.as_mut().now_or_never().is_none());
        drop(permit);
        permit = waits.now_or_never().expect("it has waited longest");
        drop(permit);
        assert!(ahead.now_or_never().is_some());
    }

    #[tokio::test]
    async fn many_of_one_function_hold_up_another_of_its_namespace_by_one_turn() {
        let turns = Turns::new(1);
        let first = turns.take("team", "crash").await;
        let mut rest: FuturesUnordered<_> = (0..50).map(|_| turns.take("team", "crash")).collect();
        assert!(rest.next().now_or_never().is_none());
        let mut good = std::pin::pin!(turns.take("team", "good"));
        assert!(good.as_mut().now_or_never().is_none());
        drop(first);
        good.now_or_never().expect("it is the next");
    }

    #[tokio::test]
    async fn who_keeps_its_share_leaves_the_rest_to_others() {
        let turns = Turns::with_shares(4, 3, 2);
        let held = [turns.take("loud", "a").await, turns.take("loud", "a").await];
        assert!(turns.take("loud", "a").now_or_never().is_none(), "a function has two");
        let third = turns.take("loud", "b").now_or_never().expect("a namespace has three");
        assert!(turns.take("loud", "c").now_or_never().is_none());
        // A request that is limited by its own share does not hold up others.
        let mut waits = std::pin::pin!(turns.take("loud", "c"));
        assert!(waits.as_mut().now_or_never().is_none());
        let quiet = turns.take("quiet", "a").now_or_never().expect("the fourth");
        drop(quiet);
        assert!(waits.as_mut().now_or_never().is_none());
        drop(third);
        waits.now_or_never().expect("its namespace has a place again");
        drop(held);
    }

    #[tokio::test]
    async fn many_places_are_taken_together_and_nobody_overtakes_who_waits_for_them() {
        let turns = Turns::with_shares(8, 6, 4);
        let first = turns.take_many("loud", "a", 4).await;
        assert!(turns.take("loud", "a").now_or_never().is_none(), "a function has four");
        assert!(turns.take_many("loud", "b", 3).now_or_never().is_none(), "a namespace has six");
        let second = turns.take_many("loud", "b", 2).now_or_never().expect("a namespace has six");
        let mut large = std::pin::pin!(turns.take_many("quiet", "a", 3));
        assert!(large.as_mut().now_or_never().is_none());
        let mut small = std::pin::pin!(turns.take("silent", "a"));
        assert!(small.as_mut().now_or_never().is_none(), "it would keep the other one waiting for ever");
        drop(second);
        let large = large.now_or_never().expect("there are four");
        let small = small.now_or_never().expect("and one is left");
        drop((first, large, small));
        let all =
            turns.take_many("loud", "a", 100).now_or_never().expect("more than its share, and more than there are");
        assert!(turns.take("quiet", "a").now_or_never().is_none());
        drop(all);
        assert_eq!(turns.remembered(), 0);
        assert!(turns.take_many("quiet", "a", 8).now_or_never().is_some(), "all are there again");
    }

    #[tokio::test]
    async fn a_place_is_not_lost_with_whoever_gives_up() {
        let turns = Turns::new(1);
        let permit = turns.take("a", "a").await;
        let mut waits = Box::pin(turns.take("b", "b"));
        assert!(waits.as_mut().now_or_never().is_none());
        let mut given = Box::pin(turns.take("c", "c"));
        assert!(given.as_mut().now_or_never().is_none());
        drop(waits);
        drop(permit);
        // It was granted the permit but never takes it.
        drop(given);
        assert!(Box::pin(turns.take("d", "d")).now_or_never().is_some());
    }

    #[tokio::test]
    async fn what_never_becomes_ready_gives_its_place_back() {
        let turns = Turns::new(1);
        let permit = turns.take("team", "never").await;
        let turn_ends = Duration::from_millis(20);
        let before = Instant::now();
        let never = tokio::spawn(permit.during(turn_ends, std::future::pending::<()>()));
        turns.take("team", "good").await;
        assert!(before.elapsed() >= turn_ends);
        never.abort();
    }

    #[tokio::test]
    async fn who_neither_has_a_place_nor_waits_is_forgotten() {
        let turns = Turns::new(1);
        for number in 0..100 {
            let permit = turns.take(&number.to_string(), "f").await;
            assert!(turns.take(&number.to_string(), "given-up").now_or_never().is_none());
            drop(permit);
        }
        assert_eq!(turns.remembered(), 0);
    }
}
