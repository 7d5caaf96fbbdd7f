#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| server::edge::fuzz::trace_context(data));
