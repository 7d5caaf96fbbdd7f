#![no_main]

use std::sync::LazyLock;

static SCRATCH: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a temporary folder can be made"));

libfuzzer_sys::fuzz_target!(|data: &[u8]| server::builder::fuzz::bundle(data, SCRATCH.path()));
