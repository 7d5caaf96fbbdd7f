//! Reads Dockerfiles: what their instructions are, and which images they use.
//!
//! An engine's own builder takes any image that lies on the engine for a base, whoever pulled or built it. So it never gets a
//! Dockerfile as its author wrote it, but one that is printed from what was understood here ([`Dockerfile::rewritten`]): one
//! instruction a line, and in place of each image's name the id of one that this namespace may have. What cannot be
//! understood without doubt is refused.
//!
//! Knows texts, and neither files nor engines.

mod bases;
mod fault;
mod file;
mod flags;
mod growth;
mod lines;
mod rewrite;
mod stages;
mod variables;

pub use fault::Fault;
pub use file::{Arguments, Dockerfile, Instruction, MAX_BYTES};
pub use growth::Lengths;
pub use rewrite::{Known, Rewritten, is_speaking};
