#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| server::executor::fuzz::log_lines(data));
