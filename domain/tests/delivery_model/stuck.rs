//! Whether every run can still end. This concerns all paths from a state: a property of a single state cannot express
//! it, and `eventually` only if no path leads back.

use std::collections::{HashMap, VecDeque};

use stateright::Model;

use crate::model::{Action, Delivery, World};

/// A shortest path to a state from which the protocol, without further faults, cannot bring every run to its end. A
/// server that is down or paused is not needed while another one is up.
pub fn find(delivery: &Delivery) -> Option<Vec<Action>> {
    let mut numbers: HashMap<World, usize> = HashMap::new();
    let mut reached: Vec<Option<(usize, Action)>> = Vec::new();
    let mut before: Vec<Vec<usize>> = Vec::new();
    let mut good = VecDeque::new();
    let mut open: VecDeque<World> = delivery.init_states().into();
    for world in &open {
        numbers.insert(world.clone(), reached.len());
        reached.push(None);
        before.push(Vec::new());
    }
    while let Some(world) = open.pop_front() {
        let number = numbers[&world];
        if world.is_done() {
            good.push_back(number);
        }
        for (action, next) in delivery.next_steps(&world) {
            let next_number = *numbers.entry(next).or_insert_with_key(|next| {
                open.push_back(next.clone());
                reached.push(Some((number, action)));
                before.push(Vec::new());
                reached.len() - 1
            });
            if world.can_count_on(action) {
                before[next_number].push(number);
            }
        }
    }

    let mut ends = vec![false; reached.len()];
    while let Some(number) = good.pop_front() {
        if !std::mem::replace(&mut ends[number], true) {
            good.extend(&before[number]);
        }
    }
    let mut number = ends.iter().position(|ends| !ends)?;
    let mut way = Vec::new();
    while let Some((previous, action)) = reached[number] {
        way.push(action);
        number = previous;
    }
    way.reverse();
    Some(way)
}
