//! How much memory the payloads of one answer may take.
//!
//! A payload is JSON of up to a quarter of a megabyte, and takes up to a hundred times as much as a tree of values. Many
//! fields of one query may each have one.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::{Context, Result};
use domain::Json;
use serde_json::Value;

use super::fail;
use crate::ingress::error::Refusal;

/// Bytes of all payloads of one answer, as they are in memory.
const MAX_BYTES: usize = 128 << 20;

/// Bytes that an object takes beside its text, and any value.
const OBJECT: usize = 500;
const VALUE: usize = 100;

/// What is left for one answer.
pub(super) struct Budget(AtomicUsize);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicUsize::new(MAX_BYTES))
    }
}

impl Budget {
    fn take(&self, bytes: usize) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }
}

/// The value of a payload.
///
/// # Errors
/// `answer_too_large`.
pub(super) fn value(ctx: &Context<'_>, json: &Json) -> Result<Value> {
    afford(ctx, json.get().as_bytes())?;
    Ok(json.value())
}

/// Takes from the budget what a payload of this text will take of the memory.
///
/// # Errors
/// `answer_too_large`.
pub(super) fn afford(ctx: &Context<'_>, text: &[u8]) -> Result<()> {
    match ctx.data_opt::<Budget>() {
        Some(budget) if !budget.take(weight(text)) => Err(fail(Refusal::problem(
            "answer_too_large",
            "the payloads of this answer take too much memory: ask for fewer of them at a time",
        ))),
        _ => Ok(()),
    }
}

/// Signs in texts count as well: that is too much rather than too little.
fn weight(text: &[u8]) -> usize {
    let cost = |byte: &u8| match byte {
        b'{' => OBJECT,
        b',' | b'[' => VALUE,
        _ => 1,
    };
    text.iter().map(cost).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends() {
        let budget = Budget::default();
        assert!(budget.take(MAX_BYTES / 2) && budget.take(MAX_BYTES / 2));
        assert!(!budget.take(1));
        // What cannot be afforded takes nothing from what can.
        let budget = Budget::default();
        assert!(!budget.take(MAX_BYTES + 1) && budget.take(MAX_BYTES));
    }

    #[test]
    fn small_things_weigh_more_than_their_text() {
        assert_eq!(weight(b"\"text\""), 6);
        assert!(weight(br#"[{"":0},{"":0}]"#) > 2 * OBJECT);
        assert!(weight("1,".repeat(1000).as_bytes()) > 1000 * VALUE);
    }
}
