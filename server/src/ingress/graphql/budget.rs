//! Limits the memory for the payloads in answers, and the bytes of files read for one answer.
//!
//! A payload is JSON of up to a quarter of a megabyte, and takes up to a hundred times as much as a tree of values.
//! Many fields of one query may each have one, and many queries are answered concurrently.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::{Context, Result};
use domain::Json;
use domain::event::Received;
use domain::function::{self, event::Source};
use domain::run::{Phase, Run};
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{OrFail, fail};
use crate::operations::{MemberInfo, Reach, Refusal};
use crate::store::{BuildRow, FunctionRow, Page, SecretInfo, VersionRow};

/// Bytes of all payloads of one answer, as they are in memory.
const MAX_BYTES: usize = 128 << 20;

/// Bytes of the payloads of all answers that are being made at the same time.
const MAX_TOGETHER: usize = 1 << 30;

/// Rows of one answer that are loaded at a time: so many may be there before they are paid for.
const LOADS: usize = 64;

/// Bytes that a row takes beside its texts.
const ROW: usize = 512;

/// Bytes that an offered folder takes beside its texts: itself, and what an answer says of it.
const OFFER: usize = 512;

/// Bytes of files that are read for one answer.
const MAX_READ: usize = 512 << 20;

/// Bytes that an object takes in addition to its text, and any value.
const OBJECT: usize = 500;
const VALUE: usize = 100;

/// What is left for all answers together.
static TOGETHER: AtomicUsize = AtomicUsize::new(MAX_TOGETHER);

/// The remaining budget of one answer. What it took is released when dropped.
pub(super) struct Budget {
    left: AtomicUsize,
    to_read: AtomicUsize,
    loads: Semaphore,
    together: &'static AtomicUsize,
}

impl Default for Budget {
    fn default() -> Self {
        Self::sharing(&TOGETHER)
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        self.together.fetch_add(MAX_BYTES - *self.left.get_mut(), Ordering::Relaxed);
    }
}

/// Why a payload exceeds the budget.
#[derive(Debug, PartialEq, Eq)]
enum Spent {
    Answer,
    Together,
}

impl Budget {
    fn sharing(together: &'static AtomicUsize) -> Self {
        Self {
            left: AtomicUsize::new(MAX_BYTES),
            to_read: AtomicUsize::new(MAX_READ),
            loads: Semaphore::new(LOADS),
            together,
        }
    }

    fn take(&self, bytes: usize) -> Result<(), Spent> {
        if !take(&self.left, bytes) {
            return Err(Spent::Answer);
        }
        if !take(self.together, bytes) {
            self.left.fetch_add(bytes, Ordering::Relaxed);
            return Err(Spent::Together);
        }
        Ok(())
    }
}

fn take(from: &AtomicUsize, bytes: usize) -> bool {
    from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
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
    afford_bytes(ctx, weight(text))
}

/// Takes bytes of memory from the budget: those of texts, say, before they are read.
///
/// # Errors
/// `answer_too_large`.
pub(super) fn afford_bytes(ctx: &Context<'_>, bytes: usize) -> Result<()> {
    let Some(budget) = ctx.data_opt::<Budget>() else { return Ok(()) };
    budget.take(bytes).map_err(|spent| {
        fail(Refusal::problem(
            "answer_too_large",
            match spent {
                Spent::Answer => "the payloads of this answer take too much memory: ask for fewer of them at a time",
                Spent::Together => "too many large answers are being made at the same time: try again later",
            },
        ))
    })
}

/// What has texts that a caller has made.
pub(super) trait Weigh {
    /// Bytes of memory.
    fn bytes(&self) -> usize;
}

impl Weigh for FunctionRow {
    fn bytes(&self) -> usize {
        ROW + self.manifest.as_ref().map_or(0, |manifest| manifest.get().len()) + source(&self.source)
    }
}

impl Weigh for VersionRow {
    fn bytes(&self) -> usize {
        ROW + self.manifest.get().len() + self.triggers.as_ref().map_or(0, String::len)
    }
}

impl Weigh for BuildRow {
    fn bytes(&self) -> usize {
        let manifest = self.manifest.as_ref().map_or(0, |manifest| manifest.get().len());
        let offered: usize = self.offered.iter().map(|offer| OFFER + offer.bytes()).sum();
        ROW + manifest + source(&self.source) + self.error.as_ref().map_or(0, String::len) + offered
    }
}

impl Weigh for function::Function {
    fn bytes(&self) -> usize {
        ROW + self.stored_bytes() + self.manifest.as_ref().map_or(0, |manifest| manifest.get().len())
    }
}

impl Weigh for Received {
    fn bytes(&self) -> usize {
        ROW + self.event.get().len()
    }
}

