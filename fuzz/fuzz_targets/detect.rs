#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| server::builder::fuzz::detect(data));
