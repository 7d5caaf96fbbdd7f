//! The CPU weights of instances: one that has used much recently yields to one that has not.
//!
//! Without this, all instances have the same weight, and a function that answers a call in a millisecond waits for
//! every other one that never stops. Usage is counted per function and not per instance, so a crashed one does not
//! start afresh. When CPUs are idle, weights change nothing, so nobody loses what nobody else wants.
//!
//! Knows times and numbers; the control groups apply the weights.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::cgroup::Cgroup;

/// How often the use of all instances is measured.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// After this, past use counts half.
const HALF_LIFE: Duration = Duration::from_secs(5);

/// The weight of an instance that uses little, as version 2 of the control groups counts it (1 to 10,000).
pub(super) const FULL: u32 = 10_000;

/// The least weight: an instance that uses very much still makes progress.
const LEAST: u32 = 20;

/// The weight while a process starts: above heavy users, below instances that answer calls.
pub(super) const STARTING: u32 = 1_000;

/// The weight of builds: nobody waits for their next millisecond.
pub(super) const BUILDING: u32 = 200;

/// An instance that uses less than this part of an equal share uses little.
const LITTLE: f64 = 0.25;

/// The least that counts as little, in processors, however many instances there are.
const LITTLE_AT_LEAST: f64 = 0.001;
const LITTLE_AT_MOST: f64 = 0.1;

/// A function without instances that recently used less than this, in processors, is forgotten.
const FORGOTTEN_BELOW: f64 = 0.0005;

/// A weight is set again only if it changes by more than this factor.
const WORTH_SETTING: f64 = 1.2;

/// What a process runs for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// A function, by namespace and name.
    Function(Arc<str>, Arc<str>),
    /// A build.
    Build,
}

/// The usage of all functions that have instances, or had until recently.
#[derive(Debug)]
pub(super) struct Weights {
    processors: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    functions: HashMap<Owner, Usage>,
    members: Vec<Member>,
    looked: Instant,
}

#[derive(Debug, Default)]
struct Usage {
    /// Processors used recently.
    rate: f64,
    /// Processor time since the last measurement.
    fresh: Duration,
    instances: usize,
}

#[derive(Debug)]
struct Member {
    owner: Owner,
    cgroup: Weak<Cgroup>,
    /// Processor time up to the last measurement.
    counted: Duration,
    starting: bool,
    weight: u32,
}

impl Weights {
    pub(super) fn new(processors: usize) -> Weights {
        let state = State { functions: HashMap::new(), members: Vec::new(), looked: Instant::now() };
        Weights { processors: processors.max(1) as f64, state: Mutex::new(state) }
    }

    /// Registers a process that starts in this group. It has less weight while `starting`, until it [is
    /// ready](Weights::is_ready).
    pub(super) fn starts(&self, owner: Owner, cgroup: &Arc<Cgroup>, starting: bool) {
        let mut state = self.state.lock();
        let weight = match &owner {
            Owner::Build => BUILDING,
            owner => state.weight_of(owner, self.processors).min(if starting { STARTING } else { FULL }),
        };
        if owner != Owner::Build {
            state.functions.entry(owner.clone()).or_default().instances += 1;
            let counted = cgroup.processor_time().unwrap_or_default();
            state.members.push(Member { owner, cgroup: Arc::downgrade(cgroup), counted, starting, weight });
        }
        drop(state);
        set(cgroup, weight);
    }

    /// Notes that it answers calls from now on.
    pub(super) fn is_ready(&self, cgroup: &Arc<Cgroup>) {
        let mut state = self.state.lock();
        let Some(index) = state.members.iter().position(|member| member.is(cgroup)) else { return };
        let weight = state.weight_of(&state.members[index].owner, self.processors);
        let member = &mut state.members[index];
        (member.starting, member.weight) = (false, weight);
        drop(state);
        set(cgroup, weight);
    }

    /// Notes that it was killed, or that its first process has ended; call it while the group still exists. Its only
    /// task is
    /// now to free its resources, which should not take long.
    pub(super) fn ends(&self, cgroup: &Arc<Cgroup>) {
        set(cgroup, STARTING);
        let used = cgroup.processor_time();
        let mut state = self.state.lock();
        let Some(index) = state.members.iter().position(|member| member.is(cgroup)) else { return };
        let member = state.members.swap_remove(index);
        if let Some(usage) = state.functions.get_mut(&member.owner) {
            usage.instances = usage.instances.saturating_sub(1);
            usage.fresh += used.unwrap_or_default().saturating_sub(member.counted);
        }
    }