impl Weigh for Run {
    fn bytes(&self) -> usize {
        let output = match &self.phase {
            Phase::Succeeded { outcome, .. } => outcome.output.as_ref(),
            _ => None,
        };
        ROW + self.request.input.get().len() + output.map_or(0, |output| output.get().len())
    }
}

impl Weigh for Reach {
    fn bytes(&self) -> usize {
        ROW + self.function.bytes() + self.reason.len()
    }
}

impl Weigh for MemberInfo {
    fn bytes(&self) -> usize {
        ROW + self.subject.len()
    }
}

impl Weigh for SecretInfo {
    fn bytes(&self) -> usize {
        ROW + self.namespace.len() + self.name.len()
    }
}

/// A name.
impl Weigh for String {
    fn bytes(&self) -> usize {
        ROW + self.len()
    }
}

fn source(source: &Source) -> usize {
    match source {
        Source::Git { url, git_ref, path } => {
            url.len() + git_ref.as_ref().map_or(0, String::len) + path.as_ref().map_or(0, String::len)
        }
        Source::Bundle { digest } => digest.len(),
        Source::Image { image, command } => image.len() + command.iter().flatten().map(String::len).sum::<usize>(),
    }
}

/// A place among what is loaded for the answer, held until it is paid for.
async fn place<'c>(ctx: &Context<'c>) -> Option<SemaphorePermit<'c>> {
    ctx.data_opt::<Budget>()?.loads.acquire().await.ok()
}

/// Loads one thing, and takes its memory from the budget. However many fields load something, few do so before it is
/// known whether the answer can afford what is there already.
///
/// # Errors
/// `answer_too_large`, or why it cannot be loaded.
pub(super) async fn load<T: Weigh, E: Into<Refusal>>(
    ctx: &Context<'_>,
    loading: impl Future<Output = Result<Option<T>, E>>,
) -> Result<Option<T>> {
    let _place = place(ctx).await;
    let loaded = loading.await.or_fail()?;
    if let Some(loaded) = &loaded {
        afford_bytes(ctx, loaded.bytes())?;
    }
    Ok(loaded)
}

/// Loads a list that comes as a whole, and takes its memory from the budget, as [`load`] does.
///
/// # Errors
/// `answer_too_large`, or why it cannot be loaded.
pub(super) async fn list<T: Weigh, E: Into<Refusal>>(
    ctx: &Context<'_>,
    loading: impl Future<Output = Result<Vec<T>, E>>,
) -> Result<Vec<T>> {
    let _place = place(ctx).await;
    let loaded = loading.await.or_fail()?;
    afford_bytes(ctx, loaded.iter().map(Weigh::bytes).sum())?;
    Ok(loaded)
}

/// Takes the memory of a page of rows from the budget.
///
/// # Errors
/// `answer_too_large`.
pub(super) fn page<T: Weigh>(ctx: &Context<'_>, page: Page<T>) -> Result<Page<T>> {
    afford_bytes(ctx, page.rows.iter().map(|(_, row)| row.bytes()).sum())?;
    Ok(page)
}

/// Takes the reading of so many bytes of files from the budget.
///
/// # Errors
/// `answer_too_large`.
pub(super) fn afford_reading(ctx: &Context<'_>, bytes: usize) -> Result<()> {
    match ctx.data_opt::<Budget>() {
        Some(budget) if !take(&budget.to_read, bytes) => Err(fail(Refusal::problem(
            "answer_too_large",
            "too many bytes of files would have to be read for this answer: ask for fewer files at a time",
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

    fn budget(together: usize) -> Budget {
        Budget::sharing(Box::leak(Box::new(AtomicUsize::new(together))))
    }

    #[test]
    fn a_budget_ends() {
        let whole = budget(MAX_TOGETHER);
        assert_eq!(
            [whole.take(MAX_BYTES / 2), whole.take(MAX_BYTES / 2), whole.take(1)],
            [Ok(()), Ok(()), Err(Spent::Answer)]
        );
        // What cannot be afforded takes nothing from what can.
        let other = budget(MAX_TOGETHER);
        assert_eq!([other.take(MAX_BYTES + 1), other.take(MAX_BYTES)], [Err(Spent::Answer), Ok(())]);
    }

    #[test]
    fn answers_share_a_budget_and_give_it_back() {
        let one = budget(MAX_BYTES + 10);
        let other = Budget::sharing(one.together);
        assert_eq!([one.take(MAX_BYTES), other.take(11), other.take(10)], [Ok(()), Err(Spent::Together), Ok(())]);
        let together = one.together;
        drop((one, other));
        assert_eq!(together.load(Ordering::Relaxed), MAX_BYTES + 10);
    }

    #[test]
    fn small_things_weigh_more_than_their_text() {
        assert_eq!(weight(b"\"text\""), 6);
        assert!(weight(br#"[{"":0},{"":0}]"#) > 2 * OBJECT);
        assert!(weight("1,".repeat(1000).as_bytes()) > 1000 * VALUE);
    }
}
