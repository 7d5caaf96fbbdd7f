#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| server::ingress::fuzz::page_query(data));