    /// Measures the use of all, and sets the weights.
    pub(super) fn look(&self, now: Instant) {
        // Reading takes time on a low-priority thread: nobody who starts something should wait for it.
        let cgroups: Vec<_> = self.state.lock().members.iter().map(|member| member.cgroup.clone()).collect();
        let read = |cgroup: &Weak<Cgroup>| Some((cgroup.as_ptr(), cgroup.upgrade()?.processor_time()?));
        let used: HashMap<_, _> = cgroups.iter().filter_map(read).collect();
        let mut changed = Vec::new();
        {
            let mut state = self.state.lock();
            let State { functions, members, looked } = &mut *state;
            members.retain_mut(|member| {
                let usage = functions.entry(member.owner.clone()).or_default();
                if member.cgroup.strong_count() == 0 {
                    usage.instances = usage.instances.saturating_sub(1);
                    return false;
                }
                if let Some(used) = used.get(&member.cgroup.as_ptr()) {
                    usage.fresh += used.saturating_sub(member.counted);
                    member.counted = *used;
                }
                true
            });
            let passed = now.saturating_duration_since(*looked);
            *looked = now;
            functions.values_mut().for_each(|usage| usage.pass(passed));
            functions.retain(|_, usage| usage.instances > 0 || usage.rate >= FORGOTTEN_BELOW);
            let little = little(self.processors, members.len());
            for member in members {
                let rate = functions.get(&member.owner).map_or(0.0, |usage| usage.rate);
                let most = if member.starting { STARTING } else { FULL };
                let weight = weight(rate, little).min(most);
                let factor = f64::from(weight.max(member.weight)) / f64::from(weight.min(member.weight).max(1));
                if factor > WORTH_SETTING {
                    member.weight = weight;
                    changed.extend(member.cgroup.upgrade().map(|cgroup| (cgroup, weight)));
                }
            }
        }
        for (cgroup, weight) in changed {
            set(&cgroup, weight);
        }
    }
}

impl State {
    fn weight_of(&self, owner: &Owner, processors: f64) -> u32 {
        let rate = self.functions.get(owner).map_or(0.0, |usage| usage.rate);
        weight(rate, little(processors, self.members.len()))
    }
}

impl Usage {
    /// Accounts for the time in which the new use was made.
    fn pass(&mut self, passed: Duration) {
        let seconds = passed.as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        let kept = 0.5_f64.powf(seconds / HALF_LIFE.as_secs_f64());
        let now = std::mem::take(&mut self.fresh).as_secs_f64() / seconds;
        self.rate = self.rate * kept + now * (1.0 - kept);
    }
}

impl Member {
    fn is(&self, cgroup: &Arc<Cgroup>) -> bool {
        std::ptr::eq(self.cgroup.as_ptr(), Arc::as_ptr(cgroup))
    }
}

/// How many processors count as little use, with so many instances.
fn little(processors: f64, instances: usize) -> f64 {
    (LITTLE * processors / instances.max(1) as f64).clamp(LITTLE_AT_LEAST, LITTLE_AT_MOST)
}

/// The weight at this rate of use: full while it is little, then falling with its square.
fn weight(rate: f64, little: f64) -> u32 {
    if rate <= little {
        return FULL;
    }
    let part = little / rate;
    ((f64::from(FULL) * part * part) as u32).max(LEAST)
}

fn set(cgroup: &Cgroup, weight: u32) {
    // Its processes may have ended already, and the group with them.
    if let Err(error) = cgroup.weigh(weight)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the weight of a control group could not be set");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    use std::fs;

    use super::super::cgroup::Cgroups;

    /// An instance whose control group consists of plain files.
    struct Instance {
        folder: tempfile::TempDir,
        cgroup: Arc<Cgroup>,
    }

    impl Instance {
        fn new() -> Instance {
            let folder = tempfile::tempdir().unwrap();
            let cgroup = Arc::new(Cgroups::of_files(folder.path()));
            let instance = Instance { folder, cgroup };
            instance.has_used(0);
            instance
        }

        fn has_used(&self, milliseconds: u64) {
            let text = format!("usage_usec {}\n", milliseconds * 1000);
            fs::write(self.folder.path().join("cpu.stat"), text).unwrap();
        }

        fn weight(&self) -> u32 {
            fs::read_to_string(self.folder.path().join("cpu.weight")).unwrap().parse().unwrap()
        }
    }

    fn function(name: &str) -> Owner {
        Owner::Function("default".into(), name.into())
    }

    fn running(weights: &Weights, name: &str) -> Instance {
        let instance = Instance::new();
        weights.starts(function(name), &instance.cgroup, true);
        weights.is_ready(&instance.cgroup);
        instance
    }

    #[test]
    fn who_uses_much_gives_way_to_who_uses_little() {
        let weights = Weights::new(2);
        let (good, busy) = (running(&weights, "good"), running(&weights, "busy"));
        assert_eq!((good.weight(), busy.weight()), (FULL, FULL));
        let mut now = Instant::now();
        for second in 1..=20 {
            now += Duration::from_secs(1);
            good.has_used(second * 5);
            busy.has_used(second * 1000);
            weights.look(now);
        }
        assert_eq!(good.weight(), FULL);
        assert!(busy.weight() < FULL / 50, "{}", busy.weight());
        // It is forgiven when it has been quiet for a while.
        for _ in 0..60 {
            now += Duration::from_secs(1);
            weights.look(now);
        }
        assert!(f64::from(busy.weight()) * WORTH_SETTING >= f64::from(FULL), "{}", busy.weight());
    }

    #[test]
    fn who_crashes_is_not_new_again() {
        let weights = Weights::new(2);
        let mut now = Instant::now();
        for _ in 0..10 {
            let instance = running(&weights, "crash");
            instance.has_used(500);
            weights.ends(&instance.cgroup);
            now += Duration::from_secs(1);
            weights.look(now);
        }
        let last = running(&weights, "crash");
        weights.ends(&last.cgroup);
        assert_eq!(last.weight(), STARTING, "it is to be gone soon");
        let again = running(&weights, "crash");
        assert!(again.weight() < FULL / 10, "{}", again.weight());
        assert_eq!(running(&weights, "good").weight(), FULL);
    }

    #[test]
    fn among_many_that_share_the_processors_who_uses_less_than_its_share_goes_first() {
        let weights = Weights::new(2);
        let good = running(&weights, "good");
        let busy: Vec<_> = (0..200).map(|number| running(&weights, &number.to_string())).collect();
        let mut now = Instant::now();
        for second in 1..=20 {
            now += Duration::from_secs(1);
            good.has_used(second * 2);
            // Two processors for two hundred.
            busy.iter().for_each(|instance| instance.has_used(second * 10));
            weights.look(now);
        }
        assert_eq!(good.weight(), FULL);
        assert!(busy.iter().all(|instance| instance.weight() < FULL / 10), "{}", busy[0].weight());
    }

    #[test]
    fn a_start_and_a_build_weigh_less_than_an_instance_that_answers() {
        let weights = Weights::new(2);
        let (starting, build) = (Instance::new(), Instance::new());
        weights.starts(function("new"), &starting.cgroup, true);
        weights.starts(Owner::Build, &build.cgroup, false);
        assert_eq!((starting.weight(), build.weight()), (STARTING, BUILDING));
        weights.look(Instant::now() + LOOK_EVERY);
        assert_eq!((starting.weight(), build.weight()), (STARTING, BUILDING));
        weights.is_ready(&starting.cgroup);
        assert_eq!(starting.weight(), FULL);
    }

    #[test]
    fn functions_that_are_gone_are_forgotten() {
        let weights = Weights::new(2);
        let mut now = Instant::now();
        for number in 0..100 {
            let instance = running(&weights, &number.to_string());
            instance.has_used(50);
            match number % 2 {
                0 => weights.ends(&instance.cgroup),
                // Its end was never reported: the group went with its last handle.
                _ => drop(instance),
            }
        }
        for _ in 0..60 {
            now += Duration::from_secs(1);
            weights.look(now);
        }
        let state = weights.state.lock();
        assert_eq!((state.functions.len(), state.members.len()), (0, 0));
    }
}
